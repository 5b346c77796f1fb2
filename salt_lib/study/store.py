"""The store of results: one JSON file per run, trusted only while what made it is unchanged.

A run lies at ``<root>/world-<w>/<task>/<method>/seed-<ss>.json``. It carries a fingerprint of all
that can influence its scores; a run with another fingerprint than today's is stale: it is left out
of every table and run again. A file that can't be read is moved aside, never deleted.

Chapter: Training over 15 seeds.
"""

import json
import math
import platform
import warnings
from datetime import UTC, datetime
from pathlib import Path

from ..digests import checked, write_checked
from ..errors import SaltError
from ..salt.methods import method as method_by_name
from .provenance import StudySetup, capability, commit, fingerprint, hardware, versions


def run_path(root: str | Path, world: int, task: str, method: str, seed: int) -> Path:
    """Where the run of these four lies under ``root``, whether it exists or not."""
    return Path(root) / f"world-{world}" / task / method / f"seed-{seed:02d}.json"


def write_run(root: str | Path, run: dict) -> Path:
    """Store ``run`` atomically, completed with where it comes from; returns its path.

    run: world, task, method, seed, fingerprint and what ``training.run.train_and_score`` returns:
    scores ({language: in [0, 1]}), dev, epoch, seconds, config. SaltError: a part is missing or a
    score is none, or the file can't be written (a full disk; what was there before stays).
    """
    origin = {
        "versions": {"python": platform.python_version(), **versions()},
        "commit": commit(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "hardware": hardware(),
        "capability": capability(),
    }
    run = {**origin, **run}
    key = [run.get(name) for name in ("world", "task", "method", "seed")]
    if reason := _flaw(run):
        raise SaltError(f"the run {key} is not stored: {reason}")
    path = run_path(root, run["world"], run["task"], run["method"], run["seed"])
    write_checked(path, run)
    return path


def read_run(path: str | Path) -> dict | None:
    """The run stored at ``path``; None where there is none or the file is broken.

    A file that is truncated, no run, or the run of another path is renamed to
    ``<name>.broken-<n>`` with a warning that names it. SaltError: it can't be opened or renamed.
    """
    path = Path(path)
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SaltError(f"{path}: can't be read ({error.strerror or error})") from error
    try:
        run = checked(json.loads(text))
        reason = _flaw(run) or _misplaced(path, run)
    except (ValueError, RecursionError) as error:
        reason = f"it is not as it was written ({error})"
    if not reason:
        return run
    aside = _set_aside(path)
    warnings.warn(
        f"{path} is not a finished run: {reason}. It was moved to {aside.name}; 'salt study' makes "
        "the run again",
        stacklevel=2,
    )
    return None


def is_fresh(
    setup: StudySetup, root: str | Path, world: int, task: str, method: str, seed: int
) -> bool:
    """Whether this run is finished and what made it is what a run would use now."""
    run = read_run(run_path(root, world, task, method, seed))
    return run is not None and run["fingerprint"] == fingerprint(setup, world, task, method)


def stored(root: str | Path, world: int) -> list[dict]:
    """All whole runs of ``world`` under ``root``, stale ones too; broken files are moved aside."""
    folder = Path(root) / f"world-{world}"
    runs = [read_run(path) for path in sorted(folder.glob("*/*/seed-*.json"))]
    return [run for run in runs if run is not None]


def fresh(
    setup: StudySetup, root: str | Path, world: int, command: str = "salt study"
) -> list[dict]:
    """The runs of `stored` that were made by what a run would use now.

    Stale runs, and those of tasks that the setup doesn't know, are left out with a warning that
    names ``command``.
    """
    runs, kept = stored(root, world), []
    prints: dict[tuple[str, str], str | None] = {}
    for run in runs:
        key = (run["task"], run["method"])
        if key not in prints:
            try:
                setup.check(run["task"], method_by_name(run["method"]))
                prints[key] = fingerprint(setup, world, *key)
            except SaltError:
                prints[key] = None
        if run["fingerprint"] == prints[key]:
            kept.append(run)
    if stale := len(runs) - len(kept):
        warnings.warn(
            f"{stale} of {len(runs)} runs under {Path(root) / f'world-{world}'} were made by other "
            "sources, another checkpoint or other library versions and are left out; "
            f"'{command}' makes them again",
            stacklevel=2,
        )
    return kept


def _flaw(run: object) -> str | None:
    """Why ``run`` is no whole run; None where it is one."""
    if not isinstance(run, dict):
        return "not an object"
    kinds: dict[str, type | tuple[type, ...]] = {
        "world": int,
        "task": str,
        "method": str,
        "seed": int,
        "scores": dict,
        "dev": list,
        "epoch": int,
        "seconds": (int, float),
        "config": dict,
        "versions": dict,
    }
    kinds |= dict.fromkeys(("commit", "fingerprint", "created", "hardware"), str)
    for key, kind in kinds.items():
        if not isinstance(run.get(key), kind) or isinstance(run[key], bool):
            return f"{key!r} is missing or of the wrong type"
    if not run["scores"]:
        return "it has no scores"
    for code, score in run["scores"].items():
        if type(score) not in (int, float) or not (math.isfinite(score) and 0 <= score <= 1):
            return f"the score of {code!r} is {score!r}, not a number in [0, 1]"
    return None


def _misplaced(path: Path, run: dict) -> str | None:
    right = run_path("", run["world"], run["task"], run["method"], run["seed"])
    return None if path.parts[-4:] == right.parts else f"it is the run of {right.as_posix()}"


def _set_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.broken-{number}")).exists():
        number += 1
    try:
        path.rename(aside)
    except OSError as error:
        raise SaltError(
            f"{path}: broken, and can't be renamed ({error.strerror or error}); remove it"
        ) from error
    return aside

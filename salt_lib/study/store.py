"""The store of results: one JSON file per run, trusted only while what made it is unchanged.

A run lies at ``<root>/world-<w>/<task>/<method>/seed-<ss>.json``. It carries a fingerprint of all
that can influence its scores; a run with another fingerprint than today's is stale: it is left out
of every table and run again. A file that can't be read is moved aside, never deleted.

Chapter: Training over 15 seeds.
"""

import json
import math
import os
import platform
import warnings
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from .. import files
from ..errors import SaltError
from ..files import write_json
from .provenance import LIBRARIES, commit, fingerprint, hardware, versions

RUNS_DIR = Path(os.environ.get("SALT_RUNS_DIR") or "runs")
RECORDED = files.RECORDED / "laboratory.json"
COLUMNS = ("world", "task", "method", "seed", "language", "score")
STUDY_TASKS = ("mini-xnli", "mini-paws-x")
STUDY_SEEDS = tuple(range(15))
HERE, FROZEN = "this machine", "recorded"


def run_path(root: str | Path, world: int, task: str, method: str, seed: int) -> Path:
    """Where the run of these four lies under ``root``, whether it exists or not."""
    return Path(root) / f"world-{world}" / task / method / f"seed-{seed:02d}.json"


def write_run(root: str | Path, run: dict) -> Path:
    """Store ``run`` atomically, completed with where it comes from; returns its path.

    run: world, task, method, seed and what ``run.run`` returns: scores ({language: in [0, 1]}),
    dev, epoch, seconds, config. SaltError: a part is missing or a score is none, or the file can't
    be written (a full disk; what was there before stays).
    """
    origin = {
        "versions": {"python": platform.python_version(), **versions()},
        "commit": commit(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "hardware": hardware(),
    }
    run = {**origin, **run}
    key = [run.get(name) for name in ("world", "task", "method", "seed")]
    run.setdefault("fingerprint", fingerprint(*key[:3]))
    if reason := _flaw(run):
        raise SaltError(f"the run {key} is not stored: {reason}")
    path = run_path(root, *key)
    write_json(path, run)
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
        run = json.loads(text)
        reason = _flaw(run) or _misplaced(path, run)
    except ValueError as error:
        reason = f"no JSON ({error})"
    if not reason:
        return run
    aside = _set_aside(path)
    warnings.warn(
        f"{path} is no finished run: {reason}. It was moved to {aside.name}; 'salt study' makes "
        "the run again",
        stacklevel=2,
    )
    return None


def is_fresh(root: str | Path, world: int, task: str, method: str, seed: int, setup=None) -> bool:
    """Whether this run is finished and what made it is what a run would use now."""
    run = read_run(run_path(root, world, task, method, seed))
    return run is not None and run["fingerprint"] == fingerprint(world, task, method, setup=setup)


def load(root: str | Path = RUNS_DIR, world: int = 0) -> pd.DataFrame:
    """All fresh runs of ``world`` under ``root`` as a long frame (see `COLUMNS`), may be empty.

    score: accuracy in [0, 1]. ``frame.attrs`` says where it comes from: command, commit, date,
    hardware. Broken files are moved aside (`read_run`); stale runs are left out with a warning.
    """
    folder = Path(root) / f"world-{world}"
    found = [read_run(path) for path in sorted(folder.glob("*/*/seed-*.json"))]
    runs = [run for run in found if run is not None]
    fresh = [r for r in runs if r["fingerprint"] == fingerprint(world, r["task"], r["method"])]
    if stale := len(runs) - len(fresh):
        warnings.warn(
            f"{stale} of {len(runs)} runs under {folder} were made by other sources, another "
            "checkpoint or other library versions and are left out; 'salt study' makes them again",
            stacklevel=2,
        )
    return frame_of(fresh, _origin(fresh, "salt study"))


def collected(root: str | Path, world: int = 0) -> pd.DataFrame:
    """The runs with a setup under ``root`` that were made alike, as `load` gives them.

    They may come from a cluster to a machine that has neither model nor data, so they are compared
    with the newest of their task: in setup, sources and library versions. Others are left out with
    a warning that says in what they differ. The frame is empty where there are none.
    """
    folder = Path(root) / f"world-{world}"
    found = [read_run(path) for path in sorted(folder.glob("*/*/seed-*.json"))]
    runs = [run for run in found if run is not None and "setup" in run]
    alike, differ = [], {}
    for task in dict.fromkeys(run["task"] for run in runs):
        own = [run for run in runs if run["task"] == task]
        newest = _made_by(max(own, key=lambda run: run["created"]))
        for run in own:
            made = _made_by(run)
            if other := [name for name in made | newest if made.get(name) != newest.get(name)]:
                differ[run["task"], run["method"], run["seed"]] = other
            else:
                alike.append(run)
    if differ:
        fields = ", ".join(sorted({name for names in differ.values() for name in names}))
        warnings.warn(
            f"{len(differ)} of {len(runs)} runs under {folder} differ from their task's newest in "
            f"{fields} and are left out; 'salt study --scale paper' makes them again",
            stacklevel=2,
        )
    return frame_of(alike, _origin(alike, "salt study --scale paper"))


def _made_by(run: dict) -> dict[str, object]:
    """What made a run at the paper's scale, field by field."""
    return {
        "sources": run.get("sources"),
        **{f"setup.{name}": value for name, value in run["setup"].items()},
        **{f"versions.{name}": run["versions"].get(name) for name in LIBRARIES},
    }


def paired(frame: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Of each task the seeds that all its methods have, so that they pair up, and what is left out.

    For a study that is still going on. Returns the frame and the number of runs that wait.
    """
    keys = frame[["task", "method", "seed"]].drop_duplicates()
    methods = keys.groupby("task")["method"].nunique()
    have = keys.groupby(["task", "seed"])["method"].nunique()
    whole = {key for key, count in have.items() if count == methods[key[0]]}
    keyed = zip(frame["task"], frame["seed"], strict=True)
    kept = frame[
        pd.Series([key in whole for key in keyed], index=frame.index, dtype=bool)
    ].reset_index(drop=True)
    kept.attrs.update(frame.attrs)
    return kept, len(keys) - len(kept[["task", "method", "seed"]].drop_duplicates())


def _origin(runs: list[dict], command: str) -> dict:
    return {
        "command": command,
        "commit": ", ".join(sorted({run["commit"] for run in runs})),
        "date": max((run["created"] for run in runs), default=""),
        "hardware": "; ".join(sorted({run["hardware"] for run in runs})),
    }


def recorded(path: str | Path = RECORDED) -> pd.DataFrame:
    """The frozen table as a long frame, with the ``attrs`` that `load` gives.

    SaltError: the file is missing or is not such a table.
    """
    try:
        table = json.loads(Path(path).read_bytes())
        rows = table.pop("rows")
        return frame_of(
            rows, {key: table[key] for key in ("command", "commit", "date", "hardware")}
        )
    except OSError as error:
        raise SaltError(
            f"{path}: the frozen table can't be read ({error.strerror or error}); it comes with "
            "the checkout. Without it, run 'salt study'"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SaltError(
            f"{path}: not a table of results ({type(error).__name__}: {error}); "
            "restore it with 'git checkout' or run 'salt study'"
        ) from error


def current_or_recorded(
    world: int = 0,
    methods: Iterable[str] | None = None,
    root: str | Path = RUNS_DIR,
    table: str | Path = RECORDED,
) -> tuple[pd.DataFrame, str]:
    """This machine's runs where they are complete, the frozen table otherwise, and which it is.

    methods: the main five by default. Complete is: both tasks, seeds 0–14, all of ``methods``,
    fresh. The frozen table may hold fewer seeds of some methods; of it, only the seeds that all of
    ``methods`` have are returned, so that runs pair up. Returns the frame of just these runs, and
    "this machine" or "recorded": **a page shows the second** (`origin_note` words it). SaltError:
    neither has these methods in this world.
    """
    from ..salt.methods import MAIN

    methods = list(MAIN if methods is None else methods)
    frame = load(root, world)
    done = set(frame[["task", "method", "seed"]].itertuples(index=False, name=None))
    wanted = [(t, m, s) for t in STUDY_TASKS for m in methods for s in STUDY_SEEDS]
    source = HERE
    if not done.issuperset(wanted):
        source, frame = FROZEN, recorded(table)
    frame = frame[
        (frame["world"] == world)
        & frame["task"].isin(STUDY_TASKS)
        & frame["method"].isin(methods)
        & frame["seed"].isin(STUDY_SEEDS)
    ].reset_index(drop=True)
    if missing := set(methods) - set(frame["method"]):
        raise SaltError(
            f"no results of {', '.join(sorted(missing))} in world {world}: neither are they "
            f"complete under {root}, nor does {table} have them; run 'salt study --world {world} "
            f"--methods {','.join(methods)}'"
        )
    for task in STUDY_TASKS:
        here = frame["task"] == task
        seeds = (set(frame[here & (frame["method"] == m)]["seed"]) for m in methods)
        frame = frame[~here | frame["seed"].isin(set.intersection(*seeds))]
    return frame.reset_index(drop=True), source


def whole_methods(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The runs of methods that have as many seeds as any, and the names of the others.

    A frozen table may hold fewer seeds of some methods; they can't be compared in one table.
    """
    counts = frame.groupby(["task", "method"])["seed"].nunique().unstack(fill_value=0)
    short = counts.lt(counts.max(axis=1), axis=0).any()
    return frame[~frame["method"].map(short)], sorted(short[short].index)


def origin_note(frame: pd.DataFrame, source: str) -> str:
    """One sentence for a page: whose runs these are, made when, on what and at which commit."""
    whose = {HERE: "runs of this machine", FROZEN: "the frozen table that ships with the book"}
    origin = {key: frame.attrs.get(key) or "unknown" for key in ("date", "commit", "hardware")}
    commits = [
        name[:10] + "-dirty" * name.endswith("-dirty") for name in origin["commit"].split(", ")
    ]
    command = frame.attrs.get("command", "salt study")
    return (
        f"These numbers come from {whose[source]}, made by `{command}` on {origin['date'][:10]}, "
        f"commit{'s' * (len(commits) > 1)} {', '.join(commits)}, {origin['hardware']}."
    )


def _flaw(run: object) -> str | None:
    """Why ``run`` is no whole run; None where it is one."""
    if not isinstance(run, dict):
        return "not an object"
    kinds = {"world": int, "task": str, "method": str, "seed": int, "scores": dict, "dev": list}
    kinds |= {"epoch": int, "seconds": (int, float), "config": dict, "versions": dict}
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


def frame_of(runs: Iterable[dict], origin: dict) -> pd.DataFrame:
    """Runs as a long frame (`COLUMNS`); ``attrs`` say where they come from."""
    rows = [
        (*(run[key] for key in COLUMNS[:4]), language, float(score))
        for run in runs
        for language, score in run["scores"].items()
    ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    frame.attrs.update(origin)
    return frame

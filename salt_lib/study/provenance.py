"""What made a run: the sources, checkpoint and libraries it depends on, the commit, the machine.

Chapter: Training over 15 seeds.
"""

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
CHECKOUT = PACKAGE.parent

# Everything whose text can change a score. Too much here costs a run, too little a wrong number;
# a test fails when one of these modules imports a module of ours that is not listed.
INFLUENCES = (
    "languages.py",
    "minibabel/*.py",
    "minibabel/lexicon.tsv",
    "heads.py",
    "encoders.py",
    "tasks.py",
    "vocabulary.py",
    "distill.py",
    "substitutions.py",
    "augment.py",
    "methods.py",
    "place.py",
    "resume.py",
    "watch.py",
    "train.py",
    "evaluate.py",
)
# The same for the paper's scale, beside those above.
PAPER_INFLUENCES = (
    "wholewords.py",
    "userdata.py",
    "finetune.py",
    "xtreme.py",
    "clones.py",
    "parquet.py",
    "sources.py",
    "paper.py",
)
# And for the study of feature aggregation.
SIBLING_INFLUENCES = ("sibling.py",)
TOLD = ("README.md", "curve.json")  # beside a checkpoint, and of no influence
LIBRARIES = ("torch", "transformers", "tokenizers", "numpy", "seqeval")


def fingerprint(
    world: int, task: str, method: str, package: str | Path = PACKAGE, setup=None
) -> str:
    """SHA-256, in hex, of what can change the scores of these runs.

    That is: the three arguments, the text of `INFLUENCES`, the files of the world's checkpoint and
    the versions of `LIBRARIES`. With a setup (`setup.Setup`, `deeper.Sibling`) its identity
    stands in the place of the checkpoint, and its ``influences`` count as well. Sources are read
    once per process, for a process goes on with the modules that it has loaded.
    """
    package = Path(package)
    if setup is None:
        parts = [world, task, method, sources(package), _checkpoint(package, world)]
    else:
        read = sources(package, INFLUENCES + setup.influences)
        parts = [world, task, method, read, setup.identity(task)]
    return hashlib.sha256(json.dumps([*parts, versions()]).encode()).hexdigest()


@cache
def sources(package: Path, patterns: tuple[str, ...] = INFLUENCES) -> str:
    """SHA-256 of the influencing files of ``package``, names included, whatever its line ends."""
    digest = hashlib.sha256()
    for pattern in patterns:
        for path in sorted(package.glob(pattern)):
            text = path.read_bytes().replace(b"\r\n", b"\n")
            name = path.relative_to(package).as_posix()
            digest.update(f"{name}\0{len(text)}\0".encode() + text)
    return digest.hexdigest()


def _checkpoint(package: Path, world: int) -> str:
    """SHA-256 of the checkpoint that `checkpoints.checkpoint` would find, without importing torch."""
    made = Path(os.environ.get("SALT_CHECKPOINTS_DIR", "checkpoints"))
    folders = [root / f"world-{world}" for root in (made, package / "checkpoints")]
    folder = next((f for f in folders if (f / "model.safetensors").exists()), folders[-1])
    files = [path for path in sorted(folder.glob("*")) if path.is_file() and path.name not in TOLD]
    stats = [(path, path.stat()) for path in files]
    return _digest(tuple((path, stat.st_size, stat.st_mtime_ns) for path, stat in stats))


@cache
def _digest(files: Sequence[tuple[Path, int, int]]) -> str:
    # Size and time are the cache's key only: a checkpoint may be made while a notebook is open.
    digest = hashlib.sha256()
    for path, size, _ in files:
        digest.update(f"{path.name}\0{size}\0".encode() + path.read_bytes())
    return digest.hexdigest()


@cache
def versions() -> dict[str, str]:
    """The installed versions of `LIBRARIES`, without importing them."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


@cache
def commit() -> str:
    """The checkout's commit, with "-dirty" where it was changed; "unknown" without git."""
    if not (CHECKOUT / ".git").exists():  # an installed package may lie in a stranger's checkout
        return "unknown"
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"],
            cwd=CHECKOUT,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()


@cache
def hardware() -> str:
    """The processor, its cores and the system, without names of machines or users."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{model}, {os.cpu_count()} cores, {platform.system()}"


def origin(command: str) -> dict:
    """What a recorded result says of where it comes from: command, commit, date and machine."""
    return {
        "command": command,
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "hardware": hardware(),
        "versions": versions(),
    }

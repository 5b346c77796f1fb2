"""What made a run: the sources, checkpoint and libraries it depends on, the commit, the machine.

Chapter: Training over 15 seeds.
"""

import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Protocol

from ..digests import PACKAGE, digest, sources
from ..salt.methods import Method
from ..salt.methods import method as method_by_name

CHECKOUT = PACKAGE.parent
# Of results from before it was kept: with it those tables' runs come out again in every digit.
BEFORE = "AVX512"
LIBRARIES = ("torch", "transformers", "tokenizers", "numpy", "seqeval")


class StudySetup(Protocol):
    """What all runs of a study share. It is pickled for the workers.

    runner: "module:function" that makes a run of a `grid.Job`; the module's ``prepare`` makes of a
    job what the runs of its task and method share.
    """

    @property
    def runner(self) -> str:
        """Who makes the runs."""
        ...

    def check(self, task: str, method: Method) -> None:
        """Raise SaltError for a task that is unknown, and a method that it can't have."""
        ...

    def identity(self, task: str) -> dict:
        """All that decides the scores of a task's runs besides method and seed, as JSON."""
        ...


def fingerprint(setup: StudySetup, world: int, task: str, method: str) -> str:
    """SHA-256, in hex, of what can change the scores of these runs.

    That is: world, task and setup, the method's row of the table (but for what it is called
    in words), the sources of the setup's runner, and the versions of `LIBRARIES`.
    """
    row = {**asdict(method_by_name(method)), "label": None}
    made = sources(setup.runner.partition(":")[0])
    return digest(world, task, sorted(row.items()), setup.identity(task), made, versions())


@cache
def versions() -> dict[str, str]:
    """The installed versions of `LIBRARIES`, without importing them."""
    installed = {}
    for name in LIBRARIES:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            installed[name] = "not installed"
    return installed


@cache
def commit() -> str:
    """The checkout's commit, with "-dirty" where it was changed; "unknown" without git."""
    if not (CHECKOUT / ".git").exists():  # an installed package may lie in a stranger's checkout
        return "unknown"
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"],
            cwd=CHECKOUT,
            # GIT_DIR and the like, as a hook has them, name another repository.
            env={k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
            | {"GIT_OPTIONAL_LOCKS": "0"},
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


@cache
def capability() -> str:
    """The instructions that torch computes with: with others the last digits are others.

    "portable" where $SALT_PORTABLE holds MKL and oneDNN to them as well.
    """
    import torch

    found = torch.backends.cpu.get_cpu_capability()
    return f"{found}, portable" if os.environ.get("SALT_PORTABLE") == "1" else found


def same_processor(one: Mapping, other: Mapping) -> bool:
    """Whether two results were made by processors that round alike: of one make and capability.

    one, other: what runs and frozen tables say of themselves ("hardware", "capability"). How many
    cores there were is no matter, for a run has one.
    """

    def kind(about: Mapping) -> tuple[list[str], str]:
        made = about.get("hardware", "").split("; ")
        return sorted({name.split(",")[0] for name in made}), about.get("capability", BEFORE)

    return kind(one) == kind(other)


def origin(command: str) -> dict:
    """What a recorded result says of where it comes from: command, commit, date and machine."""
    return {
        "command": command,
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "hardware": hardware(),
        "versions": versions(),
    }

"""A fixed study over worlds: what there is of it in each, and whether a test is allowed yet.

Chapter: Over worlds.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from ..errors import SaltError
from .frozen import read_table


@dataclass(frozen=True)
class Part:
    """The runs of one world: what a study calls a condition → seed → run."""

    world: int
    runs: Mapping[Any, Mapping[int, dict]]
    planned: int
    origin: Mapping[str, Any]

    @property
    def made(self) -> int:
        """How many runs there are."""
        return sum(map(len, self.runs.values()))

    @property
    def complete(self) -> bool:
        """Whether all planned runs are there."""
        return self.made == self.planned


def read_part(
    world: int, table: Path, planned: int, scale: str, condition: Callable[[dict], Hashable]
) -> Part:
    """What a world's frozen table has; nothing where there is none.

    scale: what ``salt study --scale`` calls the study. condition: of a run.
    """
    runs: dict[Hashable, dict[int, dict]] = {}
    if not table.exists():
        return Part(world, runs, planned, {})
    frozen = read_table(table, f"salt study --scale {scale} --world {world}")
    for run in frozen.runs:
        runs.setdefault(condition(run), {})[run["seed"]] = run
    return Part(world, runs, planned, frozen.origin)


def progress_of(parts: Iterable[Part]) -> pd.DataFrame:
    """How far each part is: world, runs, planned, complete."""
    rows = [(p.world, p.made, p.planned, p.complete) for p in parts]
    return pd.DataFrame(rows, columns=["world", "runs", "planned", "complete"])


def finished(parts: Iterable[Part]) -> bool:
    """Whether all planned runs are there, so that there is something to test."""
    return all(part.complete for part in parts)


def complete(parts: Iterable[Part], scale: str) -> list[Part]:
    """The parts. SaltError: not all planned runs of them are there."""
    units = list(parts)
    if lacking := [part.world for part in units if not part.complete]:
        raise SaltError(
            f"worlds {', '.join(map(str, lacking))} are not complete, and the protocol allows no "
            f"test before they are; make the missing runs with "
            f"`salt study --scale {scale} --world N`"
        )
    return units


def check_world(world: int, worlds: Iterable[int], name: str) -> None:
    """Raise SaltError for a world that the protocol of a study doesn't have. name: the study's."""
    if world not in worlds:
        raise SaltError(f"world {world}: {name} has worlds {', '.join(map(str, worlds))}")


def processor(device: str | None) -> str:
    """Where a study's pretrainings are made: "cpu" or "cuda".

    device: one of these, "auto" for the second where there is one, None for the first. Raises
    SaltError for one that this machine doesn't have.
    """
    there = ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)
    chosen = there[-1] if device == "auto" else device or "cpu"
    if chosen not in there:
        raise SaltError(f"device {chosen!r}: this machine has {' and '.join(there)}")
    return chosen

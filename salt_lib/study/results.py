"""Runs, as the pages and the tests of the study take them: of this machine, or frozen.

Chapter: Training over 15 seeds.
"""

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..errors import SaltError
from .provenance import BEFORE, LIBRARIES
from .store import stored

COLUMNS = ("world", "task", "method", "seed", "language", "score")
MARKUP = re.compile(r"[<>`{}\[\]\\$\n]")  # a page would take it for more than text
HERE, FROZEN = "this machine", "recorded"


@dataclass(frozen=True)
class Results:
    """Runs and where they come from.

    runs: each with world, task, method, seed, scores (language → score in [0, 1]), dev (per epoch),
    epoch and seconds. origin: command, commit, date, hardware, and what else a frozen table says of
    all its runs. source: `HERE` or `FROZEN`; **a page shows the second** (`note` words it).
    """

    runs: Sequence[dict]
    origin: dict
    source: str = HERE

    @property
    def frame(self) -> pd.DataFrame:
        """The scores as a long frame of `COLUMNS`; its ``attrs`` are the origin."""
        frame = frame_of(self.runs)
        frame.attrs.update(
            {k: v for k, v in self.origin.items() if k in ("command", "commit", "date", "hardware")}
        )
        return frame

    @property
    def histories(self) -> pd.DataFrame:
        """How the runs went, one row an epoch.

        Columns: task, method, seed, epoch (from 1), dev (English dev score in [0, 1]), chosen
        (whether the run ended with this epoch's weights), seconds (of the whole run).
        """
        columns = ["task", "method", "seed", "epoch", "dev", "chosen", "seconds"]
        try:
            steps = [
                (r["task"], r["method"], r["seed"], n + 1, dev, n == r["epoch"], r["seconds"])
                for r in self.runs
                for n, dev in enumerate(r["dev"])
            ]
        except KeyError as error:
            raise SaltError(f"the runs have no {error}; freeze them again") from error
        return pd.DataFrame(steps, columns=columns)

    @property
    def note(self) -> str:
        """One sentence for a page: whose runs these are, made when, on what and at which commit."""
        whose = {HERE: "runs of this machine", FROZEN: "the frozen table that ships with the book"}
        origin = {
            key: MARKUP.sub("", str(self.origin.get(key) or "unknown"))
            for key in ("date", "commit", "hardware")
        }
        commits = [
            name[:10] + "-dirty" * name.endswith("-dirty") for name in origin["commit"].split(", ")
        ]
        command = MARKUP.sub("", str(self.origin.get("command", "salt study")))
        return (
            f"These numbers come from {whose[self.source]}, made by `{command}` on "
            f"{origin['date'][:10]}, commit{'s' * (len(commits) > 1)} {', '.join(commits)}, "
            f"{origin['hardware']}."
        )

    def only(self, keep: Iterable[tuple[str, str, int]]) -> "Results":
        """The runs of these (task, method, seed) alone."""
        wanted = set(keep)
        runs = [run for run in self.runs if key_of(run) in wanted]
        return Results(runs, self.origin, self.source)


def key_of(run: Mapping) -> tuple[str, str, int]:
    """(task, method, seed) of a run."""
    return run["task"], run["method"], run["seed"]


def frame_of(runs: Iterable[Mapping]) -> pd.DataFrame:
    """Runs as a long frame (`COLUMNS`)."""
    rows = [
        (*(run[key] for key in COLUMNS[:4]), language, float(score))
        for run in runs
        for language, score in run["scores"].items()
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def origin_of(runs: Iterable[dict], command: str) -> dict:
    """Where stored runs come from: command, commits, the last one's date, processors."""
    runs = list(runs)
    return {
        "command": command,
        "commit": ", ".join(sorted({run["commit"] for run in runs})),
        "date": max((run["created"] for run in runs), default=""),
        "hardware": "; ".join(sorted({run["hardware"] for run in runs})),
        "capability": "; ".join(sorted({run.get("capability", BEFORE) for run in runs})),
    }


def collected(root: str | Path, world: int = 0) -> Results:
    """The runs with a setup under ``root`` that were made alike.

    They may come from a cluster to a machine that has neither model nor data, so they are compared
    with the newest of their task: in setup, sources and library versions. Others are left out with
    a warning that says in what they differ. There may be none.
    """
    runs = [run for run in stored(root, world) if "setup" in run]
    alike, differ = [], {}
    for task in dict.fromkeys(run["task"] for run in runs):
        task_runs = [run for run in runs if run["task"] == task]
        newest = _made_by(max(task_runs, key=lambda run: run["created"]))
        for run in task_runs:
            made = _made_by(run)
            if other := [name for name in made | newest if made.get(name) != newest.get(name)]:
                differ[run["task"], run["method"], run["seed"]] = other
            else:
                alike.append(run)
    if differ:
        fields = ", ".join(sorted({name for names in differ.values() for name in names}))
        warnings.warn(
            f"{len(differ)} of {len(runs)} runs under {Path(root)} differ from their task's newest "
            f"in {fields} and are left out; 'salt study --scale paper' makes them again",
            stacklevel=2,
        )
    return Results(alike, origin_of(alike, "salt study --scale paper"))


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


def whole_methods(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The runs of methods that have as many seeds as any, and the names of the others.

    A frozen table may hold fewer seeds of some methods; they can't be compared in one table.
    """
    counts = frame.groupby(["task", "method"])["seed"].nunique().unstack(fill_value=0)
    short = counts.lt(counts.max(axis=1), axis=0).any()
    return frame[~frame["method"].map(short)], sorted(short[short].index)

"""Freezing runs into one file that ships with the book, and reading what runs hold besides scores.

`store.recorded` reads such a file where a machine has no runs of its own; so a clone shows the whole
book at once, and says whose numbers they are.

Chapter: Training over 15 seeds.
"""

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from ..errors import SaltError
from ..files import write_text
from ..salt.methods import MAIN, METHODS
from . import store

KEPT = ("world", "task", "method", "seed", "scores", "dev", "epoch", "seconds")


def freeze(path: str | Path, root: str | Path = store.RUNS_DIR, world: int = 0) -> list[str]:
    """Write the complete methods of this machine's runs to ``path``; returns their names.

    The main five must be there; any other that has both tasks and all seeds is taken along. The
    file has command, commit, date and hardware, the configuration of each task, and one line per
    run. SaltError: a main method that is not complete, runs of one task with different
    configurations, or a file at ``path`` that holds another world.
    """
    frame = store.load(root, world)
    done = set(frame[["task", "method", "seed"]].itertuples(index=False, name=None))
    lacking = {
        method: sum(
            (t, method, s) not in done for t in store.STUDY_TASKS for s in store.STUDY_SEEDS
        )
        for method in METHODS
    }
    for method in MAIN:
        if lacking[method]:
            raise SaltError(
                f"{method}: {lacking[method]} of its runs in world {world} are missing or stale "
                f"under {root}; run 'salt study --world {world} --methods {method}'"
            )
    _refuse_other_world(path, world)
    complete = [method for method, count in lacking.items() if not count]
    found = _read(root, world, complete)
    head = {key: frame.attrs[key] for key in ("command", "commit", "date", "hardware")}
    if set(complete) != set(MAIN):
        head["command"] += " --methods all"
    if world:
        head["command"] += f" --world {world}"
    head["configurations"] = {task: _configuration(found, task) for task in store.STUDY_TASKS}
    write_table(path, head, found)
    return complete


def write_table(path: str | Path, head: dict, found: Iterable[dict]) -> None:
    """Write a frozen table: what is said of all runs, then a line a run with what is `KEPT`."""
    rows = [
        {key: round(run[key], 1) if key == "seconds" else run[key] for key in KEPT} for run in found
    ]
    lines = ",\n".join(map(json.dumps, rows))
    text = json.dumps(head, indent=1)
    write_text(path, f'{text[:-2]},\n "rows": [\n{lines}\n]}}\n')


def histories(
    world: int = 0,
    methods: Iterable[str] | None = None,
    root: str | Path = store.RUNS_DIR,
    table: str | Path = store.RECORDED,
) -> tuple[pd.DataFrame, str]:
    """How the runs went, one row an epoch, and whose runs they are: as `store.current_or_recorded`.

    Columns: task, method, seed, epoch (from 1), dev (English dev accuracy in [0, 1]), chosen
    (whether the run ended with this epoch's weights), seconds (of the whole run).
    """
    frame, source = store.current_or_recorded(world, methods, root, table)
    wanted = set(frame[["task", "method", "seed"]].itertuples(index=False, name=None))
    if source == store.HERE:
        found = _read(root, world, [m for m in METHODS if m in {method for _, method, _ in wanted}])
    else:
        rows = json.loads(Path(table).read_bytes())["rows"]
        keys = ("task", "method", "seed")
        found = [r for r in rows if r["world"] == world and tuple(r[k] for k in keys) in wanted]
    try:
        steps = [
            (r["task"], r["method"], r["seed"], n + 1, dev, n == r["epoch"], r["seconds"])
            for r in found
            for n, dev in enumerate(r["dev"])
        ]
    except KeyError as error:
        raise SaltError(f"{table}: its rows have no {error}; freeze them again") from error
    columns = ["task", "method", "seed", "epoch", "dev", "chosen", "seconds"]
    return pd.DataFrame(steps, columns=columns), source


def _read(root: str | Path, world: int, methods: Iterable[str]) -> list[dict]:
    """The stored runs of complete methods, in the order of tasks, methods and seeds."""
    return [
        store.read_run(store.run_path(root, world, task, method, seed))
        for task in store.STUDY_TASKS
        for method in methods
        for seed in store.STUDY_SEEDS
    ]


def _configuration(found: list[dict], task: str) -> dict:
    configurations = [run["config"] for run in found if run["task"] == task]
    if any(configuration != configurations[0] for configuration in configurations):
        raise SaltError(f"{task}: its runs have different configurations; run them with --force")
    return configurations[0]


def _refuse_other_world(path: str | Path, world: int) -> None:
    if not Path(path).exists():
        return
    held = set(store.recorded(path)["world"])
    if held - {world}:
        raise SaltError(f"{path} holds world {held.pop()}, not {world}: choose another file")

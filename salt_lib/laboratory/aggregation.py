"""The study of feature aggregation: which lower layer, fused with the last one, helps which task?

First a sweep over every lower layer of the sibling (`salt_lib.laboratory.deeper`) on `SWEEP_SEEDS`; then,
with the layer that English dev chooses in each task, the main comparison on `SEEDS`. No target
language takes part in a choice; what would have been best in them (the *oracle*) is shown as that.

Chapter: Feature aggregation.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from .. import files
from ..errors import SaltError
from ..languages import SOURCE
from ..salt.methods import METHODS, dlfa
from ..study import grid, stats, store
from ..study.frozen import write_table
from ..study.provenance import fingerprint
from .deeper import CONFIGS, GATE, LAYERS, Sibling

TASKS = tuple(CONFIGS)
SWEEP_SEEDS, SEEDS = tuple(range(5)), tuple(range(15))
ROOT = store.RUNS_DIR / "aggregation"
RECORDED = files.RECORDED / "aggregation.json"
MAIN = ("baseline", "salt", "dlfa", "salt+dlfa")


def layers_swept() -> list[str]:
    """The methods of the sweep: each lower layer, 0 for the embeddings."""
    return [dlfa(layer, gate=GATE).name for layer in range(LAYERS)]


def execute(
    root: str | Path = ROOT,
    world: int = 0,
    tasks: Sequence[str] = TASKS,
    jobs: int | None = None,
    force: bool = False,
    progress: bool = True,
) -> tuple[int, int]:
    """Run what is missing of the sweep and then of the main comparison; (made now, were there)."""
    setup = Sibling(world)
    options = {"jobs": jobs, "force": force, "progress": progress, "setup": setup}
    options["runner"] = "salt_lib.laboratory.deeper:run"
    specs = grid.grid(world, tasks, ["baseline", *layers_swept()], SWEEP_SEEDS)
    made = grid.execute(specs, root, **options)
    best = chosen(stored(root, world, tasks))
    main = [
        spec
        for task in tasks
        for spec in grid.grid(world, [task], names(best[task]).values(), SEEDS)
        if not (force and spec in specs)
    ]
    made += grid.execute(sorted(main, key=lambda spec: spec.seed), root, **options)
    total = len({*specs, *main})
    return len(made), total - len(made)


def names(layer: int) -> dict[str, str]:
    """The rows of the main comparison → their methods, with the chosen layer."""
    fused = dlfa(layer, gate=GATE).name
    both = dlfa(layer, METHODS["salt"], GATE).name
    return dict(zip(MAIN, ("baseline", "salt", fused, both), strict=True))


def stored(root: str | Path = ROOT, world: int = 0, tasks: Iterable[str] = TASKS) -> list[dict]:
    """The fresh runs under ``root``, as `store.read_run` gives them."""
    setup, found = Sibling(world), []
    for task in tasks:
        for folder in sorted((Path(root) / f"world-{world}" / task).glob("*")):
            fresh = fingerprint(world, task, folder.name, setup=setup)
            read = [store.read_run(path) for path in sorted(folder.glob("seed-*.json"))]
            found += [one for one in read if one and one["fingerprint"] == fresh]
    return found


def chosen(found: Iterable[Mapping]) -> dict[str, int]:
    """Task → the layer whose mean English dev score over the sweep's seeds is highest.

    Of equal layers the lowest. Raises SaltError where the sweep is not complete.
    """
    return {task: int(np.argmax(row)) for task, row in dev_scores(found).items()}


def dev_scores(found: Iterable[Mapping]) -> dict[str, list[float]]:
    """Task → for each lower layer the mean of the sweep's best English dev scores."""
    best: dict[tuple, float] = {
        (one["task"], one["method"], one["seed"]): max(one["dev"]) for one in found
    }
    table = {}
    for task in dict.fromkeys(key[0] for key in best):
        wanted = [[(task, method, s) for s in SWEEP_SEEDS] for method in layers_swept()]
        lacking = sum(key not in best for row in wanted for key in row)
        if lacking:
            raise SaltError(
                f"{task}: {lacking} runs of the sweep are missing; 'salt study --scale "
                "aggregation' makes them"
            )
        table[task] = [float(np.mean([best[key] for key in row])) for row in wanted]
    return table


def main(found: Sequence[Mapping], layers: Mapping[str, int]) -> pd.DataFrame:
    """The main comparison as a long frame: `MAIN`, with the layer of each task, all seeds."""
    called = {(task, name): row for task, at in layers.items() for row, name in names(at).items()}
    table = store.frame_of(found, {})
    keys = zip(table["task"], table["method"], strict=True)
    table["method"] = [called.get(key, "") for key in keys]
    return table[table["method"] != ""].reset_index(drop=True)


def sweep(found: Sequence[Mapping], source: str = SOURCE) -> pd.DataFrame:
    """One row a run of the sweep: task, method, layer (−1: baseline), seed, english, zero_shot."""
    rows = []
    for one in found:
        if one["seed"] not in SWEEP_SEEDS or one["method"] not in ("baseline", *layers_swept()):
            continue
        layer = -1 if one["method"] == "baseline" else layers_swept().index(one["method"])
        targets = [value for code, value in one["scores"].items() if code != source]
        rows.append(
            (one["task"], one["method"], layer, one["seed"], one["scores"][source],
             float(np.mean(targets)))
        )  # fmt: skip
    columns = ["task", "method", "layer", "seed", "english", "zero_shot"]
    return pd.DataFrame(rows, columns=columns)


def comparisons(table: pd.DataFrame) -> pd.DataFrame:
    """The tests on the zero-shot average: one row each, with Holm's correction per family.

    table: of `main`. Families: "baseline", the three others of `MAIN` against it in every task, and
    "salt", salt+dlfa against SALT alone. Columns: task, method, against, the fields of
    `stats.Comparison`, p_holm.
    """
    rows = []
    for against, methods in (("baseline", MAIN[1:]), ("salt", MAIN[3:])):
        family = []
        for task in table["task"].unique():
            averages = {name: zero_shot(table, task, name) for name in (against, *methods)}
            for name in methods:
                test = asdict(stats.compare(averages[name], averages[against]))
                family.append({"task": task, "method": name, "against": against, **test})
        for row, p in zip(family, stats.holm([row["p"] for row in family]), strict=True):
            rows.append({**row, "p_holm": float(p)})
    return pd.DataFrame(rows)


def zero_shot(table: pd.DataFrame, task: str, method: str) -> np.ndarray:
    """A method's zero-shot average of each seed, (seeds,), in the order of the seeds."""
    own = table[(table["task"] == task) & (table["method"] == method)]
    targets = own[own["language"] != SOURCE]
    return targets.groupby("seed")["score"].mean().sort_index().to_numpy()


def freeze(path: str | Path = RECORDED, root: str | Path = ROOT, world: int = 0) -> int:
    """Write the complete study's runs to ``path``, one line a run; returns their number.

    SaltError: it is not complete.
    """
    found = stored(root, world)
    if lacking := missing(found):
        raise SaltError(
            f"{lacking} runs are missing under {root}; 'salt study --scale aggregation'"
        )
    head = {
        "command": "salt study --scale aggregation",
        "commit": ", ".join(sorted({one["commit"] for one in found})),
        "date": max(one["created"] for one in found),
        "hardware": "; ".join(sorted({one["hardware"] for one in found})),
        "gate": GATE,
        "layers": LAYERS,
        "configurations": {task: asdict(CONFIGS[task]) for task in TASKS},
    }
    write_table(path, head, found)
    return len(found)


def missing(found: Sequence[Mapping]) -> int:
    """How many runs of the whole study are not among these."""
    have = {(one["task"], one["method"], one["seed"]) for one in found}
    lacking = {
        (task, method, seed)
        for task in TASKS
        for method in ("baseline", *layers_swept())
        for seed in SWEEP_SEEDS
    } - have
    if lacking:
        return len(lacking)
    best = chosen(found)
    return len({(t, m, s) for t in TASKS for m in names(best[t]).values() for s in SEEDS} - have)


def current_or_recorded(
    root: str | Path = ROOT, table: str | Path = RECORDED, world: int = 0
) -> tuple[list[dict], dict, str]:
    """This machine's runs where they are complete, else the recorded ones; their origin; which.

    The third is `store.HERE` or `store.FROZEN`: a page shows it. SaltError: no readable table, or
    another world than the recorded one's without complete runs.
    """
    found = stored(root, world)
    if found and not missing(found):
        head = {key: sorted({one[key] for one in found}) for key in ("commit", "hardware")}
        origin = {key: "; ".join(value) for key, value in head.items()}
        origin |= {"command": "salt study --scale aggregation"}
        return found, origin | {"date": max(one["created"] for one in found)}, store.HERE
    if world:
        raise SaltError(
            f"no complete study of world {world} under {root}; run 'salt study --scale aggregation "
            f"--world {world}'"
        )
    try:
        kept = json.loads(Path(table).read_bytes())
        rows = kept.pop("rows")
        missing(rows)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SaltError(
            f"{table}: no table of the aggregation study ({type(error).__name__}: {error}); "
            "restore it with 'git checkout', or run 'salt study --scale aggregation'"
        ) from error
    return rows, kept, store.FROZEN

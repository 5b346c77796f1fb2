"""The study of feature aggregation: which lower layer, fused with the last one, helps which task?

First a sweep over every lower layer of the deeper model (`salt_lib.laboratory.deeper`) on
`SWEEP_SEEDS`; then, with the layer that English dev chooses in each task, the main comparison on
`SEEDS`. No target language takes part in a choice; what would have been best in them (the *oracle*)
is shown as that.

Chapter: Feature aggregation.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, astuple
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import SaltError
from ..files import RECORDED, folder
from ..languages import SOURCE
from ..salt.methods import METHODS, dlfa
from ..study import stats
from ..study.grid import DEFAULT_WORKERS, Spec, Workers
from ..study.results import Results, frame_of, key_of
from ..study.study import Study
from .deeper import CONFIGS, GATE, LAYERS
from .setup import Laboratory

TASKS = tuple(CONFIGS)
SWEEP_SEEDS, SEEDS = tuple(range(5)), tuple(range(15))
MAIN = ("baseline", "salt", "dlfa", "salt+dlfa")


def aggregation_study(
    world: int = 0, root: str | Path | None = None, tasks: Sequence[str] = TASKS
) -> Study:
    """The sweep over the layers; root: by default ``aggregation`` in the folder of runs."""
    return Study(
        setup=Laboratory(world, LAYERS),
        root=Path(root or folder("SALT_RUNS_DIR", "runs") / "aggregation"),
        command="salt study --scale aggregation",
        tasks=tuple(tasks),
        methods=("baseline", *layers_swept()),
        seeds=SWEEP_SEEDS,
        world=world,
        table=RECORDED / "aggregation.json",
    )


def layers_swept() -> list[str]:
    """The methods of the sweep: each lower layer, 0 for the embeddings."""
    return [dlfa(layer, gate=GATE).name for layer in range(LAYERS)]


def execute(
    study: Study,
    workers: Workers = DEFAULT_WORKERS,
    *,
    force: bool = False,
    progress: bool = True,
) -> tuple[int, int]:
    """Run what is missing of the sweep and then of the main comparison; (made now, were there)."""
    specs = study.specs()
    made = study.execute(specs, workers, force=force, progress=progress)
    best = chosen(study.fresh().runs)
    main = main_specs(study, {task: best[task] for task in study.tasks})
    left = [spec for spec in main if not (force and spec in specs)]
    made += study.execute(left, workers, force=force, progress=progress)
    total = len({*specs, *main})
    return len(made), total - len(made)


def main_specs(study: Study, layers: Mapping[str, int]) -> list[Spec]:
    """The runs of the main comparison, with the chosen layer of each task; seed by seed."""
    specs = [
        spec
        for task, layer in layers.items()
        for spec in study.specs([task], names(layer).values(), SEEDS)
    ]
    return sorted(specs, key=lambda spec: spec.seed)


def names(layer: int) -> dict[str, str]:
    """The rows of the main comparison → their methods, with the chosen layer."""
    fused = dlfa(layer, gate=GATE).name
    both = dlfa(layer, METHODS["salt"], GATE).name
    return dict(zip(MAIN, ("baseline", "salt", fused, both), strict=True))


def chosen(runs: Iterable[Mapping]) -> dict[str, int]:
    """Task → the layer whose mean English dev score over the sweep's seeds is highest.

    Of equal layers the lowest. Raises SaltError where the sweep is not complete.
    """
    return {task: int(np.argmax(row)) for task, row in dev_scores(runs).items()}


def dev_scores(runs: Iterable[Mapping]) -> dict[str, list[float]]:
    """Task → for each lower layer the mean of the sweep's best English dev scores."""
    best: dict[tuple, float] = {
        (one["task"], one["method"], one["seed"]): max(one["dev"]) for one in runs
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


def main(runs: Sequence[Mapping], layers: Mapping[str, int]) -> pd.DataFrame:
    """The main comparison as a long frame: `MAIN`, with the layer of each task, all seeds."""
    called = {(task, name): row for task, at in layers.items() for row, name in names(at).items()}
    table = frame_of(runs)
    keys = zip(table["task"], table["method"], strict=True)
    table["method"] = [called.get(key, "") for key in keys]
    return table[table["method"] != ""].reset_index(drop=True)


def sweep(runs: Sequence[Mapping], source: str = SOURCE) -> pd.DataFrame:
    """One row a run of the sweep: task, method, layer (−1: baseline), seed, english, zero_shot."""
    rows = []
    for one in runs:
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
    rows = table[(table["task"] == task) & (table["method"] == method)]
    targets = rows[rows["language"] != SOURCE]
    return targets.groupby("seed")["score"].mean().sort_index().to_numpy()


def missing(study: Study, runs: Sequence[Mapping]) -> int:
    """How many runs of the whole study are not among these."""
    have = {key_of(one) for one in runs}
    lacking = {astuple(spec)[1:] for spec in study.specs()} - have
    if not lacking:
        best = chosen(one for one in runs if one["task"] in study.tasks)
        lacking = {astuple(spec)[1:] for spec in main_specs(study, best)} - have
    return len(lacking)


def results(study: Study) -> Results:
    """This machine's runs where they are complete, else the recorded ones: **a page says which**.

    SaltError: neither are complete.
    """
    fresh = study.fresh()
    if fresh.runs and not missing(study, fresh.runs):
        return fresh
    recorded = study.recorded()
    if lacking := missing(study, recorded.runs):
        raise SaltError(
            f"{study.table}: {lacking} runs are missing; restore it, or make them again"
        )
    return recorded


def freeze(study: Study, path: str | Path) -> int:
    """Write the complete study's runs to ``path``, one line a run; returns their number.

    SaltError: it is not complete.
    """
    main = main_specs(study, chosen(study.fresh().runs))
    specs = list(dict.fromkeys([*study.specs(), *main]))
    return study.freeze(path, specs, gate=GATE, layers=LAYERS)

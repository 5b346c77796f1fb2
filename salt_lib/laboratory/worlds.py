"""The study over worlds: which worlds, methods and seeds, as its protocol says (book/protocol.md).

Each world has preferences, text and a checkpoint of its own, and is a unit of the analysis. Worlds
0 and 1 were looked at while the study was made, those from 100 on were tuned in: none of them is
among `WORLDS`.

Chapter: Over worlds.
"""

from pathlib import Path

import pandas as pd

from ..data.examples import Pairs
from ..errors import SaltError
from ..files import RECORDED, folder, write_json
from ..languages import SOURCE
from ..models import loading
from ..salt import predictions
from ..study import growing
from ..study.grid import Spec
from ..study.provenance import origin
from ..study.study import Study
from . import quality, shortcuts, tuning
from .checkpoints import checkpoint
from .predictions import encoded, predictions_path
from .setup import Laboratory
from .tasks import load

WORLDS = (2, 3, 4, 5, 6, 7)
DEEPER_WORLDS, LAYERS = (2, 3, 4), 6
TASKS = ("mini-nli", "mini-paraphrase")
# Task → methods and how many seeds each has, first those that the primary outcome needs.
PLAN = {
    "mini-nli": {
        "baseline": 5,
        "salt": 5,
        "dictionary": 5,
        "salt-random-kind": 5,
        "salt-content": 3,
        "salt-function": 3,
        "salt-hidden": 3,
        "scalar-mixup": 3,
        "smoothed": 3,
    },
    "mini-paraphrase": {"baseline": 3, "salt": 3, "dictionary": 3, "salt-random-kind": 3},
}
# World 0's checkpoint ships, and its baseline and SALT have more seeds; no unit of the analysis.
SHIPPED_PLAN = {"mini-nli": {"baseline": 15, "salt": 15, "dictionary": 5}}
DEEPER_PLAN = {"mini-nli": {"baseline": 3, "salt": 3, "dictionary": 3}}

TUNING_WORLDS, TUNING_SEEDS = (100, 101), (1000,)
# Six settings a method. First the baseline's: a lower rate than the instrument's own was better for
# it in both worlds. Then every other method at the rate that was best for the baseline and at twice
# that. The controls have SALT's setting.
BASELINE_TUNING: list[dict] = [
    {"learning_rate": 1.25e-4},
    {"learning_rate": 2.5e-4},
    {"learning_rate": 5e-4},
    {"learning_rate": 1e-3},
    {"learning_rate": 2e-3},
    {"learning_rate": 5e-4, "dropout": 0.1},
]
OTHERS_TUNING: dict[str, tuple[str, tuple[float, ...]]] = {
    "dictionary": ("mix_rate", (0.25, 0.5, 1.0)),
    "salt": ("threshold", (0.5, 0.7, 0.9)),
    "salt-content": ("threshold", (0.5, 0.7, 0.9)),
    "scalar-mixup": ("threshold", (0.5, 0.7, 0.9)),
    "smoothed": ("noise", (0.1, 0.3, 1.0)),
}


def tuning_of(rate: float) -> dict[str, list[dict]]:
    """Method → the settings that are tried, where ``rate`` was the baseline's best."""
    rates = (rate, 2 * rate)
    return {"baseline": BASELINE_TUNING} | {
        method: [{"learning_rate": r, field: value} for r in rates for value in values]
        for method, (field, values) in OTHERS_TUNING.items()
    }


def tune(log: str | Path, jobs: int = 1) -> list[dict]:
    """Try every method's settings in the tuning worlds, on dev; see `tuning.sweep` for ``log``."""

    def sweep(method: str, settings: list[dict]) -> list[dict]:
        where = (TASKS[:1], [method], settings, TUNING_SEEDS, jobs, log)
        return tuning.sweep(*where, worlds=TUNING_WORLDS)

    trials = sweep("baseline", BASELINE_TUNING)
    for method, settings in tuning_of(best(trials, "baseline")["learning_rate"]).items():
        trials = sweep(method, settings)
    return trials


def best(trials: list[dict], method: str) -> dict:
    """The setting of a method with the highest zero-shot average over the tuning worlds' dev."""
    rows = tuning.averages([trial for trial in trials if trial["method"] == method])
    return max(rows, key=lambda row: row["zero_shot"])["changes"]


def record_tuning(path: str | Path, trials: list[dict]) -> None:
    """Write what was tried in the tuning worlds and what it chose (JSON); and of the first of them
    how good English synonyms are at the threshold that is used, and how far shortcuts come."""
    chosen = {name: best(trials, name) for name in ("baseline", *OTHERS_TUNING)}
    write_json(
        path,
        {
            **origin("salt_lib.laboratory.worlds: tune(...), then record_tuning(...)"),
            "worlds": TUNING_WORLDS,
            "chosen": chosen,
            "synonyms": _synonyms(TUNING_WORLDS[0], TASKS[0]),
            "shortcuts": {name: _shortcuts(TUNING_WORLDS[0], name) for name in TASKS},
            "trials": trials,
        },
    )


def _synonyms(world: int, name: str) -> dict[str, float]:
    """The precision of English substitutions at the task's threshold: of all, of content words."""
    threshold = Laboratory(world).config(name).synonym_threshold
    judged = _judged(world, name, True)
    judged = judged[judged["probability"] >= threshold]
    right = judged["verdict"] == "right"
    return {
        "all": round(float(right.mean()), 4),
        "content": round(float(right[judged["content"]].mean()), 4),
    }


def _judged(world: int, name: str, english: bool, layers: int | None = None) -> pd.DataFrame:
    """The predictions in English, or in all other languages, as `quality.judge` has them."""
    found = predictions.read_all(predictions_path(world, name, layers=layers))
    found = found[(found["language"] == SOURCE) == english]
    pieces = loading.tokenizer(checkpoint(world)).get_vocab()
    return quality.judge(found, encoded(world, name, "train", SOURCE), pieces)


def _shortcuts(world: int, name: str) -> dict[str, float]:
    """The accuracy in English of classifiers that may not compare the two sentences' words."""
    train, dev = (load(name, split, SOURCE, world) for split in ("train", "dev"))
    if not isinstance(train, Pairs) or not isinstance(dev, Pairs):
        raise SaltError(f"{name}: shortcuts are of pairs")
    found = {
        "first sentence": shortcuts.bag_accuracy(train, dev, "first"),
        "second sentence": shortcuts.bag_accuracy(train, dev),
        "numbers of words": shortcuts.table_accuracy(train, dev),
    }
    return {what: round(value, 4) for what, value in found.items()}


def words(world: int, name: str, layers: int | None = None) -> dict[str, float]:
    """What SALT substitutes in a world, in other languages: the shares that are right.

    Returns precision and coverage of content words, precision_all with the function words, and
    function, the share of these among what is kept. Judged by the world's true translations.
    """
    threshold = Laboratory(world, layers).config(name, "salt").threshold
    judged = _judged(world, name, False, layers)
    kept = judged[judged["probability"] >= threshold]
    content = kept[kept["content"]]
    return {
        "threshold": threshold,
        "precision": round(float((content["verdict"] == "right").mean()), 4),
        "coverage": round(len(content) / int(judged["content"].sum()), 4),
        "precision_all": round(float((kept["verdict"] == "right").mean()), 4),
        "function": round(float(1 - kept["content"].mean()), 4),
    }


def plan_of(world: int, layers: int | None = None) -> dict[str, dict[str, int]]:
    """Task → method → how many seeds. SaltError: a world that the protocol doesn't have."""
    allowed = DEEPER_WORLDS if layers else (0, *WORLDS)
    if world not in allowed or layers not in (None, LAYERS):
        raise SaltError(
            f"world {world} with {layers or 2} layers: the protocol has worlds "
            f"{', '.join(map(str, (0, *WORLDS)))} with 2 layers and "
            f"{', '.join(map(str, DEEPER_WORLDS))} with {LAYERS}"
        )
    if layers:
        return DEEPER_PLAN
    return PLAN if world else SHIPPED_PLAN


def table_path(world: int, layers: int | None = None) -> Path:
    """The frozen table of a world."""
    deeper = "" if layers is None else f"-layers-{layers}"
    return RECORDED / "worlds" / f"world-{world}{deeper}.json"


def world_study(world: int, layers: int | None = None, root: str | Path | None = None) -> Study:
    """The study's part in one world; root: by default ``$SALT_RUNS_DIR`` or ``runs``, in it
    ``worlds``, or ``worlds-6`` for the deeper model."""
    base = Path(root or folder("SALT_RUNS_DIR", "runs"))
    plan = plan_of(world, layers)
    command = "salt study --scale worlds" + (f" --layers {layers}" if layers else "")
    return Study(
        setup=Laboratory(world, layers),
        root=base / ("worlds" if layers is None else f"worlds-{layers}"),
        command=f"{command} --world {world}",
        tasks=tuple(plan),
        methods=tuple(dict.fromkeys(method for methods in plan.values() for method in methods)),
        seeds=tuple(range(max(n for methods in plan.values() for n in methods.values()))),
        world=world,
        table=table_path(world, layers),
    )


def planned(world: int, layers: int | None = None) -> list[Spec]:
    """The runs of the protocol in a world, in the order in which they are made."""
    study = world_study(world, layers)
    return [
        spec
        for task, methods in plan_of(world, layers).items()
        for method, count in methods.items()
        for spec in study.specs([task], [method], range(count))
    ]


def missing(study: Study, layers: int | None = None) -> list[Spec]:
    """The planned runs that the frozen table lacks, see `growing.missing`."""
    return growing.missing(study, planned(study.world, layers))


def freeze(study: Study, layers: int | None = None) -> tuple[int, int]:
    """Add this machine's finished runs to the world's frozen table, see `growing.grow`."""

    def about_it(tasks: list[str]) -> dict:
        return {"words": {task: words(study.world, task, layers) for task in tasks}}

    return growing.grow(study, planned(study.world, layers), about_it)

"""How much of a lower layer the gates of fused classifiers let through: trained once, and recorded.

The fourteen six-layer models behind it take minutes, longer than a page should. One seed each.

Chapter: Feature aggregation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from ..digests import read_checked, write_checked
from ..files import RECORDED
from ..models.classifiers import classifier
from ..models.fusion import Fused
from ..salt.methods import dlfa
from ..study.provenance import origin
from ..training.loop import fit
from . import probes
from .checkpoints import checkpoint
from .deeper import CONFIGS, GATE, LAYERS
from .predictions import encoded
from .run import prepared
from .setup import Laboratory
from .tasks import TAG_TASKS, task

WORLD, SEED = 0, 0
PAIRS = ("mini-xnli", "mini-paws-x")
PATH = RECORDED / "gates.json"


@dataclass(frozen=True)
class Gates:
    """Shares of the lower layer, in [0, 1]; see `probes.lower_share`.

    layers: task → the layer that its study chose. by_layer: tag task → fused layer → mean over all
    tagged words. words: tag task → rows of `probes.shares`, at the chosen layer. first: pair task →
    language → mean at [CLS], at the chosen layer.
    """

    layers: Mapping[str, int]
    by_layer: Mapping[str, Mapping[int, float]]
    words: Mapping[str, pd.DataFrame]
    first: Mapping[str, Mapping[str, float]]


def fused(name: str, layer: int, epochs: int | None = None) -> Fused:
    """A fused model of a task, trained here. epochs: by default as in the study."""
    config = CONFIGS[name] if epochs is None else replace(CONFIGS[name], epochs=epochs)
    row = dlfa(layer, gate=GATE)
    ready = prepared(Laboratory(WORLD, LAYERS), name, row, config)
    folder, tagged = checkpoint(WORLD, LAYERS), task(name).tagged
    model = classifier(folder, ready.labels, SEED, config.dropout, tagged, layer, GATE)
    fit(model, ready, row, config, SEED)
    assert isinstance(model, Fused)  # for a layer was named
    return model


def word_shares(name: str, layer: int) -> pd.DataFrame:
    """`probes.shares` of a tag task's test sentences, of a model that is trained here."""
    parts = {code: encoded(WORLD, "mini-pos", "test", code) for code in task(name).languages}
    return probes.shares(fused(name, layer), parts, task("mini-pos").labels)


def mean_share(shares: pd.DataFrame) -> float:
    """The mean share over all tagged words of rows of `probes.shares`."""
    words = shares[shares["kind"].isin(task("mini-pos").labels)]
    return float(np.average(words["share"], weights=words["tokens"]))


def first_shares(name: str, layer: int) -> dict[str, float]:
    """Language → the mean share at [CLS] on a pair task's dev set, after one epoch."""
    model = fused(name, layer, epochs=1)
    parts = {code: encoded(WORLD, name, "dev", code) for code in task(name).languages}
    return {
        code: float(probes.lower_share(model, data)[data.start[:-1]].mean())
        for code, data in parts.items()
    }


def record(layers: Mapping[str, int], path: str | Path = PATH) -> None:
    """Train all models and write what their gates do (JSON). layers: task → the chosen one."""
    by_layer: dict[str, list[float]] = {}
    words = {}
    for name in TAG_TASKS:
        every = [word_shares(name, layer) for layer in range(LAYERS)]
        by_layer[name] = [round(mean_share(shares), 4) for shares in every]
        words[name] = every[layers[name]].round(4).to_dict("list")
    first = {name: first_shares(name, layers[name]) for name in PAIRS}
    write_checked(
        path,
        {
            **origin("salt_lib.laboratory.gates: record(aggregation.chosen(...))"),
            "layers": {name: layers[name] for name in (*TAG_TASKS, *PAIRS)},
            "by_layer": by_layer,
            "words": words,
            "first": {
                name: {c: round(v, 4) for c, v in row.items()} for name, row in first.items()
            },
        },
    )


def read(path: str | Path = PATH) -> Gates:
    """What `record` wrote."""
    found = read_checked(path)
    return Gates(
        found["layers"],
        {name: dict(enumerate(row)) for name, row in found["by_layer"].items()},
        {name: pd.DataFrame(rows) for name, rows in found["words"].items()},
        found["first"],
    )

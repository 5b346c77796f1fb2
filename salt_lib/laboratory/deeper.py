"""The sibling of the tiny mBERT: made in the same way on the same text, with more layers.

Two layers leave little to choose between where a lower one is to be fused with the last. So the
study of feature aggregation (`salt_lib.laboratory.aggregation`) stands on this one, and compares its runs with
its own baseline only. `run` and `prepare` are for `grid.execute` what `run.run` and
`run.prepare` are in the laboratory.

Chapter: Feature aggregation.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

from ..models import loading
from ..study.provenance import SIBLING_INFLUENCES
from ..training.config import Config
from . import checkpoints
from . import run as laboratory_run

LAYERS = 6
# Gate and learning rates were chosen in the tuning world on English dev, see
# recorded/aggregation-tuning.json; of pairs two epochs, fewer than the laboratory's, to save time.
GATE = "literal"
CONFIGS = {
    "mini-xnli": Config(epochs=2),
    "mini-paws-x": Config(epochs=2),
    "mini-ner": Config(epochs=10, batch=16),
    "mini-pos": Config(epochs=10, batch=16, learning_rate=2e-3),
}


@dataclass(frozen=True)
class Sibling:
    """What these runs have besides world, task, method and seed: the sibling of a world."""

    world: int = 0
    layers: int = LAYERS
    influences = SIBLING_INFLUENCES

    def identity(self, task: str) -> dict:
        """All that decides the scores of a task's runs, as JSON."""
        weights = loading.identity(checkpoints.checkpoint(self.world, self.layers))
        return {"layers": self.layers, "weights": weights, "training": asdict(CONFIGS[task])}


def prepare(world: int, task: str, method: str, *, setup: Sibling, root: str | Path) -> None:
    """Distil what a method's runs share, before they start."""
    laboratory_run.prepare(world, task, method, setup.layers)


def run(world: int, task: str, method: str, seed: int, *, setup: Sibling, root: str | Path) -> dict:
    """Train and evaluate one run on the sibling; returns what `run.run` does."""
    return laboratory_run.run(world, task, method, seed, CONFIGS[task], setup.layers)

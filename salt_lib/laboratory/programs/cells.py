"""The cells, as rows of data: how much text of poor languages, and how large an encoder.

A cell is a pretraining of its own. Every text is read equally often in all cells (`PASSES`), so a
cell with more text takes more steps, and cells of one amount take equal steps and tokens, whatever
their size; the control with as much more text of rich languages takes those of its counterpart.

Chapter: Programs.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ...digests import digest, sources
from ...errors import SaltError, unknown
from ...files import folder
from ...languages import LANGUAGES, SOURCE
from ...pretraining.recipe import Recipe
from ...salt.methods import Method
from ..tasks import CONFIGS, METHOD_CONFIGS
from . import data

RICH, POOR = ("de", "ru"), ("sw", "ur")
SPOKEN = (SOURCE, *RICH, *POOR)
PASSES = 1.0  # how often each text is read
# Half the laboratory's: twice the steps for the same text. With half as many, languages other than
# English were near the floor in the tuning world (0.3M-poor-1, world 100).
BATCH = 32
METHODS = ("baseline", "salt")
# Thresholds and rates are those of the laboratory's `mini-nli`. Epochs, batch and learning rates
# are the baseline's, by English dev in world 0, which is no unit.
CONFIG = replace(
    CONFIGS["mini-nli"],
    epochs=4,
    batch=64,
    learning_rate=1e-3,
    threshold=METHOD_CONFIGS["salt"]["threshold"],
)
DECODER_RATE = 2e-3  # of the decoder, which is new


@dataclass(frozen=True)
class Size:
    """An encoder's size; ``name`` says about how many million parameters it has."""

    name: str
    layers: int
    hidden: int
    heads: int


@dataclass(frozen=True)
class Cell:
    """poor: the amount of each poor language's text, in today's; rich: as many documents more, in
    all rich languages, as poor languages would have with this amount (1: none)."""

    size: Size
    poor: float = 1.0
    rich: float = 1.0

    @property
    def name(self) -> str:
        """What a study's runs call it, "0.6M-poor-4"."""
        which, amount = ("rich", self.rich) if self.rich != 1 else ("poor", self.poor)
        return f"{self.size.name}-{which}-{amount:g}"

    @property
    def documents(self) -> dict[str, int]:
        """Language → how many documents of it are read."""
        today = {code: round(Recipe().documents * LANGUAGES[code].share) for code in SPOKEN}
        more = round((self.rich - 1) * sum(today[code] for code in POOR) / len(RICH))
        found = {}
        for code, count in today.items():
            found[code] = count + more * (code in RICH)
            if code in POOR:
                found[code] = round(count * self.poor)
        return found

    @property
    def recipe(self) -> Recipe:
        """How its encoder is pretrained: as the laboratory's, but for size, batch and steps.

        The wider, the smaller the first weights and the learning rate, so that a step changes what
        a layer gives as much as in the laboratory's (Yang et al. 2022).
        """
        usual = Recipe()
        narrow = usual.hidden / self.size.hidden
        pairs = 2 * sum(self.documents.values())
        steps = round(PASSES * pairs / BATCH)
        return replace(
            usual,
            layers=self.size.layers,
            hidden=self.size.hidden,
            heads=self.size.heads,
            intermediate=4 * self.size.hidden,
            init=round(usual.init * narrow**0.5, 6),
            learning_rate=round(usual.learning_rate * narrow, 8),
            steps=steps,
            batch=BATCH,
            evaluate_every=500,
        )


SIZES = {
    row.name: row
    for row in (
        Size("0.3M", 2, 80, 2),
        Size("0.6M", 3, 104, 4),
        Size("1.2M", 3, 160, 4),
        Size("2.5M", 4, 208, 4),
    )
}
AMOUNTS = (0.25, 1.0, 4.0, 16.0)
GRID = tuple(Cell(size, poor) for size in SIZES.values() for poor in AMOUNTS)
CONTROLS = tuple(Cell(SIZES[name], rich=16.0) for name in ("0.6M", "1.2M"))
CELLS = {cell.name: cell for cell in (*GRID, *CONTROLS)}
# One of each amount and each size: the fit doesn't see them, and is checked on them.
HELD_OUT = ("0.3M-poor-4", "0.6M-poor-16", "1.2M-poor-0.25", "2.5M-poor-1")


def cell(name: str) -> Cell:
    """The cell of this name; SaltError lists the known ones otherwise."""
    if name not in CELLS:
        raise unknown("cell", name, CELLS)
    return CELLS[name]


def parameters(size: Size, vocabulary: int) -> int:
    """How many parameters an encoder of this size has with a vocabulary of so many pieces.

    Embeddings of words, 64 positions and two segments with their norm, and the layers; the heads
    for masked words and next sentences, which pretraining alone needs, are left out.
    """
    width = size.hidden
    embeddings = (vocabulary + 64 + 2) * width + 2 * width
    layer = 4 * (width * width + width) + 2 * 4 * width * width + 5 * width + 4 * width
    return embeddings + size.layers * layer


@dataclass(frozen=True)
class Programs:
    """What the runs of a world share; see `study.provenance.StudySetup`.

    device: of the pretrainings, "cpu" or "cuda". What a run says of its pretraining names it.
    """

    world: int = 0
    device: str = "cpu"
    runner = "salt_lib.laboratory.programs.run:run"

    def check(self, task: str, method: Method) -> None:
        """Raise SaltError for a task that is no cell, and a method that the study doesn't have."""
        cell(task)
        if method.name not in METHODS:
            raise SaltError(
                f"the study of programs has the methods {', '.join(METHODS)}, not {method.name!r}"
            )

    def identity(self, task: str) -> dict:
        """All that decides the scores of a task's runs besides method and seed, as JSON."""
        one = cell(task)
        return {
            "documents": one.documents,
            "recipe": asdict(one.recipe),
            "questions": data.SIZES,
            "training": asdict(CONFIG),
            "decoder_rate": DECODER_RATE,
        }


def encoder_path(world: int, one: Cell, device: str = "cpu") -> Path:
    """The folder of a cell's encoder in a world, whether it is made or not.

    It lies under ``$SALT_CACHE_DIR`` or ``cache``; its name carries a digest of all that it depends
    on, so a stale one is never read.
    """
    made_of = (
        asdict(one.recipe),
        one.documents,
        device,
        sources("salt_lib.laboratory.programs.encoders"),
    )
    root = folder("SALT_CACHE_DIR", "cache")
    return root / "programs" / f"world-{world}-{one.name}-{digest(*made_of)[:16]}"

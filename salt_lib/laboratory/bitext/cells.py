"""The cells, as rows of data: what a second batch of every step is, beside monolingual text.

All cells go on from the world's checkpoint with equal steps and batches: 32 pairs of monolingual
sentences, as in pretraining, and 32 rows of the cell's own.

Chapter: Bitext.
"""

from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ...digests import digest
from ...errors import SaltError, unknown
from ...pretraining.recipe import Recipe
from ...salt.methods import Method
from ..checkpoints import checkpoint, files_of
from ..setup import Laboratory
from ..tasks import METHOD_CONFIGS
from .objectives import CONTRASTIVE, EXCHANGE, MASKED, OBJECTIVES, TEMPERATURE
from .pairs import MOST

SIZES = (1_000, 10_000, MOST)
SOURCES = BITEXT, SHUFFLED, DISTILLED = ("bitext", "shuffled", "distilled")
TASKS = ("mini-xnli", "mini-paws-x", "mini-ner", "mini-pos")  # fine-tuned in English
WITH_SALT = TASKS[0]
METHODS = ("baseline", "salt")
BATCH = 32
RATES = (5e-4, 1e-3, 2e-3)  # that are tried in the tuning world
RATE = RATES[0]  # what it chose (recorded/bitext-tuning.json)
WORDS = 3  # times the rate is that of the word embeddings, as in pretraining
HELD_OUT = 60  # documents of each language on which the tuning's losses are measured
THRESHOLD = METHOD_CONFIGS["salt"]["threshold"]  # of what a copy is made with
FACTS = 500  # of retrieval


@dataclass(frozen=True)
class Cell:
    """One cell. objective: of `objectives.OBJECTIVES`, or `MASKED`, None for monolingual text
    alone; source: of `SOURCES`; pairs: how many there are. SaltError: others than these."""

    objective: str | None = None
    source: str = BITEXT
    pairs: int = MOST

    def __post_init__(self) -> None:
        known = {
            "objective": (self.objective, (None, MASKED, *OBJECTIVES)),
            "source of pairs": (self.source, SOURCES),
        }
        for what, (value, values) in known.items():
            if value not in values:
                raise unknown(what, value, map(str, values))

    @property
    def name(self) -> str:
        """What a study's runs call it: "none", "exchange-100k", "exchange-shuffled"."""
        if self.objective is None:
            return NONE
        size = f"{self.pairs // 1000}k" if self.source == BITEXT else self.source
        return f"{self.objective}-{size}"

    @property
    def linked(self) -> bool:
        """Whether the aligner's links are read."""
        return self.objective in LINKED and self.source != DISTILLED

    @property
    def label(self) -> str:
        """What the chapter calls it."""
        said = {
            BITEXT: f"{self.pairs:,} pairs",
            SHUFFLED: f"control: {self.pairs:,} pairs, partners shuffled",
            DISTILLED: f"no bitext: {self.pairs:,} copies with SALT's own words",
        }
        if self.objective is None:
            return "control: monolingual text"
        if self.objective == MASKED:
            return f"control: the sentences of {said[self.source]}, each for itself"
        return f"{self.objective}, {said[self.source]}"


NONE = "none"
_ROWS = (
    Cell(),
    Cell(MASKED),
    *(Cell(objective, BITEXT, size) for size in SIZES for objective in OBJECTIVES),
    *(Cell(objective, source) for source in SOURCES[1:] for objective in OBJECTIVES),
)
CELLS = {row.name: row for row in _ROWS}
BEST = Cell(EXCHANGE).name  # what SALT is put on top of in the comparison, by rule
SALTED = (
    NONE,
    *(Cell(objective).name for objective in OBJECTIVES),
    *(Cell(objective, DISTILLED).name for objective in OBJECTIVES),
)
LINKED = (EXCHANGE, CONTRASTIVE)  # objectives that read links


def recipe(rate: float = RATE, steps: int = MOST // BATCH) -> Recipe:
    """How a cell's pretraining goes on: one pass over the most pairs, as the laboratory's else."""
    return replace(
        Recipe(),
        documents=9_200,  # so that no text is read twice, not even without pairs
        steps=steps,
        batch=BATCH,
        learning_rate=rate,
        word_learning_rate=WORDS * rate,
        evaluate_every=625,
    )


def cell(name: str) -> Cell:
    """The cell of this name; SaltError lists the known ones otherwise."""
    if name not in CELLS:
        raise unknown("cell", name, CELLS)
    return CELLS[name]


@dataclass(frozen=True)
class Bitexts:
    """What the runs of a world share; see `study.provenance.StudySetup`. A run's task is the name
    of its cell. device: of the pretrainings, "cpu" or "cuda"; what a run says of its own names it.
    """

    world: int = 0
    device: str = "cpu"
    runner = "salt_lib.laboratory.bitext.run:run"

    @property
    def checkpoint(self) -> Path:
        """The folder of the world's tiny mBERT, from which all cells go on."""
        return checkpoint(self.world)

    def check(self, task: str, method: Method) -> None:
        """Raise SaltError for a task that is no cell, and a method that the study doesn't have."""
        cell(task)
        if method.name not in METHODS or (method.name != METHODS[0] and task not in SALTED):
            raise SaltError(
                f"method {method.name!r} in cell {task!r}: all cells have {METHODS[0]}, and "
                f"{', '.join(SALTED)} have {METHODS[1]}"
            )

    def identity(self, task: str) -> dict[str, Any]:
        """All that decides the scores of a cell's runs besides method and seed, as JSON."""
        setup = Laboratory(self.world)
        return {
            **made_of(self.world, cell(task)),
            "recipe": asdict(recipe()),
            "tasks": {name: setup.identity(name) for name in TASKS},
            "facts": FACTS,
        }


def made_of(world: int, row: Cell) -> dict[str, Any]:
    """What a cell's pretraining depends on besides its recipe, as JSON."""
    about: dict[str, Any] = {"cell": asdict(row)}
    about["weights"] = digest(*files_of(checkpoint(world)))
    if row.source == DISTILLED:
        about["threshold"] = THRESHOLD
    if row.objective == CONTRASTIVE:
        about["temperature"] = TEMPERATURE
    if row.linked:
        about["aligner"] = aligner()
    return about


def aligner() -> str:
    """The version of the aligner's library, "not installed" where it is missing."""
    try:
        return version("sil-thot")
    except PackageNotFoundError:
        return "not installed"

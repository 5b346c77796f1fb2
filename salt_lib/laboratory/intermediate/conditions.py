"""The conditions, as rows of data: which task comes before English `mini-xnli`, and on what.

Chapter: Intermediate tasks.
"""

from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ...digests import digest
from ...errors import SaltError, unknown
from ...salt.methods import Method
from ..checkpoints import checkpoint, files_of
from ..pictures import captions
from ..setup import Laboratory
from . import examples
from .choices import CHOICES
from .matching import PICTURES
from .steps import Steps
from .tellings import SPOKEN

TARGET = "mini-xnli"
MASKED, PARAPHRASE, MATCHING = CAPTION_TASKS = ("masked-text", "paraphrase", "matching")
FACTS = (500, 2_000, 8_000)  # told in captions: the data-size axis, and what all others have
COUNTS = (10, 50, 100, 500, 1_000)  # examples a language
AT = 100  # of them where examples are chosen, and for the controls
CANDIDATES = 500  # of each language, among which examples are chosen
METHODS = ("baseline", "salt")  # of the fine-tuning on English `mini-xnli`
# The rates are those of the tuning world (recorded/intermediate-tuning.json, `tuning`); one for
# matching and paraphrase, which are compared.
STEPS = {
    MASKED: Steps(500, 64, 2.5e-4),
    PARAPHRASE: Steps(500, 64, 5e-4),
    MATCHING: Steps(500, 64, 5e-4),
    "mini-paws-x": Steps(480, 32, 5e-4),
    "mini-pos": Steps(480, 32, 1e-3),
}


@dataclass(frozen=True)
class Condition:
    """One row of the study.

    task: what comes between pretraining and `TARGET`, None for nothing. Of a task on captions,
    spoken: "en" or "all" languages; pictures: see `matching.shown`; facts: how many are told. Of
    examples, shares: see `examples.drawn`; count: of each language; choice: by which criterion they
    are chosen; shuffled: whether their labels are.
    """

    name: str
    label: str
    task: str | None = None
    spoken: str = "all"
    pictures: str = "own"
    facts: int = FACTS[-1]
    shares: str = "equal"
    count: int = AT
    choice: str = "random"
    shuffled: bool = False

    def __post_init__(self) -> None:
        known = {
            "intermediate task": (self.task, (None, *STEPS)),
            "choice of languages": (self.spoken, SPOKEN),
            "kind of pictures": (self.pictures, PICTURES),
            "shares of the languages": (self.shares, examples.SHARES),
            "choice of examples": (self.choice, CHOICES),
        }
        for what, (value, values) in known.items():
            if value not in values:
                raise unknown(what, value, map(str, values))

    @property
    def on_captions(self) -> bool:
        """Whether its task reads captions."""
        return self.task in CAPTION_TASKS


NONE = "none"
_SAID = {"en": "in English", "all": "in all languages"}
_CAPTIONS = (
    (MASKED, "own", "captions as text with hidden words"),
    (PARAPHRASE, "own", "which caption tells the same"),
    (MATCHING, "own", "which picture shows it"),
    (MATCHING, "shuffled", "control: the pictures of other facts"),
    (MATCHING, "blank", "control: one picture for all"),
)
_CHOSEN = {
    "uncertain": "of which a scout is least certain",
    "k-centre": "k-centre greedy",
    "gradient": "with the longest gradients",
}


def _caption_name(task: str, pictures: str, spoken: str, facts: int) -> str:
    parts = [task, "" if pictures == "own" else pictures, spoken]
    parts.append("" if facts == FACTS[-1] else str(facts))
    return "-".join(filter(None, parts))


def _of_examples(task: str) -> tuple[Condition, ...]:
    rows = [
        Condition(
            f"{task}-{shares}-{count}", f"{task}: {count} a language, {how}", task,
            shares=shares, count=count,
        )
        for shares, how in (("equal", "equal shares"), ("pooled", "at random from the pool"))
        for count in COUNTS
    ]  # fmt: skip
    rows += [
        Condition(f"{task}-{choice}-{AT}", f"{task}: {AT} a language, {how}", task, choice=choice)
        for choice, how in _CHOSEN.items()
    ]
    rows.append(
        Condition(
            f"{task}-English-{AT}", f"{task}: control: as many, all English", task, shares="English"
        )
    )
    rows.append(
        Condition(f"{task}-labels-{AT}", f"{task}: control: labels shuffled", task, shuffled=True)
    )
    return tuple(rows)


_ROWS = (
    Condition(NONE, "nothing in between"),
    *(
        Condition(
            _caption_name(task, pictures, spoken, FACTS[-1]),
            f"{label}, {_SAID[spoken]}",
            task,
            spoken,
            pictures,
        )
        for spoken in SPOKEN
        for task, pictures, label in _CAPTIONS
    ),
    *(
        Condition(
            _caption_name(task, "own", "all", facts),
            f"{label}, {facts:,} facts",
            task,
            facts=facts,
        )
        for facts in FACTS[:-1]
        for task, pictures, label in _CAPTIONS
        if pictures == "own"
    ),
    *(row for task in examples.TASKS for row in _of_examples(task)),
)
CONDITIONS = {row.name: row for row in _ROWS}
# Of the examples' conditions the best for `TARGET` in the tuning world, on its dev sets.
BEST = "mini-paws-x-equal-100"


def condition(name: str) -> Condition:
    """The condition of this name; SaltError lists the known ones otherwise."""
    if name not in CONDITIONS:
        raise unknown("condition", name, CONDITIONS)
    return CONDITIONS[name]


@dataclass(frozen=True)
class Intermediate:
    """What the runs of a world share; see `study.provenance.StudySetup`. A run's task is the name
    of its condition, its method that of the fine-tuning."""

    world: int = 0
    runner = "salt_lib.laboratory.intermediate.run:run"

    @property
    def checkpoint(self) -> Path:
        """The folder of the world's tiny mBERT."""
        return checkpoint(self.world)

    def check(self, task: str, method: Method) -> None:
        """Raise SaltError for an unknown condition, and a method that the study doesn't have."""
        condition(task)
        if method.name not in METHODS:
            raise SaltError(
                f"method {method.name!r}: {TARGET} is fine-tuned with {' or '.join(METHODS)} here"
            )

    def identity(self, task: str) -> dict:
        """All that decides the scores of a condition's runs besides method and seed, as JSON."""
        row = condition(task)
        about: dict[str, Any] = {
            "condition": {k: v for k, v in asdict(row).items() if k not in ("name", "label")},
            "target": Laboratory(self.world).identity(TARGET),
            "weights": digest(*files_of(self.checkpoint)),
        }
        if row.task:
            about["steps"] = asdict(STEPS[row.task])
        if row.on_captions:
            about |= {"captions": captions.SIZES, "pillow": version("pillow")}
        elif row.task:
            about["stock"] = examples.STOCK
        return about

"""The conditions, as rows of data: what is trained on, and how it is augmented.

Chapter: Pictures.
"""

from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

from ...digests import digest
from ...errors import SaltError, unknown
from ...salt.methods import Method
from ..checkpoints import checkpoint, files_of
from ..tasks import CONFIGS, METHOD_CONFIGS
from . import captions

ENGLISH = "captions"
# SALT's settings are those of the laboratory's `mini-nli`, its threshold what the protocol's tuning
# chose there for SALT; nothing here was chosen by what SALT does. Epochs, batch and learning rate
# are the baseline's, by English dev in world 0, which is no unit.
CONFIG = replace(
    CONFIGS["mini-nli"],
    epochs=6,
    batch=128,
    learning_rate=2e-3,
    threshold=METHOD_CONFIGS["salt"]["threshold"],
)


@dataclass(frozen=True)
class Condition:
    """One row of the study.

    method: of `salt.methods`, how English captions are augmented; "translate-train" where there is
    parallel text. share: of the training captions that have a translation in every language.
    taught: whether a text vector learns from the English teacher's, not from pictures.
    """

    name: str
    label: str
    method: str
    share: float = 0.0
    taught: bool = False

    @property
    def task(self) -> str:
        """What a study's runs call the data that it trains on."""
        return self.name if self.share else ENGLISH

    @property
    def pairs(self) -> int:
        """How many captions have translations. SaltError: none, or more than there are."""
        size = captions.SIZES["train"]
        count = round(self.share * size)
        if self.share and not 1 <= count <= size:
            raise SaltError(
                f"{self.name}: {count} parallel captions; there are {size}, and one is the least"
            )
        return count


SHARES = (0.001, 0.01, 0.1, 1.0)
PARALLEL, TAUGHT = "parallel", "taught"
_ROWS = (
    Condition("baseline", "English captions only", "baseline"),
    Condition("code-switch", "offline part of SALT alone", "code-switch"),
    Condition("mixup", "online part of SALT alone", "mixup"),
    Condition("salt", "code-switching and mixup", "salt"),
    Condition("salt-random-kind", "control: random words of the same kind", "salt-random-kind"),
    Condition("salt-deranged", "control: the distilled dictionary, permuted", "salt-deranged"),
    Condition("dictionary", "reference: SALT with true translations", "dictionary"),
    *(
        Condition(
            f"{way}-{100 * share:g}",
            f"{100 * share:g} % of the captions translated, {how}",
            "translate-train",
            share,
            way == TAUGHT,
        )
        for way, how in ((PARALLEL, "with their pictures"), (TAUGHT, "taught by English vectors"))
        for share in SHARES
    ),
)
CONDITIONS = {row.name: row for row in _ROWS}


def condition(name: str) -> Condition:
    """The condition of this name; SaltError lists the known ones otherwise."""
    if name not in CONDITIONS:
        raise unknown("condition", name, CONDITIONS)
    return CONDITIONS[name]


def condition_of(task: str, method: str) -> Condition:
    """The condition that a study's task and method stand for. SaltError: there is none."""
    for row in CONDITIONS.values():
        if (row.task, row.method) == (task, method):
            return row
    raise SaltError(
        f"no condition trains on {task!r} with method {method!r}; there are "
        + ", ".join(f"{row.task} with {row.method}" for row in CONDITIONS.values())
    )


@dataclass(frozen=True)
class Pictures:
    """What the runs of a world share; see `study.provenance.StudySetup`."""

    world: int = 0
    runner = "salt_lib.laboratory.pictures.run:run"

    @property
    def checkpoint(self) -> Path:
        """The folder of the world's tiny mBERT."""
        return checkpoint(self.world)

    def check(self, task: str, method: Method) -> None:
        """Raise SaltError where no condition has this task and method."""
        condition_of(task, method.name)

    def identity(self, task: str) -> dict:
        """All that decides the scores of a task's runs besides method and seed, as JSON."""
        row = next(row for row in CONDITIONS.values() if row.task == task)
        return {
            "share": row.share,
            "taught": row.taught,
            "captions": captions.SIZES,
            "pillow": version("pillow"),
            "weights": digest(*files_of(self.checkpoint)),
            "training": asdict(CONFIG),
        }

"""What a task is, and its sentence pairs in one language.

The laboratory's tasks are views of Minibabel's facts. Training pairs exist in English only (the
translations that `translate-train` needs come from the world itself); dev and test pairs are
parallel in all of a task's languages.

Chapters: The laboratory; Reproduce, change, extend (real files).
"""

from dataclasses import dataclass
from functools import cache

from .errors import SaltError, unknown
from .languages import PAWSX_LANGUAGES, SOURCE, XNLI_LANGUAGES
from .minibabel import views
from .minibabel.facts import World
from .minibabel.grammar import sentence

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class Pairs:
    """Sentence pairs and their label ids: three lists of one length."""

    first: list[str]
    second: list[str]
    labels: list[int]

    def __post_init__(self):
        if not len(self.first) == len(self.second) == len(self.labels):
            raise SaltError(
                f"pairs of unequal length: {len(self.first)} first sentences, "
                f"{len(self.second)} second, {len(self.labels)} labels"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: slice) -> "Pairs":
        return Pairs(self.first[rows], self.second[rows], self.labels[rows])


@dataclass(frozen=True)
class Task:
    """A task: its languages, its labels in the order of their ids, groups of pairs per split."""

    name: str
    languages: tuple[str, ...]
    labels: tuple[str, ...]
    groups: dict[str, int]

    @property
    def targets(self) -> tuple[str, ...]:
        """The zero-shot languages: all but English."""
        return tuple(code for code in self.languages if code != SOURCE)


TASKS = {
    item.name: item
    for item in (
        Task(
            "mini-xnli",
            XNLI_LANGUAGES,
            views.NLI_LABELS,
            {"train": 2400, "dev": 200, "test": 200},
        ),
        Task(
            "mini-paws-x",
            PAWSX_LANGUAGES,
            views.PARAPHRASE_LABELS,
            {"train": 1800, "dev": 150, "test": 200},
        ),
    )
}
_VIEWS = {"mini-xnli": views.nli_pairs, "mini-paws-x": views.paraphrase_pairs}


def task(name: str) -> Task:
    """The laboratory task of this name; SaltError lists the known ones otherwise."""
    if name not in TASKS:
        raise unknown("task", name, TASKS)
    return TASKS[name]


@cache
def facts(name: str, split: str, world: int) -> tuple[views.Pair, ...]:
    """The pairs of a split before they are put into words of a language."""
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    return tuple(_VIEWS[task(name).name](World(world), split, task(name).groups[split]))


@cache
def load(name: str, split: str, language: str, world: int = 0) -> Pairs:
    """The sentence pairs of a laboratory task's split in one language.

    Raises SaltError for an unknown task or split, or a language that the task doesn't have.
    """
    if language not in task(name).languages:
        raise unknown(f"language of {name}", language, task(name).languages)
    pairs = facts(name, split, world)
    return Pairs(
        [sentence(p.first, language) for p in pairs],
        [sentence(p.second, language, p.second_fronted) for p in pairs],
        [p.label for p in pairs],
    )

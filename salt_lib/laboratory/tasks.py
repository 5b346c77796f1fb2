"""The laboratory's tasks: views of Minibabel's facts, as pairs or tagged sentences of one language.

Training data exist in English only (the translations that `translate-train` needs come from the
world itself); dev and test sets are parallel in all of a task's languages.

Chapters: The laboratory; Feature aggregation (tags).
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from ..data.examples import SPLITS, Pairs, Tagged, tag
from ..errors import unknown
from ..languages import PAWSX_LANGUAGES, SOURCE, XNLI_LANGUAGES
from ..training.config import Config
from .minibabel import views
from .minibabel.facts import World
from .minibabel.grammar import sentence, tagged


@dataclass(frozen=True)
class Task:
    """A task: its languages, its labels in the order of their ids, groups of pairs per split.

    tagged: whether each word has a label; ``groups`` then counts sentences. per_group: pairs.
    """

    name: str
    languages: tuple[str, ...]
    labels: tuple[str, ...]
    groups: dict[str, int]
    tagged: bool = False
    per_group: int = 3

    @property
    def targets(self) -> tuple[str, ...]:
        """The zero-shot languages: all but English."""
        return tuple(code for code in self.languages if code != SOURCE)


PAIR_TASKS = {
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
            per_group=4,
        ),
    )
}
# Large enough, and trained long enough, to see what true translations are worth: for claims over
# worlds (`study.worlds`). Paraphrases differ in a word there, not in the order of words.
WORLD_TASKS = {
    item.name: item
    for item in (
        Task(
            "mini-nli",
            XNLI_LANGUAGES,
            views.NLI_LABELS,
            {"train": 9600, "dev": 400, "test": 1000},
        ),
        Task(
            "mini-paraphrase",
            PAWSX_LANGUAGES,
            views.PARAPHRASE_LABELS,
            {"train": 3600, "dev": 300, "test": 1000},
            per_group=4,
        ),
    )
}
# A hundred sentences: with more, English itself is at its ceiling, and dev can't choose anything.
TAG_TASKS = {
    item.name: item
    for item in (
        Task(
            "mini-ner",
            XNLI_LANGUAGES,
            views.NER_LABELS,
            {"train": 100, "dev": 300, "test": 300},
            tagged=True,
        ),
        Task(
            "mini-pos",
            XNLI_LANGUAGES,
            views.POS_LABELS,
            {"train": 100, "dev": 300, "test": 300},
            tagged=True,
        ),
    )
}
FRESH = "fresh"  # the second test set of `WORLD_TASKS`
# How each is trained: chosen in the tuning world (`salt_lib.laboratory.tuning`); for `WORLD_TASKS`
# in three, by what true translations gain and cost there (recorded/sensitivity.json).
CONFIGS = {
    "mini-xnli": Config(),
    "mini-paws-x": Config(epochs=3),
    "mini-ner": Config(epochs=10, batch=16),
    "mini-pos": Config(epochs=10, batch=16, learning_rate=2e-3),
    "mini-nli": Config(
        epochs=10, redraw=True, until=0.7, mix_rate=0.5, synonym_threshold=0.9, select="last"
    ),
    "mini-paraphrase": Config(
        epochs=5, redraw=True, until=0.7, synonym_threshold=0.9, select="last"
    ),
}
# What a method has otherwise in `WORLD_TASKS`, as the protocol's tuning chose it
# (recorded/worlds-tuning.json).
METHOD_CONFIGS: dict[str, dict[str, Any]] = {
    "baseline": {"learning_rate": 0.0005},
    "dictionary": {"learning_rate": 0.001, "mix_rate": 0.5},
    "salt": {"learning_rate": 0.0005, "threshold": 0.9},
    "salt-content": {"learning_rate": 0.0005, "threshold": 0.9},
    "scalar-mixup": {"learning_rate": 0.0005, "threshold": 0.9},
    "smoothed": {"learning_rate": 0.0005, "noise": 0.1},
    "salt-random-kind": {"learning_rate": 0.0005, "threshold": 0.9},
    "salt-function": {"learning_rate": 0.0005, "threshold": 0.9},
    "salt-hidden": {"learning_rate": 0.0005, "threshold": 0.9},
}
_VIEWS = {
    "mini-xnli": views.nli_pairs,
    "mini-paws-x": views.paraphrase_pairs,
    "mini-nli": views.nli_pairs,
    "mini-paraphrase": views.word_paraphrases,
}


def task(name: str) -> Task:
    """The laboratory task of this name; SaltError lists the known ones otherwise."""
    known = PAIR_TASKS | WORLD_TASKS | TAG_TASKS
    if name not in known:
        raise unknown("task", name, known)
    return known[name]


@cache
def facts(name: str, split: str, world: int) -> tuple[views.Pair, ...] | tuple[views.Told, ...]:
    """The pairs, or facts to be tagged, of a split before they are put into words of a language."""
    item = task(name)
    if split == FRESH and name in WORLD_TASKS:
        return _fresh(item, World(world))
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    if item.tagged:
        names = item.labels == views.NER_LABELS
        return tuple(views.told(World(world), split, item.groups[split], names))
    return tuple(_VIEWS[item.name](World(world), split, item.groups[split]))


def _fresh(item: Task, world: World) -> tuple[views.Pair, ...]:
    """As many groups as in the test set, drawn after it, without any pair of it."""
    count = item.groups["test"]
    drawn = _VIEWS[item.name](world, "test", 2 * count + count // 10 + 10)
    size = count * item.per_group
    seen = {pair[:2] for pair in drawn[:size]}
    groups = [drawn[at : at + item.per_group] for at in range(size, len(drawn), item.per_group)]
    new = [group for group in groups if seen.isdisjoint(pair[:2] for pair in group)]
    return tuple(pair for group in new[:count] for pair in group)


@cache
def load(name: str, split: str, language: str, world: int = 0) -> Pairs | Tagged:
    """The sentence pairs, or tagged sentences, of a laboratory task's split in one language.

    Raises SaltError for an unknown task or split, or a language that the task doesn't have.
    """
    item = task(name)
    if language not in item.languages:
        raise unknown(f"language of {name}", language, item.languages)
    rows = facts(name, split, world)
    if item.tagged:
        tags = views.iob2 if item.labels == views.NER_LABELS else views.parts_of_speech
        sentences = [
            tagged(row.fact, language, row.fronted) for row in rows if isinstance(row, views.Told)
        ]
        return tag([([t.word for t in one], tags(one)) for one in sentences], item.labels)
    pairs = [row for row in rows if isinstance(row, views.Pair)]
    return Pairs(
        [sentence(p.first, language) for p in pairs],
        [sentence(p.second, language, p.second_fronted) for p in pairs],
        [p.label for p in pairs],
    )

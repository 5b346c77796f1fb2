"""The questions of a world and the programs that answer them, in three splits.

Questions are made of the world's facts. Their rows lie in a partition of their own
(`facts.partition`), so no text tells or asks them (`texts` leaves them out as well). Beyond that
the splits are *compositional*: combinations of two words (`COMBINATIONS`) are dealt out by a hash,
most to training, some to dev, some to test. No training question says a combination of dev or test;
every dev and test question says one of its own. The words alone occur in training.

Chapter: Programs.
"""

from functools import cache

import numpy as np

from ...data.examples import SPLITS, Tagged
from ...errors import SaltError, unknown
from ...languages import LANGUAGES
from ..minibabel.corpora import wording
from ..minibabel.facts import EDITION, FIELDS, PARTITIONS, World, _mix, partition, readable
from ..minibabel.questions import KINDS, Asked, Question, ask, phrase
from .interpreter import Judge
from .language import answering, tokens

SIZES = {"train": 8_000, "dev": 300, "test": 400}
COMBINATIONS = (
    ("agent", "agent_adjective"), ("patient", "patient_adjective"), ("verb", "patient"),
    ("agent", "place"),
)  # fmt: skip
SHARES = {"dev": 0.1, "test": 0.2}  # of the combinations, that are kept from training
# How often a question says these of a fact. Short questions, for every word must be understood.
SAID = {
    "place": 0.4,
    "name": 0.15,
    "verb": 0.6,
    "agent_adjective": 0.6,
    "patient_adjective": 0.6,
}
_DRAW = 60_000  # facts that are drawn at a time


def dealt(one: np.ndarray, two: np.ndarray, which: int) -> np.ndarray:
    """(n,) the split (of `SPLITS`, by number) that combinations of two words' ids are dealt to.

    which: the number of the combination's fields in `COMBINATIONS`.
    """
    value = one.astype(np.uint64) * np.uint64(10_007) + two.astype(np.uint64)
    mixed = _mix(value + np.uint64(which << 40))
    dice = (mixed >> np.uint64(11)).astype(float) / 2**53
    held = SHARES["dev"] + SHARES["test"]
    return np.where(dice < SHARES["dev"], 1, np.where(dice < held, 2, 0))


def held_out(rows: np.ndarray) -> np.ndarray:
    """(n, 3) whether facts or questions (n, 12) say a combination of each of `SPLITS`."""
    found = np.zeros((len(rows), len(SPLITS)), dtype=bool)
    for which, (first, second) in enumerate(COMBINATIONS):
        one, two = rows[:, FIELDS[first]], rows[:, FIELDS[second]]
        there = (one >= 0) & (two >= 0)
        split = dealt(one.clip(0), two.clip(0), which)
        found[there, split[there]] = True
    return found


def belong(made: Asked, split: str) -> np.ndarray:
    """(n,) which questions may stand in a split, by their partition and their combinations."""
    says, index = held_out(made.rows) | held_out(made.both), SPLITS.index(split)
    fits = made.fits & (partition(made.rows) == PARTITIONS.index(split))
    for other in (1, 2):
        fits &= says[:, other] == (other == index)
    return fits


def forbidden(rows: np.ndarray) -> np.ndarray:
    """(n,) whether rows (n, 12) are of the splits' partitions, so that no text may say them."""
    return partition(rows) >= PARTITIONS.index(SPLITS[0])


@cache
def questions(world: int, split: str) -> tuple[Question, ...]:
    """The questions of a split, all different, kinds in turn. Raises SaltError for an unknown
    split."""
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    rng = np.random.default_rng([EDITION, world, 40, SPLITS.index(split)])
    preferences, size = World(world), -(-SIZES[split] // len(KINDS))
    by_kind: list[list[Question]] = []
    for kind in KINDS:
        kept: dict[Question, None] = {}
        while len(kept) < size:
            made = ask(shortened(preferences.sample(rng, _DRAW), rng), kind, rng)
            for i in np.flatnonzero(belong(made, split)).tolist():
                kept[Question(kind, tuple(made.rows[i].tolist()), int(made.other[i]))] = None
        by_kind.append(list(kept)[:size])
    return tuple(one for group in zip(*by_kind, strict=True) for one in group)[: SIZES[split]]


def shortened(facts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Facts (n, 12) that leave some of what they say unsaid, as questions do (`SAID`).

    One that then says nothing of its agent is left out.
    """
    facts = facts.copy()
    with_it = {
        "place": ("preposition", "city"),
        "verb": ("patient", "patient_adjective", "patient_number"),
    }
    for first, rate in SAID.items():
        silent = rng.random(len(facts)) > rate
        for column in (first, *with_it.get(first, ())):
            facts[silent, FIELDS[column]] = -1
    says = facts[:, [FIELDS[c] for c in ("verb", "agent_adjective", "place")]] >= 0
    return facts[says.any(axis=1)]


@cache
def asked(world: int, split: str, language: str) -> Tagged:
    """The questions of a split in a language, in the order of `questions`; their tags say nothing.

    Training questions use synonyms; dev and test each concept's commonest word. Raises SaltError
    for an unknown language.
    """
    if language not in LANGUAGES:
        raise unknown("language", language, LANGUAGES)
    every = questions(world, split)
    rows = np.array([one.row for one in every], dtype=np.int16)
    told = [readable(row) for row in rows]
    if split == "train":
        told = list(wording(rows, np.random.default_rng([EDITION, world, 41])))
    said = [phrase(one, fact, language) for one, fact in zip(every, told, strict=True)]
    return Tagged(said, [[0] * len(one) for one in said], ("question",))


@cache
def programs(world: int, split: str) -> tuple[tuple[str, ...], ...]:
    """The words of each question's program, in the order of `questions`."""
    return tuple(tuple(tokens(answering(one))) for one in questions(world, split))


@cache
def judges(world: int, split: str) -> tuple[Judge, ...]:
    """What judges programs for each question. SaltError: of training questions there are none."""
    if split == SPLITS[0]:
        raise SaltError("programs are judged on dev and test questions, not on training ones")
    universe, index = World(world), SPLITS.index(split)
    every = questions(world, split)
    return tuple(Judge(one, universe, (index, i)) for i, one in enumerate(every))

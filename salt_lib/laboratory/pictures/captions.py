"""Captions: facts that have a picture, what they are called in each language, pools to search.

A fact of the world loses what can't be drawn and may go unsaid (names, cities, abstract adjectives,
large numbers); one whose verb or things can't be drawn is left out. Train, dev and test are other
partitions of the facts (`facts.partition`), and no language's corpus tells any of them.

A pool has groups of four: a fact, and three that differ from it in one attribute each.

Chapter: Pictures.
"""

from functools import cache

import numpy as np

from ...data.examples import SPLITS, Tagged
from ...errors import SaltError, unknown
from ...languages import LANGUAGES
from ..minibabel import pictures
from ..minibabel.corpora import wording
from ..minibabel.facts import (
    EDITION,
    FIELDS,
    PARTITIONS,
    World,
    animate,
    inventory,
    partition,
    readable,
)
from ..minibabel.grammar import words

SIZES = {"train": 10_000, "dev": 1_000, "test": 1_000}
GROUP = 4  # of a pool: a fact and what differs from it in one attribute
ATTRIBUTES = (
    "agent", "verb", "patient", "agent_adjective", "patient_adjective",
    "agent_number", "patient_number", "preposition", "place",
)  # fmt: skip
_OPTIONAL = ("agent_adjective", "patient_adjective", "agent_number", "patient_number", "name")
_DRAW = 40_000  # facts that are drawn at a time


def showable(facts: np.ndarray) -> np.ndarray:
    """The facts (m, 12) that have a picture when what can't be drawn goes unsaid, of (n, 12)."""
    facts, fits = facts.copy(), pictures.drawable(facts)
    for column in _OPTIONAL:
        facts[~fits[:, FIELDS[column]], FIELDS[column]] = -1
    facts[:, FIELDS["city"]] = -1
    somewhere = fits[:, FIELDS["place"]]
    for column in ("place", "preposition"):
        facts[~somewhere, FIELDS[column]] = -1
    empty = (facts[:, [FIELDS[c] for c in ("verb", "agent_adjective", "place")]] < 0).all(axis=1)
    return facts[pictures.drawable(facts).all(axis=1) & ~empty]


@cache
def facts(world: int, split: str) -> np.ndarray:
    """The facts (n, 12) of a split, all different; of dev and test groups of `GROUP` in a row.

    Raises SaltError for an unknown split.
    """
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    index, size = PARTITIONS.index(split), SIZES[split]
    rng = np.random.default_rng([EDITION, world, 20, index])
    kept: dict[bytes, np.ndarray] = {}
    preferences = World(world)
    while len(kept) < size:
        drawn = showable(preferences.sample(rng, _DRAW))
        for row in drawn[partition(drawn) == index]:
            group = [row] if split == "train" else _group(row, index, rng, kept)
            kept |= {one.tobytes(): one for one in group}
            if len(kept) >= size:
                break
    return np.stack(list(kept.values())[:size])


def _group(row: np.ndarray, index: int, rng: np.random.Generator, taken) -> list[np.ndarray]:
    """A fact and `GROUP` − 1 others of its partition, each with another value of one attribute, no
    two of one attribute; nothing where there are too few or one is ``taken``."""
    group = [row]
    for attribute in rng.permutation(ATTRIBUTES):
        others = changed(row, attribute)
        others = others[partition(others) == index]
        if len(others) and len(group) < GROUP:
            group.append(others[rng.integers(len(others))])
    fits = len(group) == GROUP and not any(one.tobytes() in taken for one in group)
    return group if fits else []


def changed(row: np.ndarray, attribute: str) -> np.ndarray:
    """The facts (m, 12) that say another drawable value of one attribute, which the fact says."""
    column, values = FIELDS[attribute], inventory()[attribute]
    if row[column] < 0:
        return np.empty((0, len(row)), dtype=row.dtype)
    can = pictures.shown()[attribute]
    if attribute == "agent":
        can &= {value for value, acts in zip(values, animate(), strict=True) if acts}
    ids = [i for i, value in enumerate(values) if value in can and i != row[column]]
    others = np.repeat(row[None], len(ids), axis=0)
    others[:, column] = ids
    return others


@cache
def captions(world: int, split: str, language: str) -> Tagged:
    """The captions of a split in a language, in the order of `facts`; their tags say nothing.

    Train captions use synonyms, the same in every language; dev and test each concept's commonest
    word. Raises SaltError for an unknown language.
    """
    if language not in LANGUAGES:
        raise unknown("language", language, LANGUAGES)
    rows = facts(world, split)
    told = [readable(row) for row in rows]
    if split == "train":
        told = list(wording(rows, np.random.default_rng([EDITION, world, 21])))
    sentences = [words(fact, language) for fact in told]
    return Tagged(sentences, [[0] * len(one) for one in sentences], ("caption",))


def rasters(world: int, split: str, variants: int = 1, first: int | None = None) -> np.ndarray:
    """Pictures of a split's facts, each drawn ``variants`` times: (n, variants, 48, 48, 3) uint8.

    first: so many facts alone. Raises SaltError for no pictures of a fact.
    """
    if variants < 1:
        raise SaltError(f"{variants} pictures of a fact: at least one is needed")
    rows, index = facts(world, split)[:first], PARTITIONS.index(split)
    return np.stack(
        [
            [pictures.draw(readable(row), (EDITION, world, index, i, j)) for j in range(variants)]
            for i, row in enumerate(rows)
        ]
    )

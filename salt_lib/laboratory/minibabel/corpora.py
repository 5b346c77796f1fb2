"""Monolingual text: short documents in one language, never parallel to another's.

A document is three sentences. The second and third mention an entity of the one before them again,
by the same word, a synonym or its hypernym, its attributes the same or left unsaid: that is where a
language model can learn how words relate. A document's neighbour tells of an event like its own,
with other details, as texts on one subject do. Every fact belongs to one language's corpus by the
hash of its content, so no two corpora tell the same fact.

Chapter: The laboratory.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...errors import SaltError
from ...languages import language
from .facts import (
    EDITION,
    FIELDS,
    PARTITIONS,
    Fact,
    World,
    animate,
    draw_fitting,
    inventory,
    sample_in,
)
from .grammar import sentence
from .lexicon import lexicon

DOCUMENTS = 8_000  # of a language with share 1
SENTENCES = 3
FIRST_FORM = 0.6  # how often a concept with synonyms is called by its commonest word
FRONTED = 0.3  # sentences that open with their adverbial
HYPERNYM = 0.3  # how often what is mentioned again is called by its hypernym
DESCRIBED = 0.5  # how often a sentence says no more than what an entity of the last is like
TOLD_AGAIN = 0.6  # how often, of the rest, the whole fact is told again
SAID_AGAIN = 0.7  # how often an attribute of what is mentioned again is said again
LIKE = 0.7  # how much of one document's event its neighbour's shares
EXCHANGED = 0.3  # neighbours in which two nouns, adjectives or numbers have changed places
OPTIONAL = ("agent_adjective", "patient_adjective", "agent_number", "patient_number", "name")


def _above(column: str) -> np.ndarray:
    """Value id → id of its hypernym in this column, −1 without one."""
    values = inventory()[column]
    index = {value: i for i, value in enumerate(values)}
    return np.array([index.get(lexicon()[v].hypernym, -1) for v in values], dtype=np.int16)


def _generalise(facts: np.ndarray, rng: np.random.Generator, columns: dict[str, np.ndarray]):
    """Call a share `HYPERNYM` of the values in ``columns`` (name → mask (n,)) by their hypernym."""
    for column, mask in columns.items():
        values = facts[:, FIELDS[column]]
        above = np.where(values >= 0, _above(column)[values.clip(0)], -1)
        hit = mask & (above >= 0) & (rng.random(len(facts)) < HYPERNYM)
        values[hit] = above[hit]


def _unsay(facts: np.ndarray, mask: np.ndarray, *columns: str) -> None:
    for column in columns:
        facts[mask, FIELDS[column]] = -1


def _told_again(world: World, rng: np.random.Generator, before: np.ndarray, where: np.ndarray):
    """Each fact in other words: some of its attributes left out, others said for the first time."""

    def draw(rows):
        facts = world.sample(rng, len(rows), before[rows])
        for column in OPTIONAL:
            _unsay(facts, rng.random(len(rows)) > SAID_AGAIN, column)
        nowhere = (rng.random(len(rows)) > SAID_AGAIN) & (facts[:, FIELDS["verb"]] >= 0)
        _unsay(facts, nowhere, "place", "preposition", "city")
        return facts

    facts = draw_fitting(where, draw, before)
    everywhere = np.ones(len(facts), dtype=bool)
    nouns = ("agent", "patient", "place", "agent_adjective", "patient_adjective")
    _generalise(facts, rng, dict.fromkeys(nouns, everywhere))
    return facts


def _told_next(world: World, rng: np.random.Generator, before: np.ndarray, where: np.ndarray):
    """A new fact about one entity of each fact, whose attributes are the same or unsaid."""
    size, at = len(before), FIELDS
    patient = before[:, at["patient"]]
    from_patient = (patient >= 0) & (rng.random(size) < 0.5)
    entity = np.where(from_patient, patient, before[:, at["agent"]])
    as_agent = animate()[entity] & (rng.random(size) < 0.6)
    given = np.full_like(before, -1)
    for role, chosen in (("agent", as_agent), ("patient", ~as_agent)):
        given[chosen, at[role]] = entity[chosen]
        for part in ("adjective", "number"):
            values = np.where(
                from_patient, before[:, at[f"patient_{part}"]], before[:, at[f"agent_{part}"]]
            )
            given[chosen, at[f"{role}_{part}"]] = values[chosen]
    for parts in (("place", "preposition", "city"), ("name",)):
        kept = rng.random(size) < 0.5
        for part in parts:
            given[kept, at[part]] = before[kept, at[part]]

    def draw(rows):
        facts = world.sample(rng, len(rows), given[rows])
        silent = rng.random(len(rows)) > SAID_AGAIN
        for role, chosen in (("agent", as_agent[rows]), ("patient", ~as_agent[rows])):
            _unsay(facts, chosen & silent, f"{role}_adjective")
            _unsay(facts, chosen & (rng.random(len(rows)) > SAID_AGAIN), f"{role}_number")
        return facts

    facts = draw_fitting(where, draw, before)
    _generalise(facts, rng, {"agent": as_agent, "patient": ~as_agent})
    return facts


def _described(world: World, rng: np.random.Generator, before: np.ndarray, where: np.ndarray):
    """What one entity of each fact is like: the adjective that it had, or one for the first time.

    Little else is said, so whether the sentence follows hangs on a word or two.
    """
    at = FIELDS
    patient = before[:, at["patient"]]
    from_patient = (patient >= 0) & (rng.random(len(before)) < 0.5)
    given = np.full_like(before, -1)
    given[:, at["agent"]] = np.where(from_patient, patient, before[:, at["agent"]])
    adjective = np.where(
        from_patient, before[:, at["patient_adjective"]], before[:, at["agent_adjective"]]
    )
    given[:, at["agent_adjective"]] = adjective
    given[:, at["negated"]] = 0

    def draw(rows):
        facts = world.sample(rng, len(rows), given[rows], described=True)
        _unsay(facts, rng.random(len(rows)) < 0.5, "place", "preposition", "city")
        _unsay(facts, rng.random(len(rows)) < 0.5, "name")
        return facts

    facts = draw_fitting(where, draw, before)
    _generalise(facts, rng, {"agent": np.ones(len(facts), dtype=bool)})
    return facts


def _follow(world: World, rng: np.random.Generator, before: np.ndarray, where: np.ndarray):
    """A fact that mentions entities of each fact in ``before`` (n, 12) again: (n, 12)."""
    dice = rng.random((2, len(before)))
    described = dice[0] < DESCRIBED
    again = ~described & (before[:, FIELDS["patient"]] >= 0) & (dice[1] < TOLD_AGAIN)
    facts = np.empty_like(before)
    for tell, rows in (
        (_described, described),
        (_told_again, again),
        (_told_next, ~described & ~again),
    ):
        facts[rows] = tell(world, rng, before[rows], where[rows])
    return facts


def _alike(world: World, rng: np.random.Generator, facts: np.ndarray, where: np.ndarray):
    """Events like those in ``facts`` (n, 12), and yet others: (n, 12).

    Each part is kept with probability `LIKE`; in some two parts have changed places.
    """
    pairs = (
        ("agent", "patient"),
        ("agent_adjective", "patient_adjective"),
        ("agent_number", "patient_number"),
    )

    def draw(rows):
        given = facts[rows].copy()
        given[rng.random(given.shape) > LIKE] = -1
        exchanged = np.where(rng.random(len(rows)) < EXCHANGED, rng.integers(3, size=len(rows)), 3)
        for which, (one, two) in enumerate(pairs):
            i, j = FIELDS[one], FIELDS[two]
            both = (exchanged == which) & (facts[rows, i] >= 0) & (facts[rows, j] >= 0)
            if one == "agent":
                both &= animate()[facts[rows, j].clip(0)]
            given[both, i], given[both, j] = facts[rows, j][both], facts[rows, i][both]
        drawn = world.sample(rng, len(rows), given)
        same = (drawn == facts[rows]).all(axis=1)
        drawn[same] = world.sample(rng, same.sum())
        return drawn

    return draw_fitting(where, draw, facts)


def documents(world: World, code: str, count: int | None = None) -> np.ndarray:
    """The facts of a language's corpus: (documents, 3, 12) int16, in their order in the text.

    count: how many documents; by default the language's share of `DOCUMENTS`. Documents 2i and
    2i + 1 are neighbours.
    """
    if count is None:
        count = int(DOCUMENTS * language(code).share)
    if count < 2:
        raise SaltError(
            f"an empty corpus: {count} documents asked for in {code!r}, at least 2 needed"
        )
    index = PARTITIONS.index(code)
    rng = np.random.default_rng([EDITION, world.seed, 2, index])
    where = np.full(count, index)
    first = np.empty((count, len(FIELDS)), dtype=np.int16)
    first[::2] = sample_in(world, rng, where[::2])
    first[1::2] = _alike(world, rng, first[::2][: count // 2], where[1::2])
    facts = [first]
    for _ in range(SENTENCES - 1):
        facts.append(_follow(world, rng, facts[-1], where))
    return np.stack(facts, axis=1)


def wording(facts: np.ndarray, rng: np.random.Generator) -> Iterator[Fact]:
    """Facts (n, 12) in words: of a concept's synonyms one is drawn for each mention."""
    ids = inventory()
    spoken = {name: [_words(value) for value in values] for name, values in ids.items()}
    first = rng.random(facts.shape) < FIRST_FORM
    negated = FIELDS["negated"]
    for row, coin in zip(facts.tolist(), first.tolist(), strict=True):
        parts: list[Any] = [
            None if value < 0 else spoken[name][value][0 if coin[i] else -1]
            for i, (name, value) in enumerate(zip(FIELDS, row, strict=True))
        ]
        parts[negated] = row[negated] == 1
        yield Fact(*parts)


def _words(value: str) -> tuple[str, ...]:
    return lexicon()[value].forms["en"] if value in lexicon() else (value,)


def texts(world: World, code: str, count: int | None = None) -> list[list[str]]:
    """The corpus of a language as documents of three sentences."""
    facts = documents(world, code, count)
    rng = np.random.default_rng([EDITION, world.seed, 3, PARTITIONS.index(code)])
    flat = facts.reshape(-1, facts.shape[-1])
    fronted = rng.random(len(flat)) < FRONTED
    sentences = [
        sentence(f, code, front) for f, front in zip(wording(flat, rng), fronted, strict=True)
    ]
    return [sentences[i : i + SENTENCES] for i in range(0, len(sentences), SENTENCES)]

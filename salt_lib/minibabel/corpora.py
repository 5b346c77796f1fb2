"""Monolingual text: short documents in one language, never parallel to another's.

A document is three sentences. The second and third mention an entity of the one before them again,
by the same word, a synonym or its hypernym, often with the same attribute, place or companion: that
is where a language model can learn how words relate. Every fact belongs to one language's corpus by
the hash of its content, so no two corpora tell the same fact.

Chapter: The laboratory.
"""

from collections.abc import Iterator

import numpy as np

from ..errors import SaltError
from ..languages import language
from .facts import FIELDS, PARTITIONS, Fact, World, animate, inventory, sample_in
from .grammar import sentence
from .lexicon import lexicon

DOCUMENTS = 8_000  # of a language with share 1
SENTENCES = 3
FIRST_FORM = 0.6  # how often a concept with synonyms is called by its commonest word
FRONTED = 0.3  # sentences that open with their adverbial
HYPERNYM = 0.3  # how often a re-mention uses the hypernym
TOLD_AGAIN = 0.5  # how often the whole fact is told again
KEEP = {"adjective": 0.6, "number": 0.6, "verb": 0.2, "place": 0.4, "name": 0.4}


def _hypernym_ids() -> np.ndarray:
    """Noun id → id of its hypernym, −1 without one."""
    nouns = inventory()["agent"]
    index = {noun: i for i, noun in enumerate(nouns)}
    return np.array([index.get(lexicon()[noun].hypernym, -1) for noun in nouns], dtype=np.int16)


def _follow(
    world: World, rng: np.random.Generator, before: np.ndarray, where: np.ndarray
) -> np.ndarray:
    """A fact that re-mentions entities of each fact in ``before`` (n, 12): (n, 12).

    Either the fact is told again with other modifiers, or one of its entities does or suffers
    something new. A re-mentioned entity may be called by its hypernym.
    """
    size, at = len(before), FIELDS
    given = np.full_like(before, -1)
    retell = np.full_like(before, -1)
    patient = before[:, at["patient"]]
    again = (patient >= 0) & (rng.random(size) < TOLD_AGAIN)
    from_patient = (patient >= 0) & (rng.random(size) < 0.5)
    entity = np.where(from_patient, patient, before[:, at["agent"]])
    as_agent = animate()[entity] & (rng.random(size) < 0.6)
    keep = {part: rng.random(size) < rate for part, rate in KEEP.items()}
    keep["city"] = keep["place"]  # the same place, so in the same city
    adjective = np.where(
        from_patient, before[:, at["patient_adjective"]], before[:, at["agent_adjective"]]
    )
    for role, chosen in (("agent", as_agent), ("patient", ~as_agent)):
        own = before[:, at[role]]
        same = np.where(again, own, np.where(chosen, entity, -1))
        hypernym = np.where(rng.random(size) < HYPERNYM, _hypernym_ids()[same.clip(0)], -1)
        given[:, at[role]] = same
        retell[:, at[role]] = np.where(same >= 0, hypernym, -1)
        told = np.where(again, before[:, at[f"{role}_adjective"]], adjective)
        told = np.where(keep["adjective"] & (again | chosen), told, -1)
        given[:, at[f"{role}_adjective"]] = told
        number = before[:, at[f"{role}_number"]]
        given[:, at[f"{role}_number"]] = np.where(again & keep["number"], number, -1)
    same_verb = again | (keep["verb"] & (as_agent != from_patient))
    given[same_verb, at["verb"]] = before[same_verb, at["verb"]]
    for part in ("place", "city", "name"):
        given[keep[part], at[part]] = before[keep[part], at[part]]
    return sample_in(world, rng, where, given, retell)


def documents(world: World, code: str, count: int | None = None) -> np.ndarray:
    """The facts of a language's corpus: (documents, 3, 12) int16, in their order in the text.

    count: how many documents; by default the language's share of `DOCUMENTS`.
    """
    if count is None:
        count = int(DOCUMENTS * language(code).share)
    if count < 2:
        raise SaltError(
            f"an empty corpus: {count} documents asked for in {code!r}, at least 2 needed"
        )
    index = PARTITIONS.index(code)
    rng = np.random.default_rng([world.seed, 2, index])
    where = np.full(count, index)
    told = [sample_in(world, rng, where)]
    for _ in range(SENTENCES - 1):
        told.append(_follow(world, rng, told[-1], where))
    return np.stack(told, axis=1)


def wording(facts: np.ndarray, rng: np.random.Generator) -> Iterator[Fact]:
    """Facts (n, 12) in words: of a concept's synonyms one is drawn for each mention."""
    ids = inventory()
    spoken = {name: [_words(value) for value in values] for name, values in ids.items()}
    first = rng.random(facts.shape) < FIRST_FORM
    negated = FIELDS["negated"]
    for row, coin in zip(facts.tolist(), first.tolist(), strict=True):
        said = [
            None if value < 0 else spoken[name][value][0 if coin[i] else -1]
            for i, (name, value) in enumerate(zip(FIELDS, row, strict=True))
        ]
        said[negated] = row[negated] == 1
        yield Fact(*said)


def _words(value: str) -> tuple[str, ...]:
    return lexicon()[value].forms["en"] if value in lexicon() else (value,)


def texts(world: World, code: str, count: int | None = None) -> list[list[str]]:
    """The corpus of a language as documents of three sentences."""
    facts = documents(world, code, count)
    rng = np.random.default_rng([world.seed, 3, PARTITIONS.index(code)])
    flat = facts.reshape(-1, facts.shape[-1])
    fronted = rng.random(len(flat)) < FRONTED
    told = [sentence(f, code, front) for f, front in zip(wording(flat, rng), fronted, strict=True)]
    return [told[i : i + SENTENCES] for i in range(0, len(told), SENTENCES)]

"""Views of facts: sentence pairs for inference (NLI) and for paraphrase.

Inference. Around one hypothesis stand three premises, one per label, each differing from it in one
word: the premise's word is a hyponym or synonym of the hypothesis's (entailment), its antonym,
co-hyponym or another number (contradiction), its hypernym or an unrelated word of the same kind
(neutral). All three may say one modifier more. So the hypothesis alone, the length difference and
the numbers of new and lost words are the same under every label, by construction.

Paraphrase. Around a fact and the same fact with its roles, adjectives or numbers swapped stand four
pairs: each with itself (a paraphrase) and each with the other (none). The second sentence is
reordered, says synonyms, or both, alike in all four; as in PAWS (Zhang et al. 2019) the bag of
words tells nothing.

Paraphrase by words (`word_paraphrases`). The second fact differs from the first not by a swap but
in one word, by its antonym or a co-hyponym; the second sentence says that word by its synonym in
all four pairs. So each has one word that the other lacks, and only what the two words mean tells
the label.

Tags. Sentences whose words carry their part of speech (POS) or, as IOB2, the names of people and
places among them (NER). The training sentences know only half of the persons and cities (`KNOWN`).

Chapters: The laboratory; Feature aggregation (tags).
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ...languages import SOURCE
from .facts import (
    CITIES,
    EDITION,
    FIELDS,
    NAMES,
    PARTITIONS,
    Fact,
    World,
    animate,
    inventory,
    partition,
    readable,
    sample_in,
)
from .grammar import Token
from .lexicon import co_hyponyms, hyponyms, lexicon, synonyms

NLI_LABELS = ("entailment", "neutral", "contradiction")
PARAPHRASE_LABELS = ("different", "paraphrase")
NER_LABELS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
POS_LABELS = ("ADJ", "ADP", "AUX", "DET", "NOUN", "NUM", "PART", "PROPN", "VERB")
RETOLD = 0.35  # hypotheses in which one noun, place or colour is called by its hypernym
EXTENDED = 0.8  # groups whose premises shall say one modifier more (not all find a fitting one)
FRONTED = 0.7  # paraphrase groups whose second sentence opens with its adverbial
SAID_OTHERWISE = 0.5  # of the second sentence's words that have a synonym: said by it
HYPERNYM = 0.25  # neutral pairs whose premise says a hypernym where an unrelated word would do
TURNED = 0.3  # tagged sentences that open with their adverbial
KNOWN = frozenset((*NAMES[::2], *CITIES[::2]))  # the names that occur in tagged training sentences
SLOTS = (
    "agent", "verb", "patient", "agent_adjective", "patient_adjective",
    "agent_number", "patient_number", "place",
)  # fmt: skip


class Pair(NamedTuple):
    """Two facts and a label id; ``change`` names what was done, for looking at the data."""

    first: Fact
    second: Fact
    label: int
    second_fronted: bool
    change: str


@cache
def related(slot: str) -> dict[int, dict[str, list[tuple[int, str]]]]:
    """For each value of a slot in the hypothesis: label → (premise's value, relation) choices."""
    values = inventory()[slot]
    index = {value: i for i, value in enumerate(values)}
    table = {}
    acting = set(np.flatnonzero(animate()).tolist()) if slot == "agent" else set(index.values())
    for value, i in index.items():
        choices: dict[str, list[tuple[int, str]]] = {label: [] for label in NLI_LABELS}
        if slot.endswith("number"):
            choices["contradiction"] = [(j, "number") for j in index.values() if j != i]
            table[i] = choices
            continue
        item = lexicon()[value]
        below = {index[v] for v in hyponyms(value)}
        beside = {index[v] for v in co_hyponyms(value)}
        above = {index[item.hypernym]} if item.hypernym else set()
        opposite = {index[item.antonym]} if item.antonym else set()
        rest = set(index.values()) - below - beside - above - opposite - {i}
        for label, relation, ids in (
            ("entailment", "hyponym", below),
            ("contradiction", "antonym", opposite),
            ("contradiction", "co-hyponym", beside),
            ("neutral", "hypernym", above),
            ("neutral", "unrelated", rest),
        ):
            choices[label] += [(j, relation) for j in sorted(ids & acting)]
        table[i] = choices
    return table


def _worded(row: np.ndarray, rng: np.random.Generator) -> Fact:
    """A fact in words; of synonyms either is as likely."""
    fact = readable(row)
    words: dict[str, Any] = {}
    for slot in SLOTS:
        word = getattr(fact, slot)
        if word in lexicon() and synonyms(word) and rng.random() < 0.5:
            words[slot] = synonyms(word)[0]
    return fact._replace(**words)


def _pick(rng: np.random.Generator, options: list):
    return options[int(rng.integers(len(options)))]


def _retell(row: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Call one noun, place or colour of the fact by its hypernym, or leave the fact as it is."""
    options = []
    for slot in ("agent", "patient", "place", "agent_adjective", "patient_adjective"):
        value = int(row[FIELDS[slot]])
        if value >= 0:
            options += [
                (slot, j) for j, rel in related(slot)[value]["neutral"] if rel == "hypernym"
            ]
    row = row.copy()
    if options:
        slot, value = _pick(rng, options)
        row[FIELDS[slot]] = value
    return row


def _extended(
    row: np.ndarray, world: World, index: int, rng: np.random.Generator, tries: int = 256
) -> np.ndarray:
    """The fact with one modifier more, drawn from the world's preferences, in the same partition.

    Where none of ``tries`` draws stays in the partition, the fact as it is.
    """
    full = world.sample(rng, tries, np.repeat(row[None], tries, axis=0))
    longer = np.repeat(row[None], tries, axis=0)
    modifiers = ("agent_adjective", "patient_adjective", "name", "place")
    for draw, slot in enumerate(rng.integers(len(modifiers), size=tries)):
        more = (
            ("place", "preposition", "city") if modifiers[slot] == "place" else (modifiers[slot],)
        )
        if row[FIELDS[modifiers[slot]]] < 0:
            for part in more:
                longer[draw, FIELDS[part]] = full[draw, FIELDS[part]]
    fits = (partition(longer) == index) & (longer != row).any(axis=1)
    return longer[fits.argmax()] if fits.any() else row


def _sample(world: World, split: str, rng: np.random.Generator, count: int = 4096) -> Iterator:
    where = np.full(count, PARTITIONS.index(split))
    while True:
        yield from sample_in(world, rng, where)


def nli_pairs(world: World, split: str, groups: int) -> list[Pair]:
    """``groups`` × 3 pairs (premise, hypothesis), every fact of theirs in the split's partition."""
    index = PARTITIONS.index(split)
    rng = np.random.default_rng([EDITION, world.seed, 6, index])
    pairs: list[Pair] = []
    for row in _sample(world, split, rng):
        if rng.random() < RETOLD:
            row = _retell(row, rng)
            if partition(row[None])[0] != index:
                continue
        premise = _extended(row, world, index, rng) if rng.random() < EXTENDED else row
        hypothesis = _worded(row, rng)
        group = []
        for label in NLI_LABELS:
            made = _premise(premise, row, hypothesis, label, index, rng)
            if made is None:
                break
            group.append(Pair(made[0], hypothesis, NLI_LABELS.index(label), False, made[1]))
        if len(group) == len(NLI_LABELS):
            pairs += group
            if len(pairs) == groups * len(NLI_LABELS):
                return pairs
    raise AssertionError("unreachable: facts are drawn without end")


def _premise(premise, row, hypothesis: Fact, label: str, index: int, rng):
    """A premise for this label: (fact, "slot relation"), or None where the split holds none."""
    options: list[tuple[str, int, str]] = []
    for slot in SLOTS:
        value = int(row[FIELDS[slot]])
        if value < 0:
            continue
        options += [(slot, j, rel) for j, rel in related(slot)[value][label]]
        word = getattr(hypothesis, slot)
        if label == "entailment" and word in _with_synonyms():
            options.append((slot, value, "synonym"))
    relations = sorted({r for _, _, r in options})
    if len(relations) == 2 and label == "neutral":
        # A hypernym in the premise is seldom anything but neutral: too many would tell the label.
        relations = ["hypernym"] if rng.random() < HYPERNYM else ["unrelated"]
    if not relations:
        return None
    # First the relation, then the slot, then the word: or the many unrelated words and
    # co-hyponyms would drown the rest.
    relation = _pick(rng, relations)
    options = [o for o in options if o[2] == relation]
    if relation in ("unrelated", "co-hyponym"):  # may leave the fact's family
        options = _in_partition(premise, options, index)
        if not options:
            return None
    slot = _pick(rng, sorted({s for s, _, _ in options}))
    value = _pick(rng, [v for s, v, _ in options if s == slot])
    changed = premise.copy()
    changed[FIELDS[slot]] = value
    fact = _worded(changed, rng)
    # Whatever isn't changed is said by the hypothesis's own word.
    given: dict[str, Any] = {
        field: getattr(hypothesis, field)
        for field in SLOTS
        if field != slot and getattr(hypothesis, field) is not None
    }
    if relation == "synonym":
        given[slot] = synonyms(getattr(hypothesis, slot))[0]
    return fact._replace(**given), f"{slot} {relation}"


def _in_partition(premise: np.ndarray, options: list, index: int) -> list:
    """Those of the changes (slot, value, relation) that keep the premise in the partition."""
    rows = np.repeat(premise[None], len(options), axis=0)
    rows[np.arange(len(options)), [FIELDS[o[0]] for o in options]] = [o[1] for o in options]
    return [o for o, fits in zip(options, partition(rows) == index, strict=True) if fits]


@cache
def _with_synonyms() -> frozenset[str]:
    return frozenset(w for c in lexicon().values() for w in c.forms["en"] if len(c.forms["en"]) > 1)


def _swap(row: np.ndarray, what: str) -> np.ndarray | None:
    """The fact with its two nouns, adjectives or numbers swapped; None if that says nothing new."""
    a, b = ("agent", "patient") if what == "roles" else (f"agent_{what}", f"patient_{what}")
    i, j = FIELDS[a], FIELDS[b]
    if row[i] < 0 or row[j] < 0 or row[i] == row[j]:
        return None
    if what == "roles" and not animate()[row[j]]:
        return None
    swapped = row.copy()
    swapped[[i, j]] = row[[j, i]]
    return swapped


def _repeats_itself(row: np.ndarray) -> bool:
    """Whether a concept occurs twice: two words of it would make the bags of words differ."""
    return any(
        row[FIELDS[f"agent{part}"]] == row[FIELDS[f"patient{part}"]] >= 0
        for part in ("", "_adjective")
    )


def paraphrase_pairs(world: World, split: str, groups: int) -> list[Pair]:
    """``groups`` × 4 pairs, two of each label, every sentence's fact in the split's partition."""
    index = PARTITIONS.index(split)
    rng = np.random.default_rng([EDITION, world.seed, 7, index])
    pairs: list[Pair] = []
    facts = _sample(world, split, rng)
    while len(pairs) < groups * 4:
        what = ("roles", "adjective", "number")[(len(pairs) // 4) % 3]
        swapped = None
        while swapped is None or partition(swapped[None])[0] != index:
            row = next(facts)
            adverbial = max(row[FIELDS["place"]], row[FIELDS["name"]]) >= 0
            swapped = _swap(row, what) if adverbial and not _repeats_itself(row) else None
        fronted = rng.random() < FRONTED
        plain = _worded(row, rng)
        changeable = sorted({w for x in SLOTS if (w := getattr(plain, x)) in _with_synonyms()})
        otherwise = [word for word in changeable if rng.random() < SAID_OTHERWISE]
        if changeable and not otherwise and not fronted:
            otherwise = [_pick(rng, changeable)]
        fronted = fronted or not otherwise
        # The swapped fact uses the same words, so both sides have one bag of words.
        words = {getattr(plain, s): None for s in SLOTS}
        other = readable(swapped)
        alike: dict[str, Any] = {}
        for s in SLOTS:
            word = getattr(other, s)
            for form in synonyms(word) if word in lexicon() else ():
                if form in words:
                    alike[s] = form
        sides = {True: plain, False: other._replace(**alike)}
        again = {side: _say_otherwise(fact, otherwise) for side, fact in sides.items()}
        change = " ".join(filter(None, (what, "fronted" * fronted, "synonym" * bool(otherwise))))
        for one, two in ((True, True), (False, False), (True, False), (False, True)):
            pairs.append(Pair(sides[one], again[two], int(one == two), fronted, change))
    return pairs


def word_paraphrases(world: World, split: str, groups: int) -> list[Pair]:
    """``groups`` × 4 pairs, two of each label, every sentence's fact in the split's partition."""
    index = PARTITIONS.index(split)
    rng = np.random.default_rng([EDITION, world.seed, 7, index])
    pairs: list[Pair] = []
    for row in _sample(world, split, rng):
        if max(row[FIELDS["place"]], row[FIELDS["name"]]) < 0 or _repeats_itself(row):
            continue
        options = _contrasts(row)
        if not options:
            continue
        slot = _pick(rng, sorted({s for s, _ in options}))
        value = _pick(rng, [v for s, v in options if s == slot])
        changed = row.copy()
        changed[FIELDS[slot]] = value
        if partition(changed[None])[0] != index or _repeats_itself(changed):
            continue
        fronted = bool(rng.random() < FRONTED)
        plain = _worded(row, rng)
        words = lexicon()[inventory()[slot][value]].forms[SOURCE]
        contrast: dict[str, Any] = {slot: words[int(rng.integers(len(words)))]}
        other = plain._replace(**contrast)
        rest = {w for s in SLOTS if s != slot and (w := getattr(plain, s)) in _with_synonyms()}
        otherwise = [word for word in sorted(rest) if rng.random() < SAID_OTHERWISE]
        otherwise += [getattr(plain, slot), getattr(other, slot)]
        sides = {True: plain, False: other}
        again = {side: _say_otherwise(fact, otherwise) for side, fact in sides.items()}
        change = f"{slot} word" + " fronted" * fronted
        for one, two in ((True, True), (False, False), (True, False), (False, True)):
            pairs.append(Pair(sides[one], again[two], int(one == two), fronted, change))
        if len(pairs) == groups * 4:
            return pairs
    raise AssertionError("unreachable: facts are drawn without end")


def _contrasts(row: np.ndarray) -> list[tuple[str, int]]:
    """What may stand in a slot instead: an antonym or co-hyponym, both concepts with synonyms."""
    options = []
    for slot in SLOTS:
        value = int(row[FIELDS[slot]])
        if value < 0 or slot.endswith("number"):
            continue
        names = inventory()[slot]
        if len(lexicon()[names[value]].forms[SOURCE]) > 1:
            choices = related(slot)[value]["contradiction"]
            options += [(slot, j) for j, _ in choices if len(lexicon()[names[j]].forms[SOURCE]) > 1]
    return options


def _say_otherwise(fact: Fact, words: list[str]) -> Fact:
    """The fact with these words said by their synonyms, wherever they stand."""
    changes: dict[str, Any] = {
        s: synonyms(word)[0] for s in SLOTS if (word := getattr(fact, s)) in words
    }
    return fact._replace(**changes)


class Told(NamedTuple):
    """A fact to be tagged, and whether its adverbial opens the sentence."""

    fact: Fact
    fronted: bool


def told(world: World, split: str, sentences: int, names: bool) -> list[Told]:
    """``sentences`` facts of the split's partition, in words, to be tagged in any language.

    names: for NER, those of training facts are of `KNOWN`, so half of those in dev and test have
    never carried a tag.
    """
    rng = np.random.default_rng([EDITION, world.seed, 9 if names else 8, PARTITIONS.index(split)])
    facts: list[Told] = []
    for row in _sample(world, split, rng):
        fact = _worded(row, rng)
        fronted = bool(rng.random() < TURNED)
        mentioned = {fact.name, fact.city} - {None}
        if names and split == "train" and not mentioned <= KNOWN:
            continue
        facts.append(Told(fact, fronted))
        if len(facts) == sentences:
            break
    return facts


def iob2(tokens: list[Token]) -> list[str]:
    """The tag of each token: B- where a name begins, I- inside it, O elsewhere."""
    before = ["", *(token.entity for token in tokens)]
    return [
        f"{'I' if token.entity == last else 'B'}-{token.entity}" if token.entity else "O"
        for token, last in zip(tokens, before, strict=False)
    ]


def parts_of_speech(tokens: list[Token]) -> list[str]:
    """The universal part of speech of each token."""
    return [token.pos for token in tokens]

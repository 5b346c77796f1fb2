"""Captions as intermediate tasks read them: facts in pairs, each told twice, in one language alone.

The facts are those of the picture captions' training split. Two facts of a pair are alike but for
one part, or two: each is the other's distractor, so that the label of a match follows from neither
side alone. Both are told twice, in other words and another order, in the pair's one language: no
sentence has a translation among the others, and only pictures could tie the languages together.

Chapter: Intermediate tasks.
"""

from functools import cache
from itertools import combinations
from typing import NamedTuple

import numpy as np

from ...data.examples import Tagged
from ...errors import SaltError, unknown
from ...languages import SOURCE, XNLI_LANGUAGES
from ...models import loading
from ...models.encoding import Encoded, encode
from ..checkpoints import checkpoint
from ..minibabel.corpora import wording
from ..minibabel.facts import EDITION
from ..minibabel.grammar import words
from ..pictures import captions

LANGUAGES = XNLI_LANGUAGES  # those of `mini-xnli`
SPOKEN = ("en", "all")  # what tasks are in: English alone, or each pair in one of the languages
PARTS = 2  # in which the facts of a pair may differ, at most


class Tellings(NamedTuple):
    """Facts i and i ^ 1 are a pair.

    rows: (n,) their numbers among `captions.facts`. language: (n,) index into `LANGUAGES`. single:
    row 2 i + j is telling j of fact i.
    """

    rows: np.ndarray
    language: np.ndarray
    single: Encoded

    def __len__(self) -> int:
        return len(self.rows)


def neighbours(facts: np.ndarray, parts: int) -> np.ndarray:
    """Pairs (m, 2) of rows of facts (n, columns) that differ in one column, or up to ``parts``.

    Those in one come first. A row is in one pair at most. The same facts give the same pairs.
    """
    free, found = np.ones(len(facts), dtype=bool), []
    for count in range(1, parts + 1):
        for columns in combinations(range(facts.shape[1]), count):
            rows = np.flatnonzero(free)
            if len(rows) < 2:
                break
            _, group = np.unique(np.delete(facts[rows], columns, 1), axis=0, return_inverse=True)
            order = np.argsort(group.ravel(), kind="stable")
            group = group.ravel()[order]
            first = np.r_[True, group[1:] != group[:-1]]
            place = np.arange(len(group)) - np.flatnonzero(first)[first.cumsum() - 1]
            at = np.flatnonzero((place[:-1] % 2 == 0) & (group[1:] == group[:-1]))
            pairs = rows[order[np.stack([at, at + 1], axis=1)]]
            free[pairs.ravel()] = False
            found.append(pairs)
    return np.concatenate(found) if found else np.empty((0, 2), dtype=np.int64)


@cache
def paired(world: int) -> np.ndarray:
    """All pairs (m, 2) of a world's training facts, in a random order."""
    pairs = neighbours(captions.facts(world, "train"), PARTS)
    return np.random.default_rng([EDITION, world, 22]).permutation(pairs)


@cache
def tellings(world: int, spoken: str, facts: int) -> Tellings:
    """The first ``facts`` of a world's paired training facts, told twice.

    spoken: "en", or "all" for each pair in one of `LANGUAGES`, by turns. Fewer are among more.
    Raises SaltError for another ``spoken``, an odd number, and more facts than there are in pairs.
    """
    if spoken not in SPOKEN:
        raise unknown("choice of languages", spoken, SPOKEN)
    pairs = paired(world)
    if facts < 2 or facts % 2 or facts > pairs.size:
        raise SaltError(
            f"{facts} facts in pairs: an even number from 2 to {pairs.size} is there in world "
            f"{world}"
        )
    rows = pairs[: facts // 2].ravel()
    language = np.arange(facts) // 2 % len(LANGUAGES)
    if spoken == SOURCE:
        language = np.full(facts, LANGUAGES.index(SOURCE))
    return told(world, "train", rows, language)


@cache
def held_out(world: int) -> Tellings:
    """The English dev facts, in pairs that differ in one part: of each group of a pool the first
    two. For looking whether an intermediate task was learned, and in the tuning world at which
    learning rates; nothing else is chosen by it."""
    size = len(captions.facts(world, "dev"))
    rows = np.arange(size).reshape(-1, captions.GROUP)[:, :2].ravel()
    return told(world, "dev", rows, np.full(len(rows), LANGUAGES.index(SOURCE)))


def told(world: int, split: str, rows: np.ndarray, language: np.ndarray) -> Tellings:
    """Facts of a split, in pairs, told twice in their languages.

    The second telling opens with its adverbial, where there is one; of synonyms each is drawn.
    Raises SaltError for an odd number of facts, and for a fact without a picture, of which there is
    no caption.
    """
    count = len(captions.facts(world, split))
    if len(rows) % 2 or (len(rows) and not 0 <= rows.min() <= rows.max() < count):
        raise SaltError(
            f"{len(rows)} facts, numbered up to {max(rows, default=-1)}: {split} has {count} with "
            "a picture, and they are told in pairs"
        )
    facts = captions.facts(world, split)[rows]
    texts: list[list[list[str]]] = []
    for j in range(2):
        worded = wording(facts, np.random.default_rng([EDITION, world, 23, j]))
        texts.append(
            [words(f, LANGUAGES[at], j == 1) for f, at in zip(worded, language, strict=True)]
        )
    single = [texts[j][i] for i in range(len(rows)) for j in range(2)]
    tokenizer = loading.tokenizer(checkpoint(world))
    sentences = encode(tokenizer, Tagged(single, [[0] * len(s) for s in single], ("caption",)))
    if len(sentences) != len(single):
        raise SaltError(f"{split} captions: one has more tokens than the model reads")
    return Tellings(rows, language, sentences)

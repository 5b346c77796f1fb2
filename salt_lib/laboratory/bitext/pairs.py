"""Pairs of sentences, English and another language's: true translations, strangers, or a copy in
which SALT's own substitutions stand.

Facts of a bitext are drawn anew in the other language's own partition (`facts.partition`): no fact
of a task's split, and none of English text, is among them. Both sides use the same synonyms, as a
translator would; each side opens with its adverbial or not on its own.

Chapter: Bitext.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ...data.examples import Tagged
from ...errors import SaltError
from ...languages import LANGUAGES, SOURCE
from ...models import loading
from ...models.encoding import encode
from ...salt import distill, predictions
from ...salt.vocabulary import piece_ids, words_by_language
from ..minibabel import corpora
from ..minibabel.facts import EDITION, PARTITIONS, World, sample_in
from ..minibabel.grammar import sentence

MOST = 100_000  # pairs in all; fewer are among these
RICH = 0.75  # the share of text from which on a language is rich
BLOCK = 1_000  # facts that are drawn at a time
AT_ONCE, TRIES = 4_096, 20  # English sentences looked at at a time, and how many for each kept


def left_out(rich: bool) -> tuple[str, ...]:
    """The languages of a tier that no bitext has: every third, in alphabetical order."""
    return tuple(sorted(c for c in TARGETS if (LANGUAGES[c].share >= RICH) == rich)[2::3])


TARGETS = tuple(sorted(code for code in LANGUAGES if code != SOURCE))
LEFT_OUT = (*left_out(True), *left_out(False))
ALIGNED = tuple(code for code in TARGETS if code not in LEFT_OUT)


@dataclass(frozen=True)
class Told:
    """Pairs of sentences as words. first: English; second: of each pair's language in ``codes``.

    replaced: of each pair the numbers of the words that stand in the place of English ones, where
    ``second`` is a copy; None where it is a sentence of its own.
    """

    codes: tuple[str, ...]
    first: tuple[str, ...]
    second: tuple[str, ...]
    replaced: tuple[tuple[int, ...], ...] | None = None

    def __len__(self) -> int:
        return len(self.codes)


def shares(count: int, languages: Sequence[str] = ALIGNED) -> dict[str, int]:
    """Language → how many of ``count`` pairs it has: equal shares, but for one.

    SaltError: fewer pairs than two a language, or more than `MOST`.
    """
    if not 2 * len(languages) <= count <= MOST:
        raise SaltError(f"{count} pairs: from {2 * len(languages)} to {MOST:,} can be made")
    each, more = divmod(count, len(languages))
    return {code: each + (i < more) for i, code in enumerate(languages)}


def facts(world: int, code: str, count: int) -> np.ndarray:
    """(count, 12) what a language's bitext tells; fewer are the first of more."""
    universe, index = World(world), PARTITIONS.index(code)
    blocks = [
        sample_in(
            universe, np.random.default_rng([EDITION, world, 50, index, i]), np.full(BLOCK, index)
        )
        for i in range(-(-count // BLOCK))
    ]
    return np.concatenate(blocks)[:count]


def bitext(world: int, count: int) -> Told:
    """``count`` pairs that mean the same, language after language. See `shares` for errors."""
    codes: list[str] = []
    sides: tuple[list[str], list[str]] = ([], [])
    for code, size in shares(count).items():
        rows = facts(world, code, size)
        index = PARTITIONS.index(code)
        fronted = np.random.default_rng([EDITION, world, 51, index]).random((size, 2))
        words = np.random.default_rng([EDITION, world, 52, index])
        said = list(corpora.wording(rows, words))
        for side, (of, language) in enumerate(zip(sides, (SOURCE, code), strict=True)):
            of += [
                sentence(f, language, bool(fronted[i, side] < corpora.FRONTED))
                for i, f in enumerate(said)
            ]
        codes += [code] * size
    return Told(tuple(codes), tuple(sides[0]), tuple(sides[1]))


def shuffled(told: Told, seed: int) -> Told:
    """The same sentences; each English one beside another's partner, in the same language."""
    rng, partner = np.random.default_rng([EDITION, seed, 53]), np.arange(len(told))
    codes = np.array(told.codes)
    for code in dict.fromkeys(told.codes):
        ring = rng.permutation(np.flatnonzero(codes == code))
        partner[ring] = np.roll(ring, 1)  # nobody keeps their own
    return replace(told, second=tuple(told.second[i] for i in partner))


def distilled(world: int, checkpoint: Path, count: int, threshold: float) -> Told:
    """English sentences, each beside a copy with what a checkpoint's own substitutions replace.

    No parallel text: the sentences are of facts of the English partition, and a word is replaced
    where the head's best word of the copy's language, the word being seen, has at least the
    probability ``threshold`` (`salt.distill`). One language a copy, equal shares of all. Sentences
    in which nothing is replaced are passed over; SaltError where too few are left in a language.
    """
    made: list[tuple[str, str, str, tuple[int, ...]]] = []
    words = Words.of(checkpoint)
    for code, size in shares(count, TARGETS).items():
        rng = np.random.default_rng([EDITION, world, 54, PARTITIONS.index(code)])
        kept: list[tuple[str, str, str, tuple[int, ...]]] = []
        for _ in range(2 + TRIES * size // AT_ONCE):
            said = english(world, AT_ONCE, rng)
            kept += [(code, *one) for one in words.replace(said, code, threshold)]
            if len(kept) >= size:
                break
        else:
            raise SaltError(
                f"{checkpoint}: {len(kept)} English sentences have a substitution of probability "
                f"{threshold} in {code!r}, and {size} are needed; lower the threshold"
            )
        made += kept[:size]
    codes, first, second, replaced = zip(*made, strict=True)
    return Told(codes, first, second, replaced)


def english(world: int, count: int, rng: np.random.Generator) -> list[str]:
    """English sentences, as English text has them, of facts of its partition."""
    rows = sample_in(World(world), rng, np.full(count, PARTITIONS.index(SOURCE)))
    fronted = rng.random(count) < corpora.FRONTED
    told = corpora.wording(rows, rng)
    return [sentence(f, SOURCE, bool(front)) for f, front in zip(told, fronted, strict=True)]


@dataclass(frozen=True)
class Words:
    """A checkpoint that says words in another language. ids: language → its whole words' ids."""

    tokenizer: PreTrainedTokenizerBase
    model: PreTrainedModel
    ids: dict[str, np.ndarray]

    @classmethod
    def of(cls, checkpoint: Path) -> "Words":
        """The words of a checkpoint that has the counts of its languages' words beside it."""
        tokenizer, counts = loading.tokenizer(checkpoint), words_by_language(checkpoint)
        pieces = tokenizer.get_vocab()
        ids = {code: piece_ids(counts[code], pieces) for code in counts}
        return cls(tokenizer, loading.masked_lm(checkpoint), ids)

    def replace(
        self, said: Sequence[str], code: str, threshold: float
    ) -> list[tuple[str, str, tuple[int, ...]]]:
        """Of the sentences in which anything is replaced: sentence, copy, and which words were."""
        split = [one.split() for one in said]
        rows = encode(
            self.tokenizer, Tagged(split, [[0] * len(one) for one in split], ("sentence",))
        )
        written = {number: piece for piece, number in self.tokenizer.get_vocab().items()}
        begins = torch.tensor([not written[i].startswith("##") for i in rows.ids.tolist()])
        vocabularies = {c: self.ids[c] for c in (SOURCE, code)}
        instead: dict[int, dict[int, str]] = {}
        for found in distill.predict(self.model, rows, vocabularies):
            kept = predictions.select(found.to_pandas(), threshold, threshold)
            kept = kept[kept["language"] == code]
            places = zip(kept["example"], kept["position"], kept["token"], strict=True)
            for example, position, piece in places:
                low = int(rows.start[example])
                word = int(begins[low : low + position].sum()) - 1  # less [CLS]
                instead.setdefault(int(example), {})[word] = written[piece]
        return [
            (
                said[i],
                " ".join(by.get(n, word) for n, word in enumerate(split[i])),
                tuple(sorted(by)),
            )
            for i, by in sorted(instead.items())
        ]

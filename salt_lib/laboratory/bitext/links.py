"""Which pieces of a pair belong together: a statistical aligner's links, or the replaced words.

The aligner is the field's: FastAlign (Dyer et al. 2013), a model in either direction for each
language, trained on the arm's own pairs and on nothing else; a link is what both directions say
(their intersection), so that a piece has one partner or none. It comes with `sil-thot`, an extra.

Chapter: Bitext.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from ...errors import SaltError
from ...languages import LANGUAGES, SOURCE
from ...pretraining.wordpiece import MAX_LENGTH, PAD
from ..minibabel.lexicon import concept_of, concepts_of_form, lexicon
from .pairs import Told

NUMBERS = {code: number for number, code in enumerate(LANGUAGES)}
LONGEST = (MAX_LENGTH - 3) // 2  # pieces of a sentence, so that two of them can be read as one
PASSES = 5  # of the aligner's training over its pairs, as many as fast_align makes
NONE = -1
WAYS = ((0, 1), (1, 0))
Link = tuple[int, int]


@dataclass(frozen=True)
class Bitext:
    """Pairs as pieces, both sides: 0, English, and 1, the other.

    pair: (n,) the number of each pair's language, in the order of `LANGUAGES`. ids: (2, n, longest)
    without special tokens, padded. length: (2, n). language: (2, n, longest) the number of each
    piece's language. link: (2, n, longest) the place of the piece on the other side that a piece is
    linked with, `NONE` for none.
    """

    pair: Tensor
    ids: Tensor
    length: Tensor
    language: Tensor
    link: Tensor

    def __len__(self) -> int:
        return len(self.pair)

    def rows(self, which: Tensor) -> "Bitext":
        """Some of its pairs."""
        both = (x[:, which] for x in (self.ids, self.length, self.language, self.link))
        return Bitext(self.pair[which], *both)

    def to(self, device: str) -> "Bitext":
        """The same on a device."""
        parts = (self.pair, self.ids, self.length, self.language, self.link)
        return Bitext(*(part.to(device) for part in parts))

    def linked(self) -> Tensor:
        """(links, 3) of each link its pair, its place in English, its place on the other side."""
        pair, first = (self.link[0] != NONE).nonzero(as_tuple=True)
        return torch.stack([pair, first, self.link[0, pair, first].long()], dim=1)


def tokenized(told: Told, tokenizer: PreTrainedTokenizerBase) -> Bitext:
    """Pairs as pieces. Of a copy the replaced words are linked with what they replace; of other
    pairs nothing is linked yet. SaltError: a sentence has more pieces than can be read."""
    size, codes = len(told), np.array([NUMBERS[code] for code in told.codes])
    ids = np.full((2, size, LONGEST), PAD, dtype=np.int32)
    length, link = np.zeros((2, size), dtype=np.int64), np.full(ids.shape, NONE, dtype=np.int8)
    language = np.full(ids.shape, NUMBERS[SOURCE], dtype=np.int8)
    if told.replaced is None:
        language[1] = codes[:, None]
    words: list[list[list[int]]] = []  # of either side each sentence's pieces' words
    for side, said in enumerate((told.first, told.second)):
        rows = tokenizer(list(said), add_special_tokens=False).encodings
        length[side] = [len(row) for row in rows]
        if length[side].max() > LONGEST:
            worst = int(length[side].argmax())
            raise SaltError(
                f"{said[worst]!r} has {length[side, worst]} pieces, and {LONGEST} can be read; "
                "shorten it"
            )
        inside = np.arange(LONGEST) < length[side][:, None]
        ids[side][inside] = [piece for row in rows for piece in row.ids]
        words.append([row.word_ids for row in rows] if told.replaced is not None else [])
    for i, which in enumerate(told.replaced or ()):
        for word in which:  # one piece on both sides, for a substitution is a whole word
            one, other = (of[i].index(word) for of in words)
            link[0, i, one], link[1, i, other] = other, one
            language[1, i, other] = codes[i]
    return Bitext(*map(torch.from_numpy, (codes, ids, length, language, link)))


def align(first: Sequence[Sequence[str]], second: Sequence[Sequence[str]]) -> list[list[Link]]:
    """Of each pair of sentences (as pieces) its links: place in the first, place in the second.

    Deterministic. Raises SaltError where `sil-thot` is not installed.
    """
    library, models = _library(), []
    for source, target in ((first, second), (second, first)):
        model = library.FastAlignModel()
        for one, other in zip(source, target, strict=True):
            model.add_sentence_pair(list(one), list(other), 1)
        model.start_training()
        for _ in range(PASSES):
            model.train()
        model.end_training()
        models.append(model)
    both = library.SymmetrizedAlignmentModel(*models)
    both.heuristic = library.SymmetrizationHeuristic.INTERSECTION
    found = both.get_best_alignments([list(s) for s in first], [list(s) for s in second])
    return [list(zip(*map(list, np.nonzero(m.to_numpy())), strict=True)) for _, m in found]


def _library() -> ModuleType:
    try:
        from thot import alignment
    except ImportError as error:
        raise SaltError(
            "the aligner FastAlign is not installed: `pip install 'salt-lib[align]'` (on Linux "
            "with an ARM processor there is no ready-made one)"
        ) from error
    return alignment


def aligned(bitext: Bitext, tokenizer: PreTrainedTokenizerBase) -> Bitext:
    """The pairs with the aligner's links; see `align` for errors."""
    written = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    link = torch.full_like(bitext.link, NONE)
    for number in torch.unique(bitext.pair).tolist():
        rows = (bitext.pair == number).nonzero()[:, 0]
        sides = [
            [
                [written[p] for p in ids[:size]]
                for ids, size in zip(
                    bitext.ids[side, rows].tolist(), bitext.length[side, rows].tolist(), strict=True
                )
            ]
            for side in (0, 1)
        ]
        for row, links in zip(rows.tolist(), align(*sides), strict=True):
            for one, other in links:
                link[0, row, one], link[1, row, other] = other, one
    return Bitext(bitext.pair, bitext.ids, bitext.length, bitext.language, link)


def words_of(pieces: Sequence[str]) -> tuple[list[str], list[int]]:
    """Of a sentence's pieces its words, and of each piece the number of its word."""
    words: list[str] = []
    number = []
    for piece in pieces:
        if piece.startswith("##") and words:
            words[-1] += piece[2:]
        else:
            words.append(piece)
        number.append(len(words) - 1)
    return words, number


def same(one: str, other: str, code: str) -> bool:
    """Whether an English word and one of a language mean the same; names and numbers do where they
    are the same string."""
    ours, theirs = concept_of().get(one), concepts_of_form(code).get(other)
    if ours is None or theirs is None:
        return one == other
    return ours in theirs


def quality(bitext: Bitext, tokenizer: PreTrainedTokenizerBase) -> dict[str, dict[str, float]]:
    """Language → how good its links are, by the world's true translations; see `shares_right`."""
    written = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    found: dict[str, list[tuple[int, ...]]] = {}
    codes = list(LANGUAGES)
    for i, number in enumerate(bitext.pair.tolist()):
        ours, theirs = (
            [written[p] for p in bitext.ids[s, i, : bitext.length[s, i]].tolist()] for s in (0, 1)
        )
        links = [(p, q) for p, q in enumerate(bitext.link[0, i].tolist()) if q != NONE]
        found.setdefault(codes[number], []).append(judge(ours, theirs, links, codes[number]))
    return {code: shares_right(counts) for code, counts in found.items()}


def judge(
    ours: Sequence[str], theirs: Sequence[str], links: Sequence[Link], code: str
) -> tuple[int, ...]:
    """Counts of one pair: links, right ones, English content words, those with a right link."""
    (one, in_one), (other, in_other) = words_of(ours), words_of(theirs)
    right = [(p, q) for p, q in links if same(one[in_one[p]], other[in_other[q]], code)]
    content = {n for n, word in enumerate(one) if is_content(word)}
    reached = {in_one[p] for p, _ in right} & content
    return len(links), len(right), len(content), len(reached)


def is_content(word: str) -> bool:
    """Whether an English word is in the lexicon, as a noun, verb, adjective or place."""
    concept = concept_of().get(word)
    return concept is not None and lexicon()[concept].kind != "function"


def shares_right(counts: Sequence[Sequence[int]]) -> dict[str, float]:
    """links: a pair; right: the share of them that join words of one meaning; found: the share of
    English content words with a right link."""
    links, right, content, reached = np.sum(counts, axis=0).tolist()
    return {
        "links": round(links / len(counts), 3),
        "right": round(right / max(1, links), 4),
        "found": round(reached / max(1, content), 4),
    }

"""Tokens: sentence pairs and tagged sentences as flat arrays of token ids.

Chapter: Training over 15 seeds.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
from transformers import (
    PreTrainedTokenizerBase,
)

from ..data.examples import PIECE, Tagged
from ..errors import SaltError, unknown
from . import words as text_words

IGNORE = -100  # the label of what has none: torch's cross-entropy leaves it out
# Where a word's tag stands. XLM-R's kind of tokenizer turns many words of languages without spaces
# into a bare word mark and the word: XTREME tags, and reads, the mark.
PLACEMENTS = ("first", "lettered", "mean")
_NONE = torch.zeros(0, dtype=torch.int64)


@dataclass(frozen=True)
class Encoded:
    """Tokenized pairs, [CLS] first [SEP] second [SEP], as flat arrays of unequal rows.

    ids, segments: tensors of token and segment ids, row by row. start: (n + 1,) where rows begin.
    whole: mask of tokens that are complete words (`words.complete`). labels: (n,).

    Tagged sentences, [CLS] sentence [SEP], have a label for every token instead, (tokens,): the
    tag's at one piece of a word, `IGNORE` elsewhere. tags: the names of label ids, empty for
    pairs. sentence: (n,) which sentence a row belongs to, empty for pairs; one that is too long
    takes several rows. word: (tokens,) the number of the word that a token is a piece of, −1 for
    none, where a word is tagged by the mean over its pieces; empty otherwise.
    """

    ids: torch.Tensor
    segments: torch.Tensor
    whole: torch.Tensor
    start: torch.Tensor
    labels: torch.Tensor
    tags: tuple[str, ...] = ()
    sentence: torch.Tensor = _NONE
    word: torch.Tensor = _NONE

    def __len__(self) -> int:
        return len(self.start) - 1

    def part(self, low: int, high: int) -> "Encoded":
        """Rows ``low`` to ``high``."""
        at = slice(int(self.start[low]), int(self.start[min(high, len(self))]))
        flat = (self.ids[at], self.segments[at], self.whole[at])
        start = self.start[low : high + 1] - self.start[low]
        labels = self.labels[at] if self.tags else self.labels[low:high]
        sentence, word = self.sentence[low:high], self.word[at]
        return Encoded(*flat, start, labels, self.tags, sentence, word)

    @property
    def lengths(self) -> torch.Tensor:
        """(n,) tokens in each row."""
        return self.start[1:] - self.start[:-1]

    def row(self, i: int) -> torch.Tensor:
        """The token ids of one example."""
        return self.ids[self.start[i] : self.start[i + 1]]


def encode(
    tokenizer: PreTrainedTokenizerBase,
    pairs,
    truncate: bool = False,
    longest: int | None = None,
    placement: str = "first",
) -> Encoded:
    """Tokenize sentence pairs (`examples.Pairs`), or tagged sentences (`examples.Tagged`).

    A pair longer than ``longest`` tokens, by default what the model can read, is an error naming
    it, or, with ``truncate``, cut at the end of its longer sentence. A tagged sentence goes on in
    another row instead, so that no tag is lost. No pair or sentence at all is an error as well.

    placement: where the tag of a word in several pieces stands, one of `PLACEMENTS`: "first", at
    its first piece, as in XTREME (Hu et al. 2020); "lettered", at the first that is more than a
    word mark, which for WordPiece is the same; "mean", read from the mean over all of them.
    """
    if placement not in PLACEMENTS:
        raise unknown("placement of tags", placement, PLACEMENTS)
    if isinstance(pairs, Tagged):
        return _encode_tagged(tokenizer, pairs, longest, placement)
    pieces = list(encode_pieces(tokenizer, pairs, truncate, longest))
    lengths = torch.cat([piece.lengths for piece in pieces])
    start = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])
    ids, segments, whole, labels = (
        torch.cat([getattr(piece, name) for piece in pieces])
        for name in ("ids", "segments", "whole", "labels")
    )
    return Encoded(ids, segments, whole, start, labels)


def encode_pieces(
    tokenizer: PreTrainedTokenizerBase, pairs, truncate: bool = False, longest: int | None = None
) -> Iterator[Encoded]:
    """As `encode`, `PIECE` pairs at a time: what the tokenizer tells of a pair takes memory."""
    if not len(pairs):
        raise SaltError("no sentence pairs to encode: the data set is empty")
    for low in range(0, len(pairs), PIECE):
        yield _encode(tokenizer, pairs, low, truncate, longest)


def _encode(tokenizer, pairs, low: int, truncate: bool, longest: int | None) -> Encoded:
    limit = min(longest or tokenizer.model_max_length, tokenizer.model_max_length)
    first, second = (part[low : low + PIECE] for part in (pairs.first, pairs.second))
    tokenized = tokenizer(
        first,
        second,
        add_special_tokens=True,
        truncation="longest_first" if truncate else False,
        max_length=limit if truncate else None,
        return_token_type_ids=True,
    )
    lengths = [len(row) for row in tokenized["input_ids"]]
    for i, length in enumerate(lengths):
        if length > limit:
            raise SaltError(
                f"pair {low + i} has {length} tokens, the model reads {limit}: "
                f"{first[i][:60]!r} …; shorten it or pass truncate=True"
            )
    whole: list[bool] = []
    mark, apart = text_words.word_mark(tokenizer), text_words.takes_han_apart(tokenizer)
    for encoding, texts in zip(tokenized.encodings, zip(first, second, strict=True), strict=True):
        sides, offsets = encoding.sequence_ids, encoding.offsets
        bare = {at for at, piece in enumerate(encoding.tokens) if piece == mark}
        marks = [False] * len(sides)
        for side, text in enumerate(texts):
            own = [at for at, one in enumerate(sides) if one == side and at not in bare]
            known = text_words.complete(text, [offsets[at] for at in own], apart)
            for at, is_whole in zip(own, known, strict=True):
                marks[at] = is_whole
        whole += marks
    return Encoded(
        torch.tensor([i for row in tokenized["input_ids"] for i in row], dtype=torch.int64),
        torch.tensor([i for row in tokenized["token_type_ids"] for i in row], dtype=torch.int64),
        torch.tensor(whole, dtype=torch.bool),
        torch.tensor([0, *lengths], dtype=torch.int64).cumsum(0),
        torch.tensor(pairs.labels[low : low + PIECE], dtype=torch.int64),
    )


def _encode_tagged(tokenizer, data: Tagged, longest: int | None, placement: str) -> Encoded:
    if not len(data):
        raise SaltError("no sentences to encode: the data set is empty")
    limit = min(longest or tokenizer.model_max_length, tokenizer.model_max_length)
    room = limit - tokenizer.num_special_tokens_to_add()
    distinct = list(dict.fromkeys(word for words in data.words for word in words))
    pieces = tokenizer(distinct, add_special_tokens=False)["input_ids"]
    length = {word: len(word_pieces) for word, word_pieces in zip(distinct, pieces, strict=True)}
    rows: list[list[str]] = []
    labels: list[list[int]] = []
    sentence: list[int] = []
    for number, (words, word_labels) in enumerate(zip(data.words, data.labels, strict=True)):
        used = room  # so that the first word opens a row
        for word, label in zip(words, word_labels, strict=True):
            if used + (length[word] or 1) > room or not sentence or sentence[-1] != number:
                rows.append([])
                labels.append([])
                sentence.append(number)
                used = 0
            used += length[word] or 1
            # A word of which the tokenizer leaves nothing would take its tag with it.
            rows[-1].append(word if length[word] else tokenizer.unk_token)
            labels[-1].append(label)
    tokenized = tokenizer(rows, is_split_into_words=True, truncation=True, max_length=limit)
    whole: list[bool] = []
    flat, numbers, count = [], [], 0
    mark, apart = text_words.word_mark(tokenizer), text_words.takes_han_apart(tokenizer)
    for encoding, row, row_labels in zip(tokenized.encodings, rows, labels, strict=True):
        whole += _whole_words(encoding, row, mark, apart)
        places = _places(encoding.word_ids, encoding.tokens, mark, placement == "lettered")
        for at, word in enumerate(encoding.word_ids):
            flat.append(row_labels[word] if at == places.get(word) else IGNORE)
            numbers.append(-1 if word is None else count + word)
        count += len(row_labels)
    ids = torch.tensor([i for row in tokenized["input_ids"] for i in row], dtype=torch.int64)
    return Encoded(
        ids,
        torch.zeros_like(ids),
        torch.tensor(whole, dtype=torch.bool),
        torch.tensor([0, *map(len, tokenized["input_ids"])], dtype=torch.int64).cumsum(0),
        torch.tensor(flat, dtype=torch.int64),
        data.names,
        torch.tensor(sentence, dtype=torch.int64),
        torch.tensor(numbers, dtype=torch.int64) if placement == "mean" else _NONE,
    )


def _whole_words(encoding, row: list[str], mark: str, apart: bool) -> list[bool]:
    """Which tokens are all there is of a given word, but for punctuation at it."""
    text = " ".join(row)
    starts = [0, *accumulate(len(word) + 1 for word in row)]
    known = sorted(text_words.words(text, apart))
    lows = [low for low, _ in known]
    alone = [bisect_left(lows, b) - bisect_left(lows, a) == 1 for a, b in pairwise(starts)]
    marks = [False] * len(encoding)
    own = [
        at
        for at, word in enumerate(encoding.word_ids)
        if word is not None and encoding.tokens[at] != mark
    ]
    spans = []
    for at in own:
        start, (low, high) = starts[encoding.word_ids[at]], encoding.offsets[at]
        spans.append((start + low, start + high))
    for at, is_whole in zip(own, text_words.complete(text, spans, apart), strict=True):
        marks[at] = is_whole and alone[encoding.word_ids[at]]
    return marks


def _places(
    words: list[int | None], pieces: list[str], mark: str, lettered: bool
) -> dict[int | None, int]:
    """Word → the position of the piece that carries its tag."""
    places: dict[int | None, int] = {}
    for at, word in enumerate(words):
        if word is None:
            continue
        bare = lettered and word in places and pieces[places[word]] == mark
        if word not in places or bare:
            places[word] = at
    return places


def pooled(logits: torch.Tensor, encoded: Encoded, rows: torch.Tensor) -> torch.Tensor:
    """The logits (batch, longest, labels) of tagged rows, each word's pieces with their mean where
    the data are tagged so (`Encoded.word`), else as they are.

    The head being linear, this is the head's answer to the mean of the pieces' vectors.
    """
    if not len(encoded.word):
        return logits
    at, inside = positions(encoded, rows)
    words = encoded.word[at].where(inside, -1).to(logits.device)
    piece = words >= 0
    distinct, inverse = words[piece].unique(return_inverse=True)
    sums = logits.new_zeros(len(distinct), logits.shape[-1]).index_add(0, inverse, logits[piece])
    counts = torch.bincount(inverse, minlength=len(distinct)).to(logits.dtype)
    mean = sums / counts[:, None]
    return logits.masked_scatter(piece[..., None], mean[inverse])


def positions(encoded: Encoded, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Where the tokens of ``rows`` stand in the flat arrays, and which are tokens: no padding.

    Both (batch, longest); the first holds some valid number at padding too.
    """
    start, end = encoded.start[rows], encoded.start[rows + 1]
    at = start[:, None] + torch.arange(int((end - start).max()))
    return at.clamp(max=len(encoded.ids) - 1), at < end[:, None]


def batch(encoded: Encoded, rows: torch.Tensor, flat: torch.Tensor, fill: int = 0) -> torch.Tensor:
    """Rows of a flat per-token tensor as one padded (batch, longest) tensor."""
    at, inside = positions(encoded, rows)
    return torch.where(inside, flat[at], fill)

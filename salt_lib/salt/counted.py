"""What one pass through a language's text counts: entries of a vocabulary, and words as written.

Chapter: At paper scale.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from ..data.examples import PIECE, Pairs
from ..models import encoding, loading
from .segmenting import chosen
from .word_rules import inside_sentences


@dataclass(frozen=True)
class Counted:
    """How often vocabulary entries that have a letter occur, and words.

    whole: entries that are complete words. pieces: all entries. segmented: the words of a
    segmenter, None without one. inside: words inside sentences (`word_rules.inside_sentences`).
    """

    whole: dict[str, int]
    pieces: dict[str, int]
    segmented: Counter[str] | None = None
    inside: Counter[str] = field(default_factory=Counter)

    def words_inside(self, minimum: int, letters: bool, segmented: bool = True) -> dict[str, int]:
        """The entries that are words inside a stretch without spaces, with their counts.

        Those that the segmenter has found ``minimum`` times; without one, or without
        ``segmented``, all of more than one letter. letters: whether one letter may be a word too.
        """
        known = self.segmented if segmented else None

        def is_word(bare: str) -> bool:
            return (letters or len(bare) > 1) if known is None else known[bare] >= minimum

        return {e: n for e, n in self.pieces.items() if is_word(e.removeprefix("▁"))}


def count_text(
    checkpoint: str | Path, lines: Iterable[str], language: str, segment: str = "auto"
) -> Counted:
    """Count a text, a sentence a line, by a checkpoint's tokenizer.

    language: its code, for the segmenter. segment: "auto", "always" or "never", see
    `segmenting.chosen`. The text is compared as NFKC, which SentencePiece's entries are in.
    """
    tokenizer, segmenter = loading.tokenizer(checkpoint), chosen(language, segment)
    whole: Counter[int] = Counter()
    every: Counter[int] = Counter()
    inside: Counter[str] = Counter()
    segmented: Counter[str] = Counter()
    lines = iter(lines)
    while some := list(islice(lines, PIECE)):
        piece = encoding.encode(tokenizer, Pairs(some, [""] * len(some), [0] * len(some)), True)
        whole.update(piece.ids[piece.whole].tolist())
        every.update(piece.ids.tolist())
        normal = [unicodedata.normalize("NFKC", line) for line in some]
        inside.update(inside_sentences(normal))
        if segmenter is not None:
            segmented.update(word for line in normal for word in segmenter(line))
    return Counted(
        _named(tokenizer, whole),
        _named(tokenizer, every),
        None if segmenter is None else segmented,
        inside,
    )


def _named(tokenizer, counts: Counter[int]) -> dict[str, int]:
    """Entries that have a letter, no special tokens, with their counts."""
    special = {*tokenizer.all_special_ids}
    ids = [i for i in counts if i not in special]
    entries = zip(tokenizer.convert_ids_to_tokens(ids), ids, strict=True)
    return {entry: counts[i] for entry, i in entries if any(map(str.isalpha, entry))}

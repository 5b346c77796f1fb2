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
from ..models.words import is_word, surface
from .segmenting import chosen
from .word_rules import TextOf, inside_sentences


@dataclass(frozen=True)
class Counted:
    """How often vocabulary entries that have a letter occur, and words.

    whole: entries as complete words (`models.words.complete`). pieces: entries anywhere, but none
    with punctuation in it or without a word's beginning. segmented: the words of a segmenter, None
    without one. inside: words inside sentences (`word_rules.inside_sentences`).
    """

    whole: dict[str, int]
    pieces: dict[str, int]
    segmented: Counter[str] | None = None
    inside: Counter[str] = field(default_factory=Counter)

    def words_inside(
        self, minimum: int, letters: bool, text_of: TextOf, segmented: bool = True
    ) -> dict[str, int]:
        """The entries that are words inside a stretch without spaces, with their counts.

        Those that the segmenter has found ``minimum`` times; without one, or without
        ``segmented``, all of more than one letter. letters: whether one letter may be a word too.
        """
        known = self.segmented if segmented else None

        def is_known(text: str) -> bool:
            return (letters or len(text) > 1) if known is None else known[text] >= minimum

        return {e: n for e, n in self.pieces.items() if is_known(text_of(e))}


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
    """Entries that are a word in form and have a letter, no special tokens, with their counts."""
    special, text_of = {*tokenizer.all_special_ids}, surface(tokenizer.get_vocab())
    ids = [i for i in counts if i not in special]
    entries = dict(zip(tokenizer.convert_ids_to_tokens(ids), ids, strict=True))
    texts = {entry: text_of(entry) for entry in entries}
    return {
        entry: counts[i]
        for entry, i in entries.items()
        if is_word(texts[entry]) and any(map(str.isalpha, texts[entry]))
    }

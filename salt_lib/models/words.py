"""Which tokens are complete words of the text, and what text a vocabulary's entry stands for.

Tokenizers mark words in three ways: WordPiece (mBERT) marks pieces that go on with a word and cuts
at punctuation; SentencePiece (XLM-R) marks pieces that begin one, ``▁Tisch``, and leaves
punctuation to the word before it; byte-level BPE (RoBERTa) spells bytes in letters, ``ĠHÃ¤user``,
and cuts at vowel signs as well. So what a complete word is, is read from the text, alike for all.

Chapter: Training over 15 seeds.
"""

from bisect import bisect_right
from collections.abc import Callable, Container, Sequence

import regex
from tokenizers import decoders
from transformers import PreTrainedTokenizerBase

APOSTROPHES = "'\u2018\u2019\uff07`\u00b4"  # typed ones, among them the accents that stand for it
SPACELESS = ("Han", "Hiragana", "Katakana", "Khmer", "Lao", "Myanmar", "Thai")
_BYTES = decoders.ByteLevel()
# Letters with their marks, and digits; inside, also what joins: _, and the joiners of Persian.
_RUN = r"[\p{L}\p{N}][\p{L}\p{M}\p{N}]*(?:[_\u200c\u200d]+[\p{L}\p{M}\p{N}]+)*"
_WORD = regex.compile(_RUN)
_HAN_APART = regex.compile(
    r"(?V1)\p{Han}|[[\p{L}\p{N}]--\p{Han}][[\p{L}\p{M}\p{N}]--\p{Han}]*"
    r"(?:[_\u200c\u200d]+[[\p{L}\p{M}\p{N}]--\p{Han}]+)*"
)
_NO_SPACES = "".join(rf"\p{{{script}}}" for script in SPACELESS)
_JOINED = rf"[[\p{{L}}\p{{M}}\p{{N}}]--[{_NO_SPACES}]]+"  # of the scripts that write contractions
# did'n't, l'eau; 's alone, as treebanks cut it; ca before n't.
_CONTRACTION = regex.compile(
    rf"(?V1)(?i){_JOINED}(?:[{APOSTROPHES}]{_JOINED})+"
    rf"|(?<=[{APOSTROPHES}])(?:s|t|d|m|re|ve|ll)(?![\p{{L}}\p{{M}}\p{{N}}])"
    rf"|(?<![\p{{L}}\p{{M}}\p{{N}}])(?:ca|wo|sha)(?=\ n[{APOSTROPHES}]t)"
)
_NOTHING = regex.compile(r"[\s\p{Cf}]")
_MARK = regex.compile(r"[\p{M}\p{Cf}]")
Span = tuple[int, int]


def is_word(text: str) -> bool:
    """Whether a text is one word: letters, with their marks, and digits; no punctuation at it."""
    return bool(_WORD.fullmatch(text))


def is_byte_level(pieces: Container[str]) -> bool:
    """Whether a tokenizer's entries spell bytes: space and line feed are then among them."""
    return "Ġ" in pieces and "Ċ" in pieces


def surface(pieces: Container[str]) -> Callable[[str], str]:
    """A function from a tokenizer's entry to the text that it stands for.

    pieces: the tokenizer's entries. Of SentencePiece the mark is left out, of byte-level BPE the
    space before the word; of WordPiece an entry that is a whole word is its text.
    """
    if is_byte_level(pieces):
        return lambda entry: _BYTES.decode([entry]).strip()
    return lambda entry: entry.removeprefix("▁")


def begins_word(tokenizer: PreTrainedTokenizerBase) -> Callable[[str], bool]:
    """A function that says whether an entry is how a word begins after a space."""
    inside = continuing(tokenizer)
    if inside:
        return lambda entry: not entry.startswith(inside)
    mark = word_mark(tokenizer)
    return lambda entry: entry.startswith(mark)


def continuing(tokenizer: PreTrainedTokenizerBase) -> str:
    """What marks a WordPiece entry that goes on with a word; "" for other kinds."""
    model = tokenizer.backend_tokenizer.model
    return getattr(model, "continuing_subword_prefix", None) or ""


def word_mark(tokenizer: PreTrainedTokenizerBase) -> str:
    """The mark of a word's beginning, which may stand alone; WordPiece has none that it uses."""
    known = tokenizer.backend_tokenizer.token_to_id
    return "Ġ" if is_byte_level({piece for piece in "ĠĊ" if known(piece) is not None}) else "▁"


def takes_han_apart(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether every Han character is a word to a tokenizer, as to mBERT's."""
    pair = tokenizer("山山", add_special_tokens=False)
    return len(set(pair.encodings[0].word_ids)) == 2


def complete(text: str, spans: Sequence[Span], han_apart: bool) -> list[bool]:
    """Which of a text's tokens are complete words of it.

    spans: where each token stands in the text, in order, without bare word marks, which stand for
    nothing. han_apart: of `takes_han_apart`. A token is complete if it is exactly one of the text's
    `words`, so no piece of a word that was cut off, nor one with punctuation glued on.
    """
    if not spans:
        return []
    known = words(text, han_apart)
    ends = [*(low for low, _ in spans[1:]), len(text)]
    found, before = [], 0
    for (low, high), after in zip(spans, ends, strict=True):
        at = (low, high) if (low, high) in known else place(text, (low, high), after)
        # Pieces of one letter's bytes stand at the same place.
        found.append(at in known and before <= at[0] and at[1] <= after)
        before = high
    return found


def place(text: str, span: Span, after: int) -> Span:
    """Where a token's word stands: without the space before it that SentencePiece counts, and with
    vowel signs and accents at its end that the tokenizer has dropped, or joined with their letter.

    after: where the next token begins.
    """
    low, high = span
    while low < high and _NOTHING.match(text[low]):
        low += 1
    while low < high and _NOTHING.match(text[high - 1]):
        high -= 1
    while low < high < after and not text[high].isalnum() and _MARK.match(text[high]):
        high += 1
    return low, high


def words(text: str, han_apart: bool) -> set[Span]:
    """Where a text's words stand: letters with their marks, and digits, between anything else.

    Those of a contraction are left out (didn't, l'eau): what stands in the place of one part would
    leave the other behind. So are English clitics that stand apart ('s). In scripts without spaces
    a whole stretch is one, or, with ``han_apart``, every Han character.
    """
    found = {match.span() for match in (_HAN_APART if han_apart else _WORD).finditer(text)}
    if not frozenset(APOSTROPHES).isdisjoint(text):
        parts = [match.span() for match in _CONTRACTION.finditer(text)]
        lows = [low for low, _ in parts]
        for low, high in list(found):
            at = bisect_right(lows, low) - 1
            if at >= 0 and high <= parts[at][1]:
                found.discard((low, high))
    return found

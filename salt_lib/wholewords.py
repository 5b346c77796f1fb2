"""Which entries of a real tokenizer's vocabulary are whole words of which language.

The laboratory's rule (`salt_lib.vocabulary`) with three additions that real text needs. A word
needs a *share* of its use in the language, or every quoted word would be the quoting language's.
Its letters are of a *script* that the language writes. And a language without text, or with none
that the tokenizer keeps whole, gets all entries of its script, where no other language writes it.
That a word which is frequent in a language's text is a word of it, and that a script stands for a
language, are assumptions: look at what comes out (`salt vocabulary`).

Languages written without spaces are the reason for the last rule. A tokenizer such as mBERT's takes
a stretch of Thai for one word and splits it into pieces, none of them whole; Han characters it
takes for words one by one.

Chapter: At paper scale.
"""

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

import regex

from . import encoders
from .encoders import PIECE
from .errors import SaltError
from .languages import LANGUAGES
from .tasks import Pairs
from .vocabulary import language_words

MINIMUM = 5
SHARE = 0.2  # a word that five languages use alike is just everybody's; a cognate of three is not
_SPELT = {"Japanese": ("Han", "Hiragana", "Katakana")}
# Unicode's scripts by language: the study's, and the others of XTREME.
SCRIPTS = {code: _SPELT.get(row.script, (row.script,)) for code, row in LANGUAGES.items()} | {
    code: (script,)
    for script, codes in {
        "Latin": "af et eu fi hu id it jv ms nl pt tl yo",
        "Arabic": "fa",
        "Bengali": "bn",
        "Cyrillic": "kk",
        "Devanagari": "mr",
        "Georgian": "ka",
        "Hebrew": "he",
        "Malayalam": "ml",
        "Myanmar": "my",
        "Tamil": "ta",
        "Telugu": "te",
    }.items()
    for code in codes.split()
}
_EVERY = sorted({script for own in SCRIPTS.values() for script in own})


def whole_words(
    checkpoint: str | Path,
    texts: Mapping[str, Iterable[str]],
    minimum: int = MINIMUM,
    share: float = SHARE,
    languages: Iterable[str] | None = None,
) -> dict[str, dict[str, int]]:
    """Language → vocabulary entries that are whole words of it, with their counts in ``texts``.

    texts: language → sentences, read once. minimum, share: see `vocabulary.language_words`.
    languages: those that are wanted, by default those of ``texts``. A word from its script alone
    has the count 1; a warning names such languages. Raises SaltError for a language without words
    whose script is unknown or another's too.
    """
    tokenizer = encoders.tokenizer(checkpoint)
    counts, scripts = {}, {}
    for code, lines in texts.items():
        found = _count(tokenizer, lines)
        scripts[code] = SCRIPTS.get(code) or _main_script(found)
        written = _written(scripts[code])
        counts[code] = {w: n for w, n in found.items() if written.fullmatch(w)}
    wanted = dict.fromkeys(texts if languages is None else languages)
    counted = {c: words for c, words in counts.items() if max(words.values(), default=0) >= minimum}
    own, empty = language_words(counted, minimum, share), [c for c in wanted if c not in counted]
    for code in empty:
        scripts.setdefault(code, SCRIPTS.get(code, ()))
        own[code] = _by_script(tokenizer, code, {c: scripts.get(c, ()) for c in wanted}, minimum)
    if empty:
        warnings.warn(
            f"no whole words counted in text of {', '.join(empty)}: every entry written in the "
            "language's script is taken for a word of it; see what they are with 'salt vocabulary'",
            stacklevel=2,
        )
    return {code: own[code] for code in wanted}


def _count(tokenizer, lines: Iterable[str]) -> dict[str, int]:
    """How often each entry that is a complete word, of letters, occurs."""
    special, found = set(tokenizer.all_special_ids), Counter()
    lines = iter(lines)
    while some := list(islice(lines, PIECE)):
        pairs = Pairs(some, [""] * len(some), [0] * len(some))
        piece = encoders.encode(tokenizer, pairs, truncate=True)
        found.update(i for i in piece.ids[piece.whole].tolist() if i not in special)
    entries = zip(tokenizer.convert_ids_to_tokens(list(found)), found.values(), strict=True)
    return {word: n for word, n in entries if any(map(str.isalpha, word))}


def _written(scripts: Iterable[str]) -> regex.Pattern:
    """What is written in these scripts; marks and signs that all scripts share are no matter."""
    known = "".join(rf"\p{{Script={script}}}" for script in scripts)
    return regex.compile(rf"▁?[{known}\p{{Script=Common}}\p{{Script=Inherited}}]+")


def _main_script(counts: Mapping[str, int]) -> tuple[str, ...]:
    """The script of most of the counted words' letters; () where there are no words."""
    found: Counter[str] = Counter()
    for script in _EVERY:
        letters = regex.compile(rf"\p{{Script={script}}}")
        found[script] = sum(n * len(letters.findall(word)) for word, n in counts.items())
    script, most = found.most_common(1)[0]
    return (script,) if most else ()


def _by_script(tokenizer, code: str, scripts: Mapping[str, tuple], minimum: int) -> dict[str, int]:
    """Every entry that begins a word and has a letter of a script that is this language's alone."""
    others = {s for other, own in scripts.items() if other != code for s in own}
    alone = [script for script in scripts[code] if script not in others]
    if not alone:
        why = "its script is not known"
        if scripts[code]:
            shared = [o for o, own in scripts.items() if o != code and {*own} & {*scripts[code]}]
            why = f"{' and '.join(scripts[code])} is written by {', '.join(shared)} too"
        raise SaltError(
            f"{code!r}: no whole word occurs {minimum} times in its text, and its words can't be "
            f"known by their script: {why}. Give (more) text of it, a sentence a line"
        )
    written, letter = (
        _written(scripts[code]),
        regex.compile("[" + "".join(rf"\p{{Script={script}}}" for script in alone) + "]"),
    )
    return {
        word: 1
        for word in _openings(tokenizer)
        if written.fullmatch(word) and letter.search(word) and any(map(str.isalpha, word))
    }


def _openings(tokenizer) -> Iterator[str]:
    """Entries that begin a word: WordPiece marks those that don't, SentencePiece those that do."""
    entries = tokenizer.get_vocab()
    special = set(tokenizer.all_special_tokens)
    marked = any(entry.startswith("▁") for entry in entries)
    for entry in sorted(entries):
        opens = entry.startswith("▁") if marked else not entry.startswith("##")
        if opens and entry not in special:
            yield entry

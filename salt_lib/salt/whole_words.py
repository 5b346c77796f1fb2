"""Which entries of a real tokenizer's vocabulary are whole words of which language.

The laboratory's rule (`salt_lib.salt.vocabulary`) with three additions that real text needs. A word
needs a *share* of its use in the language, or every quoted word would be the quoting language's.
Its letters are of a *script* that the language writes. And a language without text, or of whose
text the tokenizer keeps fewer than `FEW` words whole, gets the entries of its script, unless that
is one that many languages write: among a handful of candidates the likeliest would look sure.
That a word which is frequent in a language's text is a word of it, and that a script stands for a
language, are assumptions: look at what comes out (`salt vocabulary`).

Languages written without spaces are the reason for the last rule. A tokenizer such as mBERT's takes
a stretch of Thai for one word and splits it into pieces, none of them whole; Han characters it
takes for words one by one. SentencePiece's vocabulary has whole words of them inside a stretch, and
which of its pieces are words a segmenter tells, or how frequent they are. That and more is left to
`word_rules.Rules`.

Chapter: At paper scale.
"""

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import regex

from ..errors import SaltError
from ..languages import LANGUAGES, SOURCE
from ..models import loading
from ..models.words import (
    SPACELESS,
    begins_word,
    continuing,
    is_byte_level,
    is_word,
    surface,
)
from .counted import Counted, count_text
from .vocabulary import language_words
from .word_rules import RULES, Rules, TextOf, at_home, native, without_names

MINIMUM = 5
SHARE = 0.2  # a word that five languages use alike is just theirs, one that six use is nobody's
FEW = 100
_MANY = {"Arabic", "Cyrillic", "Latin"}  # scripts that stand for no language
_SIGNED = {"Khmer", "Lao", "Myanmar", "Thai"}  # spaceless ones with vowel signs
_CASED = {"Cyrillic", "Greek", "Latin"}
_LETTERS = ("Han", "Hangul", "Hiragana", "Katakana")  # where one letter may be a word
_SPELT: dict[str, tuple[str, ...]] = {"Japanese": ("Han", "Hiragana", "Katakana")}
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
_EVERY = sorted({script for scripts in SCRIPTS.values() for script in scripts})


def whole_words(
    checkpoint: str | Path,
    texts: Mapping[str, Iterable[str] | Counted],
    minimum: int = MINIMUM,
    share: float = SHARE,
    languages: Iterable[str] | None = None,
    rules: Rules = RULES,
) -> dict[str, dict[str, int]]:
    """Language → vocabulary entries that are whole words of it, with their counts in ``texts``.

    texts: language → sentences, read once, or what `counted.count_text` has counted. minimum,
    share: see `vocabulary.language_words`. languages: those that are wanted, by default those of
    ``texts``. rules: which words are left out, and whether pieces inside a stretch are words; what
    is one both with SentencePiece's mark and without it is there in both forms. In scripts with
    spaces a word has the form that follows one. Nothing is a word that has punctuation in it or
    only occurs as a part of a contraction (`models.words`). A word from its script alone has the
    count 1; a warning names such languages. A language of a script that many write keeps what was
    counted, be it little, with a warning too. Raises SaltError for a language without any word and
    without a script to know it by, and as `segmenting.chosen`.
    """
    tokenizer = loading.tokenizer(checkpoint)
    text_of, begins = surface(tokenizer.get_vocab()), begins_word(tokenizer)
    counts: dict[str, dict[str, int]] = {}
    scripts: dict[str, tuple[str, ...]] = {}
    inside: dict[str, Counter[str]] = {}
    for code, lines in texts.items():
        if isinstance(lines, Counted):
            found = lines
        else:
            found = count_text(checkpoint, lines, code, rules.segment if rules.pieces else "never")
        scripts[code] = SCRIPTS.get(code) or _main_script(found.whole, text_of)
        frequencies = found.whole
        if {*SPACELESS}.isdisjoint(scripts[code]):
            # Without its mark it would be read as the end of the word before it.
            frequencies = {entry: n for entry, n in found.whole.items() if begins(entry)}
        elif rules.pieces and _has_words_inside(tokenizer, scripts[code]):
            letters = not {*_LETTERS}.isdisjoint(scripts[code])
            segmented = rules.segment != "never"
            frequencies = found.words_inside(minimum, letters, text_of, segmented)
        written = _written(scripts[code])
        counts[code] = {e: n for e, n in frequencies.items() if written.fullmatch(text_of(e))}
        inside[code] = found.inside
    wanted = dict.fromkeys(texts if languages is None else languages)
    counted = {c: words for c, words in counts.items() if max(words.values(), default=0) >= minimum}
    vocabularies, by_script, few = language_words(counted, minimum, share), [], []
    for code, words in vocabularies.items():
        vocabularies[code] = _by_rules(words, code, rules, counts, scripts, inside, text_of)
    for code in wanted:
        if len(vocabularies.get(code, ())) >= FEW:
            continue
        among = {c: scripts.get(c) or SCRIPTS.get(c, ()) for c in wanted}
        alone, why = _alone(code, among)
        if alone:
            vocabularies[code] = {
                **_by_script(tokenizer, among[code], alone),
                **vocabularies.get(code, {}),
            }
            by_script.append(code)
        elif vocabularies.get(code):
            few.append(f"{code} {len(vocabularies[code])}")
        else:
            raise SaltError(
                f"{code!r}: no whole word occurs {minimum} times in its text, and its words can't "
                f"be known by their script: {why}. Give (more) text of it, a sentence a line"
            )
    if by_script:
        warnings.warn(
            f"fewer than {FEW} whole words counted in text of {', '.join(by_script)}: every entry "
            "in the language's script is taken for a word of it; see 'salt vocabulary'",
            stacklevel=2,
        )
    if few:
        warnings.warn(
            f"few whole words counted: {', '.join(few)}; give more text, or what is predicted is "
            "the likeliest of a handful",
            stacklevel=2,
        )
    return {code: vocabularies[code] for code in wanted}


def _by_rules(
    words: dict[str, int],
    code: str,
    rules: Rules,
    counts: Mapping[str, Mapping[str, int]],
    scripts: Mapping[str, tuple[str, ...]],
    inside: Mapping[str, Counter[str]],
    text_of: TextOf,
) -> dict[str, int]:
    """Of a language's words those that the rules for candidates keep."""
    if rules.names and not _CASED.isdisjoint(scripts[code]):
        words = without_names(words, code, inside, text_of)
    if code == SOURCE:
        return words
    if rules.home and counts.get(SOURCE):
        words = at_home(words, counts[code], counts[SOURCE], rules.home, text_of)
    if rules.foreign:
        others = [
            theirs
            for other, theirs in counts.items()
            if other not in (code, SOURCE) and theirs and {*scripts[other]} & {*scripts[code]}
        ]
        words = native(words, counts[code], others, rules.foreign, text_of)
    return words


def _written(scripts: Iterable[str]) -> regex.Pattern:
    """What is written in these scripts; marks and signs that all scripts share are no matter."""
    known = "".join(rf"\p{{Script={script}}}" for script in scripts)
    return regex.compile(rf"[{known}\p{{Script=Common}}\p{{Script=Inherited}}]+")


def _main_script(counts: Mapping[str, int], text_of: TextOf) -> tuple[str, ...]:
    """The script of most of the counted entries' letters; () where there are none."""
    totals: Counter[str] = Counter()
    for script in _EVERY:
        letters = regex.compile(rf"\p{{Script={script}}}")
        totals[script] = sum(n * len(letters.findall(text_of(e))) for e, n in counts.items())
    script, most = totals.most_common(1)[0]
    return (script,) if most else ()


def _alone(code: str, scripts: Mapping[str, tuple[str, ...]]) -> tuple[list[str], str]:
    """The scripts that only this language writes, or why there are none.

    A language that writes more besides doesn't count: a word in Han alone is Chinese, for Japanese
    has kana to be known by.
    """
    mine = {*scripts[code]}
    if not mine:
        return [], "its script is not known"
    others = {c: {*theirs} for c, theirs in scripts.items() if c != code and not {*theirs} > mine}
    alone = [s for s in scripts[code] if s not in _MANY.union(*others.values())]
    shared = [c for c, theirs in others.items() if theirs & mine]
    many = f"{' and '.join(scripts[code])} is written by {', '.join(shared) or 'many'} too"
    return alone, "" if alone else many


def _by_script(tokenizer, scripts: tuple[str, ...], alone: list[str]) -> dict[str, int]:
    """Every entry that begins a word, is in these scripts and has a letter of those ``alone``.

    A single letter is left out where it is no word but one of an alphabet.
    """
    written = _written(scripts)
    letter = regex.compile("[" + "".join(rf"\p{{Script={s}}}" for s in alone) + "]")
    word_letters = not {*_LETTERS}.isdisjoint(scripts)
    return {
        entry: 1
        for entry, text in _openings(tokenizer)
        if written.fullmatch(text)
        and letter.search(text)
        and is_word(text)
        and any(map(str.isalpha, text))
        and (word_letters or len(text) > 1)
    }


def _has_words_inside(tokenizer, scripts: Iterable[str]) -> bool:
    """Whether pieces inside a stretch are words: WordPiece marks them, no form of a word; and
    byte-level BPE cuts at every vowel sign, inside words."""
    if continuing(tokenizer):
        return False
    return _SIGNED.isdisjoint(scripts) or not is_byte_level(tokenizer.get_vocab())


def _openings(tokenizer) -> Iterator[tuple[str, str]]:
    """Entries that begin a word, with their texts."""
    special, begins = set(tokenizer.all_special_tokens), begins_word(tokenizer)
    text_of = surface(tokenizer.get_vocab())
    for entry in sorted(tokenizer.get_vocab()):
        if begins(entry) and entry not in special:
            yield entry, text_of(entry)

"""Rules for pairs of a word and its predicted substitute: what is kept of real predictions.

The likeliest prediction may be the word itself with a capital, another form of it, the beginning of
it, a word of all work, or its opposite. None of the rules needs a dictionary; they are options of
`word_rules.Rules`, and ``recorded/real_words.json`` has what each does to precision and coverage.

Chapter: At paper scale.
"""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd
import regex

from ..data.examples import Pairs, Tagged
from ..languages import SOURCE
from ..models.encoding import Encoded
from ..models.words import surface
from .word_rules import RULES, Counts, Rules, shares

_COORDINATED = regex.compile(r"(?i)(?<!\p{L})(\p{L}+),? (?:and|or|nor|versus|vs) (\p{L}+)(?!\p{L})")
_SUFFIXES = {
    **{"s": ("",), "es": ("",), "ies": ("y",), "ves": ("f", "fe"), "ed": ("", "e"), "d": ("",)},
    **{"ied": ("y",), "ing": ("", "e"), "ly": ("",), "ily": ("y",), "er": ("", "e"), "r": ("",)},
    **{"est": ("", "e"), "st": ("",), "ier": ("y",), "iest": ("y",)},
}
_VOWELS = frozenset("aeiouy")
# Common forms that no suffix explains; each row is one word.
_IRREGULAR = """
man men|woman women|child children|person people|foot feet|tooth teeth|mouse mice
am is are was were be been being|has have had|do does did done|go goes went gone|say said|make made
take took taken|come came|see saw seen|know knew known|get got gotten|give gave given|find found
think thought|tell told|become became|leave left|feel felt|put|bring brought|begin began begun
keep kept|hold held|write wrote written|stand stood|hear heard|let|mean meant|meet met|run ran
pay paid|sit sat|speak spoke spoken|lie lay lain|lead led|grow grew grown|lose lost|fall fell fallen
send sent|build built|draw drew drawn|break broke broken|spend spent|rise rose risen|buy bought
drive drove driven|wear wore worn|choose chose chosen|eat ate eaten|fly flew flown|sing sang sung
ride rode ridden|catch caught|teach taught|sell sold|fight fought|throw threw thrown|win won
shoot shot|drink drank drunk|light lit|feed fed|hang hung|try tries tried trying
cry cries cried crying
good better best|bad worse worst|i me my mine|he him his|she her hers|we us our ours
they them their theirs|this these|that those|will would|can could|shall should|may might
"""
_FORMS = {form: row.split()[0] for line in _IRREGULAR.split("\n") for row in line.split("|") if row
          for form in row.split()}  # fmt: skip


def coordinated(lines: Iterable[str]) -> frozenset[tuple[str, str]]:
    """Pairs of English words that text joins by and, or, nor, versus; either order, lower-case.

    Words that contrast stand together in such frames and synonyms seldom do. Source: Lin et al.
    (2003), Identifying synonyms among distributionally similar words; Justeson & Katz (1991).
    """
    found = set()
    for line in lines:
        for first, second in _COORDINATED.findall(line.lower()):
            found |= {(first, second), (second, first)}
    return frozenset(found)


def _stems(word: str) -> Iterator[str]:
    yield _FORMS.get(word, word)
    for suffix, ends in _SUFFIXES.items():
        stem = word.removesuffix(suffix)
        if stem == word or _VOWELS.isdisjoint(stem):  # thing is no form of the
            continue
        yield from (stem + end for end in ends if len(stem + end) > 2)
        if len(stem) > 3 and stem[-1] == stem[-2]:  # running, bigger
            yield stem[:-1]


def inflected(word: str, other: str) -> bool:
    """Whether two English words look like forms of one: by regular suffixes, or irregular."""
    return not {*_stems(word.lower())}.isdisjoint(_stems(other.lower()))


def fragment(word: str, substitute: str) -> bool:
    """Whether a substitute is how the source begins, and shorter: sit → si."""
    whole, part = word.casefold(), substitute.casefold()
    return len(part) < len(whole) and whole.startswith(part)


def kept_pairs(
    predictions: pd.DataFrame,
    encoded: Encoded,
    pieces: Mapping[str, int],
    words: Mapping[str, Counts],
    rules: Rules = RULES,
    opposites: frozenset[tuple[str, str]] = frozenset(),
) -> pd.DataFrame:
    """The predictions that the rules for pairs keep, in their order.

    predictions: as from `predictions.read_all` or `predictions.select`, made on ``encoded``.
    pieces: the tokenizer's entry → id. words: language → entry → count, as they were predicted
    from. opposites: of `coordinated`. A language known by its script alone has no frequencies.
    """
    text_of, entry = surface(pieces), {i: piece for piece, i in pieces.items()}
    at = encoded.start.numpy()[predictions["example"]] + predictions["position"].to_numpy()
    table = predictions.assign(source=encoded.ids.numpy()[at])
    by = ["language", "source", "token"]
    sums = table.groupby(by, as_index=False)["probability"].sum()
    share = {
        code: shares(counts, text_of) if max(counts.values(), default=0) > 1 else {}
        for code, counts in words.items()
    }
    if rules.majority:
        best = sums.groupby(["language", "source"])["probability"].idxmax()
        sums = sums.loc[np.sort(best)]
    good = [
        _pair(text_of(entry[source]), text_of(entry[token]), code, rules, opposites, share)
        for code, source, token in sums[by].itertuples(index=False)
    ]
    kept = table.reset_index(names="order").merge(sums.loc[good, by], on=by)
    kept = kept.sort_values("order", kind="stable")
    return kept[[*predictions.columns]].reset_index(drop=True)


def _pair(
    word: str,
    substitute: str,
    code: str,
    rules: Rules,
    opposites: frozenset[tuple[str, str]],
    share: Mapping[str, Mapping[str, float]],
) -> bool:
    one, two = word.casefold(), substitute.casefold()
    if rules.case and one == two:
        return False
    if rules.fragments and fragment(word, substitute):
        return False
    if code == SOURCE:
        if rules.opposites and (one, two) in opposites:
            return False
        return not (rules.inflections and inflected(word, substitute))
    here, there = share.get(code, {}).get(two), share.get(SOURCE, {}).get(one)
    return not (rules.frequency and here and there and here > rules.frequency * there)


def sentences_of(data: Pairs | Tagged) -> Iterator[str]:
    """The sentences of `examples.Pairs` or `examples.Tagged`, for `coordinated`."""
    if isinstance(data, Tagged):
        yield from (" ".join(words) for words in data.words)
    else:
        yield from (*data.first, *data.second)

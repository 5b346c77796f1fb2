"""Substitutions against the true translations: precision, coverage, ceiling, kinds of error.

Only the laboratory can do this, for it knows every translation; how they are judged is the same as
on real text (`salt_lib.salt.quality`). Names, numbers and words that look the same in both
languages are left out: they need no translating and would flatter the result.

Chapter: Distillation.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..languages import LANGUAGES, SOURCE
from ..models.encoding import Encoded
from ..salt import quality
from ..salt.quality import curve as curve
from ..salt.quality import precision_coverage as precision_coverage
from .minibabel.lexicon import (
    co_hyponyms,
    concept_of,
    concepts_of_form,
    forms,
    hyponyms,
    lexicon,
)

KINDS = ("right", "antonym", "co-hyponym", "hypernym or hyponym", "other")


def verdict(word: str, substitute: str, language: str) -> str:
    """What a substitute is to the English word: one of `KINDS`. Unknown substitutes are "other"."""
    concept = concept_of()[word]
    named = concepts_of_form(language).get(substitute, frozenset())
    if concept in named:
        return "right"
    if lexicon()[concept].antonym in named:
        return "antonym"
    if named & set(co_hyponyms(concept)):
        return "co-hyponym"
    related = {lexicon()[concept].hypernym, *hyponyms(concept)}
    return "hypernym or hyponym" if named & related else "other"


class ByLexicon:
    """The `quality.Truth` of Minibabel: every word of the lexicon that looks foreign is judged."""

    def judges(self, word: str, language: str) -> bool:
        return word in concept_of() and (
            language == SOURCE or word not in concepts_of_form(language)
        )

    def verdict(self, word: str, substitute: str, language: str) -> str:
        return verdict(word, substitute, language)

    def content(self, word: str) -> bool:
        return lexicon()[concept_of()[word]].kind != "function"


def judge(predictions: pd.DataFrame, encoded: Encoded, pieces: dict[str, int]) -> pd.DataFrame:
    """Judge every prediction by the true translations, see `quality.judge`.

    One row for each prediction whose source is a word of the lexicon and doesn't look the same in
    the language.
    """
    return quality.judge(predictions, encoded, pieces, ByLexicon())


def ceilings(pieces: dict[str, int], languages: Sequence[str]) -> pd.Series:
    """Per language: the share of content words whose counterpart is one piece, so predictable."""
    content = [w for w, c in concept_of().items() if lexicon()[c].kind != "function"]
    return pd.Series(
        {code: np.mean([forms(code)[w] in pieces for w in content]) for code in languages},
        name="ceiling",
    )


def error_kinds(judged: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Per language: the share of kept content-word tokens of each kind in `KINDS`."""
    return quality.kinds(judged, threshold).reindex(columns=list(KINDS), fill_value=0.0)


def by_place(judged: pd.DataFrame) -> pd.DataFrame:
    """How answers depend on whether a language puts a kind of word where English does.

    judged: of other languages, see `judge`. An adjective stands before its noun in English, a verb
    between subject and object. Columns: kind, as_in_english, languages, and in [0, 1] right and
    same_kind, the shares of all answers that are right, and that are of the word's kind at all.
    """
    kind = judged["word"].map(lambda word: lexicon()[concept_of()[word]].kind)
    answers = judged[["language", "substitute"]].drop_duplicates().itertuples(index=False)
    kinds = {
        (code, form): {lexicon()[c].kind for c in concepts_of_form(code).get(form, ())}
        for code, form in answers
    }
    at = zip(judged["language"], judged["substitute"], kind, strict=True)
    told = pd.DataFrame(
        {
            "language": judged["language"],
            "kind": kind,
            "right": judged["verdict"] == "right",
            "same_kind": [of in kinds[code, form] for code, form, of in at],
        }
    )
    rows = []
    for what, habit in (("adjective", "adjective"), ("verb", "order")):
        here = told[told["kind"] == what]
        usual = getattr(LANGUAGES[SOURCE], habit)
        alike = here["language"].map(lambda c, h=habit: getattr(LANGUAGES[c], h)) == usual
        for as_in_english in (True, False):
            of = here[alike == as_in_english]
            means = of[["right", "same_kind"]].mean()
            rows.append((what, as_in_english, of["language"].nunique(), *means))
    return pd.DataFrame(rows, columns=["kind", "as_in_english", "languages", "right", "same_kind"])

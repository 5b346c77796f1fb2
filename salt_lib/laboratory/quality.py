"""Substitutions against the true translations: precision, coverage, ceiling, kinds of error.

Only the laboratory can do this, for it knows every translation; how they are judged is the same as
on real text (`salt_lib.salt.quality`). Names, numbers and words that look the same in both
languages are left out: they need no translating and would flatter the result.

Chapter: Distillation.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..languages import SOURCE
from ..models.encoding import Encoded
from ..salt import quality
from ..salt.quality import curve as curve
from ..salt.quality import precision_coverage as precision_coverage
from .minibabel.lexicon import co_hyponyms, concept_of, concepts_of_form, forms, lexicon

KINDS = ("right", "antonym", "co-hyponym", "other")


def verdict(word: str, substitute: str, language: str) -> str:
    """What a substitute is to the English word: one of `KINDS`. Unknown substitutes are "other"."""
    concept = concept_of()[word]
    named = concepts_of_form(language).get(substitute, frozenset())
    if concept in named:
        return "right"
    if lexicon()[concept].antonym in named:
        return "antonym"
    return "co-hyponym" if named & set(co_hyponyms(concept)) else "other"


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

"""Substitutions judged: precision and coverage by types, tokens and content words, and errors.

One way for every kind of truth: the laboratory's lexicon (`salt_lib.laboratory.quality`), and for
real text bilingual dictionaries (`ByDictionary`).

Chapter: Distillation.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Protocol

import numpy as np
import pandas as pd
import torch

from ..data.dictionaries import Dictionaries, normal
from ..errors import SaltError
from ..languages import SOURCE
from ..models.encoding import Encoded
from ..models.words import surface
from .function_words import is_content

BY = ("tokens", "types", "content")
RIGHT = "right"
THRESHOLDS = (0.5, 0.7, 0.9)
AGREEING = 3  # languages in which two English words share a translation, if they are synonyms


class Truth(Protocol):
    """What predictions are judged by."""

    def judges(self, word: str, language: str) -> bool:
        """Whether anything can be said of this English word's substitutes in the language."""
        ...

    def verdict(self, word: str, substitute: str, language: str) -> str:
        """What a substitute is to the English word: "right", or a kind of error."""
        ...

    def content(self, word: str) -> bool:
        """Whether an English word is a content word."""
        ...


class ByDictionary:
    """The `Truth` of bilingual dictionaries, in every language that they have, and English.

    A substitute is right if it is a translation of the word or of one of its lemmas. A word that is
    its own translation ("hotel" in German) is not judged. lemma: form, language → lemma, to compare
    lemmas too (`lemmatizer`). In English the dictionaries know no synonyms: two words are taken for
    such where they share a translation in at least `AGREEING` languages; what is a form of the word
    itself is of the kind "case" or "inflection", and everything else is "other".
    """

    def __init__(
        self, dictionaries: Dictionaries, lemma: Callable[[str, str], str] | None = None
    ) -> None:
        self.dictionaries, self.lemma = dictionaries, lemma
        self.right = cache(self._right)

    def judges(self, word: str, language: str) -> bool:
        if language == SOURCE:
            return any(self.judges(word, code) for code in self.dictionaries.translations)
        known = self.dictionaries.of(word, language)
        return bool(known) and normal(word) not in known

    def verdict(self, word: str, substitute: str, language: str) -> str:
        if language == SOURCE:
            return self._synonym(word, substitute)
        form = normal(substitute, language)
        translations, lemmas = self.right(word, language)
        if form in translations or (self.lemma and self.lemma(form, language) in lemmas):
            return RIGHT
        return "case" if form == normal(word) else "other"

    def content(self, word: str) -> bool:
        return is_content(word)

    def _right(self, word: str, language: str) -> tuple[frozenset[str], frozenset[str]]:
        translations = self.dictionaries.of(word, language)
        lemma = self.lemma
        return translations, frozenset(lemma(t, language) for t in translations if lemma)

    def _synonym(self, word: str, substitute: str) -> str:
        if normal(word) == normal(substitute):
            return "case"
        ours, theirs = (self.dictionaries.heads(w) for w in (word, substitute))
        if ours & theirs:
            return "inflection"
        agreeing = sum(
            not self.dictionaries.of(word, code).isdisjoint(self.dictionaries.of(substitute, code))
            for code in self.dictionaries.translations
        )
        return RIGHT if agreeing >= min(AGREEING, len(self.dictionaries.translations)) else "other"


def lemmatizer() -> Callable[[str, str], str]:
    """Form, language → lemma, by simplemma; a language that it doesn't have keeps its forms.

    Source: Barbaresi (2021), simplemma. Raises SaltError where it is not installed.
    """
    try:
        import simplemma
        from simplemma.strategies.dictionaries.dictionary_factory import SUPPORTED_LANGUAGES
    except ImportError as error:
        raise SaltError(
            "lemmas need simplemma, which is not installed: pip install 'salt-lib[lemmas]', or "
            "judge by forms alone"
        ) from error

    @cache
    def lemma(form: str, language: str) -> str:
        if language not in SUPPORTED_LANGUAGES:
            return form
        found = simplemma.lemmatize(form, lang=language)
        if found == form and language == "de":  # its nouns have their capital
            found = simplemma.lemmatize(form.capitalize(), lang=language)
        return normal(found, language)

    return lemma


def judge(
    predictions: pd.DataFrame,
    encoded: Encoded,
    pieces: Mapping[str, int],
    truth: Truth,
    eligible: torch.Tensor | None = None,
    languages: Sequence[str] = (),
) -> pd.DataFrame:
    """Judge every prediction: columns language, word, substitute, probability, verdict, content.

    predictions: as from `predictions.read_all`. encoded: the data they were made on. pieces: the
    tokenizer's entry → id. eligible: mask (tokens,) of what might have been predicted, as from
    `distill.eligible`, so that coverage is a share of the same words whatever a rule leaves out:
    one of them without a prediction in one of ``languages`` has the substitute "", the probability
    nan and the verdict "none". One row for each prediction whose source ``truth`` judges.
    """
    text_of, entry = surface(pieces), {i: piece for piece, i in pieces.items()}
    at = encoded.start.numpy()[predictions["example"]] + predictions["position"].to_numpy()
    pairs = pd.DataFrame(
        {
            "language": predictions["language"].to_numpy(),
            "at": at,
            "token": predictions["token"].to_numpy(),
            "probability": predictions["probability"].to_numpy(),
        }
    )
    if eligible is not None:
        pairs = _with_unpredicted(pairs, eligible, languages)
    pairs["source"] = encoded.ids.numpy()[pairs.pop("at")]
    # There are few distinct triples: judge each once.
    distinct = pairs[["language", "source", "token"]].drop_duplicates()
    rows = []
    for code, source, token in distinct.itertuples(index=False):
        word, substitute = text_of(entry[source]), text_of(entry.get(token, ""))
        if truth.judges(word, code):
            kind = truth.verdict(word, substitute, code) if token >= 0 else "none"
            rows.append((code, source, token, word, substitute, kind, truth.content(word)))
    names = ["language", "source", "token", "word", "substitute", "verdict", "content"]
    judged = pairs.merge(pd.DataFrame(rows, columns=names), on=names[:3])
    return judged[["language", "probability", *names[3:]]]


def _with_unpredicted(
    pairs: pd.DataFrame, eligible: torch.Tensor, languages: Sequence[str]
) -> pd.DataFrame:
    """``pairs`` and a row, without a token, for what is eligible and was not predicted."""
    every = np.flatnonzero(eligible.numpy())
    rows = [pairs]
    for code in languages:
        left = np.setdiff1d(every, pairs.loc[pairs["language"] == code, "at"])
        rows.append(pd.DataFrame({"language": code, "at": left, "token": -1}))
    return pd.concat(rows, ignore_index=True)


def _of_unit(judged: pd.DataFrame, by: str) -> pd.DataFrame:
    if by not in BY:
        raise SaltError(f"unknown unit {by!r}; known: {', '.join(BY)}")
    return judged[judged["content"]] if by == "content" else judged


def precision_coverage(judged: pd.DataFrame, threshold: float, by: str = "tokens") -> pd.DataFrame:
    """Per language: precision, coverage, kept and eligible at a probability threshold.

    by: "tokens" (every occurrence), "content" (occurrences of content words), or "types" (distinct
    pairs of word and substitute, against distinct words). Precision is nan where nothing is kept.
    Raises SaltError where there is nothing to judge at all.
    """
    rows = []
    table = _of_unit(judged, by)
    if table.empty:
        raise SaltError("nothing to judge: no prediction is for a word that the dictionary knows")
    for code, group in table.groupby("language"):
        kept = group[group["probability"] >= threshold]
        right = kept["verdict"] == RIGHT
        if by == "types":
            distinct = kept.drop_duplicates(["word", "substitute"])
            right = distinct["verdict"] == RIGHT
            covered, eligible = kept["word"].nunique(), group["word"].nunique()
        else:
            covered, eligible = len(kept), len(group)
        rows.append(
            {
                "language": code,
                "precision": float(right.mean()) if len(right) else np.nan,
                "coverage": covered / eligible,
                "kept": covered,
                "eligible": eligible,
            }
        )
    return pd.DataFrame(rows).set_index("language")


def curve(judged: pd.DataFrame, thresholds: Sequence[float], by: str = "content") -> pd.DataFrame:
    """`precision_coverage` at each threshold: columns language, threshold, precision, coverage."""
    parts = [
        precision_coverage(judged, t, by).reset_index().assign(threshold=t) for t in thresholds
    ]
    return pd.concat(parts, ignore_index=True)


def kinds(judged: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Per language: the share of kept content-word tokens of each verdict that occurs."""
    kept = judged[judged["content"] & (judged["probability"] >= threshold)]
    return pd.crosstab(kept["language"], kept["verdict"], normalize="index")


def wrong_pairs(judged: pd.DataFrame, threshold: float, top: int = 10) -> pd.DataFrame:
    """The commonest kept pairs of each language that are not right, content words alone.

    Columns language, word, substitute, verdict, count, probability (the mean), commonest first
    within a language; at most ``top`` of each.
    """
    kept = judged[judged["content"] & (judged["probability"] >= threshold)]
    by = ["language", "word", "substitute", "verdict"]
    groups = kept[kept["verdict"] != RIGHT].groupby(by)["probability"]
    pairs = groups.agg(count="size", probability="mean").reset_index()
    order = ["language", "count", "probability", "word", "substitute"]
    pairs = pairs.sort_values(order, ascending=[True, False, False, True, True])
    return pairs.groupby("language").head(top).reset_index(drop=True)

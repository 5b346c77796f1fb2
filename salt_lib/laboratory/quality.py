"""Substitutions against the true translations: precision, coverage, ceiling, kinds of error.

Only the laboratory can do this, for it knows every translation. Names, numbers and words that look
the same in both languages are left out: they need no translating and would flatter the result.

Chapter: Distillation.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..errors import SaltError
from ..languages import SOURCE
from ..models.encoding import Encoded
from .minibabel.lexicon import co_hyponyms, concept_of, concepts_of_form, forms, lexicon

BY = ("tokens", "types", "content")
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


def judge(predictions: pd.DataFrame, encoded: Encoded, pieces: dict[str, int]) -> pd.DataFrame:
    """Judge every prediction: columns language, word, substitute, probability, verdict, content.

    predictions: as from `predictions.read_all`. encoded: the data they were made on. pieces: the
    tokenizer's entry → id. One row for each prediction whose source is a word of the lexicon and
    doesn't look the same in the language.
    """
    entry = {i: piece for piece, i in pieces.items()}
    at = encoded.start.numpy()[predictions["example"]] + predictions["position"].to_numpy()
    pairs = pd.DataFrame(
        {
            "language": predictions["language"].to_numpy(),
            "source": encoded.ids.numpy()[at],
            "token": predictions["token"].to_numpy(),
            "probability": predictions["probability"].to_numpy(),
        }
    )
    # There are few distinct triples: judge each once.
    distinct = pairs[["language", "source", "token"]].drop_duplicates()
    known = concept_of()
    rows = []
    for code, source, token in distinct.itertuples(index=False):
        word, substitute = entry[source], entry[token]
        if word not in known or (code != SOURCE and word in concepts_of_form(code)):
            continue
        content = lexicon()[known[word]].kind != "function"
        kind = verdict(word, substitute, code)
        rows.append((code, source, token, word, substitute, kind, content))
    names = ["language", "source", "token", "word", "substitute", "verdict", "content"]
    judged = pairs.merge(pd.DataFrame(rows, columns=names), on=names[:3])
    return judged.drop(columns=["source", "token"])


def _eligible(judged: pd.DataFrame, by: str) -> pd.DataFrame:
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
    table = _eligible(judged, by)
    if table.empty:
        raise SaltError("nothing to judge: no prediction is of a word that the lexicon knows")
    for code, group in table.groupby("language"):
        kept = group[group["probability"] >= threshold]
        right = kept["verdict"] == "right"
        if by == "types":
            distinct = kept.drop_duplicates(["word", "substitute"])
            right = distinct["verdict"] == "right"
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


def ceilings(pieces: dict[str, int], languages: Sequence[str]) -> pd.Series:
    """Per language: the share of content words whose counterpart is one piece, so predictable."""
    content = [w for w, c in concept_of().items() if lexicon()[c].kind != "function"]
    return pd.Series(
        {code: np.mean([forms(code)[w] in pieces for w in content]) for code in languages},
        name="ceiling",
    )


def error_kinds(judged: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Per language: the share of kept content-word tokens of each kind in `KINDS`."""
    kept = judged[judged["content"] & (judged["probability"] >= threshold)]
    shares = pd.crosstab(kept["language"], kept["verdict"], normalize="index")
    return shares.reindex(columns=list(KINDS), fill_value=0.0)

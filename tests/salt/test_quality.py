"""Judged by dictionaries: forms, lemmas, synonyms, what was not predicted, wrong pairs."""

import sys

import numpy as np
import pandas as pd
import pytest
import torch
from small import tokenizer_of

from salt_lib.data.dictionaries import Dictionaries
from salt_lib.data.examples import Pairs
from salt_lib.errors import SaltError
from salt_lib.models.encoding import encode
from salt_lib.salt import quality

LISTED = {
    "de": {"goat": "ziege geiss", "big": "gross", "large": "gross", "hotel": "hotel", "the": "der"},
    "fr": {"goat": "chèvre", "big": "grand", "large": "grand", "child": "enfant"},
    "es": {"big": "grande", "large": "grande"},
}
DICTIONARIES = Dictionaries(
    {
        code: {word: frozenset(forms.split()) for word, forms in rows.items()}
        for code, rows in LISTED.items()
    },
    {"goats": frozenset({"goat"}), "children": frozenset({"child"})},
)
TRUTH = quality.ByDictionary(DICTIONARIES)
TOKENIZER = tokenizer_of(
    *["the", "big", "goat", "goats", "hotel", "lamp", "Ziege", "Ziegen", "Goat", "groß", "der"]
)
IDS = TOKENIZER.get_vocab()
# 0 [CLS] 1 the 2 big 3 goat 4 hotel 5 lamp 6 goats 7 goat
DATA = encode(TOKENIZER, Pairs(["the big goat hotel lamp goats goat"], [""], [0]))
ROWS = [(1, "der", 0.9), (2, "groß", 0.8), (3, "Ziegen", 0.9), (6, "Ziege", 0.95), (7, "Goat", 0.4)]
TABLE = pd.DataFrame(
    [(0, at, "de", IDS[word], p) for at, word, p in ROWS],
    columns=["example", "position", "language", "token", "probability"],
)


@pytest.mark.parametrize(
    ("word", "substitute", "language", "kind"),
    [
        ("goat", "Ziege", "de", "right"),
        ("Goats", "GEISS", "de", "right"),
        ("goat", "Ziegen", "de", "other"),
        ("goat", "Goat", "de", "case"),
        ("children", "enfant", "fr", "right"),
        ("big", "large", "en", "right"),  # in three languages
        ("big", "goat", "en", "other"),
        ("goats", "goat", "en", "inflection"),
        ("goat", "Goat", "en", "case"),
    ],
)
def test_a_substitute_is_right_by_the_dictionary(word, substitute, language, kind):
    assert TRUTH.verdict(word, substitute, language) == kind


def test_words_of_the_dictionary_that_look_foreign_are_judged():
    assert TRUTH.judges("goats", "de") and not TRUTH.judges("lamp", "de")
    assert not TRUTH.judges("hotel", "de") and not TRUTH.judges("hotel", "fr")
    assert TRUTH.judges("child", "en") and not TRUTH.judges("lamp", "en")


def test_lemmas_are_compared_on_both_sides():
    truth = quality.ByDictionary(DICTIONARIES, lambda form, language: form.rstrip("ns"))
    assert truth.verdict("goat", "Ziegen", "de") == "right"
    assert truth.verdict("child", "enfants", "fr") == "right"
    assert truth.verdict("child", "chèvres", "fr") == "other"


def test_lemmas_are_simplemmas():
    pytest.importorskip("simplemma")
    lemma = quality.lemmatizer()
    assert lemma("kindern", "de") == "kind" and lemma("ojos", "es") == "ojo"
    assert lemma("แพะ", "th") == "แพะ"


def test_a_lemmatizer_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "simplemma", None)
    with pytest.raises(SaltError, match=r"not installed: pip install 'salt-lib\[lemmas\]'"):
        quality.lemmatizer()


def test_coverage_counts_what_was_not_predicted():
    may = torch.zeros(len(DATA.ids), dtype=torch.bool)
    may[1:8] = True
    judged = quality.judge(TABLE, DATA, IDS, TRUTH, may, ["de"])
    # hotel and lamp are not judged in German.
    assert sorted(judged["word"]) == ["big", "goat", "goat", "goats", "the"]
    no_goat = quality.judge(TABLE[TABLE["position"] != 3], DATA, IDS, TRUTH, may, ["de"])
    assert sorted(no_goat["word"]) == sorted(judged["word"])
    assert no_goat.loc[no_goat["substitute"] == "", "verdict"].tolist() == ["none"]
    one, two = (
        quality.precision_coverage(table, 0.7, "content").loc["de"] for table in (judged, no_goat)
    )
    assert (one["precision"], one["coverage"], one["eligible"]) == (2 / 3, 3 / 4, 4)
    assert (two["precision"], two["coverage"], two["eligible"]) == (1.0, 2 / 4, 4)
    assert quality.precision_coverage(no_goat, 0.0, "tokens").loc["de", "kept"] == 4
    assert quality.precision_coverage(judged, 0.7, "tokens").loc["de", "precision"] == 3 / 4
    # goat → Ziegen and goats → Ziege are two types, of three content words and the.
    types = quality.precision_coverage(judged, 0.7, "types").loc["de"]
    assert (types["precision"], types["coverage"]) == (3 / 4, 4 / 4)
    other = quality.judge(TABLE[:0], DATA, IDS, TRUTH, may, ["fr"])
    assert set(other["word"]) == {"big", "goat", "goats"}
    assert np.isnan(quality.precision_coverage(other, 0.0).loc["fr", "precision"])


def test_wrong_pairs_are_the_commonest_first():
    judged = quality.judge(pd.concat([TABLE, TABLE[2:3]]), DATA, IDS, TRUTH)
    wrong = quality.wrong_pairs(judged, 0.3)
    assert wrong[["word", "substitute", "verdict", "count"]].to_numpy().tolist() == [
        ["goat", "Ziegen", "other", 2],
        ["goat", "Goat", "case", 1],
    ]
    assert len(quality.wrong_pairs(judged, 0.3, top=1)) == 1
    assert quality.wrong_pairs(judged, 0.99).empty


def test_the_curve_has_a_row_for_each_threshold():
    judged = quality.judge(TABLE, DATA, IDS, TRUTH)
    points = quality.curve(judged, quality.THRESHOLDS)
    assert points["threshold"].tolist() == [0.5, 0.7, 0.9]
    assert points["coverage"].tolist() == [3 / 4, 3 / 4, 2 / 4]
    assert points["precision"].tolist() == [2 / 3, 2 / 3, 1 / 2]

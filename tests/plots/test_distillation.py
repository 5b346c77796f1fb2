"""Figures and tables of the chapter on distillation: drawn, readable, and true to their data."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from drawn import Closed, check, rows

from salt_lib.laboratory.minibabel.lexicon import forms
from salt_lib.laboratory.quality import KINDS
from salt_lib.plots import distillation, style


def test_probabilities_are_drawn():
    figure, ax = style.figure(3.2)
    assert distillation.probabilities(ax, rows(), 0.9) is ax
    check(figure)


def test_precision_coverage_marks_the_threshold():
    figure, ax = style.figure(3.6)
    curve = pd.DataFrame(
        {
            "language": ["de", "ur"] * 3,
            "threshold": [0.0, 0.0, 0.5, 0.5, 0.9, 0.9],
            "precision": [0.4, 0.2, 0.6, 0.4, 0.9, np.nan],
            "coverage": [1.0, 1.0, 0.5, 0.3, 0.2, 0.0],
        }
    )
    assert distillation.precision_coverage(ax, curve, 0.9) is ax
    mean, dot = ax.lines[-2:]
    assert list(mean.get_ydata()) == pytest.approx([0.3, 0.5])  # at 0.9 one language keeps nothing
    assert dot.get_ydata()[0] == pytest.approx(0.9) and dot.get_xdata()[0] == pytest.approx(0.1)
    check(figure)


def test_by_language_puts_the_most_precise_on_top():
    figure, ax = style.figure(4)
    quality = pd.DataFrame(
        {"precision": [0.5, np.nan, 0.9], "coverage": [0.2, 0, 0.1], "ceiling": [0.8, 0.7, 0.9]},
        index=["de", "ur", "ru"],
    )
    assert distillation.by_language(ax, quality) is ax
    assert [t.get_text() for t in ax.get_yticklabels()] == ["Urdu", "German", "Russian"]
    check(figure)


def test_errors_add_up():
    figure, ax = style.figure(4)
    shares = pd.DataFrame([[0.5, 0.1, 0.2, 0.1, 0.1], [1, 0, 0, 0, 0]], ["de", "ru"], list(KINDS))
    assert distillation.errors(ax, shares) is ax
    ends = [bar.get_x() + bar.get_width() for bar in ax.containers[-1]]
    assert ends == pytest.approx([0.5, 0])
    check(figure)


def test_kinds_of_words_as_a_heat_map():
    known = distillation.kinds_of_words(rows())
    assert list(known.columns) == ["noun", "place", "verb", "adjective", "function"]
    figure, ax = style.figure(4)
    assert distillation.heat(ax, known) is ax
    assert len(ax.texts) == 15
    check(figure)


def test_the_place_of_a_word_has_a_row_each_way():
    html = distillation.place_table(rows())
    Closed(html)
    assert html.count("<tr>") == 5 and html.count("as in English") == 2


def test_predictions_are_boxed_by_threshold_and_truth():
    found = pd.DataFrame(
        {
            "position": [1, 1, 2],
            "language": ["de", "ru", "de"],
            "substitute": [forms("de")["dog"], forms("ru")["cat"], forms("de")["dog"]],
            "probability": [0.95, 0.97, 0.2],
        }
    )
    html = distillation.predictions(found, ["[CLS]", "dog", "see"], ("de", "ru"), 0.9)
    Closed(html)
    kinds = re.findall(r'class="token (\w+)"', html)
    assert kinds == ["plain", "switched", "wrong", "plain", "kept"]
    assert "[CLS]" not in html and "–" in html and "0.95 ✓" in html


def test_tables_of_the_distillation_are_sound():
    entry = {6: "dog", 7: forms("de")["dog"], 8: forms("ru")["cat"]}
    words = {"en": [6], "de": [7], "ru": [8]}
    proposed = {"any word": [(6, 0.6), (8, 0.4)], "de": [(7, 0.9)]}
    html = distillation.answers("dog", proposed, entry, words)
    assert Closed(html).said == {("en", "ltr"), ("ru", "ltr"), ("de", "ltr")}
    kinds = re.findall(r'class="token (\w+)".*?class="note">([^<]*)', html)
    assert kinds == [("kept", "0.60"), ("wrong", "0.40 ✗"), ("switched", "0.90 ✓")]
    Closed(distillation.seen_and_hidden({"seen": (0.5, 0.9, 0.1), "hidden": (0.1, np.nan, 0)}))
    wrong = rows()
    wrong = wrong[wrong["verdict"] != "right"]
    assert distillation.commonest(wrong, 3).count("<tr>") == 4
    part = pd.DataFrame({"precision": [0.5, np.nan], "coverage": [0.25, 0.0]}, ["de", "ur"])
    html = distillation.quality_table({"tokens": part}, pd.Series({"de": 0.8, "ur": 0.6}))
    Closed(html)
    cells = re.findall(r'<td class="number">([^<]*)', html)
    assert cells == ["80%", "50%", "25%", "60%", "–", "0%", "70%", "50%", "12%"]


def test_quality_of_no_kept_word_at_all_is_a_dash_and_no_warning():
    part = pd.DataFrame({"precision": [np.nan], "coverage": [0.0]}, ["de"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        html = distillation.quality_table({"tokens": part}, pd.Series({"de": 0.8}))
    assert html.count("–") == 2


def test_every_kept_substitution_is_in_one_table():
    judged = pd.DataFrame(
        {
            "language": ["de", "de", "de", "en", "en"],
            "word": ["dog", "in", "in", "big", "near"],
            "verdict": ["right", "right", "other", "right", "other"],
            "content": [True, False, False, True, False],
        }
    )
    kept = distillation.everything_kept(judged, 8)
    assert kept["kept"].tolist() == [1, 2, 1, 1, 3] and kept["share"].sum() == 1
    assert kept["right"].tolist()[:4] == [1, 0.5, 1, 0] and np.isnan(kept["right"].iloc[4])
    text = distillation.everything_table(kept)
    Closed(text)
    assert (
        "25.0%" in text
        and "50.0%" in text
        and "–" in text
        and "names, numbers and look-alikes" in text
    )
    none = distillation.everything_kept(judged[:3], 3)
    assert none["kept"].tolist() == [1, 2, 0, 0, 0] and none["right"].isna().sum() == 3

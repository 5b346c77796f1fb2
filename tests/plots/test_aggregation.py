"""Figures of feature aggregation: readable, and true to their numbers."""

import numpy as np
import pandas as pd
import pytest
from drawn import check

from salt_lib.languages import XNLI_LANGUAGES, language
from salt_lib.plots import aggregation, style

TASK = "mini-ner"


def swept():
    rng, rows = np.random.default_rng(0), []
    for seed in range(5):
        for layer in range(-1, 6):
            rows.append((TASK, layer, seed, 0.6 + 0.01 * (layer == 4) + rng.normal(0, 0.002)))
    return pd.DataFrame(rows, columns=["task", "layer", "seed", "zero_shot"])


def survey():
    rng = np.random.default_rng(1)
    rows = [
        (layer, code, rng.random(), 0.99, np.nan if code == "en" else layer / 7, 0.9)
        for layer in range(7)
        for code in XNLI_LANGUAGES
    ]
    columns = ["layer", "language", "pos", "pos_own", "retrieval", "identity"]
    return pd.DataFrame(rows, columns=columns)


def test_the_diagram_has_the_formula_and_both_branches():
    figure, ax = style.figure(5.8)
    check(aggregation.diagram(ax).figure)
    said = " ".join(text.get_text() for text in ax.texts)
    assert "L₁ ⊙ A + L₂ ⊙ (1 − A)" in said and said.count("E/r") == 2


def test_gains_are_paired_by_seed():
    table = aggregation.gains(swept(), TASK)
    assert len(table) == 30 and set(table["layer"]) == set(range(6))
    raw = swept().set_index(["seed", "layer"])["zero_shot"]
    one = table[(table["layer"] == 4) & (table["seed"] == 3)]["difference"].item()
    assert one == pytest.approx(100 * (raw[3, 4] - raw[3, -1]))


def test_the_interval_is_students():
    mean, low, high = aggregation.interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert mean == 3.0 and high - mean == pytest.approx(2.776 * np.sqrt(2.5 / 5), abs=1e-3)
    assert low == pytest.approx(6.0 - high)
    assert np.isnan(aggregation.interval([1.0, 1.0])[1])


def test_the_sweep_marks_the_chosen_layer_and_the_oracle():
    figure, ax = style.figure(3.0)
    aggregation.sweep(ax, swept(), TASK, chosen=1)
    check(figure)
    (oracle,) = [text for text in ax.texts if text.get_text() == "oracle"]
    assert oracle.xy[0] == 4
    diamonds = [line for line in ax.lines if line.get_marker() == "D"]
    assert [line.get_color() == style.ORANGE for line in diamonds] == [
        layer == 1 for layer in range(6)
    ]
    points = sum(len(c.get_offsets()) for c in ax.collections)
    assert points == 30


def test_lines_over_layers_are_the_survey_s():
    figure, ax = style.figure(5.0)
    check(aggregation.layers_know(ax, survey()).figure)
    retrieval = [line for line in ax.lines if line.get_label() == "translation retrieval"][0]
    assert np.allclose(retrieval.get_ydata(), np.arange(7) / 7)
    figure, ax = style.figure(3.6)
    check(aggregation.gate_by_layer(ax, {TASK: {0: 0.2, 1: 0.4}}).figure)


def test_families_side_by_side_and_the_numbers_in_their_cells():
    figure, ax = style.figure(5.6)
    check(aggregation.layer_heat(ax, survey(), "retrieval").figure)
    assert len(ax.texts) == 14 * 7
    codes = aggregation.by_family([c for c in XNLI_LANGUAGES if c != "en"])
    families = [language(code).family for code in codes]
    assert sum(a == b for a, b in zip(families, families[1:], strict=False)) == 3
    table = pd.DataFrame(
        [(c, k, 0.25, 9) for c in XNLI_LANGUAGES for k in ("[CLS]", "NOUN")],
        columns=["language", "kind", "share", "tokens"],
    )
    figure, ax = style.figure(5.6)
    check(aggregation.shares(ax, table, ["[CLS]", "NOUN", "DET"]).figure)
    assert [t.get_text() for t in ax.texts[:3]] == ["25", "25", "–"]
    assert ax.get_yticklabels()[0].get_text() == "English"


def test_pairs_of_languages_have_a_line_for_each_kind():
    rows = [("de", "en", True, True, 0.9, layer) for layer in (0, 1)] + [
        ("de", code, False, order, 0.5, layer)
        for code, order in (("bg", True), ("hi", False))
        for layer in (0, 1)
    ]
    columns = ["one", "other", "family", "order", "retrieval", "layer"]
    figure, ax = style.figure(5.2)
    check(aggregation.families(ax, pd.DataFrame(rows, columns=columns)).figure)
    assert len(ax.lines) == 3 and ax.lines[0].get_ydata().tolist() == [0.9, 0.9]

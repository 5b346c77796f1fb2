"""Figures and tables of the chapter on augmentation: drawn, readable, and true to their data."""

import re

import numpy as np
import pytest
import torch
from drawn import Closed, check, rows

from salt_lib.plots import augmentation, style
from salt_lib.salt.methods import METHODS


def test_strips_mix_the_two_vectors():
    figure, axes = style.figure(3.4, 4)
    source, substitute, ratio = np.ones(6, "f4"), -np.ones(6, "f4"), np.linspace(0, 1, 6, "f4")
    assert augmentation.strips(axes, source, substitute, ratio.astype("f4")) is axes
    np.testing.assert_allclose(axes[3].images[0].get_array()[0], 2 * ratio - 1, atol=1e-6)
    check(figure)


def test_positions_on_the_line():
    source, substitute = torch.tensor([2.0, 0, 0, 1]), torch.tensor([0.0, 0, 0, 1])
    along, off = augmentation.positions(source, substitute, "scalar", 200)
    assert 0 <= along.min() < 0.1 < 0.9 < along.max() <= 1
    np.testing.assert_allclose(off, 0, atol=1e-6)
    wide = torch.randn(300, generator=torch.Generator().manual_seed(0))
    along, off = augmentation.positions(wide, torch.zeros(300), "vector", 200)
    assert abs(along.mean() - 0.5) < 0.02 and along.std() < 0.1 and off.min() > 0.1


def test_places_on_the_line_are_drawn():
    figure, ax = style.figure(3.4)
    along = {"one weight per dimension": np.full(10, 0.5), "one weight": np.linspace(0, 1, 10)}
    assert augmentation.places(ax, along) is ax
    check(figure)


def test_kept_by_language_counts_right_and_wrong():
    judged = rows()
    figure, ax = style.figure(4)
    assert augmentation.kept_by_language(ax, judged, 0.5) is ax
    drawn = sum(bar.get_width() for bars in ax.containers for bar in bars) * 1000
    assert drawn == pytest.approx((judged["probability"] >= 0.5).sum())
    check(figure)


def test_shares_of_rows_by_replaced_words():
    figure, ax = style.figure(3)
    assert augmentation.replaced(ax, np.array([0, 1, 1, 4])) is ax
    assert [bar.get_height() for bar in ax.containers[0]] == [0.25, 0.5, 0.25]
    check(figure)


def test_switched_shows_language_old_word_and_verdict():
    entry = {1: "[CLS]", 2: "dog", 3: "Hund", 4: "the", 5: "кошка"}
    words = {"de": [3], "ru": [5], "en": [2, 4]}
    html = augmentation.switched([1, 2, 4, 2], [1, 3, 4, 5], entry, {1: ["de"], 3: ["ru"]}, words)
    assert Closed(html).said == {("en", "ltr"), ("de", "ltr"), ("ru", "ltr")}
    assert re.findall(r'class="token (\w+)"', html) == ["mark", "switched", "kept", "wrong"]
    assert "German: dog ✓" in html and "Russian: dog ✗" in html


def test_methods_has_a_row_for_each():
    html = augmentation.methods()
    Closed(html)
    assert html.count("<tr>") == len(METHODS) + 1

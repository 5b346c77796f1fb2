"""Every figure has one look: readable at a phone's width, opaque, with glyphs that are there."""

import numpy as np
import pytest
from drawn import check

from salt_lib.plots import style


def test_a_missing_glyph_would_be_noticed():
    figure, ax = style.figure(2)
    ax.set_xlabel("犬")
    with pytest.raises(UserWarning, match="[Gg]lyph"):
        check(figure)


def test_tiny_text_would_be_noticed():
    figure, ax = style.figure(2)
    ax.text(0.5, 0.5, "tiny", size=8)
    with pytest.raises(AssertionError):
        check(figure)


def test_the_colours_differ_in_lightness_or_marker():
    assert len(set(style.COLOURS)) == len(style.COLOURS) == len(style.MARKERS)


def test_heat_writes_every_number_and_a_dash_for_none():
    figure, ax = style.figure(2)
    assert style.heat(ax, [[0.0, 1.0], [0.5, np.nan]], ["a", "b"], ["c", "d"]) is ax
    assert [t.get_text() for t in ax.texts] == ["0%", "100%", "50%", "–"]
    check(figure)


def test_languages_have_their_names():
    assert style.names(("en", "sw", "zh")) == ["English", "Swahili", "Chinese"]

"""Every figure has one look: readable at a phone's width, opaque, with glyphs that are there."""

import importlib
import inspect
from pathlib import Path

import matplotlib as mpl
import nbformat
import numpy as np
import pytest
from drawn import check
from nbclient import NotebookClient

from salt_lib.plots import results, style


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


def picture(draw):
    """The pixels of a figure."""
    figure, ax = style.figure(2)
    draw(ax)
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())


def test_a_users_settings_change_no_figure_and_no_figure_changes_them():
    def draw(ax):
        style.heat(ax, [[0.0, 1.0]], ["a"], ["c", "d"])
        results.detectable(ax, {"mini-xnli": 0.01}, [3, 15])

    usual = picture(draw)
    theirs = {"scatter.marker": "None", "axes.grid": True, "font.size": 30, "lines.marker": "x"}
    with mpl.rc_context(theirs):
        before = dict(mpl.rcParams)
        assert np.array_equal(picture(draw), usual)
        assert dict(mpl.rcParams) == before


def test_every_function_that_draws_has_the_look():
    """Whatever takes axes: its text and lines are made with the settings of the moment."""
    for name in [path.stem for path in Path(style.__file__).parent.glob("[a-z]*.py")]:
        module = importlib.import_module(f"salt_lib.plots.{name}")
        for function in vars(module).values():
            if inspect.isfunction(function) and function.__module__ == module.__name__:
                drawing = {"ax", "axes"} & inspect.signature(function).parameters.keys()
                assert not drawing or hasattr(function, "__wrapped__"), (name, function.__name__)


def test_a_notebook_shows_every_figure(tmp_path):
    """Its backend comes with the first one, inside of our settings."""
    cell = "from salt_lib.plots import style\nfigure, ax = style.figure(1)\nax.plot([0, 1]);"
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for _ in range(3)])
    book.metadata.kernelspec = {"name": "python3", "display_name": "x", "language": "python"}
    NotebookClient(book, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    for one in book.cells:
        assert any("image/png" in out.get("data", {}) for out in one.outputs), one.outputs

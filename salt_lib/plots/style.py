"""What the book's figures have in common: their width, their text, their colours.

A phone of 390 px shows a figure some 330 px wide. At `WIDTH` inches, text of `SMALL` points is then
still more than 9 px high, and nothing may be smaller. The text of a figure is Latin: words in other
scripts stand in the page itself (`salt_lib.plots.html`), where the browser finds the fonts.

Every plotting function takes the axes to draw on and returns them; what a figure shows is said in
its caption on the page, so none has a title.

Chapter: all of them.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler

from ..languages import language

WIDTH = 5.2  # inches
TEXT = 12  # points
SMALL = 11
# Okabe and Ito's colours, which all common kinds of colour blindness tell apart.
BLUE, VERMILLION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
PURPLE, SKY, BLACK, GREY, PALE = "#CC79A7", "#56B4E9", "#1A1A1A", "#6E6E6E", "#C8C8C8"
COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY, BLACK)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
SETTINGS: dict[Any, Any] = {  # matplotlib's types list the names it knows, one by one
    "figure.dpi": 160,
    "savefig.dpi": 160,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "axes.facecolor": "white",
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",
    "font.size": TEXT,
    "axes.labelsize": TEXT,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.prop_cycle": cycler(color=COLOURS),
    "lines.linewidth": 1.6,
    "svg.hashsalt": "salt",
}


# The look above on matplotlib's own defaults, whatever a user's matplotlibrc says; what is no
# matter of looks (backend, windows, folders) stays the user's.
_THEIRS = ("backend", "interactive", "toolbar", "webagg", "tk.", "date.epoch", "savefig.directory")
_LOOK = {k: v for k, v in mpl.rcParamsDefault.items() if not k.startswith(_THEIRS)} | SETTINGS


@contextmanager
def _look() -> Iterator[None]:
    before = {key: value for key, value in dict(mpl.rcParams.copy()).items() if key in _LOOK}
    mpl.rcParams.update(_LOOK)
    try:
        yield
    finally:
        # These alone: a notebook's backend comes with the first figure and makes the session
        # interactive, which `rc_context` would undo, so that no further figure would be shown.
        mpl.rcParams.update(before)


styled = _look()  # a decorator of whatever draws: outside, the session's settings are as they were


@styled
def figure(height: float, rows: int = 1, columns: int = 1, **options) -> tuple[Figure, Axes]:
    """An opaque white figure `WIDTH` inches wide, with its axes; options as of `plt.subplots`."""
    return plt.subplots(rows, columns, figsize=(WIDTH, height), **options)


def names(codes: Sequence[str]) -> list[str]:
    """The languages' English names: figures spell no language in its own script."""
    return [language(code).name for code in codes]


def percent(axis, decimals: int = 0) -> None:
    """Write an axis's shares as percentages."""
    axis.set_major_formatter(mpl.ticker.PercentFormatter(1.0, decimals=decimals))


@styled
def heat(
    ax: Axes,
    values: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    limits: tuple[float, float] = (0.0, 1.0),
    form: Callable[[float], str] = "{:.0%}".format,
) -> Axes:
    """A heat map with the number in each cell; a grey cell with a dash where it is nan.

    values: (rows, columns). limits: the values at the ends of the scale. form: how a number is
    written.
    """
    values = np.asarray(values, dtype=float)
    colours = mpl.colormaps["YlGnBu"].with_extremes(bad=PALE)
    scale = mpl.colors.Normalize(*limits, clip=True)
    ax.imshow(np.ma.masked_invalid(values), cmap=colours, norm=scale, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        text = "–" if np.isnan(value) else form(value)
        # At the dark end of the scale, white is easier to read than black.
        colour = "white" if not np.isnan(value) and scale(value) > 0.55 else BLACK
        ax.text(column, row, text, ha="center", va="center", size=SMALL, color=colour)
    ax.set_xticks(range(len(columns)), columns)
    ax.set_yticks(range(len(rows)), rows)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax

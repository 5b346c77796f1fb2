"""Figures of results: every seed is a point, and a mean never stands without its interval.

Differences are drawn in percentage points, accuracies in %.

Chapters: SALT in a small world; Training over 15 seeds; Results and t-tests; Ablations and
controls.
"""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ..files import write_bytes
from ..laboratory.study import TASKS
from ..laboratory.tasks import task as task_by_name
from ..languages import SOURCE
from ..study.stats import SALT, compare, smallest_detectable_effect
from ..study.wording import paired
from .style import (
    BLACK,
    BLUE,
    COLOURS,
    GREY,
    MARKERS,
    ORANGE,
    PALE,
    SMALL,
    VERMILLION,
    figure,
    styled,
)

ENGLISH, ZERO_SHOT = "English", "zero-shot"


def spread(count: int, height: float = 0.3) -> np.ndarray:
    """(count,) offsets that keep the points of one row apart, the same each time."""
    # The golden ratio's multiples leave neighbours far from each other, whatever their order.
    return (np.arange(count) * 0.618034 % 1 - 0.5) * 2 * height


@styled
def dots(
    ax: Axes,
    rows: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    colours: Mapping[str, str] | None = None,
) -> Axes:
    """Paired differences, a row each from top to bottom: all seeds, the mean and its 95 % interval.

    rows: label → the scores (S,) of two methods in [0, 1], paired by seed; shown is the first minus
    the second. colours: label → colour, blue by default. Where the differences have no spread there
    is no interval, and the points lie one on another.
    """
    for y, (label, (ours, theirs)) in enumerate(rows.items()):
        test = compare(ours, theirs)
        values = 100 * (np.asarray(ours) - np.asarray(theirs))
        colour = (colours or {}).get(label, BLUE)
        ax.scatter(values, y + spread(len(values)), s=16, color=colour, alpha=0.55, linewidth=0)
        ends = [100 * test.ci_low, 100 * test.ci_high]
        ax.plot(ends, [y, y], color=BLACK, linewidth=2.2, solid_capstyle="butt", zorder=3)
        ax.plot(100 * test.difference, y, "D", color=BLACK, markersize=6, zorder=4)
    ax.axvline(0, color=GREY, linewidth=1, zorder=0)
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_xlabel("difference in percentage points")
    return ax


def headline_rows(frame: pd.DataFrame, method: str = SALT) -> dict[str, tuple]:
    """Label → scores of ``method`` and the baseline: zero-shot and English, for every task."""
    rows = {}
    for name in (task for task in TASKS if task in set(frame["task"])):
        targets = task_by_name(name).targets
        rows[f"{name}\n{ZERO_SHOT}"] = paired(frame, name, method, targets)
        rows[f"{name}\n{ENGLISH}"] = paired(frame, name, method, [SOURCE])
    return rows


@styled
def headline(ax: Axes, frame: pd.DataFrame, more: Mapping[str, tuple] | None = None) -> Axes:
    """SALT − baseline on the zero-shot average and on English, for both tasks.

    more: rows that come after these, as those of `headline_rows`.
    """
    rows = {**headline_rows(frame), **(more or {})}
    colours = {label: VERMILLION if label.endswith(ENGLISH) else BLUE for label in rows}
    dots(ax, rows, colours)
    ax.set_xlabel("difference in percentage points (SALT better →)")
    return ax


@styled
def save_headline(frame: pd.DataFrame, path: str | Path) -> None:
    """Draw `headline` into a PNG file. SaltError: as `stats.compare`, or it can't be written."""
    drawn, ax = figure(3.4)
    headline(ax, frame)
    image = BytesIO()
    drawn.savefig(image, format="png")
    plt.close(drawn)
    write_bytes(path, image.getvalue())


@styled
def by_language(
    ax: Axes, scores: Mapping[str, np.ndarray], languages: Sequence[str], top: int = 1
) -> Axes:
    """Accuracy per language for a few methods: all seeds as points, means as larger ones.

    scores: method → (S, L), columns as ``languages``, the names in the order of the rows. top: how
    many rows a thin line sets apart, English by default.
    """
    places = np.linspace(-0.2, 0.2, len(scores)) if len(scores) > 1 else [0.0]
    for place, (method, table), colour, marker in zip(
        places, scores.items(), (GREY, *COLOURS), MARKERS, strict=False
    ):
        table = 100 * np.asarray(table, dtype=float)
        rows = np.arange(table.shape[1]) + place
        offsets = rows + spread(len(table), 0.12)[:, None]
        ax.scatter(table, offsets, s=9, color=colour, alpha=0.35, linewidth=0)
        ax.plot(
            table.mean(axis=0),
            rows,
            marker,
            color=colour,
            markersize=6,
            markeredgecolor="white",
            markeredgewidth=0.8,
            label=method,
        )
    if top:
        ax.axhline(top - 0.5, color=PALE, linewidth=1)
    ax.set_yticks(range(len(languages)), languages)
    ax.set_ylim(len(languages) - 0.5, -0.5)
    ax.set_xlabel("accuracy in %")
    return ax


@styled
def strips(ax: Axes, scores: Mapping[str, Sequence[float]], reference: str = "baseline") -> Axes:
    """One value a seed for each method, a row each, with the mean; a line at the reference's.

    scores: method → (S,) in [0, 1].
    """
    for y, (method, values) in enumerate(scores.items()):
        shown = 100 * np.asarray(values, dtype=float)
        colour = GREY if method == reference else BLUE
        ax.scatter(shown, y + spread(len(shown)), s=16, color=colour, alpha=0.55, linewidth=0)
        ax.plot(shown.mean(), y, "D", color=BLACK, markersize=6)
    if reference in scores:
        ax.axvline(100 * float(np.mean(scores[reference])), color=GREY, linewidth=1, zorder=0)
    ax.set_yticks(range(len(scores)), list(scores))
    ax.set_ylim(len(scores) - 0.5, -0.5)
    ax.set_xlabel("accuracy in %")
    return ax


@styled
def dev_curves(ax: Axes, histories: pd.DataFrame) -> Axes:
    """English dev accuracy after each epoch: the mean of a method's runs, and their range.

    histories: of one task, as from `frozen.histories`.
    """
    for (method, rows), colour, marker in zip(
        histories.groupby("method", sort=False), COLOURS, MARKERS, strict=False
    ):
        epochs = 100 * rows.groupby("epoch")["dev"].agg(["min", "mean", "max"])
        ax.fill_between(epochs.index, epochs["min"], epochs["max"], color=colour, alpha=0.12, lw=0)
        ax.plot(epochs.index, epochs["mean"], color=colour, marker=marker, ms=5, label=method)
    ax.set_xticks(sorted(histories["epoch"].unique()))
    ax.set_xlabel("epoch")
    ax.set_ylabel("dev accuracy in %")
    return ax


@styled
def detectable(ax: Axes, sd: Mapping[str, float], seeds: Sequence[int]) -> Axes:
    """The smallest difference that a paired t-test finds in four studies of five, by their seeds.

    sd: name → standard deviation of the paired differences of accuracies.
    """
    for (name, value), colour, marker in zip(sd.items(), COLOURS, MARKERS, strict=False):
        least = [100 * smallest_detectable_effect(value, count) for count in seeds]
        ax.plot(seeds, least, color=colour, marker=marker, ms=5, label=name)
    ax.set_xticks(list(seeds))
    ax.set_ylim(0)
    ax.set_xlabel("seeds")
    ax.set_ylabel("found, in points")
    return ax


@styled
def null(ax: Axes, flips: np.ndarray, observed: float) -> Axes:
    """What the mean difference would be if there were nothing to find, and what it was.

    flips: as from `wording.sign_flips`.
    """
    ax.hist(100 * flips, bins=61, color=PALE)
    ax.axvline(100 * observed, color=VERMILLION, linewidth=2.2)
    # The label stands on the side away from zero, and the axis leaves room for it.
    side, shift = ("left", 6) if observed > 0 else ("right", -6)
    reach = 150 * max(np.abs(flips).max(), abs(observed))
    ax.set_xlim(-reach, reach)
    ax.annotate(
        "observed",
        (100 * observed, 1),
        xycoords=("data", "axes fraction"),
        xytext=(shift, -4),
        textcoords="offset points",
        ha=side,
        va="top",
        color=VERMILLION,
        size=SMALL,
    )
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("mean difference in percentage points")
    return ax


@styled
def accuracies(ax: Axes, values: Mapping[str, float], colours: Mapping[str, str] | None = None):
    """One accuracy in % for each label, as a dot on a line from the best; returns ``ax``."""
    best = max(values.values())
    for y, (label, value) in enumerate(values.items()):
        colour = (colours or {}).get(label, BLUE)
        ax.plot([value, best], [y, y], color=PALE, linewidth=1.4, zorder=1)
        ax.plot(value, y, "o", color=colour, markersize=7, zorder=2)
        ax.annotate(
            f"{value:.1f}",
            (value, y),
            xytext=(-7, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            size=SMALL,
        )
    ax.axvline(best, color=ORANGE, linewidth=1, zorder=0)
    ax.set_yticks(range(len(values)), list(values))
    ax.set_ylim(len(values) - 0.5, -0.5)
    ax.margins(x=0.14)
    ax.set_xlabel("accuracy in %")
    return ax

"""Figures and tables of the study of intermediate tasks.

Chapter: Intermediate tasks.
"""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes

from ..laboratory.intermediate import outcomes
from ..laboratory.intermediate.conditions import CONDITIONS, Condition
from ..laboratory.intermediate.examples import LANGUAGES
from ..laboratory.intermediate.outcomes import Point
from ..laboratory.intermediate.study import numbers
from ..languages import SOURCE, language
from ..study.parts import Part
from ..study.wording import interval, points, short_p
from .html import Markup, percent, table, word
from .style import COLOURS, GREY, MARKERS, styled


def tellings_table(
    pairs: Iterable[tuple[str, Sequence[str]]], caption: str = "Pairs of facts, each told twice"
) -> Markup:
    """Pairs of facts: language → four sentences, two tellings of each fact."""
    rows = [[language(code).name, *(word(text, code) for text in texts)] for code, texts in pairs]
    header = ["language", "a fact", "told again", "its partner", "told again"]
    return table(header, rows, caption)


def conditions_table(rows: Iterable[Condition], caption: str) -> Markup:
    """Conditions with how many runs each has in a world."""
    body = [[row.name, row.label, f"{len(numbers(row))}"] for row in rows]
    return table(
        ["condition", "what comes before fine-tuning", "runs per world"], body, caption, [2]
    )


def choices_table(scores: Mapping[str, float], head: str, caption: str) -> Markup:
    """What was trained → a share, of a live example."""
    return table(["trained on", head], [[k, percent(v)] for k, v in scores.items()], caption, [1])


@styled
def shares(ax: Axes, counts: Mapping[str, Sequence[int]]) -> Axes:
    """How many examples each language has, a line for each way of drawing them.

    counts: label → (languages,) in the order of `examples.LANGUAGES`.
    """
    order = sorted(range(len(LANGUAGES)), key=lambda i: -language(LANGUAGES[i]).share)
    for (label, many), marker, color in zip(counts.items(), MARKERS, COLOURS, strict=False):
        ax.plot([many[i] for i in order], range(len(order)), marker, color=color, label=label)
    ax.set_yticks(range(len(order)), [language(LANGUAGES[i]).name for i in order])
    ax.invert_yaxis()
    ax.set_xlim(left=0)
    ax.set_xlabel("examples")
    ax.legend()
    return ax


@styled
def curves(ax: Axes, told: Mapping[str, Sequence[Point]], what: str) -> Axes:
    """Differences to nothing in between, in points, against a number on a logarithmic scale.

    told: label → points with their intervals; what: is counted on the axis.
    """
    ax.axhline(0, color=GREY, linestyle=":")
    for (label, line), marker, color in zip(told.items(), MARKERS, COLOURS, strict=False):
        xs, means = [point.x for point in line], [100 * point.mean for point in line]
        ax.fill_between(
            xs,
            [100 * point.low for point in line],
            [100 * point.high for point in line],
            color=color,
            alpha=0.15,
            linewidth=0,
        )
        ax.plot(xs, means, marker=marker, color=color, label=label)
        ax.set_xscale("log")
        ax.set_xticks(xs, [f"{x:,}" for x in xs])
    ax.minorticks_off()
    ax.set_xlabel(what)
    ax.set_ylabel("points over none")
    return ax


def summary_table(rows: pd.DataFrame, caption: str) -> Markup:
    """Rows of `outcomes.summary`: effects over worlds, in points."""
    header = [
        "comparison",
        "languages",
        "mean",
        "95% interval",
        "worlds and runs drawn",
        "p",
        "p (Holm)",
        "p within a point",
        "verdict",
    ]
    body = []
    for row in rows.to_dict("records"):
        ends = {"ci_low": row["boot_low"], "ci_high": row["boot_high"]}
        numbers_ = [points(row["mean"], ""), interval(row), interval(ends)]
        numbers_ += [short_p(row[key]) for key in ("p", "p_holm", "p_equivalent")]
        said = outcomes.verdict(row) if row["primary"] or row["group"] == "all" else "–"
        body.append([row["contrast"], row["group"], *numbers_, said])
    return table(header, body, caption, range(2, 8))


def levels_table(units: Sequence[Part], names: Sequence[str], caption: str) -> Markup:
    """Conditions with English and zero-shot accuracy, and what the intermediate task's English dev
    set says: whether it was learned at all."""
    cells = [(name, "baseline") for name in names]
    english = outcomes.levels(units, cells, outcomes.outcome("English"))
    targets = outcomes.levels(units, cells)
    rows = []
    for cell in cells:
        learned = "–"
        if CONDITIONS[cell[0]].task:
            learned = percent(outcomes.levels(units, [cell], outcomes.learned)[cell])
        rows.append([cell[0], learned, percent(english[cell]), percent(targets[cell])])
    header = ["condition", "its own dev, English", "mini-xnli, English", "mini-xnli, zero-shot"]
    return table(header, rows, caption, range(1, 4))


def spread_table(units: Sequence[Part]) -> Markup:
    """Standard deviations of draws, seeds and the rest, in points."""
    told = outcomes.spread(units)
    rows = [
        [what, points(variance**0.5, "").removeprefix("+")]
        for what, variance in (("draws", told.draw), ("seeds", told.seed), ("the rest", told.rest))
    ]
    return table(["part", "standard deviation"], rows, "What the spread comes from, in points", [1])


def _accuracy(code: str) -> outcomes.Value:
    return lambda run: run["scores"][code]


def languages_table(units: Sequence[Part], names: Sequence[str]) -> Markup:
    """Accuracy after some conditions in each language, the mean over worlds and runs."""
    rows = []
    for code in (SOURCE, *outcomes.GROUPS["rich"], *outcomes.GROUPS["poor"]):
        group = next((g for g in ("rich", "poor") if code in outcomes.GROUPS[g]), "English")
        cells = [(name, "baseline") for name in names]
        found = outcomes.levels(units, cells, _accuracy(code))
        rows.append([language(code).name, group, *(percent(found[cell]) for cell in cells)])
    header = ["language", "text", *names]
    return table(header, rows, "Accuracy in each language", range(2, len(header)))

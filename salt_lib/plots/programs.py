"""Figures and tables of the study of programs: questions with their programs, text against size.

Chapter: Programs.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ..laboratory.programs import outcomes
from ..laboratory.programs.cells import AMOUNTS, CELLS, SIZES, Cell, parameters
from ..laboratory.programs.interpreter import Answer
from ..laboratory.programs.study import SEED
from ..languages import SOURCE, language
from ..study.parts import Part
from ..study.wording import interval, points, short_p
from .html import Markup, percent, table, word
from .style import BLUE, GREY, SMALL, heat, styled

MEASURES = {
    "execution": "right",
    "exact": "exact",
    "conditions": "conditions",
    "parses": "parses",
    "typed": "typed",
}


def answer(found: Answer) -> str:
    """An answer in words: a number, yes or no, a list."""
    if isinstance(found, bool):
        return "yes" if found else "no"
    if isinstance(found, int):
        return f"{found}"
    return ", ".join(sorted(found)) or "nothing"


def questions_table(
    said: Mapping[str, Sequence[Sequence[str]]],
    programs: Sequence[Sequence[str]],
    answers: Sequence[Answer],
    caption: str,
) -> Markup:
    """Questions in some languages, their programs, and what these answer on one table.

    said: language → the words of each question.
    """
    rows = []
    for number, (program, found) in enumerate(zip(programs, answers, strict=True)):
        asked = [word(" ".join(of[number]), code) for code, of in said.items()]
        code = Markup(f"<code class='program'>{' '.join(program).replace('>', '&gt;')}</code>")
        rows.append([asked[0], *asked[1:], code, answer(found)])
    header = [*(language(code).name for code in said), "program", "answer"]
    return table(header, rows, caption)


def facts_table(facts: Sequence[str], caption: str) -> Markup:
    """The facts of a table, told as sentences."""
    rows = [[f"{number}", Markup(said)] for number, said in enumerate(facts, start=1)]
    return table(["fact", "told"], rows, caption)


def cells_table(vocabulary: int) -> Markup:
    """The cells: layers, width, parameters with a vocabulary of so many pieces, and steps."""
    rows = []
    for size in SIZES.values():
        shape = f"{size.layers} × {size.hidden}"
        took = [f"{Cell(size, amount).recipe.steps:,}" for amount in AMOUNTS]
        rows.append([size.name, shape, f"{parameters(size, vocabulary) / 1e6:.2f}", *took])
    header = ["size", "layers × width", "million", *(f"text × {a:g}" for a in AMOUNTS)]
    return table(header, rows, "The grid: encoders, and the steps of each", range(1, len(header)))


def measures_table(measured: Mapping[str, Mapping[str, float]], caption: str) -> Markup:
    """Language (or what reads) → measures of the programs that are written."""
    rows = [[name, *(percent(one[what]) for what in MEASURES)] for name, one in measured.items()]
    return table(["", *MEASURES.values()], rows, caption, range(1, 1 + len(MEASURES)))


def progress_table(progress: pd.DataFrame) -> Markup:
    """How far the study is."""
    rows = [[f"{row.world}", f"{row.runs}", f"{row.planned}"] for row in progress.itertuples()]
    return table(["world", "runs made", "runs planned"], rows, "The study", range(3))


@styled
def bars(ax: Axes, shares: Mapping[str, float]) -> Axes:
    """A bar for each name, the first on top, with its share in %."""
    values = [100 * value for value in shares.values()]
    ax.barh(range(len(values)), values, color=BLUE)
    for y, value in enumerate(values):
        ax.text(value, y, f" {value:.0f}", va="center", size=SMALL)
    ax.set_yticks(range(len(values)), list(shares))
    ax.invert_yaxis()
    ax.set_xlim(0, 110)
    ax.set_xlabel("execution accuracy in %")
    return ax


@styled
def accuracies(ax: Axes, values: np.ndarray) -> Axes:
    """(sizes, amounts) shares of programs, or of their conditions, as a heat map."""
    heat(ax, values, list(SIZES), [f"× {amount:g}" for amount in AMOUNTS])
    ax.set_xlabel("text of poor languages")
    ax.set_ylabel("parameters")
    return ax


@styled
def compute_lines(ax: Axes, units: Sequence[Part], group: str = "poor") -> Axes:
    """The fit's surface over text and size, the mean over worlds, with lines of equal compute.

    Each line has twice the seconds of pretraining of the one below. The dot is where the next
    doubling is asked about.
    """
    x = np.linspace(np.log2(AMOUNTS[0]), np.log2(AMOUNTS[-1]), 60)
    ends = [outcomes.size_of(units[0], Cell(size, 1.0)) for size in SIZES.values()]
    y = np.linspace(ends[0], ends[-1], 60)
    fits = [outcomes.fit(part, group=group) for part in units]
    surface = np.mean([[[one(a, b) for a in x] for b in y] for one in fits], axis=0)
    shades = ax.contourf(x, y, 100 * surface, levels=10, cmap="YlGnBu")
    ax.figure.colorbar(shades, ax=ax, label="fitted accuracy in %")
    cost = np.log2([[outcomes.steps(2.0**a) / outcomes.steps(1.0) for a in x]] * len(y))
    doublings = np.linspace(-4, 6, 11)
    heights = np.mean(
        [[outcomes.size_for(part, 2.0**one) for one in doublings] for part in units], axis=0
    )
    cost = cost + np.interp(y, heights, doublings)[:, None]
    lines = ax.contour(x, y, cost, levels=np.arange(-3, 6), colors=GREY, linestyles="dashed")
    ax.clabel(lines, fmt=lambda power: f"{2.0**power:g}×", fontsize=SMALL)
    ax.plot(0, 0, "o", color="black")
    ax.set_xticks(np.log2(AMOUNTS), [f"× {amount:g}" for amount in AMOUNTS])
    ax.set_yticks(ends, list(SIZES))
    ax.set_xlabel("text of poor languages")
    ax.set_ylabel("parameters")
    return ax


def summary_table(rows: pd.DataFrame, caption: str) -> Markup:
    """Rows of `outcomes.summary`: effects over worlds, in points of execution accuracy."""
    header = ["effect", "languages", "mean", "95% interval", "p", "p (Holm)"]
    body = [
        [
            row["effect"],
            row["group"],
            points(row["mean"], ""),
            interval(row),
            short_p(row["p"]),
            short_p(row["p_holm"]),
        ]
        for row in rows.to_dict("records")
    ]
    return table(header, body, caption, range(2, 6))


def fits_table(units: Sequence[Part]) -> Markup:
    """How far off the fits are in the cells that they don't see, in points, a row a world."""
    rows = []
    for part in units:
        found = [outcomes.fit(part, model) for model in outcomes.MODELS]
        missed = [f"{100 * one.missed:.1f}" for one in found]
        rows.append([f"{part.world}", *missed, f"{100 * found[0].guess:.1f}"])
    header = ["world", *outcomes.MODELS, "the mean of the others"]
    caption = "Root mean squared error in the held-out cells, in points, poor languages"
    return table(header, rows, caption, range(4))


def checks_table(found: pd.DataFrame) -> Markup:
    """`outcomes.checks`: execution accuracy in English, a row a world."""
    names = [name for name in found.columns if name != "world"]
    rows = [
        [f"{row['world']}", *(percent(row[name]) for name in names)]
        for row in found.to_dict("records")
    ]
    caption = "Execution accuracy in English, on combinations that training lacks"
    return table(["world", *names], rows, caption, range(len(names) + 1))


def languages_table(units: Iterable[Part]) -> Markup:
    """Each language's execution accuracy at both ends of the grid, the mean over worlds."""
    units = list(units)
    names = list(CELLS)
    grid = [name for name in names if "poor" in name]
    ends = [grid[0], grid[len(AMOUNTS) - 1], grid[-len(AMOUNTS)], grid[-1]]
    groups = {code: name for name, codes in outcomes.GROUPS.items() for code in codes}
    rows = []
    for code in (SOURCE, *outcomes.GROUPS["rich"], *outcomes.GROUPS["poor"]):
        cells = [
            np.mean([p.runs[name, outcomes.BASELINE][SEED]["scores"][code] for p in units])
            for name in ends
        ]
        rows.append([language(code).name, groups[code], *(percent(float(c)) for c in cells)])
    header = ["language", "text", *ends]
    return table(header, rows, "Execution accuracy in each language", range(2, len(header)))

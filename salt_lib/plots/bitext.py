"""Figures and tables of the study of bitext: pairs with their links, cells, what came of them.

Chapter: Bitext.
"""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes

from ..laboratory.bitext import links as of_links
from ..laboratory.bitext import outcomes
from ..laboratory.bitext.cells import CELLS, SALTED, SIZES
from ..laboratory.bitext.objectives import OBJECTIVES
from ..laboratory.bitext.study import SEEDS
from ..languages import LANGUAGES, SOURCE, language
from ..study.parts import Part
from ..study.wording import interval, points, short_p
from .html import Markup, percent, table, token, tokens
from .style import COLOURS, GREY, MARKERS, styled


def pair_lines(bitext: of_links.Bitext, row: int, written: Sequence[str]) -> Markup:
    """A pair's pieces, English above, with the number of each link below both of its pieces.

    written: the tokenizer's pieces by their ids. A link that joins words of another meaning is
    marked as wrong; the world's lexicon decides.
    """
    code = list(LANGUAGES)[int(bitext.pair[row])]
    sides = [
        [written[i] for i in bitext.ids[s, row, : bitext.length[s, row]].tolist()] for s in (0, 1)
    ]
    (one, in_one), (other, in_other) = map(of_links.words_of, sides)
    notes: tuple[dict[int, str], dict[int, str]] = ({}, {})
    wrong: tuple[set[int], set[int]] = (set(), set())
    links = [(p, q) for p, q in enumerate(bitext.link[0, row].tolist()) if q != of_links.NONE]
    for number, link in enumerate(links, start=1):
        right = of_links.same(one[in_one[link[0]]], other[in_other[link[1]]], code)
        for side in (0, 1):
            notes[side][link[side]] = f"{number}"
            if not right:
                wrong[side].add(link[side])
    lines = []
    for side, spoken in ((0, SOURCE), (1, code)):
        boxes = [
            token(piece, spoken, notes[side].get(i, "–"), "wrong" if i in wrong[side] else "kept")
            for i, piece in enumerate(sides[side])
        ]
        lines.append(tokens(boxes, spoken, f"{language(spoken).name}, pieces and their links"))
    return Markup("".join(lines))


def cells_table() -> Markup:
    """The cells, with their runs in a world."""
    rows = []
    for name, row in CELLS.items():
        runs = f"{len(SEEDS)}" + (f" + {len(SEEDS)}" if name in SALTED else "")
        rows.append([name, row.label, runs])
    header = ["cell", "the second batch of every step", "runs a world (+ SALT)"]
    return table(header, rows, "The cells", [2])


def languages_table() -> Markup:
    """Which languages bitext has, by tier."""
    rows = [
        [group, f"{len(codes)}", ", ".join(language(code).name for code in codes)]
        for group, codes in outcomes.GROUPS.items()
        if group != "all"
    ]
    return table(["group", "languages", "which"], rows, "Groups of languages", [1])


def progress_table(progress: pd.DataFrame) -> Markup:
    """How far the study is."""
    rows = [[f"{row.world}", f"{row.runs}", f"{row.planned}"] for row in progress.itertuples()]
    return table(["world", "runs made", "runs planned"], rows, "The study", range(3))


def links_table(told: Mapping[str, Mapping[str, Mapping[str, float]]], caption: str) -> Markup:
    """How good links are: what they are of → language → `links.shares_right`."""
    rows = [
        [name, language(code).name, f"{one['links']:.1f}", percent(one["right"]), found]
        for name, by in told.items()
        for code, one in by.items()
        for found in (percent(one["found"]),)
    ]
    header = ["pairs", "language", "links a pair", "right", "content words with a right link"]
    return table(header, rows, caption, range(2, 5))


def measures_table(told: Mapping[str, Mapping[str, Mapping[str, float]]], caption: str) -> Markup:
    """What → measure → language → share, as means over the groups of languages."""
    names = [group for group in outcomes.GROUPS if group != "all"]
    rows = [
        [what, measure, *(percent(_mean(by, outcomes.GROUPS[group])) for group in names)]
        for what, measures in told.items()
        for measure, by in measures.items()
    ]
    return table(["", "measure", *names], rows, caption, range(2, 2 + len(names)))


def _mean(by: Mapping[str, float], codes: Iterable[str]) -> float:
    found = [by[code] for code in codes if code in by]
    return sum(found) / len(found)


@styled
def curves(ax: Axes, told: Mapping[str, Sequence[float]]) -> Axes:
    """What each objective gains over text alone, in points, against the number of pairs.

    told: objective → a value for each of `cells.SIZES`.
    """
    ax.axhline(0, color=GREY, linestyle=":")
    for (label, line), marker, color in zip(told.items(), MARKERS, COLOURS, strict=False):
        values = [100 * value for value in line]
        ax.plot(SIZES, values, marker=marker, color=color, label=label)
    ax.set_xscale("log")
    ax.set_xticks(SIZES, [f"{size:,}" for size in SIZES])
    ax.minorticks_off()
    ax.set_xlabel("pairs in all")
    ax.set_ylabel("points over text alone")
    ax.legend()
    return ax


def summary_table(rows: pd.DataFrame, caption: str) -> Markup:
    """Rows of `outcomes.summary`: effects over worlds, in points."""
    header = [
        "comparison", "measure", "languages", "mean", "95% interval", "p", "p (Holm)",
        "p within a point", "verdict",
    ]  # fmt: skip
    body = []
    for row in rows.to_dict("records"):
        numbers = [points(row["mean"], ""), interval(row)]
        numbers += [short_p(row[key]) for key in ("p", "p_holm", "p_equivalent")]
        names = [row["contrast"], row["measure"], row["group"]]
        body.append([*names, *numbers, outcomes.verdict(row)])
    return table(header, body, caption, range(3, 8))


def beside_table(rows: pd.DataFrame, caption: str) -> Markup:
    """Rows of `outcomes.beside`, in points: measures by groups of languages."""
    body = []
    for measure in outcomes.MEASURES:
        some = rows[rows["measure"] == measure].set_index("group")
        cells = [
            "–" if row["mean"] != row["mean"] else f"{points(row['mean'], '')} ({interval(row)})"
            for row in (some.loc[group].to_dict() for group in outcomes.GROUPS)
        ]
        body.append([measure, *cells])
    header = ["measure", *outcomes.GROUPS]
    return table(header, body, caption, range(1, len(header)))


def levels_table(units: Sequence[Part], group: str = outcomes.POOR) -> Markup:
    """Each cell's measures in a group of languages, the means over worlds and seeds."""
    rows = []
    for name in CELLS:
        run = (name, "baseline")
        found = [outcomes.level(units, run, what, group) for what in outcomes.MEASURES]
        rows.append([name, *("–" if value != value else percent(value) for value in found)])
    header = ["cell", *outcomes.MEASURES]
    caption = f"Means over worlds and seeds; {group}"
    return table(header, rows, caption, range(1, len(header)))


def costs_table(costs: pd.DataFrame) -> Markup:
    """Rows of `outcomes.costs`."""
    rows = [
        [row.cell, f"{row.steps:,}", f"{row.monolingual / 1e6:.2f}", f"{row.second / 1e6:.2f}"]
        + [f"{row.seconds / 60:.1f}"]
        for row in costs.itertuples()
    ]
    header = ["cell", "steps", "million tokens alone", "in second batches", "minutes"]
    return table(header, rows, "What each cell's pretraining reads and takes", range(1, 5))


def quality_of(frame: pd.DataFrame) -> dict[str, dict[str, dict[str, float]]]:
    """Rows of `outcomes.links` for `links_table`: the cells of one objective, for all have them."""
    shown = [name for name in frame["cell"].unique() if name.startswith(OBJECTIVES[1])]
    return {
        name: {
            row["language"]: {key: row[key] for key in ("links", "right", "found")}
            for row in frame[frame["cell"] == name].to_dict("records")
        }
        for name in shown
    }

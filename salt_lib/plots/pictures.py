"""Figures and tables of the study of pictures: what a fact looks like, what SALT is worth.

Chapter: Pictures.
"""

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from html import escape

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from PIL import Image

from ..laboratory.minibabel import pictures
from ..laboratory.minibabel.facts import Fact
from ..laboratory.minibabel.grammar import sentence
from ..laboratory.pictures import captions, outcomes
from ..laboratory.pictures.conditions import CONDITIONS, SHARES
from ..laboratory.pictures.outcomes import Worth
from ..languages import SOURCE, language
from ..study.parts import Part
from ..study.wording import interval, points, short_p
from .html import Markup, percent, table, word
from .style import BLUE, GREEN, GREY, SMALL, VERMILLION, styled

SHOWN = 96  # pixels on the page, each of a picture's twice as wide and high
MEASURES = {"R@1": "R@1", "R@10": "R@10", "median": "median rank"}


def image(raster: np.ndarray, alt: str) -> Markup:
    """A picture (48, 48, 3) in the page, with the words for those who can't see it."""
    buffer = io.BytesIO()
    large = Image.fromarray(raster).resize((SHOWN, SHOWN), Image.Resampling.NEAREST)
    large.save(buffer, "png")
    data = base64.b64encode(buffer.getvalue()).decode()
    size = f'width="{SHOWN}" height="{SHOWN}"'
    return Markup(f'<img src="data:image/png;base64,{data}" alt="{escape(alt)}" {size}/>')


def facts_table(facts: Sequence[Fact], codes: Sequence[str], caption: str) -> Markup:
    """Facts as pictures, two of each, with their captions in some languages."""
    rows = []
    for number, fact in enumerate(facts):
        english = sentence(fact, SOURCE)
        drawn = [image(pictures.draw(fact, (number, i)), english) for i in range(2)]
        told = [word(sentence(fact, code), code) for code in codes]
        rows.append([Markup(english), *drawn, *told])
    header = ["caption", "picture", "another", *(language(code).name for code in codes)]
    return table(header, rows, caption)


def group_table(facts: Sequence[Fact], caption: str) -> Markup:
    """A group of a pool: a fact, and what differs from it in one attribute."""
    rows = []
    for number, fact in enumerate(facts):
        english = sentence(fact, SOURCE)
        changed = [k for k, v in fact._asdict().items() if v != facts[0]._asdict()[k]]
        what = changed[0].replace("_", " ") if changed else "–"
        rows.append([Markup(english), image(pictures.draw(fact, number), english), what])
    return table(["caption", "picture", "what differs"], rows, caption)


def unshown_table() -> Markup:
    """What has a picture in each part of a fact, and what has none."""
    columns = {"agent": "nouns", "verb": "verbs", "agent_adjective": "adjectives"}
    columns |= {"place": "places", "agent_number": "numbers"}
    rows = []
    for column, called in columns.items():
        values, can = pictures.inventory()[column], pictures.shown()[column]
        none = ", ".join(value for value in values if value not in can)
        rows.append([called, f"{len(can)} of {len(values)}", none])
    rows.append(["names, cities, “not”", "none", "all"])
    return table(["part", "drawn", "without a picture"], rows, "What a picture can't show")


def probe_table(probes: Mapping[int, Mapping[str, Mapping[str, float]]]) -> Markup:
    """World → what a linear probe reads, beside always saying the commonest."""
    rows = []
    for what in next(iter(probes.values())):
        told = [probes[world][what] for world in probes]
        cells = [f"{percent(one['accuracy'])} ({percent(one['commonest'])})" for one in told]
        rows.append([what, *cells])
    header = ["what is read", *(f"world {world}" for world in probes)]
    caption = (
        "Accuracy of a linear probe on picture vectors, always saying the commonest in brackets"
    )
    return table(header, rows, caption, range(1, len(header)))


def conditions_table() -> Markup:
    """The conditions, a row each."""
    rows = [
        [row.name, row.label, f"{row.pairs:,}" if row.share else "none"]
        for row in CONDITIONS.values()
    ]
    header = ["condition", "what it does", "parallel captions per language"]
    return table(header, rows, "The conditions", [2])


def progress_table(progress: pd.DataFrame) -> Markup:
    """How far the study is."""
    rows = [[f"{row.world}", f"{row.runs}", f"{row.planned}"] for row in progress.itertuples()]
    return table(["world", "runs made", "runs planned"], rows, "The study", range(3))


@styled
def bars(ax: Axes, shares: Mapping[str, float]) -> Axes:
    """A bar for each name, the first on top, with its share in %."""
    names, values = list(shares), [100 * value for value in shares.values()]
    ax.barh(range(len(names)), values, color=BLUE)
    for y, value in enumerate(values):
        ax.text(value, y, f" {value:.0f}", va="center", size=SMALL)
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set_xlim(0, 110)
    ax.set_xlabel("R@10 in %")
    return ax


@styled
def headline(ax: Axes, told: Mapping[str, Worth]) -> Axes:
    """Retrieval against the number of parallel captions, SALT's level as a band.

    told: way → `outcomes.worth` of one group. The dotted line is English alone; a cross stands
    where a way reaches SALT's level.
    """
    size = captions.SIZES["train"]
    counts = [share * size for share in SHARES]
    first = next(iter(told.values()))
    low, high = 100 * first.level_low, 100 * first.level_high
    ax.axhspan(low, high, color=BLUE, alpha=0.2, linewidth=0)
    ax.axhline(100 * first.level, color=BLUE, label="SALT")
    ax.axhline(100 * first.none, color=GREY, linestyle=":", label="English only")
    for (way, one), marker, color in zip(told.items(), "os", (VERMILLION, GREEN), strict=False):
        ax.plot(counts, [100 * v for v in one.curve], marker=marker, color=color, label=way)
        if 0 < one.share < float("inf"):
            ax.plot(one.share * size, 100 * one.level, "X", color=color, markersize=10)
    ax.set_xscale("log")
    ax.set_xticks(counts, [f"{count:,.0f}" for count in counts])
    ax.set_xlabel("parallel captions per language")
    ax.set_ylabel("R@1 in %")
    return ax


def worth_table(units: Sequence[Part]) -> Markup:
    """What SALT is worth in parallel captions, a row each for a way and a group of languages."""
    rows = []
    for way in (outcomes.PARALLEL, outcomes.TAUGHT):
        for group in outcomes.GROUPS:
            told = outcomes.worth(units, way, group)
            both = f"{outcomes.pairs(told.low)} to {outcomes.pairs(told.high)}"
            level = f"{percent(told.level)} ({percent(told.none)})"
            rows.append([f"{way}, {group}", level, outcomes.pairs(told.share), both])
    header = ["way, languages", "SALT’s R@1 (English only)", "SALT is worth", "95% interval"]
    return table(header, rows, "What SALT is worth in parallel captions per language", [1])


def summary_table(rows: pd.DataFrame, caption: str) -> Markup:
    """Rows of `outcomes.summary`: effects over worlds, in points, of a median rank in ranks."""
    header = [
        "comparison",
        "languages",
        "measure",
        "mean",
        "95% interval",
        "worlds and seeds drawn",
    ]
    header += ["p", "p (Holm)"]
    body = []
    for row in rows.to_dict("records"):
        ends = {"ci_low": row["boot_low"], "ci_high": row["boot_high"]}
        told = [points(row["mean"], ""), interval(row), interval(ends)]
        if row["measure"] == "median":
            told = [f"{row['mean']:+.1f}".replace("-", "−")]
            for low, high in (("ci_low", "ci_high"), ("boot_low", "boot_high")):
                told.append(f"{row[low]:+.1f} to {row[high]:+.1f}".replace("-", "−"))
        body.append(
            [
                f"{row['condition']} − {row['against']}",
                row["group"],
                MEASURES[row["measure"]],
                *told,
                short_p(row["p"]),
                short_p(row["p_holm"]),
            ]
        )
    return table(header, body, caption, range(3, 8))


def languages_table(units: Iterable[Part], names: Sequence[str]) -> Markup:
    """R@1 of conditions in each language, the mean over worlds and seeds."""
    units, rows = list(units), []
    for code in (SOURCE, *outcomes.GROUPS["rich"], *outcomes.GROUPS["poor"]):
        group = (
            "English" if code == SOURCE else "rich" if code in outcomes.GROUPS["rich"] else "poor"
        )
        cells = [
            percent(
                float(
                    np.mean(
                        [
                            np.mean([run["scores"][code] for run in part.runs[name].values()])
                            for part in units
                        ]
                    )
                )
            )
            for name in names
        ]
        rows.append([language(code).name, group, *cells])
    return table(
        ["language", "text", *names], rows, "R@1 in each language", range(2, 2 + len(names))
    )

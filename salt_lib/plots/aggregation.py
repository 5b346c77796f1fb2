"""Figures of feature aggregation: how it works, what a layer knows, what its fusion gains.

Chapter: Feature aggregation.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from scipy import stats

from ..languages import LANGUAGES, language
from .style import (
    BLACK,
    BLUE,
    COLOURS,
    GREEN,
    GREY,
    MARKERS,
    ORANGE,
    SMALL,
    VERMILLION,
    heat,
    styled,
)
from .style import names as language_names

FUSED = BLUE


@styled
def diagram(ax: Axes) -> Axes:
    """DLFA and, inside it, AIF: from two layers' outputs to what the classifier reads."""

    def box(x: float, y: float, text: str, width: float, colour: str = "white") -> None:
        shape = FancyBboxPatch(
            (x - width / 2, y - 0.36),
            width,
            0.72,
            boxstyle="round,pad=0.02,rounding_size=0.12",
            facecolor=colour,
            edgecolor=GREY,
        )
        ax.add_patch(shape)
        ax.text(x, y, text, ha="center", va="center", size=SMALL, color=BLACK)

    def arrow(start: tuple[float, float], end: tuple[float, float]) -> None:
        ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": GREY, "lw": 1.3})

    box(2.3, 9.4, "lower layer: L₁", 3.4, "#DCEBF6")
    box(7.7, 9.4, "last layer: L₂", 3.4, "#FBE3D6")
    box(5.0, 7.9, "W = (L₁ + L₂) / 2", 4.0)
    box(2.6, 6.3, "mean over the tokens", 4.3)
    box(2.6, 4.9, "global: E → E/r → E", 4.3)
    box(7.7, 4.9, "local: E → E/r → E", 4.3)
    box(5.0, 3.3, "A = σ(sum)  or  W ⊙ σ(sum)", 6.2, "#E3F2EA")
    box(5.0, 1.8, "L = L₁ ⊙ A + L₂ ⊙ (1 − A)", 6.2)
    box(5.0, 0.3, "classifier", 3.4)
    for start, end in (
        ((2.6, 9.0), (4.2, 8.3)),
        ((7.4, 9.0), (5.8, 8.3)),
        ((4.2, 7.5), (2.9, 6.7)),
        ((5.8, 7.5), (7.6, 5.3)),
        ((2.6, 5.9), (2.6, 5.3)),
        ((2.6, 4.5), (4.2, 3.7)),
        ((7.7, 4.5), (5.8, 3.7)),
        ((5.0, 2.9), (5.0, 2.2)),
        ((5.0, 1.4), (5.0, 0.7)),
    ):
        arrow(start, end)
    ax.set_xlim(0, 10.3)
    ax.set_ylim(-0.2, 9.9)
    ax.axis("off")
    return ax


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean and the 95 % t interval of few values; the ends are nan without spread."""
    sample = np.asarray(values, dtype=float)
    error = stats.sem(sample) if len(sample) > 1 else np.nan
    half = stats.t.ppf(0.975, len(sample) - 1) * error if error > 0 else np.nan
    return float(sample.mean()), float(sample.mean() - half), float(sample.mean() + half)


def gains(swept: pd.DataFrame, task: str) -> pd.DataFrame:
    """Zero-shot differences to the baseline by layer, in points: layer, seed, difference."""
    runs = swept[swept["task"] == task]
    base = runs[runs["layer"] < 0].set_index("seed")["zero_shot"]
    rows = runs[runs["layer"] >= 0]
    difference = 100 * (rows["zero_shot"] - rows["seed"].map(base))
    return rows.assign(difference=difference)[["layer", "seed", "difference"]]


@styled
def sweep(ax: Axes, swept: pd.DataFrame, task: str, chosen: int) -> Axes:
    """One task's sweep: every seed a point, means with 95 % t intervals, the chosen layer and the
    oracle's marked."""
    table = gains(swept, task)
    layers = sorted(table["layer"].unique())
    means = {}
    for layer in layers:
        values = table[table["layer"] == layer]["difference"].to_numpy()
        mean, low, high = interval(values)
        means[layer] = mean
        colour = ORANGE if layer == chosen else FUSED
        across = layer + (np.arange(len(values)) / max(1, len(values) - 1) - 0.5) * 0.3
        ax.scatter(across, values, s=14, color=colour, alpha=0.55, linewidth=0)
        ax.plot([layer, layer], [low, high], color=BLACK, linewidth=2.0, zorder=3)
        ax.plot(layer, mean, "D", color=colour, markeredgecolor=BLACK, markersize=6, zorder=4)
    best = max(means, key=means.__getitem__)
    ax.axhline(0, color=GREY, linewidth=1, zorder=0)
    ax.set_xticks(layers)
    ax.text(0.02, 0.97, task, transform=ax.transAxes, va="top", ha="left", size=SMALL, color=BLACK)
    ax.annotate(
        "oracle",
        (best, 0),
        xycoords=("data", "axes fraction"),
        xytext=(0, 4),
        textcoords="offset points",
        ha="center",
        size=SMALL,
        color=GREY,
    )
    low, high = ax.get_ylim()
    ax.set_ylim(low - 0.12 * (high - low), high + 0.16 * (high - low))
    return ax


@styled
def layers_know(ax: Axes, survey: pd.DataFrame) -> Axes:
    """The probes by layer: means over the target languages, language identity over all."""
    layers = sorted(survey["layer"].unique())
    targets = survey[survey["language"] != "en"].groupby("layer")
    lines = {
        "language identity": survey.groupby("layer")["identity"].first(),
        "part of speech, own": targets["pos_own"].mean(),
        "part of speech, English": targets["pos"].mean(),
        "translation retrieval": targets["retrieval"].mean(),
    }
    for (name, line), colour, marker in zip(lines.items(), COLOURS, MARKERS, strict=False):
        ax.plot(layers, line[layers], color=colour, marker=marker, ms=6, label=name)
    ax.set_xticks(layers)
    ax.set_xlabel("layer (0: embeddings)")
    ax.yaxis.set_major_formatter("{x:.0%}")
    ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.2), ncols=1)
    return ax


def by_family(codes: Sequence[str]) -> list[str]:
    """The languages, those of one family side by side, large families first."""
    families = [language(code).family for code in codes]
    return sorted(codes, key=lambda c: (-families.count(language(c).family), language(c).family, c))


@styled
def layer_heat(ax: Axes, survey: pd.DataFrame, column: str) -> Axes:
    """A probe by language and layer, English left out."""
    table = survey[survey["language"] != "en"].pivot(
        index="language", columns="layer", values=column
    )
    codes = by_family(list(table.index))
    return heat(
        ax,
        table.loc[codes].to_numpy(),
        [LANGUAGES[code].name for code in codes],
        [str(layer) for layer in table.columns],
        limits=(0.3, 1.0),
    )


@styled
def families(ax: Axes, couples: pd.DataFrame) -> Axes:
    """Retrieval between every two languages by layer: within families and across them."""
    layers = sorted(couples["layer"].unique())
    groups = {
        "one family": couples[couples["family"]],
        "two families, same word order": couples[~couples["family"] & couples["order"]],
        "two families, other word order": couples[~couples["family"] & ~couples["order"]],
    }
    colours = (VERMILLION, BLUE, GREEN)
    for place, (name, rows), colour in zip((-0.2, 0.0, 0.2), groups.items(), colours, strict=True):
        for layer in layers:
            values = rows[rows["layer"] == layer]["retrieval"].to_numpy()
            across = np.full(len(values), layer + place)
            ax.scatter(across, values, s=9, color=colour, alpha=0.35, linewidth=0)
        means = rows.groupby("layer")["retrieval"].mean()
        ax.plot(np.array(layers) + place, means[layers], "o-", color=colour, ms=5, label=name)
    ax.set_xticks(layers)
    ax.set_xlabel("layer (0: embeddings)")
    ax.yaxis.set_major_formatter("{x:.0%}")
    ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.2), ncols=1)
    return ax


@styled
def shares(ax: Axes, table: pd.DataFrame, kinds: Sequence[str]) -> Axes:
    """How much of the lower layer is used: one row per language, one column per kind of token."""
    wide = table.pivot(index="language", columns="kind", values="share")
    codes = ["en", *by_family([code for code in wide.index if code != "en"])]
    return heat(
        ax,
        wide.reindex(index=codes, columns=list(kinds)).to_numpy(),
        language_names(codes),
        list(kinds),
        limits=(0.0, 0.5),
        form=lambda x: f"{100 * x:.0f}",
    )


@styled
def gate_by_layer(ax: Axes, measured: Mapping[str, Mapping[int, float]]) -> Axes:
    """The share of the lower layer in the fused vector, by task and layer."""
    for (task, row), colour, marker in zip(measured.items(), COLOURS, MARKERS, strict=False):
        ax.plot(list(row), list(row.values()), color=colour, marker=marker, ms=6, label=task)
    ax.set_ylim(0)
    ax.set_xlabel("fused layer (0: embeddings)")
    ax.yaxis.set_major_formatter("{x:.0%}")
    ax.legend()
    return ax

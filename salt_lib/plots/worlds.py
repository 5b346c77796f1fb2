"""Figures and tables of the study over worlds: a row a world, the mean over them, the next world.

Chapter: Over worlds.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ..laboratory import accounts, outcomes
from ..laboratory.outcomes import Part
from ..laboratory.tasks import FRESH, task
from ..languages import language
from ..study.wording import interval, points, short_p
from ..study.worlds import OverWorlds
from .html import Markup, percent, table
from .results import spread
from .style import BLACK, BLUE, GREY, PALE, SMALL, VERMILLION, styled

NAMES = {
    "accuracy": "accuracy",
    "balanced": "label-balanced accuracy",
    "auc": "AUC",
    "English": "accuracy in English",
}


@styled
def forest(ax: Axes, seeds: Mapping[int, np.ndarray], test: OverWorlds, colour: str = BLUE) -> Axes:
    """A row a world: its seeds' differences as points and their mean; below, the mean over worlds.

    seeds: world → (seeds,) differences in [−1, 1]. The mean over worlds has its 95 % interval as a
    thick line, and as a thin one where the effect in a new world is expected.
    """
    rows = list(seeds)
    for y, world in enumerate(rows):
        values = 100 * seeds[world]
        ax.scatter(values, y + spread(len(values)), s=16, color=colour, alpha=0.55, linewidth=0)
        ax.plot(values.mean(), y, "D", color=colour, markersize=6, markeredgecolor="white")
    y = len(rows)
    ax.plot([100 * test.next_low, 100 * test.next_high], [y, y], color=GREY, linewidth=1)
    ends = [100 * test.ci_low, 100 * test.ci_high]
    ax.plot(ends, [y, y], color=BLACK, linewidth=2.6, solid_capstyle="butt", zorder=3)
    ax.plot(100 * test.mean, y, "D", color=BLACK, markersize=7, zorder=4)
    ax.axvline(0, color=GREY, linewidth=1, zorder=0)
    ax.axhline(y - 0.5, color=PALE, linewidth=1, zorder=0)
    ax.set_yticks(range(y + 1), [*(f"world {world}" for world in rows), "mean"])
    ax.set_ylim(y + 0.6, -0.6)
    ax.set_xlabel("difference in percentage points")
    return ax


def differences(
    units: Iterable[Part], name: str, method: str, against: str, kind: str, split: str = "test"
) -> dict[int, np.ndarray]:
    """World → (seeds,) what a method gains over another in an outcome, see `outcomes.outcome`."""
    found = {}
    for part in units:
        ours, theirs = outcomes.scores(
            part, name, method, against, outcomes.outcome(kind, name, split)
        )
        found[part.world] = ours - theirs
    return found


@styled
def by_language(ax: Axes, units: Sequence[Part], name: str, method: str = "salt") -> Axes:
    """What a method gains in each language: a point a world, and their mean."""
    targets = task(name).targets
    effects = []
    for part in units:
        ours, theirs = outcomes.scores(part, name, method, "baseline", outcomes.by_target(name))
        effects.append(100 * (ours - theirs).mean(axis=0))
    table_of = np.array(effects)
    order = table_of.mean(axis=0).argsort()[::-1]
    for y, column in enumerate(order):
        values = table_of[:, column]
        ax.scatter(values, y + spread(len(values), 0.2), s=14, color=BLUE, alpha=0.6, linewidth=0)
        ax.plot(values.mean(), y, "D", color=BLACK, markersize=5)
    ax.axvline(0, color=GREY, linewidth=1, zorder=0)
    ax.set_yticks(range(len(order)), [language(targets[i]).name for i in order])
    ax.set_ylim(len(order) - 0.4, -0.6)
    ax.set_xlabel("difference in percentage points")
    return ax


@styled
def precision(ax: Axes, units: Sequence[Part], name: str, method: str = "salt") -> Axes:
    """A point a world: how precise its distilled content words are, and what a method gains."""
    for part in units:
        ours, theirs = outcomes.scores(
            part, name, method, "baseline", outcomes.outcome("accuracy", name)
        )
        words = part.origin["words"][name]
        ax.plot(100 * words["precision"], 100 * (ours - theirs).mean(), "o", color=VERMILLION)
        at = (100 * words["precision"], 100 * (ours - theirs).mean())
        ax.annotate(
            f"{part.world}", at, xytext=(5, 4), textcoords="offset points", color=GREY, size=SMALL
        )
    ax.axhline(0, color=GREY, linewidth=1, zorder=0)
    ax.set_xlabel("precision of distilled content words in %")
    ax.set_ylabel("gain in points")
    return ax


def progress_table(progress: pd.DataFrame) -> Markup:
    """How far the study is."""
    rows = [
        [f"{row.world}", f"{row.layers}", f"{row.runs}", f"{row.planned}"]
        for row in progress.itertuples()
    ]
    return table(["world", "layers", "runs made", "runs planned"], rows, "The study", range(4))


def summary_table(rows: pd.DataFrame, caption: str) -> Markup:
    """Rows of `outcomes.summary`: effects over worlds in points, and what the next may bring."""
    header = ["comparison", "outcome", "mean", "95% interval", "new world", "p", "p (Holm)"]
    header.append(f"p (within ± {100 * outcomes.MARGIN:.0f})")
    body = []
    for row in rows.to_dict("records"):
        body.append(
            [
                f"{row['method']} − {row['against']}",
                NAMES[row["outcome"]] + (", second test set" if row["split"] == FRESH else ""),
                points(row["mean"], ""),
                interval(row),
                interval({"ci_low": row["next_low"], "ci_high": row["next_high"]}),
                short_p(row["p"]),
                short_p(row["p_holm"]),
                short_p(row["p_equivalent"]),
            ]
        )
    return table(header, body, caption, range(2, 8))


def rivals_table(units: Sequence[Part], name: str, methods: Sequence[str]) -> Markup:
    """Zero-shot averages over worlds of each method: as trained, balanced, averaged, by oracle."""
    ways = {
        "as trained": outcomes.outcome("accuracy", name),
        "label-balanced": outcomes.outcome("balanced", name),
        "weights averaged": outcomes.outcome("accuracy", name, kept="averaged"),
        "averaged and balanced": outcomes.outcome("balanced", name, kept="averaged"),
        "oracle epoch": lambda run: run["measures"]["oracle"]["zero_shot"],
        "English": outcomes.outcome("English", name),
    }
    body = []
    for method in methods:
        means = [
            np.mean([outcomes.scores(part, name, method, method, way)[0].mean() for part in units])
            for way in ways.values()
        ]
        body.append([method, *(percent(mean) for mean in means)])
    caption = (
        f"{name}: accuracy in %, means over worlds and seeds; zero-shot but for the last column"
    )
    return table(["method", *ways], body, caption, range(1, 7))


def relations_table(units: Sequence[Part], name: str, methods: Sequence[str]) -> Markup:
    """The zero-shot accuracy on each relation between the sentences, and the answers' shares."""
    first = next(iter(units[0].runs[name, methods[0]].values()))
    relations = list(first["measures"]["chosen"]["test"]["relations"])
    body = []
    for relation in relations:
        means = [_mean(units, name, method, outcomes.relation(relation)) for method in methods]
        gains = [points(mean - means[0], "") for mean in means[1:]]
        body.append([f"right on {relation}", percent(means[0]), *gains])
    for number, label in enumerate(task(name).labels):
        means = [_mean(units, name, method, _share(name, number)) for method in methods]
        gains = [points(mean - means[0], "") for mean in means[1:]]
        body.append([f"answered {label}", percent(means[0]), *gains])
    header = ["", f"{methods[0]}, %", *(f"{method} −" for method in methods[1:])]
    caption = (
        f"{name}: zero-shot, means over worlds and seeds; differences to {methods[0]} in points"
    )
    return table(header, body, caption, range(1, len(methods) + 1))


def _mean(units: Sequence[Part], name: str, method: str, value) -> float:
    return float(
        np.mean([outcomes.scores(part, name, method, method, value)[0].mean() for part in units])
    )


def _share(name: str, label: int):
    targets = task(name).targets

    def value(run: dict) -> float:
        shares = run["measures"]["chosen"]["test"]["shares"]
        return float(np.mean([shares[code][label] for code in targets]))

    return value


def sides(summary: pd.DataFrame, units: Sequence[Part]) -> Markup:
    """What speaks for SALT and what against, as the protocol lists it; see `outcomes.findings`."""
    found = outcomes.findings(summary, units)
    both = [[said for good, said in found if good == wanted] for wanted in (True, False)]
    rows = list(zip_longest(*both, fillvalue=""))
    return table(["for", "against"], rows, "As the protocol lists it")


def accounts_table(trials: Sequence[Mapping], words: Mapping[str, Mapping[str, float]]) -> Markup:
    """What depth costs SALT, and what each account leaves of it: means over seeds, and each seed.

    words: by number of layers, see `laboratory.worlds.words`.
    """
    rows = [("SALT as it is", accounts.losses(trials), "")]
    for one in accounts.judged(trials):
        rows.append((one.name, one.loss, "yes" if one.held else "no"))
    body = [
        [name, points(float(loss.mean()), ""), ", ".join(points(x, "") for x in loss), held]
        for name, loss, held in rows
    ]
    right = ", ".join(
        f"{percent(words[str(depth)]['precision'])} with {depth} layers"
        for depth in accounts.DEPTHS
    )
    caption = f"The loss in points. Of the distilled content words are right: {right}"
    return table(["contrast", "loss", "by seed", "account holds"], body, caption, range(1, 3))

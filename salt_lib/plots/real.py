"""Figures and tables of the chapter on real text.

Chapter: On real text.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from ..languages import SOURCE, language
from ..real import outcomes
from ..real.outcomes import Part
from ..study.stats import BASELINE, SALT, Comparison
from ..study.wording import interval, points, short_p
from .html import Markup, percent, table, token, tokens
from .results import ENGLISH, ZERO_SHOT, spread
from .style import BLACK, BLUE, GREY, VERMILLION, styled


def sentence(row: Mapping, code: str, threshold: float) -> Markup:
    """An English sentence with what may stand in the place of its words in one language.

    row: a sentence of ``recorded/real_sentences.json``. Boxed are the words whose substitute has at
    least ``threshold``, in the class "switched" where a dictionary has the pair, "wrong" where it
    has the word with other translations, and "mixed" where it does not have the word.
    """
    kinds = {"right": "switched", "unknown": "mixed"}
    boxes = []
    for word in row["words"]:
        found = word.get("substitutes", {}).get(code)
        if found and found[1] >= threshold:
            substitute, probability, verdict = found
            note = f"{word['word']} {probability:.2f}"
            boxes.append(token(substitute, code, note, kinds.get(verdict, "wrong")))
        else:
            boxes.append(Markup(f"<span>{word['word']}</span>"))
    return tokens(boxes, SOURCE, f"{language(code).name}")


@styled
def by_language(ax: Axes, rows: Mapping[str, Sequence], without: Mapping[str, Sequence]) -> Axes:
    """Each language's precision, with the rules and without them, and its coverage with them.

    rows, without: language → [precision, coverage, kept], content words. The most precise on top;
    a language that keeps nothing is left out.
    """
    known = {code: row for code, row in rows.items() if row[0] is not None}
    order = sorted(known, key=lambda code: -known[code][0])
    for y, code in enumerate(order):
        precision, coverage, _ = known[code]
        before = without[code][0] if code in without else None
        if before is not None:
            ax.plot([100 * before, 100 * precision], [y, y], color=GREY, linewidth=1, zorder=1)
            ax.plot(100 * before, y, "o", color=VERMILLION, markersize=5)
        ax.plot(100 * precision, y, "o", color=BLUE, markersize=6)
        ax.plot(100 * coverage, y, "s", color=BLACK, markersize=4)
    for marker, color, name in (
        ("o", VERMILLION, "precision as predicted"),
        ("o", BLUE, "precision by the rules"),
        ("s", BLACK, "coverage by the rules"),
    ):
        ax.plot([], [], marker, color=color, label=name)
    _languages(ax, order)
    ax.set_xlim(-2, 102)
    ax.legend(loc="lower center", bbox_to_anchor=(0.4, 1), ncols=2, frameon=False)
    ax.set_xlabel("content words, in %")
    return ax


def rules_table(variants: Mapping[str, Mapping], threshold: float, caption: str) -> Markup:
    """What each rule does: precision and coverage of content words, means over languages.

    The most precise by forms on top; the lowest language is by lemmas.
    """

    def at(name: str, kind: str) -> Mapping:
        return next(one for one in variants[name][kind] if one["threshold"] == threshold)

    body = []
    for name in sorted(variants, key=lambda name: -at(name, "forms")["precision"]["content"]):
        cells = [
            percent(at(name, kind)[what]["content"])
            for kind in ("forms", "lemmas")
            for what in ("precision", "coverage")
        ]
        rows = at(name, "lemmas")["by_language"].items()
        known = {code: p for code, (p, _, _) in rows if p is not None}
        least = min(known, key=lambda code: known[code])
        body.append([name, *cells, f"{least} {percent(known[least])}"])
    header = ["rules", "precision", "coverage", "by lemmas", "coverage", "lowest, by lemmas"]
    return table(header, body, caption, range(1, 5))


def headline_rows(of: Part, what: str, method: str = SALT) -> dict[str, tuple]:
    """Label → scores of ``method`` and the baseline, (seeds,) each: zero-shot and English.

    what: is asked, for the labels.
    """
    rows = {}
    for label, codes in ((ZERO_SHOT, outcomes.targets(of)), (ENGLISH, [SOURCE])):
        count = outcomes.seeds_of(of, method, BASELINE)
        means = (outcomes.scores(of, one, codes).mean(axis=1) for one in (method, BASELINE))
        rows[f"{what}, real text\n{label}"] = tuple(mean[:count] for mean in means)
    return rows


@styled
def placement(ax: Axes, lettered: Part, first: Part) -> Axes:
    """The baseline's F1 in each language, tags on the first piece and on the first with letters.

    A point a seed and a line between the means; the language with the largest difference on top.
    """
    codes = [SOURCE, *outcomes.targets(lettered)]
    sides = [100 * outcomes.scores(one, "baseline", codes) for one in (first, lettered)]
    order = (sides[1] - sides[0]).mean(axis=0).argsort()[::-1]
    for y, column in enumerate(order):
        means = [side[:, column].mean() for side in sides]
        ax.plot(means, [y, y], color=GREY, linewidth=1, zorder=1)
        for side, mean, color in zip(sides, means, (VERMILLION, BLUE), strict=True):
            ax.scatter(side[:, column], np.full(len(side), y), s=10, color=color, alpha=0.5, lw=0)
            ax.plot(mean, y, "o", color=color, markersize=6)
    _languages(ax, [codes[i] for i in order])
    for color, name in ((VERMILLION, "first piece"), (BLUE, "first lettered piece")):
        ax.plot([], [], "o", color=color, label=name)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
    ax.set_xlabel("F1 of the baseline in %")
    return ax


@styled
def gains(ax: Axes, of: Part, methods: Sequence[str]) -> Axes:
    """What methods gain over the baseline in each language: a point a seed, and their mean."""
    codes = [SOURCE, *outcomes.targets(of)]
    base = outcomes.scores(of, "baseline", codes)
    values = {name: 100 * (outcomes.scores(of, name, codes) - base) for name in methods}
    order = values[methods[0]].mean(axis=0).argsort()[::-1]
    for number, (name, color) in enumerate(zip(methods, (BLUE, GREY), strict=False)):
        shift = 0.16 * (2 * number - 1) if len(methods) > 1 else 0.0
        for y, column in enumerate(order):
            rows = values[name][:, column]
            heights = y + shift + spread(len(rows), 0.1)
            ax.scatter(rows, heights, s=10, color=color, alpha=0.5, linewidth=0)
            ax.plot(rows.mean(), y + shift, "D", color=color, markersize=5)
        ax.plot([], [], "D", color=color, label=name)
    ax.axvline(0, color=BLACK, linewidth=1, zorder=0)
    _languages(ax, [codes[i] for i in order])
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
    ax.set_xlabel(f"gain over the baseline in points of {of.metric}")
    return ax


def outcome_table(tables: Sequence[Part], caption: str) -> Markup:
    """The protocol's comparisons, primary first: differences in points, over seeds.

    tables: of a task, as `outcomes.complete` has them.
    """
    main, *others = tables
    codes, random = outcomes.targets(main), "salt-random-kind"
    rows: list[tuple[str, Comparison, tuple[float, float] | None]] = [
        (
            f"{name}{method} − {against}{where}",
            outcomes.gain(of, method, against, columns),
            outcomes.resampled(of, method, against, columns),
        )
        for name, of in zip(("lettered: ", "first: ") if others else ("",), tables, strict=True)
        for method, against in (("salt", "baseline"), ("salt", random), (random, "baseline"))
        if of is main or random not in (method, against)
        for columns, where in ((codes, ""), ([SOURCE], ", English"))
    ]
    if main.pairs:
        rows += [
            (
                f"label-balanced: {method} − baseline",
                outcomes.gain(main, method, "baseline", codes, balanced=True),
                None,
            )
            for method in ("salt", random)
        ]
    for first in others:
        rows.append(
            ("baseline: lettered − first", outcomes.placed(main, first, codes), None),
        )
    body = []
    for name, test, drawn in rows:
        low, high = outcomes.t_interval(test)
        body.append(
            [
                name,
                f"{test.n}",
                points(test.difference, ""),
                interval({"ci_low": low, "ci_high": high}),
                "–" if drawn is None else interval({"ci_low": drawn[0], "ci_high": drawn[1]}),
                short_p(test.p),
            ]
        )
    header = ["comparison", "seeds", "difference", "95% over seeds", "seeds and items", "p"]
    return table(header, body, caption, range(1, 6))


def gains_table(of: Part, methods: Sequence[str], caption: str) -> Markup:
    """What methods gain over the baseline in each language, with Holm's correction over them."""
    told = {method: outcomes.gains_by_language(of, method) for method in methods}
    base = outcomes.scores(of, BASELINE, codes := [SOURCE, *outcomes.targets(of)]).mean(axis=0)
    body = [
        [
            language(code).name,
            percent(mean),
            *(
                shown
                for rows in told.values()
                for shown in (points(rows[code]["difference"], ""), short_p(rows[code]["p_holm"]))
            ),
        ]
        for code, mean in zip(codes, base, strict=True)
    ]
    columns = (shown for method in methods for shown in (f"{method} −", "p (Holm)"))
    return table(["language", "baseline", *columns], body, caption, range(1, 2 + 2 * len(methods)))


def placement_table(
    lettered: Part, first: Part, caption: str, moved: Mapping[str, float] | None = None
) -> Markup:
    """The baseline in each language by where a tag stands, with Holm's correction over them.

    moved: language → the share of words whose tag stands elsewhere (`counts.moved`).
    """
    body = [
        [
            language(code).name,
            percent(moved[code]) if moved else "–",
            percent(row["baseline_mean"]),
            percent(row["mean"]),
            points(row["difference"], ""),
            short_p(row["p_holm"]),
        ]
        for code, row in outcomes.placed_by_language(lettered, first).items()
    ]
    header = ["language", "bare marks", "first piece", "lettered", "difference", "p (Holm)"]
    return table(header, body, caption, range(1, 6))


def progress_table(parts: Mapping[str, Part], caption: str) -> Markup:
    """How far each table of the study is."""
    rows = [[f"studies/{name}.toml", f"{of.made}", f"{of.planned}"] for name, of in parts.items()]
    return table(["settings", "runs made", "runs planned"], rows, caption, range(1, 3))


@styled
def _languages(ax: Axes, codes: Sequence[str]) -> None:
    ax.set_yticks(range(len(codes)), [language(code).name for code in codes])
    ax.set_ylim(len(codes) - 0.4, -0.6)

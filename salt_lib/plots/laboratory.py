"""Tables and figures of the chapter on the laboratory: sentences, preferences, alignment.

Chapter: The laboratory.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from ..languages import LANGUAGES, SOURCE, language
from ..minibabel.facts import Fact
from ..minibabel.grammar import words
from ..minibabel.lexicon import forms, lexicon
from ..minibabel.views import Pair
from . import style
from .markup import Markup, attributes, table, word

ROLES = {"subject": "agent", "verb": "verb", "object": "patient"}


def told(fact: Fact, code: str, fronted: bool = False) -> Markup:
    """A fact's sentence, with its subject, verb and object underlined each in its own way."""
    said = forms(code)
    roles = {}
    for role, field in ROLES.items():
        value = getattr(fact, field) or ("is" if field == "verb" else None)
        if value:
            roles[said[value]] = role
    inner = " ".join(
        str(word(w, code, roles[w])) if w in roles else str(word(w, code))
        for w in words(fact, code, fronted)
    )
    return Markup(f"<span{attributes(code, 'told')}>{inner}</span>")


def sentences(fact: Fact, caption: str = "") -> Markup:
    """One fact in every language, a row each, English first."""
    codes = [SOURCE, *(code for code in LANGUAGES if code != SOURCE)]
    rows = [
        (
            Markup(f"{language(code).name}<br><small>{language(code).order}</small>"),
            Markup(f"<div{attributes(code, 'line')}>{told(fact, code)}</div>"),
        )
        for code in codes
    ]
    return table(("Language", "Sentence"), rows, caption)


def _line(sentence: Sequence[str], other: Sequence[str], code: str) -> str:
    """A sentence with the words marked that the other one lacks."""
    extra = Counter(sentence) - Counter(other)
    parts = []
    for w in sentence:
        new = extra[w] > 0
        extra[w] -= new
        parts.append(f"<mark>{word(w, code)}</mark>" if new else str(word(w, code)))
    return f"<div{attributes(code, 'line')}>{' '.join(parts)}</div>"


def pairs(
    group: Sequence[Pair], labels: Sequence[str], codes: Sequence[str], caption: str = ""
) -> Markup:
    """Sentence pairs in some languages, with their labels and what was done to make them.

    In each pair, the words that the other sentence lacks are marked.
    """
    rows = []
    for pair in group:
        told_twice = []
        for code in codes:
            first = words(pair.first, code)
            second = words(pair.second, code, pair.second_fronted)
            told_twice.append(_line(first, second, code) + _line(second, first, code))
        change = pair.change.replace("_", " ")
        rows.append(
            (
                Markup(f"{labels[pair.label]}<br><small>{change}</small>"),
                Markup('<hr class="thin">'.join(told_twice)),
            )
        )
    return table(("Label", "Pair"), rows, caption)


def preferences(ax: Axes, weights: np.ndarray, nouns: Sequence[str], count: int = 10) -> Axes:
    """The world's preferences: how often each of some nouns has each of the adjectives.

    weights: (nouns of the world, adjectives), rows that sum to 1. nouns: those to show. count: how
    many adjectives; those that these nouns like best.
    """
    all_nouns = [c.name for c in lexicon().values() if c.kind == "noun"]
    adjectives = [c.name for c in lexicon().values() if c.kind == "adjective"]
    chosen = weights[[all_nouns.index(noun) for noun in nouns]]
    best = np.sort(chosen.max(axis=0).argsort()[::-1][:count])
    style.heat(
        ax,
        chosen[:, best],
        nouns,
        [adjectives[i] for i in best],
        limits=(0, chosen.max()),
        form=lambda share: f"{100 * share:.0f}" if share >= 0.05 else "",
    )
    ax.tick_params(axis="x", rotation=55)
    for label in ax.get_xticklabels():
        label.set(ha="right", rotation_mode="anchor")
    return ax


def same_habits(ax: Axes, one: np.ndarray, other: np.ndarray, codes: tuple[str, str]) -> Axes:
    """Each noun–adjective pair's share among the noun's adjectives, in two languages' corpora.

    one, other: shares of one shape in [0, 1]; codes: whose they are.
    """
    limit = float(max(one.max(), other.max())) * 1.05
    ax.plot([0, limit], [0, limit], color=style.PALE, linewidth=1, zorder=0)
    ax.plot(one.ravel(), other.ravel(), "o", color=style.BLUE, markersize=3.5, alpha=0.35, mew=0)
    ax.set(xlim=(-0.01, limit), ylim=(-0.01, limit), aspect="equal")
    ax.set_xlabel(f"share in the {language(codes[0]).name} corpus")
    ax.set_ylabel(f"share in the {language(codes[1]).name} corpus")
    style.percent(ax.xaxis)
    style.percent(ax.yaxis)
    return ax


def loss(ax: Axes, curve: Sequence[Mapping], key: str, label: str, chance: float | None) -> Axes:
    """A loss of the pretraining over its steps, in nats; chance: what guessing would have."""
    steps = [row["step"] for row in curve]
    ax.plot(steps, [row[key] for row in curve], "o-", color=style.BLUE, markersize=4)
    if chance is not None:
        ax.axhline(chance, color=style.VERMILLION, linestyle="--", linewidth=1.2)
        ax.annotate(
            "guessing",
            (steps[-1], chance),
            xytext=(0, -4),
            textcoords="offset points",
            ha="right",
            va="top",
            color=style.VERMILLION,
            size=style.SMALL,
        )
    ax.set_xlim(0, steps[-1] * 1.02)
    ax.set_xlabel("step")
    ax.set_ylabel(label)
    ax.xaxis.set_major_formatter(lambda step, _: f"{step / 1000:g}k")
    return ax


def alignment(axes: np.ndarray, curve: Sequence[Mapping]) -> np.ndarray:
    """Alignment over the steps of pretraining, a panel a language, the best aligned first.

    axes: as many as there are languages in ``curve``, or more; what is left over is hidden. In each
    panel the other languages are drawn in grey.
    """
    steps = [row["step"] for row in curve]
    final = curve[-1]["alignment"]
    order = sorted(final, key=final.get, reverse=True)
    lines = {code: [row["alignment"][code] for row in curve] for code in order}
    for ax, code in zip(axes.flat, order, strict=False):
        for other in order:
            ax.plot(steps, lines[other], color=style.PALE, linewidth=0.7, zorder=1)
        ax.plot(steps, lines[code], color=style.BLUE, linewidth=2.2, zorder=2)
        ax.text(0.04, 0.97, language(code).name, transform=ax.transAxes, va="top", size=style.SMALL)
        ax.set(xlim=(0, steps[-1]), ylim=(0, 1.25), yticks=(0, 0.5, 1))
        style.percent(ax.yaxis)
        ax.set_xticks((0, steps[-1] / 2), ("0", f"{steps[-1] / 2000:g}k"))
    for ax in list(axes.flat)[len(order) :]:
        ax.set_visible(False)
    return axes

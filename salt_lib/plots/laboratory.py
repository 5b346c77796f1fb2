"""Tables and figures of the chapter on the laboratory: sentences, preferences, alignment.

Chapter: The laboratory.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from html import escape

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ..laboratory.minibabel.facts import Fact
from ..laboratory.minibabel.grammar import words
from ..laboratory.minibabel.lexicon import forms, lexicon
from ..laboratory.minibabel.views import Pair
from ..laboratory.tasks import PAIR_TASKS, SPLITS, load
from ..languages import LANGUAGES, SOURCE, language
from . import style
from .html import Markup, attributes, table, word

ROLES = {"subject": "agent", "verb": "verb", "object": "patient"}
SLOT_NAMES = {
    "agent": "subject", "verb": "verb", "patient": "object", "agent_adjective": "adjective",
    "patient_adjective": "adjective", "agent_number": "number", "patient_number": "number",
    "place": "place",
}  # fmt: skip


def told(fact: Fact, code: str, fronted: bool = False) -> Markup:
    """A fact's sentence, with its subject, verb and object underlined each in its own way."""
    word_forms = forms(code)
    roles = {}
    for role, field in ROLES.items():
        value = getattr(fact, field) or ("is" if field == "verb" else None)
        if value:
            roles[word_forms[value]] = role
    inner = " ".join(word(w, code, roles.get(w, "")) for w in words(fact, code, fronted))
    return Markup(f"<span{attributes(code, 'told')}>{inner}</span>")


def sentences(fact: Fact) -> Markup:
    """One fact in every language, a row each, English first."""
    codes = [SOURCE, *(code for code in LANGUAGES if code != SOURCE)]
    rows = [
        (
            Markup(f"{language(code).name}<br><small>{language(code).order}</small>"),
            Markup(f"<div{attributes(code, 'line')}>{told(fact, code)}</div>"),
        )
        for code in codes
    ]
    caption = (
        "One fact in every language. Underlined once: the subject; twice: the verb; with dashes: "
        "the object. Names and numbers stay as they are."
    )
    return table(("Language", "Sentence"), rows, caption)


def languages(documents: Mapping[str, int]) -> Markup:
    """What the grammar knows of each language, and how many documents its corpus has."""
    header = (
        "Language",
        "Script",
        "Order",
        "Adjec\u00adtive",
        "Adpo\u00adsition",
        "Share",
    )
    rows = [
        (item.name, item.script, item.order, item.adjective, item.adposition,
         f"{item.share:g}", documents[code])
        for code, item in LANGUAGES.items()
    ]  # fmt: skip
    caption = (
        "Order of subject, verb and object; whether adjectives and adpositions stand before or "
        "after the noun; size of the text relative to German, and in documents."
    )
    return table((*header, "Docu\u00adments"), rows, caption, numbers=(5, 6))


def documents(texts: Mapping[str, Sequence[Sequence[str]]]) -> Markup:
    """Documents of some languages as text; the full stops are added."""
    rows = [
        (
            language(code).name,
            Markup("<br>".join(word(". ".join(d) + ".", code, "line") for d in shown)),
        )
        for code, shown in texts.items()
    ]
    caption = (
        "The first documents of some languages. They tell different facts. The full stops are "
        "added here; the model reads sentences without them."
    )
    return table(("Language", "Documents"), rows, caption)


def shared_words(shares: pd.DataFrame) -> Markup:
    """The shares of `overlap.shared_words`, a row per language."""
    header = ("Language", "Names, numbers", "Same meaning", "Other meaning", "Its own", "Foreign")
    rows = [(language(code).name, *map(float, row)) for code, row in shares.iterrows()]
    caption = (
        "Of each language's running words: names and numbers; words that another language has too, "
        "with the same meaning or only with another; words that only it has; words it doesn't have."
    )
    return table(header, rows, caption, numbers=range(1, 6))


def corrections(review: pd.DataFrame) -> Markup:
    """The corrections of the lexicon: columns language, concept, before, after, reason."""

    def forms_of(cell: str, code: str) -> Markup:
        return word(cell.replace("|", ", ").replace("_", " ") or "–", code)

    rows = [
        (
            language(row.language).name,
            row.concept,
            forms_of(row.before, row.language),
            forms_of(row.after, row.language),
            _reason(row.reason, row.language),
        )
        for row in review.itertuples()
    ]
    header = ("Language", "Concept", "Before", "After", "Why")
    return table(header, rows, "All corrections of the second reading.")


def _reason(text: str, code: str) -> Markup:
    """English text in which words of another script get their language."""
    parts = re.split(r"([^\x00-\x7f]+(?:[ _|]+[^\x00-\x7f]+)*)", text)
    return Markup("".join(word(p, code) if i % 2 else escape(p) for i, p in enumerate(parts)))


def _line(sentence: Sequence[str], other: Sequence[str], code: str) -> str:
    """A sentence with the words marked that the other one lacks.

    Of a word that it has more often than the other, those are marked that don't pair up in order.
    """
    extra = Counter(sentence) - Counter(other)
    matched = SequenceMatcher(None, sentence, other, autojunk=False).get_matching_blocks()
    paired = {at for block in matched for at in range(block.a, block.a + block.size)}
    parts = []
    for at, w in enumerate(sentence):
        new = extra[w] > 0 and at not in paired
        extra[w] -= new
        parts.append(f"<mark>{word(w, code)}</mark>" if new else word(w, code))
    return f"<div{attributes(code, 'line')}>{' '.join(parts)}</div>"


def _change(pair: Pair) -> str:
    """What was done to make a pair, in words: "subject: hyponym", "roles, synonym"."""
    first, *rest = pair.change.split()
    return (
        f"{SLOT_NAMES[first]}: {' '.join(rest)}"
        if first in SLOT_NAMES
        else ", ".join((first, *rest))
    )


def pairs(group: Sequence[Pair], labels: Sequence[str], codes: Sequence[str]) -> Markup:
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
        label = f"{labels[pair.label]}<br><small>{_change(pair)}</small>"
        rows.append((Markup(label), Markup('<hr class="thin">'.join(told_twice))))
    caption = (
        "One group of pairs, in several languages: the first sentence above the second. Marked: "
        "words that the other sentence lacks. Below the label: how the pair or the group is made."
    )
    return table(("Label", "Pair"), rows, caption)


def sizes(world: int) -> Markup:
    """The tasks: their languages, labels and numbers of pairs."""
    rows = [
        (
            Markup(f"<code>{item.name}</code>"),
            len(item.languages),
            ", ".join(item.labels),
            *(len(load(item.name, split, SOURCE, world)) for split in SPLITS),
        )
        for item in PAIR_TASKS.values()
    ]
    caption = (
        "The tasks. Training pairs are English; dev and test pairs are there once per language."
    )
    header = ("Task", "Languages", "Labels", "Train", "Dev", "Test")
    return table(header, rows, caption, numbers=(1, 3, 4, 5))


def classifiers(reached: Mapping[str, Mapping[str, float]]) -> Markup:
    """Accuracies of the artefact classifiers, task → classifier → accuracy, above chance itself."""
    rows = [
        (kind, *(float(accuracies[kind]) for accuracies in reached.values()))
        for kind in next(iter(reached.values()))
    ]
    rows.append(("chance", *(1 / len(PAIR_TASKS[name].labels) for name in reached)))
    caption = (
        "Accuracy on the English test pairs of classifiers that may not compare the sentences."
    )
    return table(("Classifier", *reached), rows, caption, numbers=range(1, 1 + len(reached)))


@style.styled
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


@style.styled
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


@style.styled
def loss(
    ax: Axes, curve: Sequence[Mapping], key: str, label: str, chance: float | None = None
) -> Axes:
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
    place = ax.get_subplotspec()
    if place is None or place.is_last_row():
        ax.set_xlabel("step")
    ax.set_ylabel(label)
    ax.xaxis.set_major_formatter(lambda step, _: f"{step / 1000:g}k" if step else "0")
    return ax


@style.styled
def alignment(axes: np.ndarray, curve: Sequence[Mapping]) -> np.ndarray:
    """Alignment over the steps of pretraining, one panel per language, the best aligned first.

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

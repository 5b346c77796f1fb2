"""Tables and figures of the chapter on distillation: predictions, precision, coverage, errors.

Chapter: Distillation.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ..laboratory.minibabel.lexicon import concept_of, lexicon
from ..laboratory.quality import KINDS, by_place, verdict
from ..languages import LANGUAGES, SOURCE, language
from . import style
from .html import Markup, language_of, percent, table, token, tokens

# Of each kind of error colour and hatch, so that colour is not the only sign.
LOOKS = dict(
    zip(
        KINDS[1:],
        ((style.VERMILLION, "xx"), (style.ORANGE, "//"), (style.SKY, ""), (style.PALE, "..")),
        strict=True,
    )
)

PARTS = ("precision", "coverage")


def predictions(
    predicted: pd.DataFrame, sentence: Sequence[str], codes: Sequence[str], threshold: float
) -> Markup:
    """What one example's tokens became in some languages, with probabilities.

    predicted: the predictions of one example, with the words in ``substitute``. sentence: its
    tokens by position. A prediction is boxed as kept or not by ``threshold``, and as wrong where
    the world's dictionary denies it; a dash stands where a token has none or keeps its form.
    """
    cells = {
        (row.position, row.language): (row.substitute, row.probability)
        for row in predicted.itertuples()
    }
    rows = []
    for position, source in enumerate(sentence):
        if not any((position, code) in cells for code in codes):
            continue
        row: list[str] = [Markup(token(source, SOURCE, kind="plain"))]
        for code in codes:
            if (position, code) not in cells:
                row.append("–")
                continue
            substitute, probability = cells[position, code]
            right = source in concept_of() and verdict(source, substitute, code) == "right"
            kind = ("switched" if right else "wrong") if probability >= threshold else "kept"
            mark = "✓" if right else "✗"
            row.append(token(substitute, code, f"{probability:.2f} {mark}", kind))
        rows.append(row)
    caption = (
        "The best answer for each word and language, its probability, and whether it is right. "
        f"Framed in colour: probability at least {threshold:g}; dotted if wrong."
    )
    return table(("English", *style.names(codes)), rows, caption)


def answers(
    word: str,
    proposed: Mapping[str, Sequence[tuple[int, float]]],
    entry: Mapping[int, str],
    vocabularies: Mapping,
) -> Markup:
    """What a head proposes for one word: language → (vocabulary id, probability), likeliest first.

    A key that is no language ("any word") may have words of all. The lexicon marks what is right
    and what is wrong; the word itself is neither.
    """

    def box(token_id: int, probability: float, allowed: Sequence[str]) -> Markup:
        code, text = language_of(token_id, allowed, vocabularies), entry[token_id]
        if text == word:
            return token(text, code, f"{probability:.2f}")
        right = verdict(word, text, code) == "right"
        note = f"{probability:.2f} {'✓' if right else '✗'}"
        return token(text, code, note, "switched" if right else "wrong")

    rows = []
    for key, best in proposed.items():
        allowed = [key] if key in vocabularies else list(vocabularies)
        boxes = [box(*answer, allowed) for answer in best]
        rows.append((language(key).name if key in LANGUAGES else key, tokens(boxes)))
    caption = f"What the head proposes for “{word}”, with probabilities among the words allowed."
    return table(("Asked for", "Best answers"), rows, caption)


def seen_and_hidden(rows: Mapping[str, Sequence[float]]) -> Markup:
    """Shares right of all and of the kept predictions, and kept, by how the word was shown."""
    header = ("The word is", "right, of all", "right, of the kept", "kept")
    caption = "Predictions with the word seen and hidden: means over the languages, content words."
    return table(header, [(k, *map(float, v)) for k, v in rows.items()], caption, (1, 2, 3))


def commonest(wrong: pd.DataFrame, count: int = 8) -> Markup:
    """The commonest wrong substitutions, and what they are to the word."""
    counts = wrong.groupby(["word", "language", "substitute"]).size()
    rows = [
        (w, language(code).name, token(substitute, code, kind="wrong"),
         verdict(w, substitute, code), int(number))
        for (w, code, substitute), number in counts.nlargest(count).items()
    ]  # fmt: skip
    header = ("English", "Language", "Substitute", "Error", "Times")
    caption = "The commonest wrong substitutions among the kept ones."
    return table(header, rows, caption, numbers=(4,))


@style.styled
def probabilities(ax: Axes, judged: pd.DataFrame, threshold: float) -> Axes:
    """How sure the model is where it is right and where it is wrong: counts by probability.

    judged: as from `quality.judge`, content words. The line is the threshold.
    """
    bins = np.linspace(0, 1, 21).tolist()
    right = judged["verdict"] == "right"
    for chosen, name, colour, hatch in (
        (~right, "wrong", style.VERMILLION, "//"),
        (right, "right", style.BLUE, ""),
    ):
        ax.hist(
            judged.loc[chosen, "probability"],
            bins,
            histtype="stepfilled",
            alpha=0.45,
            color=colour,
            edgecolor=colour,
            hatch=hatch,
            label=name,
        )
    ax.axvline(threshold, color=style.BLACK, linestyle="--", linewidth=1.2)
    ax.set_xlabel("probability of the prediction")
    ax.set_ylabel("predictions (thousands)")
    ax.yaxis.set_major_formatter(lambda count, _: f"{count / 1000:g}")
    ax.set_xlim(0, 1)
    ax.legend(loc="upper right", bbox_to_anchor=(0.9, 1))
    return ax


@style.styled
def precision_coverage(ax: Axes, curve: pd.DataFrame, threshold: float) -> Axes:
    """Precision against coverage as the threshold rises: a line a language, their mean in bold.

    curve: as from `quality.curve`. A language's line ends where it keeps nothing, and the mean's
    where any language does. The dot is the mean at the threshold that the study uses, over the
    languages that keep something.
    """
    for _, group in curve.groupby("language"):
        ax.plot(group["coverage"], group["precision"], color=style.PALE, linewidth=0.9, zorder=1)
    mean = curve.groupby("threshold")[["coverage", "precision"]].mean()
    complete = curve["precision"].notna().groupby(curve["threshold"]).all()
    line = mean[complete]
    ax.plot(line["coverage"], line["precision"], color=style.BLUE, linewidth=2.5, zorder=2)
    here = mean.loc[threshold]
    ax.plot(here["coverage"], here["precision"], "o", color=style.VERMILLION, zorder=3)
    ax.annotate(
        f"threshold {threshold:g}",
        (here["coverage"], here["precision"]),
        xytext=(9, 6),
        textcoords="offset points",
        color=style.VERMILLION,
        size=style.SMALL,
    )
    ax.set(xlim=(0, 1.02), ylim=(0, 1.04), xlabel="coverage", ylabel="precision")
    style.percent(ax.xaxis)
    style.percent(ax.yaxis)
    return ax


@style.styled
def by_language(ax: Axes, quality: pd.DataFrame) -> Axes:
    """Precision, coverage and ceiling of each language in a row, the most precise at the top.

    quality: languages × (precision, coverage, ceiling), shares.
    """
    ordered = quality.sort_values("precision", na_position="first")
    at = np.arange(len(ordered))
    ax.hlines(at, 0, 1, color=style.PALE, linewidth=0.6, zorder=0)
    for column, colour, marker in (
        ("coverage", style.ORANGE, "s"),
        ("precision", style.BLUE, "o"),
        ("ceiling", style.BLACK, "|"),
    ):
        ax.plot(
            ordered[column],
            at,
            marker,
            color=colour,
            label=column,
            markersize=11 if marker == "|" else 6,
            markeredgewidth=2 if marker == "|" else 0,
        )
    ax.set_yticks(at, style.names(ordered.index))
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.6, len(at) - 0.4))
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    style.percent(ax.xaxis)
    ax.legend(loc="lower center", bbox_to_anchor=(0.4, 1), ncols=3, columnspacing=1.2)
    return ax


@style.styled
def errors(ax: Axes, shares: pd.DataFrame) -> Axes:
    """What the wrong ones of the kept predictions are: a bar a language, its parts shares of all
    that is kept. shares: languages × `quality.KINDS`."""
    ordered = shares.sort_values("right")
    at = np.arange(len(ordered))
    left = np.zeros(len(ordered))
    for kind, (colour, hatch) in LOOKS.items():
        ax.barh(
            at,
            ordered[kind],
            left=left,
            color=colour,
            hatch=hatch,
            edgecolor="white",
            linewidth=0.5,
            label=kind,
        )
        left += ordered[kind].to_numpy()
    ax.set_yticks(at, style.names(ordered.index))
    ax.set(xlim=(0, None), ylim=(-0.6, len(at) - 0.4))
    ax.set_xlabel("of what is kept, wrong")
    ax.tick_params(axis="y", length=0)
    style.percent(ax.xaxis, 1)
    ax.legend(
        loc="lower center",
        bbox_to_anchor=(0.4, 1),
        ncols=2,
        columnspacing=1.0,
        handlelength=1.4,
        handletextpad=0.5,
    )
    return ax


def kinds_of_words(judged: pd.DataFrame) -> pd.DataFrame:
    """Per language and kind of word, the share of all predictions that are right, nouns first."""
    kind = judged["word"].map(lambda word: lexicon()[concept_of()[word]].kind)
    table_ = (
        (judged["verdict"] == "right").groupby([judged["language"], kind.rename("kind")]).mean()
    )
    wide = table_.unstack()
    order = [k for k in ("noun", "place", "verb", "adjective", "function") if k in wide]
    return wide[order].loc[wide.mean(axis=1).sort_values(ascending=False).index]


@style.styled
def heat(ax: Axes, table_: pd.DataFrame) -> Axes:
    """A heat map of shares, languages in rows."""
    return style.heat(ax, table_.to_numpy(), style.names(table_.index), list(table_.columns))


def place_table(judged: pd.DataFrame) -> Markup:
    """`quality.by_place` as a table."""
    places = {
        ("adjective", True): "before the noun, as in English",
        ("adjective", False): "after the noun",
        ("verb", True): "between subject and object, as in English",
        ("verb", False): "first or last",
    }
    rows = [
        (row.kind, places[row.kind, row.as_in_english], row.languages, row.right, row.same_kind)
        for row in by_place(judged).itertuples()
    ]
    header = ["English word", "where the language has it", "languages", "right", "of its kind"]
    return table(header, rows, "All answers, without a threshold", range(2, 5))


def quality_table(tables: Mapping[str, pd.DataFrame], ceilings: pd.Series) -> Markup:
    """Precision and coverage per language, unit by unit, the ceiling before them, means below.

    tables: unit → languages × (precision, coverage), as from `quality.precision_coverage`.
    """
    codes = [
        code for code in ceilings.index if all(code in table_.index for table_ in tables.values())
    ]
    columns = [ceilings[codes].to_numpy()]
    columns += [t.loc[codes, what].to_numpy() for t in tables.values() for what in PARTS]
    numbers = np.array(columns, dtype=float).T
    rows = [
        (name, *map(_whole, row)) for name, row in zip(style.names(codes), numbers, strict=True)
    ]
    kept = ~np.isnan(numbers).all(axis=0)
    means = [
        _whole(np.nanmean(column) if ok else np.nan)
        for ok, column in zip(kept, numbers.T, strict=True)
    ]
    rows.append((Markup("<strong>mean</strong>"), *means))
    header = ["Language", "ceiling", *(f"{unit}: {what}" for unit in tables for what in PARTS)]
    caption = (
        "Precision and coverage at the study's threshold; a dash where nothing is kept. A mean of "
        "precisions is over the languages that keep something."
    )
    return table(header, rows, caption, numbers=range(1, len(header)))


def everything_kept(judged: pd.DataFrame, total: int) -> pd.DataFrame:
    """All words of all kept substitutions: kept, share of them and precision, by kind of word.

    judged: the kept ones of `quality.judge`, English among them. total: how many are kept in all;
    what is not judged are names, numbers and words that look alike in both languages.
    """
    english = judged["language"] == SOURCE
    rows = []
    for where, here in (("other languages", ~english), ("English", english)):
        for what, kind in (
            ("content words", judged["content"]),
            ("function words", ~judged["content"]),
        ):
            of = judged[here & kind]
            right = float((of["verdict"] == "right").mean()) if len(of) else np.nan
            rows.append((f"{where}, {what}", len(of), len(of) / total, right))
    left = total - len(judged)
    rows.append(("names, numbers and look-alikes", left, left / total, np.nan))
    return pd.DataFrame(rows, columns=["kind", "kept", "share", "right"]).set_index("kind")


def everything_table(kept: pd.DataFrame) -> Markup:
    """`everything_kept` as a table."""
    rows = [
        (kind, f"{int(row.kept):,}", percent(row.share), float(row.right))
        for kind, row in kept.iterrows()
    ]
    caption = "Every kept substitution of the training set, by the kind of word that it replaces"
    return table(["", "kept", "share of the kept", "right"], rows, caption, (1, 2, 3))


def _whole(share: float) -> str:
    return "–" if np.isnan(share) else percent(share, 0)

"""Tables and figures of the chapter on augmentation: code-switched sentences, mixed vectors.

Chapter: Augmentation.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes

from ..laboratory.quality import verdict
from ..languages import SOURCE, language
from ..salt.augment import draw_ratio, mixup
from ..salt.methods import ABLATIONS, MAIN, METHODS
from . import style
from .html import Markup, language_of, table, token, tokens

SPECIAL = ("[CLS]", "[SEP]", "[PAD]")


def switched(
    before: Sequence[int],
    after: Sequence[int],
    entry: Mapping[int, str],
    allowed: Mapping[int, Sequence[str]],
    vocabularies: Mapping,
) -> Markup:
    """A pair token by token: what was replaced shows its new word, language and old word.

    before, after: token ids of one example. entry: vocabulary id → piece. allowed: position → the
    languages that its substitute may be of. A substitute is boxed as wrong where the lexicon says
    that it is no translation, and no synonym.
    """
    boxes = []
    for position, (old, new) in enumerate(zip(before, after, strict=True)):
        if entry[old] in SPECIAL:
            boxes.append(token(entry[old], SOURCE, kind="mark"))
        elif old == new:
            boxes.append(token(entry[old], SOURCE, kind="kept"))
        else:
            code = language_of(new, allowed.get(position, ()), vocabularies)
            right = verdict(entry[old], entry[new], code) == "right"
            note = f"{language(code).name}: {entry[old]} {'✓' if right else '✗'}"
            boxes.append(token(entry[new], code, note, "switched" if right else "wrong"))
    return tokens(boxes, label="a sentence pair, token by token")


def methods() -> Markup:
    """The table of methods, a row each, in words."""
    ratios = {None: "–", "vector": "per dimension", "scalar": "one weight"}
    rows = []
    for name in (*MAIN, *ABLATIONS):
        row = METHODS[name]
        synonyms = bool(row.substitutions) and row.synonyms
        cells = (row.substitutions or "–", synonyms, row.code_switch, ratios[row.mixup])
        ticked = ("yes" if c is True else "–" if c is False else c for c in cells)
        rows.append((Markup(f"<code>{name}</code>"), row.label, *ticked))
    header = ("Method", "What it is", "Substi\u00adtutes", "Syno\u00adnyms", "Code-switch", "Mixup")
    caption = (
        f"The methods. The first {len(MAIN)} are the study; then ablations, controls, references."
    )
    return table(header, rows, caption)


@style.styled
def strips(axes: np.ndarray, source: np.ndarray, substitute: np.ndarray, ratio: np.ndarray):
    """Four strips, one column a dimension: source, substitute, the weights r, and their mix.

    axes: (4,). source, substitute, ratio: (dim,). Vectors share one diverging scale, from orange
    through white at zero to purple; r runs from black at 0 to white at 1.
    """
    mixed = mixup(torch.from_numpy(source), torch.from_numpy(substitute), torch.from_numpy(ratio))
    limit = float(np.abs([source, substitute]).max())
    for ax, (name, values) in zip(
        axes,
        (("source", source), ("substitute", substitute), ("r", ratio), ("mix", mixed.numpy())),
        strict=True,
    ):
        scale = {"cmap": "PuOr", "vmin": -limit, "vmax": limit}
        if name == "r":
            scale = {"cmap": "gray", "vmin": 0, "vmax": 1}
        ax.imshow(values[None], aspect="auto", interpolation="nearest", **scale)
        ax.set_yticks((0,), (name,))
        ax.tick_params(length=0)
        ax.set_xticks(())
    axes[-1].set_xlabel(f"the {len(source)} dimensions of the embedding")
    return axes


def positions(
    source: torch.Tensor, substitute: torch.Tensor, kind: str, draws: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Where mixes of two vectors (dim,) lie: along the line between them, and how far off it.

    Returns, for each draw of r, the share of the way from the substitute (0) to the source (1), and
    the distance from the line in units of their distance; each (draws,).
    """
    generator = torch.Generator().manual_seed(seed)
    ratio = draw_ratio(kind, draws, len(source), generator)[:, 0]
    way = source - substitute
    mixed = mixup(source, substitute, ratio) - substitute
    along = mixed @ way / (way @ way)
    off = (mixed - along[:, None] * way).norm(dim=1) / way.norm()
    return along.numpy(), off.numpy()


@style.styled
def places(ax: Axes, along: Mapping[str, np.ndarray]) -> Axes:
    """How mixes spread between the substitute and the source, by kind of r: outlined histograms."""
    bins = np.linspace(0, 1, 26).tolist()
    looks = zip(along.items(), (style.BLUE, style.VERMILLION), ("-", "--"), strict=False)
    for (name, values), colour, line in looks:
        weights = np.full(len(values), 1 / len(values))
        ax.hist(
            values,
            bins,
            weights=weights,
            histtype="step",
            color=colour,
            linestyle=line,
            linewidth=2,
            label=name,
        )
    ax.set_xlim(0, 1)
    ax.set_xticks((0, 0.5, 1), ("substitute", "halfway", "source"))
    ax.get_xticklabels()[0].set_horizontalalignment("left")
    ax.get_xticklabels()[-1].set_horizontalalignment("right")
    ax.set_ylabel("share of the draws")
    style.percent(ax.yaxis)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=1)
    return ax


@style.styled
def kept_by_language(ax: Axes, judged: pd.DataFrame, threshold: float) -> Axes:
    """How many substitutions each language contributes, right ones and wrong ones, in thousands."""
    kept = judged[judged["probability"] >= threshold]
    right = (kept["verdict"] == "right").rename("right")
    counts = kept.groupby(["language", right]).size().unstack(fill_value=0)
    counts = counts.reindex(columns=[True, False], fill_value=0) / 1000
    counts = counts.loc[counts.sum(axis=1).sort_values().index]
    at = np.arange(len(counts))
    ax.barh(at, counts[True], color=style.BLUE, label="right")
    ax.barh(
        at,
        counts[False],
        left=counts[True],
        color="white",
        edgecolor=style.VERMILLION,
        hatch="//",
        label="wrong",
    )
    ax.set_yticks(at, style.names(counts.index))
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(-0.6, len(at) - 0.4)
    ax.set_xlabel("kept substitutions (thousands)")
    ax.legend(loc="lower right")
    return ax


@style.styled
def replaced(ax: Axes, counts: np.ndarray) -> Axes:
    """How many tokens of a switched pair are replaced: the share of pairs for each number."""
    values, frequencies = np.unique(counts, return_counts=True)
    ax.bar(values, frequencies / frequencies.sum(), color=style.BLUE)
    ax.set_xlabel("replaced tokens in a chosen pair")
    ax.set_ylabel("share of the chosen pairs")
    ax.set_xticks(range(0, int(values.max()) + 1, max(1, int(values.max()) // 8)))
    style.percent(ax.yaxis)
    return ax

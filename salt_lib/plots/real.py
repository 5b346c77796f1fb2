"""Figures and tables of the chapter on real text.

Chapter: On real text.
"""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from ..languages import SOURCE, language
from .html import Markup, percent, table, token, tokens
from .style import BLACK, BLUE, GREY, SMALL


def sentence(row: Mapping, code: str, threshold: float) -> Markup:
    """An English sentence with what may stand in the place of its words in one language.

    row: a sentence of ``recorded/real_sentences.json``. Boxed are the words whose substitute has at
    least ``threshold``, in the class "kept" where a dictionary has the pair, "wrong" where it has
    the word with other translations, and "mixed" where it does not have the word.
    """
    kinds = {"right": "kept", "unknown": "mixed"}
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


def precision_coverage(
    ax: Axes, rows: Mapping[str, Sequence], without: Mapping[str, Sequence]
) -> Axes:
    """Each language's precision against coverage, from without the rules to with them.

    rows, without: language → [precision, coverage, kept], content words.
    """
    for code, (precision, coverage, _) in rows.items():
        before = without.get(code)
        if precision is None:
            continue
        if before and before[0] is not None:
            ends = [100 * before[1], 100 * coverage], [100 * before[0], 100 * precision]
            ax.plot(*ends, color=GREY, linewidth=0.8, zorder=1)
        ax.plot(100 * coverage, 100 * precision, "o", color=BLUE, markersize=5)
        at = (100 * coverage, 100 * precision)
        ax.annotate(code, at, xytext=(4, 3), textcoords="offset points", color=BLACK, size=SMALL)
    ax.set_xlabel("coverage of content words in %")
    ax.set_ylabel("precision in %")
    return ax


def rules_table(variants: Mapping[str, Mapping], threshold: float, caption: str) -> Markup:
    """What each rule does: precision and coverage of content words, means over languages."""
    body = []
    for name, kinds in variants.items():
        cells = []
        for kind in ("forms", "lemmas"):
            row = next(one for one in kinds[kind] if one["threshold"] == threshold)
            cells += [percent(row["precision"]["content"]), percent(row["coverage"]["content"])]
        worst = next(one for one in kinds["forms"] if one["threshold"] == threshold)["by_language"]
        known = {code: p for code, (p, _, _) in worst.items() if p is not None}
        least = min(known, key=lambda code: known[code])
        body.append([name, *cells, f"{least} {percent(known[least])}"])
    header = ["rules", "precision", "coverage", "by lemmas", "coverage", "lowest language"]
    return table(header, body, caption, range(1, 5))

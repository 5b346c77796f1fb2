"""What the pages say of a result: words that a test decides, so that a text is true whatever comes
out, and numbers as the book writes them.

A difference is "higher" or "lower" only where its corrected p-value is at most 0.05; everything
else is "not distinguishable", however large it looks. Accuracies are shown in %, differences in
percentage points.

Chapter: Results and t-tests.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TypeGuard

import numpy as np
import pandas as pd

from ..errors import SaltError
from .stats import BASELINE, Comparison, scores_array

ALPHA = 0.05
VERDICTS = ("higher", "lower", "not distinguishable", "not testable")
HIGHER, LOWER, SAME, UNTESTED = VERDICTS
_GLUED = "\N{NO-BREAK SPACE}"  # what belongs together stays on one line of a table


def verdict(test: Comparison | Mapping, p: str = "p_holm", alpha: float = ALPHA) -> str:
    """What may be said of ``test``, one of `VERDICTS`: "higher" is the first method.

    test: a `stats.Comparison`, or a comparison or language row of `stats.summarise`. p: which of
    its p-values decides. SaltError: it has no such p-value.
    """
    test = fields(test)
    if p not in test:
        raise SaltError(f"no {p!r} in the test, only {', '.join(test)}")
    if not known(test[p]):
        return UNTESTED
    if test[p] > alpha:
        return SAME
    return HIGHER if test["difference"] > 0 else LOWER


def listing(items: Sequence[str]) -> str:
    """ "a, b and c"; "none" for an empty list."""
    items = list(items)
    if len(items) < 2:
        return items[0] if items else "none"
    return f"{', '.join(items[:-1])} and {items[-1]}"


def agree(verdicts: Iterable[str], wanted: str = HIGHER) -> str:
    """How many of ``verdicts`` are ``wanted``: "both", "one of 2", "none of 3" and the like."""
    verdicts = list(verdicts)
    count, all_ = sum(v == wanted for v in verdicts), len(verdicts)
    if count == all_:
        return "both" if all_ == 2 else f"all {all_}"
    return f"{'none' if count == 0 else 'one' if count == 1 else count} of {all_}"


def finding(
    what: str,
    test: Comparison | Mapping,
    than: str = "the baseline's",
    p: str = "p_holm",
    detectable: bool = True,
) -> str:
    """One sentence in Markdown on a tested difference; a null result reads as one.

    p: which of the test's p-values decides, see `verdict`. detectable: whether a null result says
    which difference would be found in four studies out of five.

    >>> test = {"difference": 0.001, "p_holm": 0.6, "ci_low": -0.002, "ci_high": 0.004}
    >>> finding("Its average", test | {"smallest_detectable": 0.005, "n": 15})
    "Its average is **not distinguishable** from the baseline's: the difference is +0.10 points \
(95% interval −0.20 to +0.40, Holm-corrected p = 0.60). With 15 seeds a difference of 0.50 points \
would be found in four studies out of five."
    """
    test, word = fields(test), verdict(test, p)
    if word == UNTESTED:
        return (
            f"{what} is **not testable** against {than}: the difference is "
            f"{points(test['difference'])} for every seed, without any spread."
        )
    corrected = "Holm-corrected " if p == "p_holm" else ""
    sure = f"(95% interval {interval(test)}, {corrected}{p_value(test[p])})"
    if word == SAME:
        null = (
            f"{what} is **not distinguishable** from {than}: the difference is "
            f"{points(test['difference'])} {sure}."
        )
        found = (
            f" With {test['n']} seeds a difference of {size(test['smallest_detectable'])} would be "
            "found in four studies out of five."
        )
        return null + (found if detectable else "")
    return f"{what} is **{word}** than {than}, by {size(test['difference'])} {sure}."


def points(difference: float | None, unit: str = " points") -> str:
    """A difference of accuracies in percentage points, with its sign: "+1.70 points"."""
    if not known(difference):
        return "–"
    text = f"{100 * difference:+.2f}"
    text = "0.00" if float(text) == 0 else text.replace("-", "−")
    return text + unit


def size(difference: float | None, unit: str = " points") -> str:
    """The same without a sign: "1.70 points"."""
    return points(abs(difference), unit).removeprefix("+") if known(difference) else "–"


def interval(test: Comparison | Mapping) -> str:
    """The interval of a difference in points: "+1.30 to +2.10"; a dash where there is none."""
    test = fields(test)
    if not known(test["ci_low"]):
        return "–"
    return f"{points(test['ci_low'], '')} to {points(test['ci_high'], '')}"


def p_value(p: float | None, name: str = "p") -> str:
    """A p-value in a sentence: "p = 0.031", "p < 0.0001"; not more digits than anybody needs."""
    if not known(p):
        return f"no {name}"
    return f"{name} < 0.0001" if p < 1e-4 else f"{name} = {short_p(p)}"


def mean_sd(row: Mapping, digits: int = 1) -> str:
    """Mean and sd over seeds in %, without a line break: "84.3 ± 0.6"."""
    spread = f"{_GLUED}±{_GLUED}{100 * row['sd']:.{digits}f}" if known(row["sd"]) else ""
    return f"{100 * row['mean']:.{digits}f}{spread}"


def paired(
    frame: pd.DataFrame, task: str, method: str, languages: Sequence[str], other: str = BASELINE
) -> tuple[np.ndarray, np.ndarray]:
    """The means over ``languages`` of ``method`` and ``other``, both (S,) and paired by seed.

    SaltError: as `stats.scores_array`, or where the two did not run on the same seeds.
    """
    (seeds, ours), (others, theirs) = (
        scores_array(frame, task, name, languages) for name in (method, other)
    )
    if seeds != others:
        raise SaltError(f"{task}: {method!r} ran on seeds {seeds}, {other!r} on {others}")
    return ours.mean(axis=1), theirs.mean(axis=1)


def sign_flips(values: Sequence[float]) -> np.ndarray:
    """(2^S,) the mean of S paired differences under every choice of their signs, for S ≤ 20.

    If the two methods were alike each difference could as well have had the other sign; so this is
    what the mean looks like where there is nothing to find (Fisher's exact randomisation).
    """
    differences = np.asarray(values, dtype=float)
    if not 1 <= len(differences) <= 20:
        raise SaltError(f"{len(differences)} differences: sign flips need 1 to 20")
    total = np.zeros(1)
    for difference in differences:
        total = np.concatenate([total + difference, total - difference])
    return total / len(differences)


def fields(test: Comparison | Mapping) -> Mapping:
    """A comparison as a mapping, whichever of the two it is."""
    return asdict(test) if isinstance(test, Comparison) else test


def known(value: float | None) -> TypeGuard[float]:
    """Whether there is such a number: neither None nor nan."""
    return value is not None and not np.isnan(value)


def short_p(p: float | None) -> str:
    """A p-value in a table: two digits that count, or a dash."""
    if not known(p):
        return "–"
    if p < 1e-4:
        return f"<{_GLUED}0.0001"
    return f"{p:.2f}" if p >= 0.095 else f"{p:.3f}" if p >= 0.0095 else f"{p:.4f}"


def number(value: float | None) -> str:
    """A statistic with two decimals, or a dash."""
    return f"{value:.2f}".replace("-", "−") if known(value) else "–"

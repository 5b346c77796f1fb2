"""The tables of the results chapters, as HTML: numbers in % and points, verdicts in words.

Chapters: Results and t-tests; Ablations and controls.
"""

from collections.abc import Mapping

from ..laboratory.study import TASKS
from ..languages import SOURCE, language
from ..salt.methods import METHODS
from ..study.stats import SALT
from ..study.wording import interval, mean_sd, number, points, short_p, size, verdict
from .html import Markup, percent, table


def methods_table(rows: Mapping, caption: str) -> Markup:
    """English, zero-shot average and its test for each method of one task.

    rows: method → row, a task's part of `stats.summarise`, shown in the order of `METHODS`.
    """
    header = ["method", "English", "zero-shot", "difference", "95% interval", "p (Holm)", "verdict"]
    body = []
    for name in (name for name in METHODS if name in rows):
        test = rows[name]["average_zero_shot"]["comparison"]
        shown = ["", "", "", "reference"]
        if test:
            shown = [points(test["difference"], ""), interval(test), short_p(test["p_holm"])]
            shown.append(verdict(test))
        sides = [mean_sd(rows[name][part]) for part in ("english", "average_zero_shot")]
        body.append([name, *sides, *shown])
    return table(header, body, caption, range(1, 6))


def languages_table(rows: Mapping, caption: str, method: str = SALT) -> Markup:
    """Both methods' mean ± sd, the difference and its test in every language of one task.

    Below the languages, the averages with and without English; the zero-shot average's p-value is
    corrected over the primary tests, the other averages' over the methods.
    """
    header = ["language", "baseline", method, "difference", "p", "p (Holm)", "verdict"]
    base, ours = rows["baseline"], rows[method]
    body = []
    for code in by_accuracy(base["languages"]):
        row = ours["languages"][code]
        shown = [points(row["difference"], ""), short_p(row["p"]), short_p(row["p_holm"])]
        sides = mean_sd(base["languages"][code]), mean_sd(row)
        body.append([language(code).name, *sides, *shown, verdict(row)])
    averages = {"average_zero_shot": "average without English", "average_all": "average of all"}
    for part, name in averages.items():
        test = ours[part]["comparison"]
        shown = [points(test["difference"], ""), short_p(test["p"]), short_p(test["p_holm"])]
        body.append([name, mean_sd(base[part]), mean_sd(ours[part]), *shown, verdict(test)])
    return table(header, body, caption, range(1, 6))


def primary_table(primary: Mapping, caption: str) -> Markup:
    """Everything that is computed for the primary tests, one column per task."""
    lines = {
        "seeds": lambda t: str(t["n"]),
        "baseline": lambda t: percent(t["baseline_mean"]),
        "SALT": lambda t: percent(t["mean"]),
        "difference, points": lambda t: points(t["difference"], ""),
        "95% interval (bootstrap)": interval,
        "sd of the paired differences": lambda t: size(t["sd"], ""),
        "paired t": lambda t: f"t({t['n'] - 1}) = {number(t['t'])}",
        "p": lambda t: short_p(t["p"]),
        "p (Holm)": lambda t: short_p(t["p_holm"]),
        "Welch's t": lambda t: number(t["welch_t"]),
        "Welch's p": lambda t: short_p(t["welch_p"]),
        "effect size d_z": lambda t: number(t["d_z"]),
        "smallest detectable, points": lambda t: size(t["smallest_detectable"], ""),
        "verdict": verdict,
    }
    tasks = [task for task in TASKS if task in primary]
    body = [[name, *(text(primary[task]) for task in tasks)] for name, text in lines.items()]
    return table(["SALT − baseline, zero-shot", *tasks], body, caption, range(1, 1 + len(tasks)))


def by_accuracy(rows: Mapping) -> list[str]:
    """The codes of language rows, English first and then by mean, best first."""
    return sorted(rows, key=lambda code: (code != SOURCE, -rows[code]["mean"]))

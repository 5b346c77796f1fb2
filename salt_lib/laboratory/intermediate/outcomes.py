"""The outcome of the study of intermediate tasks, from its frozen tables: what its protocol says.

The unit is the world. Nothing is tested before all planned runs are there. Runs of two conditions
pair up by their number, draw and seed; against nothing in between by their seed.

Chapter: Intermediate tasks.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import pandas as pd

from ...errors import unknown
from ...languages import SOURCE, language
from ...study import stats
from ...study.parts import Part, complete, read_part
from ...study.worlds import OverWorlds, equivalent, over_worlds, resampled
from ..tasks import task
from .conditions import AT, BEST, COUNTS, FACTS, NONE, TARGET
from .examples import TASKS
from .run import draw_and_seed
from .study import DRAW_SEEDS, DRAWS, PARTED, WORLDS, planned, table_path
from .variance import Parts, parted

SCALE = "intermediate"
MARGIN = 0.01  # an effect within a point of zero would matter to nobody
RICH = 0.75  # the share of text (`languages.Language.share`) from which on a language is rich
TARGETS = task(TARGET).targets
GROUPS = {
    "all": TARGETS,
    "rich": tuple(code for code in TARGETS if language(code).share >= RICH),
    "poor": tuple(code for code in TARGETS if language(code).share < RICH),
}
Cell = tuple[str, str]  # condition and method
Value = Callable[[dict], float]


@dataclass(frozen=True)
class Contrast:
    """A comparison: the mean over pairs of cells, ours minus theirs.

    question: one of `QUESTIONS`. primary: whether it is the question's primary outcome.
    """

    question: str
    label: str
    pairs: tuple[tuple[Cell, Cell], ...]
    primary: bool = False


QUESTIONS = CAPTIONS, EXAMPLES = ("captions", "examples")


def _plain(question: str, ours: str, theirs: str, primary: bool = False) -> Contrast:
    pair = (ours, "baseline"), (theirs, "baseline")
    return Contrast(question, f"{ours} − {theirs}", (pair,), primary)


def _both(label: str, ours: str, theirs: str) -> Contrast:
    """Over both tasks of examples; ours, theirs: what follows the task's name, or `NONE`."""

    def cell(name: str, what: str) -> Cell:
        return (what if what == NONE else f"{name}-{what}", "baseline")

    pairs = tuple((cell(name, ours), cell(name, theirs)) for name in TASKS)
    return Contrast(EXAMPLES, label, pairs)


CONTRASTS = (
    _plain(CAPTIONS, "matching-all", "paraphrase-all", primary=True),
    _plain(CAPTIONS, "matching-all", "masked-text-all"),
    _plain(CAPTIONS, "matching-all", "matching-shuffled-all"),
    _plain(CAPTIONS, "matching-all", "matching-blank-all"),
    _plain(CAPTIONS, "matching-all", NONE),
    _plain(CAPTIONS, "paraphrase-all", NONE),
    _plain(CAPTIONS, "masked-text-all", NONE),
    _plain(CAPTIONS, "matching-en", "paraphrase-en"),
    _plain(CAPTIONS, "matching-all", "matching-en"),
    Contrast(
        EXAMPLES,
        "equal shares − at random from the pool, all sizes",
        tuple(
            ((f"{name}-equal-{count}", "baseline"), (f"{name}-pooled-{count}", "baseline"))
            for name in TASKS
            for count in COUNTS
        ),
        primary=True,
    ),
    _both(f"{COUNTS[-1]:,} a language − none", f"equal-{COUNTS[-1]}", NONE),
    _both(f"{AT} a language − none", f"equal-{AT}", NONE),
    _both(f"{AT} a language − as many in English", f"equal-{AT}", f"English-{AT}"),
    _both(f"{AT} a language − labels shuffled", f"equal-{AT}", f"labels-{AT}"),
    _both("least certain − at random", f"uncertain-{AT}", f"equal-{AT}"),
    _both("k-centre − at random", f"k-centre-{AT}", f"equal-{AT}"),
    _both("longest gradient − at random", f"gradient-{AT}", f"equal-{AT}"),
    Contrast(EXAMPLES, "SALT − baseline, on nothing", (((NONE, "salt"), (NONE, "baseline")),)),
    Contrast(EXAMPLES, "SALT − baseline, on the best", (((BEST, "salt"), (BEST, "baseline")),)),
)


def parts() -> list[Part]:
    """What there is of the study, world by world."""
    cell = itemgetter("task", "method")
    return [read_part(w, table_path(w), len(planned(w)), SCALE, cell) for w in WORLDS]


def outcome(group: str = "all") -> Value:
    """A run's mean accuracy over a group of target languages, or in English.

    group: of `GROUPS`, or "English". Raises SaltError for others.
    """
    if group not in (*GROUPS, "English"):
        raise unknown("group of languages", group, (*GROUPS, "English"))
    codes = GROUPS.get(group, (SOURCE,))
    return lambda run: float(np.mean([run["scores"][code] for code in codes]))


def learned(run: dict) -> float:
    """The English dev score of a run's intermediate task."""
    return float(run["measures"]["intermediate"]["dev"])


def _partner(number: int, theirs: Cell) -> int:
    """Which run of a cell a run with this number is paired with."""
    return draw_and_seed(number)[1] if theirs[0] == NONE else number


def paired(part: Part, contrast: Contrast, value: Value) -> tuple[np.ndarray, np.ndarray]:
    """What ``value`` makes of the runs of both sides of a contrast in a world: (runs,) each, the
    means over its pairs of cells, of the numbers that all of these have."""
    cells = [tuple(part.runs.get(cell, {}) for cell in pair) for pair in contrast.pairs]
    usable = [
        {n for n in ours if _partner(n, pair[1]) in theirs}
        for (ours, theirs), pair in zip(cells, contrast.pairs, strict=True)
    ]
    numbers = sorted(set.intersection(*usable))
    first = [[value(ours[n]) for n in numbers] for ours, _ in cells]
    second = [
        [value(theirs[_partner(n, pair[1])]) for n in numbers]
        for (_, theirs), pair in zip(cells, contrast.pairs, strict=True)
    ]
    return np.mean(first, axis=0), np.mean(second, axis=0)


def compare(
    units: Iterable[Part], contrast: Contrast, value: Value
) -> tuple[OverWorlds, tuple[float, float]]:
    """A contrast over worlds: the paired test, and the interval when worlds and runs are drawn
    anew."""
    both = {part.world: paired(part, contrast, value) for part in units}
    return over_worlds(both), resampled(both)


def summary(of: Iterable[Part] | None = None, question: str | None = None) -> pd.DataFrame:
    """All comparisons of a question, or of both, a row each.

    Columns: question, contrast, primary, group, mean, ci_low, ci_high, p, boot_low, boot_high,
    p_equivalent (within ± `MARGIN`), p_holm (of a question's secondary ones in all target
    languages), worlds. Raises SaltError as `parts.complete`, and for an unknown question.
    """
    if question not in (None, *QUESTIONS):
        raise unknown("question", question, QUESTIONS)
    units = complete(parts() if of is None else of, SCALE)
    rows = []
    for contrast in CONTRASTS:
        if question not in (None, contrast.question):
            continue
        for group in (*GROUPS, *(["English"] if contrast.primary else [])):
            test, (low, high) = compare(units, contrast, outcome(group))
            rows.append(
                {
                    "question": contrast.question,
                    "contrast": contrast.label,
                    "primary": contrast.primary,
                    "group": group,
                    **{key: getattr(test, key) for key in ("mean", "ci_low", "ci_high", "p")},
                    "boot_low": low,
                    "boot_high": high,
                    "p_equivalent": equivalent(list(test.effects.values()), MARGIN),
                    "p_holm": np.nan,
                    "worlds": len(units),
                }
            )
    frame = pd.DataFrame(rows)
    for name in frame["question"].unique():
        family = (frame["question"] == name) & ~frame["primary"] & (frame["group"] == "all")
        frame.loc[family, "p_holm"] = stats.holm(frame.loc[family, "p"].tolist())
    return frame


def verdict(row: Mapping, alpha: float = 0.05) -> str:
    """What may be said of a row of `summary`: "more", "less", "no difference that matters" (the
    equivalence test), or "undecided". The corrected p decides where there is one."""
    p = row["p"] if np.isnan(row["p_holm"]) else row["p_holm"]
    if p <= alpha:
        return "more" if row["mean"] > 0 else "less"
    return "no difference that matters" if row["p_equivalent"] <= alpha else "undecided"


@dataclass(frozen=True)
class Point:
    """A condition against nothing in between: x, the mean difference and its interval, worlds and
    runs drawn anew."""

    x: int
    mean: float
    low: float
    high: float


def against_none(units: Sequence[Part], name: str, x: int, group: str = "all") -> Point:
    """A condition's difference to `NONE`."""
    contrast = _plain(EXAMPLES, name, NONE)
    test, (low, high) = compare(units, contrast, outcome(group))
    return Point(x, test.mean, low, high)


def by_count(units: Sequence[Part], name: str, shares: str, group: str = "all") -> list[Point]:
    """The curve of a task of examples over `COUNTS`."""
    return [against_none(units, f"{name}-{shares}-{n}", n, group) for n in COUNTS]


def by_facts(units: Sequence[Part], name: str, group: str = "all") -> list[Point]:
    """The curve of a task on captions over `FACTS`, in all languages."""
    sizes = [(n, f"{name}-all" + ("" if n == FACTS[-1] else f"-{n}")) for n in FACTS]
    return [against_none(units, label, n, group) for n, label in sizes]


def levels(
    units: Iterable[Part], cells: Iterable[Cell], value: Value | None = None
) -> dict[Cell, float]:
    """Cell → the mean over worlds and runs of a value, by default the zero-shot average."""
    value, units = value or outcome(), list(units)
    return {
        cell: float(np.mean([np.mean([value(r) for r in p.runs[cell].values()]) for p in units]))
        for cell in cells
    }


def spread(units: Iterable[Part], name: str = PARTED[0]) -> Parts:
    """Of a condition's zero-shot averages, the variance of draws, of seeds, and the rest.

    Raises SaltError for a condition whose runs don't part them.
    """
    if name not in PARTED:
        raise unknown("condition with several seeds a draw", name, PARTED)
    value, tables = outcome(), []
    for part in units:
        found = {draw_and_seed(n): value(run) for n, run in part.runs[name, "baseline"].items()}
        tables.append([[found[draw, seed] for seed in DRAW_SEEDS] for draw in DRAWS])
    return parted(tables)


def beaten(units: Iterable[Part], name: str, choice: str) -> float:
    """The share of random draws, over all worlds, whose score is below the mean of a choice's."""
    value, found = outcome(), []
    for part in units:
        ours = part.runs[f"{name}-{choice}-{AT}", "baseline"]
        theirs = part.runs[f"{name}-equal-{AT}", "baseline"]
        mean = np.mean([value(run) for run in ours.values()])
        found += [mean > value(theirs[n]) for n in ours]
    return float(np.mean(found))

"""The outcome of the study on real tasks, from its frozen tables: what its protocol says, no more.

The unit is the seed: one encoder, one set of training sentences. Nothing is tested before all
planned runs are there.

Chapter: On real text.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

from ..errors import SaltError
from ..files import RECORDED
from ..languages import SOURCE, language
from ..study.frozen import read_table
from ..study.packing import unpacked
from ..study.stats import Comparison, compare, holm
from ..study.wording import HIGHER, LOWER, SAME, finding, p_value, points, verdict

# Table → method → how many seeds. What each table's runs are made with: ``studies/<table>.toml``.
_LETTERED = {"baseline": 6, "salt": 6, "salt-random-kind": 6}
_FIRST = {"baseline": 6, "salt": 6}
PLAN: dict[str, dict[str, int]] = {
    "udpos": _LETTERED,
    "udpos-first": _FIRST,
    "panx": _LETTERED,
    "panx-first": _FIRST,
    "xnli": _LETTERED,
}
# What is asked → its tables: of tags on the first lettered piece and on the first, or of pairs.
TASKS: dict[str, tuple[str, ...]] = {
    "parts of speech": ("udpos", "udpos-first"),
    "names": ("panx", "panx-first"),
    "inference": ("xnli",),
}
_PAIRS = ("xnli",)
RESAMPLES = 2000
_RANDOM = "that with random words of the same kind"


@dataclass(frozen=True)
class Part:
    """The runs of one table: method → seed → run."""

    name: str
    runs: Mapping[str, Mapping[int, dict]]
    origin: Mapping[str, Any]

    @property
    def made(self) -> int:
        """How many of the planned runs there are."""
        plan = PLAN[self.name].items()
        return sum(s in self.runs.get(method, {}) for method, n in plan for s in range(n))

    @property
    def planned(self) -> int:
        """How many runs are planned."""
        return sum(PLAN[self.name].values())

    @property
    def pairs(self) -> bool:
        """Whether it is of sentence pairs, scored by accuracy, and not of tags, scored by F1."""
        return self.name in _PAIRS

    @property
    def metric(self) -> str:
        """What its scores are."""
        return "accuracy" if self.pairs else "F1"

    @property
    def complete(self) -> bool:
        """Whether all planned runs are there."""
        return self.made == self.planned


def part(name: str) -> Part:
    """What there is of a table of `PLAN`."""
    path = RECORDED / "real" / f"{name}.json"
    runs: dict[str, dict[int, dict]] = {}
    if not path.exists():
        return Part(name, runs, {})
    table = read_table(path, f"salt study --scale paper --setup studies/{name}.toml")
    for run in table.runs:
        runs.setdefault(run["method"], {})[run["seed"]] = run
    return Part(name, runs, table.origin)


def parts() -> dict[str, Part]:
    """Every table by its name."""
    return {name: part(name) for name in PLAN}


def complete() -> dict[str, tuple[Part, ...]]:
    """Of `TASKS` those of which all planned runs are there, with their tables."""
    found = {what: tuple(map(part, names)) for what, names in TASKS.items()}
    return {what: tables for what, tables in found.items() if all(of.complete for of in tables)}


def targets(of: Part) -> list[str]:
    """The languages other than English that its runs are scored in."""
    (codes,) = {tuple(run["scores"]) for seeds in of.runs.values() for run in seeds.values()}
    return [code for code in codes if code != SOURCE]


def check_complete(of: Part) -> None:
    """Raise SaltError where runs are missing: the protocol allows no test before all are there."""
    if not of.complete:
        raise SaltError(
            f"{of.name}: {of.made} of {of.planned} runs are made, and the protocol allows no test "
            f"before all are; make them with 'salt study --scale paper --setup "
            f"studies/{of.name}.toml'"
        )


def scores(of: Part, method: str, codes: Iterable[str], balanced: bool = False) -> np.ndarray:
    """A method's scores in [0, 1], (seeds, languages). SaltError: see `check_complete`.

    balanced: of pairs, after the answers are balanced by the other half (`real.measures`).
    """
    check_complete(of)
    columns, runs = list(codes), [of.runs[method][s] for s in range(seeds_of(of, method))]
    if not balanced:
        return np.array([[run["scores"][code] for code in columns] for run in runs])
    return np.array(
        [[unpacked(run["measures"][code]["balanced"]).mean() for code in columns] for run in runs]
    )


def seeds_of(of: Part, *methods: str) -> int:
    """How many seeds, from 0, all of these methods have in the plan."""
    return min(PLAN[of.name][method] for method in methods)


def gain(
    of: Part, method: str, against: str, codes: Iterable[str], balanced: bool = False
) -> Comparison:
    """A method against another, `scores` averaged over ``codes``, paired by seed."""
    columns, seeds = list(codes), seeds_of(of, method, against)
    sides = (scores(of, one, columns, balanced).mean(axis=1) for one in (method, against))
    return compare(*(side[:seeds] for side in sides))


def t_interval(test: Comparison, level: float = 0.95) -> tuple[float, float]:
    """The interval of a mean difference over seeds by Student's t, which allows for how few they
    are; `Comparison`'s own is a bootstrap's."""
    margin = float(stats.t.ppf((1 + level) / 2, test.n - 1)) * test.sd / test.n**0.5
    return test.difference - margin, test.difference + margin


def resampled(
    of: Part, method: str, against: str, codes: Iterable[str], seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """The interval of `gain` when seeds and test items are drawn anew, both with replacement.

    Test sentences of each language are drawn on their own, the same for both methods.
    """
    check_complete(of)
    dice, count = np.random.default_rng(seed), seeds_of(of, method, against)
    weights = dice.multinomial(count, np.full(count, 1 / count), size=RESAMPLES) / count
    drawn, columns = np.zeros(RESAMPLES), list(codes)
    for code in columns:
        sides = [_counts(of, one, code, count) for one in (method, against)]
        items = sides[0].shape[-1]
        draw = dice.multinomial(items, np.full(items, 1 / items), size=RESAMPLES).T
        first, second = (_score(side @ draw) for side in sides)  # (seeds, resamples) each
        drawn += ((first - second) * weights.T).sum(axis=0) / len(columns)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _counts(of: Part, method: str, code: str, seeds: int) -> np.ndarray:
    """(kinds, seeds, items): right, gold and predicted chunks, or right and all pairs."""
    rows = [of.runs[method][s]["measures"][code] for s in range(seeds)]
    right = [unpacked(row["right"]) for row in rows]
    if "gold" not in rows[0]:
        return np.array([right, np.ones_like(right)], float)
    return np.array(
        [right, *([unpacked(row[key]) for row in rows] for key in ("gold", "predicted"))], float
    )


def _score(counts: np.ndarray) -> np.ndarray:
    """Accuracy, or micro F1, of summed counts: (kinds, …) → (…)."""
    right, *rest = counts
    return right / rest[0] if len(rest) == 1 else 2 * right / np.maximum(rest[0] + rest[1], 1)


def placed(lettered: Part, first: Part, codes: Iterable[str]) -> Comparison:
    """The baseline with tags on the first lettered piece − with tags on the first, by seed."""
    columns = list(codes)
    return compare(*(scores(one, "baseline", columns).mean(axis=1) for one in (lettered, first)))


def placed_by_language(lettered: Part, first: Part) -> dict[str, dict[str, Any]]:
    """Language, English first → `placed` in it as a mapping, with ``p_holm`` over the languages."""
    return _by_language([SOURCE, *targets(lettered)], lambda code: placed(lettered, first, [code]))


def misplaced(lettered: Part, first: Part, method: str, codes: Iterable[str]) -> np.ndarray:
    """(seeds,) what a method gains with tags on the first lettered piece − on the first."""
    columns = list(codes)
    gains = [
        (scores(one, method, columns) - scores(one, "baseline", columns)).mean(axis=1)
        for one in (lettered, first)
    ]
    return gains[0] - gains[1]


def gains_by_language(of: Part, method: str) -> dict[str, dict[str, Any]]:
    """Language, English first → `gain` over the baseline in it as a mapping, with ``p_holm`` over
    the languages."""
    return _by_language([SOURCE, *targets(of)], lambda code: gain(of, method, "baseline", [code]))


def _by_language(
    codes: Sequence[str], test: Callable[[str], Comparison]
) -> dict[str, dict[str, Any]]:
    tests = [test(code) for code in codes]
    corrected = holm([one.p for one in tests])
    return {
        code: asdict(one) | {"p_holm": float(p)}
        for code, one, p in zip(codes, tests, corrected, strict=True)
    }


def findings(of: Part, what: str) -> list[tuple[bool | None, str]]:
    """What the protocol asks, answered: whether it speaks for SALT, and a sentence.

    of: the table, of tags that with them on the first lettered piece. what: is asked. Tests over
    seeds decide, at 0.05; the intervals are Student's. What speaks for SALT is a gain over the
    baseline that random words don't have. None: for neither side, as a gain that they have as well,
    words that beat them without a gain, or no change in English. SaltError: see `check_complete`.
    """
    codes = targets(of)
    metric, over = f"{of.metric} on {what}", f"the mean over {len(codes)} languages,"
    mean = f"SALT's {metric}, {over}"
    gained, said = _asked(of, mean, "baseline", codes, "the baseline's")
    more, control = _asked(of, mean, "salt-random-kind", codes, _RANDOM)
    found: list[tuple[bool | None, str]] = [
        ((more == HIGHER or None) if gained == HIGHER else False, said),
        ((gained == HIGHER or None) if more == HIGHER else False, control),
    ]
    english, said = _asked(
        of, f"SALT's {metric} in English", "baseline", [SOURCE], "the baseline's"
    )
    found.append((None if english == SAME else english == HIGHER, said))
    if of.pairs:
        mean = f"SALT's label-balanced {metric}, {over}"
        gained, said = _asked(of, mean, "baseline", codes, "the baseline's", balanced=True)
        found.append((gained == HIGHER, said))
    return found


def _asked(
    of: Part, what: str, against: str, codes: list[str], than: str, balanced: bool = False
) -> tuple[str, str]:
    """SALT against another method: the verdict, and a sentence."""
    test = gain(of, "salt", against, codes, balanced)
    low, high = t_interval(test)
    told = asdict(test) | {"ci_low": low, "ci_high": high}
    return verdict(told, "p"), finding(what, told, than, "p", detectable=False)


def about_tags(lettered: Part, first: Part, what: str) -> str:
    """What the place of a tag is worth to the baseline, in Markdown."""
    codes = targets(lettered)
    place, rows = placed(lettered, first, codes), placed_by_language(lettered, first)
    moved = sorted(
        (code for code, row in rows.items() if verdict(row) in (HIGHER, LOWER)),
        key=lambda code: -abs(rows[code]["difference"]),
    )
    where = [f"{language(code).name} {points(rows[code]['difference'], '')}" for code in moved]
    rest = [code for code in codes if code not in moved]
    elsewhere = points(placed(lettered, first, rest).difference, "") if rest else "–"
    return (
        "Moving a word's tag from its first piece to its first piece with a letter changes the "
        f"baseline's mean F1 on {what} by **{points(place.difference)}** ({p_value(place.p)}). "
        f"With Holm's correction over the languages: {', '.join(where) or 'in none of them'}; the "
        f"mean of the others changes by {elsewhere}."
    )


def about_misplaced(lettered: Part, first: Part) -> str:
    """What the place of a tag is worth to what SALT gains, in Markdown."""
    codes = targets(lettered)
    before, after = (gain(one, "salt", "baseline", codes).difference for one in (first, lettered))
    changes = misplaced(lettered, first, "salt", codes)
    test = stats.ttest_1samp(changes, 0.0)
    low, high = test.confidence_interval()
    return (
        f"SALT − baseline is {points(before)} with tags on the first piece and {points(after)} "
        f"with them on the lettered one, a change of {points(float(changes.mean()), '')} "
        f"(95% interval {points(low, '')} to {points(high, '')}, {p_value(test.pvalue)})."
    )

"""The outcome of the study of pictures, from its frozen tables: what its protocol says, no more.

The unit is the world. Nothing is tested before all planned runs are there. What SALT is worth in
parallel captions is where the curve of retrieval against their number reaches SALT's level.

Chapter: Pictures.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...errors import SaltError, unknown
from ...languages import LANGUAGES, SOURCE
from ...study import stats
from ...study.parts import Part, complete, read_part
from ...study.worlds import OverWorlds, equivalent, over_worlds, resampled
from . import captions
from .conditions import PARALLEL, SHARES, TAUGHT, condition_of
from .retrieval import both_ways
from .study import WORLDS, planned, table_path

SCALE = "pictures"
MARGIN = 0.01  # a point of R@1 would matter to nobody
RICH = 0.75  # the share of text (`languages.Language.share`) from which on a language is rich
GROUPS = {
    "all": tuple(code for code in LANGUAGES if code != SOURCE),
    "rich": tuple(c for c, lang in LANGUAGES.items() if c != SOURCE and lang.share >= RICH),
    "poor": tuple(c for c, lang in LANGUAGES.items() if c != SOURCE and lang.share < RICH),
}
PRIMARY = ("salt", "baseline")
# condition, against which: the secondary comparisons, corrected together after Holm.
SECONDARY = (
    ("salt", "salt-random-kind"),
    ("salt", "salt-deranged"),
    ("salt", "code-switch"),
    ("salt", "mixup"),
    ("dictionary", "baseline"),
)
MEASURES = ("R@1", "R@10", "median")


def _condition(run: dict) -> str:
    return condition_of(run["task"], run["method"]).name


def parts() -> list[Part]:
    """What there is of the study, world by world."""
    return [read_part(w, table_path(w), len(planned(w)), SCALE, _condition) for w in WORLDS]


def outcome(what: str = "R@1", group: str = "all") -> Callable[[dict], float]:
    """A run's mean of a measure over both directions and a group of target languages, or English.

    what: one of `MEASURES`. group: of `GROUPS`, or "English". Raises SaltError for others.
    """
    if what not in MEASURES:
        raise unknown("measure", what, MEASURES)
    if group not in (*GROUPS, "English"):
        raise unknown("group of languages", group, (*GROUPS, "English"))
    codes = GROUPS.get(group, (SOURCE,))
    return lambda run: float(
        np.mean([both_ways(run["measures"]["retrieval"][code], what) for code in codes])
    )


def scores(part: Part, conditions: Sequence[str], value: Callable[[dict], float]) -> np.ndarray:
    """What ``value`` makes of a world's runs: (conditions, seeds), of the seeds that all have."""
    runs = [part.runs.get(name, {}) for name in conditions]
    shared = sorted(set.intersection(*map(set, runs)))
    return np.array([[value(of[seed]) for seed in shared] for of in runs], dtype=float)


def compare(
    units: Iterable[Part], ours: str, theirs: str, value: Callable[[dict], float]
) -> tuple[OverWorlds, tuple[float, float]]:
    """Two conditions over worlds: the paired test, and the interval when worlds and seeds are drawn
    anew."""
    both = {p.world: tuple(scores(p, (ours, theirs), value)) for p in units}
    return over_worlds(both), resampled(both)


def summary(of: Iterable[Part] | None = None) -> pd.DataFrame:
    """All comparisons of the protocol, a row each.

    Columns: condition, against, measure, group, mean, ci_low, ci_high, p, boot_low, boot_high,
    p_equivalent (within ± `MARGIN`, of shares), p_holm (of the secondary ones of R@1 in all target
    languages), worlds. Raises SaltError as `parts.complete`.
    """
    units = complete(parts() if of is None else of, SCALE)
    # In English R@10 and the median rank are at their ends, in every world.
    wanted = [(PRIMARY, "R@1", "English")]
    wanted += [(PRIMARY, what, group) for what in MEASURES for group in GROUPS]
    wanted += [(pair, "R@1", group) for pair in SECONDARY for group in GROUPS]
    rows = []
    for (ours, theirs), what, group in wanted:
        test, (low, high) = compare(units, ours, theirs, outcome(what, group))
        rows.append(
            {
                "condition": ours,
                "against": theirs,
                "measure": what,
                "group": group,
                **{key: getattr(test, key) for key in ("mean", "ci_low", "ci_high", "p")},
                "boot_low": low,
                "boot_high": high,
                "p_equivalent": np.nan
                if what == "median"
                else equivalent(list(test.effects.values()), MARGIN),
                "p_holm": np.nan,
                "worlds": len(units),
            }
        )
    frame = pd.DataFrame(rows)
    family = (frame["measure"] == "R@1") & (frame["group"] == "all")
    named = zip(frame["condition"], frame["against"], strict=True)
    family &= np.array([pair in SECONDARY for pair in named])
    frame.loc[family, "p_holm"] = stats.holm(frame.loc[family, "p"].tolist())
    return frame


def crossing(shares: Sequence[float], curve: Sequence[float], level: float) -> float:
    """The least share at which a curve reaches a level, straight between points in log share.

    0 where the first point has reached it already, inf where none does. Raises SaltError for shares
    that don't rise, or another number of points.
    """
    if len(shares) != len(curve) or not all(np.diff(np.log(shares)) > 0):
        raise SaltError(f"{len(curve)} points at shares {list(shares)}: they must rise, one each")
    if curve[0] >= level:
        return 0.0
    for i, after in enumerate(curve[1:]):
        if after >= level:
            part = (level - curve[i]) / (after - curve[i])
            low, high = np.log(shares[i : i + 2])
            return float(np.exp(low + part * (high - low)))
    return float("inf")


@dataclass(frozen=True)
class Worth:
    """What a condition is worth: levels are shares of the pool, of `outcome`.

    level: the condition's, with its interval; none: the baseline's; curve: (shares,) of the
    parallel one. share: where they cross, low, high: its 95 % interval; 0 for less than the least
    share, inf for more than all.
    """

    level: float
    level_low: float
    level_high: float
    none: float
    curve: tuple[float, ...]
    share: float
    low: float
    high: float


def worth(
    units: Iterable[Part],
    way: str = PARALLEL,
    group: str = "all",
    condition: str = "salt",
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> Worth:
    """How large a share of parallel captions a condition is worth, over worlds.

    way: how they are trained on, "parallel" or "taught". Intervals: worlds are drawn with
    replacement, in each drawn world its seeds. Raises SaltError for another way.
    """
    if way not in (PARALLEL, TAUGHT):
        raise unknown("way to train on parallel captions", way, (PARALLEL, TAUGHT))
    names = [condition, "baseline", *(f"{way}-{100 * share:g}" for share in SHARES)]
    value = outcome("R@1", group)
    tables = [scores(part, names, value) for part in units]
    dice = np.random.default_rng(seed)
    drawn = np.empty((resamples, len(names)))
    for i in range(resamples):
        worlds = [tables[j] for j in dice.integers(len(tables), size=len(tables))]
        means = [t[:, dice.integers(t.shape[1], size=t.shape[1])].mean(axis=1) for t in worlds]
        drawn[i] = np.mean(means, axis=0)
    level, none, *curve = np.mean([t.mean(axis=1) for t in tables], axis=0).tolist()
    crossings = [crossing(SHARES, row[2:], row[0]) for row in drawn.tolist()]
    # No mean of two neighbors: one may be infinite.
    low, high = np.quantile(crossings, [0.025, 0.975], method="inverted_cdf")
    least, most = np.quantile(drawn[:, 0], [0.025, 0.975])
    share = crossing(SHARES, curve, level)
    numbers = (level, float(least), float(most), none, tuple(curve), share, float(low), float(high))
    return Worth(*numbers)


def pairs(share: float) -> str:
    """A share of the training captions as a number of pairs a language: "about 140 pairs"."""
    size = captions.SIZES["train"]
    if share <= 0:
        return f"fewer than {round(SHARES[0] * size):,} pairs"
    if share == float("inf"):
        return f"more than all {size:,} pairs"
    exact = share * size
    digits = -int(np.floor(np.log10(exact))) + 1  # two digits say all that is known
    return f"about {int(round(exact, digits)):,} pairs"

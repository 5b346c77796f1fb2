"""Claims over worlds: each world has a checkpoint of its own, and the checkpoint is the unit.

Seeds of one checkpoint speak about fine-tuning noise only: a gain may be sure in one world and none
in the next. So a method's effect in a world is its mean over the seeds, and tests and intervals are
over worlds. Beside them stand a bootstrap that resamples worlds, seeds and items together, and what
the next world may bring.

Source: the checkpoint as the unit, Sellam et al. (2022), MultiBERTs; two one-sided tests,
Schuirmann (1987). Chapter: Results and t-tests.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from ..errors import SaltError

# world → scores of two methods, (seeds, columns) each: of one seed and column they pair up.
Scores = Mapping[int, tuple[ArrayLike, ArrayLike]]


@dataclass(frozen=True)
class OverWorlds:
    """A method against another over worlds, in the unit of the scores.

    effects: world → mean difference over its seeds. mean: of the effects; ci_low, ci_high: its 95 %
    t-interval; t, p: of the paired t-test over worlds, two-sided; d: mean / sd of the effects.
    next_low, next_high: where the effect in a new world lies with 95 % probability, if worlds are
    drawn from a normal distribution. between, within: sd of the effects over worlds that is not
    explained by the seeds, and the standard error of an effect from its seeds.
    """

    effects: dict[int, float]
    mean: float
    ci_low: float
    ci_high: float
    t: float
    p: float
    d: float
    next_low: float
    next_high: float
    between: float
    within: float


def over_worlds(scores: Scores, level: float = 0.95) -> OverWorlds:
    """Test the mean difference of two methods over worlds.

    scores: world → (ours, theirs), each (seeds, columns), or (seeds,). Raises SaltError for fewer
    than two worlds, shapes that don't pair up, and effects without any spread.
    """
    differences = {world: _difference(world, *pair) for world, pair in scores.items()}
    effects = {world: float(rows.mean()) for world, rows in differences.items()}
    values = np.array(list(effects.values()))
    count = len(values)
    if count < 2:
        raise SaltError(f"{count} world(s): a test over worlds needs at least two")
    mean, sd = float(values.mean()), float(values.std(ddof=1))
    if sd < 1e-12:
        raise SaltError("the effect is the same in every world: nothing to test with")
    test = stats.ttest_1samp(values, 0.0)
    margin = stats.t.ppf((1 + level) / 2, count - 1) * sd
    by_seed = [rows.mean(axis=1) for rows in differences.values()]
    noise = [rows.var(ddof=1) / len(rows) if len(rows) > 1 else np.nan for rows in by_seed]
    within = float(np.sqrt(np.nanmean(noise))) if not np.isnan(noise).all() else np.nan
    between = float(np.sqrt(max(0.0, sd**2 - np.nan_to_num(within) ** 2)))
    return OverWorlds(
        effects,
        mean,
        mean - margin / np.sqrt(count),
        mean + margin / np.sqrt(count),
        float(test.statistic),
        float(test.pvalue),
        mean / sd,
        mean - margin * np.sqrt(1 + 1 / count),
        mean + margin * np.sqrt(1 + 1 / count),
        between,
        within,
    )


def resampled(
    scores: Scores,
    *,
    crossed: bool = False,
    level: float = 0.95,
    resamples: int = 9999,
    seed: int = 0,
) -> tuple[float, float]:
    """The interval of the mean difference when worlds, seeds and columns are drawn anew.

    Worlds are drawn with replacement, in each drawn world its seeds and its columns (groups of
    items) anew. crossed: the columns are the same in all worlds (languages), so that one draw of
    them holds for all. Raises SaltError as `over_worlds`, and for crossed columns of unequal
    number.
    """
    differences = [_difference(world, *pair) for world, pair in scores.items()]
    if len(differences) < 2:
        raise SaltError(f"{len(differences)} world(s): a bootstrap over worlds needs at least two")
    widths = {rows.shape[1] for rows in differences}
    if crossed and len(widths) > 1:
        raise SaltError(f"the worlds have different numbers of columns: {sorted(widths)}")
    dice = np.random.default_rng(seed)
    shared = _weights(dice, widths.pop(), resamples) if crossed else None
    count = len(differences)
    drawn = np.zeros(resamples)
    for _ in range(count):  # each place of the draw has seeds and columns of its own
        world = dice.integers(count, size=resamples)
        for number, rows in enumerate(differences):
            here = world == number
            many = int(here.sum())
            columns = _weights(dice, rows.shape[1], many) if shared is None else shared[:, here]
            seeds = _weights(dice, len(rows), many)
            drawn[here] += ((rows @ columns) * seeds).sum(axis=0) / count
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def equivalent(effects: Sequence[float], margin: float) -> float:
    """The p-value of two one-sided t-tests: that the mean effect lies within ± ``margin``.

    A small one says that there is no effect that would matter; together with a large p of the test
    for a difference it is the only way to say "no". With neither, the study is inconclusive. Raises
    SaltError for fewer than two effects and a margin that is not positive.
    """
    values = np.asarray(effects, dtype=float)
    if len(values) < 2 or not margin > 0:
        raise SaltError(
            f"{len(values)} effects, margin {margin}: at least two and a positive margin are needed"
        )
    below = stats.ttest_1samp(values, -margin, alternative="greater").pvalue
    above = stats.ttest_1samp(values, margin, alternative="less").pvalue
    return float(max(below, above))


def _difference(world: int, ours: ArrayLike, theirs: ArrayLike) -> np.ndarray:
    """(seeds, columns) ours − theirs."""
    first, second = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    if first.shape != second.shape or first.ndim not in (1, 2) or not first.size:
        raise SaltError(
            f"world {world}: scores of shape {first.shape} against {second.shape} don't pair up"
        )
    difference = first - second
    if not np.isfinite(difference).all():
        raise SaltError(f"world {world}: a score is not a number")
    return difference[:, None] if difference.ndim == 1 else difference


def _weights(dice: np.random.Generator, count: int, resamples: int) -> np.ndarray:
    """(count, resamples) how large a part each of ``count`` has of a draw with replacement."""
    return dice.multinomial(count, np.full(count, 1 / count), size=resamples).T / count

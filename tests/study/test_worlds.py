"""Over worlds a gain is sure only if the next world is likely to have it as well."""

import numpy as np
import pytest
from scipy import stats

from salt_lib.errors import SaltError
from salt_lib.study.worlds import equivalent, over_worlds, resampled


def scores(effects, seeds=5, groups=40, noise=0.02, seed=0):
    """World → (ours, theirs): (seeds, groups) scores whose mean difference is about the effect."""
    dice = np.random.default_rng(seed)
    made = {}
    for world, effect in enumerate(effects, 1):
        theirs = 0.6 + noise * dice.normal(size=(seeds, groups))
        made[world] = (theirs + effect + noise * dice.normal(size=(seeds, groups)), theirs)
    return made


def test_the_test_is_the_paired_one_over_the_worlds_means():
    made = scores([0.01, 0.03, -0.01, 0.02])
    found = over_worlds(made)
    means = [np.mean(a - b) for a, b in made.values()]
    test = stats.ttest_1samp(means, 0)
    assert list(found.effects.values()) == pytest.approx(means) and list(found.effects) == [
        1,
        2,
        3,
        4,
    ]
    assert (found.t, found.p) == pytest.approx((test.statistic, test.pvalue))
    interval = test.confidence_interval(0.95)
    assert (found.ci_low, found.ci_high) == pytest.approx((interval.low, interval.high))
    assert found.next_low < found.ci_low < found.mean < found.ci_high < found.next_high


def test_a_gain_that_is_sure_in_one_world_is_not_sure_over_worlds():
    made = scores([0.02, 0.0], noise=0.001)
    ours, theirs = made[1]
    assert stats.ttest_rel(ours.mean(axis=1), theirs.mean(axis=1)).pvalue < 1e-4
    assert over_worlds(made).p > 0.3


def test_the_interval_for_a_new_world_holds_it_as_often_as_it_says():
    dice, inside = np.random.default_rng(1), 0
    for _ in range(2000):
        *six, new = dice.normal(0.01, 0.02, size=7)
        found = over_worlds({w: ([e, e], [0.0, 0.0]) for w, e in enumerate(six)})
        inside += found.next_low <= new <= found.next_high
    assert 0.935 < inside / 2000 < 0.965


def test_what_the_seeds_explain_is_told_from_what_the_worlds_do():
    quiet = over_worlds(scores([0.01] * 300, seeds=4, groups=1, noise=0.02))
    assert quiet.between < 0.006 and quiet.within == pytest.approx(0.01, rel=0.15)
    loud = over_worlds(scores(np.random.default_rng(2).normal(0, 0.05, 300), groups=1))
    assert loud.between == pytest.approx(0.05, rel=0.15)


def test_the_bootstrap_knows_worlds_seeds_and_items():
    made = scores(np.random.default_rng(3).normal(0.02, 0.02, 12))
    low, high = resampled(made)
    found = over_worlds(made)
    assert low < found.mean < high
    assert (high - low) == pytest.approx(found.ci_high - found.ci_low, rel=0.3)
    assert resampled(made) == (low, high) != resampled(made, seed=1)
    few = {w: (a[:, :2], b[:, :2]) for w, (a, b) in scores([0.0] * 12, noise=0.2).items()}
    many = scores([0.0] * 12, noise=0.2)
    assert np.ptp(resampled(few)) > 2 * np.ptp(resampled(many))


def test_languages_are_drawn_once_for_all_worlds():
    language = np.random.default_rng(5).normal(0, 0.05, 8)  # the same gain in every world
    made = {w: (np.tile(language, (5, 1)), np.zeros((5, 8))) for w in range(6)}
    apart, together = np.ptp(resampled(made)), np.ptp(resampled(made, crossed=True))
    assert together > 2 * apart
    made[6] = (np.zeros((5, 7)), np.zeros((5, 7)))
    with pytest.raises(SaltError, match="different numbers of columns"):
        resampled(made, crossed=True)


def test_no_effect_that_matters_is_something_else_than_no_sure_effect():
    assert equivalent([0.001, -0.001, 0.0005, -0.0005], 0.01) < 0.001
    assert equivalent([0.02, -0.02, 0.01, -0.015], 0.01) > 0.05
    assert equivalent([0.02, 0.021, 0.019], 0.01) > 0.99
    pair = [0.004, -0.002, 0.001]
    low, high = (
        stats.ttest_1samp(pair, m, alternative=a).pvalue
        for m, a in ((-0.01, "greater"), (0.01, "less"))
    )
    assert equivalent(pair, 0.01) == pytest.approx(max(low, high))


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ({1: ([0.1], [0.2])}, "at least two"),
        ({1: ([0.1], [0.2]), 2: ([0.1, 0.2], [0.2])}, "world 2.*don't pair up"),
        ({1: ([0.1], [0.2]), 2: ([np.nan], [0.2])}, "world 2: a score is not a number"),
        ({1: ([0.3], [0.2]), 2: ([0.3], [0.2])}, "the same in every world"),
    ],
)
def test_what_can_not_be_tested_is_an_error(made, message):
    with pytest.raises(SaltError, match=message):
        over_worlds(made)
    if "same" not in message:
        with pytest.raises(SaltError):
            resampled(made)
    with pytest.raises(SaltError, match="a positive margin"):
        equivalent([0.1, 0.2], 0.0)

"""The variances are those of the two-way analysis of variance, worked out by hand."""

import math

import numpy as np
import pytest

from salt_lib.errors import SaltError
from salt_lib.laboratory.intermediate.variance import Parts, mean_squares, parted


def test_mean_squares_by_hand():
    # Means of draws 2 and 6, of seeds 3 and 5; nothing is left but ±0.
    assert mean_squares([[1, 3], [5, 7]]) == pytest.approx((16, 4, 0))
    # The second table: what is left is ±0.5 in each cell, of one degree of freedom.
    assert mean_squares([[1.5, 2.5], [4.5, 7.5]]) == pytest.approx((16, 4, 1))


def test_variances_by_hand():
    found = parted([[[1.5, 2.5], [4.5, 7.5]]])
    assert (found.draw, found.seed, found.rest) == pytest.approx((7.5, 1.5, 1.0))
    assert found.share_of_draw == pytest.approx(0.75)


def test_a_variance_below_zero_is_none():
    found = parted([[[0, 1], [1, 0]]])
    assert (found.draw, found.seed, found.rest) == (0, 0, 1)
    assert math.isnan(Parts(0, 0, 0).share_of_draw)


def test_known_variances_are_found_over_worlds():
    dice = np.random.default_rng(0)
    tables = [
        5 * world
        + dice.normal(0, 3, (10, 1))
        + dice.normal(0, 2, (1, 5))
        + dice.normal(0, 1, (10, 5))
        for world in range(300)
    ]
    found = parted(tables)
    assert found.draw == pytest.approx(9, rel=0.1)
    assert found.seed == pytest.approx(4, rel=0.2)
    assert found.rest == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize("wrong", [[[1, 2]], [[1], [2]], [1, 2], [[1, np.nan], [1, 2]]])
def test_tables_without_spread_are_an_error(wrong):
    with pytest.raises(SaltError, match="two draws and two seeds are the least"):
        mean_squares(wrong)


def test_tables_of_unequal_shape_are_an_error():
    for tables in ([], [np.zeros((2, 2)), np.zeros((2, 3))]):
        with pytest.raises(SaltError, match="one shape is needed"):
            parted(tables)

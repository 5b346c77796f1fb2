"""Ranks and recalls on arrays that were worked out by hand."""

import numpy as np
import pytest

from salt_lib.errors import SaltError
from salt_lib.laboratory.pictures import retrieval


def test_a_rank_counts_what_is_better_and_half_of_what_is_equal():
    square = np.array([[0.9, 0.1, 0.2], [0.5, 0.4, 0.6], [0.3, 0.3, 0.3]])
    assert retrieval.ranks(square).tolist() == [1, 3, 2]
    assert retrieval.ranks(np.zeros((5, 5))).tolist() == [3] * 5  # the middle: it knows nothing


def test_measures_of_both_directions():
    # Texts 0 and 1 are both nearest to picture 0; picture 1 is nearest to text 1.
    pictures = np.array([[1.0, 0.0], [0.6, 0.8]])
    texts = np.array([[1.0, 0.0], [0.95, 0.31]])
    told = retrieval.measures(pictures, texts)
    assert told == {
        "to text": {"R@1": 1.0, "R@10": 1.0, "median": 1.0},
        "to picture": {"R@1": 0.5, "R@10": 1.0, "median": 1.5},
    }
    assert retrieval.both_ways(told) == 0.75 and retrieval.both_ways(told, "median") == 1.25


def test_recall_at_ten_and_the_median_in_a_larger_pool():
    # Item i is beaten by i others: ranks 1 to 21.
    square = np.tril(np.ones((21, 21)), -1) + np.diag(np.full(21, 0.5))
    assert retrieval.ranks(square).tolist() == list(range(1, 22))
    told = retrieval.measures(square, np.eye(21))
    assert told["to text"] == {"R@1": 0.0476, "R@10": 0.4762, "median": 11.0}


@pytest.mark.parametrize("square", [np.zeros((2, 3)), np.zeros(4), np.array([[np.nan]])])
def test_what_is_no_pool_is_an_error(square):
    with pytest.raises(SaltError, match="a pool is a square"):
        retrieval.ranks(square)

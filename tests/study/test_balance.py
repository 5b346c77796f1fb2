"""A bias makes the answers as frequent as the labels are, and nothing else of a model better."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from salt_lib.errors import SaltError
from salt_lib.study.balance import (
    balancing_bias,
    one_versus_rest_auc,
    predicted_shares,
    right_when_balanced,
)


def logits(seed=0, n=3000, k=3):
    return np.random.default_rng(seed).normal(size=(n, k))


def test_a_bias_against_a_label_is_found_and_taken_off():
    plain, skew = logits(), np.array([1.5, 0.0, -0.7])
    assert predicted_shares(plain + skew)[0] > 0.6
    bias = balancing_bias(plain + skew)
    assert np.abs(predicted_shares(plain + skew, bias) - 1 / 3).max() < 0.005
    assert np.allclose(bias, -(skew - skew.mean()), atol=0.15) and abs(bias.mean()) < 1e-12


def test_it_carries_over_to_other_items_of_the_same_kind():
    skew = np.array([0.0, 2.0, -1.0])
    bias = balancing_bias(logits(1) + skew)
    assert np.abs(predicted_shares(logits(2) + skew, bias) - 1 / 3).max() < 0.03


def test_shares_that_are_not_alike():
    wanted = [0.5, 0.3, 0.2]
    bias = balancing_bias(logits(), wanted)
    assert np.abs(predicted_shares(logits(), bias) - wanted).max() < 0.005


def test_balanced_answers_are_left_alone():
    rows = np.eye(3).repeat(4, axis=0)
    assert (balancing_bias(rows) == 0).all()


def test_two_labels_and_items_that_are_all_alike():
    assert np.abs(predicted_shares(logits(k=2), balancing_bias(logits(k=2))) - 0.5).max() < 0.005
    assert np.isfinite(balancing_bias(np.ones((5, 3)))).all()  # nothing can tell them apart


@pytest.mark.parametrize(
    ("rows", "shares", "message"),
    [
        (np.empty((0, 3)), None, "with an item"),
        (np.ones(3), None, "with an item"),
        (np.ones((2, 3)), [0.5, 0.5], "one for each of 3"),
        (np.ones((2, 2)), [0.9, 0.9], "summing to 1"),
    ],
)
def test_what_can_not_be_balanced_is_an_error(rows, shares, message):
    with pytest.raises(SaltError, match=message):
        balancing_bias(rows, shares)


def test_the_area_is_scikit_learns_and_no_bias_moves_it_much():
    rows = logits(3, 600)
    labels = (rows + np.random.default_rng(4).normal(size=rows.shape)).argmax(axis=1)
    odds = np.exp(rows) / np.exp(rows).sum(axis=1, keepdims=True)
    expected = np.mean([roc_auc_score(labels == k, odds[:, k]) for k in range(3)])
    assert one_versus_rest_auc(rows, labels) == pytest.approx(expected)
    tied = np.round(rows)
    odds = np.exp(tied) / np.exp(tied).sum(axis=1, keepdims=True)
    expected = np.mean([roc_auc_score(labels == k, odds[:, k].round(12)) for k in range(3)])
    assert one_versus_rest_auc(tied, labels) == pytest.approx(expected, abs=1e-3)
    moved = one_versus_rest_auc(rows + [0.5, 0.0, -0.5], labels)
    assert abs(moved - one_versus_rest_auc(rows, labels)) < 0.02
    with pytest.raises(SaltError, match="label 2"):
        one_versus_rest_auc(rows, labels.clip(max=1))


def test_each_half_is_judged_by_the_other_halfs_bias():
    """Label 0 has a lead of 2 in every item; half of the items are label 1, by a margin of 1."""
    labels = np.array([0, 0, 1, 1] * 4)
    logits = np.array([[2.5, 0.0], [2.5, 0.0], [1.5, 0.0], [1.5, 0.0]] * 4)
    assert (logits.argmax(axis=1) == 0).all()
    assert right_when_balanced(logits, labels).all()
    one = right_when_balanced(logits[:1], labels[:1])
    assert one.shape == (1,)

"""Mixing and switching do exactly what their definitions say, and as often."""

import numpy as np
import pytest
import torch
from scipy.stats import binomtest, chisquare

from salt_lib.models.encoding import Encoded
from salt_lib.salt.augment import code_switch, draw_ratio, mixup, options


def dice(seed=0):
    return torch.Generator().manual_seed(seed)


def rows(*lengths):
    """Encoded rows whose token ids count up from 100."""
    start = torch.tensor([0, *lengths]).cumsum(0)
    ids = torch.arange(100, 100 + int(start[-1]))
    labels = torch.zeros(len(lengths), dtype=torch.int64)
    return Encoded(ids, ids * 0, ids > 0, start, labels)


def test_mixup_is_a_weighted_mean_of_each_dimension():
    source = torch.tensor([[[1.0, 2.0], [3.0, 4.0]], [[0.0, 8.0], [1.0, 1.0]]])
    substitute = torch.tensor([[[5.0, 0.0], [3.0, -4.0]], [[4.0, 0.0], [2.0, 3.0]]])
    ratio = torch.tensor([[[0.25, 1.0]], [[0.5, 0.0]]])
    expected = [[[4.0, 2.0], [3.0, 4.0]], [[2.0, 0.0], [1.5, 3.0]]]
    assert mixup(source, substitute, ratio).tolist() == expected
    scalar = torch.tensor([[[0.5]], [[1.0]]])
    expected = [[[3.0, 1.0], [3.0, 0.0]], [[0.0, 8.0], [1.0, 1.0]]]
    assert mixup(source, substitute, scalar).tolist() == expected


def test_mixing_a_vector_with_itself_changes_nothing():
    source = torch.randn(3, 5, 7, generator=dice())
    assert torch.allclose(mixup(source, source, draw_ratio("vector", 3, 7, dice())), source)


def test_gradients_flow_to_both_sides():
    one, two = (torch.ones(1, 2, 2, requires_grad=True) for _ in range(2))
    mixup(one, two, torch.tensor([[[0.25, 1.0]]])).sum().backward()
    assert one.grad.tolist() == [[[0.25, 1.0]] * 2] and two.grad.tolist() == [[[0.75, 0.0]] * 2]


def test_ratios_are_uniform_and_seeded():
    vector, scalar = draw_ratio("vector", 400, 50, dice()), draw_ratio("scalar", 400, 50, dice())
    assert vector.shape == (400, 1, 50) and scalar.shape == (400, 1, 1)
    for ratio in (vector, scalar):
        assert ratio.min() >= 0 and ratio.max() <= 1
        counts = torch.histc(ratio, bins=10, min=0, max=1)
        assert chisquare(counts.numpy()).pvalue > 1e-3
    assert len(vector[0].unique()) == 50  # each dimension has its own
    assert torch.equal(vector, draw_ratio("vector", 400, 50, dice()))
    assert not torch.equal(vector, draw_ratio("vector", 400, 50, dice(1)))


def test_options_are_gathered_by_the_token_they_replace():
    data = rows(3, 4, 2)
    found = options(data, [1, 0, 1, 2, 1], [3, 1, 0, 1, 3], [[7], [8], [9], [10], [11]])
    assert found.count.tolist() == [0, 1, 0, 1, 0, 0, 2, 0, 1]
    assert found.start.tolist() == [0, 0, 1, 1, 2, 2, 2, 4, 4]
    assert found.tokens.tolist() == [[8], [9], [7], [11], [10]]


def test_a_token_without_options_keeps_its_id():
    data = rows(3, 2)
    choices = options(data, [0, 1], [1, 0], [[7], [8]])
    for seed in range(20):
        drawn = choices.draw(torch.arange(5), data.ids, dice(seed))
        assert drawn.tolist() == [100, 7, 102, 8, 104]
    nothing = options(data, [], [], np.empty((0, 1)))
    assert nothing.count.tolist() == [0] * 5
    assert torch.equal(nothing.draw(torch.arange(5), data.ids, dice()), data.ids)
    assert torch.equal(code_switch(data, nothing, 1.0, 1.0, dice()), data.ids)


def test_every_option_is_as_likely():
    data = rows(2)
    choices = options(data, [0] * 5, [1] * 5, [[20], [21], [22], [23], [24]])
    at = torch.ones(50, 200, dtype=torch.int64)
    drawn = choices.draw(at, data.ids[at], dice())
    assert drawn.shape == (50, 200)
    counts = np.bincount(drawn.flatten(), minlength=25)
    assert counts[:20].sum() == 0 and chisquare(counts[20:]).pvalue > 1e-3


def test_every_word_of_a_fresh_draw_is_as_likely():
    """A draw picks an option, such as a language, and then one of its words."""
    data = rows(1)
    choices = options(data, [0, 0], [0, 0], [[30, 31, 32, 33], [40, 41, 42, 43]])
    at = torch.zeros(8000, dtype=torch.int64)
    counts = np.bincount(choices.draw(at, data.ids[at], dice()), minlength=44)
    both = np.concatenate([counts[30:34], counts[40:44]])
    assert both.sum() == 8000 and chisquare(both).pvalue > 1e-3


def test_the_largest_random_number_draws_the_last_option(monkeypatch):
    """u × count may round up to count."""
    data = rows(2)
    choices = options(data, [0, 0, 0], [0, 0, 1], [[20], [21], [22]])
    monkeypatch.setattr(torch, "rand", lambda shape, generator: torch.ones(shape))
    assert choices.draw(torch.arange(2), data.ids, dice()).tolist() == [21, 22]


def test_draws_are_seeded():
    data = rows(*[4] * 50)
    choices = options(data, np.repeat(np.arange(50), 3), [1, 1, 2] * 50, np.arange(150)[:, None])
    draw = [choices.draw(torch.arange(200), data.ids, dice(s)).tolist() for s in (0, 0, 1)]
    assert draw[0] == draw[1] != draw[2]


LENGTHS = [3, 5, 4, 6] * 500


@pytest.fixture(scope="module")
def switched():
    """Every second token has two options; 2,000 instances, switched at rates 0.5 and 0.3."""
    data = rows(*LENGTHS)
    row = np.repeat(np.arange(len(LENGTHS)), LENGTHS)
    position = np.arange(len(row)) - data.start.numpy()[row]
    has = position % 2 == 1
    where, at = np.repeat(row[has], 2), np.repeat(position[has], 2)
    choices = options(data, where, at, np.tile([1, 2], has.sum())[:, None])
    return data, row, has, choices, code_switch(data, choices, 0.5, 0.3, dice()).numpy()


def test_code_switching_keeps_lengths_and_what_has_no_options(switched):
    data, _, has, _, found = switched
    assert found.shape == data.ids.shape and found.dtype == data.ids.numpy().dtype
    assert (found[~has] == data.ids.numpy()[~has]).all()
    assert set(found[found < 100]) == {1, 2}


def near(hits, trials, rate):
    return binomtest(int(hits), int(trials), rate).pvalue > 1e-3


def test_code_switching_happens_at_its_rates(switched):
    data, row, has, _, found = switched
    changed = found < 100
    count = np.bincount(row, changed)
    eligible = np.bincount(row, has)
    # An instance that was chosen may still keep all its words.
    chosen = 0.5 * (1 - 0.7**eligible)
    assert near((count > 0).sum(), len(count), chosen.mean())
    for k in (1, 2, 3):
        these = eligible == k
        assert near((count[these] > 0).sum(), these.sum(), chosen[these][0])
    assert abs(changed[has].mean() - 0.15) < 0.02  # words of one instance hang together
    assert near((found == 1).sum(), changed.sum(), 0.5)
    # All of three words in a row: half of the instances, then 0.3 each.
    three = eligible == 3
    assert near((count[three] == 3).sum(), three.sum(), 0.5 * 0.3**3)


@pytest.mark.parametrize(
    ("instance_rate", "token_rate", "share"), [(0, 1, 0), (1, 0, 0), (1, 1, 1)]
)
def test_the_ends_of_the_rates(switched, instance_rate, token_rate, share):
    data, _, has, choices, _ = switched
    found = code_switch(data, choices, instance_rate, token_rate, dice()).numpy()
    assert (found[has] < 100).mean() == share


def test_code_switching_is_seeded(switched):
    data, _, _, choices, found = switched
    assert (code_switch(data, choices, 0.5, 0.3, dice()).numpy() == found).all()
    assert (code_switch(data, choices, 0.5, 0.3, dice(1)).numpy() != found).any()

"""Equal steps of full batches, whatever the size of the data."""

import pytest
import torch
from torch import nn

from salt_lib.errors import SaltError
from salt_lib.laboratory.intermediate import steps
from salt_lib.laboratory.intermediate.steps import Steps, full_batches, passes, train


def dice(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("size", [1, 3, 7, 10, 25])
def test_passes_are_whole_but_for_the_last(size):
    rows = passes(size, 20, dice())
    assert len(rows) == 20
    for low in range(0, 20 - size + 1, size):
        assert sorted(rows[low : low + size].tolist()) == list(range(size))
    counts = torch.bincount(rows, minlength=size)
    assert counts.max() - counts.min() <= 1
    assert torch.equal(rows, passes(size, 20, dice()))


@pytest.mark.parametrize("size", [5, 64, 1000])
def test_there_are_as_many_full_batches_as_steps(size):
    lengths, how = torch.arange(size) % 9 + 3, Steps(6, 8, 1e-3)
    found = list(full_batches(lengths, how, dice()))
    assert [len(rows) for rows in found] == [8] * 6
    assert sorted(torch.cat(found).tolist()) == sorted(passes(size, 48, dice()).tolist())


def test_training_learns_and_tells_its_losses():
    torch.manual_seed(0)
    model, data = nn.Linear(2, 1), torch.randn(64, 2)
    target = data @ torch.tensor([[1.0], [-2.0]])
    how = Steps(200, 8, 0.05)

    def loss(rows):
        return (model(data[rows]) - target[rows]).square().mean()

    losses = train(model, full_batches(torch.ones(64), how, dice()), loss, how)
    assert len(losses) == steps.PARTS and losses[-1] < 0.01 < losses[0]


def test_what_can_not_be_trained_is_an_error():
    with pytest.raises(SaltError, match="no example to train on"):
        passes(0, 4, dice())
    for wrong in ((0, 8), (8, 0)):
        with pytest.raises(SaltError, match="at least one is needed"):
            Steps(*wrong, 1e-3)
    model = nn.Linear(1, 1)
    with pytest.raises(SaltError, match="loss is nan in step 1; lower the learning rate"):
        nan = lambda rows: model(torch.ones(1, 1)).sum() * torch.nan  # noqa: E731
        train(model, [torch.arange(1)], nan, Steps(1, 1, 1e-3))

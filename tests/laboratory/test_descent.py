"""A step of training goes down the gradient, as far as it may, and says when it can't."""

import pytest
import torch
from torch import nn

from salt_lib.errors import SaltError
from salt_lib.laboratory.descent import descend


def line():
    model = nn.Linear(2, 1, bias=False)
    nn.init.zeros_(model.weight)
    return model, torch.optim.SGD(model.parameters(), lr=0.5)


@pytest.mark.parametrize("clip,norm", [(None, 5.0), (10.0, 5.0), (1.0, 1.0)])
def test_a_step_is_the_rate_times_the_clipped_gradient(clip, norm):
    model, optimizer = line()
    for _ in range(2):  # gradients of one step are not left for the next
        before = model.weight.detach().clone()
        loss = model(torch.tensor([[3.0, 4.0]])).sum()
        descend(loss, model, optimizer, "here", 1, clip)
        moved = (before - model.weight).detach()
        assert moved[0].tolist() == pytest.approx([0.5 * norm * 0.6, 0.5 * norm * 0.8], rel=1e-4)


def test_a_loss_that_is_no_number_moves_nothing():
    model, optimizer = line()
    with pytest.raises(SaltError, match="salt, seed 3: the loss is nan in step 7; lower.* 0.5"):
        descend(model.weight.sum() * torch.nan, model, optimizer, "salt, seed 3", 7)
    assert not model.weight.any()

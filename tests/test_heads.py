"""AIF and DLFA: exact values by hand, padding that changes nothing, gradients, errors."""

import pytest
import torch

from salt_lib.errors import SaltError
from salt_lib.heads import AttentionalInformationFusion as Fusion
from salt_lib.heads import Branch
from salt_lib.heads import DoubleLayerFeatureAggregation as Aggregation

INSIDE = torch.tensor([[1, 1, 1], [1, 1, 0]], dtype=torch.bool)


def plain(module):
    """Evaluation mode with identity products: what a branch gives can be worked out by hand."""
    for branch in (m for m in module.modules() if isinstance(m, Branch)):
        for linear in (branch.squeeze, branch.expand):
            torch.nn.init.eye_(linear.weight)
            torch.nn.init.zeros_(linear.bias)
        for norm in (branch.squeezed, branch.expanded):
            norm.eps = 0.0
    return module.eval()


def states(seed=0, rows=2, length=3, width=8):
    return torch.randn(rows, length, width, generator=torch.Generator().manual_seed(seed))


def test_aif_by_hand():
    # One sentence of two tokens, width 2: the means are (2, 0); with identities a branch is a ReLU.
    said = torch.tensor([[[1.0, -4.0], [3.0, 4.0]]])
    inside = torch.ones(1, 2, dtype=torch.bool)
    sums = torch.tensor([[[1.0 + 2, 0 + 0], [3 + 2, 4 + 0]]])
    sigmoid = plain(Fusion(2, 1, "sigmoid"))
    assert torch.allclose(sigmoid(said, inside), torch.sigmoid(sums))
    literal = plain(Fusion(2, 1, "literal"))
    assert torch.allclose(literal(said, inside), said * torch.sigmoid(sums))


def test_dlfa_by_hand():
    lower, last = torch.tensor([[[0.0, 2.0]]]), torch.tensor([[[2.0, 4.0]]])
    inside = torch.ones(1, 1, dtype=torch.bool)
    share = torch.sigmoid(torch.tensor([[[2.0, 6.0]]]))  # the mean (1, 3), twice
    fused = plain(Aggregation(2, 1, "sigmoid"))(lower, last, inside)
    assert torch.allclose(fused, lower * share + last * (1 - share))
    weights = torch.tensor([[[1.0, 3.0]]]) * share
    fused = plain(Aggregation(2, 1, "literal"))(lower, last, inside)
    assert torch.allclose(fused, lower * weights + last * (1 - weights))


@pytest.mark.parametrize("gate", ["literal", "sigmoid"])
def test_equal_layers_stay_what_they_are(gate):
    said = states()
    fused = Aggregation(8, 2, gate)(said, said, INSIDE)
    assert torch.allclose(fused[INSIDE], said[INSIDE], atol=1e-6)


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_padding_changes_nothing(mode):
    torch.manual_seed(0)
    one, two = (getattr(Aggregation(8, 2, "sigmoid"), mode)() for _ in range(2))
    two.load_state_dict(one.state_dict())
    lower, last = states(1), states(2)
    wide = [torch.cat([x, 1e4 * states(3, length=2)], dim=1) for x in (lower, last)]
    inside = torch.cat([INSIDE, torch.zeros(2, 2, dtype=torch.bool)], dim=1)
    junk = lower.masked_fill(~INSIDE[..., None], 77.0)
    narrow = one(lower, last, INSIDE)
    assert torch.equal(narrow[INSIDE], two(*wide, inside)[inside])
    for name, value in one.state_dict().items():  # the running statistics too
        assert torch.equal(value, two.state_dict()[name])
    assert torch.allclose(narrow[INSIDE], one(junk, last, INSIDE)[INSIDE], atol=1e-5)


def test_shapes_ranges_and_gradients():
    model = Aggregation(8, 4, "sigmoid")
    lower, last = states(1).requires_grad_(), states(2).requires_grad_()
    share = model.weights(lower, last, INSIDE)
    assert share.shape == (2, 3, 8) and 0 < share[INSIDE].min() and share[INSIDE].max() < 1
    assert not share[~INSIDE].any()
    model(lower, last, INSIDE)[INSIDE].pow(2).sum().backward()
    assert lower.grad[INSIDE].abs().min() > 0 and last.grad[INSIDE].abs().min() > 0
    # What stands before a normalisation has no use for a bias.
    grads = {name: p.grad.abs().max() for name, p in model.named_parameters()}
    assert all(g > 0 for name, g in grads.items() if name.endswith("weight"))
    assert model.fusion.here.squeeze.weight.shape == (2, 8)


def test_errors():
    with pytest.raises(SaltError, match="unknown gate 'relu'; known: literal, sigmoid"):
        Fusion(8, gate="relu")
    with pytest.raises(SaltError, match="reduction 9: it is from 1 to the width, 8"):
        Fusion(8, 9)
    with pytest.raises(SaltError, match="a batch of one sentence has no batch statistics"):
        Fusion(8)(states(rows=1), torch.ones(1, 3, dtype=torch.bool))
    assert Fusion(8).eval()(states(rows=1), torch.ones(1, 3, dtype=torch.bool)).isfinite().all()

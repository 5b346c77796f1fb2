"""AIF and DLFA: exact values by hand, padding that changes nothing, gradients, errors."""

import pytest
import small
import torch
from small import WORLD
from transformers import AutoModelForSequenceClassification, RobertaConfig
from transformers import RobertaForSequenceClassification as Roberta

from salt_lib.errors import SaltError
from salt_lib.laboratory import checkpoints
from salt_lib.models import classifiers, encoding, loading
from salt_lib.models.fusion import AttentionalInformationFusion as Fusion
from salt_lib.models.fusion import Branch, Fused
from salt_lib.models.fusion import DoubleLayerFeatureAggregation as Aggregation

TAGS = "mini-ner"
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


def test_gates_reductions_and_batches_that_can_not_be():
    with pytest.raises(SaltError, match="unknown gate 'relu'; known: literal, sigmoid"):
        Fusion(8, gate="relu")
    with pytest.raises(SaltError, match="reduction 9: it is from 1 to the width, 8"):
        Fusion(8, 9)
    with pytest.raises(SaltError, match="a batch of one sentence has no batch statistics"):
        Fusion(8)(states(rows=1), torch.ones(1, 3, dtype=torch.bool))
    assert Fusion(8).eval()(states(rows=1), torch.ones(1, 3, dtype=torch.bool)).isfinite().all()


# Between encoder and classifier


@pytest.fixture(scope="module")
def small_laboratory(laboratory):
    return laboratory


def classifier(layer=0, seed=0, tagged=False, gate="literal", labels=3):
    folder = checkpoints.checkpoint(WORLD)
    return classifiers.classifier(folder, labels, seed, 0.0, tagged, layer, gate)


def some(name="mini-xnli", split="dev"):
    data = small.encoded(split, name)
    at, inside = encoding.positions(data, torch.arange(6))
    ids = data.ids[at].where(inside, 0)
    segments = data.segments[at].where(inside, 0)
    return ids, {"attention_mask": inside, "token_type_ids": segments}


def test_of_a_seed_the_head_is_the_baselines(small_laboratory):
    for tagged in (False, True):
        fused, plain = classifier(seed=3, tagged=tagged), classifier(None, 3, tagged)
        for name, value in plain.state_dict().items():
            assert torch.equal(value, fused.state_dict()[f"model.{name}"])
        again, other = classifier(seed=3, tagged=tagged), classifier(seed=4, tagged=tagged)
        first = "fusion.fusion.here.squeeze.weight"
        assert torch.equal(again.state_dict()[first], fused.state_dict()[first])
        assert not torch.equal(other.state_dict()[first], fused.state_dict()[first])


def test_where_nothing_is_taken_of_the_lower_layer_it_is_the_plain_classifier(small_laboratory):
    ids, given = some()
    model = classifier(gate="sigmoid").eval()
    plain = classifier(None).eval()
    expected = plain(ids, **given).logits
    assert not torch.allclose(model(ids, **given).logits, expected, atol=1e-3)
    for branch in (model.fusion.fusion.everywhere, model.fusion.fusion.here):
        torch.nn.init.zeros_(branch.expanded.weight)
        torch.nn.init.constant_(branch.expanded.bias, -50.0)
    assert torch.allclose(model(ids, **given).logits, expected, atol=1e-5)
    for branch in (model.fusion.fusion.everywhere, model.fusion.fusion.here):
        torch.nn.init.constant_(branch.expanded.bias, 50.0)  # and now all of it
    states = plain.base_model.embeddings(ids, given["token_type_ids"])
    expected = plain.classifier(plain.base_model.pooler(states))
    assert torch.allclose(model(ids, **given).logits, expected, atol=1e-5)


def test_padding_and_labels_of_the_fused_classifier(small_laboratory):
    ids, given = some(TAGS)
    model = classifier(tagged=True, labels=5).eval()
    logits = model(ids, **given).logits
    more = {name: torch.nn.functional.pad(value, (0, 3)) for name, value in given.items()}
    wide = model(torch.nn.functional.pad(ids, (0, 3)), **more).logits
    inside = given["attention_mask"]
    assert torch.allclose(wide[:, : ids.shape[1]][inside], logits[inside], atol=1e-5)
    labels = torch.full_like(ids, encoding.IGNORE)
    labels[0, 1], labels[2, 3] = 4, 1
    loss = model(ids, labels=labels, **given).loss
    two = logits[[0, 2], [1, 3]].log_softmax(dim=1)[[0, 1], [4, 1]]
    assert torch.allclose(loss, -two.mean())
    embeds = model.get_input_embeddings()(ids)
    assert torch.allclose(model(inputs_embeds=embeds, **given).logits, logits, atol=1e-5)


def test_a_head_that_pools_itself():
    """XLM-R's head for sentences reads all states, and takes the first."""
    config = RobertaConfig(
        vocab_size=20,
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        num_labels=2,
    )
    model = Fused(Roberta(config), 1, "sigmoid").eval()
    ids = torch.tensor([[5, 6, 7], [8, 9, 1]])
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]])
    found = model(ids, attention_mask=mask, labels=torch.tensor([0, 1]))
    lower, last = model.layers(ids, mask)
    assert torch.allclose(found.logits, model.model.classifier(model.fusion(lower, last, mask)))
    assert found.loss.isfinite() and found.logits.shape == (2, 2)


def test_layers_that_are_not_there(small_laboratory):
    with pytest.raises(SaltError, match=r"layer 1 can't be fused .* 1: it has the lower layers 0 "):
        classifier(1)
    with pytest.raises(SaltError, match="layer -1 can't be fused"):
        Fused(AutoModelForSequenceClassification.from_pretrained(checkpoints.checkpoint(WORLD)), -1)
    with pytest.raises(
        SaltError,
        match="MaskedLM has no classifier that we know",
    ):
        Fused(loading.masked_lm(checkpoints.checkpoint(WORLD)), 0)

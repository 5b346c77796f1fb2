"""Each criterion takes exactly what it should on a toy, and reads no label."""

import math

import pytest
import small
import torch

from salt_lib.errors import SaltError
from salt_lib.laboratory.intermediate import choices, examples
from salt_lib.laboratory.intermediate.choices import Scouted, chosen, k_centre
from salt_lib.models import classifiers

TOY = Scouted(
    uncertainty=torch.tensor([0.1, 0.6, 0.6, 0.3]),
    gradient=torch.tensor([2.0, 0.5, 1.0, 3.0]),
    vectors=torch.tensor([[0.0], [1.0], [2.0], [10.0]]),
)


def test_entropy_is_in_nats():
    found = choices.entropy(torch.tensor([[0.5, 0.5], [1.0, 0.0]]))
    assert found.tolist() == pytest.approx([math.log(2), 0.0])


def test_the_gradient_is_autograd_s():
    torch.manual_seed(0)
    layer, words = torch.nn.Linear(5, 3), torch.randn(4, 5)
    logits = layer(words)
    torch.nn.functional.cross_entropy(logits, logits.argmax(1)).backward()
    found = choices.gradient_length(logits.detach().softmax(1), words)
    assert float(found) == pytest.approx(float(layer.weight.grad.norm()), rel=1e-5)


def test_k_centre_begins_in_the_middle_and_goes_to_the_farthest():
    points = torch.tensor([[0.0, 0.0], [4.0, 0.0], [5.0, 0.0], [9.0, 0.0], [9.5, 0.0]])
    assert k_centre(points, 3).tolist() == [2, 0, 4]  # the mean is 5.5
    assert sorted(k_centre(points, 5).tolist()) == [0, 1, 2, 3, 4]
    assert sorted(k_centre(torch.ones(3, 2), 3).tolist()) == [0, 1, 2]  # all alike


def test_each_criterion_takes_the_first_by_its_value():
    assert chosen("random", TOY, 2).tolist() == [0, 1]
    assert chosen("uncertain", TOY, 3).tolist() == [1, 2, 3]  # of equals the first
    assert chosen("gradient", TOY, 2).tolist() == [3, 0]
    assert chosen("k-centre", TOY, 2).tolist() == [2, 3]


@pytest.mark.parametrize(
    ("choice", "count", "message"),
    [
        ("longest", 2, "unknown choice of examples 'longest'"),
        ("uncertain", 5, "5 examples to choose among 4 candidates"),
        ("gradient", 0, "0 examples"),
    ],
)
def test_what_can_not_be_chosen_is_an_error(choice, count, message):
    with pytest.raises(SaltError, match=message):
        chosen(choice, TOY, count)
    with pytest.raises(SaltError, match="5 centres among 4"):
        k_centre(TOY.vectors, 5)


@pytest.mark.parametrize("name", examples.TASKS)
def test_a_scout_says_what_the_model_says_and_reads_no_label(laboratory, monkeypatch, name):
    small.shrink_intermediate(monkeypatch.setattr)
    data, rows = examples.stock(small.WORLD, name, "all"), torch.tensor([30, 5, 100, 7])
    labels = 9 if data.tags else 2
    model = classifiers.classifier(
        small.SETUP.checkpoint, labels, 0, 0.0, tagged=bool(data.tags)
    ).eval()
    found = choices.scout(model, data, rows)
    mixed = examples.shuffled(data, rows, torch.zeros(4), 1)
    again = choices.scout(model, mixed, rows)
    for field, other in zip(found, again, strict=True):
        assert torch.equal(field, other)
    one = data.row(5)[None]
    segments = data.segments[data.start[5] : data.start[6]][None]
    with torch.inference_mode():
        p = model(one, token_type_ids=segments).logits.softmax(-1)[0]
    if data.tags:
        p = p[data.labels[data.start[5] : data.start[6]] != -100]
    assert float(found.uncertainty[1]) == pytest.approx(float(choices.entropy(p).mean()), rel=1e-3)
    assert found.vectors.shape == (4, 32) and (found.gradient > 0).all()
    small.forget()

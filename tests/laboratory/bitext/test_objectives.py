"""Every loss on arrays that were worked out by hand."""

import math

import pytest
import torch
from torch import tensor

from salt_lib.errors import SaltError
from salt_lib.laboratory.bitext import objectives
from salt_lib.laboratory.bitext.links import NONE, NUMBERS, Bitext
from salt_lib.pretraining.data import Text
from salt_lib.pretraining.recipe import Recipe
from salt_lib.pretraining.wordpiece import CLS, PAD, SEP

EN, DE = NUMBERS["en"], NUMBERS["de"]
DOG, CAT, BIG, HUND, KATZE = range(10, 15)


class Head(torch.nn.Module):
    """A masked-language head whose logits are the states themselves, (n, 20)."""

    def __init__(self):
        super().__init__()
        self.decoder = torch.nn.Linear(20, 20)
        with torch.no_grad():
            self.decoder.weight.copy_(torch.eye(20))
            self.decoder.bias.zero_()
        self.transform = torch.nn.Identity()


@pytest.fixture
def batch():
    """dog big / Hund, linked; cat / Katze, linked."""
    ids = tensor([[[DOG, BIG, PAD], [CAT, PAD, PAD]], [[HUND, PAD, PAD], [KATZE, PAD, PAD]]])
    language = torch.full_like(ids, EN)
    language[1] = DE
    link = tensor([[[0, NONE, NONE], [0, NONE, NONE]], [[0, NONE, NONE], [0, NONE, NONE]]])
    return Bitext(tensor([DE, DE]), ids, tensor([[2, 1], [1, 1]]), language, link)


PIECES = [tensor([DOG]) for _ in NUMBERS]
PIECES[EN], PIECES[DE] = tensor([DOG, CAT, BIG]), tensor([HUND, KATZE])


def test_pairs_are_read_as_one_or_apart(batch):
    ids, language, segments = objectives.together(batch)
    assert ids.tolist() == [
        [CLS, DOG, BIG, SEP, HUND, SEP],
        [CLS, CAT, SEP, KATZE, SEP, PAD],
    ]
    assert segments.tolist() == [[0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 0]]
    assert (language == DE).nonzero().tolist() == [[0, 4], [1, 3]]
    ids, language = objectives.apart(batch)
    assert ids.tolist() == [
        [CLS, DOG, BIG, SEP],
        [CLS, CAT, SEP, PAD],
        [CLS, HUND, SEP, PAD],
        [CLS, KATZE, SEP, PAD],
    ]
    assert language[2, 1] == DE and language[0, 1] == EN


def states_of(ids):
    return torch.zeros(*ids.shape, 20)


def test_a_linked_piece_predicts_its_partner_among_its_language(batch):
    ids, language = objectives.apart(batch)
    states, chosen = states_of(ids), torch.zeros_like(ids, dtype=torch.bool)
    states[0, 1, HUND] = 2.0  # of dog: 2 for Hund, 0 for Katze
    found = objectives.exchange(Head(), states, batch, ids, language, chosen, PIECES)
    # dog → Hund of two; cat → Katze of two, 50:50; both back, of three pieces, all alike.
    want = (math.log(1 + math.exp(-2)) + math.log(2) + 2 * math.log(3)) / 4
    assert found.item() == pytest.approx(want, abs=1e-6)


def test_a_hidden_piece_predicts_no_partner_but_is_predicted(batch):
    ids, language = objectives.apart(batch)
    states, chosen = states_of(ids), torch.zeros_like(ids, dtype=torch.bool)
    chosen[0, 1] = chosen[1, 1] = True  # dog and cat
    found = objectives.exchange(Head(), states, batch, ids, language, chosen, PIECES)
    assert found.item() == pytest.approx(math.log(3), abs=1e-6)
    chosen[:] = True
    found = objectives.exchange(Head(), states, batch, ids, language, chosen, PIECES)
    assert found.item() == 0


def test_info_nce_by_hand():
    one = tensor([[1.0, 0.0], [0.0, 2.0]])
    found = objectives.info_nce(one, one, tensor([1, 2]), tensor([3, 4]), scale=0.5)
    assert found.item() == pytest.approx(math.log(1 + math.exp(-2)), abs=1e-6)
    crossed = objectives.info_nce(one, one.flip(0), tensor([1, 2]), tensor([3, 4]), scale=0.5)
    assert crossed.item() == pytest.approx(2 + math.log(1 + math.exp(-2)), abs=1e-6)


def test_links_with_a_piece_in_common_are_no_negatives():
    one = torch.eye(3)
    pieces = tensor([1, 1, 2]), tensor([3, 4, 5])  # dog Hund, dog chien, cat Katze
    found = objectives.info_nce(one, one, *pieces, scale=1.0)
    # The first two compete with the third alone, the third with both.
    first, third = math.log(1 + math.exp(-1)), math.log(1 + 2 * math.exp(-1))
    assert found.item() == pytest.approx((2 * first + third) / 3, abs=1e-6)


def test_the_contrast_takes_links_of_which_neither_is_hidden(batch):
    ids, _ = objectives.apart(batch)
    states, chosen = states_of(ids), torch.zeros_like(ids, dtype=torch.bool)
    for row, axis in ((0, 0), (2, 0), (1, 1), (3, 1)):
        states[row, 1, axis] = 1.0
    found = objectives.contrast(states, batch, ids, chosen)
    scale = 1 / objectives.TEMPERATURE
    assert found.item() == pytest.approx(math.log(1 + math.exp(-scale)), abs=1e-6)
    chosen[3, 1] = True  # one link is left: nothing to tell it from
    assert objectives.contrast(states, batch, ids, chosen).item() == 0


class Model(torch.nn.Module):
    """A BERT whose states are all zero, so that all pieces of a language are alike."""

    def __init__(self):
        super().__init__()
        self.cls = torch.nn.Module()
        self.cls.predictions = Head()

    def bert(self, ids, **_):
        return type("Output", (), {"last_hidden_state": states_of(ids)})


@pytest.mark.parametrize("objective", ["masked", *objectives.OBJECTIVES])
def test_hidden_pieces_compete_with_those_of_their_language(batch, objective):
    text = Text(tensor([[0]]), tensor([1]), {}, 3, PIECES)
    recipe = Recipe(mask_rate=1.0)  # all are hidden, and no link is seen
    dice = torch.Generator().manual_seed(0)
    found = objectives.loss(objective, Model(), batch, text, recipe, dice)
    assert found.item() == pytest.approx((3 * math.log(3) + 2 * math.log(2)) / 5, abs=1e-6)


def test_each_part_has_weight_one(batch, monkeypatch):
    text = Text(tensor([[0]]), tensor([1]), {}, 3, PIECES)
    monkeypatch.setattr(objectives, "exchange", lambda *_: tensor(5.0))
    dice = torch.Generator().manual_seed(0)
    for objective, more in (("exchange", 5), ("masked", 0)):
        found = objectives.loss(objective, Model(), batch, text, Recipe(mask_rate=1.0), dice)
        hidden = (3 * math.log(3) + 2 * math.log(2)) / 5
        assert found.item() == pytest.approx(more + hidden, abs=1e-6)
    with pytest.raises(SaltError, match="unknown objective 'weam'; known: masked, tlm, exch"):
        objectives.loss("weam", Model(), batch, text, Recipe(), dice)

"""The controls are what they say, and the losses and scores have exact values."""

import pytest
import small
import torch
from torch.nn.functional import cross_entropy

from salt_lib.errors import SaltError
from salt_lib.laboratory.intermediate import matching, tellings
from salt_lib.laboratory.intermediate.matching import Matcher, choice_of_two, presented, shown
from salt_lib.models import loading


@pytest.fixture(scope="module", autouse=True)
def made(laboratory):
    with pytest.MonkeyPatch.context() as patch:
        small.shrink_intermediate(patch.setattr)
        yield
    small.forget()


@pytest.fixture(scope="module", name="said")
def captions_said(made):
    return tellings.tellings(small.WORLD, "all", 40)


def test_own_pictures_stay_and_one_for_all_tells_nothing():
    vectors = torch.randn(10, 2, 4)
    assert torch.equal(shown(vectors, "own", 3), vectors)
    blank = shown(vectors, "blank", 3)
    assert blank.shape == vectors.shape and torch.equal(blank, blank[:1, :1].expand_as(vectors))
    assert torch.allclose(blank[0, 0], vectors.mean(dim=(0, 1)))


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_pictures_are_all_there_and_none_is_its_own(seed):
    vectors = torch.arange(11.0)[:, None, None].expand(11, 2, 3)
    mixed = shown(vectors, "shuffled", seed)[:, 0, 0]
    assert sorted(mixed.tolist()) == list(range(11))
    assert (mixed != torch.arange(11)).all()
    assert torch.equal(mixed, shown(vectors, "shuffled", seed)[:, 0, 0])
    assert not torch.equal(mixed, shown(vectors, "shuffled", seed + 1)[:, 0, 0])


def test_pictures_of_another_kind_are_an_error():
    with pytest.raises(SaltError, match="unknown kind of pictures 'upside down'"):
        shown(torch.zeros(4, 1, 2), "upside down", 0)
    with pytest.raises(SaltError, match="1 picture: to shuffle them"):
        shown(torch.zeros(1, 1, 2), "shuffled", 0)


def test_presentations_have_partners_side_by_side_and_each_fact_as_often():
    order = presented(8, 32, 3, seed=1)
    assert torch.equal(order.fact[::2] ^ 1, order.fact[1::2])
    assert torch.bincount(order.fact).tolist() == [4] * 8
    assert set(order.telling.tolist()) == {0, 1} and set(order.variant.tolist()) == {0, 1, 2}
    again, other = presented(8, 32, 3, seed=1), presented(8, 32, 3, seed=2)
    assert all(torch.equal(a, b) for a, b in zip(order, again, strict=True))
    assert not torch.equal(order.fact, other.fact)
    part = order.part(torch.tensor([2, 0]))
    assert part.fact.tolist() == order.fact[[4, 5, 0, 1]].tolist()


def test_a_choice_of_two_counts_equals_half():
    own, other = torch.tensor([0.9, 0.1, 0.5, 0.5]), torch.tensor([0.1, 0.9, 0.5, 0.4])
    assert choice_of_two(own, other) == pytest.approx((1 + 0 + 0.5 + 1) / 4)


def test_the_loss_is_info_nce_by_hand(said):
    model, now = Matcher(small.SETUP.checkpoint, 0), presented(40, 8, 2, 0)
    pictures = torch.nn.functional.normalize(torch.randn(40, 2, 128), dim=-1)
    texts = model.tell(said, now.fact, now.telling)
    for others, given in (
        (pictures[now.fact, now.variant], pictures),
        (model.tell(said, now.fact, 1 - now.telling), None),
    ):
        logits = 14.3 * others @ texts.T
        target = torch.arange(8)
        by_hand = (cross_entropy(logits, target) + cross_entropy(logits.T, target)) / 2
        assert model.loss(said, now, given).item() == pytest.approx(by_hand.item(), rel=1e-4)


def test_facts_without_a_picture_are_an_error(said):
    model = Matcher(small.SETUP.checkpoint, 0)
    with pytest.raises(SaltError, match="40 facts, 39 of them with a picture"):
        model.loss(said, presented(40, 8, 1, 0), torch.zeros(39, 1, 128))


def test_one_picture_for_all_is_guessed_at_chance_and_the_text_s_own_vector_is_not(said):
    model = Matcher(small.SETUP.checkpoint, 0)
    every = torch.arange(len(said))
    same = shown(torch.randn(40, 1, 128), "blank", 0)[:, 0]
    assert matching.matched(model, said, same) == pytest.approx(0.5, abs=1e-9)
    own = model.tell(said, every, torch.zeros_like(every)).detach()
    assert matching.matched(model, said, own) > 0.9


def test_a_language_s_pieces_are_those_of_its_captions(said):
    allowed = matching.pieces(small.SETUP.checkpoint)
    special = set(loading.tokenizer(small.SETUP.checkpoint).all_special_ids)
    for i in range(len(said)):
        for j in range(2):
            ids = set(said.single.row(2 * i + j).tolist()) - special
            assert allowed[said.language[i], sorted(ids)].all()
    assert not allowed.all(dim=1).any()


def test_hidden_words_compete_with_those_of_their_language(said):
    model = loading.masked_lm(small.SETUP.checkpoint)
    allowed = matching.pieces(small.SETUP.checkpoint)
    rows, language = torch.arange(20), torch.as_tensor(said.language).repeat_interleave(2)[:20]
    dice = torch.Generator().manual_seed(0)
    logits, right = matching.hidden_words(model, said.single, rows, allowed[language], dice)
    assert len(logits) == len(right) > 10 and logits.shape[1] == allowed.shape[1]
    assert torch.isfinite(logits.gather(1, right[:, None])).all()
    assert ((logits > -torch.inf).sum(1) < allowed.shape[1] / 2).all()
    total = sum(len(said.single.row(i)) - 2 for i in range(20))
    assert len(right) / total == pytest.approx(matching.MASK_RATE, abs=0.15)


def test_the_loss_of_hidden_words_is_their_mean_cross_entropy(said):
    model = loading.masked_lm(small.SETUP.checkpoint)
    allowed, now = matching.pieces(small.SETUP.checkpoint), presented(40, 8, 2, 0)
    loss = matching.hidden_loss(model, said, now, allowed, torch.Generator().manual_seed(5))
    language = torch.as_tensor(said.language)[now.fact]
    found = matching.hidden_words(
        model,
        said.single,
        2 * now.fact + now.telling,
        allowed[language],
        torch.Generator().manual_seed(5),
    )
    assert loss.item() == pytest.approx(cross_entropy(*found).item())
    assert 0 <= matching.guessed(model, said, allowed) <= 1

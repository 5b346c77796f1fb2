"""Tasks on captions see the same tellings in the same order, and leave an encoder's weights."""

from dataclasses import replace

import pytest
import small
import torch

from salt_lib.errors import SaltError
from salt_lib.laboratory.intermediate import on_captions
from salt_lib.laboratory.intermediate.conditions import CONDITIONS
from salt_lib.laboratory.intermediate.steps import PARTS, Steps
from salt_lib.models import loading

HOW = Steps(10, 8, 1e-3)
NAMES = ("masked-text-all", "paraphrase-all", "matching-all", "matching-shuffled-all")


@pytest.fixture(scope="module", autouse=True)
def made(laboratory):
    with pytest.MonkeyPatch.context() as patch:
        small.shrink_intermediate(patch.setattr)
        yield
    small.forget()


def trained(name, seed=0, how=HOW):
    return on_captions.train_on_captions(
        small.WORLD, replace(CONDITIONS[name], facts=40), seed, how
    )


@pytest.fixture(scope="module")
def found():
    return {name: trained(name) for name in (*NAMES, "matching-blank-all")}


def test_every_task_changes_the_encoder_and_no_two_alike(found):
    before = loading.masked_lm(small.SETUP.checkpoint).base_model.state_dict()
    key = "encoder.layer.0.attention.self.query.weight"
    every = [before[key], *(one.weights[key] for one in found.values())]
    for i, one in enumerate(every):
        assert all(not torch.equal(one, other) for other in every[:i])
    for one in found.values():
        assert set(one.weights) == set(before)
        assert len(one.about["losses"]) == PARTS and 0 <= one.about["dev"] <= 1


def test_all_tasks_of_a_seed_are_shown_the_same(monkeypatch):
    seen, plain = [], on_captions.presented
    monkeypatch.setattr(
        on_captions, "presented", lambda *given: seen.append(plain(*given)) or seen[-1]
    )
    for name in NAMES:
        trained(name, seed=3)
    assert len(seen) == 4 and len(seen[0].fact) == HOW.steps * HOW.batch
    for other in seen[1:]:
        assert all(torch.equal(a, b) for a, b in zip(seen[0], other, strict=True))


def test_a_run_is_the_same_twice_and_another_seed_is_another(found):
    again, other = trained("masked-text-all"), trained("masked-text-all", seed=1)
    assert again.about == found["masked-text-all"].about
    assert other.about["losses"] != again.about["losses"]


def test_one_picture_for_all_teaches_no_match(found):
    """Its loss stays that of a guess among the batch, while own pictures' falls below it."""
    guess = torch.tensor(float(HOW.batch)).log()
    assert min(found["matching-blank-all"].about["losses"]) > guess - 0.05


def test_batches_of_half_pairs_are_an_error():
    with pytest.raises(SaltError, match="batches of 7: facts come in pairs"):
        trained("matching-all", how=Steps(2, 7, 1e-3))

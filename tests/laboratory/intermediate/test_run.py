"""A run carries the encoder over and fine-tunes it; without a task it is the laboratory's own."""

from dataclasses import replace

import pytest
import small
import torch

from salt_lib.errors import SaltError
from salt_lib.laboratory import run as laboratory_run
from salt_lib.laboratory.intermediate import run
from salt_lib.laboratory.intermediate.conditions import CONDITIONS
from salt_lib.laboratory.intermediate.steps import Steps
from salt_lib.languages import XNLI_LANGUAGES
from salt_lib.models import classifiers

HOW = Steps(6, 8, 1e-3)


@pytest.fixture(scope="module", autouse=True)
def made(laboratory):
    with pytest.MonkeyPatch.context() as patch:
        small.shrink_intermediate(patch.setattr)
        yield
    small.forget()


def made_by(name, number=0, method="baseline"):
    row = replace(CONDITIONS[name], facts=40, count=5)
    return run.train(small.WORLD, row, method, number, config=small.CONFIG, how=HOW)


def test_a_number_is_a_draw_and_a_seed():
    assert run.number(3, 14) == 314 and run.draw_and_seed(314) == (3, 14)
    assert run.draw_and_seed(run.number(0, 7)) == (0, 7)
    for draw, seed in ((0, 100), (-1, 0), (0, -1)):
        with pytest.raises(SaltError, match="seeds lie between 0 and 99"):
            run.number(draw, seed)


@pytest.mark.parametrize("method", ["baseline", "salt"])
def test_with_nothing_in_between_a_run_is_the_laboratory_s(method):
    ours = made_by("none", 3, method)
    theirs = laboratory_run.train(small.SETUP, "mini-xnli", method, 3, small.CONFIG)
    for key in ("scores", "dev", "epoch", "config"):
        assert ours[key] == theirs[key]
    assert ours["measures"] == {"intermediate": {}}


@pytest.mark.parametrize("name", ["masked-text-en", "mini-pos-equal-10", "mini-paws-x-pooled-10"])
def test_fine_tuning_begins_with_the_intermediate_encoder(monkeypatch, name):
    begun = {}

    def fit(model, *given):
        begun.update({k: v.clone() for k, v in model.base_model.state_dict().items()})
        return [0.5], 0

    monkeypatch.setattr(run, "fit", fit)
    found = made_by(name, 102)
    assert set(found["scores"]) == set(XNLI_LANGUAGES)
    row = replace(CONDITIONS[name], facts=40, count=5)
    trained = run.intermediate(small.WORLD, row, 1, 2, HOW)
    assert trained.about == found["measures"]["intermediate"]
    for key, value in trained.weights.items():
        assert torch.equal(begun[key], value)
    plain = classifiers.classifier(small.SETUP.checkpoint, 3, 2, 0.0).base_model.state_dict()
    lacking = set(begun) - set(trained.weights)  # an encoder of words has no pooler
    assert all(key.startswith(run.POOLER) for key in lacking)
    assert all(torch.equal(begun[key], plain[key]) for key in lacking)


def test_a_draw_and_a_seed_both_matter():
    scores = [made_by("mini-pos-equal-10", n)["measures"] for n in (0, 0, 100, 1)]
    assert scores[0] == scores[1]
    assert scores[0] != scores[2] and scores[0] != scores[3]


def test_weights_of_another_encoder_are_an_error():
    model = classifiers.classifier(small.SETUP.checkpoint, 3, 0, 0.0)
    with pytest.raises(SaltError, match="of another encoder"):
        run.carry({"nothing.weight": torch.zeros(1)}, model)

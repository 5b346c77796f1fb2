"""The decoder's input is what its logits are made of, and the decoder itself is not run."""

import pytest
import torch
import xlm_r
from transformers import AutoModelForMaskedLM

from salt_lib.errors import SaltError
from salt_lib.models.heads import decoder_input


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = xlm_r.write(tmp_path_factory.mktemp("model"))
    return AutoModelForMaskedLM.from_pretrained(folder).eval()


def test_the_logits_are_made_of_it(model, monkeypatch):
    ids = torch.tensor([[0, 5, 6, 2], [0, 7, 8, 2]])
    inside = torch.ones_like(ids)
    with torch.inference_mode():
        states = decoder_input(model, ids, attention_mask=inside)
        logits = model(ids, attention_mask=inside).logits
        assert states.shape == (2, 4, 32)
        assert torch.allclose(model.get_output_embeddings()(states), logits, atol=1e-5)
    monkeypatch.setattr(model.get_output_embeddings(), "forward", None)  # would fail
    assert decoder_input(model, ids).shape == (2, 4, 32)


def test_a_failing_model_fails_and_the_hook_goes(model):
    with pytest.raises(IndexError):
        decoder_input(model, torch.tensor([[10**6]]))
    assert not model.get_output_embeddings()._forward_pre_hooks


def test_a_model_without_a_decoder_says_so(model, monkeypatch):
    monkeypatch.setattr(model, "get_output_embeddings", lambda: None)
    with pytest.raises(SaltError, match="does not say which of its layers is the decoder"):
        decoder_input(model, torch.tensor([[0, 2]]))

"""The decoder's input is what its logits are made of, and the decoder itself is not run."""

import pytest
import torch
import xlm_r
from transformers import AutoModelForMaskedLM, EsmConfig, EsmForMaskedLM
from transformers.modeling_outputs import MaskedLMOutput

from salt_lib.errors import SaltError
from salt_lib.models.heads import decoder, decoder_input


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
    for call in (lambda: decoder_input(model, torch.tensor([[0, 2]])), lambda: decoder(model)):
        with pytest.raises(SaltError, match="XLMRobertaForMaskedLM has no linear layer at its end"):
            call()


def test_the_decoder_is_the_model_s_own_and_shares_its_weights(model):
    ids = torch.tensor([[0, 5, 6, 2]])
    last = decoder(model)
    assert last.weight is model.get_input_embeddings().weight and last.bias is model.lm_head.bias
    with torch.inference_mode():
        logits = model(ids).logits
        assert torch.allclose(last(decoder_input(model, ids)), logits, atol=1e-5)


def test_a_bias_beside_the_layer_is_its_bias():
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    size |= {"intermediate_size": 16, "vocab_size": 50, "max_position_embeddings": 20}
    esm = EsmForMaskedLM(EsmConfig(**size, pad_token_id=0, mask_token_id=4)).eval()
    assert decoder(esm).bias is esm.lm_head.bias  # of zeros, to be trained
    torch.nn.init.normal_(esm.lm_head.bias)
    ids = torch.tensor([[5, 6, 7]])
    with torch.inference_mode():
        logits = decoder(esm)(decoder_input(esm, ids))
        torch.testing.assert_close(logits, esm(ids).logits)
    assert decoder(esm).bias is esm.lm_head.bias


def test_a_layer_that_is_no_decoder_is_refused(model, monkeypatch):
    """It makes no logits, or others than the model's, or isn't called at all."""
    plain = model.forward

    def doubled(*arguments, **named):
        return MaskedLMOutput(logits=2 * plain(*arguments, **named).logits)

    with monkeypatch.context() as patch, pytest.raises(SaltError, match="no linear layer"):
        patch.setattr(model, "forward", doubled)
        decoder(model)
    for layer in (model.lm_head.dense, torch.nn.Linear(32, 50)):
        with monkeypatch.context() as patch, pytest.raises(SaltError, match="no linear layer"):
            patch.setattr(model, "get_output_embeddings", lambda layer=layer: layer)
            decoder(model)

"""A new tiny BERT has first weights of its seed, and losses that are what they say."""

import shutil
from dataclasses import replace

import little_text
import numpy as np
import pytest
import small
import torch
from safetensors.torch import load_file, save_file

from salt_lib.errors import SaltError
from salt_lib.laboratory.checkpoints import checkpoint
from salt_lib.models import loading
from salt_lib.pretraining.data import epoch_pairs
from salt_lib.pretraining.model import gone_on_with, losses, new_model
from salt_lib.pretraining.recipe import Recipe
from salt_lib.pretraining.wordpiece import MAX_LENGTH


@pytest.fixture(scope="module")
def text():
    return little_text.text()


RECIPE = replace(small.RECIPE, layers=2)


def test_the_first_weights_depend_on_the_seed_alone():
    one = new_model(RECIPE, 50, 3).state_dict()
    torch.rand(7)
    two, other = (new_model(RECIPE, 50, seed).state_dict() for seed in (3, 4))
    assert small.same(one, two) and not small.same(one, other)


def test_a_model_has_its_recipe_s_size():
    recipe = replace(RECIPE, hidden=24, heads=3, intermediate=48, activation="gelu", dropout=0.2)
    config = new_model(recipe, 70, 0).config
    assert (config.vocab_size, config.hidden_size, config.num_hidden_layers) == (70, 24, 2)
    assert (config.num_attention_heads, config.intermediate_size) == (3, 48)
    assert (config.hidden_act, config.hidden_dropout_prob) == ("gelu", 0.2)
    assert config.max_position_embeddings == MAX_LENGTH


def test_the_first_layer_may_begin_as_a_comparison():
    """A token reads what is like itself and subtracts it; the second layer is random as ever."""
    for mimetic in (False, True):
        model = new_model(replace(RECIPE, mimetic=mimetic), 50, 0)
        compares = []
        for layer in model.bert.encoder.layer:
            own, output = layer.attention.self, layer.attention.output.dense.weight
            alike = torch.equal(own.query.weight, own.key.weight)
            minus = output @ own.value.weight
            opposite = torch.allclose(minus, -torch.eye(RECIPE.hidden), atol=1e-5)
            compares.append((alike, opposite))
        assert compares == [(mimetic, mimetic), (False, False)]


def test_the_losses_are_what_they_say(text):
    """Of a model that knows nothing; and with a language's own words, fewer compete."""
    little = Recipe(hidden=16, layers=1, heads=2, intermediate=16, init=0.02, mimetic=False)
    model = new_model(little, 100, 0).eval()
    with torch.no_grad():
        for parameter in model.cls.parameters():
            parameter.zero_()
    pairs = torch.from_numpy(epoch_pairs(text, 0, 0, 100)[0])
    for softmax, words in (("language", 40), ("all", 100)):
        recipe = Recipe(softmax=softmax)
        mlm, nsp = losses(model, text, pairs, recipe, torch.Generator().manual_seed(0))
        assert mlm.item() == pytest.approx(np.log(words), rel=1e-5)
        assert nsp.item() == pytest.approx(np.log(2), rel=1e-5)
    # Sure that each second sentence follows: the share that does is right.
    with torch.no_grad():
        model.cls.seq_relationship.bias[0] = 50.0  # class 0: follows, as in BERT
    _, nsp = losses(model, text, pairs, Recipe(), torch.Generator().manual_seed(0))
    assert nsp.item() == pytest.approx(50 * (1 - pairs[:, 2].float().mean().item()), rel=1e-4)


def test_what_goes_on_predicts_what_the_checkpoint_does():
    ids = torch.tensor([[2, 40, 50, 60, 3]])
    ours, theirs = gone_on_with(checkpoint(0)), loading.masked_lm(checkpoint(0))
    with torch.no_grad():
        hidden = ours.bert(ids).last_hidden_state
        assert torch.equal(ours.cls.predictions(hidden), theirs(ids).logits)
    assert ours.cls.predictions.decoder.weight is ours.get_input_embeddings().weight
    kept = load_file(checkpoint(0) / "model.safetensors")
    assert all(
        torch.equal(kept[name], value) for name, value in ours.state_dict().items() if name in kept
    )
    assert "cls.seq_relationship.weight" in kept


def test_a_checkpoint_without_a_head_is_an_error(tmp_path):
    shutil.copy(checkpoint(0) / "config.json", tmp_path)
    with pytest.raises(SaltError, match="can't be loaded as a BERT with both heads"):
        gone_on_with(tmp_path)
    kept = load_file(checkpoint(0) / "model.safetensors")
    kept.pop("cls.seq_relationship.weight")
    save_file(kept, tmp_path / "model.safetensors")
    with pytest.raises(SaltError, match="cls.seq_relationship.weight are missing or of another"):
        gone_on_with(tmp_path)

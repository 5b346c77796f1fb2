"""A checkpoint whose pretraining goes on is the one that was written."""

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from salt_lib.errors import SaltError
from salt_lib.laboratory.checkpoints import checkpoint
from salt_lib.models import loading
from salt_lib.pretraining.model import gone_on_with


def test_it_predicts_what_the_checkpoint_does():
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

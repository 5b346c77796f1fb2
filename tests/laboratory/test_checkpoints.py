"""A world's checkpoint is one's own, or else the shipped one; a missing one says how it is made."""

import json

import pytest

from salt_lib.errors import SaltError
from salt_lib.laboratory import checkpoints
from salt_lib.laboratory.deeper import LAYERS


@pytest.fixture(scope="module")
def checkpoint(laboratory):
    return laboratory / "world-0"


def test_checkpoints_are_looked_for_in_the_environment(checkpoint, tmp_path, monkeypatch):
    assert checkpoints.checkpoint(0) == checkpoint
    monkeypatch.setattr(checkpoints, "SHIPPED", tmp_path)
    with pytest.raises(SaltError, match=r"world 7 \(there: 0\).*`salt pretrain --world 7`"):
        checkpoints.checkpoint(7)
    (tmp_path / "world-7").mkdir()  # without a model it is none
    with pytest.raises(SaltError, match="no checkpoint for world 7"):
        checkpoints.checkpoint(7)
    (tmp_path / "world-7" / "model.safetensors").touch()
    assert checkpoints.checkpoint(7) == tmp_path / "world-7"
    (tmp_path / "world-0").mkdir()
    (tmp_path / "world-0" / "model.safetensors").touch()
    assert checkpoints.checkpoint(0) == checkpoint  # one's own before the shipped one


def test_without_any_checkpoint_the_error_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "SHIPPED", tmp_path)
    monkeypatch.setenv("SALT_CHECKPOINTS_DIR", str(tmp_path / "none"))
    with pytest.raises(SaltError, match=r"world 0 \(there: none\)"):
        checkpoints.checkpoint(0)


def test_the_deeper_model_differs_in_its_layers_alone(monkeypatch, tmp_path):
    monkeypatch.setenv("SALT_CHECKPOINTS_DIR", str(tmp_path))
    folder, other = checkpoints.checkpoint(0), checkpoints.checkpoint(0, LAYERS)
    assert folder.parent == other.parent == checkpoints.SHIPPED
    assert (folder / "tokenizer.json").read_bytes() == (other / "tokenizer.json").read_bytes()
    assert (folder / "vocabulary.json").read_bytes() == (other / "vocabulary.json").read_bytes()
    recipes = [json.loads((f / "curve.json").read_text())["recipe"] for f in (folder, other)]
    assert {k for k in recipes[0] if recipes[0][k] != recipes[1][k]} == {"layers"}
    assert recipes[1]["layers"] == LAYERS
    with pytest.raises(SaltError, match=r"no checkpoint of 9 layers .*--world 0 --layers 9"):
        checkpoints.checkpoint(0, 9)


def test_what_a_run_depends_on_is_all_but_what_is_told_of_it(tmp_path):
    for name in ("model.safetensors", "config.json", "README.md", "curve.json"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    found = [path.name for path in checkpoints.files_of(tmp_path)]
    assert found == ["config.json", "model.safetensors"]


def test_a_folder_is_called_by_world_and_layers():
    assert checkpoints.checkpoint_name(7) == "world-7"
    assert checkpoints.checkpoint_name(7, 6) == "world-7-layers-6"

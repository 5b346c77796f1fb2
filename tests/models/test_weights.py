"""Tensors are written whole or not at all, tied ones and parts of larger ones too."""

import errno

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from salt_lib.errors import SaltError
from salt_lib.models import weights
from salt_lib.models.weights import save_tensors


def test_tensors_come_back_tied_turned_or_cut(tmp_path):
    tied = torch.arange(6.0).reshape(2, 3)
    tensors = {"a": tied, "b": tied, "turned": tied.T, "part": torch.arange(10)[3:5]}
    path = tmp_path / "new" / "t.safetensors"
    save_tensors(path, tensors)
    found = load_file(path)
    assert set(found) == set(tensors)
    for name, value in tensors.items():
        assert torch.equal(found[name], value) and found[name].dtype == value.dtype
    assert [p.name for p in path.parent.iterdir()] == ["t.safetensors"]


def test_a_full_disk_loses_nothing(tmp_path, monkeypatch):
    path = tmp_path / "t.safetensors"
    save_tensors(path, {"a": torch.ones(3)})
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(weights, "save_file", full)
    with pytest.raises(SaltError, match="t.safetensors: can't be written .No space left"):
        save_tensors(path, {"a": torch.zeros(3)})
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == [path.name]


def test_what_safetensors_says_of_a_full_disk_is_understood(tmp_path, monkeypatch):
    """Its errors are of a kind of its own, with the system's number in their text."""

    def full(*_):
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(weights, "save_file", full)
    with pytest.raises(SaltError, match="t.safetensors: can't be written") as caught:
        save_tensors(tmp_path / "t.safetensors", {"a": torch.zeros(3)})
    assert caught.value.__cause__.errno == errno.ENOSPC and not list(tmp_path.iterdir())

"""A state is whole or it isn't there, and an optimizer goes on from it as if nothing had been."""

import json
import warnings

import pytest
import torch

from salt_lib.training.state import Saved, optimizer_state, restore_optimizer


def tensors(value):
    return {"a": torch.full((2, 3), float(value)), "b": torch.tensor([value])}


def test_a_state_comes_back_and_replaces_the_one_before(tmp_path):
    saved = Saved(tmp_path / "state", {"seed": 1})
    assert saved.load() is None
    saved.save(2, {"step": 2}, model=tensors(1), best=tensors(2))
    saved.save(4, {"step": 4}, model=tensors(3), best=None)
    numbers, groups = saved.load()
    assert numbers == {"step": 4} and set(groups) == {"model", "best"}
    assert torch.equal(groups["model"]["a"], tensors(3)["a"])
    assert torch.equal(groups["best"]["a"], tensors(2)["a"])  # as it was saved
    names = {path.name for path in (tmp_path / "state").iterdir()}
    assert names == {"state.json", "model-4.safetensors", "best-2.safetensors"}
    saved.remove()
    assert not (tmp_path / "state").exists() and saved.load() is None


def test_a_group_that_was_never_saved_is_not_there(tmp_path):
    saved = Saved(tmp_path, 1)
    saved.save(1, {}, model=tensors(1), best=None)
    assert set(saved.load()[1]) == {"model"}


def test_the_state_of_anything_else_is_none(tmp_path):
    Saved(tmp_path, {"run": ("a", 1)}).save(1, {"step": 1}, model=tensors(1))
    assert Saved(tmp_path, {"run": ["a", 1]}).load() is not None  # as JSON
    assert Saved(tmp_path, {"run": ["a", 2]}).load() is None


@pytest.mark.parametrize("torn", ["state.json", "model-1.safetensors"])
@pytest.mark.parametrize("keep", [0, 20])
def test_a_torn_state_is_none(tmp_path, torn, keep):
    saved = Saved(tmp_path, 1)
    saved.save(1, {"step": 1}, model=tensors(1))
    path = tmp_path / torn
    path.write_bytes(path.read_bytes()[:keep])
    assert saved.load() is None
    saved.save(2, {"step": 2}, model=tensors(2))
    assert saved.load()[0] == {"step": 2}


def test_a_state_that_lacks_a_file_is_none(tmp_path):
    saved = Saved(tmp_path, 1)
    saved.save(1, {"step": 1}, model=tensors(1))
    (tmp_path / "model-1.safetensors").unlink()
    assert saved.load() is None
    (tmp_path / "state.json").write_text(json.dumps({"about": 1, "files": 3}))
    assert saved.load() is None


@pytest.mark.parametrize("fused", [True, False])
def test_an_optimizer_goes_on_where_it_was(fused):
    def made():
        torch.manual_seed(0)
        model = torch.nn.Linear(3, 2)
        return model, torch.optim.AdamW(model.parameters(), lr=0.1, fused=fused)

    def step(model, optimizer):
        optimizer.zero_grad()
        model(torch.ones(4, 3)).pow(2).sum().backward()
        optimizer.step()

    whole, optimizer = made()
    for _ in range(3):
        step(whole, optimizer)
    parts, first = made()
    step(parts, first)
    kept = optimizer_state(first, list(parts.parameters()))
    assert set(kept) == {f"{i}.{k}" for i in (0, 1) for k in ("step", "exp_avg", "exp_avg_sq")}
    kept = {name: value.clone() for name, value in kept.items()}
    second = torch.optim.AdamW(parts.parameters(), lr=0.1, fused=fused)
    restore_optimizer(second, list(parts.parameters()), kept)
    for _ in range(2):
        step(parts, second)
    for one, two in zip(whole.parameters(), parts.parameters(), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("name", ["model-1.safetensors", "state.json"])
def test_a_flipped_bit_makes_it_none(tmp_path, name):
    saved = Saved(tmp_path, 1)
    saved.save(1, {"step": 1}, model=tensors(1))
    path = tmp_path / name
    data = path.read_bytes()
    for i in range(0, len(data), 7):
        path.write_bytes(data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :])
        with warnings.catch_warnings(record=True):
            found = saved.load()
        assert found is None or found[0] == {"step": 1} and same(found[1]["model"], tensors(1)), i
    path.write_bytes(data)
    assert saved.load() is not None


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[k], v) for k, v in two.items())


def test_what_a_killed_process_left_goes(tmp_path):
    (tmp_path / ".model-1.safetensors.abc.tmp").write_text("half of a state")
    Saved(tmp_path, 1).save(2, {}, model=tensors(1))
    assert {path.name for path in tmp_path.iterdir()} == {"model-2.safetensors", "state.json"}

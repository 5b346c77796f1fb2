"""A cell's encoder goes on from the world's checkpoint, once, and to the same end."""

import pytest
import torch
from safetensors.torch import load_file
from small_bitext import HOW, MOST, TLM, WORLD

from salt_lib.errors import SaltError
from salt_lib.laboratory.bitext import encoders, stored
from salt_lib.laboratory.bitext.cells import Cell
from salt_lib.laboratory.checkpoints import checkpoint
from salt_lib.models import loading
from salt_lib.pretraining.model import gone_on_with


def test_monolingual_batches_and_steps_are_those_of_all_cells():
    text, held = stored.texts(WORLD, HOW.documents)
    ours, more = encoders.batches(text, None, HOW, WORLD)
    assert len(ours) == len(more) == HOW.steps
    assert not any(torch.equal(a, b) for a in ours for b in more)  # no batch is read twice
    second = stored.bitext(WORLD, TLM)
    again, rows = encoders.batches(text, second, HOW, WORLD)
    assert all(torch.equal(a, b) for a, b in zip(ours, again, strict=True))
    assert [len(one) for one in rows] == [HOW.batch] * HOW.steps
    read = encoders.tokens(text, second, "tlm", HOW, WORLD)
    apart = encoders.tokens(text, second, "exchange", HOW, WORLD)
    assert apart["second"] == read["second"] + HOW.steps * HOW.batch
    pairs = torch.cat(ours)[:, :2]
    assert read["monolingual"] == int((text.length[pairs].sum(dim=1) + 3).sum())
    assert list(held.start) == list(text.start) and len(held.length) == 17 * 4 * 3


def test_an_interrupted_one_goes_on_to_the_same_end(small_encoder, tmp_path, monkeypatch):
    real, calls = encoders.loss, []

    def loss(*arguments):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(encoders, "loss", loss)
    with pytest.raises(KeyboardInterrupt):
        encoders.pretrain(WORLD, TLM, HOW, out=tmp_path / "one")
    assert (tmp_path / "one" / "resume").is_dir()
    encoders.pretrain(WORLD, TLM, HOW, out=tmp_path / "one")
    assert len(calls) == 5 + 3  # three steps were kept
    ours, theirs = (load_file(f / "model.safetensors") for f in (tmp_path / "one", small_encoder))
    before = load_file(checkpoint(WORLD) / "model.safetensors")
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert ours.keys() == before.keys() and not all(torch.equal(ours[n], before[n]) for n in ours)


def test_it_is_an_ordinary_checkpoint_and_not_made_again(small_encoder, monkeypatch):
    monkeypatch.setattr(encoders, "_pretrain", None)  # would fail
    whole = encoders.pretrain(WORLD, TLM, HOW, out=small_encoder)
    pieces = loading.tokenizer(checkpoint(WORLD)).get_vocab()
    assert loading.tokenizer(whole).get_vocab() == pieces
    loading.masked_lm(whole)
    told = encoders.told(whole)
    assert (
        told["steps"] == 6
        and told["device"] == "cpu"
        and set(told["tokens"])
        == {
            "monolingual",
            "second",
        }
    )
    assert len(told["alignment"]) == 16 and told["links"] == {}
    assert all(told[name] > 0 for name in encoders.PARTS)


def test_text_alone_needs_no_pairs(tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "bitext", None)  # would fail
    made = encoders.pretrain(WORLD, Cell(), HOW, out=tmp_path / "none")
    assert encoders.told(made)["second_loss"] > 1
    found = encoders.held_out_loss(gone_on_with(made), WORLD, HOW, 2)
    assert 1 < found < 5
    assert encoders.held_out_loss(gone_on_with(made), WORLD, HOW, 2) == found


def test_where_an_encoder_lies_says_what_it_is_made_of(monkeypatch):
    paths = {
        encoders.path_of(WORLD, row, how, device)
        for row in (TLM, Cell("tlm", "shuffled", MOST))
        for how in (HOW, None)
        for device in ("cpu", "cuda")
    }
    assert len(paths) == 8


def test_a_loss_that_is_no_number_is_an_error(tmp_path, monkeypatch):
    nan = torch.tensor(float("nan"))
    monkeypatch.setattr(encoders, "loss", lambda *_: nan)
    with pytest.raises(SaltError, match="the pretraining, seed 0: the loss is nan in step 1"):
        encoders.pretrain(WORLD, TLM, HOW, out=tmp_path / "one")


def test_too_little_text_is_an_error():
    text, _ = stored.texts(WORLD, HOW.documents)
    few = encoders.replace(HOW, batch=5_000)
    with pytest.raises(SaltError, match="too little text for batches of 5000 pairs"):
        encoders.batches(text, None, few, WORLD)

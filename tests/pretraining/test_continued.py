"""Masked-language training goes on from any encoder, however often it is stopped, to one end."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import xlm_r
from transformers import AutoModel, AutoModelForMaskedLM, XLMConfig, XLMWithLMHeadModel

from salt_lib.errors import SaltError
from salt_lib.models import loading
from salt_lib.models.heads import decoder
from salt_lib.pretraining import continued
from salt_lib.pretraining.continued import Continuation, Masked, Pieces, go_on, masked_loss

RECIPE = Continuation(
    steps=30,
    head_steps=10,
    batch=8,
    longest=16,
    learning_rate=5e-3,
    head_learning_rate=1e-2,
    evaluate_every=10,
)


@pytest.fixture(autouse=True)
def few_are_held_out(monkeypatch):
    monkeypatch.setattr(continued, "HELD_OUT", 20)
    monkeypatch.setattr(continued, "LEAST", 4)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return xlm_r.write(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def headless(model, tmp_path_factory):
    """The encoder alone, as a sentence encoder comes."""
    folder = tmp_path_factory.mktemp("headless")
    AutoModel.from_pretrained(model).save_pretrained(folder)
    loading.tokenizer(model).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def texts():
    return {code: xlm_r.sentences(code, 90, "text") for code in xlm_r.WORDS}


def weights(folder):
    return AutoModelForMaskedLM.from_pretrained(folder).state_dict()


def test_an_encoder_without_a_head_gets_one_and_learns(headless, texts, tmp_path):
    with pytest.raises(SaltError, match="masked-language head is not in the checkpoint"):
        loading.masked_lm(headless)
    last = go_on(headless, texts, tmp_path / "made", replace(RECIPE, steps=150), progress=False)
    made = loading.masked_lm(tmp_path / "made")
    tied = made.get_output_embeddings().weight
    assert tied.equal(made.get_input_embeddings().weight)
    curve = json.loads((tmp_path / "made" / "curve.json").read_text())["curve"]
    assert [row["step"] for row in curve][-1] == 150 and last == curve[-1]
    assert set(last["held_out"]) == set(texts)
    for code in texts:
        assert last["held_out"][code]["loss"] < curve[0]["held_out"][code]["loss"]
    assert not (tmp_path / "made" / "resume").exists()


def test_what_is_frozen_stays_and_the_head_goes_first(model, texts, tmp_path):
    before = weights(model)
    go_on(model, texts, tmp_path / "upper", replace(RECIPE, frozen=1), progress=False)
    go_on(model, texts, tmp_path / "head", replace(RECIPE, steps=10), progress=False)
    for folder, moved in (("upper", ("layer.1", "lm_head")), ("head", ("lm_head",))):
        after = weights(tmp_path / folder)
        for name, value in after.items():
            tied = name == "lm_head.decoder.weight"
            changed = not value.equal(before[name])
            assert changed == (any(part in name for part in moved) and not tied), name


def test_all_is_trained_where_nothing_is_frozen(model, texts, tmp_path):
    before = weights(model)
    go_on(model, texts, tmp_path / "all", RECIPE, progress=False)
    after = weights(tmp_path / "all")
    for part in ("word_embeddings", "layer.0.output", "layer.1.output"):
        name = next(name for name in after if part in name and name.endswith("weight"))
        assert not after[name].equal(before[name])


class Stop(Exception):
    pass


def test_interrupted_it_goes_on_to_the_same_weights(model, texts, tmp_path, monkeypatch):
    go_on(model, texts, tmp_path / "whole", RECIPE, progress=False)
    plain, seen = Pieces.batch, []

    def batch(self, seed, step):
        seen.append(step)
        if step == 17 and seen.count(17) == 1:
            raise Stop
        return plain(self, seed, step)

    monkeypatch.setattr(Pieces, "batch", batch)
    with pytest.raises(Stop):
        go_on(model, texts, tmp_path / "parts", RECIPE, progress=False)
    assert not (tmp_path / "parts" / "model.safetensors").exists()
    go_on(model, texts, tmp_path / "parts", RECIPE, progress=False)
    assert seen == [*range(18), *range(10, 30)]
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert all(whole[name].equal(parts[name]) for name in whole)


def pieces_of(model, texts, **changes):
    tokenizer = loading.tokenizer(model)
    rows = {code: continued._rows(tokenizer, code, lines, 16) for code, lines in texts.items()}
    special = set(tokenizer.all_special_ids)
    recipe = replace(RECIPE, **changes)
    return Pieces(rows, len(tokenizer), special, tokenizer.mask_token_id, recipe, "cpu"), rows


def test_masked_are_a_share_of_the_pieces_and_no_special_ones(model, texts):
    pieces, rows = pieces_of(model, texts, mask_rate=0.3)
    tokenizer = loading.tokenizer(model)
    chosen = free = hidden = 0
    for step in range(40):
        batch = pieces.batch(0, step)
        chosen += int(batch.chosen.sum())
        hidden += int((batch.ids[batch.chosen] == tokenizer.mask_token_id).sum())
        assert not set(batch.target.tolist()) & set(tokenizer.all_special_ids)
        free += int(batch.inside.sum()) - 2 * len(batch.ids)
        same = pieces.batch(0, step)
        assert batch.ids.equal(same.ids) and batch.target.equal(same.target)
    assert 0.25 < chosen / free < 0.35 and 0.75 < hidden / chosen < 0.85
    lonely = Masked(*(torch.zeros(0),) * 4)
    assert isinstance(lonely, Masked)
    batch = Pieces(
        {"en": rows["en"]}, 99, pieces.special.tolist(), 4, replace(RECIPE, mask_rate=1e-9), "cpu"
    ).batch(0, 0)
    assert int(batch.chosen.sum()) == 1  # a batch without a masked piece would have no loss


def test_a_sample_of_everything_is_the_whole_softmax(model, texts):
    """With so many draws every entry is expected, and nothing is left to correct."""
    made = AutoModelForMaskedLM.from_pretrained(model).eval()
    last = decoder(made)
    whole, _ = pieces_of(model, texts)
    sampled, _ = pieces_of(model, texts, sample=200_000)
    few, _ = pieces_of(model, texts, sample=5)
    with torch.inference_mode():
        for step in range(3):
            batch = whole.batch(0, step)
            exact = masked_loss(made, last, batch, whole)
            assert masked_loss(made, last, batch, sampled).item() == pytest.approx(
                exact.item(), abs=0.02
            )
    entries, often = few.competing(batch.target, np.random.default_rng(0))
    right = torch.unique(batch.target)
    assert entries[: len(right)].equal(right) and len(entries) <= len(right) + 5
    assert len(torch.unique(entries)) == len(entries) and (often < 0).all()


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"steps": 0}, "steps 0: must be at least 1"),
        ({"mask_rate": 1.0}, "mask_rate 1.0"),
        ({"sample": 1}, "sample 1: at least two"),
    ],
)
def test_a_recipe_that_can_not_be(changes, message):
    with pytest.raises(SaltError, match=message):
        replace(RECIPE, **changes)


def test_what_can_not_go_on_says_why(model, texts, tmp_path):
    with pytest.raises(SaltError, match="'de' has no text"):
        go_on(model, {**texts, "de": []}, tmp_path / "a", RECIPE, progress=False)
    with pytest.raises(SaltError, match="'en' has only 5 sentences of 4 pieces or more, and 20"):
        go_on(model, {"en": texts["en"][:5]}, tmp_path / "b", RECIPE, progress=False)
    with pytest.raises(SaltError, match="3 frozen layers: this encoder has 2"):
        go_on(model, texts, tmp_path / "c", replace(RECIPE, frozen=3), progress=False)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "mine.txt").write_text("mine")
    with pytest.raises(SaltError, match="is there already"):
        go_on(model, texts, tmp_path / "d", RECIPE, progress=False)
    assert (tmp_path / "d" / "mine.txt").read_text() == "mine"


def test_layers_whose_parts_lie_apart_are_not_half_frozen():
    """XLM lists its attentions, and then its other parts: with the first list alone the others
    would all stay as they are."""
    size = {"emb_dim": 16, "n_layers": 2, "n_heads": 2, "vocab_size": 50}
    model = XLMWithLMHeadModel(XLMConfig(**size))
    with pytest.raises(SaltError, match="1 frozen layers: XLMWithLMHeadModel keeps .*frozen=0"):
        continued.parts(model, 1)
    head, upper = continued.parts(model, 0)
    assert len(head) + len(upper) == len(list(model.parameters()))

"""An encoder is made once of its cell's text, and goes on where it was interrupted."""

import pytest
import torch
from safetensors.torch import load_file
from small_programs import DOCUMENTS, RECIPE

from salt_lib.digests import read_checked, write_checked
from salt_lib.errors import SaltError
from salt_lib.laboratory.programs import encoders
from salt_lib.models import loading
from salt_lib.pretraining import loop


def test_an_encoder_knows_the_question_words_of_its_languages(small_encoder):
    pieces = loading.tokenizer(small_encoder).get_vocab()
    assert {"how_many", "wieviele", "ngapi", "?"} <= set(pieces)
    told = encoders.told(small_encoder)
    assert told["steps"] == 6 and told["pieces"] == len(pieces) and told["device"] == "cpu"
    assert told["seconds"] > 0 and told["masked_word_loss"] > 1


def test_it_is_not_made_again(small_encoder, monkeypatch):
    monkeypatch.setattr(encoders, "pretrain_on", None)  # would fail
    assert encoders.pretrain(100, DOCUMENTS, RECIPE, small_encoder) == small_encoder


def test_an_interrupted_one_goes_on_to_the_same_end(small_encoder, tmp_path, monkeypatch):
    real, calls = loop.losses, []

    def losses(*arguments):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(loop, "losses", losses)
    with pytest.raises(KeyboardInterrupt):
        encoders.pretrain(100, DOCUMENTS, RECIPE, tmp_path / "one", "cpu")
    assert (tmp_path / "one" / "resume").is_dir()
    encoders.pretrain(100, DOCUMENTS, RECIPE, tmp_path / "one", "cpu")
    assert len(calls) == 5 + 3  # three steps were kept
    ours, theirs = (load_file(f / "model.safetensors") for f in (tmp_path / "one", small_encoder))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_the_seconds_of_an_interrupted_one_are_added_up(tmp_path, small_encoder):
    curve = read_checked(small_encoder / "curve.json")
    (tmp_path / "tokenizer.json").write_bytes((small_encoder / "tokenizer.json").read_bytes())
    rows = [{**curve["curve"][-1], "seconds": s, "step": i} for i, s in enumerate((5, 9, 2, 3))]
    write_checked(tmp_path / "curve.json", {**curve, "curve": rows})
    assert encoders.told(tmp_path)["seconds"] == 12
    with pytest.raises(SaltError, match="can't be read"):
        encoders.told(tmp_path / "none")


def test_processor_and_gpu_have_one_path(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(encoders, "pretrain_on", lambda *_, device, **__: asked.append(device))
    few = {"en": 2}
    for device in ("cpu", "cuda"):
        encoders.pretrain(100, few, RECIPE, tmp_path / device, device)
    assert asked == ["cpu", "cuda"]

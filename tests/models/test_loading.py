"""A checkpoint is found, loaded and, when it is broken, named; nothing of it is ever run."""

import json
import shutil
import subprocess
import sys
import time

import paper_world
import pytest
import torch
from places import environment
from safetensors.torch import load_file, save_file
from transformers import AutoModelForMaskedLM, DebertaV2Config, DebertaV2ForMaskedLM

from salt_lib.data.examples import Pairs
from salt_lib.errors import SaltError
from salt_lib.models import cards, classifiers, loading
from salt_lib.models.encoding import encode
from salt_lib.models.heads import decoder
from salt_lib.salt import vocabulary


@pytest.fixture(scope="module")
def checkpoint(laboratory):
    return laboratory / "world-0"


@pytest.fixture
def cardless(checkpoint, tmp_path):
    """A copy of the checkpoint without its card, which would say that a file is damaged."""
    folder = shutil.copytree(checkpoint, tmp_path / "world-0")
    (folder / cards.CARD).unlink()
    return folder


@pytest.mark.parametrize("keep", [0.0, 0.001, 0.5, 0.999])
def test_a_truncated_checkpoint_is_an_error(cardless, keep):
    folder = cardless
    model = folder / "model.safetensors"
    whole = model.read_bytes()
    model.write_bytes(whole[: int(len(whole) * keep)])
    for load in (loading.masked_lm, lambda path: classifiers.classifier(path, 3, 0, 0.1)):
        with pytest.raises(SaltError, match="world-0: can't be loaded .*truncated"):
            load(folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "vocabulary.json"])
def test_a_broken_file_of_a_checkpoint_is_an_error(cardless, name):
    folder = cardless
    (folder / name).write_text((folder / name).read_text()[:100])
    load = {
        "config.json": loading.masked_lm,
        "tokenizer.json": loading.tokenizer,
        "vocabulary.json": vocabulary.words_by_language,
    }[name]
    with pytest.raises(SaltError, match="can't be"):
        load(folder)
    (folder / name).unlink()
    with pytest.raises(SaltError, match="can't be"):
        load(folder)


def test_a_missing_folder_is_an_error(tmp_path):
    for load in (loading.masked_lm, loading.tokenizer, vocabulary.words_by_language):
        with pytest.raises(SaltError, match="nowhere"):
            load(tmp_path / "nowhere")


def test_the_masked_language_model_is_the_pretrained_one(checkpoint):
    model = loading.masked_lm(checkpoint)
    assert not model.training
    decoder = model.cls.predictions.decoder.weight
    assert torch.equal(decoder, model.get_input_embeddings().weight)
    ids = torch.tensor([[2, 9, 3]])
    assert torch.equal(model(ids).logits, loading.masked_lm(checkpoint)(ids).logits)


def test_an_identity_is_of_weights_configuration_and_tokenizer(checkpoint, tmp_path):
    folder = shutil.copytree(checkpoint, tmp_path / "moved")
    before = loading.identity(checkpoint)
    assert loading.identity(folder) == before and len(before) == 12
    (folder / "curve.json").write_text("{}")
    assert loading.identity(folder) == before
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data + b" ")
        assert loading.identity(folder) != before, name
        (folder / name).write_bytes(data)
    assert loading.identity(folder) == before


# Models of others


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    """A folder as mBERT's on the hub."""
    data = paper_world.write_data(tmp_path_factory.mktemp("world") / "data")
    return paper_world.write_model(data.parent / "bert", "bert", paper_world.texts(data))


def test_a_tokenizer_without_a_mask_token(bert, tmp_path):
    folder = shutil.copytree(bert, tmp_path / "maskless")
    assert loading.mask_token(bert) == loading.tokenizer(bert).get_vocab()["[MASK]"]
    told = json.loads((folder / "tokenizer_config.json").read_text())
    told.pop("mask_token")
    (folder / "tokenizer_config.json").write_text(json.dumps(told))
    with pytest.raises(SaltError, match="maskless: its tokenizer has no mask token"):
        loading.mask_token(folder)


def test_pickled_weights_are_not_loaded(bert, tmp_path):
    """The lines that convert them, as the message has them, keep every weight."""
    folder = shutil.copytree(bert, tmp_path / "pickled")
    (folder / "model.safetensors").unlink()
    weights = {name: w.clone() for name, w in loading.masked_lm(bert).state_dict().items()}
    torch.save({**weights, "another.head": torch.ones(2)}, folder / "pytorch_model.bin")
    with pytest.raises(SaltError, match="weights are a pickle") as caught:
        loading.masked_lm(str(folder))
    exec(str(caught.value).split("tensors alone: ")[1], {})
    found = loading.masked_lm(folder).state_dict()
    assert all(weight.equal(found[name]) for name, weight in weights.items())
    assert "another.head" in load_file(folder / "model.safetensors")


@pytest.fixture(scope="module", params=["unsaid", "first", "present"])
def mdeberta(request, bert, tmp_path_factory):
    """As mDeBERTa's on the hub: a head under its first names, of which the configuration tells
    nothing, or tells; and a head under its present names. With the model itself."""
    folder = tmp_path_factory.mktemp(request.param)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(bert / name, folder)
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    size |= {"intermediate_size": 16, "vocab_size": len(loading.tokenizer(bert))}
    torch.manual_seed(0)
    legacy = request.param == "present"
    model = DebertaV2ForMaskedLM(DebertaV2Config(legacy=legacy, **size)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    model.save_pretrained(folder)
    if request.param == "unsaid":
        config = json.loads((folder / "config.json").read_text())
        config.pop("legacy")
        (folder / "config.json").write_text(json.dumps(config))
    names = load_file(folder / "model.safetensors")
    assert any(name.startswith("lm_predictions") for name in names) != legacy
    return folder, model


def test_a_head_under_its_first_names_is_found_and_saved(mdeberta, tmp_path):
    folder, model = mdeberta
    ids = torch.tensor([[2, 9, 7, 3]])
    found = loading.masked_lm(folder)
    assert decoder(found).weight.shape == (model.config.vocab_size, 16)
    found.save_pretrained(tmp_path)
    plain = AutoModelForMaskedLM.from_pretrained(tmp_path).eval()
    with torch.inference_mode():
        for other in (found, loading.masked_lm(tmp_path), plain):
            torch.testing.assert_close(other(ids).logits, model(ids).logits)


def test_a_missing_model_says_how_to_get_one(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    began = time.monotonic()
    with pytest.raises(SaltError, match="no such folder.*hf download no/model --local-dir FOLDER"):
        loading.identity("no/model")
    assert time.monotonic() - began < 20


def test_a_name_in_the_cache_needs_no_hub(bert, tmp_path):
    """A cache as the hub's library lays it out, in a process of its own."""
    snapshot = tmp_path / "hub" / "models--some--bert" / "snapshots" / ("0" * 40)
    shutil.copytree(bert, snapshot)
    refs = snapshot.parents[1] / "refs"
    refs.mkdir()
    (refs / "main").write_text("0" * 40)
    code = (
        "from salt_lib.models import loading; print(type(loading.masked_lm('some/bert')).__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(HF_HUB_CACHE=str(tmp_path / "hub"), HF_ENDPOINT="http://127.0.0.1:9"),
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "BertForMaskedLM", done.stderr[-1000:]


@pytest.mark.parametrize("stored", [torch.bfloat16, torch.float16, torch.float32])
def test_weights_are_float32_whatever_they_are_stored_in(checkpoint, tmp_path, stored):
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(checkpoint / name, tmp_path)
    weights = load_file(checkpoint / "model.safetensors")
    save_file({name: w.to(stored) for name, w in weights.items()}, tmp_path / "model.safetensors")
    config = json.loads((tmp_path / "config.json").read_text())
    config["dtype"] = str(stored).removeprefix("torch.")
    (tmp_path / "config.json").write_text(json.dumps(config))
    for model in (loading.masked_lm(tmp_path), classifiers.classifier(tmp_path, 3, 0, 0.0)):
        assert {w.dtype for w in model.state_dict().values() if w.is_floating_point()} == {
            torch.float32
        }


@pytest.mark.parametrize(
    ("kind", "positions", "named", "limit"),
    [("bert", 64, 10**30, 64), ("xlm-roberta", 66, 10**30, 64), ("bert", 64, 32, 32)],
)
def test_the_limit_is_the_smaller_of_tokenizer_and_configuration(
    checkpoint, tmp_path, kind, positions, named, limit
):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(checkpoint / name, tmp_path)
    about = json.loads((tmp_path / "tokenizer_config.json").read_text())
    about["model_max_length"] = named
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(about))
    config = {"model_type": kind, "max_position_embeddings": positions}
    (tmp_path / "config.json").write_text(json.dumps(config))
    tokenizer = loading.tokenizer(tmp_path)
    assert tokenizer.model_max_length == limit
    cut = encode(tokenizer, Pairs(["the dog " * 200], [""], [0]), True)
    assert int(cut.lengths[0]) == limit

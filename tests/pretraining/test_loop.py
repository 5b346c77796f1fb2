"""A pretraining writes a real BERT, and interrupted it ends as an uninterrupted one."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from little_text import TEXTS
from small import RECIPE

from salt_lib.errors import SaltError
from salt_lib.models import cards, classifiers, loading
from salt_lib.pretraining import loop as pretraining_loop
from salt_lib.pretraining.loop import pretrain_on, rates
from salt_lib.pretraining.recipe import Recipe
from salt_lib.pretraining.wordpiece import CLS, MASK, SEP

LITTLE = replace(RECIPE, steps=12, batch=16, evaluate_every=4, vocabulary=200, learning_rate=3e-3)


def make(out, recipe=LITTLE, texts=TEXTS, **options):
    return pretrain_on(texts, out, recipe, device="cpu", progress=False, **options)


FILES = {
    "README.md",
    "config.json",
    "curve.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocabulary.json",
}


def test_it_is_loaded_as_it_was_saved(tmp_path):
    kept = []
    make(tmp_path, look=lambda model, *_: kept.append(model) or {})
    loaded = loading.masked_lm(tmp_path)
    ids = torch.tensor([[CLS, 7, MASK, 9, SEP]])
    with torch.no_grad():
        expected = kept[-1].eval()(ids).prediction_logits
        assert torch.allclose(loaded(ids).logits, expected, atol=1e-6)
    head = classifiers.classifier(tmp_path, 2, 0, 0.0)
    pooler = kept[-1].bert.pooler.dense.weight
    assert torch.equal(head.bert.pooler.dense.weight, pooler)


def contents(folder):
    """Every file, but without the seconds that it took, and the digest of the file with these."""
    cards.check(folder)
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    found["README.md"] = b"curve.json" in found["README.md"]
    curve = json.loads(found.pop("curve.json"))
    curve.pop("checksum")
    for row in curve["curve"]:
        row.pop("seconds")
    return found, curve


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("recipe", [LITTLE, replace(LITTLE, steps=10, evaluate_every=4, batch=40)])
@pytest.mark.parametrize("last", [1, 2, 3])
def test_an_interrupted_pretraining_ends_as_an_uninterrupted_one(tmp_path, recipe, last):
    make(tmp_path / "whole", recipe)
    looks = []

    def look(*_):
        looks.append(1)
        if len(looks) == last:  # before this evaluation is saved: its steps are done again
            raise Interrupted
        return {}

    with pytest.raises(Interrupted):
        make(tmp_path / "parts", recipe, look=look)
    resumed = []
    make(tmp_path / "parts", recipe, look=lambda *_: resumed.append(1) or {})
    assert len(resumed) == 3 - (last - 1)  # what was saved isn't done again
    assert contents(tmp_path / "whole") == contents(tmp_path / "parts")
    assert set(contents(tmp_path / "parts")[0]) == FILES - {"curve.json"}


def test_a_crash_while_saving_loses_nothing(tmp_path, monkeypatch):
    """A checkpoint counts once its curve is written; until then the one before does."""
    make(tmp_path / "whole")
    plain, saved = pretraining_loop.save_tensors, []

    def save(path, tensors):
        saved.append(path.name)
        if len(saved) == 4:  # the second evaluation's optimizer
            raise Interrupted
        plain(path, tensors)

    monkeypatch.setattr(pretraining_loop, "save_tensors", save)
    with pytest.raises(Interrupted):
        make(tmp_path / "parts")
    monkeypatch.setattr(pretraining_loop, "save_tensors", plain)
    kept = {path.name for path in (tmp_path / "parts" / "resume").iterdir()}
    assert {"model-4.safetensors", "optimizer-4.safetensors", "curve.json"} <= kept
    make(tmp_path / "parts")
    assert contents(tmp_path / "whole") == contents(tmp_path / "parts")


@pytest.mark.parametrize("name", ["curve.json", "model-4.safetensors", "optimizer-4.safetensors"])
@pytest.mark.parametrize("way", ["flipped", "cut off", "gone"])
def test_a_damaged_state_is_none_and_it_begins_again(tmp_path, name, way):
    looks = []

    def look(*_):
        looks.append(1)
        if len(looks) == 2:
            raise Interrupted
        return {}

    with pytest.raises(Interrupted):
        make(tmp_path, look=look)
    path = tmp_path / "resume" / name
    data = path.read_bytes()
    at = data.index(b"masked_word_loss") + 20 if name == "curve.json" else len(data) - 2
    damaged = {"flipped": data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :], "cut off": data[:at]}
    path.unlink()
    if way in damaged:
        path.write_bytes(damaged[way])
    elif name == "curve.json":
        return  # then there is no state at all
    evaluations = []
    with pytest.warns(UserWarning, match=f"resume: damaged .*{name}.*begins again"):
        make(tmp_path, look=lambda *_: evaluations.append(1) or {})
    assert len(evaluations) == 3 and not (tmp_path / "resume").exists()
    cards.check(tmp_path)


def test_what_another_recipe_has_left_is_not_gone_on_with(tmp_path):
    def look(*_):
        looks.append(1)
        if len(looks) == 2:
            raise Interrupted
        return {}

    looks = []
    with pytest.raises(Interrupted):
        make(tmp_path, look=look)
    other = replace(LITTLE, learning_rate=1e-3)
    with pytest.raises(SaltError, match="resume: left by another recipe, seed or text; remove it"):
        make(tmp_path, other)
    with pytest.raises(SaltError, match="left by another recipe"):
        make(tmp_path, seed=1)
    with pytest.raises(SaltError, match="left by another recipe"):
        make(tmp_path, texts={**TEXTS, "tr": [["kedi görmek", "balık"]] * 12})
    make(tmp_path, other, resume=False)
    make(tmp_path / "afresh", other)
    (tmp_path / "all").mkdir()
    for path in list(tmp_path.iterdir()):
        if path.name in FILES:
            path.rename(tmp_path / "all" / path.name)
    assert contents(tmp_path / "all") == contents(tmp_path / "afresh")
    assert not (tmp_path / "resume").exists()


def test_a_seed_gives_the_same_checkpoint_twice(tmp_path):
    one, two, other = (contents_of(tmp_path / str(i), seed) for i, seed in enumerate((0, 0, 1)))
    assert one == two
    assert one["tokenizer.json"] == other["tokenizer.json"]
    assert one["model.safetensors"] != other["model.safetensors"]


def contents_of(folder, seed):
    make(folder, seed=seed)
    return contents(folder)[0]


def test_pretraining_trains(tmp_path):
    last = make(tmp_path, replace(LITTLE, steps=60, evaluate_every=30, learning_rate=1e-2))
    first = json.loads((tmp_path / "curve.json").read_text())["curve"][0]
    assert last["masked_word_loss"] < first["masked_word_loss"] < np.log(20)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({}, "an empty corpus: no sentence in any language"),
        ({"de": TEXTS["de"], "sw": []}, "an empty corpus: no sentence in sw"),
        ({"de": [["Hund", "Katze"]] * 2}, "corpus of 'de' has no word that occurs 10 times"),
        ({"de": [["Hund", "Katze"]] * 15}, "too little text: 15 pairs .* batches of 16"),
        ({"de": [*TEXTS["de"], ["Hund"]]}, "documents of unequal length in de"),
        ({**TEXTS, "sw": [["mbwa", "paka", "samaki"]] * 20}, "documents of unequal length in sw"),
    ],
)
def test_text_that_is_unfit_is_an_error_and_leaves_nothing(tmp_path, texts, message):
    with pytest.raises(SaltError, match=message):
        pretrain_on(texts, tmp_path, LITTLE, device="cpu", progress=False)
    assert not list(tmp_path.iterdir())


def test_a_single_step_gives_a_whole_checkpoint(tmp_path):
    last = make(tmp_path, replace(LITTLE, steps=1))
    assert last["step"] == 1 and {path.name for path in tmp_path.iterdir()} == FILES


def test_looking_does_not_touch_the_training(tmp_path):
    def look(model, tokenizer, own):
        assert set(own) == {"de", "sw"} and not model.training
        before = torch.random.get_rng_state()
        with torch.no_grad():
            model(torch.tensor([[CLS, SEP]]))
        assert torch.equal(before, torch.random.get_rng_state())
        return {"looked": True}

    make(tmp_path / "looked", look=look)
    make(tmp_path / "plain")
    looked, plain = contents(tmp_path / "looked"), contents(tmp_path / "plain")
    assert looked[0] == plain[0] and looked[1]["curve"][0].pop("looked")


def test_the_rates_rise_and_fall_together():
    recipe = Recipe(steps=100, warmup=0.1, learning_rate=1.0, word_learning_rate=3.0)
    found = [rates(recipe, step) for step in range(100)]
    assert [word for word, _ in found] == pytest.approx([3 * rest for _, rest in found])
    rest = [rate for _, rate in found]
    assert rest[:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    assert rest[10:] == pytest.approx([(100 - i) / 90 for i in range(10, 100)])


def test_a_loss_that_is_no_number_stops_it(tmp_path, monkeypatch):
    plain = pretraining_loop.losses

    def nothing(*arguments):
        mlm, nsp = plain(*arguments)
        return mlm * float("nan"), nsp

    monkeypatch.setattr(pretraining_loop, "losses", nothing)
    with pytest.raises(SaltError, match="pretraining diverged before step 4; lower learning_rate"):
        make(tmp_path)
    assert not (tmp_path / "model.safetensors").exists()

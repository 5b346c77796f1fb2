"""A world's checkpoint is made of its own text: a real BERT, with a curve and its alignment."""

import inspect
import json
from dataclasses import asdict, replace

from safetensors.torch import load_file
from small import RECIPE, WORLD

from salt_lib import digests
from salt_lib.laboratory import pretraining
from salt_lib.laboratory.minibabel import corpora
from salt_lib.laboratory.minibabel.facts import World
from salt_lib.languages import LANGUAGES
from salt_lib.pretraining import data, loop, model, recipe, wordpiece
from salt_lib.salt import vocabulary

FILES = {
    "config.json",
    "README.md",
    "curve.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocabulary.json",
}


def test_a_checkpoint_with_its_curve_and_words_is_written(tiny):
    folder = tiny / "world-0"
    assert {path.name for path in folder.iterdir()} == FILES
    curve = json.loads((folder / "curve.json").read_text())
    assert curve["seed"] == 0 and curve["recipe"] == asdict(RECIPE)
    assert [row["step"] for row in curve["curve"]] == [10, 20]
    for row in curve["curve"]:
        assert set(row["alignment"]) == set(LANGUAGES) - {"en"}
        assert 3 < row["masked_word_loss"] < 9 and 0.3 < row["next_sentence_loss"] < 1.5
    own = vocabulary.words_by_language(folder)
    assert set(own) == set(LANGUAGES) and min(n for w in own.values() for n in w.values()) >= 10
    config = json.loads((folder / "config.json").read_text())
    assert config["architectures"] == ["BertForPreTraining"] and config["hidden_size"] == 32
    names = set(load_file(folder / "model.safetensors"))
    assert "bert.pooler.dense.weight" in names  # segments and pooler belong to the checkpoint
    assert "bert.embeddings.token_type_embeddings.weight" in names
    assert "cls.predictions.decoder.weight" not in names  # tied


def test_each_language_has_its_share_of_documents(monkeypatch, tmp_path):
    asked = {}

    def pretrain_on(texts, out, made_by, **options):
        asked.update(texts=texts, out=out, recipe=made_by, **options)
        return {"step": 1}

    monkeypatch.setattr(pretraining, "pretrain_on", pretrain_on)
    monkeypatch.setattr(corpora, "texts", lambda world, code, count: [code] * count)
    few = replace(RECIPE, documents=40)
    assert pretraining.pretrain(7, tmp_path, few, False, "cpu", False) == {"step": 1}
    sizes = {code: len(own) for code, own in asked["texts"].items()}
    assert sizes == {code: int(40 * row.share) for code, row in LANGUAGES.items()}
    assert asked["seed"] == 7 and asked["recipe"] == few and not asked["resume"]
    pretraining.pretrain(7, tmp_path)
    assert asked["recipe"] == recipe.Recipe() and asked["resume"]


def test_the_curve_is_looked_at_with_the_world_s_own_truth(monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr(pretraining, "alignment", lambda *a: seen.append(a) or {"de": 0.5})
    monkeypatch.setattr(corpora, "texts", lambda world, code, count: [])
    monkeypatch.setattr(
        pretraining, "pretrain_on", lambda *_, look, **__: look("model", "tokenizer", "own")
    )
    assert pretraining.pretrain(WORLD, tmp_path, RECIPE) == {"alignment": {"de": 0.5}}
    assert seen[0][:3] == ("model", "tokenizer", "own") and seen[0][3].seed == World(WORLD).seed


def test_no_label_and_no_lexicon_enters_the_training():
    """The words of all languages go in side by side; what belongs together nobody says."""
    taken = set(inspect.signature(loop.pretrain_on).parameters)
    assert taken == {
        *("texts", "out", "recipe", "seed", "punctuation", "look", "resume", "device", "progress")
    }
    for module in (data, loop, model, recipe, wordpiece, vocabulary):
        source = inspect.getsource(module)
        assert "lexicon" not in source and "tasks" not in source and "minibabel" not in source
    own = digests.modules("salt_lib.pretraining.loop")
    assert "pretraining.model" in own and not [n for n in own if n.startswith("laboratory")]

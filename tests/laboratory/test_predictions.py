"""Predictions are made once, and anew for whatever they depend on."""

import shutil
from contextlib import contextmanager
from dataclasses import replace

import pytest
import small
import torch
from small import NAME, WORLD

from salt_lib.errors import SaltError
from salt_lib.laboratory import predictions as laboratory_predictions
from salt_lib.laboratory import tasks
from salt_lib.laboratory.predictions import encoded, predictions_path, vocabularies
from salt_lib.languages import XNLI_LANGUAGES
from salt_lib.salt import distill, predictions


@pytest.fixture(autouse=True, scope="module")
def small_laboratory(laboratory):
    return laboratory


def test_predictions_are_made_once(cache_folder, monkeypatch):
    path = predictions_path(WORLD, NAME)
    assert path.parent == cache_folder and path.name.startswith("mini-xnli-world-0-distilled-")
    masked = predictions_path(WORLD, NAME, masked=True)
    assert masked.name.startswith("mini-xnli-world-0-masked-") and masked.exists()
    monkeypatch.setattr(distill, "predict", None)  # would fail
    assert predictions_path(WORLD, NAME) == path
    one, other = predictions.read_all(path), predictions.read_all(masked)
    assert not one["token"].equals(other["token"])
    assert set(one["language"]) == set(XNLI_LANGUAGES)


@pytest.fixture
def copy(laboratory, tmp_path, monkeypatch):
    """A copy of the checkpoint, and in the place of predicting an empty file; names of files."""
    folder = shutil.copytree(laboratory / "world-0", tmp_path / "checkpoints" / "world-0")
    monkeypatch.setenv("SALT_CHECKPOINTS_DIR", str(folder.parent))
    monkeypatch.setenv("SALT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(predictions, "save", lambda path, *_: path.write_text(""))
    monkeypatch.setattr(laboratory_predictions.loading, "masked_lm", lambda source: None)
    (tmp_path / "cache").mkdir()

    def name(*arguments):
        return predictions_path(WORLD, NAME, *arguments).name

    yield folder, name


def test_two_processes_that_need_them_make_them_once(copy, monkeypatch):
    """The second one waits under the lock, and finds them made."""
    made = []

    @contextmanager
    def alone(path, what):
        assert not path.exists() and str(path) in what
        made.append(path)
        path.write_text("by another process")
        yield True

    monkeypatch.setattr(laboratory_predictions, "alone", alone)
    _, name = copy
    assert name() == made[0].name and made[0].read_text() == "by another process"
    assert name() and len(made) == 1


@pytest.mark.parametrize(
    "file", ["config.json", "model.safetensors", "tokenizer.json", "vocabulary.json"]
)
def test_another_checkpoint_has_other_predictions(copy, file):
    folder, name = copy
    before, data = name(), (folder / file).read_bytes()
    (folder / file).write_bytes(data + b" ")
    assert name() != before
    (folder / file).write_bytes(data)
    assert name() == before


def test_what_is_said_of_a_checkpoint_changes_nothing(copy):
    folder, name = copy
    before = name()
    (folder / "README.md").write_text("said")
    (folder / "curve.json").write_text("{}")
    assert name() == before


def test_other_data_languages_sources_or_torch_have_other_predictions(copy):
    _, name = copy
    seen = {name(), name(True)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(laboratory_predictions, "sources", lambda module: f"edited {module}")
        seen.add(name())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "__version__", "0.1")
        seen.add(name())
    with pytest.MonkeyPatch.context() as patch:
        row = tasks.PAIR_TASKS[NAME]
        patch.setitem(tasks.PAIR_TASKS, NAME, replace(row, languages=row.languages[1:]))
        seen.add(name())
    pairs = tasks.load(NAME, "train", "en", WORLD)
    with pytest.MonkeyPatch.context() as patch:
        other = replace(pairs, labels=[0] * len(pairs))
        patch.setattr(laboratory_predictions, "load", lambda *_: other)
        seen.add(name())
    assert len(seen) == 6 and name() in seen


def test_the_other_task_has_its_own():
    one, two = (predictions_path(WORLD, name) for name in (NAME, "mini-paws-x"))
    assert one != two and set(predictions.read_all(two)["language"]) == {
        *"de en es fr ja ko zh".split()
    }
    with pytest.raises(SaltError, match="unknown task"):
        predictions_path(WORLD, "xnli")
    with pytest.raises(SaltError, match="no checkpoint for world 55"):
        predictions_path(55, NAME)


def test_predicting_leaves_the_number_of_threads_as_it_was(copy, monkeypatch):
    _, name = copy

    def failing(*_):
        assert torch.get_num_threads() == 1
        raise SaltError("the disk is full")

    before = torch.get_num_threads()
    monkeypatch.setattr(predictions, "save", failing)
    try:
        torch.set_num_threads(2)
        with pytest.raises(SaltError, match="disk is full"):
            name()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_vocabularies_are_one_piece_words_of_their_language():
    found = vocabularies(WORLD, ("en", "de"))
    assert list(found) == ["en", "de"] and all(len(own) > 10 for own in found.values())
    data = encoded(WORLD, NAME, "train", "en")
    assert set(found["en"].tolist()) & set(data.ids.tolist())
    assert data is small.encoded("train")  # tokenized once

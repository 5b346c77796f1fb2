"""A flipped bit in any file of a checkpoint is an error, and no other number."""

import random
import shutil

import pytest
from places import ROOT

from salt_lib.errors import SaltError
from salt_lib.laboratory.checkpoints import SHIPPED
from salt_lib.models import cards, classifiers, loading

COMMITTED = sorted([*SHIPPED.glob("world-*"), *(ROOT / "checkpoints").glob("world-*")])


@pytest.fixture
def folder(tmp_path):
    for name, data in (("config.json", b"{}"), ("model.safetensors", b"weights"), (".lock", b"")):
        (tmp_path / name).write_bytes(data)
    cards.seal(tmp_path, "# A model\n\nOf nobody.\n")
    return tmp_path


def test_what_is_written_is_intact_and_the_text_stays(folder):
    cards.check(folder)
    text = (folder / "README.md").read_text()
    assert text.startswith("# A model\n\nOf nobody.\n") and ".lock" not in text
    (folder / "model.safetensors").write_bytes(b"others")
    with pytest.raises(SaltError, match="model.safetensors: not the file whose digest stands"):
        cards.check(folder)
    cards.seal(folder, "unused")  # again, in the place of the old
    cards.check(folder)
    after = (folder / "README.md").read_text()
    assert after.count("## Digests") == 1 and after.partition("##")[0] == text.partition("##")[0]


def test_a_missing_file_is_one_that_is_not_as_it_was(folder):
    (folder / "config.json").unlink()
    with pytest.raises(SaltError, match="config.json: .* damaged, edited or removed"):
        cards.check(folder)


def test_other_cards_and_none_are_no_matter(tmp_path):
    cards.check(tmp_path)
    (tmp_path / "README.md").write_bytes(b"\xff not ours")
    cards.check(tmp_path)
    (tmp_path / "README.md").write_text("# Somebody's\n\n| `config.json` | `" + "0" * 64 + "` |\n")
    cards.check(tmp_path)


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.name)
def test_every_committed_checkpoint_is_intact_and_named_whole(path):
    cards.check(path)
    named = {name for name, _ in cards.ROW.findall((path / "README.md").read_text())}
    assert named == {p.name for p in path.iterdir()} - {"README.md"}


@pytest.mark.parametrize("load", [loading.tokenizer, loading.masked_lm])
@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "vocabulary.json"])
def test_a_flipped_bit_in_a_checkpoint_is_an_error_when_it_is_loaded(tmp_path, load, name):
    folder = shutil.copytree(SHIPPED / "world-0", tmp_path / "model")
    data = bytearray((folder / name).read_bytes())
    data[random.Random(name).randrange(len(data) // 2, len(data))] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(SaltError, match=f"{name}: not the file whose digest"):
        load(folder)


def test_a_kept_classifier_has_its_digests(laboratory, tmp_path):
    source, names = laboratory / "world-0", ("a", "b")
    model = classifiers.classifier(source, 2, 0, 0.0)
    classifiers.save_classifier(model, source, tmp_path / "kept", names)
    classifiers.saved_classifier(tmp_path / "kept", names, False)
    weights = tmp_path / "kept" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(SaltError, match="model.safetensors: not the file whose digest"):
        classifiers.saved_classifier(tmp_path / "kept", names, False)

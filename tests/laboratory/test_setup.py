"""What a laboratory's runs share is part of what makes them: world, checkpoint, task, training."""

import json
import shutil
from dataclasses import replace

import pytest

from salt_lib import files
from salt_lib.errors import SaltError
from salt_lib.laboratory import checkpoints, deeper, tasks
from salt_lib.laboratory.setup import Laboratory
from salt_lib.salt.methods import METHODS, WORLD_METHODS, method
from salt_lib.study.provenance import fingerprint


@pytest.fixture
def seven(tmp_path, monkeypatch):
    """A made checkpoint for world 7; its folder, and the fingerprint of its runs anew."""
    monkeypatch.setenv("SALT_CHECKPOINTS_DIR", str(tmp_path / "made"))
    folder = tmp_path / "made" / "world-7"
    for name in ("model.safetensors", "config.json", "README.md", "curve.json"):
        files.write_bytes(folder / name, b"as made")
    return folder, lambda: fingerprint(Laboratory(7), 7, "mini-xnli", "salt")


def test_the_fingerprint_changes_with_the_checkpoint(seven):
    folder, now = seven
    seen = [now()]
    for name in ("model.safetensors", "config.json", "tokenizer.json", "vocabulary.json"):
        files.write_bytes(folder / name, b"edited")
        seen.append(now())
    (folder / "config.json").unlink()
    seen.append(now())
    assert len(set(seen)) == 6
    for name in ("README.md", "curve.json"):
        files.write_bytes(folder / name, b"said otherwise")
    files.write_bytes(folder.parent / "world-8" / "model.safetensors", b"another world's")
    assert now() == seen[-1]


def test_a_checkpoint_that_comes_back_makes_its_runs_fresh_again(seven):
    folder, now = seven
    before = now()
    files.write_bytes(folder / "model.safetensors", b"edited")
    assert now() != before
    files.write_bytes(folder / "model.safetensors", b"as made")
    assert now() == before


def test_the_fingerprint_is_of_the_checkpoint_that_a_run_would_load(seven, tmp_path, monkeypatch):
    made, now = seven
    monkeypatch.setattr(checkpoints, "SHIPPED", tmp_path / "shipped")
    shipped = tmp_path / "shipped" / "world-7"
    shutil.move(made, shipped)
    alone = now()
    assert Laboratory(7).checkpoint == shipped
    shutil.copytree(shipped, made)
    files.write_bytes(made / "model.safetensors", b"another")
    assert Laboratory(7).checkpoint == made and now() != alone
    both = now()
    shutil.rmtree(shipped)
    assert now() == both
    shutil.move(made, shipped)
    assert Laboratory(7).checkpoint == shipped and now() == both  # where it lies does not matter
    shutil.rmtree(shipped)
    with pytest.raises(SaltError, match="no checkpoint for world 7"):
        now()


@pytest.mark.parametrize("name", ["mini-xnli", "mini-ner"])
def test_the_task_s_own_row_counts_and_no_other(seven, monkeypatch, name):
    table = tasks.TAG_TASKS if name in tasks.TAG_TASKS else tasks.PAIR_TASKS
    setup, row = Laboratory(7), table[name]
    others = [task for task in tasks.CONFIGS if task != name]
    before = {task: fingerprint(setup, 7, task, "salt") for task in tasks.CONFIGS}
    for changes in (
        {"languages": row.languages[1:]},
        {"labels": row.labels[::-1]},
        {"groups": {**row.groups, "dev": 1}},
    ):
        monkeypatch.setitem(table, name, replace(row, **changes))
        assert fingerprint(setup, 7, name, "salt") != before[name]
    monkeypatch.setitem(table, name, row)
    assert fingerprint(setup, 7, name, "salt") == before[name]
    monkeypatch.setitem(tasks.CONFIGS, name, replace(tasks.CONFIGS[name], epochs=99))
    assert fingerprint(setup, 7, name, "salt") != before[name]
    assert all(fingerprint(setup, 7, task, "salt") == before[task] for task in others)


def test_the_deeper_model_has_its_own_configurations(monkeypatch):
    plain, deep = Laboratory(0), Laboratory(0, deeper.LAYERS)
    before = [fingerprint(setup, 0, "mini-ner", "salt") for setup in (plain, deep)]
    assert before[0] != before[1] and plain.checkpoint != deep.checkpoint
    assert deep.config("mini-xnli").epochs == 2 != plain.config("mini-xnli").epochs
    changed = replace(deeper.CONFIGS["mini-ner"], epochs=99)
    monkeypatch.setitem(deeper.CONFIGS, "mini-ner", changed)
    assert fingerprint(plain, 0, "mini-ner", "salt") == before[0]
    assert fingerprint(deep, 0, "mini-ner", "salt") != before[1]
    assert fingerprint(deep, 0, "mini-pos", "salt") != fingerprint(plain, 0, "mini-pos", "salt")


def test_an_identity_is_json(seven):
    found = Laboratory(7).identity("mini-xnli")
    assert set(found) == {"task", "layers", "weights", "training", "by_method"}
    again = json.loads(json.dumps(found))
    assert again["task"]["name"] == "mini-xnli" and again["training"]["epochs"] == 5


def test_a_method_of_a_task_over_worlds_has_what_was_chosen_for_it(seven, monkeypatch):
    chosen = {"salt": {"threshold": 0.7}, "smoothed": {"noise": 0.3, "epochs": 4}}
    for name in {*tasks.METHOD_CONFIGS} - {*chosen}:
        monkeypatch.delitem(tasks.METHOD_CONFIGS, name)
    for name, changes in chosen.items():
        monkeypatch.setitem(tasks.METHOD_CONFIGS, name, changes)
    setup = Laboratory(7)
    for name in tasks.WORLD_TASKS:
        plain = tasks.CONFIGS[name]
        assert setup.config(name) == setup.config(name, "baseline") == plain
        assert setup.config(name, "salt") == replace(plain, threshold=0.7) != plain
        assert setup.config(name, "smoothed") == replace(plain, noise=0.3, epochs=4)
        assert Laboratory(7, 6).config(name, "salt") == setup.config(name, "salt")
        assert setup.identity(name)["by_method"] == chosen
    for name in ("mini-xnli", "mini-ner"):
        assert setup.config(name, "salt") == tasks.CONFIGS[name]
        assert Laboratory(7, 6).config(name, "salt") == deeper.CONFIGS[name]
        assert setup.identity(name)["by_method"] == {}


def test_what_was_chosen_for_a_method_is_part_of_what_makes_a_run(seven, monkeypatch):
    asked = [("mini-nli", "salt"), ("mini-nli", "baseline"), ("mini-xnli", "salt")]
    before = [fingerprint(Laboratory(7), 7, *key) for key in asked]
    monkeypatch.setitem(tasks.METHOD_CONFIGS, "salt", {"threshold": 0.123})
    now = [fingerprint(Laboratory(7), 7, *key) for key in asked]
    assert [one != two for one, two in zip(before, now, strict=True)] == [True, True, False]


def test_it_has_every_method_and_names_the_tasks_it_has():
    for name in (*METHODS, *WORLD_METHODS, "dlfa-1"):
        Laboratory().check("mini-pos", method(name))
    with pytest.raises(SaltError, match="unknown task 'xnli'; known: mini-xnli, mini-paws-x, mini"):
        Laboratory().check("xnli", METHODS["salt"])

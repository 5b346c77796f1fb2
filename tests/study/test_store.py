"""A run is trusted while what made it is unchanged, and no file of a run is ever lost."""

import errno
import json
import shutil
import warnings

import pytest
from fake_runs import Setup, made

from salt_lib import files
from salt_lib.errors import SaltError
from salt_lib.laboratory.setup import Laboratory
from salt_lib.study import provenance, store
from salt_lib.study.results import COLUMNS, frame_of

KEY = {"world": 0, "task": "mini-xnli", "method": "salt", "seed": 3}
SETUP = Setup()


def write(root, setup=SETUP, **changes):
    key = {**KEY, **changes}
    print_ = provenance.fingerprint(setup, key["world"], key["task"], key["method"])
    return store.write_run(root, {**made(key["seed"]), "fingerprint": print_, **key})


def test_a_run_comes_back_with_where_it_comes_from(tmp_path):
    path = write(tmp_path)
    assert path == tmp_path / "world-0" / "mini-xnli" / "salt" / "seed-03.json"
    run = store.read_run(path)
    assert run["scores"] == {"en": 0.9, "de": 0.53}
    assert run["fingerprint"] == provenance.fingerprint(SETUP, 0, "mini-xnli", "salt")
    assert {"python", "torch", "transformers", "tokenizers", "numpy", "seqeval"} == set(
        run["versions"]
    )
    assert run["created"].endswith("+00:00") and run["commit"] and run["hardware"]
    assert store.is_fresh(SETUP, tmp_path, **KEY)
    assert not store.is_fresh(SETUP, tmp_path, **{**KEY, "seed": 4})
    assert not store.is_fresh(Setup(name="another"), tmp_path, **KEY)


@pytest.mark.parametrize("score", [float("nan"), 1.2, "0.9", None, True])
def test_what_is_no_accuracy_is_not_stored(tmp_path, score):
    with pytest.raises(SaltError, match="score of 'de'"):
        write(tmp_path, scores={"en": 0.9, "de": score})
    with pytest.raises(SaltError, match="no scores"):
        write(tmp_path, scores={})
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize("lacking", ["fingerprint", "dev", "config", "world"])
def test_a_run_that_lacks_a_part_is_not_stored(tmp_path, lacking):
    run = {**made(3), **KEY, "fingerprint": "of these sources"}
    del run[lacking]
    with pytest.raises(SaltError, match=f"is not stored: '{lacking}' is missing"):
        store.write_run(tmp_path, run)
    assert not list(tmp_path.iterdir())


def broken_contents():
    whole = json.dumps({**made(3), **KEY})
    return [whole[: len(whole) // 2], "", "[]", '{"world": 0}', "\ufeff{", "\0\0\0"]


@pytest.mark.parametrize("content", broken_contents())
def test_a_broken_file_is_moved_aside_with_a_warning(tmp_path, content):
    path = write(tmp_path)
    for number in (1, 2):
        path.write_text(content, encoding="utf-8")
        with pytest.warns(UserWarning, match="seed-03.json.*not a finished run") as caught:
            assert store.read_run(path) is None
        assert f"seed-03.json.broken-{number}" in str(caught[0].message)
        assert not path.exists()
        aside = path.with_name(f"seed-03.json.broken-{number}")
        assert aside.read_text(encoding="utf-8") == content
    assert store.stored(tmp_path, 0) == []  # what was moved aside is not read again


def test_a_run_of_another_path_is_moved_aside(tmp_path):
    path = write(tmp_path)
    copy = path.with_name("seed-04.json")
    shutil.copy(path, copy)
    with pytest.warns(UserWarning, match="it is the run of world-0/mini-xnli/salt/seed-03.json"):
        assert store.read_run(copy) is None
    assert store.read_run(path)["seed"] == 3 and store.read_run(copy) is None  # silently: no file


def test_the_runs_of_one_world_are_a_long_frame(tmp_path):
    write(tmp_path)
    write(tmp_path, seed=0, method="baseline")
    write(tmp_path, world=1)
    frame = frame_of(store.fresh(SETUP, tmp_path, 0))
    assert tuple(frame.columns) == COLUMNS
    assert frame.values.tolist() == [
        [0, "mini-xnli", "baseline", 0, "de", 0.5],
        [0, "mini-xnli", "baseline", 0, "en", 0.9],
        [0, "mini-xnli", "salt", 3, "de", 0.53],
        [0, "mini-xnli", "salt", 3, "en", 0.9],
    ]
    empty = frame_of(store.fresh(SETUP, tmp_path / "nothing", 0))
    assert tuple(empty.columns) == COLUMNS and empty.empty


def test_stale_runs_and_those_of_unknown_tasks_are_left_out_and_counted(tmp_path):
    write(tmp_path)
    write(tmp_path, seed=4, fingerprint="of other sources")
    write(tmp_path, task="mini-sleep")
    write(tmp_path, task="mini-paws-x", setup=Setup(name="another"))
    with pytest.warns(UserWarning, match="3 of 4 runs.*'salt this' makes them again"):
        found = store.fresh(SETUP, tmp_path, 0, "salt this")
    assert [run["seed"] for run in found] == [3]
    assert len(store.stored(tmp_path, 0)) == 4


def test_the_laboratory_s_run_is_not_that_of_a_setup_of_another_name(tmp_path):
    write(tmp_path, Laboratory(0))
    assert store.is_fresh(Laboratory(0), tmp_path, **KEY)
    assert not store.is_fresh(Laboratory(0, 6), tmp_path, **KEY)
    assert not store.is_fresh(SETUP, tmp_path, **KEY)


@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_a_full_disk_loses_nothing(tmp_path, monkeypatch, step):
    path = write(tmp_path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, step, full)
    with pytest.raises(SaltError, match="seed-03.json.*No space left"):
        write(tmp_path, seconds=5.0)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["seed-03.json"]


def test_nothing_warns_where_nothing_is_wrong(tmp_path):
    write(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(store.fresh(SETUP, tmp_path, 0)) == 1


def test_a_damaged_digit_is_noticed(tmp_path):
    path = write(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"0.53", b"0.57"))
    with pytest.warns(UserWarning, match="its checksum does not match"):
        assert store.read_run(path) is None
    path = write(tmp_path)
    run = store.read_run(path)
    path.write_text(json.dumps(run))  # as of before there were checksums
    assert store.read_run(path) == run and "checksum" not in run

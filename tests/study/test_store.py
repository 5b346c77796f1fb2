"""A run is trusted while what made it is unchanged, and no file of a run is ever lost."""

import errno
import json
import shutil
import warnings

import pytest
from fake_runs import run as fake

from salt_lib import files
from salt_lib.errors import SaltError
from salt_lib.study import provenance, store

KEY = {"world": 0, "task": "mini-xnli", "method": "salt", "seed": 3}


def write(root, **changes):
    key = {**KEY, **changes}
    return store.write_run(root, {**fake(**{name: key[name] for name in KEY}), **key})


def test_a_run_comes_back_with_where_it_comes_from(tmp_path):
    path = write(tmp_path)
    assert path == tmp_path / "world-0" / "mini-xnli" / "salt" / "seed-03.json"
    run = store.read_run(path)
    assert run["scores"] == {"en": 0.9, "de": 0.53}
    assert run["fingerprint"] == provenance.fingerprint(0, "mini-xnli", "salt")
    assert {"python", "torch", "transformers", "tokenizers", "numpy", "seqeval"} == set(
        run["versions"]
    )
    assert run["created"].endswith("+00:00") and run["commit"] and run["hardware"]
    assert store.is_fresh(tmp_path, **KEY) and not store.is_fresh(tmp_path, **{**KEY, "seed": 4})


@pytest.mark.parametrize("score", [float("nan"), 1.2, "0.9", None, True])
def test_what_is_no_accuracy_is_not_stored(tmp_path, score):
    with pytest.raises(SaltError, match="score of 'de'"):
        write(tmp_path, scores={"en": 0.9, "de": score})
    with pytest.raises(SaltError, match="no scores"):
        write(tmp_path, scores={})
    assert not list(tmp_path.rglob("*.json"))


def broken_contents():
    whole = json.dumps({**fake(**KEY), **KEY})
    return [whole[: len(whole) // 2], "", "[]", '{"world": 0}', "\ufeff{", "\0\0\0"]


@pytest.mark.parametrize("content", broken_contents())
def test_a_broken_file_is_moved_aside_with_a_warning(tmp_path, content):
    path = write(tmp_path)
    for number in (1, 2):
        path.write_text(content, encoding="utf-8")
        with pytest.warns(UserWarning, match="seed-03.json.*no finished run") as caught:
            assert store.read_run(path) is None
        assert f"seed-03.json.broken-{number}" in str(caught[0].message)
        assert not path.exists()
        aside = path.with_name(f"seed-03.json.broken-{number}")
        assert aside.read_text(encoding="utf-8") == content
    assert store.load(tmp_path).empty  # what was moved aside is not read again


def test_a_run_of_another_path_is_moved_aside(tmp_path):
    path = write(tmp_path)
    copy = path.with_name("seed-04.json")
    shutil.copy(path, copy)
    with pytest.warns(UserWarning, match="it is the run of world-0/mini-xnli/salt/seed-03.json"):
        assert store.read_run(copy) is None
    assert store.read_run(path)["seed"] == 3 and store.read_run(copy) is None  # silently: no file


def test_load_gives_the_long_frame_of_one_world(tmp_path):
    write(tmp_path)
    write(tmp_path, seed=0, method="baseline")
    write(tmp_path, world=1)
    frame = store.load(tmp_path)
    assert tuple(frame.columns) == store.COLUMNS
    assert frame.values.tolist() == [
        [0, "mini-xnli", "baseline", 0, "de", 0.5],
        [0, "mini-xnli", "baseline", 0, "en", 0.9],
        [0, "mini-xnli", "salt", 3, "de", 0.53],
        [0, "mini-xnli", "salt", 3, "en", 0.9],
    ]
    assert set(frame.attrs) == {"command", "commit", "date", "hardware"}
    empty = store.load(tmp_path / "nothing")
    assert tuple(empty.columns) == store.COLUMNS and empty.empty


def test_load_leaves_stale_runs_out_and_says_so(tmp_path):
    write(tmp_path)
    write(tmp_path, seed=4, fingerprint="of other sources")
    with pytest.warns(UserWarning, match="1 of 2 runs"):
        assert set(store.load(tmp_path)["seed"]) == {3}


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


def table(path, seeds=range(15), methods=("baseline", "salt"), world=0):
    rows = [
        {"world": world, "task": t, "method": m, "seed": s, "scores": {"en": 0.9, "de": 0.6}}
        for t in store.STUDY_TASKS
        for m in methods
        for s in seeds
    ]
    origin = {"command": "salt study", "commit": "c" * 40, "date": "2026-01-02", "hardware": "a h"}
    files.write_json(path, {**origin, "rows": rows})
    return path


def test_the_frozen_table_says_where_it_comes_from(tmp_path):
    frame = store.recorded(table(tmp_path / "t.json"))
    assert len(frame) == 2 * 2 * 15 * 2 and tuple(frame.columns) == store.COLUMNS
    note = store.origin_note(frame, store.FROZEN)
    assert "frozen table" in note and "2026-01-02" in note and "commit cccccccccc," in note
    frame.attrs["commit"] = f"{'c' * 40}, {'d' * 40}-dirty"
    assert "commits cccccccccc, dddddddddd-dirty, a h." in store.origin_note(frame, store.HERE)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"rows": [{"world": 0}]}', '{"rows": 3}'])
def test_a_broken_frozen_table_is_an_error(tmp_path, content):
    path = tmp_path / "t.json"
    path.write_text(content)
    with pytest.raises(SaltError, match="t.json: not a table"):
        store.recorded(path)
    with pytest.raises(SaltError, match="none.json.*salt study"):
        store.recorded(tmp_path / "none.json")


def test_only_a_complete_grid_replaces_the_frozen_table(tmp_path):
    frozen, methods = table(tmp_path / "t.json"), ["baseline", "salt"]
    for task in store.STUDY_TASKS:
        for method in [*methods, "mixup"]:
            for seed in range(15):
                last = write(tmp_path, task=task, method=method, seed=seed)
    frame, source = store.current_or_recorded(0, methods, tmp_path, frozen)
    assert source == store.HERE == "this machine"
    assert set(frame["method"]) == set(methods) and len(frame) == 2 * 2 * 15 * 2
    assert "runs of this machine" in store.origin_note(frame, source)
    last.unlink()  # of mixup, which nobody asked for
    assert store.current_or_recorded(0, methods, tmp_path, frozen)[1] == store.HERE
    store.run_path(tmp_path, 0, "mini-xnli", "salt", 14).unlink()
    frame, source = store.current_or_recorded(0, methods, tmp_path, frozen)
    assert source == store.FROZEN and set(frame.loc[frame["language"] == "de", "score"]) == {0.6}
    with pytest.raises(SaltError, match="no results of mixup in world 0.*--methods mixup"):
        store.current_or_recorded(0, ["mixup"], tmp_path, frozen)


def test_of_the_frozen_table_runs_pair_up(tmp_path):
    """A method with fewer seeds narrows only the comparison that it takes part in."""
    frozen = table(tmp_path / "t.json")
    found = json.loads(frozen.read_text())
    found["rows"] += [{**r, "method": "mixup"} for r in found["rows"] if r["seed"] in (1, 2, 7)]
    files.write_json(frozen, found)
    for methods, seeds in ((["baseline", "salt"], range(15)), (["baseline", "mixup"], (1, 2, 7))):
        frame, source = store.current_or_recorded(0, methods, tmp_path / "none", frozen)
        assert source == store.FROZEN and frame.attrs["date"] == "2026-01-02"
        for (_, method), group in frame.groupby(["task", "method"]):
            assert method in methods and set(group["seed"]) == set(seeds)
    whole, left = store.whole_methods(store.recorded(frozen))
    assert left == ["mixup"] and set(whole["method"]) == {"baseline", "salt"}
    assert whole.attrs["date"] == "2026-01-02"
    assert store.whole_methods(whole)[1] == []


def test_nothing_warns_where_nothing_is_wrong(tmp_path):
    write(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(store.load(tmp_path)) == 2

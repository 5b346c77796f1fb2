"""A run is trusted while what made it is unchanged, and no file of a run is ever lost."""

import ast
import errno
import json
import shutil
import warnings

import pytest
from fake_runs import run as fake

from salt_lib import encoders, files, runs
from salt_lib.errors import SaltError

KEY = {"world": 0, "task": "mini-xnli", "method": "salt", "seed": 3}
SHARED = {"errors", "files"}  # say and write things, and change no score


def write(root, **changes):
    key = {**KEY, **changes}
    return runs.write_run(root, {**fake(**{name: key[name] for name in KEY}), **key})


def test_a_run_comes_back_with_where_it_comes_from(tmp_path):
    path = write(tmp_path)
    assert path == tmp_path / "world-0" / "mini-xnli" / "salt" / "seed-03.json"
    run = runs.read_run(path)
    assert run["scores"] == {"en": 0.9, "de": 0.53}
    assert run["fingerprint"] == runs.fingerprint(0, "mini-xnli", "salt")
    assert {"python", "torch", "transformers", "tokenizers", "numpy"} == set(run["versions"])
    assert run["created"].endswith("+00:00") and run["commit"] and run["hardware"]
    assert runs.is_fresh(tmp_path, **KEY) and not runs.is_fresh(tmp_path, **{**KEY, "seed": 4})


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
            assert runs.read_run(path) is None
        assert f"seed-03.json.broken-{number}" in str(caught[0].message)
        assert not path.exists()
        aside = path.with_name(f"seed-03.json.broken-{number}")
        assert aside.read_text(encoding="utf-8") == content
    assert runs.load(tmp_path).empty  # what was moved aside is not read again


def test_a_run_of_another_path_is_moved_aside(tmp_path):
    path = write(tmp_path)
    copy = path.with_name("seed-04.json")
    shutil.copy(path, copy)
    with pytest.warns(UserWarning, match="it is the run of world-0/mini-xnli/salt/seed-03.json"):
        assert runs.read_run(copy) is None
    assert runs.read_run(path)["seed"] == 3 and runs.read_run(copy) is None  # silently: no file


def test_load_gives_the_long_frame_of_one_world(tmp_path):
    write(tmp_path)
    write(tmp_path, seed=0, method="baseline")
    write(tmp_path, world=1)
    frame = runs.load(tmp_path)
    assert tuple(frame.columns) == runs.COLUMNS
    assert frame.values.tolist() == [
        [0, "mini-xnli", "baseline", 0, "de", 0.5],
        [0, "mini-xnli", "baseline", 0, "en", 0.9],
        [0, "mini-xnli", "salt", 3, "de", 0.53],
        [0, "mini-xnli", "salt", 3, "en", 0.9],
    ]
    assert set(frame.attrs) == {"command", "commit", "date", "hardware"}
    empty = runs.load(tmp_path / "nothing")
    assert tuple(empty.columns) == runs.COLUMNS and empty.empty


def test_load_leaves_stale_runs_out_and_says_so(tmp_path):
    write(tmp_path)
    write(tmp_path, seed=4, fingerprint="of other sources")
    with pytest.warns(UserWarning, match="1 of 2 runs"):
        assert set(runs.load(tmp_path)["seed"]) == {3}


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
        for t in runs.STUDY_TASKS
        for m in methods
        for s in seeds
    ]
    origin = {"command": "salt study", "commit": "c" * 40, "date": "2026-01-02", "hardware": "a h"}
    files.write_json(path, {**origin, "rows": rows})
    return path


def test_the_frozen_table_says_where_it_comes_from(tmp_path):
    frame = runs.recorded(table(tmp_path / "t.json"))
    assert len(frame) == 2 * 2 * 15 * 2 and tuple(frame.columns) == runs.COLUMNS
    note = runs.origin_note(frame, runs.FROZEN)
    assert "frozen table" in note and "2026-01-02" in note and "cccccccccc" in note


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"rows": [{"world": 0}]}', '{"rows": 3}'])
def test_a_broken_frozen_table_is_an_error(tmp_path, content):
    path = tmp_path / "t.json"
    path.write_text(content)
    with pytest.raises(SaltError, match="t.json: not a table"):
        runs.recorded(path)
    with pytest.raises(SaltError, match="none.json.*salt study"):
        runs.recorded(tmp_path / "none.json")


def test_only_a_complete_grid_replaces_the_frozen_table(tmp_path):
    frozen, methods = table(tmp_path / "t.json"), ["baseline", "salt"]
    for task in runs.STUDY_TASKS:
        for method in [*methods, "mixup"]:
            for seed in range(15):
                last = write(tmp_path, task=task, method=method, seed=seed)
    frame, source = runs.current_or_recorded(0, methods, tmp_path, frozen)
    assert source == runs.HERE == "this machine"
    assert set(frame["method"]) == set(methods) and len(frame) == 2 * 2 * 15 * 2
    assert "runs of this machine" in runs.origin_note(frame, source)
    last.unlink()  # of mixup, which nobody asked for
    assert runs.current_or_recorded(0, methods, tmp_path, frozen)[1] == runs.HERE
    runs.run_path(tmp_path, 0, "mini-xnli", "salt", 14).unlink()
    frame, source = runs.current_or_recorded(0, methods, tmp_path, frozen)
    assert source == runs.FROZEN and set(frame.loc[frame["language"] == "de", "score"]) == {0.6}
    with pytest.raises(SaltError, match="no results of mixup in world 0.*--methods mixup"):
        runs.current_or_recorded(0, ["mixup"], tmp_path, frozen)


def test_of_the_frozen_table_runs_pair_up(tmp_path):
    """A method with fewer seeds narrows only the comparison that it takes part in."""
    frozen = table(tmp_path / "t.json")
    found = json.loads(frozen.read_text())
    found["rows"] += [{**r, "method": "mixup"} for r in found["rows"] if r["seed"] in (1, 2, 7)]
    files.write_json(frozen, found)
    for methods, seeds in ((["baseline", "salt"], range(15)), (["baseline", "mixup"], (1, 2, 7))):
        frame, source = runs.current_or_recorded(0, methods, tmp_path / "none", frozen)
        assert source == runs.FROZEN and frame.attrs["date"] == "2026-01-02"
        for (_, method), group in frame.groupby(["task", "method"]):
            assert method in methods and set(group["seed"]) == set(seeds)
    whole, left = runs.whole_methods(runs.recorded(frozen))
    assert left == ["mixup"] and set(whole["method"]) == {"baseline", "salt"}
    assert whole.attrs["date"] == "2026-01-02"
    assert runs.whole_methods(whole)[1] == []


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package, with a checkpoint for world 7, and its fingerprint anew each time."""
    monkeypatch.setenv("SALT_CHECKPOINTS_DIR", str(tmp_path / "checkpoints"))
    copy = tmp_path / "salt_lib"
    shutil.copytree(runs.PACKAGE, copy, ignore=shutil.ignore_patterns("checkpoints", "__pycache__"))
    for name in ("model.safetensors", "README.md"):
        files.write_bytes(copy / "checkpoints" / "world-7" / name, b"as made")

    def now():
        runs.sources.cache_clear()
        return runs.fingerprint(7, "mini-xnli", "salt", copy)

    yield copy, now
    runs.sources.cache_clear()


def append(path, text=b"\n# changed\n"):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes((path.read_bytes() if path.exists() else b"") + text)


def test_the_fingerprint_changes_with_what_influences_a_run(package):
    copy, now = package
    seen = {now()}
    for name in ("train.py", "languages.py", "minibabel/facts.py", "minibabel/lexicon.tsv"):
        append(copy / name)
        seen.add(now())
    append(copy / "minibabel" / "new.py")
    seen.add(now())
    append(copy / "checkpoints" / "world-7" / "model.safetensors")
    seen.add(now())
    (copy / "checkpoints" / "world-7" / "model.safetensors").unlink()
    seen.add(now())
    seen.add(runs.fingerprint(8, "mini-xnli", "salt", copy))
    seen.add(runs.fingerprint(7, "mini-paws-x", "salt", copy))
    seen.add(runs.fingerprint(7, "mini-xnli", "mixup", copy))
    assert len(seen) == 11


def test_the_fingerprint_hashes_the_checkpoint_that_a_run_would_load(package, monkeypatch):
    copy, now = package
    monkeypatch.setattr(encoders, "SHIPPED", copy / "checkpoints")
    shipped, made = copy / "checkpoints" / "world-7", copy.parent / "checkpoints" / "world-7"
    alone = now()
    assert encoders.checkpoint(7) == shipped
    shutil.copytree(shipped, made)
    append(made / "model.safetensors", b"another")
    assert encoders.checkpoint(7) == made and now() != alone
    both = now()
    shutil.rmtree(shipped)
    assert now() == both
    shutil.move(made, shipped)
    assert encoders.checkpoint(7) == shipped and now() == both  # where it lies does not matter


def test_the_fingerprint_of_a_library_version(package, monkeypatch):
    _, now = package
    before = now()
    monkeypatch.setattr(runs, "versions", lambda: {"torch": "0.1"})
    assert now() != before


def test_the_fingerprint_ignores_what_influences_no_run(package):
    copy, now = package
    before = now()
    for name in ("plots/results.py", "plots/__init__.py", "stats.py", "runs.py", "study.py"):
        append(copy / name)
    append(copy / "pretrain.py")
    append(copy / "checkpoints" / "world-7" / "README.md")
    append(copy / "checkpoints" / "world-8" / "model.safetensors")
    languages = copy / "languages.py"
    languages.write_bytes(languages.read_bytes().replace(b"\n", b"\r\n"))
    assert now() == before


def test_no_influence_is_forgotten():
    """A module that a listed module imports is listed too."""
    listed, strangers = set(), set()
    for pattern in runs.INFLUENCES:
        found = list(runs.PACKAGE.glob(pattern))
        assert found, f"{pattern} matches no file"
        listed |= set(found)
    for path in (path for path in listed if path.suffix == ".py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not node.level:
                continue
            base = path.parents[node.level - 1]
            parts = (node.module or "").split(".") if node.module else []
            base = base.joinpath(*parts)
            names = [base.with_suffix(".py")] if base.with_suffix(".py").exists() else []
            names = names or [base / f"{alias.name}.py" for alias in node.names]
            strangers |= {
                f"{path.name} imports {name.stem}"
                for name in names
                if name.exists() and name not in listed and name.stem not in SHARED
            }
    assert not strangers


def test_sources_are_read_once_per_process(tmp_path):
    append(tmp_path / "train.py")
    before = runs.fingerprint(0, "mini-xnli", "salt", tmp_path)
    append(tmp_path / "train.py")
    assert runs.fingerprint(0, "mini-xnli", "salt", tmp_path) == before


def test_nothing_warns_where_nothing_is_wrong(tmp_path):
    write(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(runs.load(tmp_path)) == 2

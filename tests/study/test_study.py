"""What is frozen is what was run, and the pages read it alike."""

import json

import pytest
from fake_runs import run as fake
from invented import frame
from typer.testing import CliRunner

from salt_lib.cli import main as cli
from salt_lib.errors import SaltError
from salt_lib.salt.methods import MAIN
from salt_lib.study import frozen as study_frozen
from salt_lib.study import store

METHODS = (*MAIN, "salt-masked")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The main methods and one more in full, and one seed of another."""
    root = tmp_path_factory.mktemp("runs")
    keys = [(t, m, s) for t in store.STUDY_TASKS for m in METHODS for s in store.STUDY_SEEDS]
    for task, method, seed in [*keys, ("mini-xnli", "dictionary", 0)]:
        key = {"world": 0, "task": task, "method": method, "seed": seed}
        made = fake(**key)
        made["scores"]["de"] = 1 / 3 + seed / 100  # of no short decimal form
        store.write_run(root, {**made, **key, "config": {"epochs": 2}})
    return root


def test_a_frozen_table_comes_back_as_the_runs(root, tmp_path):
    path = tmp_path / "table.json"
    assert study_frozen.freeze(path, root) == list(METHODS)  # dictionary is not complete
    here, source = store.current_or_recorded(0, METHODS, root, tmp_path / "none.json")
    frozen, other = store.current_or_recorded(0, METHODS, tmp_path / "nothing", path)
    assert (source, other) == (store.HERE, store.FROZEN)
    order = list(store.COLUMNS[:5])
    same = [f.sort_values(order).reset_index(drop=True) for f in (here, frozen)]
    assert same[0].equals(same[1])  # to the last bit
    held = json.loads(path.read_text())
    assert held["command"] == "salt study --methods all" and held["date"] and held["hardware"]
    assert held["configurations"] == {task: {"epochs": 2} for task in store.STUDY_TASKS}
    assert len(path.read_text().splitlines()) > len(held["rows"])  # a line for each run


def test_histories_are_the_same_from_runs_and_from_the_table(root, tmp_path):
    path = tmp_path / "table.json"
    study_frozen.freeze(path, root)
    here, source = study_frozen.histories(0, METHODS, root, path)
    frozen, other = study_frozen.histories(0, METHODS, tmp_path / "nothing", path)
    assert (source, other) == (store.HERE, store.FROZEN)
    assert here.equals(frozen) and len(here) == len(METHODS) * 2 * 15 * 2
    first = here.iloc[:2]
    assert first["epoch"].tolist() == [1, 2] and first["dev"].tolist() == [0.8, 0.9]
    assert first["chosen"].tolist() == [False, True]
    assert here["method"].drop_duplicates().tolist() == list(METHODS)


def test_a_table_without_histories_is_an_error(root, tmp_path):
    path = tmp_path / "table.json"
    study_frozen.freeze(path, root)
    table = json.loads(path.read_text())
    for row in table["rows"]:
        del row["dev"]
    path.write_text(json.dumps(table))
    with pytest.raises(SaltError, match="table.json: its rows have no 'dev'; freeze them again"):
        study_frozen.histories(0, MAIN, tmp_path / "nothing", path)


def test_only_complete_and_like_runs_are_frozen(tmp_path):
    path = tmp_path / "table.json"
    with pytest.raises(SaltError, match="baseline: 30 of its runs.*salt study --world 0"):
        study_frozen.freeze(path, tmp_path / "nothing")
    for task in store.STUDY_TASKS:
        for method in MAIN:
            for seed in store.STUDY_SEEDS:
                key = {"world": 0, "task": task, "method": method, "seed": seed}
                made = fake(**key) | {"config": {"epochs": 2 + (seed == 3)}}
                store.write_run(tmp_path / "runs", {**made, **key})
    with pytest.raises(SaltError, match="mini-xnli: its runs have different configurations"):
        study_frozen.freeze(path, tmp_path / "runs")
    assert not path.exists()


def test_another_world_is_not_overwritten(root, tmp_path):
    path = tmp_path / "table.json"
    study_frozen.freeze(path, root)
    held = json.loads(path.read_text())
    for row in held["rows"]:
        row["world"] = 1
    path.write_text(json.dumps(held))
    with pytest.raises(SaltError, match="table.json holds world 1, not 0"):
        study_frozen.freeze(path, root)
    assert json.loads(path.read_text()) == held


def test_from_the_command_line(root, tmp_path):
    path = tmp_path / "table.json"
    given = ["results", "--runs-dir", str(root)]
    shown = CliRunner().invoke(cli.app, [*given, "--record", str(path)])
    assert shown.exit_code == 0 and f"{path}: baseline, " in shown.stdout and path.exists()
    folder = str(tmp_path / "none")
    shown = CliRunner().invoke(
        cli.app, ["results", "--runs-dir", folder, "--record", str(tmp_path / "no.json")]
    )
    assert shown.exit_code == 2 and "salt study" in shown.stderr
    assert not (tmp_path / "no.json").exists()


def test_the_headline_from_the_command_line(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "recorded", frame)
    path = tmp_path / "headline.png"
    given = ["results", "--runs-dir", str(tmp_path / "none"), "--figure", str(path)]
    shown = CliRunner().invoke(cli.app, given)
    assert shown.exit_code == 0 and "frozen table" in shown.stdout
    assert path.read_bytes().startswith(b"\x89PNG")

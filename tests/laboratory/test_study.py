"""The laboratory's study: its grid, what of it is frozen, and the table that ships."""

import json

import pytest
from fake_runs import made

from salt_lib.errors import SaltError
from salt_lib.files import RECORDED
from salt_lib.laboratory import study as studies
from salt_lib.laboratory.setup import Laboratory
from salt_lib.laboratory.study import SEEDS, TASKS, freeze, laboratory_study
from salt_lib.salt.methods import ABLATIONS, MAIN
from salt_lib.study import provenance, store
from salt_lib.study.results import FROZEN, HERE
from salt_lib.training.config import Config

METHODS = (*MAIN, "salt-masked")


def write(study, task, method, seed, **changes):
    key = {"world": study.world, "task": task, "method": method, "seed": seed}
    print_ = provenance.fingerprint(study.setup, study.world, task, method)
    return store.write_run(study.root, {**made(seed), "fingerprint": print_, **key, **changes})


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The main methods and one more in full, and one seed of another."""
    study = laboratory_study(0, tmp_path_factory.mktemp("runs"))
    keys = [(t, m, s) for t in TASKS for m in METHODS for s in SEEDS]
    for task, method, seed in [*keys, ("mini-xnli", "dictionary", 0)]:
        scores = {"en": 0.9, "de": 1 / 3 + seed / 100}
        write(study, task, method, seed, scores=scores, config={"epochs": 2})
    return study


def test_the_study_is_both_tasks_five_methods_and_fifteen_seeds(tmp_path):
    study = laboratory_study(root=tmp_path)
    assert len(study.specs()) == 2 * 5 * 15 and study.setup == Laboratory(0)
    assert (study.tasks, study.methods, study.seeds) == (TASKS, MAIN, SEEDS)
    assert study.table == RECORDED / "laboratory.json"
    other = laboratory_study(3, tmp_path)
    assert other.world == 3 and other.setup == Laboratory(3)


def test_the_folder_of_runs_is_the_variable_s_when_it_is_used(tmp_path, monkeypatch):
    monkeypatch.delenv("SALT_RUNS_DIR", raising=False)
    assert str(laboratory_study().root) == "runs"
    monkeypatch.setenv("SALT_RUNS_DIR", str(tmp_path / "elsewhere"))
    assert laboratory_study().root == tmp_path / "elsewhere"
    assert laboratory_study(root=tmp_path).root == tmp_path


def test_a_frozen_table_has_the_complete_methods(study, tmp_path):
    path = tmp_path / "table.json"
    assert freeze(study, path) == list(METHODS)  # dictionary is not complete
    held = json.loads(path.read_text())
    assert held["command"] == "salt study --methods all" and held["date"] and held["hardware"]
    assert held["configurations"] == {task: {"epochs": 2} for task in TASKS}
    assert len(held["rows"]) == 2 * 6 * 15


def test_the_command_in_the_table_makes_what_is_in_it(tmp_path):
    study = laboratory_study(2, tmp_path / "runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Laboratory, "identity", lambda self, name: {"task": name})
        for task in TASKS:
            for method in MAIN:
                for seed in SEEDS:
                    write(study, task, method, seed)
        assert freeze(study, tmp_path / "table.json") == list(MAIN)
    held = json.loads((tmp_path / "table.json").read_text())
    assert held["command"] == "salt study --world 2" and held["rows"][0]["world"] == 2


def test_without_the_main_methods_nothing_is_frozen(tmp_path):
    path = tmp_path / "table.json"
    with pytest.raises(SaltError, match="150 runs in world 0 .*xnli baseline.*run 'salt study'"):
        freeze(laboratory_study(root=tmp_path / "nothing"), path)
    assert not path.exists()


def test_the_histories_are_the_same_from_runs_and_from_the_table(study, tmp_path):
    path = tmp_path / "table.json"
    freeze(study, path)
    here = study.results(METHODS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(studies, "RECORDED", tmp_path)
        path.rename(tmp_path / "laboratory.json")
        frozen = laboratory_study(root=tmp_path / "nothing").results(METHODS)
    assert (here.source, frozen.source) == (HERE, FROZEN)
    order = ["task", "method", "seed", "epoch"]
    tables = [x.histories.sort_values(order).reset_index(drop=True) for x in (here, frozen)]
    assert tables[0].equals(tables[1]) and len(tables[0]) == len(METHODS) * 2 * 15 * 2


def test_the_shipped_table_is_whole():
    found = laboratory_study(root="nowhere").results([*MAIN, *ABLATIONS])
    assert found.source == FROZEN and "-dirty" not in found.origin["commit"]
    seeds = found.frame.groupby(["task", "method"])["seed"].agg(lambda s: sorted(set(s)))
    assert len(seeds) == 2 * 11
    for task in TASKS:
        assert Config(**found.origin["configurations"][task]) == Laboratory(0).config(task)
        assert all(seeds[task, method] == list(SEEDS) for method in MAIN)
    assert len(found.histories) > 0

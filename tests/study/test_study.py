"""This machine's results where they are complete, else the frozen ones: a study says which."""

import json
from dataclasses import replace

import pytest
from fake_runs import Setup, made

from salt_lib import files
from salt_lib.errors import SaltError
from salt_lib.study import provenance, store
from salt_lib.study.frozen import read_table
from salt_lib.study.grid import Workers
from salt_lib.study.results import COLUMNS, FROZEN, HERE, key_of
from salt_lib.study.study import Study

TASKS = ("mini-xnli", "mini-paws-x")
SEEDS = tuple(range(15))


@pytest.fixture
def study(tmp_path):
    """A study of two methods without a run, and with a frozen table."""
    table = tmp_path / "t.json"
    rows = [
        {"world": 0, "task": t, "method": m, "seed": s, "scores": {"en": 0.9, "de": 0.6}}
        for t in TASKS
        for m in ("baseline", "salt")
        for s in SEEDS
    ]
    origin = {"command": "salt study", "commit": "c" * 40, "date": "2026-01-02", "hardware": "a h"}
    files.write_json(table, {**origin, "rows": rows})
    return Study(
        Setup(), tmp_path / "runs", "salt study", TASKS, ("baseline", "salt"), SEEDS, table=table
    )


def write(study, task="mini-xnli", method="salt", seed=3, **changes):
    key = {"world": study.world, "task": task, "method": method, "seed": seed}
    print_ = provenance.fingerprint(study.setup, study.world, task, method)
    run = {**made(seed), "config": {"epochs": 2}, "fingerprint": print_, **key, **changes}
    return store.write_run(study.root, run)


def fill(study, methods=None):
    for task in study.tasks:
        for method in methods or study.methods:
            for seed in study.seeds:
                last = write(study, task, method, seed)
    return last


# Its runs


def test_its_runs_are_its_tasks_methods_and_seeds(study):
    specs = study.specs()
    assert len(specs) == 2 * 2 * 15 and {spec.world for spec in specs} == {0}
    few = study.specs(["mini-paws-x"], ["mixup"], [3])
    assert [str(spec) for spec in few] == ["mini-paws-x, mixup, seed 3 (world 0)"]
    with pytest.raises(SaltError, match="unknown task 'xnli'; known: mini-xnli"):
        study.specs(["xnli"])
    with pytest.raises(SaltError, match="nothing to run"):
        study.specs(methods=[])


def test_what_is_missing_is_made_once(study):
    few = study.specs(seeds=range(2))
    assert study.execute(few, Workers(jobs=1), progress=False) == few
    assert study.execute(few, Workers(jobs=1), progress=False) == []
    assert study.execute(few, Workers(jobs=1), force=True, progress=False) == few
    small = replace(study, seeds=(0, 1, 2))
    assert len(small.execute(workers=Workers(jobs=1), progress=False)) == 4


def test_the_frame_of_this_machine_s_runs(study):
    write(study)
    write(study, seed=0, method="baseline")
    write(replace(study, world=1))
    found = study.fresh()
    assert found.source == HERE and len(found.runs) == 2
    assert found.frame.values.tolist() == [
        [0, "mini-xnli", "baseline", 0, "de", 0.5],
        [0, "mini-xnli", "baseline", 0, "en", 0.9],
        [0, "mini-xnli", "salt", 3, "de", 0.53],
        [0, "mini-xnli", "salt", 3, "en", 0.9],
    ]
    assert set(found.frame.attrs) == {"command", "commit", "date", "hardware"}
    empty = replace(study, root=study.root / "nothing").fresh().frame
    assert tuple(empty.columns) == COLUMNS and empty.empty


def test_stale_runs_are_left_out_and_said(study):
    write(study)
    write(study, seed=4, fingerprint="of other sources")
    with pytest.warns(UserWarning, match="1 of 2 runs.*'salt study' makes them again"):
        assert set(study.fresh().frame["seed"]) == {3}


# Which results


def test_only_a_complete_grid_replaces_the_frozen_table(study):
    last = fill(study, [*study.methods, "mixup"])
    found = study.results()
    assert found.source == HERE == "this machine"
    assert set(found.frame["method"]) == {"baseline", "salt"} and len(found.frame) == 2 * 2 * 15 * 2
    assert "runs of this machine" in found.note
    last.unlink()  # of mixup, which nobody asked for
    assert study.results().source == HERE
    store.run_path(study.root, 0, "mini-xnli", "salt", 14).unlink()
    found = study.results()
    assert found.source == FROZEN and "frozen table" in found.note
    assert set(found.frame.loc[found.frame["language"] == "de", "score"]) == {0.6}
    with pytest.raises(SaltError, match="no results of mixup in world 0.*--methods mixup'"):
        study.results(["mixup"])


def test_a_stale_run_is_a_missing_one(study):
    fill(study)
    assert study.results().source == HERE
    with pytest.warns(UserWarning, match="60 of 60 runs"):
        assert replace(study, setup=Setup(name="another")).results().source == FROZEN


def test_runs_of_the_frozen_table_pair_up(study):
    """A method with fewer seeds narrows only the comparison that it takes part in."""
    found = json.loads(study.table.read_text())
    found["rows"] += [{**r, "method": "mixup"} for r in found["rows"] if r["seed"] in (1, 2, 7)]
    files.write_json(study.table, found)
    for methods, seeds in ((["baseline", "salt"], range(15)), (["baseline", "mixup"], (1, 2, 7))):
        results = study.results(methods)
        assert results.source == FROZEN and results.frame.attrs["date"] == "2026-01-02"
        groups = results.frame.groupby(["task", "method"])
        assert len(groups) == 4
        for (_, method), group in groups:
            assert method in methods and set(group["seed"]) == set(seeds)


def test_another_world_has_no_frozen_runs(study):
    with pytest.raises(SaltError, match="no results of world 5: .*run 'salt study --world 5'"):
        replace(study, world=5).results()
    with pytest.raises(SaltError, match="no frozen table of this study; run 'salt study'"):
        replace(study, table=None).results()


# Freezing


def test_a_frozen_study_is_the_same_study(study, tmp_path):
    fill(study)
    path = tmp_path / "new.json"
    assert study.freeze(path, study.specs(), gate="literal") == 60
    here = study.results()
    frozen = replace(study, root=tmp_path / "nothing", table=path).results()
    assert (here.source, frozen.source) == (HERE, FROZEN)
    order = list(COLUMNS[:5])
    same = [f.sort_values(order).reset_index(drop=True) for f in (here.frame, frozen.frame)]
    assert same[0].equals(same[1])  # to the last bit
    order = ["task", "method", "seed", "epoch"]
    same = [x.histories.sort_values(order).reset_index(drop=True) for x in (here, frozen)]
    assert same[0].equals(same[1]) and len(same[0]) == 2 * 60
    held = json.loads(path.read_text())
    assert held["command"] == "salt study" and held["date"] and held["hardware"]
    assert held["gate"] == "literal"
    assert held["configurations"] == {task: {"epochs": 2} for task in TASKS}


def test_only_complete_and_like_runs_are_frozen(study, tmp_path):
    path = tmp_path / "new.json"
    with pytest.raises(SaltError, match=r"60 runs in world 0 .*xnli baseline.*run 'salt study'"):
        study.freeze(path, study.specs())
    fill(study)
    write(study, "mini-paws-x", "salt", 3, fingerprint="of other sources")
    with (
        pytest.warns(UserWarning, match="1 of 60 runs"),
        pytest.raises(SaltError, match=r"1 runs in world 0 are missing or stale .*\(mini-paws-x "),
    ):
        study.freeze(path, study.specs())
    write(study, "mini-paws-x", "salt", 3, config={"epochs": 3})
    with pytest.raises(SaltError, match="mini-paws-x: its runs have different configurations"):
        study.freeze(path, study.specs())
    assert not path.exists()
    assert study.freeze(path, study.specs(["mini-xnli"])) == 30


def test_another_world_is_not_overwritten(study, tmp_path):
    fill(study)
    path = tmp_path / "new.json"
    study.freeze(path, study.specs())
    held = json.loads(path.read_text())
    del held["checksum"]
    for row in held["rows"]:
        row["world"] = 1
    path.write_text(json.dumps(held))
    with pytest.raises(SaltError, match="new.json holds world 1, not 0"):
        study.freeze(path, study.specs())
    assert json.loads(path.read_text()) == held


# A table that is made bit by bit


@pytest.fixture
def few(study, tmp_path):
    """Four runs of a study, and no table of them yet."""
    return replace(study, tasks=TASKS[:1], seeds=(0, 1), table=tmp_path / "few.json")


def write_one(few, method, seed, **changes):
    print_ = provenance.fingerprint(few.setup, 0, "mini-xnli", method)
    key = {"world": 0, "task": "mini-xnli", "method": method, "seed": seed, "fingerprint": print_}
    store.write_run(few.root, {**made(seed), **key, **changes})


def extend(few):
    return few.extend(few.specs(), lambda runs: {"of": len(runs)})


def test_a_table_grows_in_the_order_of_the_plan(few, tmp_path):
    assert extend(few) == 0 and not few.table.exists()
    assert few.missing(few.specs()) == few.specs()
    write_one(few, "salt", 1)
    assert extend(few) == 1
    other = replace(few, root=tmp_path / "other")
    write_one(other, "baseline", 0)
    assert extend(other) == 2
    table = read_table(few.table)
    assert [key_of(run)[1:] for run in table.runs] == [("baseline", 0), ("salt", 1)]
    assert table.origin["of"] == 2 and table.origin["planned"] == 4
    lacking = few.missing(few.specs())
    assert [(s.method, s.seed) for s in lacking] == [("salt", 0), ("baseline", 1)]


def test_what_is_not_planned_stays_out(few):
    write_one(few, "salt", 0)
    write_one(few, "salt", 7)
    write_one(few, "mixup", 0)
    assert extend(few) == 1


def test_what_would_come_out_otherwise_today_goes(few):
    for method in ("baseline", "salt"):
        write_one(few, method, 0)
    extend(few)
    told = json.loads(few.table.read_text())
    del told["checksum"]
    told["rows"][0]["fingerprint"] = "of other sources"
    few.table.write_text(json.dumps(told))
    assert [key_of(run)[1:] for run in few._still_true()] == [("salt", 0)]
    assert len(few.missing(few.specs())) == 3
    changed = replace(few, setup=Setup(name="another"))
    assert changed._still_true() == []


def test_a_study_without_a_table_has_nothing(few):
    assert replace(few, table=None)._still_true() == []

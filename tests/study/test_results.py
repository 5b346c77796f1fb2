"""Results are the runs' scores as a frame, their histories, and a sentence of whose they are."""

import json

import pandas as pd
import pytest
from fake_runs import Setup, made

from salt_lib.errors import SaltError
from salt_lib.study import grid, results
from salt_lib.study.results import FROZEN, HERE, Results
from salt_lib.study.store import run_path

ORIGIN = {"command": "salt study", "commit": "c" * 40, "date": "2026-01-02", "hardware": "a h"}


def runs(seeds=range(3), methods=("baseline", "salt"), tasks=("mini-xnli", "mini-paws-x")):
    return [
        {"world": 0, "task": task, "method": method, "seed": seed, **made(seed)}
        for task in tasks
        for method in methods
        for seed in seeds
    ]


def execute(specs, root, setup):
    return grid.execute(specs, root, setup, grid.Workers(jobs=1), progress=False)


def specs(seeds, methods=("baseline",), tasks=("mini-xnli",)):
    return grid.grid(0, tasks, methods, seeds, Setup().check)


def test_the_frame_is_long_and_says_where_it_comes_from():
    found = Results(runs(), {**ORIGIN, "gate": "literal"})
    frame = found.frame
    assert tuple(frame.columns) == results.COLUMNS and len(frame) == 2 * 2 * 3 * 2
    assert frame.iloc[:2].values.tolist() == [
        [0, "mini-xnli", "baseline", 0, "en", 0.9],
        [0, "mini-xnli", "baseline", 0, "de", 0.5],
    ]
    assert frame.attrs == ORIGIN
    empty = Results([], ORIGIN).frame
    assert empty.empty and tuple(empty.columns) == results.COLUMNS


def test_the_note_says_whose_runs_these_are():
    note = Results(runs(), ORIGIN, FROZEN).note
    assert "the frozen table that ships" in note and "2026-01-02" in note
    assert "`salt study`" in note and "commit cccccccccc, a h." in note
    two = {**ORIGIN, "commit": f"{'c' * 40}, {'d' * 40}-dirty", "date": "2026-01-02T03:04:05"}
    note = Results(runs(), two).note
    assert "runs of this machine" in note and "on 2026-01-02, commits" in note
    assert "commits cccccccccc, dddddddddd-dirty, a h." in note


def test_the_note_holds_no_markup_of_a_file():
    origin = {"date": "2026-01-01", "commit": "abc", "hardware": "<img src=x onerror=alert(1)> `x`"}
    note = Results([], origin | {"command": "salt <b>study</b>"}).note
    assert "<" not in note and ">" not in note and note.count("`") == 2


def test_histories_have_a_row_an_epoch():
    found = Results(runs(), ORIGIN).histories
    assert len(found) == 2 * 2 * 3 * 2
    first = found.iloc[:2]
    assert first["epoch"].tolist() == [1, 2] and first["dev"].tolist() == [0.8, 0.9]
    assert first["chosen"].tolist() == [False, True]
    assert found["method"].drop_duplicates().tolist() == ["baseline", "salt"]


def test_runs_without_histories_are_an_error():
    lacking = [{key: value for key, value in run.items() if key != "dev"} for run in runs()]
    assert len(Results(lacking, ORIGIN).frame) == 24  # their scores are whole
    with pytest.raises(SaltError, match="the runs have no 'dev'; freeze them again"):
        _ = Results(lacking, ORIGIN).histories


def test_only_some_of_the_runs():
    found = Results(runs(), ORIGIN, FROZEN)
    part = found.only([("mini-xnli", "salt", 1), ("mini-xnli", "salt", 99)])
    assert [results.key_of(run) for run in part.runs] == [("mini-xnli", "salt", 1)]
    assert (part.source, part.origin) == (FROZEN, ORIGIN)


def test_the_origin_of_runs_is_of_all_of_them():
    made_ = [
        {"commit": "b", "created": "2026-01-02", "hardware": "two"},
        {"commit": "a", "created": "2026-01-03", "hardware": "one"},
        {"commit": "b", "created": "2026-01-01", "hardware": "one", "capability": "AVX2"},
    ]
    assert results.origin_of(made_, "salt study") == {
        "command": "salt study",
        "commit": "a, b",
        "date": "2026-01-03",
        "hardware": "one; two",
        "capability": "AVX2; AVX512",
    }
    assert results.origin_of([], "salt study")["date"] == ""


def test_collected_runs_are_those_made_as_the_newest(tmp_path):
    one = Setup("fake_runs:with_setup", "one")
    two = Setup("fake_runs:with_setup", "two")
    made_ = execute(specs(range(2)), tmp_path, one)
    assert len(made_) == 2 and execute(specs(range(2)), tmp_path, one) == []
    found = [json.loads(path.read_text()) for path in tmp_path.rglob("seed-*.json")]
    assert all(run["setup"] == {"name": "one", "task": "mini-xnli"} for run in found)
    assert all(run["config"] == {"name": "one", "root": str(tmp_path)} for run in found)
    assert len(execute(specs([0]), tmp_path, two)) == 1
    with pytest.warns(UserWarning, match="1 of 2 runs.*newest in setup.name and are left out"):
        assert set(results.collected(tmp_path).frame["seed"]) == {0}
    state = run_path(tmp_path, 0, "mini-xnli", "baseline", 1).with_suffix(".state")
    state.mkdir()
    execute(specs([1]), tmp_path, two)
    collected = results.collected(tmp_path)
    assert set(collected.frame["seed"]) == {0, 1} and not state.exists()
    assert collected.frame.attrs["command"] == "salt study --scale paper"
    assert collected.source == HERE and results.collected(tmp_path / "none").frame.empty


def test_a_difference_in_sources_or_libraries_is_named(tmp_path):
    execute(specs(range(3)), tmp_path, Setup())
    changes = ({"sources": "edited"}, {"versions": {"torch": "0.1"}})
    for seed, change in enumerate(changes):
        path = run_path(tmp_path, 0, "mini-xnli", "baseline", seed)
        run = json.loads(path.read_text())
        run.pop("checksum")  # as of a run that was stored by another version
        path.write_text(json.dumps({**run, **change, "created": "2000-01-01"}))
    with pytest.warns(UserWarning, match="2 of 3 runs.*in sources, versions") as told:
        assert set(results.collected(tmp_path).frame["seed"]) == {2}
    assert "versions.torch" in str(told[0].message)


def test_only_seeds_that_all_methods_have_pair_up(tmp_path):
    execute(specs(range(3), ["baseline"]), tmp_path, Setup())
    execute(specs(range(1, 4), ["salt"]), tmp_path, Setup())
    frame, waiting = results.paired(results.collected(tmp_path).frame)
    assert set(frame["seed"]) == {1, 2} and len(frame) == 8 and waiting == 2
    assert frame.attrs["command"] == "salt study --scale paper"


def test_methods_with_fewer_seeds_are_left_out_and_named():
    frame = Results([*runs(), *runs([1], ["mixup"])], ORIGIN).frame
    whole, left = results.whole_methods(frame)
    assert left == ["mixup"] and set(whole["method"]) == {"baseline", "salt"}
    assert whole.attrs["date"] == "2026-01-02"
    again, none = results.whole_methods(whole)
    assert none == []
    pd.testing.assert_frame_equal(again, whole)

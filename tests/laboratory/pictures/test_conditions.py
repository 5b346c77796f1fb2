"""Conditions are rows; a study's task and method name one, and what decides a run is known."""

from dataclasses import replace

import pytest
import small

from salt_lib.errors import SaltError
from salt_lib.laboratory.pictures import captions, conditions
from salt_lib.laboratory.pictures.conditions import CONDITIONS, Condition, Pictures
from salt_lib.salt.methods import method


def test_every_condition_has_a_name_a_task_and_a_method_of_its_own():
    rows = [*CONDITIONS.values()]
    assert len({(row.task, row.method) for row in rows}) == len(rows) == 15
    for row in rows:
        assert conditions.condition(row.name) is row
        assert conditions.condition_of(row.task, row.method) is row
        assert method(row.method).name == row.method
        assert method(row.method).translate == bool(row.share)
    assert {row.task for row in rows if not row.share} == {conditions.ENGLISH}


def test_parallel_captions_are_counted():
    assert [CONDITIONS[f"parallel-{k}"].pairs for k in ("0.1", "1", "10", "100")] == [
        10,
        100,
        1_000,
        10_000,
    ]
    assert [CONDITIONS[f"taught-{k}"].taught for k in ("0.1", "100")] == [True, True]
    assert CONDITIONS["salt"].pairs == 0 and not CONDITIONS["parallel-1"].taught


def test_more_parallel_captions_than_there_are_is_an_error():
    with pytest.raises(SaltError, match="mine: 20000 parallel captions; there are 10000"):
        _ = Condition("mine", "", "translate-train", 2.0).pairs
    with pytest.raises(SaltError, match="mine: 0 parallel captions"):
        _ = Condition("mine", "", "translate-train", 1e-6).pairs


def test_an_unknown_condition_is_an_error_that_names_the_known_ones():
    with pytest.raises(SaltError, match="unknown condition 'sugar'; known: baseline, code-switch"):
        conditions.condition("sugar")
    with pytest.raises(SaltError, match="'parallel-1' with method 'salt'; there are captions with"):
        Pictures().check("parallel-1", method("salt"))
    Pictures().check("parallel-1", method("translate-train"))


def test_what_decides_a_run_is_in_its_identity(laboratory, monkeypatch):
    setup = Pictures(small.WORLD)
    told = [setup.identity(row.task) for row in CONDITIONS.values() if row.share]
    assert len({repr(one) for one in told}) == 8
    before = setup.identity("captions")
    monkeypatch.setattr(captions, "SIZES", {**captions.SIZES, "train": 97})
    assert setup.identity("captions") != before
    monkeypatch.undo()
    monkeypatch.setattr(conditions, "CONFIG", replace(conditions.CONFIG, epochs=99))
    assert setup.identity("captions") != before
    assert before["weights"] == small.SETUP.identity("mini-xnli")["weights"]

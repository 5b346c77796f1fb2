"""A frozen table grows by what is made, and keeps only what would be made again."""

import json
from dataclasses import replace

import fake_runs
import pytest

from salt_lib.study import growing, provenance, store
from salt_lib.study.frozen import read_table
from salt_lib.study.results import key_of
from salt_lib.study.study import Study


@pytest.fixture
def study(tmp_path):
    return Study(
        setup=fake_runs.Setup(),
        root=tmp_path / "runs",
        command="salt study",
        tasks=("mini-xnli",),
        methods=("baseline", "salt"),
        seeds=(0, 1),
        table=tmp_path / "table.json",
    )


def write(study, method, seed, **changes):
    print_ = provenance.fingerprint(study.setup, 0, "mini-xnli", method)
    key = {"world": 0, "task": "mini-xnli", "method": method, "seed": seed, "fingerprint": print_}
    store.write_run(study.root, {**fake_runs.made(seed), **key, **changes})


def grow(study):
    return growing.grow(study, study.specs(), lambda tasks: {"of": tasks})


def test_a_table_grows_in_the_order_of_the_plan(study, tmp_path):
    assert grow(study) == (0, 4) and not study.table.exists()
    assert growing.missing(study, study.specs()) == study.specs()
    write(study, "salt", 1)
    assert grow(study) == (1, 4)
    other = replace(study, root=tmp_path / "other")
    write(other, "baseline", 0)
    assert grow(other) == (2, 4)
    table = read_table(study.table)
    assert [key_of(run)[1:] for run in table.runs] == [("baseline", 0), ("salt", 1)]
    assert table.origin["of"] == ["mini-xnli"] and table.origin["planned"] == 4
    lacking = growing.missing(study, study.specs())
    assert [(s.method, s.seed) for s in lacking] == [("salt", 0), ("baseline", 1)]


def test_what_is_not_planned_stays_out(study):
    write(study, "salt", 0)
    write(study, "salt", 7)
    write(study, "mixup", 0)
    assert grow(study) == (1, 4)


def test_what_would_come_out_otherwise_today_goes(study):
    for method in ("baseline", "salt"):
        write(study, method, 0)
    grow(study)
    told = json.loads(study.table.read_text())
    told["rows"][0]["fingerprint"] = "of other sources"
    study.table.write_text(json.dumps(told))
    assert [key_of(run)[1:] for run in growing.still_true(study)] == [("salt", 0)]
    assert len(growing.missing(study, study.specs())) == 3
    changed = replace(study, setup=fake_runs.Setup(name="another"))
    assert growing.still_true(changed) == []


def test_a_study_without_a_table_has_nothing(study):
    assert growing.still_true(replace(study, table=None)) == []

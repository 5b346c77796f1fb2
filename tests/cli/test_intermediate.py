"""`salt study --scale intermediate` makes what its protocol says; no test before all is made."""

import json

import pytest
from cli.test_main import salt
from invented import intermediate_run, intermediate_tables

from salt_lib.laboratory.intermediate import outcomes
from salt_lib.laboratory.intermediate import run as intermediate_runs
from salt_lib.laboratory.intermediate import study as intermediate
from salt_lib.study.frozen import read_table


@pytest.fixture(autouse=True)
def recorded(tmp_path, monkeypatch):
    """The frozen tables' folder; there is none yet. World 0 stands in for a unit."""
    monkeypatch.setattr(intermediate, "RECORDED", tmp_path / "recorded")
    monkeypatch.setattr(intermediate, "WORLDS", (0,))
    monkeypatch.setattr(intermediate, "SEEDS", (0,))
    monkeypatch.setattr(intermediate, "FEWER", (0,))
    monkeypatch.setattr(intermediate, "DRAWS", (0,))
    monkeypatch.setattr(intermediate, "DRAW_SEEDS", (0,))
    return tmp_path / "recorded" / "intermediate"


@pytest.fixture
def ran(monkeypatch):
    made, failing = [], set()

    def run(job):
        made.append(job.spec)
        if job.spec.task in failing:
            raise ZeroDivisionError("loss is nan")
        spec = job.spec
        return intermediate_run(spec.world, spec.task, spec.method, spec.seed)

    monkeypatch.setattr(intermediate_runs, "run", run)
    monkeypatch.setattr(intermediate_runs, "prepare", lambda job: None)
    return type("Ran", (), {"specs": made, "failing": failing})


def study(tmp_path, *options):
    return salt("study", "--scale", "intermediate", "--jobs", 1, "--runs-dir", tmp_path, *options)


def test_a_world_s_part_is_made_frozen_and_not_made_again(tmp_path, recorded, ran):
    ran.failing.add("matching-en")
    shown = study(tmp_path / "one")
    count, table = len(intermediate.planned(0)), recorded / "world-0.json"
    assert shown.exit_code == 1 and f"1 of {count} runs failed" in shown.stderr
    assert len(read_table(table).runs) == count - 1
    ran.failing.clear()
    ran.specs.clear()
    shown = study(tmp_path / "one")
    assert shown.stdout == f"world 0: 1 runs made now; {table} has {count} of {count}\n"
    assert [spec.task for spec in ran.specs] == ["matching-en"]
    ran.specs.clear()
    shown = study(tmp_path / "two")  # another machine, which has the table alone
    assert "world 0: 0 runs made now" in shown.stdout and not ran.specs


@pytest.mark.parametrize("option", [["--methods", "all"], ["--seeds", "0"], ["--tasks", "none"]])
def test_the_study_of_intermediate_tasks_is_one_fixed_study(tmp_path, ran, option):
    shown = study(tmp_path, *option)
    assert shown.exit_code == 2 and "--scale intermediate is one fixed study" in shown.stderr
    assert not ran.specs
    shown = study(tmp_path, "--world", 7)
    assert shown.exit_code == 2 and "intermediate tasks has worlds 0" in shown.stderr


def test_results_wait_for_all_runs_and_then_say_what_came_out(monkeypatch):
    for module in (intermediate, outcomes):
        monkeypatch.setattr(module, "WORLDS", (2, 3, 4))
    monkeypatch.setattr(intermediate, "SEEDS", (0, 1))
    monkeypatch.setattr(intermediate, "FEWER", (0, 1))
    for module in (intermediate, outcomes):
        monkeypatch.setattr(module, "DRAWS", (0, 1))
        monkeypatch.setattr(module, "DRAW_SEEDS", (0, 1))
    shown = salt("results", "--scale", "intermediate")
    assert "world 3: 0 of" in shown.stdout and "no test before it is" in " ".join(
        shown.stderr.split()
    )
    told = json.loads(salt("results", "--scale", "intermediate", "--json").stdout)
    assert told["outcomes"] is None and len(told["progress"]) == 3
    intermediate_tables()
    shown = salt("results", "--scale", "intermediate")
    assert shown.exit_code == 0, shown.output
    assert "matching-all − paraphrase-all" in shown.stdout and "the rest" in shown.stdout
    told = json.loads(salt("results", "--scale", "intermediate", "--json").stdout)
    assert told["outcomes"][0]["p_holm"] is None and len(told["outcomes"]) == 59

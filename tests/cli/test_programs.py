"""`salt study --scale programs` makes what its protocol says; no test comes before all is made."""

import json

import pytest
from cli.test_main import salt
from invented import program_run, program_tables

from salt_lib.laboratory.programs import outcomes
from salt_lib.laboratory.programs import run as programs_run
from salt_lib.laboratory.programs import study as programs
from salt_lib.study.frozen import read_table


@pytest.fixture(autouse=True)
def recorded(tmp_path, monkeypatch):
    """The frozen tables' folder; there is none yet."""
    monkeypatch.setattr(programs, "RECORDED", tmp_path / "recorded")
    return tmp_path / "recorded" / "programs"


@pytest.fixture
def ran(monkeypatch):
    made, failing = [], set()

    def run(job):
        made.append(job.spec)
        if job.spec.task in failing:
            raise ZeroDivisionError("loss is nan")
        return program_run(job.spec.world, job.spec.task, job.spec.method)

    monkeypatch.setattr(programs_run, "run", run)
    return type("Ran", (), {"specs": made, "failing": failing})


def study(tmp_path, *options):
    world = [] if "--world" in options else ["--world", 2]
    where = ["--jobs", 1, "--runs-dir", tmp_path, *world]
    return salt("study", "--scale", "programs", *where, *options)


def test_a_world_s_part_is_made_frozen_and_not_made_again(tmp_path, recorded, ran):
    shown = study(tmp_path / "one")
    table = recorded / "world-2.json"
    assert shown.exit_code == 0, shown.output
    assert shown.stdout == f"world 2: 34 runs made now; {table} has 34 of 34\n"
    assert ran.specs == programs.planned(2) and len(read_table(table).runs) == 34
    ran.specs.clear()
    shown = study(tmp_path / "two")  # another machine, which has the table alone
    assert "world 2: 0 runs made now" in shown.stdout and not ran.specs


def test_what_finished_before_an_error_is_frozen_and_the_rest_goes_on(tmp_path, recorded, ran):
    ran.failing.add("2.5M-poor-16")
    shown = study(tmp_path)
    assert shown.exit_code == 1 and "2 of 34 runs failed" in shown.stderr
    assert len(read_table(recorded / "world-2.json").runs) == 32
    ran.failing.clear()
    ran.specs.clear()
    assert "2 runs made now" in study(tmp_path).stdout and len(ran.specs) == 2


@pytest.mark.parametrize(
    "option", [["--methods", "all"], ["--seeds", "0"], ["--tasks", "0.6M-poor-1"]]
)
def test_the_study_of_programs_is_one_fixed_study(tmp_path, ran, option):
    shown = study(tmp_path, *option)
    assert shown.exit_code == 2 and "--scale programs is one fixed study" in shown.stderr
    assert "--device" in shown.stderr and not ran.specs
    shown = study(tmp_path, "--world", 7)
    assert shown.exit_code == 2 and "the study of programs has worlds 2, 3, 4" in shown.stderr
    shown = study(tmp_path, "--device", "abacus")
    assert shown.exit_code == 2 and "device 'abacus': this machine has cpu" in shown.stderr


def test_results_wait_for_all_runs():
    shown = salt("results", "--scale", "programs")
    assert "world 3: 0 of 34 runs" in shown.stdout and "no test before it is" in shown.stderr
    told = json.loads(salt("results", "--scale", "programs", "--json").stdout)
    assert told["outcomes"] is None and len(told["progress"]) == 3


def test_results_say_what_came_out():
    program_tables()
    shown = salt("results", "--scale", "programs")
    assert shown.exit_code == 0, shown.output
    assert f"{outcomes.PRIMARY:<38}poor" in shown.stdout and "SALT − baseline" in shown.stdout
    told = json.loads(salt("results", "--scale", "programs", "--json").stdout)
    assert len(told["outcomes"]) == 18 and told["outcomes"][0]["p_holm"] is None

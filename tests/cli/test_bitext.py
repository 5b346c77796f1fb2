"""`salt study --scale bitext` makes what its protocol says; no test comes before all is made."""

import json

import pytest
from cli.test_main import salt
from invented import bitext_run, bitext_tables

from salt_lib.laboratory.bitext import run as run_of
from salt_lib.laboratory.bitext import study as bitext
from salt_lib.study.frozen import read_table


@pytest.fixture(autouse=True)
def recorded(tmp_path, monkeypatch):
    """The frozen tables' folder; there is none yet."""
    monkeypatch.setattr(bitext, "RECORDED", tmp_path / "recorded")
    return tmp_path / "recorded" / "bitext"


@pytest.fixture
def ran(monkeypatch):
    made, failing = [], set()

    def run(job):
        made.append(job.spec)
        if job.spec.task in failing:
            raise ZeroDivisionError("loss is nan")
        return bitext_run(job.spec.world, job.spec.task, job.spec.method, job.spec.seed)

    monkeypatch.setattr(run_of, "run", run)
    return type("Ran", (), {"specs": made, "failing": failing})


def study(tmp_path, *options):
    world = [] if "--world" in options else ["--world", 2]
    where = ["--jobs", 1, "--runs-dir", tmp_path, *world]
    return salt("study", "--scale", "bitext", *where, *options)


def test_a_world_s_part_is_made_frozen_and_goes_on_after_an_error(tmp_path, recorded, ran):
    ran.failing.add("tlm-1k")
    shown = study(tmp_path)
    assert shown.exit_code == 1 and "5 of 120 runs failed" in shown.stderr
    table = recorded / "world-2.json"
    assert len(read_table(table).runs) == 115 and ran.specs == bitext.planned(2)
    ran.failing.clear()
    shown = study(tmp_path)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout == f"world 2: 5 runs made now; {table} has 120 of 120\n"
    ran.specs.clear()
    shown = study(tmp_path / "two")  # another machine, which has the table alone
    assert "world 2: 0 runs made now" in shown.stdout and not ran.specs


@pytest.mark.parametrize("option", [["--methods", "all"], ["--seeds", "0"], ["--tasks", "none"]])
def test_the_study_of_bitext_is_one_fixed_study(tmp_path, ran, option):
    shown = study(tmp_path, *option)
    assert shown.exit_code == 2 and "--scale bitext is one fixed study" in shown.stderr
    assert "--device" in shown.stderr and not ran.specs


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--world", 7], "the study of bitext has worlds 2, 3, 4"),
        (["--device", "abacus"], "device 'abacus': this machine has cpu"),
    ],
)
def test_worlds_and_devices_that_there_are_not(tmp_path, ran, option, message):
    shown = study(tmp_path, *option)
    assert shown.exit_code == 2 and message in shown.stderr and not ran.specs


def test_results_wait_for_all_runs():
    shown = salt("results", "--scale", "bitext")
    assert "world 3: 0 of 120 runs" in shown.stdout and "no test before it is" in shown.stderr
    told = json.loads(salt("results", "--scale", "bitext", "--json").stdout)
    assert told["outcomes"] is None and len(told["progress"]) == 3


def test_results_say_what_came_out():
    bitext_tables()
    shown = salt("results", "--scale", "bitext")
    assert shown.exit_code == 0, shown.output
    assert "exchange-100k − exchange-shuffled" in shown.stdout and ": more" in shown.stdout
    told = json.loads(salt("results", "--scale", "bitext", "--json").stdout)
    assert len(told["outcomes"]) == 21 and told["outcomes"][0]["p_holm"] is None

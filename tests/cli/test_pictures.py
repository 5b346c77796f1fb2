"""`salt study --scale pictures` makes what its protocol says; no test comes before all is made."""

import json

import pytest
from cli.test_main import salt
from invented import picture_run, picture_tables

from salt_lib.laboratory.pictures import run as pictures_run
from salt_lib.laboratory.pictures import study as pictures
from salt_lib.laboratory.pictures.conditions import condition_of
from salt_lib.study.frozen import read_table


@pytest.fixture(autouse=True)
def recorded(tmp_path, monkeypatch):
    """The frozen tables' folder; there is none yet. World 0 stands in for a unit."""
    monkeypatch.setattr(pictures, "RECORDED", tmp_path / "recorded")
    monkeypatch.setattr(pictures, "WORLDS", (0,))
    monkeypatch.setattr(pictures, "SEEDS", (0, 1))
    monkeypatch.setattr(pictures, "views", lambda world: None)
    monkeypatch.setattr(pictures, "probe", lambda seen, world: {"agent": {"accuracy": 1.0}})
    monkeypatch.setattr(pictures, "words", lambda world: {"precision": 1.0})
    return tmp_path / "recorded" / "pictures"


@pytest.fixture
def ran(monkeypatch):
    made, failing = [], set()

    def run(job):
        made.append(job.spec)
        if job.spec.seed in failing:
            raise ZeroDivisionError("loss is nan")
        spec = job.spec
        return picture_run(spec.world, condition_of(spec.task, spec.method).name, spec.seed)

    monkeypatch.setattr(pictures_run, "run", run)
    monkeypatch.setattr(pictures_run, "prepare", lambda job: None)
    return type("Ran", (), {"specs": made, "failing": failing})


def study(tmp_path, *options):
    return salt("study", "--scale", "pictures", "--jobs", 1, "--runs-dir", tmp_path, *options)


def test_a_world_s_part_is_made_frozen_and_not_made_again(tmp_path, recorded, ran):
    shown = study(tmp_path / "one")
    table = recorded / "world-0.json"
    assert shown.exit_code == 0, shown.output
    assert shown.stdout == f"world 0: 30 runs made now; {table} has 30 of 30\n"
    assert ran.specs == pictures.planned(0) and len(read_table(table).runs) == 30
    ran.specs.clear()
    shown = study(tmp_path / "two")  # another machine, which has the table alone
    assert "world 0: 0 runs made now" in shown.stdout and not ran.specs
    shown = study(tmp_path / "two", "--force")
    assert "30 runs made now" in shown.stdout and ran.specs == pictures.planned(0)


def test_what_finished_before_an_error_is_frozen_and_the_rest_goes_on(tmp_path, recorded, ran):
    ran.failing.add(1)
    shown = study(tmp_path)
    assert shown.exit_code == 1 and "15 of 30 runs failed" in shown.stderr
    assert {run["seed"] for run in read_table(recorded / "world-0.json").runs} == {0}
    ran.failing.clear()
    ran.specs.clear()
    assert "15 runs made now" in study(tmp_path).stdout and {s.seed for s in ran.specs} == {1}


@pytest.mark.parametrize(
    "option", [["--methods", "all"], ["--seeds", "0"], ["--tasks", "captions"]]
)
def test_the_study_of_pictures_is_one_fixed_study(tmp_path, ran, option):
    shown = study(tmp_path, *option)
    assert shown.exit_code == 2 and "--scale pictures is one fixed study" in shown.stderr
    assert "--layers" not in shown.stderr and not ran.specs
    shown = study(tmp_path, "--world", 7)
    assert shown.exit_code == 2 and "the study of pictures has worlds 0" in shown.stderr


def test_results_wait_for_all_runs(monkeypatch):
    monkeypatch.setattr(pictures, "WORLDS", (2, 3, 4))
    shown = salt("results", "--scale", "pictures")
    assert "world 3: 0 of 30 runs" in shown.stdout and "no test before it is" in shown.stderr
    told = json.loads(salt("results", "--scale", "pictures", "--json").stdout)
    assert told["outcomes"] is None and len(told["progress"]) == 3


def test_results_say_what_salt_is_worth(monkeypatch):
    from salt_lib.laboratory.pictures import outcomes

    for module in (pictures, outcomes):
        monkeypatch.setattr(module, "WORLDS", (2, 3, 4))
    picture_tables()
    shown = salt("results", "--scale", "pictures")
    assert shown.exit_code == 0, shown.output
    assert "salt        against baseline          R@1   all" in shown.stdout
    assert "salt is worth about" in shown.stdout and "fewer than 10 pairs" in shown.stdout
    told = json.loads(salt("results", "--scale", "pictures", "--json").stdout)
    assert len(told["outcomes"]) == 25 and told["outcomes"][0]["p_holm"] is None

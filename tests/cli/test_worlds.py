"""`salt study --scale worlds` makes what the protocol says; no test is shown before all is made."""

import json

import pytest
from cli.test_main import salt
from invented import world_run, world_tables

from salt_lib.laboratory import outcomes, worlds
from salt_lib.laboratory import run as laboratory_run
from salt_lib.study.frozen import read_table
from salt_lib.study.results import key_of


@pytest.fixture(autouse=True)
def recorded(tmp_path, monkeypatch):
    """The frozen tables' folder; there is none yet."""
    monkeypatch.setattr(worlds, "RECORDED", tmp_path / "recorded")
    return tmp_path / "recorded" / "worlds"


@pytest.fixture
def ran(monkeypatch):
    """What was run; a run takes no time, and fails for a seed that is in ``ran.failing``."""
    made = []
    failing = set()

    def run(job):
        made.append(job.spec)
        if job.spec.seed in failing:
            raise ZeroDivisionError("loss is nan")
        return world_run(job.spec.world, job.spec.task, job.spec.method, job.spec.seed, 0.01)

    monkeypatch.setattr(laboratory_run, "run", run)
    monkeypatch.setattr(laboratory_run, "prepare", lambda job: None)
    return type("Ran", (), {"specs": made, "failing": failing})


def study(tmp_path, *options):
    return salt("study", "--scale", "worlds", "--jobs", 1, "--runs-dir", tmp_path, *options)


def test_a_world_s_part_is_made_and_frozen(tmp_path, recorded, ran):
    shown = study(tmp_path)
    table = recorded / "world-0.json"
    assert shown.exit_code == 0, shown.output
    assert shown.stdout == f"world 0: 35 runs made now; {table} has 35 of 35\n"
    assert ran.specs == worlds.planned(0)
    found = read_table(table)
    assert [key_of(run) for run in found.runs] == [(s.task, s.method, s.seed) for s in ran.specs]
    assert found.runs[0]["measures"]["chosen"]["test"]["accuracy"]
    assert (tmp_path / "worlds" / "world-0" / "mini-nli" / "salt" / "seed-14.json").exists()


def test_what_is_in_the_table_is_not_made_again_unless_forced(tmp_path, recorded, ran):
    study(tmp_path / "one")
    ran.specs.clear()
    shown = study(tmp_path / "two")  # another machine, which has the table alone
    assert "world 0: 0 runs made now" in shown.stdout and "35 of 35" in shown.stdout
    assert not ran.specs
    shown = study(tmp_path / "two", "--force")
    assert "35 runs made now" in shown.stdout and ran.specs == worlds.planned(0)


def test_what_finished_before_an_error_is_frozen(tmp_path, recorded, ran):
    ran.failing.add(3)
    shown = study(tmp_path)
    assert shown.exit_code == 1 and "3 of 35 runs failed" in shown.stderr
    held = read_table(recorded / "world-0.json").runs
    assert len(held) == 32 and 3 not in {run["seed"] for run in held}
    ran.failing.clear()
    ran.specs.clear()
    shown = study(tmp_path)
    assert "3 runs made now" in shown.stdout and {s.seed for s in ran.specs} == {3}


def test_worlds_and_depths_that_the_protocol_lacks_are_refused(tmp_path, ran):
    for options in (["--world", 1], ["--world", 100], ["--world", 5, "--layers", 6]):
        shown = study(tmp_path, *options)
        assert shown.exit_code == 2 and "the protocol has worlds 0, 2" in shown.stderr
    shown = study(tmp_path, "--world", 2, "--layers", 6)
    assert shown.exit_code in (1, 2) and "no checkpoint of 6 layers for world 2" in shown.stderr
    assert not ran.specs


@pytest.mark.parametrize(
    "option", [["--methods", "all"], ["--seeds", "0"], ["--tasks", "mini-nli"]]
)
def test_the_study_over_worlds_is_one_fixed_study(tmp_path, ran, option):
    shown = study(tmp_path, *option)
    assert shown.exit_code == 2 and "--scale worlds is one fixed study" in shown.stderr
    assert not ran.specs


@pytest.mark.parametrize("scale", ["laboratory", "aggregation", "paper"])
def test_layers_are_of_the_study_over_worlds_alone(tmp_path, ran, scale):
    shown = salt("study", "--scale", scale, "--layers", 6, "--runs-dir", tmp_path)
    assert shown.exit_code == 2 and "--layers goes with --scale worlds" in shown.stderr
    assert not ran.specs


# Results


def results(*options):
    return salt("results", "--scale", "worlds", *options)


def test_an_unfinished_study_has_no_outcome(tmp_path, ran):
    ran.failing.update(range(3, 15))
    study(tmp_path)
    shown = results()
    assert shown.exit_code == 2 and "allows no test before it is" in shown.stderr
    lines = shown.stdout.splitlines()
    assert lines[0] == "world 0, 2 layers: 9 of 35 runs" and len(lines) == 10
    assert "world 2, 6 layers: 0 of 9 runs" in lines and "p 0" not in shown.stdout
    told = json.loads(results("--json").stdout)
    assert told["outcomes"] is None and len(told["progress"]) == 10
    row = {"world": 0, "layers": 2, "runs": 9, "planned": 35, "complete": False}
    assert told["progress"][0] == row


def test_a_finished_study_is_shown_with_its_tests(recorded):
    world_tables()
    shown = results()
    assert shown.exit_code == 0, shown.output
    summary = outcomes.summary()
    lines = shown.stdout.splitlines()
    assert lines[1] == "world 2, 2 layers: 47 of 47 runs" and len(lines) == 10 + len(summary)
    first, row = lines[10], summary.iloc[0]
    assert first.split()[:5] == ["mini-nli", "salt", "against", "baseline", "accuracy"]
    assert f"+{100 * row['mean']:.2f}" in first and f"p {row['p']:.4f}" in first
    told = json.loads(results("--json").stdout)
    assert len(told["outcomes"]) == len(summary)
    assert told["outcomes"][0]["p"] == pytest.approx(row["p"])
    assert told["outcomes"][0]["p_holm"] is None  # of the primary outcome there is none
    holm = [one["p_holm"] for one in told["outcomes"] if one["p_holm"] is not None]
    assert holm == pytest.approx(summary["p_holm"].dropna().tolist())


def test_both_test_sets_are_told_apart(recorded):
    """The second one's lines would else read as the first one's, with other numbers."""
    world_tables()
    lines = [line.split() for line in results().stdout.splitlines() if " against " in line]
    begin = {tuple(line[:6]) for line in lines}
    assert len(begin) == len(lines) == 28
    assert ("mini-nli", "salt", "against", "baseline", "accuracy", "fresh") in begin

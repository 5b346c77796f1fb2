"""`salt study` makes what is asked for, `salt results` says whose numbers it shows."""

import json
import re

import pytest
from cli.test_main import salt
from study.test_store import write as store_run

from salt_lib import files
from salt_lib.cli import study as commands
from salt_lib.errors import SaltError
from salt_lib.laboratory import study as laboratory
from salt_lib.laboratory.setup import Laboratory
from salt_lib.salt.methods import MAIN
from salt_lib.study import grid, study
from salt_lib.study.grid import Workers


def write(root, **changes):
    return store_run(root, Laboratory(), **changes)


def table(path):
    """A frozen table of the laboratory's study."""
    rows = [
        {"world": 0, "task": t, "method": m, "seed": s, "scores": {"en": 0.9, "de": 0.6}}
        for t in laboratory.TASKS
        for m in ("baseline", "salt")
        for s in laboratory.SEEDS
    ]
    origin = {"command": "salt study", "commit": "c" * 40, "date": "2026-01-02", "hardware": "a h"}
    files.write_json(path, {**origin, "rows": rows})
    return path


@pytest.fixture
def asked(monkeypatch):
    """What the study was asked to make: (specs, root, setup, workers, force)."""
    calls = []

    def execute(specs, root, setup, workers, *, force, progress):
        calls.append((specs, root, setup, workers, force))
        return specs[:1]

    monkeypatch.setattr(study, "execute", execute)
    return calls


def test_study_passes_on_what_was_asked_for(tmp_path, asked):
    shown = salt("study", "--runs-dir", tmp_path)
    specs, root, _, workers, force = asked.pop()
    assert len(specs) == 2 * 5 * 15 and root == tmp_path
    assert workers == Workers() and force is False
    assert shown.stdout == f"150 runs under {tmp_path}: 1 made now, 149 were there\n"
    few = ["--tasks", "mini-xnli", "--methods", "baseline, salt", "--seeds", "0-1,7", "--world", 3]
    salt("study", *few, "--jobs", 4, "--force", "--backend", "ray", "--runs-dir", tmp_path)
    specs, _, setup, workers, force = asked.pop()
    assert [s.seed for s in specs] == [0, 0, 1, 1, 7, 7] and {s.world for s in specs} == {3}
    assert setup.world == 3 and workers == Workers("ray", 4) and force
    salt("study", "--methods", "main,salt-masked", "--seeds", "0", "--runs-dir", tmp_path)
    salt("study", "--methods", "all", "--seeds", "0", "--runs-dir", tmp_path)
    assert [len(call[0]) for call in asked] == [2 * 6, 2 * 11]


def test_all_methods_of_the_paper_are_those_that_need_no_laboratory(tmp_path, asked, monkeypatch):
    monkeypatch.setattr("salt_lib.real.setup.Setup.identity", lambda self, task: {})
    options = ["--scale", "paper", "--seeds", "0", "--tasks", "xnli", "--runs-dir", tmp_path]
    assert salt("study", *options, "--methods", "all").exit_code == 0
    methods = [spec.method for spec in asked.pop()[0]]
    assert "salt-random" in methods and not {"dictionary", "translate-train"} & {*methods}
    shown = salt("study", *options, "--methods", "dictionary")
    assert shown.exit_code == 2 and "only the laboratory has" in shown.stderr and not asked


@pytest.mark.parametrize("option", [["--methods", "all"], ["--seeds", "0"], ["--backend", "ray"]])
def test_the_study_of_aggregation_is_one_fixed_study(tmp_path, option):
    shown = salt("study", "--scale", "aggregation", *option, "--runs-dir", tmp_path)
    assert shown.exit_code == 2 and "one fixed study" in shown.stderr


@pytest.mark.parametrize(
    ("error", "code"), [(grid.RunsFailed, 1), (grid.Interrupted, 130), (SaltError, 2)]
)
def test_failed_runs_and_ctrl_c_have_their_own_exit_codes(tmp_path, monkeypatch, error, code):
    def execute(*_, **__):
        raise error("this and that")

    monkeypatch.setattr(study, "execute", execute)
    shown = salt("study", "--runs-dir", tmp_path)
    assert shown.exit_code == code and shown.stderr == "salt: this and that\n"


def test_results_of_this_machine(tmp_path):
    for task in laboratory.TASKS:
        for method in ("baseline", "salt"):
            for seed in range(4):
                gain = 0.01 * (method == "salt") + seed / 1000 * (1 + (method == "salt"))
                scores = {"en": 0.9, "de": 0.7 + gain, "sw": 0.6 + gain}
                write(tmp_path, task=task, method=method, seed=seed, scores=scores)
    shown = salt("results", "--runs-dir", tmp_path)
    assert shown.exit_code == 0 and "runs of this machine" in shown.stdout
    row = next(line for line in shown.stdout.splitlines() if re.match("salt +4", line))
    assert row.split()[:3] == ["salt", "4", "90.00"] and "66.30 ± 0.26" in row and "+1.15" in row
    told = json.loads(salt("results", "--runs-dir", tmp_path, "--json").stdout)
    assert told["source"] == "this machine" and told["world"] == 0
    assert set(told["tasks"]) == set(told["primary"]) == set(laboratory.TASKS)
    method = told["tasks"]["mini-xnli"]["salt"]
    assert method["seeds"] == [0, 1, 2, 3] and method["english"]["comparison"]["p"] is None
    assert method["average_zero_shot"]["comparison"]["difference"] == pytest.approx(0.0115)


def test_an_unfinished_study_shows_what_pairs_up(tmp_path):
    for task in laboratory.TASKS:
        for method, seeds in (("baseline", range(4)), ("salt", range(3))):
            for seed in seeds:
                gain = 0.01 * (method == "salt") + seed / 1000 * (1 + (method == "salt"))
                scores = {"en": 0.9, "de": 0.7 + gain, "sw": 0.6 + gain}
                made = {"scores": scores, "hardware": "an abacus"}
                write(tmp_path, task=task, method=method, seed=seed, **made)
    shown = salt("results", "--runs-dir", tmp_path)
    assert shown.exit_code == 0, shown.stderr
    assert "2 runs wait for the same seed" in shown.stdout and re.search("salt +3 ", shown.stdout)
    assert "with 3 seeds an interval is too narrow" in shown.stdout
    assert "the frozen table has " in shown.stdout and "another processor" in shown.stdout
    one = salt("results", "--runs-dir", tmp_path, "--tasks", "mini-xnli")
    assert "mini-paws-x" not in one.stdout and one.exit_code == 0
    unknown = salt("results", "--runs-dir", tmp_path, "--tasks", "xnli")
    assert unknown.exit_code == 2 and "unknown task 'xnli'" in unknown.stderr


def test_runs_of_several_processors_are_said(tmp_path):
    for seed, capability in enumerate(("AVX2", "AVX512")):
        write(tmp_path, method="baseline", seed=seed, capability=capability)
    shown = salt("results", "--runs-dir", tmp_path).stdout
    assert "more than one processor" in shown and "(AVX2)" in shown and "(AVX512)" in shown


def test_another_processor_than_the_tables_is_said_by_its_instructions_too(tmp_path):
    about = {"hardware": laboratory.laboratory_study().recorded().origin["hardware"]}
    for capability, other in (("AVX512", False), ("AVX2", True)):
        for method in ("baseline", "salt"):
            for seed in range(2):
                write(tmp_path, method=method, seed=seed, capability=capability, **about)
        shown = salt("results", "--runs-dir", tmp_path).stdout
        assert "the frozen table has" in shown and ("another processor" in shown) == other


def test_a_broken_run_is_a_line_on_stderr(tmp_path):
    write(tmp_path, method="baseline", seed=0)
    write(tmp_path, method="baseline", seed=1).write_text("{")
    shown = salt("results", "--runs-dir", tmp_path, "--json")
    assert shown.exit_code == 0 and json.loads(shown.stdout)
    assert re.fullmatch("salt: .*seed-01.json is not a finished run.*\n", shown.stderr)


def test_without_runs_the_frozen_table_is_shown_and_named(tmp_path, monkeypatch):
    frozen = table(tmp_path / "laboratory.json")
    monkeypatch.setattr(laboratory, "RECORDED", frozen.parent)
    shown = salt("results", "--runs-dir", tmp_path / "none")
    assert shown.exit_code == 0 and "frozen table" in shown.stdout
    told = json.loads(salt("results", "--runs-dir", tmp_path / "none", "--json").stdout)
    assert told["source"] == "recorded" and told["origin"]["date"] == "2026-01-02"
    shown = salt("results", "--runs-dir", tmp_path / "none", "--world", 5)
    assert shown.exit_code == 2 and "salt study --world 5" in shown.stderr


def test_units_and_p_values_in_the_table():
    assert (commands._unit("mini-ner"), commands._unit("mini-xnli")) == ("F1", "accuracy")
    assert [commands._p(p) for p in (None, 0.00001, 0.5)] == ["–", "<0.0001", "0.5000"]


def test_the_complete_methods_of_this_machine_are_frozen(tmp_path):
    for task in laboratory.TASKS:
        for method in MAIN:
            for seed in laboratory.SEEDS:
                write(tmp_path / "runs", task=task, method=method, seed=seed, config={"epochs": 2})
    path = tmp_path / "table.json"
    shown = salt("results", "--runs-dir", tmp_path / "runs", "--record", path)
    assert shown.exit_code == 0 and f"{path}: baseline, " in shown.stdout
    assert len(json.loads(path.read_text())["rows"]) == 150
    shown = salt("results", "--runs-dir", tmp_path / "none", "--record", tmp_path / "no.json")
    assert shown.exit_code == 2 and "salt study" in shown.stderr
    assert not (tmp_path / "no.json").exists()


def test_the_headline_is_a_picture(tmp_path):
    path = tmp_path / "headline.png"
    shown = salt("results", "--runs-dir", tmp_path / "none", "--figure", path)
    assert shown.exit_code == 0 and "frozen table" in shown.stdout
    assert path.read_bytes().startswith(b"\x89PNG")

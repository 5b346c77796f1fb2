"""The `salt` command says what it does, what went wrong, and nothing else."""

import json
import re
import subprocess
import sys
from dataclasses import replace

import pyarrow as pa
import pytest
from test_runs import table, write
from typer.testing import CliRunner

from salt_lib.cli import main as cli
from salt_lib.errors import SaltError
from salt_lib.laboratory import checkpoints, substitutions
from salt_lib.pretraining import loop as pretraining_loop
from salt_lib.salt import predictions
from salt_lib.study import grid, store

COMMANDS = ("study", "results", "distill", "vocabulary", "augment", "pretrain", "own", "world")


def salt(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(command):
    shown = salt(command, "--help")
    assert shown.exit_code == 0 and f"Examples:\n    salt {command}" in shown.stdout
    assert command in salt("--help").stdout


def test_help_needs_nothing_heavy():
    code = (
        "import sys; from salt_lib import cli; from typer.testing import CliRunner; "
        "assert CliRunner().invoke(cli.app, ['--help']).exit_code == 0; "
        "print({'torch', 'transformers', 'pandas', 'joblib', 'ray'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["study", "--methods", "slat"], "unknown method 'slat'; known: baseline"),
        (["study", "--tasks", "xnli"], "unknown task 'xnli'; known: mini-xnli"),
        (["study", "--seeds", "5-2"], "'5-2' is no seed"),
        (["study", "--seeds", "a"], "'a' is no seed"),
        (["study", "--seeds", ","], "nothing to run"),
        (["study", "--scale", "paper", "--model", "no/model"], "no/model: no such folder, and no"),
        (["study", "--scale", "paper", "--setup", "none.toml"], "none.toml: no setup, a TOML file"),
        (["train", "--task", "xnl", "--method", "salt"], "unknown task 'xnl'; known: xnli"),
        (
            ["study", "--scale", "huge"],
            "unknown scale 'huge'; known: laboratory, aggregation, paper",
        ),
        (["study", "--backend", "slurm"], "unknown backend 'slurm'"),
        (["distill", "--task", "xnli"], "unknown task 'xnli'; known: mini-xnli"),
        (["world", "--language", "xx"], "unknown language 'xx'; known: ar"),
    ],
)
def test_an_error_is_a_message_and_not_a_traceback(tmp_path, arguments, message):
    runs_dir = ["--runs-dir", tmp_path] if arguments[0] == "study" else []
    shown = salt(*arguments, *runs_dir)
    assert shown.exit_code == 2 and shown.stdout == ""
    assert shown.stderr.startswith("salt: ") and message in shown.stderr
    assert "Traceback" not in shown.stderr and not list(tmp_path.iterdir())


def test_study_passes_on_what_was_asked_for(tmp_path, monkeypatch):
    asked = []

    def execute(specs, root, **options):
        asked.append((specs, root, options))
        return specs[:1]

    monkeypatch.setattr(grid, "execute", execute)
    shown = salt("study", "--runs-dir", tmp_path)
    (specs, root, options), _ = asked[0], asked.clear()
    assert len(specs) == 2 * 5 * 15 and root == tmp_path
    assert options == {"jobs": None, "force": False, "backend": "processes"}
    assert shown.stdout == f"150 runs under {tmp_path}: 1 made now, 149 were there\n"
    few = ["--tasks", "mini-xnli", "--methods", "baseline, salt", "--seeds", "0-1,7", "--world", 3]
    salt("study", *few, "--jobs", 4, "--force", "--backend", "ray", "--runs-dir", tmp_path)
    (specs, _, options), _ = asked[0], asked.clear()
    assert [s.seed for s in specs] == [0, 0, 1, 1, 7, 7] and {s.world for s in specs} == {3}
    assert options == {"jobs": 4, "force": True, "backend": "ray"}
    salt("study", "--methods", "main,salt-masked", "--seeds", "0", "--runs-dir", tmp_path)
    salt("study", "--methods", "all", "--seeds", "0", "--runs-dir", tmp_path)
    assert [len(specs) for specs, _, _ in asked] == [2 * 6, 2 * 11]


def test_failed_runs_and_ctrl_c_have_their_own_exit_codes(tmp_path, monkeypatch):
    for error, code in ((grid.RunsFailed, 1), (grid.Interrupted, 130), (SaltError, 2)):

        def execute(*_, error=error, **__):
            raise error("this and that")

        monkeypatch.setattr(grid, "execute", execute)
        shown = salt("study", "--runs-dir", tmp_path)
        assert shown.exit_code == code and shown.stderr == "salt: this and that\n"


def test_results_of_this_machine(tmp_path):
    for task in store.STUDY_TASKS:
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
    assert set(told["tasks"]) == set(told["primary"]) == set(store.STUDY_TASKS)
    method = told["tasks"]["mini-xnli"]["salt"]
    assert method["seeds"] == [0, 1, 2, 3] and method["english"]["comparison"]["p"] is None
    assert method["average_zero_shot"]["comparison"]["difference"] == pytest.approx(0.0115)


def test_a_broken_run_is_a_line_on_stderr(tmp_path):
    write(tmp_path, method="baseline", seed=0)
    write(tmp_path, method="baseline", seed=1).write_text("{")
    shown = salt("results", "--runs-dir", tmp_path, "--json")
    assert shown.exit_code == 0 and json.loads(shown.stdout)
    assert re.fullmatch("salt: .*seed-01.json is no finished run.*\n", shown.stderr)


def test_without_runs_the_frozen_table_is_shown_and_named(tmp_path, monkeypatch):
    frozen = table(tmp_path / "t.json")
    read = store.recorded
    monkeypatch.setattr(store, "recorded", lambda: read(frozen))
    shown = salt("results", "--runs-dir", tmp_path / "none")
    assert shown.exit_code == 0 and "frozen table" in shown.stdout
    told = json.loads(salt("results", "--runs-dir", tmp_path / "none", "--json").stdout)
    assert told["source"] == "recorded" and told["origin"]["date"] == "2026-01-02"
    shown = salt("results", "--runs-dir", tmp_path / "none", "--world", 5)
    assert shown.exit_code == 2 and "salt study --world 5" in shown.stderr


def test_world_prints_sentences_beside_their_english():
    shown = salt("world", "--language", "sw", "--facts", "5")
    blocks = shown.stdout.strip().split("\n\n")
    assert shown.exit_code == 0 and len(blocks) == 5
    assert all(re.fullmatch("sw  .+\nen  .+", block) for block in blocks)
    told = json.loads(salt("world", "--language", "sw", "--facts", "5", "--json").stdout)
    assert [f"sw  {row['sw']}\nen  {row['en']}" for row in told["sentences"]] == blocks
    assert len(json.loads(salt("world", "--facts", "1", "--json").stdout)["sentences"]) == 1


def test_distill_counts_what_reaches_the_threshold(tmp_path, monkeypatch):
    path = tmp_path / "predictions.parquet"
    rows = [(0, 1, "de", 7, 0.97), (0, 1, "en", 8, 0.5), (0, 2, "de", 9, 0.2), (1, 1, "fr", 3, 0.4)]
    columns = [
        pa.array(column, field.type)
        for column, field in zip(zip(*rows, strict=True), predictions.SCHEMA, strict=True)
    ]
    predictions.save(path, iter([pa.record_batch(columns, schema=predictions.SCHEMA)]), {})
    asked = []
    monkeypatch.setattr(
        substitutions, "predictions_path", lambda *a, **_: asked.append(a[:3]) or path
    )
    low = ["--threshold", "0.3", "--synonym-threshold", "0.6"]
    told = json.loads(salt("distill", "--world", 4, "--masked", *low, "--json").stdout)
    assert asked == [(4, "mini-xnli", True)] and told["file"] == str(path)
    assert told["languages"] == {
        "de": {"predicted": 2, "kept": 1},
        "en": {"predicted": 1, "kept": 0},
        "fr": {"predicted": 1, "kept": 1},
    }
    shown = salt("distill", *low)
    assert re.search("de +2 +1 +50.0%", shown.stdout) and "predictions.parquet" in shown.stdout
    assert salt("distill", "--threshold", "1.5").exit_code == 2


def test_pretrain_says_where_the_checkpoint_is(tmp_path, monkeypatch):
    asked = []

    def make(world, out, **options):
        asked.append((world, out, options))
        return {"step": 7, "alignment": {"de": 0.5, "sw": 0.3}}

    monkeypatch.setattr(checkpoints, "pretrain", make)
    monkeypatch.setenv("SALT_CHECKPOINTS_DIR", str(tmp_path))
    shown = salt("pretrain", "--world", 1, "--steps", 7, "--device", "cpu", "--no-resume")
    world, out, options = asked[0]
    assert (world, out) == (1, tmp_path / "world-1")
    assert options.pop("recipe") == replace(pretraining_loop.Recipe(), steps=7)
    assert options == {"resume": False, "device": "cpu"}
    assert shown.stdout == f"{out}: 7 steps, alignment 40.0% over languages\n"
    salt("pretrain", "--out", tmp_path / "x")
    assert asked[1][:2] == (0, tmp_path / "x")
    assert asked[1][2] == {"recipe": pretraining_loop.Recipe(), "resume": True, "device": None}

"""The `salt` command says what it does, what went wrong, and nothing else."""

import os
import re
import signal
import subprocess
import sys
import unicodedata

import pytest
from typer.testing import CliRunner

import salt_lib
from salt_lib.cli import main


def salt(*arguments):
    return CliRunner().invoke(main.app, [str(argument) for argument in arguments])


NAMES = [name for commands in main.COMMANDS.values() for name in commands]


@pytest.mark.parametrize("command", NAMES)
def test_every_command_has_help_with_examples(command):
    shown = salt(command, "--help")
    assert shown.exit_code == 0 and f"Examples:\n    salt {command}" in shown.stdout
    assert command in salt("--help").stdout


def test_commands_are_listed_by_what_they_are_for_with_whole_summaries():
    shown = salt("--help").stdout
    places = [shown.index(f"\n{title}:\n") for title in main.COMMANDS]
    assert places == sorted(places) and "..." not in shown.split("\n", 1)[1]
    words = " ".join(shown.split())
    for commands in main.COMMANDS.values():
        for function in commands.values():
            assert function.__doc__.strip().splitlines()[0].rstrip(".") in words


@pytest.mark.parametrize("command", [["-m", "salt_lib"], ["-m", "salt_lib.cli.main"]])
def test_the_version_from_every_entrance(command):
    done = subprocess.run([sys.executable, *command, "--version"], capture_output=True, text=True)
    assert done.stdout == f"salt {salt_lib.__version__}\n" and done.returncode == 0
    assert re.fullmatch(r"\d+\.\d+\.\d+", salt_lib.__version__)


def test_the_shell_can_complete_commands():
    assert "--install-completion" in salt("--help").stdout


def test_help_needs_nothing_heavy():
    code = (
        "import sys; from salt_lib.cli import main; from typer.testing import CliRunner; "
        "assert CliRunner().invoke(main.app, ['--help']).exit_code == 0; "
        "print({'torch', 'transformers', 'pandas', 'joblib', 'ray'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["study", "--methods", "slat"], "unknown method 'slat'; known: baseline"),
        (["study", "--tasks", "xnli"], "unknown task 'xnli'; known: mini-xnli"),
        (["study", "--seeds", "5-2"], "'5-2' is not a seed"),
        (["study", "--seeds", "a"], "'a' is not a seed"),
        (["study", "--seeds", ","], "nothing to run"),
        (["study", "--scale", "paper", "--model", "no/model"], "no/model: no such folder, and no"),
        (["study", "--scale", "paper", "--setup", "none.toml"], "none.toml: no setup, a TOML file"),
        (["train", "--task", "xnl", "--method", "salt"], "unknown task 'xnl'; known: xnli"),
        (
            ["study", "--scale", "huge"],
            "unknown scale 'huge'; known: laboratory, worlds, pictures, intermediate, programs, "
            "bitext, aggregation, paper",
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


def test_words_of_any_script_are_printed_whatever_the_terminal_is_set_to():
    done = subprocess.run(
        [sys.executable, "-m", "salt_lib", "world", "--language", "th", "--facts", "2"],
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
        capture_output=True,
    )
    assert done.returncode == 0 and not done.stderr
    assert any("THAI" in unicodedata.name(letter, "") for letter in done.stdout.decode("utf-8"))


@pytest.fixture
def interruptible():
    """As in a terminal: a shell starts what is in its background with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_what_is_stopped_says_so(tmp_path, monkeypatch, interruptible):
    """Ctrl-C, and a scheduler's SIGTERM: neither a traceback nor silence."""
    for name, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        monkeypatch.setattr(
            "salt_lib.real.scoring.score", lambda *_, name=name: os.kill(os.getpid(), name)
        )
        shown = salt("score", "--task", "xnli", "--gold", tmp_path, "--predictions", tmp_path)
        assert shown.exit_code == code, name
        assert "stopped; finished work is kept" in shown.stderr

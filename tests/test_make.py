"""`make` makes an environment of its own, and clears none that it has not made."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def checkout(tmp_path):
    """A folder with the Makefile, and what its environment is made from: nothing."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    for name in ("requirements.lock", "requirements.build", "pyproject.toml"):
        (folder / name).write_text("")
    return folder


def make(folder, *arguments):
    options = ["make", "-C", str(folder), f"PYTHON={sys.executable}", *arguments]
    variables = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    return subprocess.run(options, capture_output=True, text=True, env=variables)


def test_an_environment_of_somebody_elses_stays_as_it_is(checkout):
    environment = checkout / ".venv"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "mine").write_text("packages without pip, as uv makes them")
    done = make(checkout, ".venv/.ready")
    assert done.returncode and f"{environment} is a link, or an environment" in done.stderr
    assert [p.name for p in environment.rglob("*")] == ["bin", "mine"]


def test_a_link_is_not_followed(checkout, tmp_path):
    target = tmp_path / "elsewhere"
    target.mkdir()
    (target / "file").write_text("kept")
    (checkout / ".venv").symlink_to(target)
    done = make(checkout, ".venv/.ready")
    assert done.returncode and "it stays as" in done.stderr and "VENV=.venv-salt" in done.stderr
    assert [p.name for p in target.iterdir()] == ["file"]


def test_an_interrupted_environment_of_ours_is_made_again(checkout):
    environment = checkout / ".venv"
    environment.mkdir()
    (environment / ".made-by-salt").write_text("")
    (environment / "torn").write_text("")
    make(checkout, ".venv/.ready")  # the empty project itself can't be installed
    assert (environment / "bin" / "python").exists() and not (environment / "torn").exists()
    assert (environment / ".made-by-salt").exists()


def test_another_folder_may_be_given(checkout):
    (checkout / ".venv").mkdir()
    make(checkout, "VENV=.other", ".other/.ready")
    assert (checkout / ".other" / "bin" / "python").exists()
    assert not list((checkout / ".venv").iterdir())


def test_the_book_is_built_from_the_frozen_tables_where_asked_for(checkout):
    """Without the study, and with a folder of runs that holds none."""
    (checkout / ".venv").mkdir()
    told = make(checkout, "-n", "-o", ".venv/.ready", "book", "RUNS=recorded").stdout
    assert "SALT_RUNS_DIR=" in told and "book/build.py" in told and "salt study" not in told
    told = make(checkout, "-n", "-o", ".venv/.ready", "book").stdout
    assert "salt study" in told and "RUNS=recorded" in told


@pytest.fixture
def installed(checkout):
    """An environment of ours whose Python notes what it is asked for, and fails where told to."""
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    (checkout / ".venv" / ".made-by-salt").write_text("")
    python.write_text(
        f'#!/bin/sh\necho "$@" >> "{checkout}/calls"\n[ ! -e "{checkout}/offline" ] || '
        'case "$*" in *install*) echo "no network" >&2; exit 1;; esac\n'
    )
    python.chmod(0o755)
    return checkout


def installations(checkout):
    calls = (checkout / "calls").read_text().splitlines() if (checkout / "calls").exists() else []
    return sum(" install " in call for call in calls)


def test_a_new_time_alone_installs_nothing(installed):
    assert make(installed, ".venv/.ready").returncode == 0 and installations(installed) == 2
    (installed / "offline").write_text("")
    for name in ("pyproject.toml", "requirements.lock", "requirements.build"):
        os.utime(installed / name, (2e9, 2e9))
        done = make(installed, ".venv/.ready")
        assert done.returncode == 0, done.stderr
    assert installations(installed) == 2
    (installed / "requirements.lock").write_text("torch==99\n")
    os.utime(installed / "requirements.lock", (2.1e9, 2.1e9))
    done = make(installed, ".venv/.ready")
    assert done.returncode and "no network" in done.stderr
    assert "Without a network, what is" in done.stderr


def test_a_failed_installation_is_tried_again(installed):
    (installed / "offline").write_text("")
    assert make(installed, ".venv/.ready").returncode
    assert not (installed / ".venv" / ".ready").exists()
    (installed / "offline").unlink()
    assert make(installed, ".venv/.ready").returncode == 0
    assert (installed / ".venv" / ".ready").read_text()

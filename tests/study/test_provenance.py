"""What made a run: its fingerprint changes with what can change a score, and with nothing else."""

import subprocess
import sys
from dataclasses import replace

import fake_runs
import pytest
from places import environment

from salt_lib.salt import methods
from salt_lib.study import provenance
from salt_lib.study.provenance import fingerprint


def test_the_fingerprint_is_of_world_task_method_setup_and_sources(monkeypatch):
    setup = fake_runs.Setup()
    seen = {
        fingerprint(setup, 7, "mini-xnli", "salt"),
        fingerprint(setup, 8, "mini-xnli", "salt"),
        fingerprint(setup, 7, "mini-paws-x", "salt"),
        fingerprint(setup, 7, "mini-xnli", "mixup"),
        fingerprint(fake_runs.Setup(name="another"), 7, "mini-xnli", "salt"),
        fingerprint(fake_runs.Setup("salt_lib.laboratory.run:run"), 7, "mini-xnli", "salt"),
    }
    assert len(seen) == 6
    monkeypatch.setattr(provenance, "sources", lambda module: f"edited {module}")
    assert fingerprint(setup, 7, "mini-xnli", "salt") not in seen


def test_a_library_s_version_counts(monkeypatch):
    setup = fake_runs.Setup()
    before = fingerprint(setup, 0, "mini-xnli", "salt")
    monkeypatch.setattr(provenance, "versions", lambda: {"torch": "0.1"})
    assert fingerprint(setup, 0, "mini-xnli", "salt") != before


def changed_row(monkeypatch, name, **changes):
    row = methods.METHODS[name]
    monkeypatch.setitem(methods.METHODS, name, replace(row, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"substitutions": "masked"},
        {"synonyms": False},
        {"code_switch": False},
        {"mixup": "scalar"},
        {"translate": True},
        {"layer": 1},
        {"gate": "sigmoid"},
    ],
    ids=str,
)
def test_the_method_s_own_row_counts(monkeypatch, changes):
    """And nothing but it: the others' rows, and what it is called in words, change no score."""
    setup = fake_runs.Setup()
    before = {name: fingerprint(setup, 0, "mini-xnli", name) for name in ("salt", "mixup")}
    changed_row(monkeypatch, "salt", label="told in other words")
    assert fingerprint(setup, 0, "mini-xnli", "salt") == before["salt"]
    changed_row(monkeypatch, "salt", **changes)
    assert fingerprint(setup, 0, "mini-xnli", "salt") != before["salt"]
    assert fingerprint(setup, 0, "mini-xnli", "mixup") == before["mixup"]


def test_two_fused_rows_differ_in_layer_and_gate():
    names = ("dlfa-1", "dlfa-2", "dlfa-1-sigmoid", "salt+dlfa-1", "baseline")
    assert len({fingerprint(fake_runs.Setup(), 0, "mini-xnli", name) for name in names}) == 5


def test_an_installed_package_has_no_commit(monkeypatch, tmp_path):
    monkeypatch.setattr(provenance, "CHECKOUT", tmp_path)
    assert provenance.commit.__wrapped__() == "unknown"


def test_a_changed_checkout_is_dirty(monkeypatch, tmp_path):
    def git(*arguments):
        told = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *told, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "a.py").write_text("a = 1\n")
    git("add", "a.py")
    git("commit", "-q", "-m", "first", "--no-verify")
    monkeypatch.setattr(provenance, "CHECKOUT", tmp_path)
    clean = provenance.commit.__wrapped__()
    assert len(clean) == 40 and set(clean) <= set("0123456789abcdef")
    (tmp_path / "a.py").write_text("a = 2\n")
    assert provenance.commit.__wrapped__() == f"{clean}-dirty"


def python(code, **variables):
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, env={**environment(), **variables}, capture_output=True, text=True
    )


PORTABLE = "from salt_lib.study import provenance; print(provenance.capability())"


def test_a_portable_run_is_held_to_instructions_that_all_have_and_says_so():
    done = python(PORTABLE, SALT_PORTABLE="1")
    assert done.stdout == "AVX2, portable\n"
    read = "import os, salt_lib; print([os.environ.get(name) for name in salt_lib.PINNED])"
    assert python(read, SALT_PORTABLE="1").stdout == "['avx2', 'AVX2', 'AVX2']\n"
    assert python(read, SALT_PORTABLE="0").stdout == "[None, None, None]\n"


def test_a_portable_run_that_comes_too_late_is_an_error():
    done = python("import torch; import salt_lib", SALT_PORTABLE="1")
    assert done.returncode and "SALT_PORTABLE=1 comes too late" in done.stderr


def test_processors_are_the_same_by_make_and_capability_whatever_their_cores():
    one = {"hardware": "A Xeon, 2 cores, Linux", "capability": "AVX512"}
    assert provenance.same_processor(one, {"hardware": "A Xeon, 64 cores, Linux"})  # an older table
    assert not provenance.same_processor(one, {**one, "capability": "AVX2"})
    assert not provenance.same_processor(one, {**one, "hardware": "An EPYC, 2 cores, Linux"})
    mixed = {**one, "hardware": "A Xeon, 2 cores, Linux; An EPYC, 2 cores, Linux"}
    assert not provenance.same_processor(one, mixed) and provenance.same_processor(mixed, mixed)


def test_the_hardware_names_no_machine_and_no_user():
    told = provenance.hardware()
    assert "cores" in told and "@" not in told and "/home" not in told


def test_an_origin_says_where_results_come_from():
    found = provenance.origin("salt this")
    assert found["command"] == "salt this" and found["date"].endswith("+00:00")
    assert set(found) == {"command", "commit", "date", "hardware", "versions"}
    assert set(found["versions"]) == set(provenance.LIBRARIES)
    assert "not installed" not in found["versions"].values()

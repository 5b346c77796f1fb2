"""A reader never sees half of a file, and a folder is the variable's when it is used."""

import errno
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from threading import Timer

import pytest
from places import environment

from salt_lib import files
from salt_lib.errors import SaltError


def test_a_folder_is_the_variable_s_when_it_is_used(monkeypatch):
    monkeypatch.delenv("SALT_ANYTHING", raising=False)
    assert files.folder("SALT_ANYTHING", "here") == Path("here")
    monkeypatch.setenv("SALT_ANYTHING", "/there")
    assert files.folder("SALT_ANYTHING", "here") == Path("/there")
    monkeypatch.setenv("SALT_ANYTHING", "")
    assert files.folder("SALT_ANYTHING", "here") == Path("here")


def test_the_recorded_results_ship_with_the_package():
    assert {path.name for path in files.RECORDED.glob("*.json")} > {"laboratory.json"}


def test_what_is_written_is_read(tmp_path):
    files.write_text(tmp_path / "new" / "a.txt", "grüne แพะ\n")
    assert (tmp_path / "new" / "a.txt").read_bytes() == "grüne แพะ\n".encode()
    files.write_bytes(tmp_path / "b", b"")
    assert (tmp_path / "b").read_bytes() == b""
    files.write_json(tmp_path / "c.json", {"b": [1, 2.5, None], "a": "แพะ"})
    text = (tmp_path / "c.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"a": "แพะ", "b": [1, 2.5, None]}
    assert text.index('"a"') < text.index('"b"') and "แพะ" in text and text.endswith("}\n")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_no_json(tmp_path, value):
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(tmp_path / "a.json", {"score": value})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_a_full_disk_loses_nothing(tmp_path, monkeypatch, step):
    path = tmp_path / "a.txt"
    files.write_text(path, "before")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, step, full)
    with pytest.raises(SaltError, match="a.txt: can't be written .No space left on device.; free"):
        files.write_text(path, "after")
    assert path.read_text() == "before" and [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_an_error_while_writing_leaves_no_file(tmp_path):
    def write(temporary):
        temporary.write_text("half")
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        files.write_through(tmp_path / "a.txt", write)
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_place_of_a_folder_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SaltError, match="file/a.txt: can't be written"):
        files.write_text(tmp_path / "file" / "a.txt", "text")


def test_a_file_is_as_readable_as_any_other_of_its_user(tmp_path):
    before = os.umask(0o027)
    try:
        files.write_text(tmp_path / "a.txt", "text")
        assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640
        assert os.umask(0o027) == 0o027  # is as it was
    finally:
        os.umask(before)


HOLDER = """
import sys
from salt_lib import files
with files.alone(sys.argv[1], "the words"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def another(path):
    """A process that has the lock until its input ends."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], env=environment(), **pipes
    )
    assert process.stdout.readline() == "held\n"
    return process


def test_one_makes_it_and_the_others_wait_and_say_for_whom(tmp_path):
    path = tmp_path / "words.parquet"
    with another(path) as process:
        with pytest.raises(
            SaltError, match=rf"the words: process {process.pid} on .* is working on it"
        ):
            with files.alone(path, "the words", wait=False):
                pass
        Timer(0.5, process.stdin.close).start()
        with pytest.warns(UserWarning, match=f"waiting for process {process.pid} on .*the words"):
            with files.alone(path, "the words") as waited:
                assert waited
    with files.alone(path, "the words") as waited:
        assert not waited
    assert not list(tmp_path.iterdir())


def test_the_lock_of_a_dead_process_is_free(tmp_path):
    with another(tmp_path / "a") as process:
        process.kill()
    with files.alone(tmp_path / "a", "it", wait=False) as waited:
        assert not waited


STAGES = ("mkstemp", "close", "fsync", "chmod", "replace")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("stage", STAGES)
def test_a_kill_at_any_stage_of_a_write_leaves_the_old_or_the_new(tmp_path, stage, after):
    path = tmp_path / "a.json"
    files.write_json(path, {"edition": 1})
    process = os.fork()
    if process == 0:  # killed before or after the step, with nothing put away
        where = {"mkstemp": files.tempfile, "chmod": Path}.get(stage, files.os)
        plain = getattr(where, stage)

        def deadly(*arguments, **options):
            if after:
                plain(*arguments, **options)
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(where, stage, deadly)
        files.write_json(path, {"edition": 2})
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -signal.SIGKILL
    done = stage == "replace" and after
    assert json.loads(path.read_bytes()) == {"edition": 2 if done else 1}
    for left in tmp_path.glob(".*"):
        os.utime(left, (0, 0))
    files.write_json(path, {"edition": 3})
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_what_a_killed_process_left_is_swept_away(tmp_path):
    old, new = (tmp_path / f".a.json.{name}.tmp" for name in ("old", "new"))
    other = tmp_path / ".b.json.old.tmp"
    for path in (old, new, other):
        path.write_text("half")
    for path in (old, other):
        os.utime(path, (0, 0))
    files.write_json(tmp_path / "a.json", 1)
    assert {path.name for path in tmp_path.iterdir()} == {new.name, other.name, "a.json"}


def test_a_pipe_is_no_file_to_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SaltError, match="pipe: a pipe or a device"):
        files.readable(tmp_path / "pipe")
    assert files.readable(tmp_path / "nothing") == tmp_path / "nothing"

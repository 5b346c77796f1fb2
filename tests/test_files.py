"""A reader never sees half of a file, and a folder is the variable's when it is used."""

import errno
import json
import os
import stat
from pathlib import Path

import pytest

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

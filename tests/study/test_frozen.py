"""A frozen table comes back as the runs that it was made of, and says so when it is none."""

import json
import random

import pytest
from fake_runs import made

from salt_lib import files
from salt_lib.errors import SaltError
from salt_lib.study import frozen
from salt_lib.study.results import FROZEN

HEAD = {"command": "salt study", "commit": "c" * 40, "date": "2026-01-02", "hardware": "a h"}


def runs(seeds=range(4)):
    return [
        {
            "world": 0,
            "task": "mini-xnli",
            "method": method,
            "seed": seed,
            **made(seed),
            "scores": {"en": 0.9, "de": 1 / 3 + seed / 100},  # of no short decimal form
            "seconds": 12.345,
            "commit": "not kept",
        }
        for method in ("baseline", "salt")
        for seed in seeds
    ]


def test_a_table_comes_back_to_the_last_bit(tmp_path):
    path, before = tmp_path / "table.json", runs()
    frozen.write_table(path, {**HEAD, "gate": "literal"}, before)
    found = frozen.read_table(path)
    assert found.source == FROZEN and found.origin == {**HEAD, "gate": "literal"}
    kept = [
        {key: run[key] for key in frozen.KEPT if key in run} | {"seconds": 12.3} for run in before
    ]
    assert list(found.runs) == kept
    text = path.read_text()
    assert len(text.splitlines()) > len(before) and "not kept" not in text  # a line for each run
    assert json.loads(text)["rows"] == kept


def test_what_only_some_runs_have_is_kept_of_those(tmp_path):
    measured, plain = runs([0])
    more = {"measures": {"chosen": {"test": 0.1}}, "fingerprint": "of these sources"}
    frozen.write_table(tmp_path / "table.json", HEAD, [{**measured, **more}, plain])
    one, other = frozen.read_table(tmp_path / "table.json").runs
    assert {key: one[key] for key in more} == more and not set(more) & set(other)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "[]",
        '{"rows": [{"world": 0}]}',
        '{"rows": 3}',
        json.dumps({**HEAD, "rows": []}),
        json.dumps({**HEAD, "rows": [{"task": "mini-ner"}]}),
        json.dumps({"rows": runs()}),
    ],
)
def test_what_is_no_table_is_an_error_that_names_it(tmp_path, content):
    path = tmp_path / "t.json"
    path.write_text(content)
    with pytest.raises(SaltError, match="t.json: not a table of results.*'git checkout' or run"):
        frozen.read_table(path)


def test_another_digit_or_bit_is_an_error_or_the_same_table(tmp_path):
    path, draw, errors = tmp_path / "table.json", random.Random(0), 0
    frozen.write_table(path, HEAD, runs())
    data, before = path.read_bytes(), frozen.read_table(path)
    assert "checksum" not in before.origin
    for place in draw.sample(range(len(data)), 150):
        old = data[place]
        new = ord("5") + (old == ord("5")) if chr(old).isdecimal() else old ^ 1 << draw.randrange(8)
        path.write_bytes(data[:place] + bytes([new]) + data[place + 1 :])
        try:
            found = frozen.read_table(path)
            assert found.runs == before.runs
            assert found.origin.items() >= before.origin.items()
        except SaltError as error:
            assert "table.json: not a table of results" in str(error)
            errors += 1
    assert errors > 100


def test_every_truncation_of_a_table_is_an_error(tmp_path):
    path = tmp_path / "table.json"
    frozen.write_table(path, HEAD, runs(range(1)))
    data = path.read_bytes()
    for size in range(len(data) - 1):  # the last byte is a line end
        path.write_bytes(data[:size])
        with pytest.raises(SaltError, match="not a table of results"):
            frozen.read_table(path)


def test_a_table_of_before_there_were_checksums_is_read(tmp_path):
    (tmp_path / "t.json").write_text(json.dumps({**HEAD, "rows": runs()}))
    assert len(frozen.read_table(tmp_path / "t.json").runs) == len(runs())


def test_a_missing_table_names_the_command_that_makes_the_runs(tmp_path):
    with pytest.raises(SaltError, match="none.json.*salt study --scale aggregation"):
        frozen.read_table(tmp_path / "none.json", "salt study --scale aggregation")


@pytest.mark.parametrize("name", ["laboratory.json", "laboratory-first.json", "aggregation.json"])
def test_the_tables_that_ship_are_readable(name):
    found = frozen.read_table(files.RECORDED / name)
    assert not found.frame.empty and not found.histories.empty
    assert found.frame["score"].between(0, 1).all()

"""What there is of a fixed study, and that nothing is tested before all of it is there."""

import json
from operator import itemgetter

import pytest

from salt_lib.digests import write_checked
from salt_lib.errors import SaltError
from salt_lib.study import frozen, parts


def run(method: str, seed: int) -> dict:
    scores = {"en": 0.5}
    about = {"world": 2, "task": "t", "method": method, "seed": seed, "scores": scores}
    return {**about, "dev": [0.5], "epoch": 1, "seconds": 1.0, "config": {"epochs": 1}}


def test_a_part_is_what_its_table_has(tmp_path):
    path = tmp_path / "world-2.json"
    about = {"command": "c", "commit": "d" * 40, "date": "2026-01-02", "hardware": "h"}
    frozen.write_table(path, about, [run("a", 0), run("a", 1), run("b", 0)])
    found = parts.read_part(2, path, 4, "pictures", itemgetter("task", "method"))
    assert {key: list(seeds) for key, seeds in found.runs.items()} == {
        ("t", "a"): [0, 1],
        ("t", "b"): [0],
    }
    assert (found.made, found.complete, found.origin["hardware"]) == (3, False, "h")
    none = parts.read_part(3, tmp_path / "world-3.json", 4, "pictures", itemgetter("method"))
    assert (none.made, none.complete, none.origin) == (0, False, {})
    whole = parts.read_part(2, path, 3, "pictures", itemgetter("method"))
    assert whole.complete and parts.finished([whole]) and not parts.finished([whole, none])
    table = parts.progress_of([whole, none])
    assert table.to_dict("list") == {
        "world": [2, 3],
        "runs": [3, 0],
        "planned": [3, 4],
        "complete": [True, False],
    }
    assert parts.complete([whole], "pictures") == [whole]
    with pytest.raises(SaltError, match="worlds 3 are not complete.*--scale pictures --world N"):
        parts.complete([whole, none], "pictures")


def test_a_damaged_table_is_said_with_the_command_that_makes_it(tmp_path):
    path = tmp_path / "world-2.json"
    write_checked(path, {"runs": []})
    path.write_text(json.dumps({**json.loads(path.read_text()), "runs": [1]}))
    with pytest.raises(SaltError, match="salt study --scale pictures --world 2"):
        parts.read_part(2, path, 1, "pictures", itemgetter("method"))

"""What the fixed studies say: how far they are, then their outcome, or why there is none."""

import json
from types import SimpleNamespace

import pandas as pd
import pytest

from salt_lib.cli import fixed
from salt_lib.errors import SaltError

DONE = pd.DataFrame({"world": [2], "runs": [3], "planned": [3], "complete": [True]})
LACKING = DONE.assign(runs=1, complete=False)


def summary():
    return pd.DataFrame({"effect": ["a"], "p": [float("nan")]})


def test_runs_are_frozen_whatever_happens(capsys):
    part = SimpleNamespace(world=2, table="table.json", execute=lambda *_, force: ["run"])
    fixed.run(part, ["spec"], lambda: (1, 3), None, False)
    assert capsys.readouterr().out == "world 2: 1 runs made now; table.json has 1 of 3\n"
    kept = []

    def broken(*_, force):
        raise KeyboardInterrupt

    part.execute = broken
    with pytest.raises(KeyboardInterrupt):
        fixed.run(part, ["spec"], lambda: kept.append(1) or (1, 3), None, False)
    assert kept == [1]


def test_an_outcome_is_shown_when_all_runs_are_there(capsys):
    rows = fixed.show(DONE, summary, "the study", "pictures", False)
    assert [row["effect"] for row in rows] == ["a"]
    assert capsys.readouterr().out == "world 2: 3 of 3 runs\n"
    assert fixed.show(DONE, summary, "the study", "pictures", True) == []
    told = json.loads(capsys.readouterr().out)
    assert told["outcomes"] == [{"effect": "a", "p": None}]


def test_before_that_only_the_progress_is(capsys):
    with pytest.raises(SaltError, match="the study is not complete.*--scale pictures --world N"):
        fixed.show(LACKING.assign(layers=6), pytest.fail, "the study", "pictures", False)
    assert capsys.readouterr().out == "world 2, 6 layers: 1 of 3 runs\n"
    assert fixed.show(LACKING, pytest.fail, "the study", "pictures", True) == []
    assert json.loads(capsys.readouterr().out)["outcomes"] is None

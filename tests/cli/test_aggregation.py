"""`salt results --scale aggregation` shows the sweep and the comparison, and says from where."""

import json

from cli.test_main import salt
from invented import BEST, aggregate

from salt_lib.laboratory.aggregation import TASKS, aggregation_study
from salt_lib.study.results import HERE


def test_the_recorded_study_is_shown_and_named(tmp_path):
    shown = salt("results", "--scale", "aggregation", "--runs-dir", tmp_path)
    assert shown.exit_code == 0 and "from recorded:" in shown.stdout
    assert "mini-xnli" in shown.stdout and " chosen" in shown.stdout
    told = json.loads(
        salt("results", "--scale", "aggregation", "--runs-dir", tmp_path, "--json").stdout
    )
    assert told["source"] == "recorded" and set(told["chosen"]) == {
        row["task"] for row in told["tests"]
    }
    assert len(told["sweep"]) == 4 * 7 * 5


def test_an_incomplete_study_is_not_frozen(tmp_path):
    target = tmp_path / "frozen.json"
    shown = salt(
        "results", "--scale", "aggregation", "--runs-dir", tmp_path / "none", "--record", target
    )
    assert shown.exit_code == 2 and shown.stderr.startswith("salt: ") and not target.exists()


def test_this_machine_s_study_is_shown_and_frozen(tmp_path):
    aggregate(aggregation_study(root=tmp_path / "runs"))
    options = ["--scale", "aggregation", "--runs-dir", tmp_path / "runs"]
    shown = salt("study", *options)
    assert shown.exit_code == 0 and "0 made now" in shown.output
    shown = salt("results", *options)
    assert shown.exit_code == 0 and shown.output.count("chosen") >= len(TASKS)
    found = json.loads(salt("results", *options, "--json").stdout)
    assert found["chosen"] == BEST and found["source"] == HERE
    path = tmp_path / "kept.json"
    shown = salt("results", *options, "--record", path)
    assert shown.exit_code == 0 and str(path) in shown.stdout and path.exists()

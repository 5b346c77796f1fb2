"""`salt results --scale aggregation` shows the sweep and the comparison, and says from where."""

import json

from cli.test_main import salt


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

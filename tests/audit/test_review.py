"""What the review measured is said with its source; the deeper model's numbers are its runs'."""

import json

import numpy as np
import pytest
from places import ROOT

from salt_lib.audit import review
from salt_lib.errors import SaltError
from salt_lib.files import RECORDED
from salt_lib.languages import SOURCE

README = " ".join((ROOT / "README.md").read_text().split())


def test_every_attack_has_a_question_and_what_was_measured():
    source, attacks = review.read()
    assert source.endswith("not recorded run by run") and "6b117e7" in source
    assert attacks["second-world"].measured.startswith("+0.06 points over 10 seeds (p = 0.87)")
    for attack in attacks.values():
        assert attack.what.endswith("?") and "{" not in attack.measured
        assert " -" not in attack.measured  # minus signs are real ones


def test_a_number_without_recorded_runs_is_never_shown_without_saying_so():
    source, _ = review.read()
    assert source in review.second_world() and source in review.elsewhere()


def test_a_file_that_is_missing_or_lacks_a_number_is_an_error(tmp_path):
    path = tmp_path / "review.json"
    with pytest.raises(SaltError, match=r"review\.json: not the findings"):
        review.read(path)
    rows = {"a": {"what": "Is it?", "measured": "{lacking}", "numbers": {}}}
    path.write_text(json.dumps({"source": "s", "rows": rows}))
    with pytest.raises(SaltError, match="lacking"):
        review.read(path)


def test_the_deeper_model_is_judged_by_its_recorded_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("SALT_RUNS_DIR", str(tmp_path))
    rows = json.loads((RECORDED / "aggregation.json").read_bytes())["rows"]
    means = {
        (r["method"], r["seed"]): np.mean([v for c, v in r["scores"].items() if c != SOURCE])
        for r in rows
        if r["task"] == "mini-xnli" and r["method"] in ("salt", "baseline")
    }
    gains = [means["salt", seed] - means["baseline", seed] for seed in range(15)]
    test = review.deeper()
    assert test["n"] == 15 and test["difference"] == pytest.approx(np.mean(gains))
    assert f"by {100 * abs(np.mean(gains)):.2f} points" in review.elsewhere()


def test_the_readme_has_the_same_numbers(tmp_path, monkeypatch):
    monkeypatch.setenv("SALT_RUNS_DIR", str(tmp_path))
    gain, p = (review.number("second-world", name) for name in ("difference", "p"))
    told = f"{gain:+.2f} points (p = {p:.2f}; measured in a review of the study, not recorded"
    assert told in README
    assert f"SALT is {-100 * review.deeper()['difference']:.2f} points lower" in README
    left, fresh = (review.number("balanced", name) for name in ("difference", "fresh"))
    assert f"{left:.2f} points are left, on fresh items none (−{-fresh:.2f})" in README

"""What was tried stands in a file, seeds averaged, and says where it comes from."""

import json

import pytest
import small

from salt_lib.laboratory import run as laboratory_run
from salt_lib.laboratory import tuning
from salt_lib.salt.methods import METHODS


def trial(method, seed, zero_shot, **changes):
    return {
        "task": "mini-xnli",
        "method": method,
        "seed": seed,
        "changes": changes,
        "english": 0.9,
        "zero_shot": zero_shot,
    }


def test_averages_are_over_seeds_alone():
    rows = tuning.averages(
        [
            trial("salt", 1001, 0.6, threshold=0.5),
            trial("salt", 1000, 0.5, threshold=0.5),
            trial("salt", 1000, 0.8, threshold=0.9),
            trial("baseline", 1000, 0.4),
        ]
    )
    assert [(r["method"], r["changes"], r["seeds"], r["zero_shot"]) for r in rows] == [
        ("salt", {"threshold": 0.5}, [1000, 1001], 0.55),
        ("salt", {"threshold": 0.9}, [1000], 0.8),
        ("baseline", {}, [1000], 0.4),
    ]
    assert rows[0]["zero_shot_sd"] == pytest.approx(0.0707) and "zero_shot_sd" not in rows[1]


def test_what_is_done_is_not_done_again_and_all_is_recorded(laboratory, tmp_path, monkeypatch):
    monkeypatch.setattr(tuning, "WORLD", small.WORLD)
    monkeypatch.setitem(laboratory_run.CONFIGS, "mini-xnli", small.CONFIG)
    ran = []

    def one(name, method, seed, changes, layers=None):
        ran.append((method, seed))
        return tuning_trial(name, method, seed, changes, world=small.WORLD, layers=layers)

    tuning_trial = tuning.trial
    monkeypatch.setattr(tuning, "trial", one)
    log = tmp_path / "trials.json"
    for methods in (["baseline"], ["baseline", "salt"]):
        done = tuning.sweep(["mini-xnli"], methods, [{"epochs": 1}], (1000,), jobs=1, log=log)
    assert ran == [("baseline", 1000), ("salt", 1000)]
    assert json.loads(log.read_text()) == done and set(METHODS) > {t["method"] for t in done}
    for t in done:
        assert len(t["dev"]) == 1 and 0 <= t["english"] <= 1 and 0 <= t["zero_shot"] <= 1

    monkeypatch.setattr(tuning, "distillation", lambda name: [])
    curve = laboratory / "world-0" / "curve.json"
    tuning.record(tmp_path / "tuning.json", done, [{"what": "tiny", "curve": curve}])
    found = json.loads((tmp_path / "tuning.json").read_text())
    assert found["chosen"]["mini-xnli"]["epochs"] == small.CONFIG.epochs
    assert [r["method"] for r in found["finetuning"]] == ["baseline", "salt"]
    (tiny,) = found["pretraining"]
    assert tiny["what"] == "tiny" and tiny["finished"] and "curve" not in tiny
    assert tiny["step"] == small.RECIPE.steps and 0 <= tiny["alignment"] <= 1

"""What was tried stands in a file, seeds averaged, and says where it comes from."""

import json

import pytest
import small

from salt_lib.files import RECORDED
from salt_lib.laboratory import deeper, tasks, tuning
from salt_lib.laboratory.setup import Laboratory
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
    monkeypatch.setitem(tasks.CONFIGS, "mini-xnli", small.CONFIG)
    ran = []

    def one(name, method, seed, changes, world, layers):
        ran.append((method, seed))
        return tuning_trial(name, method, seed, changes, world=small.WORLD, layers=layers)

    tuning_trial = tuning.trial
    monkeypatch.setattr(tuning, "trial", one)
    log = tmp_path / "trials.json"
    for methods in (["baseline"], ["baseline", "salt"]):
        grid, worlds = [{"epochs": 1}], (small.WORLD,)
        done = tuning.sweep(["mini-xnli"], methods, grid, (1000,), jobs=1, log=log, worlds=worlds)
    assert ran == [("baseline", 1000), ("salt", 1000)]
    assert json.loads(log.read_text())["trials"] == done and set(METHODS) > {
        t["method"] for t in done
    }
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


def test_a_sweep_may_be_over_worlds_and_goes_on_in_an_older_log(tmp_path, monkeypatch):
    ran = []

    def one(name, method, seed, changes, world, layers):
        ran.append((world, method, seed, changes, layers))
        return {**trial(method, seed, 0.5, **changes), "world": world}

    monkeypatch.setattr(tuning, "trial", one)
    log = tmp_path / "trials.json"
    grid = [{"threshold": 0.5, "epochs": 2}, {"threshold": 0.9, "epochs": 2}]
    older = trial("salt", 1000, 0.7, epochs=2, threshold=0.5)  # of before there were more worlds
    log.write_text(json.dumps([older]))

    def sweep(**more):
        return tuning.sweep(["mini-xnli"], ["salt"], grid, (1000,), jobs=1, log=log, **more)

    done = sweep(worlds=(100, 101), layers=6)
    assert ran == [
        (100, "salt", 1000, grid[1], 6),
        (101, "salt", 1000, grid[0], 6),
        (101, "salt", 1000, grid[1], 6),
    ]
    assert done[0] == older and len(done) == 4 and json.loads(log.read_text())["trials"] == done
    assert sweep(worlds=(101, 100)) == sweep() == done and len(ran) == 3
    rows = tuning.averages(done)
    assert [(row["changes"], row["zero_shot"]) for row in rows] == [
        ({"epochs": 2, "threshold": 0.5}, 0.6),
        (grid[1], 0.5),
    ]


def test_a_trial_is_scored_on_dev_alone(laboratory, monkeypatch):
    monkeypatch.setitem(tasks.CONFIGS, "mini-xnli", small.CONFIG)
    asked = []
    plain = tasks.load.__wrapped__
    monkeypatch.setattr(
        "salt_lib.laboratory.predictions.load", lambda *a: asked.append(a[1]) or plain(*a)
    )
    small.forget()
    found = tuning.trial("mini-xnli", "baseline", 1000, {"epochs": 1}, world=small.WORLD)
    small.forget()
    assert set(asked) == {"train", "dev"} and found["changes"] == {"epochs": 1}
    assert found["world"] == small.WORLD


def test_the_deeper_model_s_record(laboratory, tmp_path, monkeypatch):
    monkeypatch.setattr(tuning, "WORLD", small.WORLD)
    monkeypatch.setattr(tuning, "checkpoint", lambda world, layers: laboratory / "world-0")
    tuning.record_deeper(tmp_path / "t.json", [trial("salt", 1000, 0.5)])
    found = json.loads((tmp_path / "t.json").read_text())
    assert found["layers"] == deeper.LAYERS and found["gate"] == deeper.GATE
    assert (
        set(found["chosen"]) == set(deeper.CONFIGS) and 0 <= found["pretraining"]["alignment"] <= 1
    )
    epochs = Laboratory(0, deeper.LAYERS).config("mini-ner").epochs
    assert found["chosen"]["mini-ner"]["epochs"] == epochs


def test_what_the_tuning_world_measured_is_on_record():
    """Its seeds are none of the study's, and its world is another."""
    assert not set(tuning.SEEDS) & set(range(100)) and tuning.WORLD == 100
    for name in ("tuning.json", "aggregation-tuning.json"):
        found = json.loads((RECORDED / name).read_text(encoding="utf-8"))
        assert found["world"] == tuning.WORLD and "-dirty" not in found["commit"]
        assert all(set(row["seeds"]) <= set(tuning.SEEDS) for row in found["finetuning"])

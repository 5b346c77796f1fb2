"""What was tried in the tuning world is what the study is made with."""

import pytest

from salt_lib.digests import read_checked
from salt_lib.laboratory.intermediate import conditions, tuning
from salt_lib.laboratory.intermediate.conditions import STEPS
from salt_lib.laboratory.intermediate.run import number
from salt_lib.laboratory.intermediate.study import planned


def rates(dev, english=lambda rate: 0.9):
    return [
        {"condition": name, "learning_rate": rate, "dev": dev(rate), "english": english(rate)}
        for name, some in tuning.RATES.items()
        for rate in some
    ]


def tried(score):
    return [
        {"condition": name, "draw": draw, "english": 0.9, "zero_shot": score(name, draw)}
        for name in tuning.TRIED
        for draw in tuning.DRAWS
    ]


def test_the_best_is_chosen_and_of_equals_the_first():
    trials = {"rates": rates(lambda rate: 0.5), "conditions": tried(lambda name, draw: 0.5)}
    found = tuning.chosen(trials)
    assert found["best"] == tuning.TRIED[0]
    assert found["rates"] == {
        "masked-text": 2.5e-4,
        "matching": 2.5e-4,
        "mini-paws-x": 2.5e-4,
        "mini-pos": 2.5e-4,
    }
    last = tuning.TRIED[-1]
    trials["conditions"] = tried(lambda name, draw: 0.6 + draw / 1000 if name == last else 0.65)
    # English is best at the lowest rate; but there the task isn't learned.
    trials["rates"] = rates(lambda rate: 0.5 if rate < 4e-4 else 0.8, lambda rate: 1 - rate)
    found = tuning.chosen(trials)
    assert found["best"] == last and set(found["rates"].values()) == {5e-4}
    trials["rates"] = rates(lambda rate: 0.75 if rate < 4e-4 else 0.8, lambda rate: 1 - rate)
    assert set(tuning.chosen(trials)["rates"].values()) == {2.5e-4}


def test_a_tuning_that_was_stopped_goes_on(tmp_path, monkeypatch):
    made = []

    def rate_trial(name, rate):
        made.append((name, rate))
        if len(made) == 3:
            raise KeyboardInterrupt
        return {"condition": name, "learning_rate": rate, "dev": rate, "english": 0.9}

    monkeypatch.setattr(tuning, "rate_trial", rate_trial)

    def condition_trial(name, draw, rate):
        told = {"condition": name, "draw": draw, "learning_rate": rate}
        return {**told, "english": 0.9, "zero_shot": 0.5}

    monkeypatch.setattr(tuning, "condition_trial", condition_trial)
    path = tmp_path / "tuning.json"
    assert tuning.recorded(path) == {"trials": {"rates": [], "conditions": []}}
    with pytest.raises(KeyboardInterrupt):
        tuning.tune(path)
    found = tuning.tune(path)
    assert len(made) == 14 and made[2] == made[3]  # 13, and the one that was stopped
    told = read_checked(path)
    settled = {
        str(conditions.CONDITIONS[t["condition"]].task): t["learning_rate"]
        for t in told["trials"]["conditions"]
    }
    assert settled.items() <= found["rates"].items() and len(settled) == 2
    assert told["chosen"] == found and told["world"] == 100 and len(told["trials"]["rates"]) == 13
    assert tuning.recorded(path) == told
    assert sum(map(len, told["trials"].values())) == tuning.planned()


def test_no_draw_or_seed_of_the_tuning_is_the_study_s():
    study = {spec.seed for spec in planned(2)}
    assert not study & {number(draw, tuning.SEED) for draw in (*tuning.DRAWS, tuning.SEED)}


def test_the_study_is_made_with_what_was_chosen():
    """As soon as the tuning is recorded."""
    told = tuning.recorded()
    if "chosen" not in told:
        pytest.skip("the tuning is not complete yet")
    assert told["chosen"] == tuning.chosen(told["trials"])
    assert told["chosen"]["best"] == conditions.BEST
    for task, rate in told["chosen"]["rates"].items():
        assert STEPS[task].learning_rate == rate

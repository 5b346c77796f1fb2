"""An account holds where its contrast leaves less than half of what depth costs SALT."""

import pytest
import small
import torch

from salt_lib.digests import read_checked
from salt_lib.errors import SaltError
from salt_lib.laboratory import accounts, tasks
from salt_lib.laboratory.tuning import SEEDS

# Method → (zero-shot, balanced) with two layers and with six, before what a seed adds.
LEVELS = {
    "baseline": ((0.60, 0.64), (0.70, 0.72)),
    "salt": ((0.64, 0.67), (0.70, 0.74)),
    "dictionary": ((0.70, 0.70), (0.80, 0.80)),
    "code-switch": ((0.63, 0.63), (0.70, 0.70)),
}


def invented(method, seed, depth, world=accounts.WORLD):
    zero_shot, balanced = LEVELS[method][accounts.DEPTHS.index(depth)]
    add = (seed - 1000) / 100
    return {
        "method": method,
        "seed": seed,
        "depth": depth,
        "english": 0.9,
        "zero_shot": zero_shot + add,
        "balanced": balanced + add,
    }


@pytest.fixture
def trials():
    return [invented(m, s, d) for m in accounts.METHODS for s in SEEDS for d in accounts.DEPTHS]


def test_the_loss_is_what_depth_takes_from_the_gain(trials):
    assert accounts.losses(trials) == pytest.approx([0.04] * 3)
    found = {one.name: (one.loss.mean(), one.held) for one in accounts.judged(trials)}
    assert found == {
        "answers": (pytest.approx(0.01), True),
        "words": (pytest.approx(0.0), True),
        "blends": (pytest.approx(0.03), False),
    }


def test_without_a_loss_there_is_nothing_to_explain(trials):
    for one in trials:
        one["zero_shot"] += 0.1 * (one["method"] == "salt" and one["depth"] == 6)
    assert accounts.losses(trials).mean() < 0
    assert not any(one.held for one in accounts.judged(trials))


def test_a_missing_trial_is_named(trials):
    trials.remove(next(one for one in trials if one["method"] == "dictionary"))
    with pytest.raises(
        SaltError, match=r"1 trials are missing, the first \('dictionary', 1000, 2\)"
    ):
        accounts.judged(trials)


def test_trials_are_made_once_and_kept_one_by_one(tmp_path, monkeypatch):
    path, made = tmp_path / "accounts.json", []

    def one(method, seed, depth, world):
        made.append((method, seed, depth))
        if len(made) == 5:
            raise KeyboardInterrupt
        return invented(method, seed, depth, world)

    monkeypatch.setattr(accounts, "trial", one)
    monkeypatch.setattr(accounts, "words", lambda world, task, layers: {"precision": layers or 2})
    with pytest.raises(KeyboardInterrupt):
        accounts.make(path)
    assert len(accounts.recorded(path)["trials"]) == 4
    accounts.make(path)
    found = read_checked(path)
    assert len(found["trials"]) == 24 == len(set(made)) == len(made) - 1
    assert found["words"] == {"2": {"precision": 2}, "6": {"precision": 6}}
    assert found["world"] == 100 and accounts.recorded(tmp_path / "none.json")["trials"] == []


def test_a_trial_is_scored_on_dev_as_answered_and_balanced(laboratory, monkeypatch):
    """The classifier answers label 0 always, by a margin that balancing sees through."""
    monkeypatch.setattr(accounts, "TASK", "mini-xnli")
    monkeypatch.setitem(tasks.CONFIGS, "mini-xnli", small.CONFIG)
    asked = []

    def train_and_score(ready, row, config, seed, measure):
        asked.append((row.name, seed, config))
        said = {}
        for code, test in ready.tests.items():
            sure = torch.nn.functional.one_hot(test.labels, 3).float()
            said[code] = sure + torch.tensor([9.0, 0.0, 0.0])
        scores = {
            c: float((said[c].argmax(1) == t.labels).float().mean()) for c, t in ready.tests.items()
        }
        return {"scores": scores, "seconds": 1.0, "measures": measure(None, said)}

    monkeypatch.setattr(accounts, "train_and_score", train_and_score)
    small.forget()
    found = accounts.trial("baseline", 1001, 2, world=small.WORLD)
    small.forget()
    assert found["balanced"] > 0.9 and found["zero_shot"] == pytest.approx(1 / 3, abs=0.01)
    assert asked == [("baseline", 1001, small.CONFIG)] and found["depth"] == 2

"""What a run keeps is counted by hand here, and watching a training changes nothing of it."""

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import small
import torch
from small import CONFIG, SETUP, WORLD

from salt_lib.laboratory import measures, tasks
from salt_lib.laboratory import run as laboratory_run
from salt_lib.models import classifiers
from salt_lib.study.packing import unpacked
from salt_lib.training import evaluate
from salt_lib.training.device import Compute
from salt_lib.training.run import train_and_score

NAME = "mini-nli"
LAST = replace(CONFIG, select="last")


@pytest.fixture(autouse=True, scope="module")
def small_laboratory(laboratory):
    return laboratory


def classifier(seed, name=NAME, scale=30.0):
    """A classifier that nobody has trained, with weights so large that its answers vary."""
    made = classifiers.classifier(SETUP.checkpoint, len(tasks.task(name).labels), seed, 0.0)
    with torch.no_grad():
        made.classifier.weight *= scale
    return made


@pytest.fixture(scope="module")
def model():
    return classifier(0)


@pytest.fixture(scope="module")
def found(model):
    return measures.measured(model, WORLD, NAME)


def answers(model, code, name=NAME, split="test"):
    """(pairs,) whether each is answered rightly."""
    data = small.encoded(split, name, code)
    return (evaluate.predicted(model, data) == data.labels).numpy()


# Measures of one model


def test_accuracy_and_shares_are_those_of_the_answers(model, found):
    spec = tasks.task(NAME)
    assert set(found) == {"test", tasks.FRESH}
    for split, told in found.items():
        assert set(told["accuracy"]) == set(told["auc"]) == set(spec.languages)
        for code in spec.languages:
            data = small.encoded(split, NAME, code)
            accuracy = evaluate.score(model, data)
            assert told["accuracy"][code] == pytest.approx(accuracy, abs=6e-5)
            said = np.bincount(evaluate.predicted(model, data), minlength=3) / len(data)
            assert told["shares"][code] == pytest.approx(said.tolist(), abs=6e-5)
    assert found["test"]["accuracy"] != found[tasks.FRESH]["accuracy"]


@pytest.mark.parametrize("name", tasks.WORLD_TASKS)
def test_groups_hold_the_right_answers_of_all_targets_item_by_item(name):
    model, spec = classifier(1, name), tasks.task(name)
    told = measures.measured(model, WORLD, name, ("test",))["test"]
    right = sum(answers(model, code, name).astype(int) for code in spec.targets)
    size = spec.per_group
    by_hand = [int(right[i : i + size].sum()) for i in range(0, len(right), size)]
    groups = unpacked(told["groups"])
    assert groups.tolist() == by_hand and len(by_hand) == spec.groups["test"]
    assert len(set(by_hand)) > 2 and max(by_hand) <= size * len(spec.targets)
    pairs = size * spec.groups["test"]
    for key, kind in (("groups", "accuracy"), ("groups_balanced", "balanced")):
        total = sum(told[kind][code] for code in spec.targets) * pairs
        assert unpacked(told[key]).sum() == pytest.approx(total, abs=0.1)
    assert told["groups"] != told["groups_balanced"]


@pytest.mark.parametrize("name", tasks.WORLD_TASKS)
def test_a_group_is_what_stands_around_one_fact(name):
    """Its pairs lie beside one another, with as many of each label."""
    spec, facts = tasks.task(name), tasks.facts(name, "test", WORLD)
    around = [pair.second if spec.per_group == 3 else {pair.change} for pair in facts]
    for i in range(0, len(facts), spec.per_group):
        group = facts[i : i + spec.per_group]
        labels = [pair.label for pair in group]
        assert len({labels.count(label) for label in range(len(spec.labels))}) == 1
        assert all(one == around[i] for one in around[i : i + spec.per_group])


def test_relations_are_those_between_the_sentences(model, found):
    facts = tasks.facts(NAME, "test", WORLD)
    targets = tasks.task(NAME).targets
    right = np.mean([answers(model, code) for code in targets], axis=0)
    by_hand: dict[str, list] = {}
    for pair, share in zip(facts, right, strict=True):
        by_hand.setdefault(pair.change.split()[-1], []).append(share)
    told = found["test"]["relations"]
    assert told == pytest.approx({k: np.mean(v) for k, v in by_hand.items()}, abs=6e-5)
    assert {"synonym", "hyponym", "unrelated"} <= set(told) and len(told) > 4
    weighted = sum(told[k] * len(v) for k, v in by_hand.items()) / len(facts)
    accuracy = found["test"]["accuracy"]
    assert weighted == pytest.approx(np.mean([accuracy[c] for c in targets]), abs=1e-4)


def test_paraphrases_have_one_relation():
    told = measures.measured(classifier(1, "mini-paraphrase"), WORLD, "mini-paraphrase", ["test"])
    accuracy = told["test"]["accuracy"]
    mean = np.mean([accuracy[code] for code in tasks.task("mini-paraphrase").targets])
    assert told["test"]["relations"] == {"word": pytest.approx(mean, abs=1e-4)}


def test_what_shifts_the_answers_alone_is_balanced_away(found):
    shifted = classifier(0)
    with torch.no_grad():
        shifted.classifier.bias += torch.tensor([100.0, 0.0, 0.0])
    told, plain = measures.measured(shifted, WORLD, NAME, ["test"])["test"], found["test"]
    for code in tasks.task(NAME).languages:
        assert told["shares"][code] == [1.0, 0.0, 0.0]
        assert told["accuracy"][code] == pytest.approx(1 / 3, abs=6e-5)
        assert told["balanced"][code] == pytest.approx(plain["balanced"][code], abs=0.12)
    means = [np.mean(list(x["balanced"].values())) for x in (told, plain)]
    assert means[0] == pytest.approx(means[1], abs=0.02)
    assert any(told["balanced"][c] != told["accuracy"][c] for c in told["balanced"])


def test_the_bias_is_fitted_on_dev_and_without_its_labels(model, found, monkeypatch):
    plain, read = measures.encoded, []

    def without_labels(world, name, split, code):
        read.append(split)
        data = plain(world, name, split, code)
        return replace(data, labels=data.labels * 0) if split == "dev" else data

    monkeypatch.setattr(measures, "encoded", without_labels)
    assert measures.measured(model, WORLD, NAME) == found
    assert set(read) == {"dev", "test", tasks.FRESH}


# Epochs


@pytest.fixture(scope="module")
def weights():
    """The weights of four classifiers; that of the highest target dev stands second."""
    states = [classifier(seed).state_dict() for seed in range(4)]
    best = int(np.argmax([target_dev(state) for state in states]))
    states.insert(1, states.pop(best))
    return states


def target_dev(state, rows=slice(None)):
    model = classifier(9)
    model.load_state_dict(state)
    return np.mean([answers(model, code, NAME, "dev")[rows].mean() for code in targets()])


def targets():
    return tasks.task(NAME).targets


@pytest.fixture(scope="module")
def watched(weights):
    """A watcher that has seen the four of them as the ends of four epochs."""
    watched, model = measures.watcher(WORLD, NAME), classifier(9)
    watched.begin(4, Compute(), model, torch.optim.AdamW(model.parameters()))
    for epoch, state in enumerate(weights, 1):
        model.load_state_dict(state)
        watched.epoch(epoch, epoch, [0.5] * epoch, None)
    return watched


def test_the_average_is_the_mean_of_the_epochs_weights(watched, weights):
    assert set(watched.average) == set(weights[0])
    for name, value in watched.average.items():
        by_hand = torch.stack([state[name].double() for state in weights]).mean(dim=0)
        assert torch.allclose(value.double(), by_hand, atol=6e-5), name
    assert not torch.equal(watched.average["classifier.weight"], weights[-1]["classifier.weight"])


def test_the_oracle_is_the_epoch_of_the_highest_target_dev(watched, weights):
    by_hand = [target_dev(state) for state in weights]
    assert watched.target_dev == pytest.approx(by_hand) and np.argmax(by_hand) == 1
    assert by_hand[1] > by_hand[0] and len(set(watched.target_dev)) > 2
    assert small.same(watched.oracle, weights[1]) and not small.same(watched.oracle, weights[0])


def test_the_oracle_sees_the_first_dev_groups_of_the_targets_alone(monkeypatch, weights):
    assert "en" not in measures.watcher(WORLD, NAME).peeked
    monkeypatch.setattr(measures, "PEEKED", 4)
    watched, model = measures.watcher(WORLD, NAME), classifier(9)
    assert {len(part) for part in watched.peeked.values()} == {12}
    watched.begin(1, Compute(), model, torch.optim.AdamW(model.parameters()))
    model.load_state_dict(weights[0])
    watched.epoch(1, 1, [0.5], None)
    assert watched.target_dev == pytest.approx([target_dev(weights[0], slice(12))])


def test_the_first_rows_are_the_rows_themselves():
    data = small.encoded("dev", NAME, "sw")
    few = data.part(0, 7)
    assert len(few) == 7 and few.labels.tolist() == data.labels[:7].tolist()
    for i in range(7):
        assert torch.equal(few.row(i), data.row(i))
    assert len(few.ids) == len(few.segments) == len(few.whole) == int(few.start[-1])
    assert len(data.part(0, 10_000)) == len(data)


# Runs


def test_a_run_returns_all_measures_and_they_are_json():
    run = laboratory_run.train(SETUP, NAME, "salt", 0, LAST)
    found = json.loads(json.dumps(run["measures"]))
    assert found == run["measures"] and set(found) == {"chosen", "averaged", "oracle"}
    assert set(found["chosen"]) == {"test", "fresh"} and set(found["averaged"]) == {"test"}
    keys = {"accuracy", "balanced", "auc", "shares", "relations", "groups", "groups_balanced"}
    for told in (*found["chosen"].values(), *found["averaged"].values()):
        assert set(told) == keys and set(told["accuracy"]) == set(run["scores"])
    assert found["chosen"]["test"]["accuracy"] == pytest.approx(run["scores"], abs=6e-5)
    oracle = found["oracle"]
    assert set(oracle) == {"epoch", "zero_shot", "target_dev"}
    assert len(oracle["target_dev"]) == LAST.epochs == len(run["dev"])
    assert oracle["epoch"] == np.argmax(oracle["target_dev"])
    assert run["epoch"] == LAST.epochs - 1 and len(run["scores"]) == 15


def test_of_one_epoch_the_average_and_the_oracle_are_what_was_trained():
    """And the second test set is measured with the model that the run ended with."""
    run = laboratory_run.train(SETUP, NAME, "baseline", 0, replace(LAST, epochs=1))
    found = run["measures"]
    assert found["averaged"]["test"] == found["chosen"]["test"]
    accuracy = found["chosen"]["test"]["accuracy"]
    mean = np.mean([accuracy[code] for code in targets()])
    assert found["oracle"]["zero_shot"] == pytest.approx(mean, abs=1e-4)
    assert found["oracle"]["epoch"] == 0 == run["epoch"]


def test_everything_is_of_the_chosen_the_averaged_and_the_oracle_s_weights(watched, weights):
    model = classifier(9)
    model.load_state_dict(weights[3])
    found = measures.everything(model, watched, WORLD, NAME)

    def again(state, split="test"):
        model.load_state_dict(state)
        return measures.measured(model, WORLD, NAME, [split])[split]

    assert found["chosen"] == {split: again(weights[3], split) for split in ("test", "fresh")}
    assert found["averaged"]["test"] == again(watched.average) != found["chosen"]["test"]
    oracle = again(weights[1])["accuracy"]
    mean = np.mean([oracle[code] for code in targets()])
    assert found["oracle"]["zero_shot"] == pytest.approx(mean, abs=1e-4)
    assert found["oracle"]["epoch"] == 1


def test_watching_a_training_changes_nothing_of_it():
    config = replace(LAST, dropout=0.1, learning_rate=5e-3)
    ready = small.prepared("salt", NAME, config)
    states = []
    for monitor in (None, measures.watcher(WORLD, NAME)):
        run = train_and_score(
            ready,
            small.method_by_name("salt"),
            config,
            3,
            monitor=monitor,
            keep=lambda model: states.append(copy.deepcopy(model.state_dict())),
        )
    assert small.same(*states) and run["epoch"] == config.epochs - 1


def test_a_run_of_another_task_has_no_measures():
    assert "measures" not in laboratory_run.train(SETUP, "mini-xnli", "baseline", 0, CONFIG)

"""The seeds of a method, trained at once, end where each would have ended alone."""

from dataclasses import replace

import pytest
import torch
from small import CONFIG, SETUP, prepared

from salt_lib.errors import SaltError
from salt_lib.laboratory import run as laboratory_run
from salt_lib.laboratory import tasks
from salt_lib.models import classifiers
from salt_lib.models.encoding import IGNORE, encode, positions
from salt_lib.models.loading import tokenizer
from salt_lib.salt.methods import dlfa, method
from salt_lib.training import stacked
from salt_lib.training.device import Compute
from salt_lib.training.evaluate import _logits, logits
from salt_lib.training.loop import Draws, fit
from salt_lib.training.run import train_and_score
from salt_lib.training.stacked import train_and_score_stacked

SEEDS = (0, 3, 4)


@pytest.fixture(autouse=True, scope="module")
def small_laboratory(laboratory):
    return laboratory


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("baseline", {}),
        ("salt", {"redraw": True, "until": 0.5, "mix_rate": 0.5}),
        ("scalar-mixup", {}),
        ("smoothed", {"noise": 0.3}),
        ("translate-train", {}),
    ],
)
def test_each_seed_ends_as_alone(name, changes, monkeypatch):
    config = replace(CONFIG, epochs=3, batch=16, select="last", **changes)
    row, ready = method(name), prepared(name, config=config)
    kept = []
    plain = classifiers.classifier
    monkeypatch.setattr(
        classifiers, "classifier", lambda *a, **b: kept.append(plain(*a, **b)) or kept[-1]
    )
    together = train_and_score_stacked(ready, row, config, SEEDS)
    models = kept[:]
    for seed, model, found in zip(SEEDS, models, together, strict=True):
        alone = train_and_score(ready, row, config, seed)
        # Not the weights: where a gradient is nothing but rounding (keys' biases), so is the step.
        ours, own = (logits(one, ready.tests["de"]) for one in (model, kept[-1]))
        assert torch.allclose(ours, own, atol=5e-3)
        assert found["dev"] == pytest.approx(alone["dev"], abs=0.03)
        assert found["scores"] == pytest.approx(alone["scores"], abs=0.03)
        assert found["epoch"] == alone["epoch"] == 2
        assert found["stacked"] == 3 and found["config"] == alone["config"]
    answers = [logits(model, ready.tests["de"]) for model in models]
    assert not torch.allclose(answers[0], answers[1], atol=0.05)


def test_the_epoch_is_chosen_seed_by_seed(monkeypatch):
    """By a dev score that falls for one seed and rises for the other."""
    ready, config = prepared(), replace(CONFIG, epochs=3)
    models = [classifiers.classifier(ready.checkpoint, 3, s, 0.0) for s in (0, 3)]
    ends, given = {0: [], 1: []}, iter([0.9, 0.1, 0.5, 0.2, 0.1, 0.3])

    def scored(model, data, compute=None):
        number = next(i for i, one in enumerate(models) if one is model)
        ends[number].append({k: v.clone() for k, v in model.state_dict().items()})
        return next(given)

    monkeypatch.setattr(stacked, "score", scored)
    row = method("baseline")
    found = stacked.fit_stacked(models, ready, row, config, (0, 3), Compute())
    assert found == [([0.9, 0.5, 0.1], 0), ([0.1, 0.2, 0.3], 2)]
    for number, epoch in ((0, 0), (1, 2)):
        for name, value in models[number].state_dict().items():
            assert value.equal(ends[number][epoch][name])


@pytest.mark.parametrize("placement", ["first", "mean"])
def test_tags_too(placement):
    data = tasks.load("mini-pos", "train", "en", 0)
    ready = laboratory_run.prepared(SETUP, "mini-pos", method("baseline"), CONFIG)
    encoded = encode(tokenizer(ready.checkpoint), data, placement=placement)
    ready = replace(ready, train=encoded)
    config = replace(CONFIG, epochs=2, batch=7, select="last")
    together = [classifiers.classifier(ready.checkpoint, ready.labels, s, 0.0, True) for s in SEEDS]
    stacked.fit_stacked(together, ready, method("baseline"), config, SEEDS, Compute())
    for seed, model in zip(SEEDS, together, strict=True):
        own = classifiers.classifier(ready.checkpoint, ready.labels, seed, 0.0, True)
        fit(own, ready, method("baseline"), config, seed)
        rows = torch.arange(8)
        ours, theirs = (_logits(one.eval(), encoded, rows, Compute()) for one in (model, own))
        inside = positions(encoded, rows)[1]
        assert torch.allclose(ours[inside], theirs[inside], atol=5e-3)


def test_batches_of_unequal_rows_are_padded_without_labels():
    ready = prepared("salt")
    config = replace(CONFIG, batch=32)  # 180 pairs: one batch of 20, at another step for each seed
    every = [Draws(ready, method("salt"), config, seed, 4) for seed in SEEDS]
    seen = set()
    for batches in zip(*(draws.epoch() for draws in every), strict=True):
        made = stacked.stack(batches, torch.device("cpu"))
        rows = [len(batch.rows) for batch in batches]
        seen.update(rows)
        assert made["ids"].shape[:2] == (3, max(rows)) and made["ratio"].shape == (
            3,
            max(rows),
            1,
            4,
        )
        for number, batch in enumerate(batches):
            assert made["labels"][number, : rows[number]].tolist() == (
                batch.data.labels[batch.rows].tolist()
            )
            assert (made["labels"][number, rows[number] :] == IGNORE).all()
            assert made["inside"][number].any(dim=1).all()
    assert seen == {32, 20}


def test_the_norm_is_clipped_seed_by_seed():
    ready, config = prepared(), replace(CONFIG, clip=0.05)
    models = [classifiers.classifier(ready.checkpoint, 3, s, 0.0) for s in SEEDS]
    weights, buffers = torch.func.stack_module_state(models)
    weights = {name: torch.nn.Parameter(value.detach()) for name, value in weights.items()}
    batches = [next(Draws(ready, method("baseline"), config, seed, 4).epoch()) for seed in SEEDS]
    optimizer = torch.optim.SGD(weights.values(), lr=1.0)
    losses, norms = stacked.gradients(
        models[0], weights, buffers, batches, optimizer, config, Compute()
    )
    after = torch.stack(
        [w.grad.flatten(1).norm(dim=1) for w in weights.values() if w.grad is not None]
    )
    assert losses.shape == norms.shape == (3,) and (norms > 0.05).all()
    assert torch.allclose(after.norm(dim=0), torch.full((3,), 0.05), atol=1e-4)


def test_what_can_not_be_stacked_says_so():
    ready = prepared()
    with pytest.raises(SaltError, match="fused layers can't be stacked"):
        train_and_score_stacked(ready, dlfa(0), CONFIG, SEEDS)
    with pytest.raises(SaltError, match="leave micro_batch out"):
        train_and_score_stacked(ready, method("baseline"), CONFIG, SEEDS, compute=Compute(4))
    with pytest.raises(SaltError, match="give data prepared with"):
        train_and_score_stacked(ready, method("salt"), CONFIG, SEEDS)


def test_too_many_seeds_for_the_memory(monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(stacked, "fit_stacked", full)
    with pytest.raises(SaltError, match="4 stacked seeds don't fit .* stack fewer, 2"):
        train_and_score_stacked(prepared(), method("baseline"), CONFIG, range(4))

"""One run: a classifier trained on prepared data, scored in every language, on one thread."""

from dataclasses import replace

import pytest
import torch
from small import CONFIG, NAME, options_of, prepared

from salt_lib.errors import SaltError
from salt_lib.laboratory import tasks
from salt_lib.models.fusion import Fused
from salt_lib.salt.methods import METHODS, dlfa, method
from salt_lib.training import run as training_run
from salt_lib.training.device import Compute
from salt_lib.training.evaluate import score
from salt_lib.training.run import train_and_score

ONE = replace(CONFIG, epochs=1)


@pytest.fixture(autouse=True, scope="module")
def small_laboratory(laboratory):
    return laboratory


@pytest.mark.parametrize("name", METHODS)
def test_what_a_run_returns(name):
    run = train_and_score(prepared(name, config=ONE), method(name), ONE, 0)
    assert set(run) == {"scores", "dev", "epoch", "seconds", "config"}
    assert list(run["scores"]) == list(tasks.task(NAME).languages)
    assert all(0 <= score <= 1 for score in [*run["scores"].values(), *run["dev"]])
    assert len(run["dev"]) == 1 and run["epoch"] == 0 and run["seconds"] > 0
    assert run["config"]["epochs"] == 1 and run["config"]["threshold"] == 0.0


def test_the_trained_model_is_handed_on():
    ready, kept = prepared(config=ONE), []
    run = train_and_score(ready, method("baseline"), ONE, 0, keep=kept.append)
    (model,) = kept
    for code, test in ready.tests.items():
        assert run["scores"][code] == score(model, test)
    train_and_score(ready, dlfa(0), ONE, 0, keep=kept.append)
    assert isinstance(kept[-1], Fused) and kept[-1].layer == 0
    second = Compute()
    second.rank = 1  # of several processes one keeps it
    train_and_score(ready, method("baseline"), ONE, 0, keep=kept.append, compute=second)
    assert len(kept) == 2


def test_a_method_that_substitutes_needs_substitutions():
    for name in ("salt", "mixup", "code-switch", "salt-random"):
        with pytest.raises(SaltError, match=f"'{name}' substitutes words.*substituting"):
            train_and_score(prepared("baseline"), method(name), ONE, 0)
    given = prepared(choices=options_of("salt"))  # which the baseline has no use for
    one, two = (train_and_score(r, method("baseline"), ONE, 0) for r in (given, prepared()))
    assert one["scores"] == two["scores"] and one["dev"] == two["dev"]


def test_a_run_leaves_the_number_of_threads_as_it_was(monkeypatch):
    ready = prepared()

    def failing(*_, **__):
        assert torch.get_num_threads() == 1
        raise SaltError("the loss is nan")

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        train_and_score(ready, method("baseline"), ONE, 0)
        assert torch.get_num_threads() == 2
        monkeypatch.setattr(training_run, "fit", failing)
        with pytest.raises(SaltError, match="loss is nan"):
            train_and_score(ready, method("baseline"), ONE, 0)
        assert torch.get_num_threads() == 2
        seen = []
        monkeypatch.setattr(
            training_run, "fit", lambda *_, **__: seen.append(torch.get_num_threads()) or ([0], 0)
        )
        train_and_score(ready, method("baseline"), ONE, 0, threads=None)
        assert seen == [2]
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate"),
    ],
    ids=["a GPU's", "the processor's"],
)
def test_too_little_memory_says_what_to_lower(monkeypatch, error):
    def full(*_, **__):
        raise error

    monkeypatch.setattr(training_run, "fit", full)
    for compute, rows, fewer in ((None, 32, 16), (Compute(micro_batch=9), 9, 4)):
        message = f"out of memory on cpu with {rows} rows.*micro_batch, to {fewer} .*max_length"
        with pytest.raises(SaltError, match=message):
            train_and_score(prepared(), method("baseline"), CONFIG, 0, compute=compute)


def test_another_error_is_left_as_it_is(monkeypatch):
    def failing(*_, **__):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(training_run, "fit", failing)
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        train_and_score(prepared(), method("baseline"), CONFIG, 0)

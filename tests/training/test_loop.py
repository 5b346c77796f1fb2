"""A run is the same wherever and however often it is made, and methods differ in nothing else."""

import copy
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
import pytest
import small
import torch
from joblib.externals.loky import get_reusable_executor
from small import CONFIG, WORLD

from salt_lib.data import examples
from salt_lib.errors import SaltError
from salt_lib.laboratory import checkpoints, shortcuts, substitutions, tasks
from salt_lib.laboratory import run as laboratory_run
from salt_lib.models import classifiers, loading
from salt_lib.models.encoding import Encoded, encode
from salt_lib.salt import vocabulary
from salt_lib.salt.augment import options
from salt_lib.salt.methods import ABLATIONS, MAIN, METHODS, method
from salt_lib.training import evaluate
from salt_lib.training import loop as training_loop

NAME = "mini-xnli"
ONE = replace(CONFIG, epochs=1)


@pytest.fixture(autouse=True, scope="module")
def small_laboratory(laboratory):
    return laboratory


def encoded(split, name=NAME):
    return substitutions.encoded(WORLD, name, split, "en")


def fit(name="baseline", seed=0, config=CONFIG, data=None, dev=None, choices=None, model=None):
    row = method(name)
    model = model or classifiers.classifier(checkpoints.checkpoint(WORLD), 3, seed, config.dropout)
    choices = choices or substitutions.for_method(WORLD, NAME, row, config)
    more = laboratory_run._translations(WORLD, NAME) if row.translate else None
    data = encoded("train") if data is None else data
    dev = encoded("dev") if dev is None else dev
    return model, training_loop.fit(model, data, dev, row, config, seed, choices, more)


def same(one, two):
    return all(torch.equal(a, b) for a, b in zip(one.values(), two.values(), strict=True))


# The same run, anywhere


def test_a_seed_gives_the_same_run_twice():
    config = replace(CONFIG, dropout=0.1)
    (one, said), (two, again), (other, _) = (fit("salt", s, config) for s in (3, 3, 4))
    assert said == again and same(one.state_dict(), two.state_dict())
    assert not same(one.state_dict(), other.state_dict())
    found = [small.run("salt", 1) for _ in range(2)]
    for run in found:
        run.pop("seconds")
    assert found[0] == found[1] and len(found[0]["weights"]) == 64


def without_time(run):
    return {key: value for key, value in run.items() if key not in ("seconds", "process")}


JOBS = [("salt", 1), ("baseline", 0), ("salt-random", 1)]


@pytest.fixture(scope="module")
def here():
    return [without_time(small.run(*job)) for job in JOBS]


def test_the_number_of_workers_changes_nothing(here):
    get_reusable_executor().shutdown()  # other tests' workers know another environment
    try:
        found = joblib.Parallel(n_jobs=2)(joblib.delayed(small.run)(*job) for job in JOBS)
    finally:
        get_reusable_executor().shutdown()
    assert os.getpid() not in {run["process"] for run in found}
    assert [without_time(run) for run in found] == here


def test_a_process_that_makes_everything_itself_gets_the_same(here, tmp_path):
    """Nothing cached, another hash seed, another number of threads."""
    command = f"import small; print(repr(small.run(*{JOBS[0]!r})))"
    added = {
        "PYTHONPATH": str(Path(__file__).parent),
        "PYTHONHASHSEED": "7",
        "OMP_NUM_THREADS": "2",
        "SALT_CACHE_DIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", command],
        env={**os.environ, **added},
        cwd=Path(laboratory_run.__file__).parents[1],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert without_time(eval(done.stdout)) == here[0]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_run_that_must_distil_first_is_the_same(here, tmp_path, monkeypatch):
    monkeypatch.setenv("SALT_CACHE_DIR", str(tmp_path))
    small.forget()
    found = without_time(small.run(*JOBS[0]))
    small.forget()
    assert found == here[0]


def test_a_run_leaves_the_number_of_threads_as_it_was(monkeypatch):
    def failing(*_, **__):
        assert torch.get_num_threads() == 1
        raise SaltError("the loss is nan")

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        laboratory_run.run(WORLD, NAME, "baseline", 0, ONE)
        assert torch.get_num_threads() == 2
        monkeypatch.setattr(training_loop, "fit", failing)
        with pytest.raises(SaltError, match="loss is nan"):
            laboratory_run.run(WORLD, NAME, "baseline", 0, ONE)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


# Methods differ in their method only


@pytest.mark.parametrize("name", METHODS)
def test_what_a_run_returns(name):
    run = laboratory_run.run(WORLD, NAME, name, 0, ONE)
    assert set(run) == {"scores", "dev", "epoch", "seconds", "config"}
    assert list(run["scores"]) == list(tasks.task(NAME).languages)
    assert all(0 <= score <= 1 for score in [*run["scores"].values(), *run["dev"]])
    assert len(run["dev"]) == 1 and run["epoch"] == 0 and run["seconds"] > 0
    assert run["config"]["epochs"] == 1 and run["config"]["threshold"] == 0.0


class Watched(torch.optim.AdamW):
    """Counts its steps and remembers their learning rates."""

    steps: list = []

    def step(self, closure=None):
        self.steps.append(self.param_groups[0]["lr"])
        return super().step(closure)


@pytest.fixture
def watch(monkeypatch):
    """What a fit does: rows and the labels of each step, learning rates, first weights, norms."""
    seen = {"rows": [], "rates": [], "norms": [], "inputs": []}
    plain = training_loop.batches
    clip = torch.nn.utils.clip_grad_norm_

    def batches(*arguments):
        for rows in plain(*arguments):
            seen["rows"].append(rows.tolist())
            yield rows

    def clipped(parameters, norm):
        seen["norms"].append(norm)
        return clip(parameters, norm)

    Watched.steps = seen["rates"]
    monkeypatch.setattr(training_loop, "batches", batches)
    monkeypatch.setattr(torch.optim, "AdamW", Watched)
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", clipped)
    return seen


def test_all_methods_take_the_same_steps_on_the_same_rows(monitor):
    seen = {}
    for name in METHODS:
        for found in monitor.values():
            found.clear()
        fit(name, 2)
        seen[name] = {key: list(value) for key, value in monitor.items()}
    steps = CONFIG.epochs * -(-180 // CONFIG.batch)
    assert len(seen["baseline"]["rates"]) == steps == len(seen["baseline"]["norms"])
    assert all(found == seen["baseline"] for found in seen.values())
    assert set(seen["salt"]["norms"]) == {CONFIG.clip}


def test_another_seed_has_another_order(monitor):
    orders = []
    for seed in (0, 1):
        watch["rows"].clear()
        fit(seed=seed, config=ONE)
        orders.append(list(watch["rows"]))
    assert orders[0] != orders[1]
    assert [sorted(sum(order, [])) for order in orders] == [list(range(180))] * 2


def test_the_learning_rate_rises_and_falls(monitor):
    fit(config=replace(CONFIG, epochs=5, batch=45, warmup=0.2, learning_rate=1.0))
    rises, falls = [(i + 1) / 4 for i in range(4)], [(20 - i) / 16 for i in range(4, 20)]
    assert watch["rates"] == pytest.approx(rises + falls)


def test_the_baseline_knows_nothing_of_substitutions():
    plain, said = fit()
    choices = substitutions.for_method(WORLD, NAME, method("salt"), CONFIG)
    other = replace(CONFIG, threshold=0.3, instance_rate=1.0, token_rate=1.0)
    given, again = fit(config=other, choices=choices)
    assert said == again and same(plain.state_dict(), given.state_dict())


def test_without_options_code_switching_is_the_baseline():
    plain, _ = fit()
    nothing = options(encoded("train"), [], [], np.empty((0, 1)))
    for name, close in (("code-switch", 0), ("mixup", 1e-3)):
        found, _ = fit(name, choices=nothing)
        for a, b in zip(plain.state_dict().values(), found.state_dict().values(), strict=True):
            assert torch.allclose(a, b, rtol=0, atol=close)


def inputs(name, config=CONFIG, seed=0):
    """What the model reads in training: for each epoch, row → its embedded tokens."""
    model = classifiers.classifier(checkpoints.checkpoint(WORLD), 3, seed, 0.0)
    read, rows = [], []
    plain, forward = training_loop.batches, model.forward

    def batches(*arguments):
        read.append({})
        for found in plain(*arguments):
            rows[:] = found.tolist()
            yield found

    def watched(*arguments, inputs_embeds=None, **more):
        if inputs_embeds is not None:
            read[-1].update(zip(rows, inputs_embeds.detach().clone(), strict=True))
        return forward(*arguments, inputs_embeds=inputs_embeds, **more)

    frozen = replace(config, learning_rate=0.0, weight_decay=0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_loop, "batches", batches)
        patch.setattr(model, "forward", watched)
        fit(name, seed, frozen, model=model)
    return read, model.get_input_embeddings().weight.detach()


def test_the_offline_part_is_fixed_and_the_online_part_is_drawn_anew():
    data = encoded("train")
    english, weight = inputs("baseline")
    for row, vectors in english[0].items():
        assert torch.equal(vectors[: len(data.row(row))], weight[data.row(row)])
    switched, _ = inputs("code-switch")
    mixed, _ = inputs("mixup")

    def changed(one, two):
        pairs = [(one[row], two[row]) for row in one]
        return np.mean([not torch.equal(a[: len(b)], b[: len(a)]) for a, b in pairs])

    assert changed(switched[0], switched[1]) == 0
    # An instance is switched by half, and some of those keep all their words.
    assert 0.3 < changed(switched[0], english[0]) < 0.55
    assert changed(mixed[0], english[0]) == 1 and changed(mixed[0], mixed[1]) == 1
    full, _ = inputs("code-switch", replace(CONFIG, instance_rate=1.0, token_rate=1.0))
    few, _ = inputs("code-switch", replace(CONFIG, instance_rate=0.2, token_rate=1.0))
    assert 0.08 < changed(few[0], english[0]) < 0.35
    choices = substitutions.for_method(WORLD, NAME, method("code-switch"), CONFIG)
    for row, vectors in full[0].items():
        own = data.row(row)
        kept = (vectors[: len(own)] == weight[own]).all(dim=1)
        assert torch.equal(~kept, choices.count[data.start[row] : data.start[row + 1]] > 0)


def test_mixup_mixes_with_the_options_and_leaves_the_rest():
    data = encoded("train")
    choices = substitutions.for_method(WORLD, NAME, method("mixup"), CONFIG)
    for name in ("mixup", "salt-scalar-r"):
        read, weight = inputs(name, replace(CONFIG, instance_rate=0.0))
        ratios = []
        for row, vectors in list(read[0].items())[:20]:
            at = range(int(data.start[row]), int(data.start[row + 1]))
            for k, token in enumerate(at):
                source = weight[data.ids[token]]
                if not choices.count[token]:
                    assert torch.allclose(vectors[k], source, atol=1e-6)
                    continue
                low = choices.start[token]
                drawn = choices.tokens[low : low + choices.count[token], 0].unique()
                # r = (mixed − substitute) / (source − substitute) for the one that was drawn
                r = (vectors[k] - weight[drawn]) / (source - weight[drawn])
                fits = ((r > -0.01) & (r < 1.01)).all(dim=1)
                assert fits.any()
                if fits.sum() == 1:
                    ratios.append((row, r[fits][0]))
        # One vector, or one number, for all tokens of an instance.
        first = {}
        for row, r in ratios:
            assert torch.allclose(r, first.setdefault(row, r), atol=0.02)
            assert (r.std() < 0.02) == (name == "salt-scalar-r")
        assert len(first) > 5


def test_translate_train_reads_all_languages():
    many = laboratory_run._translations(WORLD, NAME)
    assert len(many) == 15 * 180
    read, weight = inputs("translate-train")
    index = {tuple(v.tolist()): i for i, v in enumerate(weight)}
    own = {code: set(map(int, ids)) for code, ids in vocabularies().items()}
    seen = set()
    for row, vectors in read[0].items():
        ids = {index.get(tuple(v.tolist())) for v in vectors}
        seen |= {code for code, only in own.items() if ids & only}
        assert many.labels[row] == encoded("train").labels[row]
    assert len(seen) > 12


def vocabularies():
    """Language → the one-piece words that no other language has."""
    found = substitutions.vocabularies(WORLD, tasks.task(NAME).languages)
    return {
        code: set(ids.tolist()) - {i for c, o in found.items() if c != code for i in o.tolist()}
        for code, ids in found.items()
    }


# The choice of the epoch, and what stops a run


@pytest.mark.parametrize(
    ("dev", "chosen"),
    [([0.5, 0.7, 0.7, 0.6], 1), ([0.2, 0.2, 0.2, 0.2], 0), ([0.1, 0.2, 0.3, 0.4], 3)],
)
def test_the_best_epoch_is_kept_the_first_among_equals(monkeypatch, dev, chosen):
    states, scripted = [], iter(dev)

    def accuracy(model, data, compute):
        states.append(copy.deepcopy(model.state_dict()))
        return next(scripted)

    monkeypatch.setattr(laboratory_run, "score", accuracy)
    model, (scores, epoch) = fit(config=replace(CONFIG, epochs=4))
    assert scores == dev and epoch == chosen
    assert [same(state, model.state_dict()) for state in states] == [i == chosen for i in range(4)]


def test_a_loss_that_is_no_number_stops_the_run():
    model = classifiers.classifier(checkpoints.checkpoint(WORLD), 3, 0, 0.0)
    with torch.no_grad():
        model.get_input_embeddings().weight[int(encoded("train").ids[1])] = float("nan")
    with pytest.raises(
        SaltError, match=r"baseline, seed 5: the loss is nan, .* in epoch 1.*learning"
    ):
        fit(seed=5, model=model)
    model = classifiers.classifier(checkpoints.checkpoint(WORLD), 3, 0, 0.0)
    with torch.no_grad():
        model.classifier.weight *= float("inf")
    with pytest.raises(SaltError, match=r"salt, seed 0: the loss is (nan|inf), .* in epoch 1"):
        fit("salt", model=model)


def test_unknown_names():
    with pytest.raises(SaltError, match="unknown method 'slat'; known: baseline, code-switch"):
        laboratory_run.run(WORLD, NAME, "slat", 0)
    with pytest.raises(SaltError, match="unknown task 'xnli'; known: mini-xnli"):
        laboratory_run.run(WORLD, "xnli", "salt", 0)
    with pytest.raises(SaltError, match="no checkpoint for world 55 .*0"):
        laboratory_run.run(55, NAME, "baseline", 0)


def test_prepare_makes_what_runs_share(tmp_path, monkeypatch):
    monkeypatch.setenv("SALT_CACHE_DIR", str(tmp_path))
    for name in ("baseline", "dictionary", "translate-train"):
        laboratory_run.prepare(WORLD, NAME, name)
    assert not list(tmp_path.iterdir())
    laboratory_run.prepare(WORLD, NAME, "salt-random")
    laboratory_run.prepare(WORLD, NAME, "salt")
    assert len(list(tmp_path.iterdir())) == 1
    laboratory_run.prepare(WORLD, NAME, "salt-masked")
    assert len(list(tmp_path.iterdir())) == 2
    with pytest.raises(SaltError, match="unknown method"):
        laboratory_run.prepare(WORLD, NAME, "slat")


# Batches, learning, scores


def test_an_epoch_has_every_row_once_in_batches_of_like_length():
    lengths = torch.randint(5, 60, (1000,), generator=torch.Generator().manual_seed(0))

    def epoch(generator):
        return [rows.tolist() for rows in training_loop.batches(lengths, 32, generator)]

    generator = torch.Generator().manual_seed(1)
    one, two = epoch(generator), epoch(generator)
    for found in (one, two):
        assert sorted(sum(found, [])) == list(range(1000))
        assert len(found) == 32 and sorted(map(len, found)) == [8] + [32] * 31
        spread = [int(lengths[rows].max() - lengths[rows].min()) for rows in found]
        assert np.mean(spread) < 6  # and 50 in batches at random
        longest = [int(lengths[rows].max()) for rows in found]
        assert longest != sorted(longest)
    assert one != two == epoch_after(lengths, 1)


def epoch_after(lengths, epochs):
    generator = torch.Generator().manual_seed(1)
    for _ in range(epochs + 1):
        found = [rows.tolist() for rows in training_loop.batches(lengths, 32, generator)]
    return found


def toy(count, seed):
    """Pairs whose label is in the first word."""
    checkpoint = checkpoints.checkpoint(WORLD)
    tokenizer = loading.tokenizer(checkpoint)
    counts, known = vocabulary.words_by_language(checkpoint)["en"], tokenizer.get_vocab()
    words = [w for w in sorted(counts, key=counts.get) if w in known and w != "the"][-3:]
    labels = np.random.default_rng(seed).integers(3, size=count)
    first = [f"{words[label]} the" for label in labels]
    pairs = examples.Pairs(first, ["the the"] * count, labels.tolist())
    return encode(tokenizer, pairs)


def test_training_trains():
    config = replace(CONFIG, epochs=10, learning_rate=5e-3)
    _, (dev, _) = fit(config=config, data=toy(300, 0), dev=toy(100, 1))
    assert dev[-1] > 0.6  # chance is a third; so small and raw a model takes its time


def test_an_encoder_that_sees_the_hypothesis_alone_is_at_chance():
    """As each hypothesis stands under each label, it can't be more: see test_views."""
    tokenizer = loading.tokenizer(checkpoints.checkpoint(WORLD))
    train_, dev = (
        encode(tokenizer, shortcuts.one_sided(tasks.load(NAME, split, "en", WORLD)))
        for split in ("train", "dev")
    )
    _, (scores, _) = fit(config=replace(CONFIG, epochs=3), data=train_, dev=dev)
    assert max(abs(score - 1 / 3) for score in scores) <= shortcuts.BOUND


def test_accuracy_counts_the_highest_logits():
    class Model(torch.nn.Module):
        def forward(self, ids, attention_mask, token_type_ids):
            assert not self.training
            from types import SimpleNamespace

            assert attention_mask.sum() == (ids > 0).sum()
            return SimpleNamespace(logits=torch.nn.functional.one_hot(ids[:, 0] % 3, 3).float())

    ids = torch.arange(1, 31)
    start = torch.tensor([0, 1, 3, 6, 10, 15, 21, 30])
    first = ids[start[:-1]]
    right = first % 3
    for wrong in (0, 2, 7):
        labels = torch.where(torch.arange(7) < wrong, (right + 1) % 3, right)
        data = Encoded(ids, ids * 0, ids > 0, start, labels)
        for size in (1, 3, 128):
            assert evaluate.accuracy(Model().train(), data, size) == (7 - wrong) / 7


def test_the_table_of_methods():
    assert set(MAIN) | set(ABLATIONS) == set(METHODS) and not set(MAIN) & set(ABLATIONS)
    assert MAIN == ("baseline", "code-switch", "mixup", "salt", "salt-random")
    for name, row in METHODS.items():
        assert row.name == name and row.label and method(name) is row
        assert (row.substitutions is not None) == (row.code_switch or row.mixup is not None)
    salt = METHODS["salt"]
    for name in ("salt-random", "salt-masked", "salt-deranged", "dictionary"):
        other = METHODS[name]
        assert (other.code_switch, other.mixup, other.synonyms) == (True, "vector", True)
        assert other.substitutions != salt.substitutions
    assert METHODS["salt-no-synonyms"] == replace(
        salt, name="salt-no-synonyms", label=METHODS["salt-no-synonyms"].label, synonyms=False
    )
    with pytest.raises(SaltError, match="unknown method 'slat'; known: baseline"):
        method("slat")

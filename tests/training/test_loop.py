"""Methods differ in their method only, and what is trained is what was prepared."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import small
import torch
from small import CONFIG, NAME, WORLD, fit, options_of, prepared, same, tokenizer_of

from salt_lib.data import examples
from salt_lib.data.examples import tag
from salt_lib.errors import SaltError
from salt_lib.laboratory import checkpoints, shortcuts, tasks
from salt_lib.laboratory.predictions import vocabularies
from salt_lib.models import classifiers, loading
from salt_lib.models.encoding import IGNORE, encode
from salt_lib.salt import vocabulary
from salt_lib.salt.augment import code_switch, options
from salt_lib.salt.methods import METHODS, WORLD_METHODS, dlfa, method
from salt_lib.training import evaluate
from salt_lib.training import loop as training_loop
from salt_lib.training.device import Compute
from salt_lib.training.loop import Batch, mean_loss

ONE = replace(CONFIG, epochs=1)


@pytest.fixture(autouse=True, scope="module")
def small_laboratory(laboratory):
    return laboratory


def encoded(split):
    return small.encoded(split)


def test_a_seed_gives_the_same_training_twice():
    config = replace(CONFIG, dropout=0.1)
    (one, said), (two, again), (other, _) = (fit("salt", s, config) for s in (3, 3, 4))
    assert said == again and same(one.state_dict(), two.state_dict())
    assert not same(one.state_dict(), other.state_dict())


# Methods differ in their method only


class Watched(torch.optim.AdamW):
    """Counts its steps and remembers their learning rates."""

    steps: list = []

    def step(self, closure=None):
        self.steps.append(self.param_groups[0]["lr"])
        return super().step(closure)


@pytest.fixture
def watched(monkeypatch):
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


def test_all_methods_take_the_same_steps_on_the_same_rows(watched):
    seen = {}
    for name in (*METHODS, *WORLD_METHODS):
        for found in watched.values():
            found.clear()
        fit(name, 2)
        seen[name] = {key: list(value) for key, value in watched.items()}
    steps = CONFIG.epochs * -(-180 // CONFIG.batch)
    assert len(seen["baseline"]["rates"]) == steps == len(seen["baseline"]["norms"])
    assert all(found == seen["baseline"] for found in seen.values())
    assert set(seen["salt"]["norms"]) == {CONFIG.clip}


def test_another_seed_has_another_order(watched):
    orders = []
    for seed in (0, 1):
        watched["rows"].clear()
        fit(seed=seed, config=ONE)
        orders.append(list(watched["rows"]))
    assert orders[0] != orders[1]
    assert [sorted(sum(order, [])) for order in orders] == [list(range(180))] * 2


def test_the_learning_rate_rises_and_falls(watched):
    fit(config=replace(CONFIG, epochs=5, batch=45, warmup=0.2, learning_rate=1.0))
    rises, falls = [(i + 1) / 4 for i in range(4)], [(20 - i) / 16 for i in range(4, 20)]
    assert watched["rates"] == pytest.approx(rises + falls)


def test_the_pace_rises_over_the_warm_steps_and_ends_above_zero():
    assert [training_loop.pace(step, 4, 0.0) for step in (1, 2, 3, 4)] == [1, 1, 2 / 3, 1 / 3]
    assert training_loop.pace(1, 1, 0.5) == 1


def test_the_baseline_knows_nothing_of_substitutions():
    plain, said = fit()
    other = replace(CONFIG, threshold=0.3, instance_rate=1.0, token_rate=1.0)
    given, again = fit(config=other, ready=prepared(choices=options_of("salt")))
    assert said == again and same(plain.state_dict(), given.state_dict())


def test_without_options_code_switching_is_the_baseline():
    plain, _ = fit()
    nothing = options(encoded("train"), [], [], np.empty((0, 1)))
    for name, close in (("code-switch", 0), ("mixup", 1e-3)):
        found, _ = fit(name, ready=prepared(choices=nothing))
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
    choices = options_of("code-switch")
    for row, vectors in full[0].items():
        own = data.row(row)
        kept = (vectors[: len(own)] == weight[own]).all(dim=1)
        assert torch.equal(~kept, choices.count[data.start[row] : data.start[row + 1]] > 0)


def differing(one, two):
    """The share of rows that two epochs read differently, but for rounding."""

    def close(row):
        shorter = min(len(one[row]), len(two[row]))
        return torch.allclose(one[row][:shorter], two[row][:shorter], atol=1e-5)

    return np.mean([not close(row) for row in one])


def test_copies_may_be_switched_anew_in_each_epoch():
    english, _ = inputs("baseline")
    drawn, _ = inputs("code-switch", replace(CONFIG, redraw=True))
    assert differing(drawn[0], drawn[1]) > 0.3
    assert 0.3 < differing(drawn[1], english[0]) < 0.55
    fixed, _ = inputs("code-switch")
    assert differing(drawn[0], fixed[0]) == 0  # the first copy is the same


@pytest.mark.parametrize("name", ["code-switch", "mixup", "salt"])
def test_the_last_epochs_may_be_left_as_they_are(name):
    config = replace(CONFIG, epochs=4, until=0.7)
    english, _ = inputs("baseline", config)
    read, _ = inputs(name, config)
    assert [differing(a, b) > 0 for a, b in zip(read, english, strict=True)] == [True] * 3 + [False]


def test_only_some_instances_may_be_mixed():
    english, _ = inputs("baseline")
    read, _ = inputs("mixup", replace(CONFIG, mix_rate=0.5))
    assert 0.3 < differing(read[0], english[0]) < 0.7 and differing(read[0], read[1]) > 0.3
    none, _ = inputs("mixup", replace(CONFIG, mix_rate=0.0))
    assert differing(none[0], english[0]) == 0


def test_mixup_mixes_with_the_options_and_leaves_the_rest():
    data = encoded("train")
    choices = options_of("mixup")
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


def only_words():
    """Language → the one-piece words that no other language has."""
    found = vocabularies(WORLD, tasks.task(NAME).languages)
    return {
        code: set(ids.tolist()) - {i for c, o in found.items() if c != code for i in o.tolist()}
        for code, ids in found.items()
    }


def test_translate_train_reads_all_languages():
    many = prepared("translate-train").translated
    assert len(many) == 15 * 180
    read, weight = inputs("translate-train")
    index = {tuple(v.tolist()): i for i, v in enumerate(weight)}
    own = {code: set(map(int, ids)) for code, ids in only_words().items()}
    seen = set()
    for row, vectors in read[0].items():
        ids = {index.get(tuple(v.tolist())) for v in vectors}
        seen |= {code for code, only in own.items() if ids & only}
        assert many.labels[row] == encoded("train").labels[row]
    assert len(seen) > 12


def test_a_method_of_translations_needs_them():
    with pytest.raises(SaltError, match="'translate-train': the prepared data have no transl"):
        fit("translate-train", ready=prepared("baseline"))


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

    monkeypatch.setattr(training_loop, "score", accuracy)
    model, (scores, epoch) = fit(config=replace(CONFIG, epochs=4))
    assert scores == dev and epoch == chosen
    assert [same(state, model.state_dict()) for state in states] == [i == chosen for i in range(4)]


def test_the_last_epoch_may_be_kept_however_good_another_was(monkeypatch):
    states, scripted = [], iter([0.5, 0.7, 0.6])

    def accuracy(model, data, compute):
        states.append(copy.deepcopy(model.state_dict()))
        return next(scripted)

    monkeypatch.setattr(training_loop, "score", accuracy)
    model, (scores, epoch) = fit(config=replace(CONFIG, epochs=3, select="last"))
    assert scores == [0.5, 0.7, 0.6] and epoch == 2
    assert [same(state, model.state_dict()) for state in states] == [False, False, True]


def test_which_epoch_is_kept_changes_nothing_of_the_training():
    ends = []
    for select in ("dev", "last"):
        model, (scores, epoch) = fit("salt", config=replace(CONFIG, epochs=3, select=select))
        ends.append((scores, model.state_dict(), epoch))
    assert ends[0][0] == ends[1][0] and ends[1][2] == 2
    assert same(ends[0][1], ends[1][1]) == (ends[0][2] == 2)


# Noise on the embeddings


def test_without_noise_a_smoothed_training_is_the_baseline_s():
    plain, said = fit()
    smoothed, again = fit("smoothed", config=replace(CONFIG, noise=0.0))
    assert said == again and same(plain.state_dict(), smoothed.state_dict())
    unmoved, _ = fit(config=replace(CONFIG, noise=0.5))  # a method that isn't smoothed
    assert same(plain.state_dict(), unmoved.state_dict())


def test_noise_changes_the_training_and_depends_on_the_seed():
    config = replace(ONE, noise=0.5)
    one, again, other = (fit("smoothed", seed, config)[0].state_dict() for seed in (1, 1, 2))
    assert same(one, again) and not same(one, other)
    assert not same(one, fit("baseline", 1, config)[0].state_dict())
    assert not same(one, fit("smoothed", 1, replace(config, noise=0.1))[0].state_dict())


def test_noise_has_its_size_on_every_token_and_is_drawn_anew():
    data, config = encoded("train"), replace(CONFIG, noise=0.5)
    read, weight = inputs("smoothed", config)
    added = [
        torch.cat([epoch[row][: len(data.row(row))] - weight[data.row(row)] for row in range(180)])
        for epoch in read
    ]
    spread = float(weight.std())
    for noise in added:
        assert float(noise.std()) == pytest.approx(0.5 * spread, rel=0.02)
        assert abs(noise.mean()) < 0.02 * spread and (noise.abs().sum(dim=1) > 0).all()
    assert not torch.allclose(*added) and len(added[0]) == len(data.ids)
    another, _ = inputs("smoothed", config, seed=1)
    first = [epoch[0][: len(data.row(0))] for epoch in (read[0], another[0])]
    assert not torch.allclose(*first)


def test_the_last_epochs_may_be_without_noise():
    config = replace(CONFIG, epochs=4, until=0.7, noise=0.5)
    english, _ = inputs("baseline", config)
    read, _ = inputs("smoothed", config)
    assert [differing(a, b) > 0 for a, b in zip(read, english, strict=True)] == [True] * 3 + [False]


def test_a_batch_in_parts_has_the_same_noise():
    data = encoded("train")
    model = classifiers.classifier(checkpoints.checkpoint(WORLD), 3, 0, 0.0)
    width = model.get_input_embeddings().weight.shape[1]
    config = replace(CONFIG, noise=0.5)
    draws = training_loop.Draws(prepared(), method("smoothed"), config, 0, width)
    batch = next(draws.epoch())
    assert batch.noise.shape == (len(batch.rows), int(data.lengths[batch.rows].max()), width)
    optimizer = torch.optim.AdamW(model.parameters())
    found = []
    for size in (None, 5):
        compute = Compute()
        compute.micro_batch = size
        training_loop.gradients(model, model, batch, optimizer, 1e9, compute)
        found.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, atol=1e-5)
    whole = batch.part(torch.arange(len(batch.rows)))
    spy = Spy(len(loading.tokenizer(checkpoints.checkpoint(WORLD))), width)
    read = {}
    for part in (whole, batch.part(torch.tensor([7, 2]))):
        mean_loss(spy, spy, part, torch.device("cpu"))
        for row, vectors in zip(part.rows.tolist(), spy.given["inputs_embeds"], strict=True):
            read.setdefault(row, []).append(vectors[: int(data.lengths[row])])
    twice = [vectors for vectors in read.values() if len(vectors) == 2]
    assert len(twice) == 2 and all(torch.equal(*vectors) for vectors in twice)


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


def test_a_batch_of_one_row_is_said():
    model = classifiers.classifier(checkpoints.checkpoint(WORLD), 3, 0, 0.0, layer=0)
    with pytest.raises(SaltError, match="a batch of one sentence has no batch statistics"):
        fit(dlfa(0).name, config=replace(CONFIG, batch=1), ready=prepared(), model=model)


# Batches and learning


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
    _, (dev, _) = fit(config=config, ready=prepared(train=toy(300, 0), dev=toy(100, 1)))
    assert dev[-1] > 0.6  # chance is a third; so small and raw a model takes its time


def test_an_encoder_that_sees_the_hypothesis_alone_is_at_chance():
    """As each hypothesis stands under each label, it can't be more: see test_views."""
    tokenizer = loading.tokenizer(checkpoints.checkpoint(WORLD))
    train, dev = (
        encode(tokenizer, shortcuts.one_sided(tasks.load(NAME, split, "en", WORLD)))
        for split in ("train", "dev")
    )
    _, (scores, _) = fit(config=replace(CONFIG, epochs=3), ready=prepared(train=train, dev=dev))
    assert max(abs(score - 1 / 3) for score in scores) <= shortcuts.BOUND


def test_the_chosen_score_is_the_f1_of_the_model():
    data = small.encoded("train", "mini-ner")
    config = replace(CONFIG, epochs=25, learning_rate=3e-3, batch=8)
    ready = prepared(task="mini-ner", train=data, dev=data)
    model, (scores, chosen) = fit(config=config, ready=ready)
    assert scores[chosen] == max(scores) == evaluate.score(model, data) > 0.9


# Tags


# "ab" is two pieces; "cd" is one; "x" is unknown.
TOKENIZER = tokenizer_of("a", "##b", "cd")
NAMES = ("O", "B-PER", "I-PER")


def test_code_switching_and_mixup_keep_the_tags():
    """SALT changes token ids alone: lengths, places and labels stay what they were."""
    data = tag([(["cd", "ab"], ["B-PER", "O"]), (["cd", "cd"], ["O", "B-PER"])], NAMES)
    found = encode(TOKENIZER, data)
    places = found.whole.nonzero()[:, 0]
    example = torch.searchsorted(found.start, places, right=True) - 1
    a = TOKENIZER.convert_tokens_to_ids("a")
    choices = options(found, example, places - found.start[example], [[a]] * len(places))
    dice = torch.Generator().manual_seed(0)
    switched = code_switch(found, choices, 1.0, 1.0, dice)
    assert (switched != found.ids).tolist() == found.whole.tolist()
    assert len(switched) == len(found.labels)
    labelled = {
        int(i): found.tags[found.labels[i]] for i in (found.labels != IGNORE).nonzero()[:, 0]
    }
    assert [labelled[int(i)] for i in places] == ["B-PER", "O", "B-PER"]


class Spy(torch.nn.Module):
    """Stands in for a model; keeps what it is called with."""

    def __init__(self, size: int, width: int = 4):
        super().__init__()
        self.table = torch.nn.Embedding(size, width)

    def get_input_embeddings(self):
        return self.table

    def forward(self, **given):
        self.given = given
        return type("Output", (), {"loss": given["inputs_embeds"].sum()})


def test_the_loss_sees_every_tag_beside_its_token():
    gold = [(["ab", "cd"], ["B-PER", "O"]), (["cd"], ["B-PER"])]
    found = encode(TOKENIZER, tag(gold, NAMES))
    spy = Spy(len(TOKENIZER))
    drawn = torch.where(found.whole, TOKENIZER.convert_tokens_to_ids("a"), found.ids)
    batch = Batch(found, found.ids, torch.tensor([1, 0]), drawn, torch.zeros(2, 1, 4))
    assert batch.tags == 3 and batch.part(torch.tensor([0])).tags == 1
    mean_loss(spy, spy, batch, torch.device("cpu"))
    assert spy.given["labels"].tolist() == [
        [IGNORE, 1, IGNORE, IGNORE, IGNORE],
        [IGNORE, 1, IGNORE, 0, IGNORE],
    ]
    assert spy.given["attention_mask"].sum(dim=1).tolist() == [3, 5]
    # Mixed wholly with its substitute: what stands at a tag is the substitute's embedding.
    mixed = spy.given["inputs_embeds"][0, 1]
    assert torch.equal(mixed, spy.table.weight[TOKENIZER.convert_tokens_to_ids("a")])

"""SALT in a training script that knows nothing of it: the same words, the same mixing, no more."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from datasets import Dataset
from places import ROOT
from transformers import (
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    DataCollatorForTokenClassification,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
)

from salt_lib.errors import SaltError
from salt_lib.laboratory import checkpoints, tasks
from salt_lib.models import loading
from salt_lib.models.encoding import encode
from salt_lib.salt import methods, predictions, vocabulary
from salt_lib.salt.augment import options
from salt_lib.salt.substitutions import write_predictions
from salt_lib.salt.trainer import CodeSwitch, EmbeddingMixup, Substitutions
from salt_lib.training.config import Config

PAGE = ROOT / "book" / "reproduce.md"
ROWS = [[2, 11, 12, 3], [2, 13, 3], [2, 11, 3]]


def kept(*places, rows=ROWS):
    """Substitutions (example, position, token) that were predicted for these rows."""
    columns = ["example", "position", "token", "source"]
    places = [
        (*place, dict(enumerate(rows[place[0] % len(rows)])).get(place[1], 0)) for place in places
    ]
    return pd.DataFrame(np.array(places, np.int64).reshape(-1, 4), columns=columns)


def padded(rows, width=5):
    return torch.tensor([row + [0] * (width - len(row)) for row in rows])


class Model(torch.nn.Module):
    def __init__(self, size=30, dim=4):
        super().__init__()
        self.config = SimpleNamespace(pad_token_id=0)
        self.words = torch.nn.Embedding(size, dim, padding_idx=0)

    def get_input_embeddings(self):
        return self.words

    def forward(self, ids):
        return self.words(ids)


class Seen(Model):
    """Gives back the ids that it got."""

    def forward(self, input_ids=None, labels=None):
        return input_ids


def test_rows_are_switched_where_they_may_be_and_labels_stay():
    known = Substitutions(ROWS, kept((0, 1, 21), (0, 1, 22), (1, 1, 23)))
    model = Seen()
    CodeSwitch(model, known, instance_rate=1.0, token_rate=1.0)
    ids, before = padded(ROWS), padded(ROWS)
    switched = model(input_ids=ids, labels=None)
    assert switched[0].tolist() in ([2, 21, 12, 3, 0], [2, 22, 12, 3, 0])
    assert switched[1:].tolist() == [[2, 23, 3, 0, 0], [2, 11, 3, 0, 0]] and ids.equal(before)
    assert model(ids).equal(switched)  # by its place too, and once and for all
    never = Seen()
    CodeSwitch(never, known, instance_rate=0.0)
    assert never(ids).equal(ids)


def test_switching_is_what_the_study_does():
    rng = np.random.default_rng(0)
    rows = [[2, *rng.integers(5, 30, 8).tolist(), 3] for _ in range(400)]
    table = kept(*((i, p, 30 + p) for i in range(400) for p in range(1, 9)), rows=rows)
    model = Seen()
    CodeSwitch(model, Substitutions(rows, table), 0.5, 0.3, seed=7)
    changed = (model(torch.tensor(rows)) != torch.tensor(rows))[:, 1:9]
    touched = changed.any(dim=1)
    assert touched.float().mean() == pytest.approx(0.5 * (1 - 0.7**8), abs=0.07)
    assert changed[touched].float().mean() == pytest.approx(0.3 / (1 - 0.7**8), abs=0.04)


def test_mixing_is_exact():
    model = Model()
    plugin = EmbeddingMixup(model, Substitutions(ROWS, kept((0, 2, 21), (1, 1, 22))), seed=3)
    ids = padded([ROWS[1], ROWS[0]])
    torch.manual_seed(0)
    mixed = model(ids)
    weight = model.words.weight
    torch.manual_seed(0)
    step = int(torch.randint(1 << 40, ()))
    generator = torch.Generator().manual_seed(3 * 1_000_003 + step)
    for length in (3, 4):  # what was drawn for the choice among one option
        torch.rand(length, generator=generator)
    ratio = torch.rand(2, 1, 4, generator=generator)
    expected = weight[ids].clone()
    expected[0, 1] = ratio[0, 0] * weight[13] + (1 - ratio[0, 0]) * weight[22]
    expected[1, 2] = ratio[1, 0] * weight[12] + (1 - ratio[1, 0]) * weight[21]
    torch.testing.assert_close(mixed, expected)
    mixed.sum().backward()
    assert weight.grad[21].abs().sum() > 0 and weight.grad[0].abs().sum() == 0
    assert not torch.equal(model(ids), mixed)  # anew at each step
    plugin.remove()
    assert torch.equal(model(ids), weight[ids])


def test_padding_on_the_left_shifts_nothing():
    model = Model()
    EmbeddingMixup(model, Substitutions(ROWS, kept((0, 2, 21))))
    found = model(torch.tensor([[0, 0, *ROWS[0]]]))
    plain = model.words.weight[torch.tensor([[0, 0, *ROWS[0]]])]
    changed = ~torch.isclose(found, plain).all(dim=2)  # mixed with itself, rounding apart
    assert changed.tolist() == [[False, False, False, False, True, False]]


def test_evaluation_is_left_alone_of_training_rows_too():
    known, model, seen = Substitutions(ROWS, kept((0, 1, 21))), Model(), Seen()
    EmbeddingMixup(model, known)
    CodeSwitch(seen, known, 1.0, 1.0)
    for ids in (torch.tensor([[9, 9, 9]]), torch.tensor(ROWS[:1])):
        for mode in (True, False):
            model.train(mode), seen.train(mode)
            with torch.no_grad():
                assert torch.equal(model(ids), model.words.weight[ids])
                assert torch.equal(seen(ids), ids)
        assert torch.equal(seen(ids), ids)


def test_what_was_switched_can_be_mixed():
    known = Substitutions(ROWS, kept((0, 1, 21), (0, 2, 22)))
    seen = Seen()
    CodeSwitch(seen, known, 1.0, 1.0)
    ids = seen(torch.tensor(ROWS[:1]))
    assert ids.tolist() == [[2, 21, 22, 3]]
    model = Model()
    EmbeddingMixup(model, known)
    # What stands there already is the only choice: mixing with itself changes nothing.
    torch.testing.assert_close(model(ids), model.words.weight[ids])


def test_rows_of_other_data_are_an_error():
    known = Substitutions(ROWS, kept((0, 1, 21)))
    model, seen = Model(), Seen()
    CodeSwitch(seen, known)
    with pytest.raises(SaltError, match=r"a training row of 3 tokens, \[2, 9, 3\]"):
        seen(torch.tensor([[2, 9, 3]]))
    EmbeddingMixup(model, known)
    with pytest.raises(SaltError, match="tokenized the same way"):
        model(torch.tensor([[2, 9, 3]]))
    for place in ((3, 0, 5), (0, 4, 5), (1, 3, 5), (-1, 0, 5), (0, -1, 5)):
        with pytest.raises(SaltError, match="outside the rows"):
            Substitutions(ROWS, kept(place))


def test_substitutions_for_other_tokens_are_refused():
    swapped = [[2, 12, 11, 3], *ROWS[1:]]
    table = kept((1, 1, 23), (0, 2, 21))
    with pytest.raises(SaltError, match="row 0 has the token 11 at position 2, .* for 12: .*round"):
        Substitutions(swapped, table)
    with pytest.raises(SaltError, match="predictions.select"):
        Substitutions(ROWS, table.drop(columns="source"))


@pytest.mark.parametrize("form", ["numpy", "torch", None])
def test_rows_of_any_format_padded_or_not(form):
    rows = padded(ROWS).tolist()
    data = Dataset.from_dict({"input_ids": rows}).with_format(form)
    known, model, seen = Substitutions(data["input_ids"], kept((0, 2, 21))), Model(), Seen()
    EmbeddingMixup(model, known)
    CodeSwitch(seen, known, 1.0, 1.0)
    assert seen(padded(ROWS[:2], 4)).tolist() == [[2, 11, 21, 3], [2, 13, 3, 0]]
    plain = model.words.weight[padded(ROWS)]
    changed = ~torch.isclose(model(padded(ROWS)), plain).all(dim=2)
    assert changed.nonzero().tolist() == [[0, 2]]


def lines_of_the_book():
    """The code block of the page's section on one's own script."""
    section = PAGE.read_text().split("## Inside your own training script")[1]
    return re.search(r"```python\n(.*?)```", section, re.S).group(1)


@pytest.fixture
def script(laboratory, tmp_path, monkeypatch):
    """What the page's lines find: data of the laboratory, a model, predictions beside them."""
    folder = checkpoints.checkpoint(0)
    tokenizer = loading.tokenizer(folder)
    pairs = tasks.load("mini-xnli", "train", "en", 0)
    words = vocabulary.words_by_language(folder)
    words = {code: words[code] for code in ("en", "de")}
    write_predictions(folder, pairs, words, tmp_path / "predictions.parquet")
    encoded = tokenizer(pairs.first, pairs.second)
    data = Dataset.from_dict({**encoded, "label": pairs.labels})
    monkeypatch.chdir(tmp_path)

    def model():
        torch.manual_seed(0)
        return AutoModelForSequenceClassification.from_pretrained(folder, num_labels=3)

    return SimpleNamespace(train=data, tokenizer=tokenizer, model=model, pairs=pairs)


@pytest.mark.filterwarnings("ignore:.pin_memory")
def test_the_lines_in_the_book_run(script, monkeypatch):
    """With `Trainer` as it is; mixing and switching take part in every step, not in evaluation."""
    code = lines_of_the_book()
    assert len([line for line in code.splitlines() if line.strip()]) < 20
    mixed, drawn = [], EmbeddingMixup._mix
    monkeypatch.setattr(
        EmbeddingMixup, "_mix", lambda self, *a: mixed.append(drawn(self, *a)) or mixed[-1]
    )
    names = {"train_data": script.train, "dev_data": script.train.select(range(9))}
    names |= {"tokenizer": script.tokenizer, "model": script.model()}
    exec(compile(code.replace("0.95, 0.98", "0.0, 0.0"), str(PAGE), "exec"), names)
    trainer = names["trainer"]
    steps = trainer.state.global_step
    assert steps == sum(one is not None for one in mixed) > 3
    assert any("eval_loss" in row for row in trainer.state.log_history)
    assert methods.METHODS["salt"].mixup == "vector"  # what the plugin does by default
    assert (Config().instance_rate, Config().token_rate) == (0.5, 0.3)


@pytest.mark.filterwarnings("ignore:.pin_memory")
def test_training_rows_are_evaluated_as_they_are(script):
    """The same loss with the plugins on the model and without."""
    model = script.model()
    options = {"report_to": [], "per_device_eval_batch_size": 16}
    trainer = Trainer(
        model,
        TrainingArguments("out", **options),
        data_collator=DataCollatorWithPadding(script.tokenizer),
        eval_dataset=script.train,
    )
    plain = trainer.evaluate()["eval_loss"]
    known = Substitutions(script.train["input_ids"], predictions.read_all("predictions.parquet"))
    CodeSwitch(model, known, 1.0, 1.0)
    EmbeddingMixup(model, known)
    assert trainer.evaluate()["eval_loss"] == plain
    assert len(trainer.predict(script.train).predictions) == len(script.train)


@pytest.mark.filterwarnings("ignore:.pin_memory")
def test_a_training_that_goes_on_ends_with_the_same_weights(script):
    """As if it had never been interrupted: mixing draws on as well as switching."""

    def trained(folder, resume=None, **options):
        model = script.model()
        known = Substitutions(
            script.train["input_ids"], predictions.read_all("predictions.parquet")
        )
        CodeSwitch(model, known)
        EmbeddingMixup(model, known)
        arguments = TrainingArguments(
            folder, max_steps=8, save_steps=4, report_to=[], learning_rate=1e-3, **options
        )
        collator = DataCollatorWithPadding(script.tokenizer)
        trainer = Trainer(model, arguments, data_collator=collator, train_dataset=script.train)
        trainer.train(resume_from_checkpoint=resume)
        return model.state_dict()

    whole = trained("whole")
    again = trained("again", resume="whole/checkpoint-4")
    assert all(torch.equal(again[name], value) for name, value in whole.items())


# Tagged sentences


@pytest.fixture
def tags(laboratory, tmp_path, monkeypatch):
    """Tagged sentences of the laboratory with predictions for all of their words, in short rows."""
    folder = checkpoints.checkpoint(0)
    data = tasks.load("mini-ner", "train", "en", 0)
    words = vocabulary.words_by_language(folder)
    words = {code: words[code] for code in ("en", "de")}
    monkeypatch.chdir(tmp_path)
    write_predictions(folder, data, words, tmp_path / "predictions.parquet", longest=9)
    tokenizer = loading.tokenizer(folder)
    return SimpleNamespace(
        folder=folder,
        data=data,
        tokenizer=tokenizer,
        kept=predictions.read_all("predictions.parquet"),
        made=encode(tokenizer, data, True, 9),
    )


def cut_at(tags, limit):
    """What somebody's script makes of the sentences: one row each."""
    return tags.tokenizer(
        tags.data.words, is_split_into_words=True, truncation=True, max_length=limit
    )


def test_a_sentence_in_several_rows_is_one_row_again(tags):
    assert len(tags.made) > len(tags.data)  # or the test would say nothing
    rows = cut_at(tags, 60)["input_ids"]
    with pytest.raises(SaltError, match=r"make this with Substitutions\.of_tagged"):
        Substitutions(rows, tags.kept)
    known = Substitutions.of_tagged(rows, tags.kept, tags.tokenizer, tags.data, 9)
    assert len(known.options.tokens) == len(tags.kept) > 0
    # Every word has the options that it has in the rows of the predictions, in their order.
    of_word = options(tags.made, tags.kept["example"], tags.kept["position"], tags.kept[["token"]])
    for made, choices in ((tags.made, of_word), (known.data, known.options)):
        special = set(tags.tokenizer.all_special_ids)
        inner = [at for at, i in enumerate(made.ids.tolist()) if i not in special]
        chosen = [
            choices.tokens[choices.start[at] : choices.start[at] + choices.count[at]].tolist()
            for at in inner
        ]
        if made is tags.made:
            expected = made.ids[inner].tolist(), chosen
    assert (known.data.ids[inner].tolist(), chosen) == expected


def test_what_is_beyond_the_cut_is_left_out_and_counted(tags):
    rows = cut_at(tags, 8)
    with pytest.warns(UserWarning) as caught:
        known = Substitutions.of_tagged(rows["input_ids"], tags.kept, tags.tokenizer, tags.data, 9)
    words = [{*rows.word_ids(i)} - {None} for i in range(len(tags.data))]
    lost = sum(map(len, tags.data.words)) - sum(map(len, words))
    cut = sum(len(own) < len(all_) for own, all_ in zip(words, tags.data.words, strict=True))
    gone = len(tags.kept) - len(known.options.tokens)
    assert min(cut, lost, gone) > 0
    assert str(caught[0].message).startswith(
        f"{cut} of {len(tags.data)} sentences are cut: {lost} words with their tags and {gone} of "
        f"{len(tags.kept)} substitutions are left out"
    )


def test_other_sentences_are_named(tags):
    rows = cut_at(tags, 60)["input_ids"]
    given = (tags.kept, tags.tokenizer, tags.data, 9)
    with pytest.raises(SaltError, match="row 0 is not the beginning of sentence 0, '.*tokenizer"):
        Substitutions.of_tagged([*rows[1:], rows[0]], *given)
    with pytest.raises(SaltError, match="5 rows of 24 tagged sentences"):
        Substitutions.of_tagged(rows[:5], *given)


@pytest.mark.filterwarnings("ignore:.*pin_memory", "ignore:.*sentences are cut")
def test_cut_sentences_are_trained_on(tags):
    """With transformers' own collator; every step is mixed."""
    rows = cut_at(tags, 8)
    labels = [
        [-100 if w is None else own[w] for w in rows.word_ids(i)]
        for i, own in enumerate(tags.data.labels)
    ]
    known = Substitutions.of_tagged(rows["input_ids"], tags.kept, tags.tokenizer, tags.data, 9)
    torch.manual_seed(0)
    model = AutoModelForTokenClassification.from_pretrained(
        tags.folder, num_labels=len(tags.data.names)
    )
    CodeSwitch(model, known)
    mixup = EmbeddingMixup(model, known)
    seen = []
    mixup.substitutions.find = lambda row, find=mixup.substitutions.find: (
        seen.append(tuple(row)) or find(row)
    )
    trainer = Trainer(
        model,
        TrainingArguments("out", max_steps=3, report_to=[]),
        data_collator=DataCollatorForTokenClassification(tags.tokenizer),
        train_dataset=Dataset.from_dict({"input_ids": rows["input_ids"], "labels": labels}),
    )
    trainer.train()
    assert trainer.state.global_step == 3 and len(seen) >= 24
    assert max(map(len, seen)) == 8


def test_vectors_that_the_model_scales_are_mixed_scaled():
    class Scaled(torch.nn.Embedding):
        def forward(self, ids):
            return super().forward(ids) * 10

    model = Model()
    model.words = Scaled(30, 4, padding_idx=0)
    EmbeddingMixup(model, Substitutions(ROWS, kept((0, 1, 21))), "scalar")
    mixed, weight = model(torch.tensor(ROWS[:1]))[0, 1], 10 * model.words.weight
    share = ((mixed - weight[21]) / (weight[11] - weight[21])).detach()
    low, high = share.min().item(), share.max().item()
    assert low == pytest.approx(high, abs=1e-4) and 0 < low < 1

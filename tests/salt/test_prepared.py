"""What runs share is made once of any checkpoint and data: tokens, labels, what may be replaced."""

import pandas as pd
import paper_world
import pytest
import torch

from salt_lib.data import xtreme
from salt_lib.data.examples import Pairs, tag
from salt_lib.errors import SaltError
from salt_lib.models import loading
from salt_lib.models.encoding import encode
from salt_lib.salt.augment import NOTHING
from salt_lib.salt.methods import method
from salt_lib.salt.prepared import prepare
from salt_lib.salt.substitutions import kept_predictions, write_predictions
from salt_lib.salt.whole_words import whole_words
from salt_lib.training.run import train_and_score

LABELS = xtreme.PAIR_LABELS["xnli"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder as a hub would give it, without vocabulary.json, and the pairs of a data set."""
    data = paper_world.write_data(tmp_path_factory.mktemp("world") / "data")
    folder = paper_world.write_model(data.parent / "bert", "bert", paper_world.texts(data))

    def read(split, code):
        return xtreme.read_pairs(data / "xnli" / f"{split}-{code}.tsv", LABELS)

    return folder, read


@pytest.fixture(scope="module")
def train(world):
    return world[1]("train", "en")


@pytest.fixture(scope="module")
def ready(world, train):
    folder, read = world
    tests = {code: read("test", code) for code in ("en", "de")}
    return prepare(folder, LABELS, train, read("dev", "en"), tests)


def test_data_are_tokenized_with_the_checkpoint_s_tokenizer(world, train, ready):
    folder, read = world
    tokenizer = loading.tokenizer(folder)
    assert ready.checkpoint == folder and ready.labels == 3
    assert ready.train.ids.tolist() == encode(tokenizer, train).ids.tolist()
    assert ready.dev.labels.tolist() == read("dev", "en").labels
    assert list(ready.tests) == ["en", "de"] and len(ready.tests["de"]) == 36
    assert ready.choices is NOTHING and ready.translated is None and ready.words == {}


def test_pairs_are_cut_at_the_longest(world, train):
    folder, _ = world
    short = prepare(folder, 3, train, train[:3], {}, longest=9)
    assert short.train.lengths.max() == 9 and short.dev.lengths.max() <= 9
    long = Pairs(["goat " * 99], ["lamp"], [0])
    assert prepare(folder, 1, long, long, {}).train.lengths.tolist() == [64]  # what it reads


def test_tagged_sentences_are_prepared_alike(world):
    folder, _ = world
    data = tag([(["goat", "sees"], ["B", "O"]), (["lamp"], ["O"])], ("O", "B"))
    found = prepare(folder, data.names, data, data, {"en": data})
    assert found.labels == 2 and found.train.tags == ("O", "B") and len(found.tests["en"]) == 2


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("train", Pairs([], [], [])),
        ("train", Pairs(["a"], ["b"], [3])),
        ("dev", Pairs(["a"], ["b"], [-1])),
        ("de", Pairs([], [], [])),
        ("dev", tag([], ("O",))),
        ("train", tag([(["a", "b"], ["x", "y"])], ("O", "u", "v", "x", "y"))),
    ],
)
def test_no_rows_and_labels_that_are_not_there_are_errors(world, train, name, broken):
    parts = {"train": train, "dev": train, "de": train} | {name: broken}
    with pytest.raises(SaltError, match=f"{name}: no pairs, or a label outside 0 to 2"):
        prepare(world[0], LABELS, parts["train"], parts["dev"], {"de": parts["de"]})


def test_labels_are_named_or_counted(world, train):
    with pytest.raises(SaltError, match="train: no pairs, or a label outside 0 to 1"):
        prepare(world[0], 2, train, train, {})
    assert prepare(world[0], 4, train, train, {}).labels == 4


# What may be replaced


def kept_of(ready, rows):
    """Predictions (example, position, language, word) of the prepared training data."""
    pieces = loading.tokenizer(ready.checkpoint).get_vocab()
    source = {(e, p): ready.train.row(e)[p].item() for e, p, *_ in rows}
    rows = [(e, p, code, pieces[word], source[e, p], 1.0) for e, p, code, word in rows]
    columns = ["example", "position", "language", "token", "source", "probability"]
    return pd.DataFrame(rows, columns=columns)


def test_substitutions_stand_at_their_tokens(ready):
    pieces = loading.tokenizer(ready.checkpoint).get_vocab()
    rows = [(1, 1, "de", "Lampe"), (0, 2, "de", "Garten"), (1, 1, "en", "goat")]
    found = ready.substituting("distilled", kept_of(ready, rows))
    start = ready.train.start.tolist()
    at = torch.nonzero(found.choices.count)[:, 0].tolist()
    assert at == [start[0] + 2, start[1] + 1]
    assert found.choices.count[at].tolist() == [1, 2]
    assert found.choices.tokens.tolist() == [[pieces[w]] for w in ("Garten", "Lampe", "goat")]
    assert found.train is ready.train and ready.choices is NOTHING  # the old is as it was


def test_controls_stand_in_the_place_of_the_substitutions(world, train, monkeypatch):
    monkeypatch.setattr("salt_lib.salt.controls.NEIGHBOURS", 3)
    words = {"de": {"Lampe": 9, "Garten": 8, "Ziege": 7, "Fluss": 6, "malt": 5}}
    ready = prepare(world[0], LABELS, train, train, {}, words)
    kept = kept_of(ready, [(0, 1, "de", "Lampe"), (1, 1, "de", "Garten")])
    entries = loading.tokenizer(world[0]).convert_ids_to_tokens
    plain, wrong, noise = (
        ready.substituting(kind, kept).choices for kind in ("distilled", "deranged", "random")
    )
    assert entries(plain.tokens[:, 0].tolist()) == ["Lampe", "Garten"]
    assert entries(wrong.tokens[:, 0].tolist()) == ["Garten", "Lampe"]
    assert noise.tokens.shape == (2, 3)
    assert set(entries(noise.tokens[0].tolist())) == {"Garten", "Ziege", "Fluss"}
    assert plain.count.equal(wrong.count) and plain.count.equal(noise.count)
    seeds = [ready.substituting("deranged", kept, seed).choices.tokens.tolist() for seed in (0, 1)]
    assert seeds[0] == seeds[1]  # of two words there is one exchange
    with pytest.raises(KeyError):
        prepare(world[0], LABELS, train, train, {}).substituting("random", kept)


def test_function_words_and_content_words_are_kinds_of_their_own(world, train, monkeypatch):
    words = {"de": {"Lampe": 9, "Garten": 8, "Ziege": 7, "Fluss": 6}}
    ready = prepare(world[0], LABELS, train, train, {}, words)
    entries = loading.tokenizer(world[0]).convert_ids_to_tokens
    row = entries(ready.train.row(0).tolist())
    function, content = 1, next(at for at in range(2, len(row)) if row[at] != row[1])
    monkeypatch.setattr("salt_lib.salt.prepared.FUNCTION_WORDS", {row[function].lower()})
    here = {function: ["Lampe", "Ziege"], content: ["Garten", "Fluss"]}
    kept = kept_of(ready, [(0, at, "de", word) for at in here for word in here[at]])

    def at(choices, position):
        first = int(ready.train.start[0]) + position
        rows = choices.tokens[choices.start[first] :][: choices.count[first]]
        return {entries(token) for token in rows.flatten().tolist()}

    for words, position, other in (("function", function, content), ("content", content, function)):
        chosen = ready.substituting("distilled", kept, words=words).choices
        assert at(chosen, position) == {*here[position]} and chosen.count[other] == 0
    drawn = ready.substituting("random-kind", kept).choices
    assert all(at(drawn, position) == {*here[position]} for position in here)
    first = int(drawn.start[int(ready.train.start[0]) + function])
    assert set(entries(drawn.tokens[first].tolist())) == {"Ziege"}  # where Lampe was distilled
    hidden = ready.substituting("mask", kept).choices.tokens
    assert hidden.tolist() == [[loading.mask_token(world[0])]] * 4


def test_any_checkpoint_takes_the_steps(world, train, ready, tmp_path):
    folder, read = world
    texts = {c: [*p.first, *p.second] for c in ("en", "de") for p in [read("dev", c)]}
    words = whole_words(folder, texts)
    path, row, config = tmp_path / "p.parquet", method("salt-masked"), paper_world.TRAINING
    write_predictions(folder, train, words, path, masked=True)
    kept = kept_predictions(path, train, row, config.threshold, config.synonym_threshold)
    found = train_and_score(ready.substituting(row.substitutions, kept), row, config, 1)
    assert set(found["scores"]) == {"en", "de"} and found["config"]["threshold"] == 0.0

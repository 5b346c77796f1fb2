"""The public functions do on a user's model and data what the study does on its own."""

import doctest
import shutil
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import salt_lib as salt
from salt_lib import api
from salt_lib.laboratory import tasks
from salt_lib.laboratory.checkpoints import checkpoint

MODEL = checkpoint(0)
SENTENCES = ["the dog sleeps near the river", "the cat drops the onion with the driver"]
TEXTS = {
    "de": ["der Hund schläft nahe dem Fluss"] * 5 + ["die Katze"] * 5,
    "sw": ["mbwa analala karibu na mto"] * 5,
}
SENTENCES_THE = sum(sentence.split().count("the") for sentence in SENTENCES)
CONFIG = salt.Config(epochs=1, learning_rate=1e-3, threshold=0.5, synonym_threshold=0.9)
LABELS = ["entailment", "neutral", "contradiction"]


def table(split: str, language: str, rows: int = 40) -> pd.DataFrame:
    pairs = tasks.load("mini-xnli", split, language)[:rows]
    columns = {"premise": pairs.first, "hypothesis": pairs.second}
    return pd.DataFrame({**columns, "label": [LABELS[label] for label in pairs.labels]})


@pytest.fixture
def data():
    test = {code: table("test", code) for code in ("en", "de", "sw")}
    return {"train": table("train", "en", 64), "dev": table("dev", "en"), "test": test}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SALT_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(api).attempted >= 6 and not doctest.testmod(api).failed


def test_importing_the_package_is_quick_and_loads_nothing_heavy():
    code = "import salt_lib, sys; print({'torch', 'pandas', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_every_public_name_is_there_and_no_other():
    assert set(salt.__all__) <= set(dir(salt)) and len(salt.__all__) == 14
    assert all(getattr(salt, name).__doc__ for name in salt.__all__)
    with pytest.raises(AttributeError, match="no attribute 'destil'"):
        salt.destil  # noqa: B018


def test_distil_gives_pairs_of_words_commonest_first():
    pairs = salt.distill(MODEL, SENTENCES, ["de"], threshold=0.5, device="cpu")
    assert list(pairs.columns) == ["word", "language", "substitute", "probability", "count"]
    assert set(pairs["language"]) <= {"de", "en"} and pairs["count"].is_monotonic_decreasing
    assert pairs["probability"].between(0.5, 1).all()
    (row,) = pairs[(pairs["word"] == "the") & (pairs["language"] == "de")].to_dict("records")
    assert row["substitute"] == "der" and row["count"] == SENTENCES_THE
    alone = salt.distill(MODEL, SENTENCES[:1], ["de"], threshold=0.5, device="cpu")
    as_pair = salt.distill(MODEL, [(SENTENCES[0], "")], ["de"], threshold=0.5, device="cpu")
    pd.testing.assert_frame_equal(alone, as_pair)


def test_nothing_above_the_threshold_is_an_empty_table():
    pairs = salt.distill(MODEL, SENTENCES, ["de"], threshold=1, synonym_threshold=1, device="cpu")
    assert pairs.empty and "substitute" in pairs.columns


@pytest.mark.filterwarnings("ignore:few")
def test_words_are_counted_in_texts_and_english_in_the_sentences():
    pairs = salt.distill(MODEL, SENTENCES, ["de", "sw"], TEXTS, threshold=0, device="cpu")
    german = set(" ".join(TEXTS["de"]).split())
    assert set(pairs[pairs["language"] == "de"]["substitute"]) <= german
    assert set(pairs["word"]) <= set(" ".join(SENTENCES).split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sentences": []}, "no sentences"),
        ({"sentences": "one"}, "a single sentence: give a list"),
        ({"sentences": [("a", "b", "c")]}, "alone or in pairs, not 3"),
        ({"sentences": pd.DataFrame({"text": ["a"]})}, "a table: give its sentences as a list"),
        ({"languages": "de"}, r"languages: 'de' is a string; give a list, \['de'\]"),
        ({"texts": TEXTS, "words": {"de": {}}}, "texts and words: give one of them"),
        ({"languages": ["xx"]}, "unknown language 'xx'; known: ar"),
        ({"languages": ["fr"], "texts": TEXTS}, "unknown language of the texts 'fr'; known: de"),
        ({"threshold": 2}, "no probability"),
        ({"model": "no/model"}, "no/model: no such folder"),
    ],
)
def test_distil_says_what_is_wrong(arguments, message):
    with pytest.raises(salt.SaltError, match=message):
        salt.distill(**{"model": MODEL, "sentences": SENTENCES, "device": "cpu", **arguments})


def test_a_model_without_words_beside_it_needs_texts(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(salt.SaltError, match="give texts, a folder of <language>.txt"):
        salt.distill(tmp_path, SENTENCES)


PAIRS = pd.DataFrame(
    [("dog", "de", "Hund", 0.9, 9), ("dog", "de", "Köter", 0.9, 1), ("dog", "sw", "mbwa", 0.9, 5)],
    columns=["word", "language", "substitute", "probability", "count"],
)


def test_augment_draws_a_language_and_then_a_word_by_its_count():
    rows = pd.DataFrame({"text": ["dog, Dog and dogs: dog!"] * 4000, "id": range(4000)})
    switched = salt.augment(rows, PAIRS, ["text"], instance_rate=1, token_rate=1, seed=1)
    first = switched["text"].str.extract(r"^(\w+), Dog and dogs: (\w+)!$")
    assert not first.isna().any().any() and switched["id"].tolist() == list(range(4000))
    shares = first[0].value_counts(normalize=True)
    assert abs(shares["mbwa"] - 0.5) < 0.03 and abs(shares["Köter"] - 0.05) < 0.02
    assert rows["text"].eq("dog, Dog and dogs: dog!").all()  # the table itself stays


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dog's tail, (dog)", "dog's tail, (Hund)"),
        ("it dog`t dog’s", None),  # pieces of contractions
        ("the dogs' dog' ‘dog’", "the dogs' Hund' ‘Hund’"),  # quotes and plurals are none
        ("dog12 12dog", None),
        ("dog।dog،dog，dog。", "Hund।Hund،Hund，Hund。"),
    ],
)
def test_augment_replaces_whole_words_alone(text, expected):
    rows, known = pd.DataFrame({"text": [text]}), PAIRS[:1]
    switched = salt.augment(rows, known, ["text"], instance_rate=1, token_rate=1)["text"][0]
    assert switched == (expected or text)


def test_rates_and_seeds_of_augment():
    rows = pd.DataFrame({"text": ["dog dog dog dog"] * 2000})
    options = {"instance_rate": 0.5, "token_rate": 0.3}
    one, two = (salt.augment(rows, PAIRS, ["text"], seed=s, **options)["text"] for s in (0, 1))
    assert not one.equals(two)
    pd.testing.assert_series_equal(one, salt.augment(rows, PAIRS, ["text"], **options)["text"])
    changed = np.mean([4 - text.split().count("dog") for text in one]) / 4
    assert abs(changed - 0.15) < 0.02
    assert salt.augment(rows, PAIRS, ["text"], instance_rate=0)["text"].equals(rows["text"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"text_columns": ["txt"]}, "unknown text column 'txt'; known: text"),
        ({"text_columns": "text"}, "text_columns: 'text' is a string"),
        ({"pairs": PAIRS.drop(columns="word")}, "no column 'word'"),
        ({"token_rate": 1.5}, "token_rate 1.5"),
    ],
)
def test_augment_says_what_is_wrong(options, message):
    rows = pd.DataFrame({"text": ["dog"]})
    with pytest.raises(salt.SaltError, match=message):
        salt.augment(**{"table": rows, "pairs": PAIRS, "text_columns": ["text"], **options})


def test_train_scores_every_language_and_compare_tests_the_gain(data, cache):
    options = {"config": CONFIG, "device": "cpu"}
    results = [
        salt.train(MODEL, data, method, seed, **options)
        for method in ("baseline", "salt")
        for seed in (0, 1)
    ]
    assert [(r["method"], r["seed"]) for r in results][-1] == ("salt", 1)
    assert all(set(r["scores"]) == {"en", "de", "sw"} for r in results)
    assert not results[0]["substitutions"] and results[-1]["substitutions"]["de"] > 0
    assert len(list(cache.glob("*.parquet"))) == 1  # both seeds take the same predictions
    again = salt.train(MODEL, data, "salt", 1, **options)
    assert again["scores"] == results[-1]["scores"] and again["dev"] == results[-1]["dev"]
    comparison = salt.compare(results, "salt")
    targets = [[np.mean([r["scores"][c] for c in ("de", "sw")])] for r in results]
    assert comparison.n == 2
    assert comparison.difference == pytest.approx(np.mean(targets[2:]) - np.mean(targets[:2]))
    english = salt.compare(iter(results), "salt", languages=iter(["en"]))
    assert english.mean == pytest.approx(np.mean([r["scores"]["en"] for r in results[2:]]))


def test_single_sentences_and_labels_of_any_kind(data):
    def single(part):
        return part.drop(columns="premise").assign(label=part["label"].map(LABELS.index))

    parts = {split: single(data[split]) for split in ("train", "dev")}
    parts["test"] = {code: single(part) for code, part in data["test"].items()}
    found = salt.train(MODEL, parts, "mixup", config=CONFIG, device="cpu", languages=["de"])
    assert set(found["scores"]) == {"en", "de", "sw"}


def test_a_method_of_ones_own_and_tagged_sentences():
    names = tasks.task("mini-ner").labels
    part = {split: tasks.load("mini-ner", split, "en")[:24] for split in ("train", "dev")}
    data = {**part, "test": {"de": tasks.load("mini-ner", "test", "de")[:24]}, "labels": names}
    mine = salt.Method("mine", "of my own", "distilled", code_switch=True)
    found = salt.train(MODEL, data, mine, config=CONFIG, device="cpu")
    assert found["method"] == "mine" and 0 <= found["scores"]["de"] <= 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d | {"method": "dictionary"}, "only the laboratory has"),
        (lambda d: d | {"method": "slat"}, "unknown method 'slat'"),
        (lambda d: d | {"label_column": "class"}, "unknown label column 'class'"),
        (lambda d: d | {"text_columns": ["a", "hypothesis"]}, "train: no column 'a'"),
        (lambda d: d | {"languages": ["xx"]}, "unknown language 'xx'"),
        (lambda d: d | {"languages": "de"}, "languages: 'de' is a string"),
        (lambda d: d | {"config": {"epochs": 1}}, "config: dict, expected a Config, such as"),
        (
            lambda d: d | {"config": replace(CONFIG, threshold=1, synonym_threshold=1)},
            "salt: nothing to substitute",
        ),
    ],
)
def test_train_says_what_is_wrong(data, change, message):
    options = change({"method": "salt", "config": CONFIG, "device": "cpu"})
    with pytest.raises(salt.SaltError, match=message):
        salt.train(MODEL, data, **options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: {k: v for k, v in d.items() if k != "dev"}, "data: no 'dev'; there are train"),
        (lambda d: d | {"test": d["dev"]}, "'test' is a table; give language → test set"),
        (lambda d: d["train"], "data: DataFrame; give 'train', 'dev' and 'test'"),
        (lambda d: d | {"train": d["train"].assign(label="yes")}, "the only label is 'yes'"),
        (
            lambda d: d | {"train": d["train"].assign(label=[["B", "O"]] * len(d["train"]))},
            "holds lists; words with tags are given as Tagged",
        ),
    ],
)
def test_data_that_can_t_be_trained_on_are_named(data, change, message):
    with pytest.raises(salt.SaltError, match=message):
        salt.train(MODEL, change(data), "baseline", config=CONFIG, device="cpu")


def test_a_label_that_training_lacks_is_named(data):
    data["test"]["de"].loc[3, "label"] = "maybe"
    with pytest.raises(salt.SaltError, match="de: unknown label 'maybe'; known: contradiction"):
        salt.train(MODEL, data, "baseline", config=CONFIG, device="cpu")


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ([], "no results of method 'salt'"),
        ([("salt", 0), ("salt", 0)], "two results of 'salt' with seed 0"),
        ([("salt", 0), ("baseline", 0)], "at least two"),
    ],
)
def test_compare_says_what_is_wrong(results, message):
    scores = {"en": 0.9, "de": 0.5}
    rows = [{"method": m, "seed": s, "scores": scores} for m, s in results]
    with pytest.raises(salt.SaltError, match=message):
        salt.compare(rows, "salt")


def test_load_reads_a_benchmark_as_train_takes_it(tmp_path):
    shutil.copytree(Path(__file__).parent / "fixtures" / "xtreme" / "xnli", tmp_path / "xnli")
    shutil.copy(tmp_path / "xnli" / "dev-en.tsv", tmp_path / "xnli" / "train-en.tsv")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not so many rows as XNLI has
        data = salt.load("xnli", tmp_path, ["de"])
    assert set(data) == {"train", "dev", "test", "labels"} and set(data["test"]) == {"de"}
    assert set(data["labels"]) == set(LABELS) and len(data["train"]) == len(data["dev"]) == 6
    with pytest.raises(salt.SaltError, match="unknown task"):
        salt.load("xnl", tmp_path)

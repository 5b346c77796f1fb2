"""`salt quality` judges the laboratory by its truth and any model by dictionaries."""

import json
import re

import pandas as pd
import pytest
from cli.test_main import salt

from salt_lib.laboratory import predictions as laboratory_predictions
from salt_lib.laboratory import quality
from salt_lib.laboratory.checkpoints import checkpoint
from salt_lib.models import loading
from salt_lib.salt import predictions
from salt_lib.salt.user_tables import write_vocabulary
from salt_lib.salt.vocabulary import words_by_language

SENTENCES = "the dog sleeps near the river\n\nthe cat sees the dog\n"


@pytest.fixture
def own(tmp_path):
    """A dictionary, sentences and words of one's own; the options that name them."""
    (tmp_path / "en-de.tsv").write_text("en\ttranslation\ndog\tHund\nriver\tFluss\ncat\tTiger\n")
    (tmp_path / "in.txt").write_text(SENTENCES)
    words = words_by_language(checkpoint(0))
    write_vocabulary(tmp_path / "words.json", {code: words[code] for code in ("en", "de")})
    given = ["--dictionary", tmp_path, "--model", checkpoint(0), "--input", tmp_path / "in.txt"]
    return [*given, "--vocabulary", tmp_path / "words.json"]


def test_the_laboratory_is_judged_by_its_truth(tmp_path, monkeypatch):
    data = laboratory_predictions.encoded(0, "mini-xnli", "train", "en")
    pieces = loading.tokenizer(checkpoint(0)).get_vocab()
    at = [i for i in data.row(0).nonzero()[:, 0].tolist() if data.whole[i]]
    rows = pd.DataFrame(
        [(0, i, code, pieces["Hund"], 0.95) for i in at for code in ("de", "fr")],
        columns=["example", "position", "language", "token", "probability"],
    )
    monkeypatch.setattr(laboratory_predictions, "predictions_path", lambda *a, **_: tmp_path)
    monkeypatch.setattr(predictions, "read_all", lambda path: rows)
    told = json.loads(salt("quality", "--json").stdout)
    judged = quality.judge(rows, data, pieces)
    expected = quality.precision_coverage(judged, 0.9, "content").loc["de"]
    assert told["content"]["de"]["precision"] == expected["precision"]
    assert told["task"] == "mini-xnli" and set(told["tokens"]) == {"de", "fr"}
    told = json.loads(salt("quality", "--languages", "de", "--json").stdout)
    assert set(told["tokens"]) == {"de"}


def test_a_model_is_judged_by_a_dictionary(own):
    told = json.loads(salt("quality", *own, "--threshold", 0, "--json").stdout)
    assert told["content"]["de"]["eligible"] == 4 == told["content"]["de"]["kept"]
    assert [point["threshold"] for point in told["curve"] if point["language"] == "de"] == [
        *(0.0, 0.5, 0.7, 0.9),
    ]
    assert {row["word"] for row in told["wrong"] if row["language"] == "de"} >= {"cat"}
    shown = salt("quality", *own, "--threshold", 0)
    assert re.search(r"\nde +\S+ +\S+ +\S+ +100\.00 +4\n", shown.stdout)
    assert "means over the languages" in shown.stdout and re.search("de: .*cat → ", shown.stdout)
    shown = salt("quality", *own, "--threshold", 1, "--languages", "de")
    assert re.search(r"\nde +– +– +– +0\.00 +0\n", shown.stdout)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "m"], "--model needs --dictionary"),
        (["--dictionary", "d"], "--dictionary needs --model and --input"),
        (["--without", "hom"], "unknown rule 'hom'; known: home"),
        (["--segment", "yes"], "unknown choice of segment 'yes'"),
    ],
)
def test_what_is_missing_or_unknown_is_said(own, arguments, message):
    given = own if arguments[0] in ("--without", "--segment") else []
    shown = salt("quality", *given, *arguments)
    assert shown.exit_code == 2 and message in shown.stderr


def test_a_language_without_a_dictionary_is_said(own, tmp_path):
    (tmp_path / "en-de.tsv").rename(tmp_path / "en-fr.tsv")
    shown = salt("quality", *own)
    assert shown.exit_code == 2 and "no dictionary en-de.tsv; there are fr" in shown.stderr

"""`salt distill` prints words, `salt augment` mixes them into a table."""

import json
import re

import pandas as pd
import pyarrow as pa
import pytest
from cli.test_main import salt

from salt_lib.cli import words
from salt_lib.laboratory import predictions as laboratory_predictions
from salt_lib.laboratory import tasks
from salt_lib.laboratory.checkpoints import checkpoint
from salt_lib.salt import predictions


@pytest.fixture
def predicted(tmp_path, monkeypatch):
    """A few predictions for the first sentences of mini-xnli, and what was asked for."""
    data = laboratory_predictions.encoded(0, "mini-xnli", "train", "en")
    vocabulary = laboratory_predictions.vocabularies(0, ("de", "en", "fr"))
    whole = data.whole[: data.start[2]].nonzero()[:, 0].tolist()
    first, second = whole[:2]
    rows = [
        (0, first, "de", int(vocabulary["de"][0]), 5, 0.97),
        (0, first, "en", int(vocabulary["en"][0]), 5, 0.5),
        (0, second, "de", int(vocabulary["de"][1]), 5, 0.2),
        (0, second, "fr", int(vocabulary["fr"][0]), 5, 0.4),
    ]
    columns = [
        pa.array(column, field.type)
        for column, field in zip(zip(*rows, strict=True), predictions.SCHEMA, strict=True)
    ]
    path, asked = tmp_path / "predictions.parquet", []
    predictions.save(path, iter([pa.record_batch(columns, schema=predictions.SCHEMA)]), {})
    monkeypatch.setattr(
        laboratory_predictions, "predictions_path", lambda *a, **_: asked.append(a[:3]) or path
    )
    return path, asked


def test_distill_prints_what_reaches_the_threshold(predicted):
    path, asked = predicted
    low = ["--threshold", "0.3", "--synonym-threshold", "0.6"]
    told = json.loads(salt("distill", "--masked", *low, "--json").stdout)
    assert asked == [(0, "mini-xnli", True)] and told["file"] == str(path)
    assert told["languages"] == {
        "de": {"predicted": 2, "kept": 1},
        "en": {"predicted": 1, "kept": 0},
        "fr": {"predicted": 1, "kept": 1},
    }
    assert [(row["language"], row["count"]) for row in told["pairs"]] == [("de", 1), ("fr", 1)]
    shown = salt("distill", *low)
    assert re.search("de +2 +1 +50.0%", shown.stdout) and "predictions.parquet" in shown.stdout
    assert re.search(r"de: 1 pairs\n  \S+ → \S+ +0\.97 +1\n", shown.stdout)
    assert salt("distill", "--threshold", "1.5").exit_code == 2
    shown = salt("distill", "--languages", "xx")
    assert shown.exit_code == 2 and "unknown language 'xx'" in shown.stderr


@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".parquet"])
def test_pairs_come_back_from_their_file_and_switch_a_table(predicted, tmp_path, suffix):
    pairs, table, output = (tmp_path / f"{name}{suffix}" for name in ("pairs", "table", "out"))
    done = salt("distill", "--threshold", "0.3", "--output", pairs)
    assert done.exit_code == 0 and str(pairs) in done.stdout
    (row,) = [r for r in words.rows_of(pairs) if r["language"] == "de"]
    rows = pd.DataFrame({"text": [f"say {row['word']}!"] * 3, "label": ["a"] * 3})
    {".tsv": lambda: rows.to_csv(table, sep="\t", index=False)}.get(
        suffix, lambda: getattr(rows, f"to_{suffix[1:]}")(table, index=False)
    )()
    rates = ["--instance-rate", 1, "--token-rate", 1, "--text-columns", "text"]
    shown = salt("augment", "--input", table, "--substitutions", pairs, "--output", output, *rates)
    assert shown.stdout == f"{output}: 3 of 3 rows now have words of other languages\n"
    for new in words.rows_of(output):
        assert new["label"] == "a" and new["text"] != f"say {row['word']}!"
        assert new["text"].startswith("say ") and new["text"].endswith("!")


def test_words_of_a_model_and_sentences_of_ones_own(tmp_path):
    (tmp_path / "in.txt").write_text("the dog sleeps near the river\n\nthe cat drops the onion\n")
    options = ["--model", checkpoint(0), "--languages", "de,sw", "--threshold", 0.5]
    shown = salt("distill", "--input", tmp_path / "in.txt", *options, "--json")
    pairs = json.loads(shown.stdout)["pairs"]
    assert {row["language"] for row in pairs} >= {"de", "sw"}
    assert ("the", "der") in {(row["word"], row["substitute"]) for row in pairs}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--input", "a.csv"], "--input needs --model"),
        (["--model", "m"], "--model needs --input"),
        (["--texts", "t"], "--texts needs --input"),
        (["--input", "a.doc", "--model", str(checkpoint(0))], "a table is one of .csv, .tsv"),
        (["--input", "none.txt", "--model", str(checkpoint(0))], "none.txt: can't be read"),
        (
            ["--input", "a.csv", "--model", "m", "--predictions", "p.parquet"],
            "--predictions needs --vocabulary",
        ),
    ],
)
def test_what_is_missing_is_said(arguments, message):
    shown = salt("distill", *arguments)
    assert shown.exit_code == 2 and message in shown.stderr


def test_from_text_to_a_copy_that_is_switched_in_context(laboratory, tmp_path):
    """The words of one's own text, every prediction of a table, and its words replaced."""
    model = ("--model", laboratory / "world-0")
    english = tasks.load("mini-xnli", "train", "en", 0)
    german = tasks.load("mini-xnli", "test", "de", 0)
    for code, lines in {"en": english.first, "de": german.first * 5}.items():
        (tmp_path / f"{code}.txt").write_text("\n".join(lines), encoding="utf-8")
    given = ("--texts", tmp_path, "--output", tmp_path / "words.json")
    shown = salt("vocabulary", *model, *given, "--language", "de", "--top", 3)
    assert shown.exit_code == 0 and shown.stdout.startswith("de: ")
    assert shown.stdout.count(",") == 2
    told = json.loads(salt("vocabulary", *model, "--texts", tmp_path, "--json").stdout)
    assert set(told["words"]) == {"de", "en"} and told["most_frequent"]["de"]
    assert told["by_script_alone"] == {"de": 0, "en": 0}
    guessed = salt("vocabulary", *model, "--texts", tmp_path, "--language", "th", "--top", 2)
    found = re.fullmatch(
        r"th: (\d+) words; \S+ \?, \S+ \?; \? \((\d+) words\): .*\n", guessed.stdout
    )
    assert found and found[1] == found[2], guessed.output
    table = pd.DataFrame(
        {"premise": english.first, "hypothesis": english.second, "label": english.labels}
    )
    path = tmp_path / "my.csv"
    table.to_csv(path, index=False)
    given = ("--input", path, "--predictions", tmp_path / "own.parquet", *model)
    given += ("--vocabulary", tmp_path / "words.json")
    low = ("--threshold", 0, "--synonym-threshold", 0)
    made = salt("distill", *given, "--languages", "de", *low, "--json")
    assert made.exit_code == 0, made.output
    counts = json.loads(made.stdout)["languages"]
    assert set(counts) == {"de", "en"} and counts["de"]["kept"] == counts["de"]["predicted"] > 0
    given = ("--input", path, "--substitutions", tmp_path / "own.parquet")
    made = salt("augment", *model, *given, "--output", tmp_path / "switched.csv", *low)
    assert made.exit_code == 0, made.output
    assert f"of {len(table)} rows now have words of other languages" in made.stdout
    switched = pd.read_csv(tmp_path / "switched.csv")
    assert (switched["label"] == table["label"]).all()
    assert (switched["premise"] != table["premise"]).any()
    unknown = salt(
        "distill",
        *given[:2],
        *model,
        "--vocabulary",
        tmp_path / "words.json",
        "--predictions",
        tmp_path / "p.parquet",
        "--languages",
        "xx",
    )
    assert unknown.exit_code == 2 and "unknown language 'xx'; known: de, en" in unknown.output
    lacking = salt("vocabulary", *model, "--texts", tmp_path, "--language", "x").output
    assert "'x': no whole word occurs 5 times" in lacking


@pytest.mark.parametrize("target", ["table.csv", "pairs.csv", "link.csv", "thesis.csv"])
def test_no_table_of_the_users_is_replaced(tmp_path, target):
    table, pairs = tmp_path / "table.csv", tmp_path / "pairs.csv"
    table.write_text("text\nthe dog\n")
    pairs.write_text("word,language,substitute\ndog,de,Hund\n")
    (tmp_path / "link.csv").symlink_to(table)
    (tmp_path / "thesis.csv").write_text("mine\n")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    options = ["--input", table, "--substitutions", pairs, "--text-columns", "text"]
    options += ["--instance-rate", 1, "--token-rate", 1, "--output", tmp_path / target]
    shown = salt("augment", *options)
    assert shown.exit_code == 2 and {p: p.read_bytes() for p in tmp_path.iterdir()} == before
    forced = salt("augment", *options, "--force")
    if target == "thesis.csv":
        assert "already exists" in shown.stderr and forced.exit_code == 0
        assert (tmp_path / target).read_text() == "text\nthe Hund\n"
    else:
        assert forced.exit_code == 2 and "is the input" in forced.stderr
        assert {p: p.read_bytes() for p in tmp_path.iterdir()} == before


@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".parquet"])
def test_no_pairs_are_said_and_not_written(predicted, tmp_path, suffix):
    output = tmp_path / f"pairs{suffix}"
    shown = salt("distill", "--threshold", 1, "--synonym-threshold", 1, "--output", output)
    assert shown.exit_code == 2 and "nothing to write" in shown.stderr and not output.exists()


@pytest.mark.parametrize(
    "option", [("--minimum", 3), ("--share", 0.1), ("--languages", "de"), ("--texts", "text")]
)
def test_nothing_is_ignored_beside_a_setup(tmp_path, option):
    (tmp_path / "paper.toml").write_text("")
    shown = salt("vocabulary", "--setup", tmp_path / "paper.toml", *option)
    assert (
        shown.exit_code == 2
        and f"{option[0]}: with --setup these come from the setup" in shown.stderr
    )

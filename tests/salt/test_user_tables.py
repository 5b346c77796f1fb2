"""Tables of one's own: read exactly, distilled in pieces, switched with all else left alone."""

import json
import shutil

import pandas as pd
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from salt_lib.cli import main as cli
from salt_lib.data import examples, tables
from salt_lib.errors import SaltError
from salt_lib.laboratory import tasks
from salt_lib.models import encoding, loading
from salt_lib.salt import distill, predictions, user_tables
from salt_lib.salt import vocabulary as salt_vocabulary
from salt_lib.salt.whole_words import whole_words
from salt_lib.training import finetune

COLUMNS = ("premise", "hypothesis")


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    """Several pieces already in a table of some rows."""
    monkeypatch.setattr(user_tables, "PIECE", 64)
    monkeypatch.setattr(encoding, "PIECE", 64)


@pytest.fixture(scope="module")
def checkpoint(laboratory):
    return laboratory / "world-0"


@pytest.fixture(scope="module")
def words(checkpoint):
    counted = salt_vocabulary.words_by_language(checkpoint)
    return {code: counted[code] for code in ("en", "de", "ur")}


@pytest.fixture(scope="module")
def pairs(laboratory):
    return tasks.load("mini-xnli", "train", "en", 0)


@pytest.fixture(scope="module")
def table(pairs):
    """The small laboratory's pairs with a label and a column that says nothing to us."""
    return pd.DataFrame(
        {
            "id": [f"row, {i}" for i in range(len(pairs))],
            "premise": pairs.first,
            "hypothesis": pairs.second,
            "label": pairs.labels,
        }
    )


def write(table, path):
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    elif path.suffix == ".jsonl":
        table.to_json(path, orient="records", lines=True, force_ascii=False)
    else:
        table.to_parquet(path)
    return path


def read(path):
    return [row for piece in tables.read_rows(path) for row in piece]


@pytest.mark.parametrize("suffix", tables.FORMATS)
def test_a_table_comes_back_as_it_was(table, tmp_path, suffix):
    path = write(table, tmp_path / f"a{suffix}")
    pieces = list(tables.read_rows(path, COLUMNS))
    assert [len(piece) for piece in pieces[:-1]] == [64] * (len(pieces) - 1) and len(pieces) > 2
    assert [row["premise"] for piece in pieces for row in piece] == table["premise"].tolist()
    again = tmp_path / f"b{suffix}"
    tables.write_rows(again, tables.read_rows(path))
    assert read(again) == read(path)
    if suffix == ".csv":
        assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    "name,content,message",
    [
        ("a.csv", b"premise,hypothesis\na,b\na\n", "line 3: fewer cells than the 2"),
        ("a.csv", b"premise,hypothesis\na,b,c\n", "line 2: more cells than the 2"),
        ("a.csv", b"premise,text\na,b\n", "line 2: no column hypothesis; there are premise, text"),
        ("a.csv", b"premise,hypothesis\na,\xff\n", "line 2: not UTF-8"),
        ("a.csv", b'premise,hypothesis\n"a"x,b\n', "line 2: no CSV"),
        ("a.jsonl", b'{"premise": "a"}\n', "line 1: no column hypothesis"),
        ("a.jsonl", b'\n{"premise": "a", "hypothesis": "b"}\n[1]\n', "line 3: no JSON object but"),
        ("a.jsonl", b"{\n", "line 1: no JSON"),
        ("a.parquet", b"PAR1", "can't be read"),
        ("a.tsv", b"a\tb\n", "a table is one of .csv, .jsonl, .parquet"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SaltError, match=message) as error:
        list(tables.read_rows(path, COLUMNS))
    assert str(path) in str(error.value)


def test_a_missing_table_is_an_error(tmp_path, checkpoint, words):
    with pytest.raises(SaltError, match="no.csv: can't be read"):
        list(tables.read_rows(tmp_path / "no.csv"))
    with pytest.raises(SaltError, match="there are one or two"):
        user_tables.distill_table(checkpoint, tmp_path / "a.csv", (), words, tmp_path / "b.parquet")
    (tmp_path / "a.csv").write_text("premise,hypothesis\n")
    with pytest.raises(SaltError, match="no rows to distil"):
        user_tables.distill_table(
            checkpoint, tmp_path / "a.csv", COLUMNS, words, tmp_path / "b.parquet"
        )


def test_pieces_are_distilled_as_the_whole(checkpoint, words, pairs, table, tmp_path):
    path = write(table, tmp_path / "a.csv")
    finetune.write_predictions(checkpoint, pairs, words, tmp_path / "whole.parquet")
    count = user_tables.distill_table(checkpoint, path, COLUMNS, words, tmp_path / "own.parquet")
    whole, own = (predictions.load(tmp_path / name) for name in ("whole.parquet", "own.parquet"))
    assert count == len(own) > 1000
    pd.testing.assert_frame_equal(own, whole)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "own.parquet", "whole.parquet"]


def test_an_interrupted_distillation_goes_on(checkpoint, words, table, tmp_path, monkeypatch):
    path = write(table, tmp_path / "a.jsonl")
    arguments = (checkpoint, path, COLUMNS, words, tmp_path / "own.parquet")
    plain, calls = distill.predict_pieces, []

    def interrupted(*given, first, **options):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(first)
        return plain(*given, first=first, **options)

    monkeypatch.setattr(distill, "predict_pieces", interrupted)
    with pytest.raises(KeyboardInterrupt):
        user_tables.distill_table(*arguments)
    assert calls == [0, 64] and not (tmp_path / "own.parquet").exists()
    calls.clear()

    def counted(*given, first, **options):
        calls.append(first)
        return plain(*given, first=first, **options)

    monkeypatch.setattr(distill, "predict_pieces", counted)
    user_tables.distill_table(*arguments)
    assert calls[0] == 128 and len(calls) == -(-len(table) // 64) - 2
    found = predictions.load(tmp_path / "own.parquet")
    assert (found["example"] // 64).is_monotonic_increasing
    # Another table of the same name: what lies there is not taken for its pieces.
    shutil.copytree(tmp_path, tmp_path / "kept", ignore=shutil.ignore_patterns("kept"))
    (tmp_path / "own.parquet.parts").mkdir()
    (tmp_path / "own.parquet.parts" / "about.json").write_text("{}")
    (tmp_path / "own.parquet.parts" / "000000000000.parquet").write_text("of another")
    user_tables.distill_table(*arguments)
    pd.testing.assert_frame_equal(predictions.load(tmp_path / "own.parquet"), found)


@pytest.fixture(scope="module")
def distilled(checkpoint, words, table, tmp_path_factory):
    folder = tmp_path_factory.mktemp("distilled")
    path = write(table, folder / "a.csv")
    user_tables.distill_table(checkpoint, path, COLUMNS, words, folder / "own.parquet")
    return path, folder / "own.parquet"


def switch(checkpoint, distilled, output, **options):
    rates = {"threshold": 0.0, "synonym_threshold": 0.0, "instance_rate": 1.0, "token_rate": 1.0}
    return user_tables.augment_table(
        checkpoint, distilled[0], COLUMNS, distilled[1], output, **{**rates, **options}
    )


def test_words_are_replaced_where_they_were_predicted(checkpoint, distilled, words, tmp_path):
    changed, total = switch(checkpoint, distilled, tmp_path / "b.csv")
    before, after = read(distilled[0]), read(tmp_path / "b.csv")
    assert changed == total == len(before) == len(after)
    found = predictions.load(distilled[1])
    tokenizer = loading.tokenizer(checkpoint)
    entry = {i: piece for piece, i in tokenizer.get_vocab().items()}
    for number in (0, 1, 63, 64, total - 1):
        old, new = before[number], after[number]
        assert (old["id"], old["label"]) == (new["id"], new["label"])
        data = encoding.encode(
            tokenizer, examples.Pairs([old["premise"]], [old["hypothesis"]], [0])
        )
        mine = found[found["example"] == number]
        said = [*old["premise"].split(), *old["hypothesis"].split()]
        now = [*new["premise"].split(), *new["hypothesis"].split()]
        assert len(said) == len(now)
        allowed = {}
        for row in mine.itertuples():
            allowed.setdefault(entry[int(data.ids[row.position])], set()).add(entry[row.token])
        for word, other in zip(said, now, strict=True):
            assert other in allowed.get(word, {word})
        assert said != now


def test_rates_thresholds_and_seeds(checkpoint, distilled, tmp_path):
    path = tmp_path / "b.csv"
    assert switch(checkpoint, distilled, path, instance_rate=0.0)[0] == 0
    assert path.read_bytes() == distilled[0].read_bytes()
    assert switch(checkpoint, distilled, path, threshold=1.0, synonym_threshold=1.0)[0] == 0
    changed, total = switch(checkpoint, distilled, path, instance_rate=0.5)
    assert 0.3 < changed / total < 0.7
    first = path.read_bytes()
    switch(checkpoint, distilled, path, instance_rate=0.5)
    assert path.read_bytes() == first
    switch(checkpoint, distilled, path, instance_rate=0.5, seed=1)
    assert path.read_bytes() != first
    switch(checkpoint, distilled, tmp_path / "b.parquet")
    assert pq.read_table(tmp_path / "b.parquet").num_rows == total


def test_substitutions_of_another_table_are_an_error(checkpoint, distilled, table, tmp_path):
    other = write(table.head(70), tmp_path / "other.csv")
    with pytest.raises(SaltError, match="made for another input"):
        switch(checkpoint, (other, distilled[1]), tmp_path / "b.csv")
    with pytest.raises(SaltError, match="another columns"):
        user_tables.augment_table(
            checkpoint,
            distilled[0],
            ["premise"],
            distilled[1],
            tmp_path / "b.csv",
            threshold=0.5,
            synonym_threshold=0.5,
        )
    with pytest.raises(SaltError, match="not a readable Parquet"):
        switch(checkpoint, (distilled[0], distilled[0]), tmp_path / "b.csv")
    assert not (tmp_path / "b.csv").exists()


def test_words_are_counted_in_text(checkpoint, pairs, tmp_path):
    german = tasks.load("mini-xnli", "test", "de", 0)
    (tmp_path / "en.txt").write_text("\n".join(pairs.first), encoding="utf-8")
    (tmp_path / "de.txt").write_text("\n".join(german.first * 5), encoding="utf-8")
    words = whole_words(checkpoint, tables.read_texts(tmp_path), minimum=5)
    said = " ".join(german.first).split()
    assert words["de"] and all(words["de"][word] == 5 * said.count(word) for word in words["de"])
    user_tables.write_vocabulary(tmp_path / "words.json", words)
    assert user_tables.read_vocabulary(tmp_path / "words.json") == words
    with pytest.raises(SaltError, match="no <language>.txt"):
        tables.read_texts(tmp_path / "nowhere")
    (tmp_path / "words.json").write_text("{}")
    with pytest.raises(SaltError, match="has words for en"):
        user_tables.read_vocabulary(tmp_path / "words.json")


def salt(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def test_the_commands_from_text_to_a_switched_copy(checkpoint, pairs, table, tmp_path):
    for code in ("en", "de"):
        lines = pairs.first if code == "en" else tasks.load("mini-xnli", "test", "de", 0).first * 5
        (tmp_path / f"{code}.txt").write_text("\n".join(lines), encoding="utf-8")
    model = ("--model", checkpoint)
    vocabulary = ("--texts", tmp_path, "--output", tmp_path / "words.json")
    shown = salt("vocabulary", *model, *vocabulary, "--language", "de", "--top", 3)
    assert shown.exit_code == 0 and shown.stdout.startswith("de: ")
    assert shown.stdout.count(",") == 2
    told = json.loads(salt("vocabulary", *model, "--texts", tmp_path, "--json").stdout)
    assert set(told["words"]) == {"de", "en"} and told["most_frequent"]["de"]
    path = write(table, tmp_path / "my.csv")
    given = ("--input", path, "--output", tmp_path / "own.parquet", *model)
    made = salt(
        "distill", *given, "--vocabulary", tmp_path / "words.json", "--languages", "de",
        "--threshold", 0, "--synonym-threshold", 0, "--json",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    counts = json.loads(made.stdout)["languages"]
    assert set(counts) == {"de", "en"} and counts["de"]["kept"] == counts["de"]["predicted"] > 0
    switched = salt(
        "augment", *model, "--input", path, "--substitutions", tmp_path / "own.parquet",
        "--output", tmp_path / "switched.csv", "--threshold", 0, "--synonym-threshold", 0,
    )  # fmt: skip
    assert switched.exit_code == 0, switched.output
    assert f"of {len(table)} rows have words of other languages" in switched.stdout
    assert (pd.read_csv(tmp_path / "switched.csv")["label"] == table["label"]).all()
    unknown = salt("distill", *given, "--vocabulary", tmp_path / "words.json", "--languages", "xx")
    assert unknown.exit_code == 2 and "unknown language 'xx'; known: de, en" in unknown.output
    assert "--input needs --model" in salt("distill", "--input", path).output
    assert (
        "'x': no whole word occurs 5 times"
        in salt("vocabulary", *model, "--texts", tmp_path, "--language", "x").output
    )

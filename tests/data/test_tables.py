"""Tables come back as they were, whatever their format, and what is wrong with one is said."""

import json
import os

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from salt_lib.data import tables
from salt_lib.errors import SaltError

COLUMNS = ("premise", "hypothesis")


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    """Several pieces already in a table of some rows."""
    monkeypatch.setattr(tables, "PIECE", 64)


@pytest.fixture(scope="module")
def table():
    """Texts that need quoting and letters beyond ASCII."""
    return pd.DataFrame(
        {
            "id": [f"row, {i}" for i in range(180)],
            "premise": [f'The "old" goat {i}\nsees Ziege, мышь' for i in range(180)],
            "hypothesis": [f"แพะ {i}" for i in range(180)],
            "label": [i % 3 for i in range(180)],
        }
    )


def write(table, path):
    if path.suffix in (".csv", ".tsv"):
        table.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
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
    if suffix in (".csv", ".tsv"):
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
        ("a.tsv", b"premise\thypothesis\na,b\n", "line 2: fewer cells than the 2"),
        ("a.xlsx", b"a\tb\n", "a table is one of .csv, .tsv, .jsonl, .parquet"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SaltError, match=message) as error:
        list(tables.read_rows(path, COLUMNS))
    assert str(path) in str(error.value)


def test_a_missing_table_is_an_error(tmp_path):
    with pytest.raises(SaltError, match="no.csv: can't be read"):
        list(tables.read_rows(tmp_path / "no.csv"))


def test_a_table_of_another_format_is_not_written(tmp_path):
    with pytest.raises(SaltError, match="a.xlsx: a table is one of .csv, .tsv, .jsonl, .parquet"):
        tables.write_rows(tmp_path / "a.xlsx", iter([[{"a": 1}]]))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", tables.FORMATS)
def test_what_fails_while_it_is_written_leaves_the_old_table(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    tables.write_rows(path, iter([[{"a": "1"}]]))
    before = path.read_bytes()

    def pieces():
        yield [{"a": "2"}]
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        tables.write_rows(path, pieces())
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == [path.name]


def test_json_lines_keep_their_letters(tmp_path):
    path = tmp_path / "a.jsonl"
    tables.write_rows(path, iter([[{"a": "แพะ"}]]))
    assert (
        json.loads(path.read_text(encoding="utf-8")) == {"a": "แพะ"} and "แพะ" in path.read_text()
    )


def test_texts_are_files_of_a_sentence_a_line(tmp_path):
    (tmp_path / "en.txt").write_text("one\n two \n", encoding="utf-8")
    (tmp_path / "th.txt").write_text("แพะ", encoding="utf-8")
    (tmp_path / "notes.md").write_text("no")
    found = tables.read_texts(tmp_path)
    assert {code: list(lines) for code, lines in found.items()} == {
        "en": ["one", "two"],
        "th": ["แพะ"],
    }
    with pytest.raises(SaltError, match="no <language>.txt"):
        tables.read_texts(tmp_path / "nowhere")
    with pytest.raises(SaltError, match="no.txt: can't be read"):
        list(tables.read_lines(tmp_path / "no.txt"))
    (tmp_path / "de.txt").write_bytes(b"eins\nzw\xff\n")
    with pytest.raises(SaltError, match="de.txt, line 2: not UTF-8"):
        list(tables.read_texts(tmp_path)["de"])


def test_a_text_is_named_by_its_languages_code(tmp_path):
    for name in ("de", "zh-Hant", "README", "notes"):
        (tmp_path / f"{name}.txt").write_text("a line\n", encoding="utf-8")
    with pytest.warns(UserWarning, match="README.txt, notes.txt left out"):
        texts = tables.read_texts(tmp_path)
    assert {code: list(lines) for code, lines in texts.items()} == {
        "de": ["a line"],
        "zh-Hant": ["a line"],
    }
    for name in ("de", "zh-Hant"):
        (tmp_path / f"{name}.txt").unlink()
    with pytest.warns(UserWarning), pytest.raises(SaltError, match="no <language>.txt in it"):
        tables.read_texts(tmp_path)


@pytest.mark.parametrize("value", [None, 3, ["Lampe"], "b"])
def test_what_is_no_text_is_no_word(tmp_path, value):
    """Not "None", not "['Lampe']": a row is named, and "NA" stays what somebody wrote."""
    rows = [{"text": "NA", "label": None}, {"text": value, "label": 1}]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    if isinstance(value, str):
        assert [row["text"] for row in next(tables.read_rows(path, ["text"]))] == ["NA", "b"]
        return
    with pytest.raises(SaltError, match="line 2: column 'text' holds .*, expected text"):
        next(tables.read_rows(path, ["text"]))
    frame = pd.DataFrame({"text": pd.Series(["NA", value if value != 3 else None])})
    if not isinstance(value, list):
        frame.to_parquet(tmp_path / "a.parquet")
        with pytest.raises(SaltError, match="row 2: column 'text' holds None"):
            next(tables.read_rows(tmp_path / "a.parquet", ["text"]))


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("a.csv", "text,label,text\na,1,b\n", "line 1: more than one column is called 'text'"),
        ("a.csv", "text,label,,\na,1,,\n", "line 1: .* no name .empty columns."),
        ("a.jsonl", '{"text": "a", "text": "b"}\n', "line 1: more than one .* 'text'"),
        ("a.jsonl", '{"text": "\\ud800"}\n', "line 1: no JSON .*surrogates"),
        ("a.jsonl", "[" * 100_000 + "\n", "line 1: no JSON .*recursion"),
    ],
)
def test_nothing_is_lost_or_breaks_later(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SaltError, match=message):
        next(tables.read_rows(path))


def test_two_columns_of_one_name_in_parquet(tmp_path):
    table = pa.table([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(SaltError, match="more than one column is called 'text'"):
        next(tables.read_rows(tmp_path / "a.parquet"))


def test_a_byte_order_mark_is_no_letter(tmp_path):
    for name, content in (("a.csv", "text\na\n"), ("a.jsonl", '{"text": "a"}\n')):
        (tmp_path / name).write_text(content, encoding="utf-8-sig")
        assert next(tables.read_rows(tmp_path / name, ["text"])) == [{"text": "a"}]
    (tmp_path / "de.txt").write_text("Lampe\n", encoding="utf-8-sig")
    assert list(tables.read_lines(tmp_path / "de.txt")) == ["Lampe"]


def test_types_and_class_names_stay(tmp_path):
    schema = pa.schema(
        [pa.field("text", pa.string()), pa.field("label", pa.int8()), ("note", pa.string())],
        metadata={"huggingface": '{"info": {}}'},
    )
    rows = [{"text": str(i), "label": i % 3, "note": None if i < 70 else "x"} for i in range(99)]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema), path)
    tables.write_rows(tmp_path / "b.parquet", tables.read_rows(path), like=path)
    assert pq.read_schema(tmp_path / "b.parquet").equals(schema, check_metadata=True)
    assert pq.read_table(tmp_path / "b.parquet").to_pylist() == rows
    with pytest.raises(SaltError, match="not all of the type .* write .jsonl"):
        tables.write_rows(tmp_path / "c.parquet", tables.read_rows(path))


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.csv")
    os.mkfifo(tmp_path / "a.parquet")
    for path in (tmp_path / "a.csv", tmp_path / "a.parquet"):
        with pytest.raises(SaltError, match="a pipe or a device"):
            next(tables.read_rows(path))
    with pytest.raises(SaltError, match="/dev/zero: a pipe or a device"):
        next(tables.read_lines("/dev/zero"))


NFD = "u\u0308ber"


def test_accents_apart_from_their_letters_are_composed_and_said(tmp_path):
    (tmp_path / "de.txt").write_text(f"{NFD} Berge\nTal\n", encoding="utf-8")
    with pytest.warns(UserWarning, match="1 of 2 texts have accents apart"):
        assert list(tables.read_texts(tmp_path)["de"]) == ["über Berge", "Tal"]
    assert tables.composed(["über", "แพะ"]) == ["über", "แพะ"]


def test_a_document_in_one_line_is_counted_to_its_end(tmp_path):
    words = [f"Wort{i}" for i in range(500)]
    (tmp_path / "de.txt").write_text(" ".join(words) + "\nein Satz\n", encoding="utf-8")
    (tmp_path / "th.txt").write_text("แพะ" * 200, encoding="utf-8")
    texts = tables.read_texts(tmp_path)
    *parts, last = texts["de"]
    assert last == "ein Satz" and " ".join(parts).split() == words
    assert max(len(part.split()) for part in parts) == tables.WINDOW
    thai = list(texts["th"])
    assert "".join(thai) == "แพะ" * 200 and max(map(len, thai)) == tables.WINDOW

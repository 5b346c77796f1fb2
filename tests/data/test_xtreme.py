"""Readers of XTREME's layout, on invented files; test_benchmarks.py reads the real ones."""

from pathlib import Path

import pytest
from places import FIXTURES

from salt_lib.data import xtreme
from salt_lib.errors import SaltError

XTREME = FIXTURES / "xtreme"
LABELS = xtreme.PAIR_LABELS["xnli"]


@pytest.fixture
def write(tmp_path):
    """Write these bytes where a German dev file would stand."""

    def file(data: bytes) -> Path:
        path = tmp_path / "dev-de.tsv"
        path.write_bytes(data)
        return path

    return file


def test_folder_is_the_variables(monkeypatch, tmp_path):
    monkeypatch.setenv(xtreme.FOLDER_VARIABLE, str(tmp_path))
    assert xtreme.folder() == tmp_path


def test_folder_beside_the_checkout_without_the_variable(monkeypatch, tmp_path):
    monkeypatch.delenv(xtreme.FOLDER_VARIABLE, raising=False)
    module = tmp_path / "main" / "salt_lib" / "data" / "xtreme.py"
    monkeypatch.setattr(xtreme, "__file__", str(module))
    with pytest.raises(SaltError, match="SALT_XTREME_DIR is not set.*xnli, pawsx, panx, udpos"):
        xtreme.folder()
    (tmp_path / "shared" / "xtreme").mkdir(parents=True)
    assert xtreme.folder() == tmp_path / "shared" / "xtreme"


def test_folder_that_the_variable_names_must_exist(monkeypatch, tmp_path):
    monkeypatch.setenv(xtreme.FOLDER_VARIABLE, str(tmp_path / "gone"))
    with pytest.raises(SaltError, match="gone, which is no folder"):
        xtreme.folder()


def test_pairs_keep_every_row_and_character():
    pairs = xtreme.read_pairs(XTREME / "xnli" / "dev-en.tsv", LABELS)
    assert pairs.labels == [0, 1, 2, 0, 1, 2]
    assert pairs.first[0] == 'The old baker "sings.'
    assert pairs.second[1] == '"The baker sings a song about rain.'
    assert pairs.first[3] == "Two goats stand on the\u2028 bridge."


def test_paraphrase_pairs_have_their_labels():
    labels = xtreme.PAIR_LABELS["paws-x"]
    assert xtreme.read_pairs(XTREME / "pawsx" / "dev-en.tsv", labels).labels == [1, 0, 1, 0]
    assert len(xtreme.read_pairs(XTREME / "pawsx" / "dev-ja.tsv", labels).first) == 2


def panx(language: str) -> list[tuple[list[str], list[str]]]:
    return xtreme.read_tags(XTREME / "panx" / f"dev-{language}.tsv")


def test_tags_stand_by_sentence():
    sentences = panx("en")
    assert [len(tokens) for tokens, _ in sentences] == [6, 3, 3]
    assert sentences[0][0][:2] == ["Mira", "Okafor"]
    assert sentences[0][1] == ["B-PER", "I-PER", "O", "B-LOC", "I-LOC", "O"]


def test_a_prefix_goes_only_where_every_token_has_it():
    assert panx("en")[1][0] == ['"', "en:route", "''"]
    assert panx("sw")[0][0] == ["Mira", "alitembelea", "Ziwa", "Tarn", "."]


def test_prefixes_are_wikiann_s_alone():
    path = XTREME / "udpos" / "dev-de.tsv"
    assert xtreme.read_tags(path, xtreme.UPOS_TAGS) == [
        (["de:Ziege"], ["NOUN"]),
        (["de:Fluss"], ["NOUN"]),
    ]


def test_a_last_sentence_without_a_blank_line():
    assert len(panx("sw")) == 2


def test_languages_are_those_of_the_files():
    assert xtreme.languages(XTREME, "xnli", "test") == ["de", "en", "sw"]
    assert xtreme.languages(XTREME, "pan-x", "dev") == ["en", "sw"]
    assert xtreme.languages(XTREME, "xnli", "train") == []


def test_windows_line_ends_are_no_part_of_a_label(write):
    path = write(b"eins\tzwei\tneutral\r\ndrei\tvier\tentailment\r\n")
    assert xtreme.read_pairs(path, LABELS).labels == [1, 0]


@pytest.mark.parametrize(
    "row, reason",
    [
        (b"only one column", "1 columns, expected 3"),
        (b"a\tb\tc\tneutral", "4 columns, expected 3"),
        (b"", "1 columns, expected 3"),
        (b"a\tb", "2 columns, expected 3 .XTREME's scripts write test files without labels"),
        (b"a\tb\tmaybe", "label 'maybe' is none of entailment, neutral, contradiction"),
        (b"a\tb\t", "label '' is none of"),
        (b"a\xff\tb\tneutral", "not UTF-8"),
    ],
)
def test_a_malformed_pair_names_file_line_and_reason(write, row, reason):
    path = write(b"eins\tzwei\tneutral\n" + row + b"\ndrei\tvier\tneutral\n")
    with pytest.raises(SaltError, match=rf"dev-de\.tsv, line 2: {reason}"):
        xtreme.read_pairs(path, LABELS)


@pytest.mark.parametrize("row", [b" \tb\tneutral", b"a\t\tneutral"])
def test_rows_with_an_empty_text_are_left_out_and_counted(write, row):
    path = write(b"eins\tzwei\tneutral\n" + row + b"\ndrei\tvier\tentailment\n")
    with pytest.warns(UserWarning, match="1 rows with an empty text .* the first in line 2"):
        pairs = xtreme.read_pairs(path, LABELS)
    assert pairs.first == ["eins", "drei"] and pairs.labels == [1, 0]
    with pytest.raises(SaltError, match="line 2: an empty text"):
        xtreme.read_pairs(path, LABELS, strict=True)


def test_a_byte_order_mark_is_no_letter_of_the_first_text(write):
    path = write("\ufeffeins\tzwei\tneutral\n".encode())
    assert xtreme.read_pairs(path, LABELS).first == ["eins"]


def test_translate_trains_other_name_of_a_label_is_read_and_said(write):
    path = write(b"eins\tzwei\tcontradictory\n")
    with pytest.warns(UserWarning, match="1 labels 'contradictory'"):
        assert xtreme.read_pairs(path, LABELS).labels == [LABELS.index("contradiction")]


@pytest.mark.parametrize(
    "row, reason",
    [
        (b"Berlin", "1 columns, expected 2"),
        (b"Berlin\tB-LOC\tO", "3 columns, expected 2"),
        (b" \tO", "an empty token"),
        (b"Berlin\tNOUN", "tag 'NOUN' is none of O, B-PER"),
        (b"Berlin\tB-CITY", "tag 'B-CITY' is none of O, B-PER"),
    ],
)
def test_a_malformed_tag_names_file_line_and_reason(write, row, reason):
    with pytest.raises(SaltError, match=rf"dev-de\.tsv, line 2: {reason}"):
        xtreme.read_tags(write(b"in\tO\n" + row + b"\n\n"))


@pytest.mark.parametrize("read", [lambda path: xtreme.read_pairs(path, LABELS), xtreme.read_tags])
def test_an_empty_and_a_missing_file_are_errors(write, tmp_path, read):
    with pytest.raises(SaltError, match="no rows"):
        read(write(b""))
    with pytest.raises(SaltError, match="can't be read"):
        read(tmp_path / "gone.tsv")


# Files without labels


@pytest.mark.parametrize("tail", ["", "\tO"])
def test_tokens_are_read_with_tags_and_without(write, tail):
    path = write(f"eins{tail}\nzwei{tail}\n\ndrei{tail}\n".encode())
    assert xtreme.read_tokens(path) == [["eins", "zwei"], ["drei"]]


@pytest.mark.parametrize("tail", ["", "\tneutral", "\tmaybe"])
def test_texts_are_read_with_labels_and_without(write, tail):
    pairs = xtreme.read_texts(write(f"eins\tzwei{tail}\ndrei\tvier{tail}\n".encode()))
    assert (pairs.first, pairs.second) == (["eins", "drei"], ["zwei", "vier"])
    assert pairs.labels == [0, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a\tb\tc\n", "line 1: 3 columns, expected 1 or 2"),
        (b"a\n\tO\n", "line 2: an empty token"),
        (b"\n\n", "no rows"),
    ],
)
def test_malformed_tokens_are_named(write, text, message):
    with pytest.raises(SaltError, match=message):
        xtreme.read_tokens(write(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a\tb\tc\td\n", "line 1: 4 columns, expected 2 or 3"),
        (b"a\t \n", "line 1: an empty text"),
        (b"", "no rows"),
    ],
)
def test_malformed_texts_are_named(write, text, message):
    with pytest.raises(SaltError, match=message):
        xtreme.read_texts(write(text))

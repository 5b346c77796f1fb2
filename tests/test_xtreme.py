"""Readers of XTREME's layout, on invented files and, where they are there, on the real ones."""

import os
from pathlib import Path

import pytest

from salt_lib import xtreme
from salt_lib.errors import SaltError

FIXTURES = Path(__file__).parent / "fixtures" / "xtreme"
LABELS = xtreme.PAIR_LABELS["xnli"]


@pytest.fixture
def fixtures(monkeypatch):
    monkeypatch.setenv(xtreme.FOLDER_VARIABLE, str(FIXTURES))


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
    monkeypatch.setattr(xtreme, "__file__", str(tmp_path / "main" / "salt_lib" / "xtreme.py"))
    with pytest.raises(SaltError, match="SALT_XTREME_DIR is not set.*holds xnli, pawsx, panx"):
        xtreme.folder()
    (tmp_path / "shared" / "xtreme").mkdir(parents=True)
    assert xtreme.folder() == tmp_path / "shared" / "xtreme"


def test_folder_that_the_variable_names_must_exist(monkeypatch, tmp_path):
    monkeypatch.setenv(xtreme.FOLDER_VARIABLE, str(tmp_path / "gone"))
    with pytest.raises(SaltError, match="gone, which is no folder"):
        xtreme.folder()


def test_pairs_keep_every_row_and_character(fixtures):
    pairs = xtreme.load("xnli", "dev", "en")
    assert pairs.labels == [0, 1, 2, 0, 1, 2]
    assert pairs.first[0] == 'The old baker "sings.'
    assert pairs.second[1] == '"The baker sings a song about rain.'
    assert pairs.first[3] == "Two goats stand on the\u2028 bridge."


def test_paraphrase_pairs(fixtures):
    assert xtreme.load("paws-x", "dev", "en").labels == [1, 0, 1, 0]
    assert len(xtreme.load("paws-x", "dev", "ja").first) == 2


def test_tags_by_sentence(fixtures):
    sentences = xtreme.load("pan-x", "dev", "en")
    assert [len(tokens) for tokens, _ in sentences] == [6, 3, 3]
    assert sentences[0][0][:2] == ["Mira", "Okafor"]
    assert sentences[0][1] == ["B-PER", "I-PER", "O", "B-LOC", "I-LOC", "O"]


def test_a_prefix_goes_only_where_every_token_has_it(fixtures):
    assert xtreme.load("pan-x", "dev", "en")[1][0] == ['"', "en:route", "''"]
    assert xtreme.load("pan-x", "dev", "sw")[0][0] == ["Mira", "alitembelea", "Ziwa", "Tarn", "."]


def test_a_last_sentence_without_a_blank_line(fixtures):
    assert len(xtreme.load("pan-x", "dev", "sw")) == 2


def test_windows_line_ends_are_no_part_of_a_label(write):
    path = write(b"eins\tzwei\tneutral\r\ndrei\tvier\tentailment\r\n")
    assert xtreme.read_pairs(path, LABELS).labels == [1, 0]


@pytest.mark.parametrize(
    "row, reason",
    [
        (b"only one column", "1 columns where 3 are due"),
        (b"a\tb\tc\tneutral", "4 columns where 3 are due"),
        (b"", "1 columns where 3 are due"),
        (b" \tb\tneutral", "an empty text"),
        (b"a\t\tneutral", "an empty text"),
        (b"a\tb\tmaybe", "label 'maybe' is none of entailment, neutral, contradiction"),
        (b"a\tb\t", "label '' is none of"),
        (b"a\xff\tb\tneutral", "not UTF-8"),
    ],
)
def test_a_malformed_pair_names_file_line_and_reason(write, row, reason):
    path = write(b"eins\tzwei\tneutral\n" + row + b"\ndrei\tvier\tneutral\n")
    with pytest.raises(SaltError, match=rf"dev-de\.tsv, line 2: {reason}"):
        xtreme.read_pairs(path, LABELS)


@pytest.mark.parametrize(
    "row, reason",
    [
        (b"Berlin", "1 columns where 2 are due"),
        (b"Berlin\tB-LOC\tO", "3 columns where 2 are due"),
        (b" \tO", "an empty token"),
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


def test_a_missing_file_lists_the_languages_there(fixtures):
    with pytest.raises(SaltError, match="languages there: de, en, sw"):
        xtreme.load("xnli", "test", "fr")
    with pytest.raises(SaltError, match="languages there: none"):
        xtreme.load("xnli", "train", "en")


def test_unknown_names_list_the_known(fixtures):
    with pytest.raises(SaltError, match="known: xnli, paws-x, pan-x"):
        xtreme.load("udpos", "dev", "en")
    with pytest.raises(SaltError, match="known: train, dev, test"):
        xtreme.load("xnli", "validation", "en")


def _absent() -> bool:
    """A folder that is named but wrong fails the tests; only where none is there do they skip."""
    try:
        return not xtreme.folder()
    except SaltError:
        return xtreme.FOLDER_VARIABLE not in os.environ


real = pytest.mark.skipif(_absent(), reason="no XTREME files: set SALT_XTREME_DIR")


@real
@pytest.mark.parametrize(
    "task, split, rows",
    [
        ("xnli", "dev", 2490),
        ("xnli", "test", 5010),
        ("paws-x", "dev", 2000),
        ("paws-x", "test", 2000),
    ],
)
def test_real_pairs_have_their_published_counts(task, split, rows):
    found = xtreme.languages(task, split)
    assert found
    for language in found:
        pairs = xtreme.load(task, split, language)
        assert len(pairs) == rows
        assert set(pairs.labels) == set(range(len(xtreme.PAIR_LABELS[task])))
        if task == "xnli":  # balanced by construction
            assert [pairs.labels.count(label) for label in range(3)] == [rows // 3] * 3


@real
@pytest.mark.parametrize("split, rows", [("dev", 10_000), ("train", 20_000)])
def test_real_tags_have_their_published_counts(split, rows):
    for language in xtreme.languages("pan-x", split):
        sentences = xtreme.load("pan-x", split, language)
        assert len(sentences) == (1000 if language == "sw" else rows)
        assert all(len(tokens) == len(tags) for tokens, tags in sentences)

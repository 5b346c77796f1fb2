"""Labels of Parquet files go by their names, and what is wrong with a file is said with its row."""

import itertools
import sys

import pytest
from clones import PERMUTED, card, shard, table, xnli_columns
from places import FIXTURES

from salt_lib.data import benchmarks, xtreme
from salt_lib.data.examples import Pairs
from salt_lib.errors import SaltError

XTREME = FIXTURES / "xtreme"

pytestmark = pytest.mark.filterwarnings("ignore:.*are published")


# Labels


def test_every_file_has_its_own_order_of_class_names(tmp_path):
    clone = card(tmp_path / "xnli", "de")
    for part, names in enumerate((PERMUTED, PERMUTED[::-1])):
        columns = xnli_columns(label=[names.index("neutral"), names.index("entailment")])
        table(shard(clone, "de", part=f"0000{part}-of-00002"), columns, {"label": names})
    assert benchmarks.load("xnli", "dev", "de", clone).labels == [1, 0, 1, 0]


@pytest.mark.parametrize("names", list(itertools.permutations(xtreme.PAIR_LABELS["xnli"])))
def test_any_order_of_class_names_gives_the_same_ids(xnli, names):
    ids = [names.index(name) for name in ("contradiction", "entailment")]
    table(shard(xnli, "de"), xnli_columns(label=ids), {"label": list(names)})
    assert benchmarks.load("xnli", "dev", "de", xnli).labels == [2, 0]


def test_names_that_differ_in_case_are_the_same(xnli):
    names = ["Contradiction", "ENTAILMENT", "neutral"]
    table(shard(xnli, "de"), xnli_columns(label=[0, 1]), {"label": names})
    assert benchmarks.load("xnli", "dev", "de", xnli).labels == [2, 0]
    table(shard(xnli, "de"), xnli_columns(label=["Neutral", "CONTRADICTION"]))
    assert benchmarks.load("xnli", "dev", "de", xnli).labels == [1, 2]


def test_paws_x_numbers_are_their_own_names(tmp_path):
    clone = card(tmp_path / "paws-x", "en")
    rows = {"sentence1": ["a", "b"], "sentence2": ["c", "d"], "label": [1, 0]}
    table(shard(clone, "en"), rows)
    assert benchmarks.load("paws-x", "dev", "en", clone).labels == [1, 0]
    # A place in a list of names that is too short is no name of its own.
    table(shard(clone, "en"), rows | {"label": [0, -1]}, {"label": ["0"]})
    with pytest.raises(SaltError, match="row 2: label -1 is none of 0, 1"):
        benchmarks.load("paws-x", "dev", "en", clone)


@pytest.mark.parametrize(
    "label, names, shown",
    [
        ([2, -1], PERMUTED, "-1"),
        ([2, 3], [*PERMUTED, "-"], "'-'"),
        (["neutral", "maybe"], None, "'maybe'"),
        (["neutral", None], None, "None"),
        (["neutral", "1"], None, "'1'"),
    ],
)
def test_a_label_of_no_known_name_is_an_error_with_its_row(xnli, label, names, shown):
    path = table(shard(xnli, "de"), xnli_columns(label=label), {"label": names} if names else {})
    with pytest.raises(SaltError, match=f"row 2: label {shown} is none of entailment") as caught:
        benchmarks.load("xnli", "dev", "de", xnli)
    assert str(path) in str(caught.value)


def test_a_class_name_that_no_row_has_does_no_harm(xnli):
    table(shard(xnli, "de"), xnli_columns(label=[2, 1]), {"label": [*PERMUTED, "-"]})
    assert benchmarks.load("xnli", "dev", "de", xnli).labels == [0, 2]


# Rows and columns


def test_missing_columns_and_columns_of_another_kind_are_named(xnli):
    columns = xnli_columns()
    del columns["label"]
    table(shard(xnli, "de"), columns)
    with pytest.raises(SaltError, match="no column label; there: premise, hypothesis"):
        benchmarks.load("xnli", "dev", "de", xnli)
    table(shard(xnli, "de"), xnli_columns(hypothesis=[1, 2]), {"label": PERMUTED})
    with pytest.raises(SaltError, match="column 'hypothesis' holds int64, expected text"):
        benchmarks.load("xnli", "dev", "de", xnli)
    table(shard(xnli, "de"), xnli_columns(label=[["a"], ["b"]]))
    with pytest.raises(SaltError, match="column 'label' holds .*, expected labels"):
        benchmarks.load("xnli", "dev", "de", xnli)


def test_tags_and_tokens_must_be_as_many(tmp_path):
    clone = card(tmp_path / "xtreme", "PAN-X.de")
    names = {"ner_tags": list(xtreme.TAGS)}
    columns = {"tokens": [["a", "b"], ["c"]], "ner_tags": [[1, 2], [0, 0]]}
    table(shard(clone, "PAN-X.de"), columns, names)
    with pytest.raises(SaltError, match="row 2: 1 tokens, but 2 tags"):
        benchmarks.load("pan-x", "dev", "de", clone)
    table(shard(clone, "PAN-X.de"), columns | {"ner_tags": [[1, 2], [-1]]}, names)
    with pytest.raises(SaltError, match="row 2: label -1 is none of O, B-PER"):
        benchmarks.load("pan-x", "dev", "de", clone)


def test_rows_without_text_are_left_out_with_their_number(xnli, tmp_path):
    columns = {
        "premise": ["a", "", "c", None, "e"],
        "hypothesis": ["A", "B", " ", "D", "E"],
        "label": [0, 1, 2, 0, 1],
    }
    table(shard(xnli, "de"), columns, {"label": PERMUTED})
    with pytest.warns(UserWarning, match="'de', from .*xnli: 3 rows without text were left out"):
        assert benchmarks.load("xnli", "dev", "de", xnli) == Pairs(["a", "e"], ["A", "E"], [1, 2])
    clone = card(tmp_path / "xtreme", "PAN-X.de")
    columns = {"tokens": [["a"], [], ["b", " "]], "ner_tags": [[1], [], [0, 0]]}
    table(shard(clone, "PAN-X.de"), columns, {"ner_tags": list(xtreme.TAGS)})
    with pytest.warns(UserWarning, match="2 rows without text were left out"):
        assert benchmarks.load("pan-x", "dev", "de", clone) == [(["a"], ["B-PER"])]
    table(shard(xnli, "de"), xnli_columns(premise=["", ""]), {"label": PERMUTED})
    with pytest.raises(SaltError, match="no rows with text"):
        benchmarks.load("xnli", "dev", "de", xnli)


# Files that can't be read


def test_pointers_of_git_lfs_instead_of_data_say_so(xnli, tmp_path):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    shard(xnli, "de").write_bytes(pointer)
    for source in (xnli, tmp_path):
        with pytest.raises(SaltError, match="validation-.*a pointer of Git LFS.*`git lfs pull`"):
            benchmarks.load("xnli", "dev", "de", source)
    clone = card(tmp_path / "xtreme", "XNLI")
    shard(clone, "XNLI").parent.mkdir()
    shard(clone, "XNLI").write_bytes(pointer)
    with pytest.raises(SaltError, match="git lfs pull"):
        benchmarks.languages("xnli", "dev", clone)


def test_damaged_files_are_named(xnli):
    path = shard(xnli, "de")
    whole = path.read_bytes()
    for data in (b"", b"PAR1 and nothing else", whole[: len(whole) // 2]):
        path.write_bytes(data)
        with pytest.raises(SaltError, match="validation-.*can't be read as Parquet") as caught:
            benchmarks.load("xnli", "dev", "de", xnli)
        assert "\n" not in str(caught.value)
    # The footer is whole, the data is not.
    path.write_bytes(whole[:4] + b"\0" * 60 + whole[64:])
    with pytest.raises(SaltError, match="validation-.*can't be read as Parquet"):
        benchmarks.load("xnli", "dev", "de", xnli)


def test_without_the_datasets_package_the_error_names_the_extra(xnli, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(SaltError, match=r"pip install 'salt_lib\[hub\]'"):
        benchmarks.load("xnli", "dev", "de", xnli)
    assert len(benchmarks.load("xnli", "dev", "de", XTREME)) == 3

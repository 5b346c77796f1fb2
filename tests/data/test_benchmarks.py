"""Real tasks from every kind of source; the data is invented, but for the last tests."""

import itertools
import os
import shutil
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from salt_lib.data import benchmarks, xtreme
from salt_lib.data.examples import Pairs
from salt_lib.errors import SaltError
from salt_lib.laboratory import tasks

FIXTURES = Path(__file__).parent / "fixtures" / "xtreme"
SPLITS = {"train": "train", "dev": "validation", "test": "test"}
# In XNLI's order, so that a place in the file's own list is never the right id by luck.
PERMUTED = ["neutral", "contradiction", "entailment"]

pytestmark = pytest.mark.filterwarnings("ignore:.*are published")


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    monkeypatch.setattr(benchmarks, "_warned", set())


def table(path: Path, columns: dict, names: dict | None = None) -> Path:
    """Write a Parquet file as `datasets` does; ``names``: column → its class names."""
    from datasets import ClassLabel, Dataset, Features, Sequence, Value

    def kind(name: str, values: list):
        leaf = ClassLabel(names=names[name]) if name in (names or {}) else None
        if values and isinstance(values[0], list):
            inner = next(itertools.chain.from_iterable(values), "")
            return Sequence(leaf or Value("string" if isinstance(inner, str) else "int64"))
        return leaf or Value("int64" if values and isinstance(values[0], int) else "string")

    features = Features({name: kind(name, values) for name, values in columns.items()})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(Dataset.from_dict(columns, features=features).data.table, path)
    return path


def card(clone: Path, *configs: str, info: str = "") -> Path:
    """Write a dataset card that names train, validation and test of these configurations."""
    lines = ["---", "license: mit", "configs:"]
    for config in configs:
        lines += [f"- config_name: {config}", "  data_files:"]
        for split in SPLITS.values():
            lines += [f"  - split: {split}", f"    path: {config}/{split}-*"]
    clone.mkdir(parents=True, exist_ok=True)
    text = "\n".join([*lines, *info.splitlines(), "---", "# Invented", ""])
    (clone / "README.md").write_text(text, encoding="utf-8")
    return clone


def shard(clone: Path, config: str, split: str = "dev", part: str = "00000-of-00001") -> Path:
    return clone / config / f"{SPLITS[split]}-{part}.parquet"


def as_columns(pairs: Pairs, columns: tuple[str, str, str], names: list[str], labels) -> dict:
    """The pairs with labels as places in ``names``."""
    ids = [names.index(labels[label]) for label in pairs.labels]
    return dict(zip(columns, (pairs.first, pairs.second, ids), strict=True))


def xnli_columns(**changes) -> dict:
    columns = {"premise": ["Ein Satz.", "Noch einer."], "hypothesis": ["Ja.", "Nein."]}
    return columns | {"label": [2, 1]} | changes


@pytest.fixture
def xnli(tmp_path):
    """A clone of facebook/xnli with two German rows and another order of the class names."""
    clone = card(tmp_path / "xnli", "de", "en")
    table(shard(clone, "de"), xnli_columns(), {"label": PERMUTED})
    return clone


@pytest.fixture
def both(tmp_path):
    """The invented XTREME files, and the same rows as clones in one folder."""
    pairs = ("premise", "hypothesis", "label")
    folder = tmp_path / "clones"
    clone = card(folder / "first", "de", "en")
    for code, split in (("de", "dev"), ("en", "dev"), ("de", "test"), ("en", "test")):
        labels = xtreme.PAIR_LABELS["xnli"]
        rows = xtreme.read_pairs(FIXTURES / "xnli" / f"{split}-{code}.tsv", labels)
        columns = as_columns(rows, pairs, PERMUTED, labels)
        table(shard(clone, code, split), columns, {"label": PERMUTED})
    clone = card(folder / "second", "en", "ja")
    for code in ("en", "ja"):
        rows = xtreme.read_pairs(FIXTURES / "pawsx" / f"dev-{code}.tsv", ("0", "1"))
        columns = as_columns(rows, ("sentence1", "sentence2", "label"), ["1", "0"], ("0", "1"))
        table(shard(clone, code), {"id": [*range(len(rows))]} | columns, {"label": ["1", "0"]})
    clone = card(folder / "third", "PAN-X.en", "PAN-X.sw", "udpos.English", "udpos.German")
    for name, column, config, code in (
        ("pan-x", "ner_tags", "PAN-X.en", "en"),
        ("pan-x", "ner_tags", "PAN-X.sw", "sw"),
        ("udpos", "pos_tags", "udpos.English", "en"),
        ("udpos", "pos_tags", "udpos.German", "de"),
    ):
        labels = benchmarks.TASKS[name].labels
        names = list(reversed(labels))
        path = FIXTURES / xtreme.FOLDERS[name] / f"dev-{code}.tsv"
        tokens, tags = zip(*xtreme.read_tags(path, labels), strict=True)
        ids = [[names.index(tag) for tag in row] for row in tags]
        table(shard(clone, config), {"tokens": list(tokens), column: ids}, {column: names})
    return folder


# The table of tasks


def test_tasks_have_xtreme_s_languages_labels_and_counts():
    assert list(benchmarks.TASKS) == ["xnli", "paws-x", "pan-x", "udpos"]
    assert [len(row.languages) for row in benchmarks.TASKS.values()] == [15, 7, 40, 33]
    assert [len(row.labels) for row in benchmarks.TASKS.values()] == [3, 2, 7, 17]
    assert [row.kind for row in benchmarks.TASKS.values()] == ["pairs", "pairs", "tags", "tags"]
    for row in benchmarks.TASKS.values():
        assert list(row.languages) == sorted(set(row.languages)) == sorted(row.counts)
        assert "en" not in row.targets and len(row.targets) == len(row.languages) - 1
        for layout in benchmarks.LAYOUTS[row.name]:
            assert set(layout.configs) == set(row.languages)
    counts = {name: row.counts for name, row in benchmarks.TASKS.items()}
    assert counts["xnli"]["sw"] == {"train": 392_702, "dev": 2_490, "test": 5_010}
    assert counts["paws-x"]["ko"] == {"train": 49_401, "dev": 2_000, "test": 2_000}
    assert counts["pan-x"]["en"] == {"train": 20_000, "dev": 10_000, "test": 10_000}
    assert counts["pan-x"]["sw"] == {"train": 1_000, "dev": 1_000, "test": 1_000}
    assert counts["pan-x"]["ur"] == {"train": 20_000, "dev": 1_000, "test": 1_000}
    assert counts["udpos"]["en"] == {"train": 21_253, "dev": 3_974, "test": 5_440}
    assert counts["udpos"]["kk"] == {"train": 31, "test": 1_047}
    assert benchmarks.LAYOUTS["udpos"][0].configs["zh"] == "udpos.Chinese"


def test_unknown_names_list_the_known():
    with pytest.raises(SaltError, match="known: xnli, paws-x, pan-x, udpos"):
        benchmarks.task("mini-xnli")
    with pytest.raises(SaltError, match="unknown task 'panx'"):
        benchmarks.load("panx", "dev", "en", FIXTURES)
    with pytest.raises(SaltError, match="unknown split 'validation'; known: train, dev, test"):
        benchmarks.load("xnli", "validation", "en", FIXTURES)
    with pytest.raises(SaltError, match="unknown split 'validation'"):
        benchmarks.languages("xnli", "validation", FIXTURES)
    with pytest.raises(SaltError, match="unknown language of paws-x 'sw'; known: de, en"):
        benchmarks.load("paws-x", "dev", "sw", FIXTURES)


# XTREME's layout


def test_xtreme_s_layout_gives_pairs_and_tags():
    assert benchmarks.load("xnli", "dev", "en", FIXTURES).labels == [0, 1, 2, 0, 1, 2]
    assert benchmarks.load("paws-x", "dev", "ja", FIXTURES).labels == [1, 0]
    tokens, tags = benchmarks.load("pan-x", "dev", "sw", str(FIXTURES))[0]
    assert tokens == ["Mira", "alitembelea", "Ziwa", "Tarn", "."] and tags[0] == "B-PER"
    assert benchmarks.load("udpos", "dev", "en", FIXTURES)[1] == (
        ["Mira", "saw", "_", "twice"],
        ["PROPN", "VERB", "SYM", "ADV"],
    )


def test_a_missing_xtreme_file_lists_the_languages_there():
    with pytest.raises(SaltError, match="no xnli test file in 'fr'.*languages there: de, en, sw"):
        benchmarks.load("xnli", "test", "fr", FIXTURES)
    with pytest.raises(SaltError, match="languages there: none"):
        benchmarks.load("xnli", "train", "en", FIXTURES)


def test_xtreme_s_test_files_without_labels_say_where_labels_are(tmp_path):
    (tmp_path / "xnli").mkdir()
    (tmp_path / "xnli" / "test-de.tsv").write_bytes(b"eins\tzwei\r\n")
    with pytest.raises(SaltError, match="2 columns where 3 are due .*without labels; the hub's"):
        benchmarks.load("xnli", "test", "de", tmp_path)
    (tmp_path / "udpos").mkdir()
    (tmp_path / "udpos" / "test-de.tsv").write_bytes(b"eins\nzwei\n\n")
    with pytest.raises(SaltError, match="1 columns where 2 are due .*without labels; the hub's"):
        benchmarks.load("udpos", "test", "de", tmp_path)


# Clones


@pytest.mark.parametrize(
    "name, split, code",
    [
        ("xnli", "dev", "de"),
        ("xnli", "dev", "en"),
        ("xnli", "test", "en"),
        ("paws-x", "dev", "en"),
        ("paws-x", "dev", "ja"),
        ("pan-x", "dev", "en"),
        ("pan-x", "dev", "sw"),
        ("udpos", "dev", "en"),
        ("udpos", "dev", "de"),
    ],
)
def test_a_clone_says_the_same_as_xtreme_s_files(both, name, split, code):
    assert benchmarks.load(name, split, code, both) == benchmarks.load(name, split, code, FIXTURES)


def test_a_clone_itself_and_the_folder_it_lies_in_are_both_sources(both):
    assert benchmarks.load("xnli", "dev", "de", both / "first") == benchmarks.load(
        "xnli", "dev", "de", both
    )
    # XNLI's and PAWS-X's configurations have the same names: the columns tell.
    with pytest.raises(SaltError, match="no paws-x there.*google-research-datasets/paws-x or"):
        benchmarks.load("paws-x", "dev", "en", both / "first")
    with pytest.raises(SaltError, match="no xnli there"):
        benchmarks.load("xnli", "dev", "en", both / "second")


def test_languages_are_those_with_files_of_the_split(both):
    assert benchmarks.languages("xnli", "dev", both) == ["de", "en"]
    assert benchmarks.languages("xnli", "train", both) == []
    assert benchmarks.languages("udpos", "dev", both) == ["de", "en"]
    assert benchmarks.languages("pan-x", "dev", both / "third") == ["en", "sw"]
    assert benchmarks.languages("xnli", "test", FIXTURES) == ["de", "en", "sw"]
    assert benchmarks.languages("pan-x", "dev", FIXTURES) == ["en", "sw"]


def test_a_language_or_split_that_is_not_there_lists_what_is(both):
    with pytest.raises(SaltError, match="no Parquet files of the dev split in 'fr'.*: de, en$"):
        benchmarks.load("xnli", "dev", "fr", both)
    with pytest.raises(SaltError, match="of the train split in 'de'.*'de'.*languages there: none"):
        benchmarks.load("xnli", "train", "de", both)


def test_texts_are_sentences_by_language(both):
    for source in (both, FIXTURES):
        said = benchmarks.texts("paws-x", source, ["en", "ja"])
        pairs = benchmarks.load("paws-x", "dev", "ja", source)
        assert list(said) == ["en", "ja"] and said["ja"] == pairs.first + pairs.second
        assert len(said["en"]) == 8
        assert (
            benchmarks.texts("pan-x", source, ["en"])["en"][0] == "Mira Okafor visited Lake Tarn ."
        )
    assert len(benchmarks.texts("xnli", FIXTURES, ["sw"], split="test")["sw"]) % 2 == 0


def test_google_xtreme_alone_has_the_pairs_too(tmp_path):
    clone = card(tmp_path / "xtreme", "MLQA.ar.ar", "XNLI", "PAWS-X.de")
    rows = {
        "language": ["ar", "de", "ar", "de"],
        "sentence1": ["a1", "d1", "a2", "d2"],
        "sentence2": ["A1", "D1", "A2", "D2"],
        "gold_label": ["neutral", "contradiction", "entailment", "Neutral"],
    }
    table(shard(clone, "XNLI"), rows)
    assert benchmarks.load("xnli", "dev", "de", clone) == Pairs(["d1", "d2"], ["D1", "D2"], [2, 1])
    assert benchmarks.languages("xnli", "dev", clone) == ["ar", "de"]
    with pytest.raises(SaltError, match="no rows with text"):
        benchmarks.load("xnli", "dev", "fr", clone)
    with pytest.raises(SaltError, match="train split in 'de'"):
        benchmarks.load("xnli", "train", "de", clone)
    table(
        shard(clone, "PAWS-X.de"),
        {"sentence1": ["NS", "b"], "sentence2": ["c", "d"], "label": ["1", "0"]},
    )
    # The placeholder stays: published scores count it.
    assert benchmarks.load("paws-x", "dev", "de", clone) == Pairs(["NS", "b"], ["c", "d"], [1, 0])


def test_the_task_s_own_repository_comes_before_google_xtreme(tmp_path, xnli):
    clone = card(tmp_path / "a-xtreme", "XNLI")
    rows = {"language": ["de"], "sentence1": ["x"], "sentence2": ["y"], "gold_label": ["neutral"]}
    table(shard(clone, "XNLI"), rows)
    assert benchmarks.load("xnli", "dev", "de", tmp_path).first == ["Ein Satz.", "Noch einer."]


def test_shards_are_joined_in_order_and_only_the_split_is_read(tmp_path):
    clone = card(tmp_path / "xnli", "de")
    for part in (3, 0, 7, 4, 1, 6, 2, 5):
        columns = xnli_columns(premise=[f"{part} eins", f"{part} zwei"])
        path = shard(clone, "de", part=f"0000{part}-of-00008")
        table(path, columns, {"label": PERMUTED})
    shard(clone, "de", "train").write_bytes(b"damaged, and of no interest here")
    pairs = benchmarks.load("xnli", "dev", "de", clone)
    assert pairs.first == [f"{part} {word}" for part in range(8) for word in ("eins", "zwei")]


def test_every_file_has_its_own_order_of_class_names(tmp_path):
    clone = card(tmp_path / "xnli", "de")
    for part, names in enumerate((PERMUTED, PERMUTED[::-1])):
        columns = xnli_columns(label=[names.index("neutral"), names.index("entailment")])
        table(shard(clone, "de", part=f"0000{part}-of-00002"), columns, {"label": names})
    assert benchmarks.load("xnli", "dev", "de", clone).labels == [1, 0, 1, 0]


def test_a_changed_file_is_read_again(xnli):
    benchmarks.load("xnli", "dev", "de", xnli)
    table(shard(xnli, "de"), xnli_columns(premise=["Neu.", "Neuer."]), {"label": PERMUTED})
    assert benchmarks.load("xnli", "dev", "de", xnli).first == ["Neu.", "Neuer."]


def test_a_folder_with_brackets_in_its_name_is_no_pattern(tmp_path, xnli):
    moved = tmp_path / "a[b]*"
    xnli.rename(moved)
    assert benchmarks.load("xnli", "dev", "de", moved).labels == [0, 2]


@pytest.mark.parametrize("name", ["validation.parquet", "dev-00000-of-00001.parquet"])
@pytest.mark.parametrize("readme", [None, "# No metadata\n", "---\nlicense: mit\n---\n"])
def test_without_configs_folders_and_file_names_tell(tmp_path, readme, name):
    clone = tmp_path / "my-xnli"
    table(clone / "de" / name, xnli_columns(), {"label": PERMUTED})
    table(clone / "de" / "train.parquet", xnli_columns(premise=["no", "no"]), {"label": PERMUTED})
    if readme:
        (clone / "README.md").write_text(readme)
    for source in (clone, tmp_path):
        assert benchmarks.load("xnli", "dev", "de", source).first == ["Ein Satz.", "Noch einer."]
    assert benchmarks.languages("xnli", "dev", clone) == ["de"]


@pytest.mark.parametrize(
    "data_files",
    [
        "de/dev.parquet",
        ["de/train.parquet", "de/dev.parquet"],
        [{"split": "validation", "path": ["de/dev.parquet"]}],
        [{"split": "train", "path": "de/train.parquet"}, {"split": "dev", "path": "**/dev.*"}],
    ],
)
def test_every_way_in_which_a_card_names_files(tmp_path, data_files):
    import yaml

    clone = tmp_path / "xnli"
    table(clone / "de" / "dev.parquet", xnli_columns(), {"label": PERMUTED})
    table(clone / "de" / "train.parquet", xnli_columns(premise=["no", "no"]), {"label": PERMUTED})
    metadata = yaml.safe_dump({"configs": [{"config_name": "de", "data_files": data_files}]})
    (clone / "README.md").write_text(f"---\n{metadata}---\n")
    assert benchmarks.load("xnli", "dev", "de", clone).first == ["Ein Satz.", "Noch einer."]


# Labels go by name


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


def test_numbers_without_names_are_named_by_the_card_or_refused(xnli):
    table(shard(xnli, "de"), xnli_columns(label=[0, 1]))
    with pytest.raises(SaltError, match="'label' holds numbers without names, and which of entail"):
        benchmarks.load("xnli", "dev", "de", xnli)
    info = """dataset_info:
- config_name: de
  features:
  - name: premise
    dtype: string
  - name: label
    dtype:
      class_label:
        names:
          '2': entailment
          '0': neutral
          '1': contradiction"""
    card(xnli, "de", info=info)
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


def test_missing_columns_and_columns_of_another_kind_are_named(xnli):
    columns = xnli_columns()
    del columns["label"]
    table(shard(xnli, "de"), columns)
    with pytest.raises(SaltError, match="no column label; there: premise, hypothesis"):
        benchmarks.load("xnli", "dev", "de", xnli)
    table(shard(xnli, "de"), xnli_columns(hypothesis=[1, 2]), {"label": PERMUTED})
    with pytest.raises(SaltError, match="column 'hypothesis' holds int64 where text is due"):
        benchmarks.load("xnli", "dev", "de", xnli)
    table(shard(xnli, "de"), xnli_columns(label=[["a"], ["b"]]))
    with pytest.raises(SaltError, match="column 'label' holds .* where labels are due"):
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


# Rows left out, and numbers of rows


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


def said(*calls) -> list[str]:
    """The warnings of `benchmarks.load` with these arguments."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for call in calls:
            benchmarks.load(*call)
    assert all(item.filename == __file__ for item in caught)  # they name the caller's line
    return [str(item.message) for item in caught]


def test_another_number_of_rows_than_published_is_said_once(xnli):
    call = ("xnli", "dev", "de", xnli)
    (message,) = said(call, call, ("xnli", "dev", "de", str(xnli)))
    assert message == f"xnli, dev split in 'de', from {xnli}: 2 rows, where 2,490 are published"
    assert len(said(("xnli", "dev", "de", FIXTURES), ("xnli", "test", "de", FIXTURES))) == 2


def test_the_published_number_counts_the_rows_left_out(xnli, monkeypatch):
    counts = {"de": {"dev": 2}}
    row = benchmarks.RealTask("xnli", "pairs", ("de", "en"), xtreme.PAIR_LABELS["xnli"], counts)
    monkeypatch.setitem(benchmarks.TASKS, "xnli", row)
    assert said(("xnli", "dev", "de", xnli)) == []
    table(shard(xnli, "de"), xnli_columns(premise=["", "b"]), {"label": PERMUTED})
    (message,) = said(("xnli", "dev", "de", xnli))
    assert "1 rows without text" in message


def test_udpos_is_counted_on_the_hub_s_files_only(both):
    assert said(("udpos", "dev", "en", FIXTURES)) == []
    (message,) = said(("udpos", "dev", "en", both))
    assert "2 rows, where 3,974 are published" in message


# Sources that can't be read


def test_a_folder_that_is_neither_says_what_is_expected(tmp_path):
    with pytest.raises(SaltError, match="gone is no folder; give one, or 'hub'"):
        benchmarks.load("xnli", "dev", "en", tmp_path / "gone")
    with pytest.raises(SaltError, match="there: nothing"):
        benchmarks.load("xnli", "dev", "en", tmp_path)
    for name in ("README.md", "notes.txt", "a.tsv"):
        (tmp_path / name).write_text("text")
    for call in (benchmarks.load, lambda *a: benchmarks.languages(a[0], a[1], a[3])):
        with pytest.raises(SaltError, match="no xnli there; it should hold xnli/dev-en.tsv") as e:
            call("xnli", "dev", "en", tmp_path)
        assert "a clone of facebook/xnli or google/xtreme" in str(e.value)
        assert str(e.value).endswith("there: README.md, a.tsv, notes.txt")
    with pytest.raises(SaltError, match="there: README.md, panx, pawsx, udpos, xnli"):
        shutil.copytree(FIXTURES, tmp_path / "copy")
        shutil.rmtree(tmp_path / "copy" / "xnli")
        (tmp_path / "copy" / "xnli").mkdir()
        benchmarks.load("xnli", "dev", "en", tmp_path / "copy")


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


def test_a_damaged_clone_does_not_stand_before_a_whole_one(xnli, tmp_path):
    other = card(tmp_path / "another", "de")
    shard(other, "de").parent.mkdir()
    shard(other, "de").write_bytes(b"what it was can't be told")
    assert len(benchmarks.load("xnli", "dev", "de", tmp_path)) == 2
    with pytest.raises(SaltError, match="another.*can't be read as Parquet"):
        benchmarks.load("paws-x", "dev", "de", tmp_path)


def test_a_card_that_can_t_be_read_is_named(xnli):
    (xnli / "README.md").write_text("---\nconfigs: [\n---\n")
    with pytest.raises(SaltError, match="README.md: the metadata at the top can't be read"):
        benchmarks.load("xnli", "dev", "de", xnli)


def test_a_clone_with_a_script_runs_nothing(xnli, tmp_path):
    (xnli / "xnli.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    assert len(benchmarks.load("xnli", "dev", "de", xnli)) == 2
    assert not (tmp_path / "ran").exists()


def test_without_the_datasets_package_the_error_names_the_extra(xnli, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(SaltError, match=r"pip install 'salt_lib\[hub\]'"):
        benchmarks.load("xnli", "dev", "de", xnli)
    assert len(benchmarks.load("xnli", "dev", "de", FIXTURES)) == 3


# The hub


@pytest.fixture
def hub(tmp_path, both, monkeypatch):
    """A hub that holds the invented clones; what was fetched from it."""
    import huggingface_hub

    homes = {
        "facebook/xnli": "first",
        "google-research-datasets/paws-x": "second",
        "google/xtreme": "third",
    }
    fetched = []

    def snapshot_download(repository, *, repo_type, allow_patterns):
        assert repo_type == "dataset"
        cache, home = tmp_path / "cache" / repository, both / homes[repository]
        cache.mkdir(parents=True, exist_ok=True)
        for path in (path for pattern in allow_patterns for path in home.glob(pattern)):
            target = cache / path.relative_to(home)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
            fetched.append(path.relative_to(home).as_posix())
        return str(cache)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return fetched


@pytest.mark.parametrize("name, code", [("xnli", "de"), ("paws-x", "ja"), ("udpos", "en")])
def test_the_hub_says_the_same_as_a_clone(hub, both, name, code):
    assert benchmarks.load(name, "dev", code, "hub") == benchmarks.load(name, "dev", code, both)


def test_only_the_card_and_the_split_s_files_are_fetched(hub):
    benchmarks.load("xnli", "test", "de", "hub")
    assert hub == ["README.md", "de/test-00000-of-00001.parquet"]
    hub.clear()
    assert benchmarks.languages("udpos", "dev", "hub") == ["de", "en"]
    assert hub == ["README.md"]


def test_what_the_hub_lacks_is_an_error_with_what_it_has(hub):
    with pytest.raises(SaltError, match="facebook/xnli on the hub.*'fr'.*there: de, en$"):
        benchmarks.load("xnli", "dev", "fr", "hub")


CALL = """
import sys
from salt_lib import sources
from salt_lib.errors import SaltError
assert "datasets" not in sys.modules and "huggingface_hub" not in sys.modules
try:
    sources.load("xnli", "dev", "de", "hub")
except SaltError as error:
    print(error)
"""


@pytest.mark.parametrize(
    "setting", [{"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}], ids=str
)
def test_a_hub_out_of_reach_says_how_to_make_a_clone(tmp_path, setting):
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", CALL],
        env=os.environ | {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0"} | setting,
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("facebook/xnli can't be had from the hub (")
    assert "`hf download facebook/xnli --repo-type dataset --local-dir xnli`" in done.stdout
    assert done.stdout.count("\n") == 1
    assert time.monotonic() - started < 30


def test_data_that_is_not_in_the_cache_is_out_of_reach_too(hub, both):
    benchmarks.load("xnli", "dev", "de", "hub")
    shard(both / "first", "en").unlink()  # the card names it, the hub does not hand it out
    with pytest.raises(SaltError, match="can't be had from the hub .no en/validation-.* in the ca"):
        benchmarks.load("xnli", "dev", "en", "hub")


# The real files


def _absent() -> bool:
    """A folder that is named but wrong fails the tests; only where none is there do they skip."""
    try:
        return not xtreme.folder()
    except SaltError:
        return xtreme.FOLDER_VARIABLE not in os.environ


real = pytest.mark.skipif(_absent(), reason="no XTREME files: set SALT_XTREME_DIR")


@real
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("split", tasks.SPLITS)
@pytest.mark.parametrize("name", benchmarks.TASKS)
def test_real_files_have_their_published_counts(name, split):
    root = xtreme.folder()
    if not any((root / xtreme.FOLDERS[name]).glob(f"{split}-*.tsv")):
        pytest.skip(f"no {name} {split} files")
    row = benchmarks.task(name)
    for language in benchmarks.languages(name, split, root):
        data = benchmarks.load(name, split, language, root)
        assert row.counts[language][split] == len(data)  # and no warning
        if row.kind == "tags":
            assert all(len(tokens) == len(tags) for tokens, tags in data)
            continue
        assert set(data.labels) == set(range(len(row.labels)))
        if name == "xnli":  # balanced by construction
            assert [data.labels.count(label) for label in range(3)] == [len(data) // 3] * 3


@real
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "name, split, code, columns",
    [
        ("xnli", "dev", "de", ("premise", "hypothesis", "label")),
        ("paws-x", "dev", "ja", ("sentence1", "sentence2", "label")),
        ("pan-x", "train", "en", ("tokens", "ner_tags")),
    ],
)
def test_real_rows_in_a_clone_say_the_same(tmp_path, name, split, code, columns):
    data = benchmarks.load(name, split, code, xtreme.folder())
    labels = benchmarks.task(name).labels
    names = list(reversed(labels))
    if isinstance(data, Pairs):
        rows = as_columns(data, columns, names, labels)
    else:
        tags = [[names.index(tag) for tag in tags] for _, tags in data]
        rows = {columns[0]: [tokens for tokens, _ in data], columns[1]: tags}
    layout = benchmarks.LAYOUTS[name][0]
    clone = card(tmp_path / "clone", layout.configs[code])
    table(shard(clone, layout.configs[code], split), rows, {columns[-1]: names})
    assert benchmarks.load(name, split, code, clone) == data

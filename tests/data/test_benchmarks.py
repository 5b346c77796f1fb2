"""Real tasks from every kind of source; the data is invented, but for the last tests."""

import os
import shutil
import warnings

import pytest
from clones import PERMUTED, as_columns, card, shard, table, xnli_columns
from places import FIXTURES

from salt_lib.data import benchmarks, xtreme
from salt_lib.data.examples import SPLITS, Pairs
from salt_lib.errors import SaltError

XTREME = FIXTURES / "xtreme"

pytestmark = pytest.mark.filterwarnings("ignore:.*are published")


# The table of tasks


def test_tasks_have_xtreme_s_languages_labels_and_counts():
    assert list(benchmarks.BENCHMARKS) == ["xnli", "paws-x", "pan-x", "udpos"]
    assert [len(row.languages) for row in benchmarks.BENCHMARKS.values()] == [15, 7, 40, 33]
    assert [len(row.labels) for row in benchmarks.BENCHMARKS.values()] == [3, 2, 7, 17]
    assert [row.kind for row in benchmarks.BENCHMARKS.values()] == [
        "pairs",
        "pairs",
        "tags",
        "tags",
    ]
    for row in benchmarks.BENCHMARKS.values():
        assert list(row.languages) == sorted(set(row.languages)) == sorted(row.counts)
        assert "en" not in row.targets and len(row.targets) == len(row.languages) - 1
        for layout in benchmarks.LAYOUTS[row.name]:
            assert set(layout.configs) == set(row.languages)
    counts = {name: row.counts for name, row in benchmarks.BENCHMARKS.items()}
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
        benchmarks.load("panx", "dev", "en", XTREME)
    with pytest.raises(SaltError, match="unknown split 'validation'; known: train, dev, test"):
        benchmarks.load("xnli", "validation", "en", XTREME)
    with pytest.raises(SaltError, match="unknown split 'validation'"):
        benchmarks.languages("xnli", "validation", XTREME)
    with pytest.raises(SaltError, match="unknown language of paws-x 'sw'; known: de, en"):
        benchmarks.load("paws-x", "dev", "sw", XTREME)


# XTREME's layout


def test_xtreme_s_layout_gives_pairs_and_tags():
    assert benchmarks.load("xnli", "dev", "en", XTREME).labels == [0, 1, 2, 0, 1, 2]
    assert benchmarks.load("paws-x", "dev", "ja", XTREME).labels == [1, 0]
    tokens, tags = benchmarks.load("pan-x", "dev", "sw", str(XTREME))[0]
    assert tokens == ["Mira", "alitembelea", "Ziwa", "Tarn", "."] and tags[0] == "B-PER"
    assert benchmarks.load("udpos", "dev", "en", XTREME)[1] == (
        ["Mira", "saw", "_", "twice"],
        ["PROPN", "VERB", "SYM", "ADV"],
    )


def test_a_missing_xtreme_file_lists_the_languages_there():
    with pytest.raises(SaltError, match="no xnli test file in 'fr'.*languages there: de, en, sw"):
        benchmarks.load("xnli", "test", "fr", XTREME)
    with pytest.raises(SaltError, match="languages there: none"):
        benchmarks.load("xnli", "train", "en", XTREME)


def test_xtreme_s_test_files_without_labels_say_where_labels_are(tmp_path):
    (tmp_path / "xnli").mkdir()
    (tmp_path / "xnli" / "test-de.tsv").write_bytes(b"eins\tzwei\r\n")
    with pytest.raises(SaltError, match="2 columns, expected 3 .*without labels; the hub's"):
        benchmarks.load("xnli", "test", "de", tmp_path)
    (tmp_path / "udpos").mkdir()
    (tmp_path / "udpos" / "test-de.tsv").write_bytes(b"eins\nzwei\n\n")
    with pytest.raises(SaltError, match="1 columns, expected 2 .*without labels; the hub's"):
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
    assert benchmarks.load(name, split, code, both) == benchmarks.load(name, split, code, XTREME)


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
    assert benchmarks.languages("xnli", "test", XTREME) == ["de", "en", "sw"]
    assert benchmarks.languages("pan-x", "dev", XTREME) == ["en", "sw"]


def test_a_language_or_split_that_is_not_there_lists_what_is(both):
    with pytest.raises(SaltError, match="no Parquet files of the dev split in 'fr'.*: de, en$"):
        benchmarks.load("xnli", "dev", "fr", both)
    with pytest.raises(SaltError, match="of the train split in 'de'.*'de'.*languages there: none"):
        benchmarks.load("xnli", "train", "de", both)


def test_texts_are_sentences_by_language(both):
    for source in (both, XTREME):
        said = benchmarks.texts("paws-x", source, ["en", "ja"])
        pairs = benchmarks.load("paws-x", "dev", "ja", source)
        assert list(said) == ["en", "ja"] and said["ja"] == pairs.first + pairs.second
        assert len(said["en"]) == 8
        assert (
            benchmarks.texts("pan-x", source, ["en"])["en"][0] == "Mira Okafor visited Lake Tarn ."
        )
    assert len(benchmarks.texts("xnli", XTREME, ["sw"], split="test")["sw"]) % 2 == 0


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
        shutil.copytree(XTREME, tmp_path / "copy")
        shutil.rmtree(tmp_path / "copy" / "xnli")
        (tmp_path / "copy" / "xnli").mkdir()
        benchmarks.load("xnli", "dev", "en", tmp_path / "copy")


# Numbers of rows


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
    assert len(said(("xnli", "dev", "de", XTREME), ("xnli", "test", "de", XTREME))) == 2


def test_the_published_number_counts_the_rows_left_out(xnli, monkeypatch):
    counts = {"de": {"dev": 2}}
    row = benchmarks.RealTask("xnli", "pairs", ("de", "en"), xtreme.PAIR_LABELS["xnli"], counts)
    monkeypatch.setitem(benchmarks.BENCHMARKS, "xnli", row)
    assert said(("xnli", "dev", "de", xnli)) == []
    table(shard(xnli, "de"), xnli_columns(premise=["", "b"]), {"label": PERMUTED})
    (message,) = said(("xnli", "dev", "de", xnli))
    assert "1 rows without text" in message


def test_udpos_is_counted_on_the_hub_s_files_only(both):
    assert said(("udpos", "dev", "en", XTREME)) == []
    (message,) = said(("udpos", "dev", "en", both))
    assert "2 rows, where 3,974 are published" in message


# The real files


def _absent() -> bool:
    """A folder that is named but wrong fails the tests; only where none is there do they skip."""
    try:
        return not xtreme.folder()
    except SaltError:
        return xtreme.FOLDER_VARIABLE not in os.environ


real = pytest.mark.skipif(_absent(), reason="no XTREME files: set SALT_XTREME_DIR")


# A folder of real files may hold a part of these: XNLI's English training pairs are many, and the
# published numbers of UDPOS are the hub's, of other sentences. Everything else is whole.
CUT = {("xnli", "train"), *(("udpos", split) for split in SPLITS)}


@real
@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("name", benchmarks.BENCHMARKS)
def test_real_files_have_their_published_counts_or_say_how_many_they_have(name, split):
    root = xtreme.folder()
    if not any((root / xtreme.FOLDERS[name]).glob(f"{split}-*.tsv")):
        pytest.skip(f"no {name} {split} files")
    row = benchmarks.task(name)
    for language in benchmarks.languages(name, split, root):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            data = benchmarks.load(name, split, language, root)
        published = row.counts[language][split]
        if len(data) == published or name == "udpos":
            assert not caught
        else:
            (message,) = [str(item.message) for item in caught]
            assert message.endswith(f"{len(data):,} rows, where {published:,} are published")
        assert len(data) == published or ((name, split) in CUT and 0 < len(data) < published)
        if row.kind == "tags":
            assert all(len(tokens) == len(tags) for tokens, tags in data)
            continue
        assert set(data.labels) == set(range(len(row.labels)))
        if name == "xnli" and len(data) == published:  # balanced by construction
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


def test_files_of_no_language_of_the_task_are_named(tmp_path):
    (tmp_path / "xnli").mkdir()
    for code in ("en", "zh-CN", "swa"):
        (tmp_path / "xnli" / f"test-{code}.tsv").write_text("a\tb\tneutral\n")
    with pytest.warns(UserWarning, match="xnli: test-swa.tsv, test-zh-CN.tsv left out"):
        assert benchmarks.languages("xnli", "test", tmp_path) == ["en"]

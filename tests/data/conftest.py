"""Invented sources of data, the same rows in each."""

import pytest
from clones import PERMUTED, as_columns, card, shard, table, xnli_columns
from places import FIXTURES

from salt_lib.data import benchmarks, xtreme

XTREME = FIXTURES / "xtreme"


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    monkeypatch.setattr(benchmarks, "_warned", set())


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
        rows = xtreme.read_pairs(XTREME / "xnli" / f"{split}-{code}.tsv", labels)
        columns = as_columns(rows, pairs, PERMUTED, labels)
        table(shard(clone, code, split), columns, {"label": PERMUTED})
    clone = card(folder / "second", "en", "ja")
    for code in ("en", "ja"):
        rows = xtreme.read_pairs(XTREME / "pawsx" / f"dev-{code}.tsv", ("0", "1"))
        columns = as_columns(rows, ("sentence1", "sentence2", "label"), ["1", "0"], ("0", "1"))
        table(shard(clone, code), {"id": [*range(len(rows))]} | columns, {"label": ["1", "0"]})
    clone = card(folder / "third", "PAN-X.en", "PAN-X.sw", "udpos.English", "udpos.German")
    for name, column, config, code in (
        ("pan-x", "ner_tags", "PAN-X.en", "en"),
        ("pan-x", "ner_tags", "PAN-X.sw", "sw"),
        ("udpos", "pos_tags", "udpos.English", "en"),
        ("udpos", "pos_tags", "udpos.German", "de"),
    ):
        labels = benchmarks.BENCHMARKS[name].labels
        names = list(reversed(labels))
        path = XTREME / xtreme.FOLDERS[name] / f"dev-{code}.tsv"
        tokens, tags = zip(*xtreme.read_tags(path, labels), strict=True)
        ids = [[names.index(tag) for tag in row] for row in tags]
        table(shard(clone, config), {"tokens": list(tokens), column: ids}, {column: names})
    return folder

"""Invented clones of hub repositories: dataset cards, and files as `datasets` writes them."""

import itertools
from pathlib import Path

import pyarrow.parquet as pq

from salt_lib.data.examples import Pairs

SPLITS = {"train": "train", "dev": "validation", "test": "test"}
# In XNLI's order, so that a place in the file's own list is never the right id by luck.
PERMUTED = ["neutral", "contradiction", "entailment"]


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

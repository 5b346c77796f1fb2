"""Labelled rows of Parquet files: sentence pairs, and sentences with tags.

**Labels go by their names.** The ids in a file are only places in its own list of names (a
ClassLabel feature in the file, or else names from elsewhere), so they are translated through the
names; capitals or not makes no difference. Every file has its own list.

The `datasets` package reads what a file says of its columns. Its ``load_dataset`` is not used: it
fetches, reads and copies all splits of a configuration, fails on a clone that is not whole, and
takes the ids of all files by the names in the first.

Chapter: At paper scale.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import SaltError
from .examples import Pairs

POINTER = b"version https://git-lfs"


def read_pairs(
    files: Sequence[Path],
    columns: tuple[str, ...],
    labels: tuple[str, ...],
    names: Sequence[str] | None = None,
    only: tuple[str, str] | None = None,
) -> tuple[Pairs, int]:
    """The sentence pairs of the files, in order, and how many rows there were.

    columns: the two texts and the label. labels: their place is a pair's label. names: of the
    file's ids, where the file has none itself. only: (column, value), the rows to take.

    Rows with an empty text are left out: PAWS-X's machine-translated training sets have some, where
    the translation failed. Raises SaltError, with file and row, for a label outside ``labels``, and
    for a file that is damaged, a Git LFS pointer, or without these columns.
    """
    pairs, count = Pairs([], [], []), 0
    for file, features, rows in _tables(files, columns, only):
        for column in columns[:2]:
            _expect_text(file, column, features[column])
        place = _places(file, columns[2], features[columns[2]], labels, names)
        for number, (first, second, label) in rows:
            count += 1
            if (first or "").strip() and (second or "").strip():
                pairs.first.append(first)
                pairs.second.append(second)
                pairs.labels.append(place(label, number))
    return pairs, count


def read_tags(
    files: Sequence[Path],
    columns: tuple[str, ...],
    labels: tuple[str, ...],
    names: Sequence[str] | None = None,
    only: tuple[str, str] | None = None,
) -> tuple[list[tuple[list[str], list[str]]], int]:
    """The (tokens, tags) of the files' sentences, as `read_pairs` reads pairs.

    columns: tokens and tags. Sentences without tokens or with an empty token are left out. Raises
    SaltError also for a row with more tokens than tags or fewer.
    """
    sentences, count = [], 0
    for file, features, rows in _tables(files, columns, only):
        words, inner = (getattr(features[column], "feature", None) for column in columns)
        _expect_text(file, columns[0], words)
        place = _places(file, columns[1], inner, labels, names)
        for number, (tokens, tags) in rows:
            count += 1
            tokens, tags = tokens or [], tags or []
            if len(tokens) != len(tags):
                raise SaltError(f"{file}, row {number}: {len(tokens)} tokens, but {len(tags)} tags")
            named = [labels[place(tag, number)] for tag in tags]
            if tokens and all((token or "").strip() for token in tokens):
                sentences.append((tokens, named))
    return sentences, count


def schema(file: Path) -> pa.Schema:
    """The columns of a file; SaltError for one that is damaged or a Git LFS pointer."""
    try:
        with open(file, "rb") as opened:
            if opened.read(len(POINTER)) == POINTER:
                raise SaltError(
                    f"{file}: a pointer of Git LFS, not the data; run `git lfs pull` in its "
                    "repository"
                )
        return pq.read_schema(file)
    except (OSError, pa.ArrowException) as error:
        raise _damaged(file, error) from error


def batches(
    opened: pq.ParquetFile, path: str | Path, rows: int, columns: list[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file, at most ``rows`` at a time, all of them.

    Each group of rows says how many it has, and so does the file: where a damaged number would make
    rows vanish, the two differ, which is a SaltError naming ``path``.
    """
    count = 0
    for batch in opened.iter_batches(rows, columns=columns):
        count += len(batch)
        yield batch
    if count != opened.metadata.num_rows:
        raise SaltError(
            f"{path}: damaged: {count:,} rows can be read of {opened.metadata.num_rows:,}; make or "
            "download it again"
        )


def values(file: Path, column: str) -> list:
    """The different values of a column; none where there is no such column."""
    if column not in schema(file).names:
        return []
    try:
        with pq.ParquetFile(file, page_checksum_verification=True) as opened:
            parts = [part[column] for part in batches(opened, file, 100_000, [column])]
        return pa.chunked_array(parts, opened.schema_arrow.field(column).type).unique().to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise _damaged(file, error) from error


def _tables(
    files: Sequence[Path], columns: tuple[str, ...], only: tuple[str, str] | None
) -> Iterator[tuple[Path, Mapping, Iterator[tuple[int, tuple]]]]:
    """Each file, its features, and its rows: (number in the file from 1, the columns' values)."""
    try:
        from datasets import Features
    except ImportError as error:
        raise SaltError(
            "Parquet files of the hub are read with the datasets package, which is not installed; "
            "run `pip install 'salt_lib[hub]'`"
        ) from error
    for file in files:
        arrow_schema = schema(file)
        wanted = [*columns, *([only[0]] if only else [])]
        if missing := [column for column in wanted if column not in arrow_schema.names]:
            there = ", ".join(arrow_schema.names) or "none"
            raise SaltError(f"{file}: no column {', '.join(missing)}; there: {there}")
        try:
            features = Features.from_arrow_schema(arrow_schema)
        except Exception as error:  # what json, pyarrow or datasets make of foreign metadata
            raise SaltError(
                f"{file}: datasets can't read what it says of its columns ({one_line(error)}); "
                "a newer datasets may, or take another copy"
            ) from error
        yield file, features, _rows(file, wanted, only)


def _rows(
    file: Path, columns: list[str], only: tuple[str, str] | None
) -> Iterator[tuple[int, tuple]]:
    number = 0
    try:
        with pq.ParquetFile(file, page_checksum_verification=True) as opened:
            for batch in batches(opened, file, 5_000, columns):
                for row in zip(*(batch[name].to_pylist() for name in columns), strict=True):
                    number += 1
                    if only is None:
                        yield number, row
                    elif row[-1] == only[1]:
                        yield number, row[:-1]
    except (OSError, pa.ArrowException) as error:
        raise _damaged(file, error) from error


def _places(
    file: Path,
    column: str,
    feature: Any,
    labels: tuple[str, ...],
    names: Sequence[str] | None,
) -> Callable[[object, int], int]:
    """A function from (a label as the file has it, its row) to the label's place in ``labels``."""
    kind = getattr(feature, "dtype", None) or "something else"
    if getattr(feature, "names", None) is not None:
        names = feature.names
    elif kind.endswith("string"):
        names = None
    elif not re.fullmatch(r"u?int\d+", kind):
        raise SaltError(f"{file}: column {column!r} holds {kind}, expected labels")
    elif names is None and not all(label.isdecimal() for label in labels):
        raise SaltError(
            f"{file}: column {column!r} holds numbers without names, and which of "
            f"{', '.join(labels)} each stands for is nowhere said; name them in the dataset card "
            "(dataset_info, class_label) or write a ClassLabel or strings"
        )
    known = {label.casefold(): place for place, label in enumerate(labels)}

    @lru_cache
    def lookup(value: Any) -> tuple[int | None, object]:
        if names is not None:
            if value is None or not 0 <= value < len(names):
                return None, value
            value = names[value]
        return known.get(str(value).casefold()), value

    def place(value: object, number: int) -> int:
        index, name = lookup(value)
        if index is None:
            raise SaltError(
                f"{file}, row {number}: label {name!r} is none of {', '.join(labels)}; mend or "
                "remove the row, or take another copy"
            )
        return index

    return place


def _expect_text(file: Path, column: str, feature: object) -> None:
    kind = getattr(feature, "dtype", None) or "something else"
    if not kind.endswith("string"):
        raise SaltError(f"{file}: column {column!r} holds {kind}, expected text")


def _damaged(file: Path, error: Exception) -> SaltError:
    return SaltError(f"{file}: can't be read as Parquet ({one_line(error)}); download it again")


def one_line(error: Exception) -> str:
    """The first line of what an error says, or its kind."""
    return str(error).strip().partition("\n")[0] or type(error).__name__

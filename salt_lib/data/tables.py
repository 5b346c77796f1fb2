"""Tables of rows, CSV, JSON lines or Parquet, read and written some rows at a time; text files.

So their size costs no memory.

Chapter: Reproduce, change, extend.
"""

import csv
import json
import re
import unicodedata
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import SaltError
from ..files import readable, write_through
from .examples import PIECE
from .parquet import batches

# ISO 639 in two or three letters, perhaps with a script or a country (BCP 47).
_LANGUAGE = re.compile(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
WINDOW = 40  # words: even in pieces no more than a model reads
FORMATS = (".csv", ".tsv", ".jsonl", ".parquet")


def read_rows(path: str | Path, columns: Sequence[str] = ()) -> Iterator[list[dict]]:
    """The rows of a table, `examples.PIECE` at a time, as column → value.

    columns: those that hold text. A CSV file begins with a header; JSON lines hold an object each.
    Raises SaltError naming the line: text that is not UTF-8, a row of another length, no JSON
    object, a column's name that stands there twice, no text in one of ``columns`` (nothing, a
    number, a list); and for a missing file, another format, or a column that is not there.
    """
    path = Path(path)
    read = {".csv": _csv, ".tsv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}.get(path.suffix)
    if read is None:
        raise SaltError(f"{path}: a table is one of {', '.join(FORMATS)}, by its name")

    def rows() -> Iterator[dict]:
        for where, row in read(path):
            if absent := [name for name in columns if name not in row]:
                raise SaltError(
                    f"{path}, {where}: no column {', '.join(absent)}; there are {', '.join(row)}"
                )
            for name in columns:
                if not isinstance(row[name], str):
                    raise SaltError(
                        f"{path}, {where}: column {name!r} holds {row[name]!r:.60}, expected "
                        "text; mend or remove the row"
                    )
            yield row

    try:
        yield from _pieces(rows())
    except (OSError, pa.ArrowException) as error:
        raise SaltError(f"{path}: can't be read ({error})") from error


def _lines(path: Path) -> Iterator[str]:
    with open(readable(path), "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                # Windows' editors put a byte-order mark before the first line.
                yield line.decode("utf-8" if number > 1 else "utf-8-sig")
            except UnicodeDecodeError as error:
                raise SaltError(
                    f"{path}, line {number}: not UTF-8 ({error.reason} at byte {error.start}); "
                    "save the file in this encoding"
                ) from error


def _delimiter(path: Path) -> str:
    return "\t" if path.suffix == ".tsv" else ","


def _csv(path: Path) -> Iterator[tuple[str, dict]]:
    reader = csv.DictReader(_lines(path), strict=True, delimiter=_delimiter(path))
    try:
        _distinct(reader.fieldnames or (), f"{path}, line 1")
        for row in reader:
            where = f"line {reader.line_num}"
            if None in row or None in row.values():
                raise SaltError(
                    f"{path}, {where}: {'more' if None in row else 'fewer'} cells than the "
                    f"{len(reader.fieldnames or ())} of the header"
                )
            yield where, row
    except csv.Error as error:
        raise SaltError(f"{path}, line {reader.reader.line_num}: no CSV ({error})") from error


def _jsonl(path: Path) -> Iterator[tuple[str, dict]]:
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, object_pairs_hook=partial(_object, f"{path}, line {number}"))
            if "\\ud" in line.lower():  # half of a character, which nothing can write again
                json.dumps(row, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            raise SaltError(f"{path}, line {number}: no JSON ({error})") from error
        if not isinstance(row, dict):
            raise SaltError(f"{path}, line {number}: no JSON object but {type(row).__name__}")
        yield f"line {number}", row


def _object(where: str, pairs: list[tuple[str, object]]) -> dict:
    _distinct([name for name, _ in pairs], where)
    return dict(pairs)


def _distinct(names: Sequence[str], where: str) -> None:
    """Raise SaltError for a name that stands there twice: only one column of it would be left."""
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        named = ", ".join(repr(name) if name else "no name (empty columns)" for name in twice)
        raise SaltError(f"{where}: more than one column is called {named}; rename or remove them")


def _parquet(path: Path) -> Iterator[tuple[str, dict]]:
    with pq.ParquetFile(readable(path), page_checksum_verification=True) as file:
        _distinct(file.schema_arrow.names, str(path))
        number = 0
        for batch in batches(file, path, PIECE):
            for row in batch.to_pylist():
                number += 1
                yield f"row {number}", row


def write_rows(
    path: str | Path, pieces: Iterable[list[dict]], like: str | Path | None = None
) -> None:
    """Write pieces of rows as a table in the format of its name, atomically.

    like: a table whose columns they have; from Parquet to Parquet types and class names stay as
    they are. Raises SaltError where a column of Parquet holds values of more than one type.
    """
    path = Path(path)
    if path.suffix not in FORMATS:
        raise SaltError(f"{path}: a table is one of {', '.join(FORMATS)}, by its name")

    def as_parquet(temporary: Path) -> None:
        writer = None
        known = pq.read_schema(like) if like and Path(like).suffix == ".parquet" else None
        try:
            for rows in pieces:
                try:
                    table = pa.Table.from_pylist(rows, writer.schema if writer else known)
                except (pa.ArrowException, OverflowError) as error:
                    raise SaltError(
                        f"{path}: a column's values are not all of the type that its first {PIECE} "
                        f"have ({error}); write .jsonl, which takes any"
                    ) from error
                writer = writer or pq.ParquetWriter(temporary, table.schema)
                writer.write_table(table)
        finally:
            if writer:
                writer.close()

    def as_text(temporary: Path) -> None:
        with open(temporary, "w", encoding="utf-8", newline="") as file:
            writer = None
            for rows in pieces:
                if path.suffix == ".jsonl":
                    file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
                    continue
                if writer is None:
                    writer = csv.DictWriter(
                        file, list(rows[0]), lineterminator="\n", delimiter=_delimiter(path)
                    )
                    writer.writeheader()
                writer.writerows(rows)

    write_through(path, as_parquet if path.suffix == ".parquet" else as_text)


def read_texts(folder: str | Path) -> dict[str, Iterator[str]]:
    """Language → its sentences, from files ``<language>.txt`` of a sentence a line.

    The files are read as the sentences are asked for, in composed letters (`composed`) and lines of
    more than `WINDOW` words in parts: a document may stand in one line. A file whose name is no
    language code, such as README.txt, is left out with a warning. Raises SaltError for a folder
    without texts, and naming the line that is not UTF-8.
    """
    files = sorted(Path(folder).glob("*.txt"))
    texts = {
        path.stem: _prepared(read_lines(path)) for path in files if _LANGUAGE.fullmatch(path.stem)
    }
    if left := [path.name for path in files if path.stem not in texts]:
        warnings.warn(
            f"{folder}: {', '.join(left)} left out, for a text is named by its language's code: "
            "de.txt, zh-Hant.txt",
            stacklevel=2,
        )
    if not texts:
        raise SaltError(f"{folder}: no <language>.txt in it, such as en.txt and de.txt")
    return texts


def composed(texts: Iterable[str]) -> list[str]:
    """The texts with each letter and its accents as one character, where there is such (NFC).

    macOS's file names and some corpora have them apart (NFD), and no vocabulary has such words.
    A warning says that there were some.
    """
    texts = list(texts)
    new = [unicodedata.normalize("NFC", text) for text in texts]
    if count := sum(a != b for a, b in zip(texts, new, strict=True)):
        warnings.warn(
            f"{count} of {len(texts)} texts have accents apart from their letters (Unicode's NFD): "
            "read as one character each (NFC)",
            stacklevel=2,
        )
    return new


def _windows(lines: Iterable[str]) -> Iterator[str]:
    """The lines, long ones in parts of `WINDOW` words or, without spaces, of as many letters.

    A model reads the beginning of a line, and a document in one would lose all that follows.
    """
    for line in lines:
        words = line.split()
        if len(line) <= WINDOW:
            yield line
        elif len(line) / len(words) > 30:  # no spaces between words, as in Thai
            yield from (line[low : low + WINDOW] for low in range(0, len(line), WINDOW))
        else:
            yield from (" ".join(words[low : low + WINDOW]) for low in range(0, len(words), WINDOW))


def _prepared(lines: Iterable[str]) -> Iterator[str]:
    lines = iter(lines)
    while some := list(islice(lines, PIECE)):
        yield from _windows(composed(some))


def read_lines(path: str | Path) -> Iterator[str]:
    """The lines of a text file, without white space around them, as they are asked for.

    Raises SaltError for a missing file, and naming the line that is not UTF-8.
    """
    try:
        for line in _lines(Path(path)):
            yield line.strip()
    except OSError as error:
        raise SaltError(f"{path}: can't be read ({error.strerror or error})") from error


def _pieces(items: Iterable) -> Iterator[list]:
    gathered = []
    for item in items:
        gathered.append(item)
        if len(gathered) == PIECE:
            yield gathered
            gathered = []
    if gathered:
        yield gathered

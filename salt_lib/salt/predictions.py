"""Predicted substitutions in Parquet files: written part after part, read some rows at a time.

Chapter: Distillation.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from ..data.parquet import batches
from ..errors import SaltError
from ..files import alone, write_json, write_through
from ..languages import SOURCE
from ..models.encoding import Encoded
from ..models.words import surface

PAIRS = ("word", "language", "substitute", "probability", "count")
ROW_GROUP = 14_000  # rows that are written together: about those of a batch
SCHEMA = pa.schema(
    [
        ("example", pa.int32()),
        ("position", pa.int16()),
        ("language", pa.string()),
        ("token", pa.int32()),
        ("source", pa.int32()),  # the token that stands there, by which other data are told apart
        ("probability", pa.float32()),
    ]
)


def save(path: str | Path, records: Iterator[pa.RecordBatch], about: Mapping[str, str]) -> None:
    """Write record batches to one Parquet file as they come, atomically.

    about: what the table was made from; kept in the file's metadata.
    """
    schema = SCHEMA.with_metadata({k: str(v) for k, v in about.items()})

    def write(temporary: Path) -> None:
        options = {"compression": "zstd", "write_page_checksum": True, "write_statistics": False}
        with pq.ParquetWriter(temporary, schema, **options) as writer:
            for table in _row_groups(records):
                writer.write_table(table)

    write_through(path, write)


def save_in_parts(
    path: str | Path,
    parts: Iterable[Callable[[], Iterator[pa.RecordBatch]]],
    about: Mapping[str, str],
) -> None:
    """As `save`, part after part: what is finished stays, and the same call goes on after it.

    Each of ``parts`` gives its batches when it is called, which a part that lies in
    ``<path>.parts`` already is not. What lies there and is about something else is made again.
    One process makes it, others that ask for the same wait for it (`files.alone`). Raises SaltError
    for a folder of that name that holds what was not made here.
    """
    path, about, made = Path(path), dict(about), []
    folder = path.with_name(path.name + ".parts")
    note = folder / "about.json"
    with alone(path, f"the predictions {path}") as waited:
        if waited and _is_made(path, about):
            return
        if not _is_about(note, about):
            _remove(folder)
            write_json(note, about)
        for number, part in enumerate(parts):
            made.append(folder / f"{number:06d}.parquet")
            if not made[-1].exists():
                save(made[-1], part(), about)
        save(path, (records for piece in made for records in read(piece)), about)
        _remove(folder)


def _is_made(path: Path, about: Mapping[str, str]) -> bool:
    """Whether another process has made the same meanwhile."""
    try:
        found = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowException):
        return False
    return all(found.get(name.encode()) == str(value).encode() for name, value in about.items())


def _is_about(note: Path, about: Mapping[str, str]) -> bool:
    try:
        return json.loads(note.read_bytes()) == about
    except (OSError, ValueError, RecursionError):  # none, torn as it was written, or damaged
        return False


def _remove(folder: Path) -> None:
    """Remove a folder of parts; SaltError where it holds anything that was not made here."""
    if not folder.exists():
        return
    ours = re.compile(r"\d{6}\.parquet|about\.json|\.(\d{6}\.parquet|about\.json)\..*\.tmp")
    if foreign := [path.name for path in folder.iterdir() if not ours.fullmatch(path.name)]:
        raise SaltError(
            f"{folder}: holds {', '.join(sorted(foreign)[:3])}, which was not made here, and parts "
            "of the predictions would lie in it; move it, or give another output"
        )
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def _row_groups(records: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The batches, some at a time: the writer keeps a note of every group until it is closed."""
    gathered, rows = [], 0
    for item in records:
        gathered.append(item)
        rows += len(item)
        if rows >= ROW_GROUP:
            yield pa.Table.from_batches(gathered, SCHEMA)
            gathered, rows = [], 0
    if gathered:
        yield pa.Table.from_batches(gathered, SCHEMA)


def read(path: str | Path, rows: int = 1_000_000) -> Iterator[pa.RecordBatch]:
    """The substitutions of a Parquet file, at most ``rows`` at a time, in batches of `SCHEMA`.

    Raises SaltError for a missing, corrupt or foreign file.
    """
    try:
        # Checksums: a flipped bit in a page would otherwise be another word or probability.
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            if not file.schema_arrow.equals(SCHEMA):
                raise SaltError(
                    f"{path}: has the columns {_columns(file.schema_arrow)} instead of "
                    f"{_columns(SCHEMA)}; it was not written by `salt distill`"
                )
            for part in batches(file, path, rows):
                yield pa.RecordBatch.from_arrays(part.columns, schema=SCHEMA)
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise SaltError(
            f"{path}: not a readable Parquet file ({error}); remove it and run `salt distill` again"
        ) from error


def read_all(path: str | Path) -> pd.DataFrame:
    """All that `read` gives: columns example, position, language, token, source, probability."""
    return pa.Table.from_batches(read(path), SCHEMA).to_pandas()


def read_kept(
    path: str | Path, threshold: float, synonym_threshold: float, source: str = SOURCE
) -> pd.DataFrame:
    """What `select` keeps of a file, which is never in memory as a whole."""
    kept = [no_predictions()]
    for part in read(path):
        kept.append(select(part.to_pandas(), threshold, synonym_threshold, source))
    return pd.concat(kept[1:] or kept, ignore_index=True)


def no_predictions() -> pd.DataFrame:
    """No predictions, in the columns of `read_all`."""
    return pa.Table.from_batches([], SCHEMA).to_pandas()


def count(
    path: str | Path, threshold: float, synonym_threshold: float, source: str = SOURCE
) -> dict[str, dict[str, int]]:
    """Language → how many predictions a file has ("predicted") and how many `select` would keep."""
    counts: dict[str, dict[str, int]] = {}
    for part in read(path):
        table = part.to_pandas()
        kept = select(table, threshold, synonym_threshold, source)["language"].value_counts()
        for code, number in table["language"].value_counts().items():
            row = counts.setdefault(code, {"predicted": 0, "kept": 0})
            row["predicted"] += int(number)
            row["kept"] += int(kept.get(code, 0))
    return dict(sorted(counts.items()))


def word_pairs(kept: pd.DataFrame, encoded: Encoded, pieces: Mapping[str, int]) -> pd.DataFrame:
    """Kept predictions as pairs of words, commonest first.

    encoded: the data that they were made on. pieces: the tokenizer's entry → id. Columns: word,
    language, substitute, probability (the mean over the places where it was predicted, in (0, 1])
    and count (of these places).
    """
    at = encoded.start.numpy()[kept["example"]] + kept["position"].to_numpy()
    written = surface(pieces)
    entry = {i: piece for piece, i in pieces.items()}
    named = pd.DataFrame(
        {
            "word": [written(entry[i]) for i in encoded.ids.numpy()[at].tolist()],
            "language": kept["language"].to_numpy(),
            "substitute": [written(entry[i]) for i in kept["token"].tolist()],
            "probability": kept["probability"].to_numpy(),
        }
    )
    groups = named.groupby(list(PAIRS[:3]))["probability"]
    pairs = groups.agg(probability="mean", count="size").reset_index()
    order = ["count", "probability", *PAIRS[:3]]
    pairs = pairs.sort_values(order, ascending=[False, False, True, True, True])
    return pairs[list(PAIRS)].reset_index(drop=True)


def _columns(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} ({field.type})" for field in schema)


def check_thresholds(threshold: float, synonym_threshold: float) -> None:
    """Raise SaltError for a threshold that is no probability; to be called before distilling."""
    for name, value in (("threshold", threshold), ("synonym_threshold", synonym_threshold)):
        if not 0 <= value <= 1:
            raise SaltError(f"{name} {value} is no probability: it lies between 0 and 1")


def select(
    predictions: pd.DataFrame,
    threshold: float,
    synonym_threshold: float,
    source: str = SOURCE,
) -> pd.DataFrame:
    """The predictions that are kept: probability ≥ threshold, for synonyms ≥ their own."""
    check_thresholds(threshold, synonym_threshold)
    needed = np.where(predictions["language"] == source, synonym_threshold, threshold)
    return predictions[predictions["probability"].to_numpy() >= needed].reset_index(drop=True)

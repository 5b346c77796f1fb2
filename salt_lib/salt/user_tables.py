"""Your own tables: substitutions for their text, and code-switched copies of them.

What was distilled stays when the work is interrupted: the same call goes on.

Chapter: Reproduce, change, extend.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from tqdm import tqdm

from ..data.examples import Pairs
from ..data.tables import composed, read_rows, write_rows
from ..errors import SaltError
from ..files import write_json
from ..languages import SOURCE
from ..models import encoding as models_encoding
from ..models import loading
from ..models.encoding import PIECE
from ..models.words import place, surface
from . import distill, predictions
from .augment import code_switch, options
from .vocabulary import piece_ids


def _pairs(first: Sequence[str], second: Sequence[str] | None = None) -> Pairs:
    """Sentences as the library takes them; one alone is the first of a pair with nothing."""
    return Pairs(list(first), list(second or [""] * len(first)), [0] * len(first))


def _texts(rows: Sequence[dict], columns: Sequence[str]) -> Pairs:
    return _pairs(*(composed(row[name] for row in rows) for name in columns))


def _sides(texts: Pairs) -> Iterator[tuple[str, str]]:
    return zip(texts.first, texts.second, strict=True)


def _apart(output: Path, *inputs: Path) -> None:
    """Raise SaltError where the output is one of the inputs, which it would replace."""
    for path in inputs:
        if output.exists() and path.exists() and output.samefile(path):
            raise SaltError(f"{output} is the input {path}: choose another file for the output")


def _check(columns: Sequence[str]) -> None:
    if len(columns) not in (1, 2):
        raise SaltError(f"text columns {', '.join(columns) or 'none'}: give one or two")


def _about(path: Path, columns: Sequence[str], checkpoint, words, masked: bool) -> dict[str, str]:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    known = hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()
    return {
        "input": digest.hexdigest(),
        "columns": ",".join(columns),
        "model": loading.identity(checkpoint),
        "words": known,
        "kind": "masked" if masked else "distilled",
    }


def distill_table(
    checkpoint: str | Path,
    source: str | Path,
    columns: Sequence[str],
    words: Mapping[str, Mapping[str, int]],
    output: str | Path,
    *,
    masked: bool = False,
    progress: bool = False,
    device: str | torch.device = "cpu",
) -> int:
    """Predict substitutions for a table's English text; writes ``output``, returns its rows.

    columns: the one or two that hold text. words: as `whole_words` gives them, English among them.
    ``output`` is a Parquet file as `predictions.save` writes it. While it is made, finished pieces
    lie in ``<output>.parts``; interrupted, the same call goes on after them. Raises SaltError as
    `read_rows` and `distill.predict`.
    """
    _check(columns)
    _apart(Path(output), Path(source))
    source, output = Path(source), Path(output)
    tokenizer = loading.tokenizer(checkpoint)
    model = loading.to_device(loading.masked_lm(checkpoint), device)
    pieces = tokenizer.get_vocab()
    ids = {code: piece_ids(counts, pieces) for code, counts in words.items()}
    next(read_rows(source, columns), None)  # a missing file or column is said before all else
    about = _about(source, columns, checkpoint, words, masked)
    mask = loading.mask_token(checkpoint) if masked else None

    def predicted(texts: Pairs, first: int) -> Iterator[pa.RecordBatch]:
        encoded = models_encoding.encode_pieces(tokenizer, texts, truncate=True)
        yield from distill.predict_pieces(model, encoded, ids, first=first, mask_token=mask)

    def parts() -> Iterator[Callable]:
        first = 0
        rows_of = read_rows(source, columns)
        for rows in tqdm(rows_of, desc="distil", unit="piece", disable=not progress):
            yield partial(predicted, _texts(rows, columns), first)
            first += len(rows)
        if not first:
            raise SaltError(f"{source}: no rows to distil")

    predictions.save_in_parts(output, parts(), about)
    with pq.ParquetFile(output) as file:
        return file.metadata.num_rows


def augment_table(
    checkpoint: str | Path,
    source: str | Path,
    columns: Sequence[str],
    substitutions: str | Path,
    output: str | Path,
    *,
    threshold: float,
    synonym_threshold: float,
    instance_rate: float = 0.5,
    token_rate: float = 0.3,
    seed: int = 0,
) -> tuple[int, int]:
    """Write a copy of a table in which some rows are code-switched; all other columns stay.

    As `augment.code_switch`: a row is chosen with probability ``instance_rate``, a token of it that
    has kept substitutions is replaced with probability ``token_rate``. substitutions: what
    `distill_table` made of the same table. Returns how many rows were changed, and of how many.
    Raises SaltError for substitutions of another table, columns or model.
    """
    _check(columns)
    _apart(Path(output), Path(source), Path(substitutions))
    source, tokenizer = Path(source), loading.tokenizer(checkpoint)
    next(read_rows(source, columns), None)
    try:
        about = pq.read_schema(substitutions).metadata or {}
    except (OSError, pa.ArrowException) as error:
        raise SaltError(f"{substitutions}: not a readable Parquet file ({error})") from error
    for name, value in _about(source, columns, checkpoint, {}, False).items():
        if name not in ("words", "kind") and about.get(name.encode()) != value.encode():
            raise SaltError(
                f"{substitutions}: made for another {name}; make them with 'salt distill --input "
                f"{source}' and the same columns and model"
            )
    changed, total = 0, 0

    def switched() -> Iterator[list[dict]]:
        nonlocal changed, total
        tables = _by_piece(Path(substitutions))
        for number, rows in enumerate(read_rows(source, columns)):
            kept = predictions.select(next(tables), threshold, synonym_threshold)
            texts = _texts(rows, columns)
            data = models_encoding.encode(tokenizer, texts, truncate=True)
            choices = options(data, kept["example"] - total, kept["position"], kept[["token"]])
            dice = torch.Generator().manual_seed(seed * 1_000_003 + number)
            ids = code_switch(data, choices, instance_rate, token_rate, dice)
            written = _rewrite(tokenizer, texts, data, ids)
            total += len(rows)
            piece = []
            for row, before, sentences in zip(rows, _sides(texts), written, strict=True):
                sides = zip(columns, before, sentences, strict=False)
                new = {**row, **{name: now for name, old, now in sides if now != old}}
                changed += new != row
                piece.append(new)
            yield piece

    write_rows(output, switched(), like=source)
    return changed, total


def _by_piece(path: Path) -> Iterator[pd.DataFrame]:
    """The predictions for rows 0 to `PIECE`, then for the next ones, and so on without end."""
    low = 0
    waiting: list[pd.DataFrame] = []
    for batch in predictions.read(path):
        table = batch.to_pandas()
        while len(table) and table["example"].iloc[-1] >= low + PIECE:
            inside = table["example"] < low + PIECE
            yield pd.concat([*waiting, table[inside]], ignore_index=True)
            low, waiting, table = low + PIECE, [], table[~inside]
        waiting.append(table)
    empty = predictions.no_predictions()
    yield pd.concat(waiting, ignore_index=True) if waiting else empty
    while True:
        yield empty


def _rewrite(
    tokenizer, texts: Pairs, data: models_encoding.Encoded, ids: torch.Tensor
) -> list[list[str]]:
    """The sentences with the tokens in the place of the words that they replace."""
    limit = tokenizer.model_max_length
    encodings = tokenizer(
        texts.first, texts.second, truncation="longest_first", max_length=limit
    ).encodings
    written, text_of = [], surface(tokenizer.get_vocab())
    for i, encoding in enumerate(encodings):
        original = (texts.first[i], texts.second[i])
        sentences = list(original)
        span = slice(int(data.start[i]), int(data.start[i + 1]))
        for position in reversed((ids[span] != data.ids[span]).nonzero()[:, 0].tolist()):
            side = encoding.sequence_ids[position]
            follows = encoding.sequence_ids[position + 1 : position + 2] == [side]
            after = encoding.offsets[position + 1][0] if follows else len(original[side])
            low, high = place(original[side], encoding.offsets[position], after)
            word = text_of(tokenizer.convert_ids_to_tokens(int(ids[span][position])))
            sentences[side] = sentences[side][:low] + word + sentences[side][high:]
        written.append(sentences)
    return written


def write_vocabulary(path: str | Path, words: Mapping[str, Mapping[str, int]]) -> None:
    """Keep what `whole_words.whole_words` has found, for several tables."""
    write_json(path, words)


def read_vocabulary(path: str | Path) -> dict[str, dict[str, int]]:
    """What `write_vocabulary` has kept. SaltError: it is no such file or English is missing."""
    try:
        words = json.loads(Path(path).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise SaltError(
            f"{path}: not a vocabulary ({error}); 'salt vocabulary' makes one"
        ) from error
    if not isinstance(words, dict) or SOURCE not in words:
        raise SaltError(f"{path}: a vocabulary has words for {SOURCE} and other languages")
    return words

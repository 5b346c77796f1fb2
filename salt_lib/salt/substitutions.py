"""The substitutions of a data set: predicted once, kept in a file, selected by thresholds.

Any checkpoint with a masked-language head and any pairs or tagged sentences will do; see
`salt_lib.salt.whole_words` for the words of the languages.

Chapters: Distillation; Reproduce, change, extend.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from tqdm import tqdm

from ..data.examples import Pairs, Tagged
from ..digests import digest
from ..errors import SaltError
from ..languages import SOURCE
from ..models import loading
from ..models.architectures import DISTILLATION
from ..models.encoding import PIECE, encode, encode_pieces
from . import distill, predictions
from .methods import Method
from .vocabulary import piece_ids


def kind_of(method: Method) -> str:
    """Whose predictions a method uses: "masked" or "distilled"."""
    return "masked" if method.substitutions == "masked" else "distilled"


def write_predictions(
    checkpoint: str | Path,
    data: Pairs | Tagged,
    words: Mapping[str, Mapping[str, int]],
    path: str | Path,
    masked: bool = False,
    progress: bool = False,
    *,
    longest: int | None = None,
    device: str | torch.device = "cpu",
) -> None:
    """Predict a substitution for every English word of ``data`` in every language of ``words``.

    words: as `whole_words.whole_words` gives them. masked: hide each word while it is predicted.
    longest: cut pairs at so many tokens, by default at what the model reads. All predictions go to
    the Parquet file ``path``, which remembers what data it belongs to; interrupted, the same call
    goes on. Raises SaltError as `loading.masked_lm`.
    """
    loading.check(checkpoint, DISTILLATION)
    tokenizer = loading.tokenizer(checkpoint)
    model = loading.to_device(loading.masked_lm(checkpoint), device)
    pieces = tokenizer.get_vocab()
    ids = {code: piece_ids(counts, pieces) for code, counts in words.items()}
    mask = loading.mask_token(checkpoint) if masked else None

    # Tagged sentences are few, and one too long takes several rows: as a whole, they are numbered.
    rows = encode(tokenizer, data, True, longest) if isinstance(data, Tagged) else None

    def predicted(low: int) -> Iterator[pa.RecordBatch]:
        if rows is None:
            encoded = encode_pieces(tokenizer, data[low : low + PIECE], True, longest)
        else:
            encoded = iter([rows.part(low, low + PIECE)])
        yield from distill.predict_pieces(model, encoded, ids, first=low, mask_token=mask)

    count = len(data if rows is None else rows)
    lows = tqdm(range(0, count, PIECE), desc="distil", unit="piece", disable=not progress)
    about = {
        "data": digest(data),
        "kind": "masked" if masked else "distilled",
        "model": loading.identity(checkpoint),
        "words": digest(sorted((code, sorted(counts.items())) for code, counts in words.items())),
        "longest": str(longest),
    }
    predictions.save_in_parts(path, (partial(predicted, low) for low in lows), about)


def kept_predictions(
    path: str | Path,
    data: Pairs | Tagged,
    method: Method,
    threshold: float,
    synonym_threshold: float,
) -> pd.DataFrame:
    """The predictions in `write_predictions`' file that ``method`` uses, see `predictions.select`.

    Raises SaltError where they were made for other data or in the other way (masked or not).
    """
    kind = kind_of(method)
    next(predictions.read(path), None)  # a broken file is said before what it is about
    about = pq.read_schema(path).metadata or {}
    if (about.get(b"data"), about.get(b"kind")) != (digest(data).encode(), kind.encode()):
        raise SaltError(
            f"{path}: not the {kind} predictions of this data; make them with "
            "salt_lib.salt.substitutions.write_predictions"
        )
    return used(method, predictions.read_kept(path, threshold, synonym_threshold))


def used(method: Method, kept: pd.DataFrame) -> pd.DataFrame:
    """What a method uses of the kept predictions: without English ones if it takes no synonyms."""
    if method.synonyms:
        return kept
    return kept[kept["language"] != SOURCE].reset_index(drop=True)


def check_method(method: Method) -> None:
    """Raise SaltError for a method that needs what only the laboratory knows."""
    if method.translate or method.substitutions == "dictionary":
        raise SaltError(
            f"method {method.name!r} needs what only the laboratory has: true translations; on "
            "other data take one such as baseline, code-switch, mixup, salt or salt-random"
        )

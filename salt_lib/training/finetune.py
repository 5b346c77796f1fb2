"""The study's steps for any checkpoint and any pairs or tagged sentences: distil, fine-tune.

`salt_lib.real.own_files` takes them on a folder of files. They also serve a checkpoint that is good already;
with a name on the hub, such as bert-base-multilingual-cased, these things differ:

- it has no vocabulary.json, so `wholewords` counts text of yours with *its* tokenizer;
- it must be BERT-like (`distill.head`);
- `Config` wants that model's learning rate: 2e-5, where the laboratory's is 1e-3;
- it wants a GPU for more than a try: pass `device.Accelerated()`.

`salt_lib.real.setup` does all of it for whole studies.

Languages written without spaces (Chinese, Japanese, Thai) need a segmenter first.

Chapter: Reproduce, change, extend.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from tqdm import tqdm

from ..data.examples import Pairs, Tagged
from ..errors import SaltError
from ..languages import SOURCE
from ..models import encoding, loading
from ..models.encoding import PIECE
from ..salt import distill
from ..salt import predictions as salt_predictions
from ..salt.augment import Options, options
from ..salt.controls import replacements
from ..salt.methods import Method
from ..salt.vocabulary import piece_ids
from .config import Config
from .device import Place
from .progress import Watch
from .run import train_and_score


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
    goes on.
    """
    tokenizer, model = loading.tokenizer(checkpoint), loading.masked_lm(checkpoint).to(device)
    pieces = tokenizer.get_vocab()
    ids = {code: piece_ids(own, pieces) for code, own in words.items()}
    mask = loading.mask_token(checkpoint) if masked else None

    # Tagged sentences are few, and one too long takes several rows: as a whole, they are numbered.
    rows = encoding.encode(tokenizer, data, True, longest) if isinstance(data, Tagged) else None

    def predicted(low: int) -> Iterator[pa.RecordBatch]:
        if rows is None:
            encoded = encoding.encode_pieces(tokenizer, data[low : low + PIECE], True, longest)
        else:
            encoded = [rows.part(low, low + PIECE)]
        yield from distill.predict_pieces(model, encoded, ids, first=low, mask_token=mask)

    count = len(data if rows is None else rows)
    lows = tqdm(range(0, count, PIECE), desc="distil", unit="piece", disable=not progress)
    about = {
        "data": digest(data),
        "kind": "masked" if masked else "distilled",
        "model": loading.identity(checkpoint),
        "words": digest(sorted((code, sorted(own.items())) for code, own in words.items())),
        "longest": str(longest),
    }
    salt_predictions.save_in_parts(path, (partial(predicted, low) for low in lows), about)


def kept_predictions(
    path: str | Path, data: Pairs | Tagged, method: Method, config: Config
) -> pd.DataFrame:
    """The predictions in `write_predictions`' file that ``method`` uses, see `predictions.select`.

    Raises SaltError where they were made for other data or in the other way (masked or not).
    """
    kind = "masked" if method.substitutions == "masked" else "distilled"
    next(salt_predictions.read(path), None)  # a broken file is said before what it is about
    about = pq.read_schema(path).metadata or {}
    if (about.get(b"data"), about.get(b"kind")) != (digest(data).encode(), kind.encode()):
        raise SaltError(
            f"{path}: not the {kind} predictions of this data; make them with "
            "finetune.write_predictions"
        )
    kept = salt_predictions.load_kept(path, config.threshold, config.synonym_threshold)
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


def choices(
    checkpoint: str | Path,
    encoded: encoding.Encoded,
    kept: pd.DataFrame,
    method: Method,
    words: Mapping[str, Mapping[str, int]],
    seed: int = 0,
) -> Options:
    """What the tokens of ``encoded`` may become: `kept_predictions`, or a control made of them.

    words: as for `write_predictions`; the random control draws from them.
    """
    pieces = loading.tokenizer(checkpoint).get_vocab()
    tokens = replacements(method.substitutions, kept, words, pieces, seed)
    return options(encoded, kept["example"], kept["position"], tokens)


def finetune(
    checkpoint: str | Path,
    method: Method,
    data: Pairs | Tagged,
    dev: Pairs | Tagged,
    tests: Mapping[str, Pairs | Tagged],
    labels: int,
    seed: int = 0,
    config: Config | None = None,
    predictions: str | Path | None = None,
    words: Mapping[str, Mapping[str, int]] | None = None,
    *,
    longest: int | None = None,
    place: Place | None = None,
    watch: Watch | None = None,
    threads: int | None = 1,
    keep: Callable | None = None,
) -> dict:
    """Fine-tune a checkpoint on English pairs, or tagged sentences, and score it in any language.

    data, dev: what is trained on, and what chooses the epoch. labels: how many there are.
    predictions: `write_predictions`' file for ``data``, for a method that substitutes; words: what
    it was made with, for the random control. longest: cut pairs at so many tokens, by default at
    what the model reads. place, watch, threads, keep: see `loop.fit` and
    `run.train_and_score`.
    Returns what `run.run` does. Raises SaltError for a method that needs the laboratory, for
    predictions of other data, and for pairs that are none or have a label that isn't there.
    """
    check_method(method)
    config = config or Config()
    for name, pairs in {"data": data, "dev": dev, **tests}.items():
        used = pairs.labels
        if isinstance(pairs, Tagged):
            used = [label for row in pairs.labels for label in row]
        if not len(pairs) or not set(used) <= set(range(labels)):
            raise SaltError(f"{name}: no pairs, or a label outside 0 to {labels - 1}")
    tokenizer, found = loading.tokenizer(checkpoint), None
    encoded = encoding.encode(tokenizer, data, True, longest)
    if method.substitutions:
        if predictions is None or (method.substitutions == "random" and words is None):
            raise SaltError(
                f"method {method.name!r} substitutes words: pass predictions, a file made with "
                "finetune.write_predictions, and for the random control the words it was made with"
            )
        kept = kept_predictions(predictions, data, method, config)
        found = choices(checkpoint, encoded, kept, method, words or {}, seed=0)
    return train_and_score(
        checkpoint,
        method,
        config,
        seed,
        labels=labels,
        data=encoded,
        dev=encoding.encode(tokenizer, dev, True, longest),
        tests={code: encoding.encode(tokenizer, t, True, longest) for code, t in tests.items()},
        choices=found,
        place=place,
        watch=watch,
        threads=threads,
        keep=keep,
    )


def digest(value: object) -> str:
    """12 hex digits that stand for a value's `repr`."""
    return hashlib.sha256(repr(value).encode()).hexdigest()[:12]

"""The study's steps for any checkpoint and any sentence pairs: count words, distil, fine-tune.

`salt_lib.own` takes them on a folder of files. They also serve a checkpoint that is good already;
with a name on the hub, such as bert-base-multilingual-cased, these things differ:

- it has no vocabulary.json, so `whole_words` counts monolingual text of yours with *its* tokenizer;
- it must be BERT-like (`distill.head`);
- `Config` wants that model's learning rate: 2e-5, where the laboratory's is 1e-3;
- it wants a GPU for more than a try, and `finetune` runs on one thread of the processor.

Languages written without spaces (Chinese, Japanese, Thai) need a segmenter first.

Chapter: Reproduce, change, extend.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from . import distill, encoders
from .augment import options
from .errors import SaltError
from .languages import SOURCE
from .methods import Method
from .tasks import Pairs
from .train import Config, train_and_score
from .vocabulary import language_words, piece_ids


def whole_words(
    checkpoint: str | Path, texts: Mapping[str, list[list[str]]], minimum: int = 5
) -> dict[str, dict[str, int]]:
    """Language → vocabulary entries that are whole words of it, with their counts in ``texts``.

    texts: language → documents of two sentences. A word has a letter, occurs ``minimum`` times, and
    most of the languages don't have it (`vocabulary.language_words`, with its errors).
    """
    tokenizer, counts = encoders.tokenizer(checkpoint), {}
    for code, documents in texts.items():
        pairs = Pairs([d[0] for d in documents], [d[1] for d in documents], [0] * len(documents))
        pieces = encoders.encode_pieces(tokenizer, pairs, truncate=True)
        counts[code] = count_entries(tokenizer, pieces)
    return language_words(counts, minimum)


def count_entries(tokenizer, pieces: Iterable[encoders.Encoded]) -> dict[str, int]:
    """How often each entry that is a complete word, of letters, occurs in ``pieces``."""
    special, found = set(tokenizer.all_special_ids), Counter()
    for piece in pieces:
        found.update(i for i in piece.ids[piece.whole].tolist() if i not in special)
    entries = zip(tokenizer.convert_ids_to_tokens(list(found)), found.values(), strict=True)
    return {word: n for word, n in entries if any(map(str.isalpha, word))}


def write_predictions(
    checkpoint: str | Path,
    data: Pairs,
    words: Mapping[str, Mapping[str, int]],
    path: str | Path,
    masked: bool = False,
    progress: bool = False,
) -> None:
    """Predict a substitution for every English word of ``data`` in every language of ``words``.

    words: as `whole_words` gives them. masked: hide each word while it is predicted. All
    predictions go to the Parquet file ``path``, which remembers what data it belongs to.
    """
    tokenizer = encoders.tokenizer(checkpoint)
    pieces = tokenizer.get_vocab()
    batches = distill.predict_pieces(
        encoders.masked_lm(checkpoint),
        encoders.encode_pieces(tokenizer, data, truncate=True),
        {code: piece_ids(own, pieces) for code, own in words.items()},
        mask_token=tokenizer.mask_token_id if masked else None,
        progress=progress,
    )
    kind = "masked" if masked else "distilled"
    distill.save(path, batches, {"data": digest(data), "kind": kind})


def kept_predictions(path: str | Path, data: Pairs, method: Method, config: Config) -> pd.DataFrame:
    """The predictions in `write_predictions`' file that ``method`` uses, see `distill.select`.

    Raises SaltError where they were made for other data or in the other way (masked or not).
    """
    found = distill.load(path)
    about = pq.read_schema(path).metadata or {}
    if (about.get(b"data"), about.get(b"kind")) != (
        digest(data).encode(),
        str(method.substitutions).encode(),
    ):
        raise SaltError(
            f"{path}: not the {method.substitutions} predictions of this data; make them with "
            "finetune.write_predictions"
        )
    kept = distill.select(found, config.threshold, config.synonym_threshold)
    return kept if method.synonyms else kept[kept["language"] != SOURCE]


def check_method(method: Method) -> None:
    """Raise SaltError for a method that needs what only the laboratory knows."""
    if method.translate or method.substitutions not in (None, "distilled", "masked"):
        raise SaltError(
            f"method {method.name!r} needs what only the laboratory has: its true translations or "
            "its random control; on own files take one such as baseline, code-switch, mixup or salt"
        )


def finetune(
    checkpoint: str | Path,
    method: Method,
    data: Pairs,
    dev: Pairs,
    tests: Mapping[str, Pairs],
    labels: int,
    seed: int = 0,
    config: Config | None = None,
    predictions: str | Path | None = None,
) -> dict:
    """Fine-tune a checkpoint on English pairs and score it on test pairs of any languages.

    data, dev: what is trained on, and what chooses the epoch. labels: how many there are.
    predictions: `write_predictions`' file for ``data``, for a method that substitutes. Pairs longer
    than the model reads are cut. Returns what `train.run` does. Raises SaltError for a method that
    needs the laboratory, for predictions of other data, and for pairs that are none or have a label
    that isn't there.
    """
    check_method(method)
    config = config or Config()
    for name, pairs in {"data": data, "dev": dev, **tests}.items():
        if not len(pairs) or not set(pairs.labels) <= set(range(labels)):
            raise SaltError(f"{name}: no pairs, or a label outside 0 to {labels - 1}")
    tokenizer = encoders.tokenizer(checkpoint)
    encoded = encoders.encode(tokenizer, data, truncate=True)
    choices = None
    if method.substitutions:
        if predictions is None:
            raise SaltError(
                f"method {method.name!r} substitutes words: pass predictions, a file made with "
                "finetune.write_predictions"
            )
        kept = kept_predictions(predictions, data, method, config)
        choices = options(encoded, kept["example"], kept["position"], kept[["token"]])
    return train_and_score(
        checkpoint,
        method,
        config,
        seed,
        labels=labels,
        data=encoded,
        dev=encoders.encode(tokenizer, dev, truncate=True),
        tests={code: encoders.encode(tokenizer, t, truncate=True) for code, t in tests.items()},
        choices=choices,
    )


def digest(value: object) -> str:
    """12 hex digits that stand for a value's `repr`."""
    return hashlib.sha256(repr(value).encode()).hexdigest()[:12]

"""The distilled predictions of the laboratory's tasks, made once and kept as Parquet.

They lie under ``$SALT_CACHE_DIR`` or ``cache``; the file name carries a digest of everything that
they depend on, so a stale one is never read.

Chapter: Distillation.
"""

from functools import cache
from pathlib import Path

import numpy as np
import torch

from ..digests import digest, sources
from ..files import alone, folder
from ..languages import SOURCE
from ..models import loading
from ..models.encoding import Encoded, encode
from ..salt import distill, predictions
from ..salt.vocabulary import piece_ids, words_by_language
from .checkpoints import checkpoint, files_of
from .tasks import load, task


@cache
def encoded(world: int, name: str, split: str, language: str) -> Encoded:
    """A laboratory split in one language, tokenized with the world's checkpoint."""
    tokenizer = loading.tokenizer(checkpoint(world))
    return encode(tokenizer, load(name, split, language, world))


@cache
def vocabularies(world: int, languages: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Language → vocabulary ids (n,) of its one-piece words, from monolingual counts."""
    source = checkpoint(world)
    pieces = loading.tokenizer(source).get_vocab()
    counts = words_by_language(source)
    return {code: piece_ids(counts[code], pieces) for code in languages}


def predictions_path(
    world: int,
    name: str,
    masked: bool = False,
    progress: bool = False,
    layers: int | None = None,
) -> Path:
    """The Parquet file of a task's distilled predictions, made now if it isn't there.

    layers: of the deeper model that predicts, see `checkpoints.checkpoint`.
    """
    source = checkpoint(world, layers)
    pairs, languages = load(name, "train", SOURCE, world), task(name).languages
    kind = "masked" if masked else "distilled"
    made_of = (*files_of(source), pairs, languages, masked, torch.__version__, sources(__name__))
    root = folder("SALT_CACHE_DIR", "cache")
    path = root / f"{name}-{source.name}-{kind}-{digest(*made_of)[:16]}.parquet"
    if not path.exists():
        with alone(path, f"the predictions {path}"):
            if not path.exists():  # or another process has made them meanwhile
                _predict(world, name, source, languages, path, kind, progress)
    return path


def _predict(
    world: int,
    name: str,
    source: Path,
    languages: tuple[str, ...],
    path: Path,
    kind: str,
    progress: bool,
) -> None:
    # One thread, as everywhere: with more the last bits depend on how many there are.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    batches = distill.predict(
        loading.masked_lm(source),
        encoded(world, name, "train", SOURCE),
        vocabularies(world, languages),
        mask_token=loading.mask_token(source) if kind == "masked" else None,
        progress=progress,
    )
    try:
        predictions.save(path, batches, {"world": str(world), "task": name, "kind": kind})
    finally:
        torch.set_num_threads(threads)

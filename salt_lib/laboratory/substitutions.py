"""Where a method's substitutions come from: distilled, masked, random, deranged, or a dictionary.

The distilled predictions of a data set are made once and kept as Parquet under ``cache/``; the file
name carries a digest of everything they depend on, so a stale one is never read.

Chapters: Distillation; Ablations and controls.
"""

import hashlib
import inspect
import os
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ..data.examples import Pairs
from ..languages import SOURCE
from ..models import encoding, loading
from ..salt import distill, predictions, vocabulary
from ..salt.augment import Options, options
from ..salt.controls import replacements
from ..salt.methods import Method
from ..salt.vocabulary import piece_ids
from . import checkpoints
from .minibabel.lexicon import concept_of, forms
from .tasks import load, task


@cache
def encoded(world: int, name: str, split: str, language: str) -> encoding.Encoded:
    """A laboratory split in one language, tokenized with the world's checkpoint."""
    tokenizer = loading.tokenizer(checkpoints.checkpoint(world))
    return encoding.encode(tokenizer, load(name, split, language, world))


@cache
def vocabularies(world: int, languages: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Language → vocabulary ids (n,) of its one-piece words, from monolingual counts."""
    folder = checkpoints.checkpoint(world)
    pieces = loading.tokenizer(folder).get_vocab()
    counts = vocabulary.words_by_language(folder)
    return {code: piece_ids(counts[code], pieces) for code in languages}


def _digest(folder: Path, pairs: Pairs, languages: tuple[str, ...], masked: bool) -> str:
    parts = hashlib.sha256()
    for file in ("model.safetensors", "tokenizer.json", "vocabulary.json"):
        parts.update((folder / file).read_bytes())
    for module in (distill, loading):
        parts.update(inspect.getsource(module).encode())
    parts.update(repr((pairs, languages, masked, torch.__version__)).encode())
    return parts.hexdigest()[:16]


def predictions_path(
    world: int,
    name: str,
    masked: bool = False,
    progress: bool = False,
    layers: int | None = None,
) -> Path:
    """The Parquet file of a task's distilled predictions, made now if it isn't there.

    layers: of the sibling that predicts, see `checkpoints.checkpoint`.
    """
    folder = checkpoints.checkpoint(world, layers)
    pairs, languages = load(name, "train", SOURCE, world), task(name).languages
    kind = "masked" if masked else "distilled"
    root = Path(os.environ.get("SALT_CACHE_DIR", "cache"))
    digest = _digest(folder, pairs, languages, masked)
    path = root / f"{name}-{folder.name}-{kind}-{digest}.parquet"
    if not path.exists():
        # One thread, as everywhere: with more the last bits depend on how many there are.
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        batches = distill.predict(
            loading.masked_lm(folder),
            encoded(world, name, "train", SOURCE),
            vocabularies(world, languages),
            mask_token=loading.mask_token(folder) if masked else None,
            progress=progress,
        )
        try:
            predictions.save(path, batches, {"world": world, "task": name, "kind": kind})
        finally:
            torch.set_num_threads(threads)
    return path


@cache
def _kept(
    world: int, name: str, masked: bool, threshold: float, synonyms: float, layers: int | None
) -> pd.DataFrame:
    path = predictions_path(world, name, masked, layers=layers)
    return predictions.load_kept(path, threshold, synonyms)


def _dictionary(world: int, name: str) -> pd.DataFrame:
    """True one-piece translations and synonyms of every eligible token, as a predictions table."""
    data = encoded(world, name, "train", SOURCE)
    tokenizer = loading.tokenizer(checkpoints.checkpoint(world))
    pieces = tokenizer.get_vocab()
    word_of = {i: piece for piece, i in pieces.items()}
    own = torch.as_tensor(vocabularies(world, task(name).languages)[SOURCE])
    at = torch.nonzero(distill.eligible(data, own))[:, 0].numpy()
    example = np.searchsorted(data.start.numpy(), at, side="right") - 1
    table = pd.DataFrame(
        {
            "example": example,
            "position": at - data.start.numpy()[example],
            "source": data.ids.numpy()[at],
        }
    )
    rows = []
    for token in np.unique(table["source"]):
        word = word_of[token]
        if word not in concept_of():
            continue
        for code in task(name).languages:
            if code == SOURCE:
                said = [w for w, c in concept_of().items() if c == concept_of()[word] and w != word]
            else:
                said = [forms(code)[word]]
            rows += [(token, code, pieces[w]) for w in said if w in pieces and w != word]
    meanings = pd.DataFrame(rows, columns=["source", "language", "token"])
    return table.merge(meanings, on="source").assign(probability=1.0)


@cache
def choices(
    world: int,
    name: str,
    kind: str,
    synonyms: bool,
    threshold: float,
    synonym_threshold: float,
    layers: int | None = None,
) -> Options:
    """The options of a task's training tokens; kind as in `methods.Method.substitutions`."""
    if kind == "dictionary":
        kept = _dictionary(world, name)
    else:
        kept = _kept(world, name, kind == "masked", threshold, synonym_threshold, layers)
    if not synonyms:
        kept = kept[kept["language"] != SOURCE].reset_index(drop=True)
    folder = checkpoints.checkpoint(world)
    pieces, counts = loading.tokenizer(folder).get_vocab(), vocabulary.words_by_language(folder)
    tokens = replacements(kind, kept, counts, pieces, world)
    return options(encoded(world, name, "train", SOURCE), kept["example"], kept["position"], tokens)


def for_method(
    world: int, name: str, method: Method, config, layers: int | None = None
) -> Options | None:
    """A method's options under a `config.Config`, None for one that substitutes nothing.

    layers: see `predictions_path`.
    """
    if method.substitutions is None:
        return None
    return choices(
        world,
        name,
        method.substitutions,
        method.synonyms,
        config.threshold,
        config.synonym_threshold,
        layers,
    )

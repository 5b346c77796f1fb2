"""Where a method's substitutions come from: distilled, masked, random, deranged, or a dictionary.

The distilled predictions of a data set are made once and kept as Parquet under ``cache/``; the file
name carries a digest of everything they depend on, so a stale one is never read.

Chapters: Distillation; Ablations and controls.
"""

import hashlib
import inspect
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from . import distill, encoders
from .augment import Options, options
from .errors import SaltError
from .languages import SOURCE
from .methods import Method
from .minibabel.lexicon import concept_of, forms
from .tasks import Pairs, load, task
from .vocabulary import piece_ids

NEIGHBOURS = 20  # how many words of like frequency the random control draws from


@cache
def encoded(world: int, name: str, split: str, language: str) -> encoders.Encoded:
    """A laboratory split in one language, tokenized with the world's checkpoint."""
    tokenizer = encoders.tokenizer(encoders.checkpoint(world))
    return encoders.encode(tokenizer, load(name, split, language, world))


@cache
def vocabularies(world: int, languages: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Language → vocabulary ids (n,) of its one-piece words, from monolingual counts."""
    folder = encoders.checkpoint(world)
    pieces = encoders.tokenizer(folder).get_vocab()
    counts = encoders.words_by_language(folder)
    return {code: piece_ids(counts[code], pieces) for code in languages}


def _digest(folder: Path, pairs: Pairs, languages: tuple[str, ...], masked: bool) -> str:
    parts = hashlib.sha256()
    for file in ("model.safetensors", "tokenizer.json", "vocabulary.json"):
        parts.update((folder / file).read_bytes())
    for module in (distill, encoders):
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

    layers: of the sibling that predicts, see `encoders.checkpoint`.
    """
    folder = encoders.checkpoint(world, layers)
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
            encoders.masked_lm(folder),
            encoded(world, name, "train", SOURCE),
            vocabularies(world, languages),
            mask_token=encoders.mask_token(folder) if masked else None,
            progress=progress,
        )
        try:
            distill.save(path, batches, {"world": world, "task": name, "kind": kind})
        finally:
            torch.set_num_threads(threads)
    return path


@cache
def _kept(
    world: int, name: str, masked: bool, threshold: float, synonyms: float, layers: int | None
) -> pd.DataFrame:
    path = predictions_path(world, name, masked, layers=layers)
    return distill.load_kept(path, threshold, synonyms)


def replacements(
    kind: str,
    kept: pd.DataFrame,
    counts: Mapping[str, Mapping[str, int]],
    pieces: Mapping[str, int],
    seed: int,
) -> np.ndarray:
    """What stands in the place of kept predictions: (kept, width) vocabulary ids, see `Options`.

    kind: "random" and "deranged" give the controls (`methods.Method`), anything else the predicted
    tokens themselves. counts: language → word → count. pieces: the tokenizer's entry → id. Raises
    SaltError for a language with too few words for a control.
    """
    if kind == "random":
        return _random(kept, counts, pieces)
    if kind == "deranged":
        return _deranged(kept, seed)
    return kept["token"].to_numpy(np.int64)[:, None]


def _random(kept: pd.DataFrame, counts: Mapping, pieces: Mapping[str, int]) -> np.ndarray:
    """(options, NEIGHBOURS): words of the same language and of the nearest frequency ranks."""
    tokens = np.empty((len(kept), NEIGHBOURS), dtype=np.int64)
    for code, rows in kept.groupby("language").indices.items():
        words = sorted((w for w in counts[code] if w in pieces), key=lambda w: -counts[code][w])
        ids = np.array([pieces[w] for w in words])
        if len(ids) <= NEIGHBOURS:
            raise SaltError(
                f"{code!r} has {len(ids)} whole words, more than {NEIGHBOURS} are needed"
            )
        near = {}
        for rank, token in enumerate(ids):
            low = min(max(rank - NEIGHBOURS // 2, 0), len(ids) - NEIGHBOURS - 1)
            near[token] = np.delete(ids[low : low + NEIGHBOURS + 1], rank - low)
        tokens[rows] = np.stack([near[t] for t in kept["token"].to_numpy()[rows]])
    return tokens


def _deranged(kept: pd.DataFrame, seed: int) -> np.ndarray:
    """(options, 1): a language's substitutes, each consistently exchanged for another of them."""
    rng = np.random.default_rng([seed, 8])
    tokens = kept["token"].to_numpy(np.int64).copy()
    for code, rows in sorted(kept.groupby("language").indices.items()):
        distinct = rng.permutation(np.unique(tokens[rows]))
        if len(distinct) < 2:
            raise SaltError(f"{code!r} has one distilled word, and none to exchange it for")
        # One cycle through a random order: no word keeps its place.
        exchange = dict(zip(distinct, np.roll(distinct, 1), strict=True))
        tokens[rows] = [exchange[t] for t in tokens[rows]]
    return tokens[:, None]


def _dictionary(world: int, name: str) -> pd.DataFrame:
    """True one-piece translations and synonyms of every eligible token, as a predictions table."""
    data = encoded(world, name, "train", SOURCE)
    tokenizer = encoders.tokenizer(encoders.checkpoint(world))
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
    folder = encoders.checkpoint(world)
    pieces, counts = encoders.tokenizer(folder).get_vocab(), encoders.words_by_language(folder)
    tokens = replacements(kind, kept, counts, pieces, world)
    return options(encoded(world, name, "train", SOURCE), kept["example"], kept["position"], tokens)


def for_method(
    world: int, name: str, method: Method, config, layers: int | None = None
) -> Options | None:
    """A method's options under a `train.Config`, None for one that substitutes nothing.

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

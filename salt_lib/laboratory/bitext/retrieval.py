"""Mini-tatoeba: is the nearest English sentence the one that means the same?

Sentences say no name and no number, which all languages write alike. A sentence's vector is the
mean of the last layer's states over the pieces of its words. Retrieval is what an alignment task
optimises, or nearly: it is kept apart from transfer.

Chapter: Bitext.
"""

from functools import cache

import numpy as np
import torch
from numpy.typing import ArrayLike
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ...errors import SaltError
from ...languages import LANGUAGES, SOURCE
from ...pretraining.wordpiece import PAD, SPECIAL
from ..minibabel.facts import EDITION, FIELDS, PARTITIONS, World, draw_fitting, readable
from ..minibabel.grammar import sentence

ALIKE = ("name", "city", "agent_number", "patient_number")  # not said: alike everywhere
_AT_ONCE = 100


@cache
def sentences(world: int, language: str, count: int, split: str = "test") -> tuple[str, ...]:
    """So many different facts of a split in a language, each concept by its commonest word."""
    rng = np.random.default_rng([EDITION, world, 55, PARTITIONS.index(split)])
    universe, where = World(world), np.full(count, PARTITIONS.index(split))

    def bare(rows: np.ndarray) -> np.ndarray:
        drawn = universe.sample(rng, len(rows))
        drawn[:, [FIELDS[column] for column in ALIKE]] = -1
        return drawn

    found: dict[tuple[int, ...], None] = {}
    while len(found) < count:
        found.update(dict.fromkeys(map(tuple, draw_fitting(where, bare).tolist())))
    kept = list(found)[:count]
    return tuple(sentence(readable(np.array(row)), language) for row in kept)


@torch.inference_mode()
def vectors(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, said: tuple[str, ...]
) -> np.ndarray:
    """(n, width) the vectors of sentences."""
    model.eval()
    found = []
    for low in range(0, len(said), _AT_ONCE):
        read = tokenizer(list(said[low : low + _AT_ONCE]), padding=True, return_tensors="pt")
        ids = read["input_ids"].to(model.device)
        attention = (ids != PAD).long()
        states = model.base_model(ids, attention_mask=attention).last_hidden_state.float()
        words = (ids >= len(SPECIAL))[..., None]
        found.append(((states * words).sum(dim=1) / words.sum(dim=1)).cpu())
    return torch.cat(found).numpy()


def accuracy(queries: ArrayLike, pool: ArrayLike) -> float:
    """The share of queries (n, width) whose nearest of the pool (n, width), by cosine, is their own
    row. SaltError: shapes that don't pair up, or a vector without length or that is no number."""
    ours, theirs = np.asarray(queries, dtype=float), np.asarray(pool, dtype=float)
    lengths = [np.linalg.norm(x, axis=-1, keepdims=True) for x in (ours, theirs)]
    if ours.shape != theirs.shape or ours.ndim != 2:
        raise SaltError(f"queries of shape {ours.shape} and a pool of {theirs.shape}: one each")
    if not all((np.isfinite(length) & (length > 0)).all() for length in lengths):
        raise SaltError("a vector without length, or that is no number, has no nearest neighbour")
    cosines = (ours / lengths[0]) @ (theirs / lengths[1]).T
    return float((cosines.argmax(axis=1) == np.arange(len(ours))).mean())


def tatoeba(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    world: int,
    count: int,
    split: str = "test",
) -> dict[str, float]:
    """Language → how many of its sentences find their English one, from it to English."""
    english = vectors(model, tokenizer, sentences(world, SOURCE, count, split))
    return {
        code: round(
            accuracy(vectors(model, tokenizer, sentences(world, code, count, split)), english), 4
        )
        for code in LANGUAGES
        if code != SOURCE
    }

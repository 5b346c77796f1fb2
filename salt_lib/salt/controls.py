"""Controls: what stands in the place of distilled words, to show whether knowledge or noise helps.

Chapters: Augmentation; Ablations and controls.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ..errors import SaltError

NEIGHBOURS = 20  # how many words of like frequency the random control draws from


def replacements(
    kind: str,
    kept: pd.DataFrame,
    counts: Mapping[str, Mapping[str, int]],
    pieces: Mapping[str, int],
    seed: int,
    *,
    kinds: np.ndarray | None = None,
    mask: int | None = None,
) -> np.ndarray:
    """What stands in the place of kept predictions: (kept, width) vocabulary ids, see `Options`.

    kind: "random", "deranged", "random-kind" and "mask" give the controls (`methods.Method`),
    anything else the predicted tokens themselves. counts: language → word → count. pieces: the
    tokenizer's entry → id. kinds: (kept,) of what kind each English word is, for "random-kind";
    mask: the id of [MASK], for "mask". Raises SaltError for a language with too few words for a
    control, and a control without what it needs.
    """
    if kind == "random-kind":
        return _random_of_kind(kept, counts, pieces, kinds)
    if kind == "mask":
        if mask is None:
            raise SaltError("the control with [MASK] needs mask, the tokenizer's id of it")
        return np.full((len(kept), 1), mask)
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


def _random_of_kind(
    kept: pd.DataFrame, counts: Mapping, pieces: Mapping[str, int], kinds: np.ndarray | None
) -> np.ndarray:
    """(options, NEIGHBOURS): words that are distilled, in the same language, for English words
    of the same kind, but for the word itself; of the nearest frequency ranks, or all of them where
    there are fewer.

    The only word of its kind in a language stays: there is none to exchange it for.
    """
    if kinds is None:
        raise SaltError(
            "the control with words of the same kind needs kinds: of what kind each English word is"
        )
    word_of = {i: word for word, i in pieces.items()}
    tokens = np.empty((len(kept), NEIGHBOURS), dtype=np.int64)
    for (code, _), rows in kept.groupby(["language", kinds]).indices.items():
        here = kept["token"].to_numpy(np.int64)[rows]
        ids = np.unique(here)
        if len(ids) < 2:
            tokens[rows] = here[:, None]
            continue
        often = np.array([counts[code].get(word_of[i], 0) for i in ids.tolist()])
        ids = ids[np.lexsort((ids, -often))]
        near = {}
        for rank, token in enumerate(ids.tolist()):
            low = min(max(rank - NEIGHBOURS // 2, 0), max(len(ids) - NEIGHBOURS - 1, 0))
            others = np.delete(ids[low : low + NEIGHBOURS + 1], rank - low)
            near[token] = np.resize(others, NEIGHBOURS)
        tokens[rows] = np.stack([near[t] for t in here.tolist()])
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

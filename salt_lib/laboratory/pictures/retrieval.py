"""Retrieval: how far up the right one stands among a pool, in both directions.

Chapter: Pictures.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from ...errors import SaltError

DIRECTIONS = ("to text", "to picture")
AT = (1, 10)


def ranks(similarities: ArrayLike) -> np.ndarray:
    """(n,) the rank, from 1, of each row's own column in similarities (n, n).

    Of equals half count as better, so that a model that tells nothing apart is in the middle.
    Raises SaltError for similarities that are no square, or no numbers.
    """
    found = np.asarray(similarities, dtype=float)
    if found.ndim != 2 or found.shape[0] != found.shape[1] or not np.isfinite(found).all():
        raise SaltError(f"similarities of shape {found.shape}, or no numbers: a pool is a square")
    own = found.diagonal()[:, None]
    return 1 + (found > own).sum(axis=1) + ((found == own).sum(axis=1) - 1) / 2


def measures(pictures: ArrayLike, texts: ArrayLike) -> dict[str, dict[str, float]]:
    """Direction (`DIRECTIONS`) → R@1, R@10 (shares of the pool) and the median rank.

    pictures, texts: (n, dim), of one fact row by row; "to text" looks for a picture's caption.
    """
    similarities = np.asarray(pictures) @ np.asarray(texts).T
    told = {}
    for direction, square in zip(DIRECTIONS, (similarities, similarities.T), strict=True):
        where = ranks(square)
        recalls = {f"R@{k}": round(float((where <= k).mean()), 4) for k in AT}
        told[direction] = {**recalls, "median": float(np.median(where))}
    return told


def both_ways(measured: Mapping[str, Mapping[str, float]], what: str = "R@1") -> float:
    """The mean over both directions of one measure."""
    return float(np.mean([measured[direction][what] for direction in DIRECTIONS]))

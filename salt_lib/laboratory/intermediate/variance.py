"""How much of the spread is the draw's and how much the seed's: a random-effects model.

Scores of draws × seeds, one in each cell, are a mean, an effect of the draw, an effect of the seed
(the same in every draw), and what is left, all with mean 0. Their variances are estimated by
equating the mean squares of the two-way analysis of variance to what is expected of them.

Source: the method of moments, Henderson (1953); see Searle, Casella & McCulloch (1992), chapter 4.
Chapter: Intermediate tasks.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ...errors import SaltError


@dataclass(frozen=True)
class Parts:
    """Variances, in squared units of the score; an estimate below 0 is given as 0.

    draw: between draws. seed: between seeds. rest: what neither explains.
    """

    draw: float
    seed: float
    rest: float

    @property
    def share_of_draw(self) -> float:
        """The draw's share of the variance of one score; nan where nothing varies."""
        total = self.draw + self.seed + self.rest
        return self.draw / total if total else float("nan")


def mean_squares(scores: ArrayLike) -> tuple[float, float, float]:
    """Of draws, seeds and the rest, from scores (draws, seeds).

    Raises SaltError for fewer than two of either, and scores that are no numbers.
    """
    table = np.asarray(scores, dtype=float)
    if table.ndim != 2 or min(table.shape) < 2 or not np.isfinite(table).all():
        raise SaltError(
            f"scores of shape {table.shape}: two draws and two seeds are the least, all numbers"
        )
    draws, seeds = table.shape
    by_draw, by_seed, mean = table.mean(axis=1), table.mean(axis=0), table.mean()
    rest = table - by_draw[:, None] - by_seed + mean
    return (
        float(seeds * np.square(by_draw - mean).sum() / (draws - 1)),
        float(draws * np.square(by_seed - mean).sum() / (seeds - 1)),
        float(np.square(rest).sum() / ((draws - 1) * (seeds - 1))),
    )


def parted(tables: Iterable[ArrayLike]) -> Parts:
    """The variances of draws, seeds and the rest.

    tables: of each world its scores (draws, seeds), of one shape; mean squares are averaged over
    worlds before they are equated. Raises SaltError as `mean_squares`, for tables of other shapes
    and for none.
    """
    arrays = [np.asarray(table, dtype=float) for table in tables]
    shapes = {array.shape for array in arrays}
    if len(shapes) != 1:
        raise SaltError(f"tables of shapes {sorted(shapes)}: one shape is needed, draws × seeds")
    draw, seed, rest = np.mean([mean_squares(array) for array in arrays], axis=0).tolist()
    draws, seeds = shapes.pop()
    return Parts(max(0.0, (draw - rest) / seeds), max(0.0, (seed - rest) / draws), rest)

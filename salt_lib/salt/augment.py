"""Augmentation: code-switching before training, embedding mixup during it.

SALT as this study defines it: *offline*, an instance is replaced with probability ``instance_rate``
by a code-switched copy in which each eligible token is replaced, with probability ``token_rate``,
by one of its kept substitutions; *online*, at every eligible position the embedding is mixed with
that of a substitution drawn anew at each step.

Chapter: Augmentation.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..models.encoding import Encoded


def mixup(source: Tensor, substitute: Tensor, ratio: Tensor) -> Tensor:
    """Mix token embeddings dimension by dimension: ``r ⊙ source + (1 − r) ⊙ substitute``.

    source, substitute: (batch, length, dim). ratio: (batch, 1, dim) in [0, 1], one vector per
    instance (SALT, §online), or (batch, 1, 1) for one number per instance.
    """
    return ratio * source + (1 - ratio) * substitute


def draw_ratio(kind: str, batch: int, dim: int, generator: torch.Generator) -> Tensor:
    """Uniform mixing weights: "vector" (batch, 1, dim), "scalar" (batch, 1, 1)."""
    return torch.rand(batch, 1, dim if kind == "vector" else 1, generator=generator)


@dataclass(frozen=True)
class Options:
    """What each token of an encoded data set may be replaced by.

    start, count: (tokens,); the options of flat token i are the ``count[i]`` rows from ``start[i]``
    on of ``tokens``, (options, width) vocabulary ids. A draw picks a row, then a column: one column
    for a fixed substitution, several where each draw shall be fresh (the random control).
    """

    start: Tensor
    count: Tensor
    tokens: Tensor

    def draw(self, at: Tensor, ids: Tensor, generator: torch.Generator) -> Tensor:
        """Draw a substitute for every token; one without options keeps its own id.

        at: flat token numbers, any shape. ids: the present ids, same shape. Returns ids.
        """
        count = self.count[at]
        if not len(self.tokens):
            return ids
        u = torch.rand(at.shape, generator=generator)
        row = self.start[at] + (u * count).long().clamp(max=(count - 1).clamp(min=0))
        column = torch.zeros_like(row)
        if self.tokens.shape[1] > 1:
            column = torch.randint(self.tokens.shape[1], at.shape, generator=generator)
        drawn = self.tokens[row.clamp(max=len(self.tokens) - 1), column]
        return torch.where(count > 0, drawn, ids)


_NONE = torch.zeros(0, dtype=torch.int64)
NOTHING = Options(_NONE, _NONE, _NONE[:, None])  # what a method has that substitutes nothing


def options(encoded: Encoded, example, position, tokens) -> Options:
    """Gather substitutions by the token they replace.

    example, position: (options,) where each stands. tokens: (options, width) what it may become.
    """
    example, position = np.asarray(example, np.int64), np.asarray(position, np.int64)
    at = encoded.start.numpy()[example] + position
    order = np.argsort(at, kind="stable")
    count = np.bincount(at, minlength=len(encoded.ids))
    start = np.concatenate([[0], np.cumsum(count)[:-1]])
    tokens = np.asarray(tokens, np.int64)[order]
    return Options(*map(torch.from_numpy, (start, count, tokens)))


def code_switch(
    encoded: Encoded,
    choices: Options,
    instance_rate: float,
    token_rate: float,
    generator: torch.Generator,
) -> Tensor:
    """The data set's flat token ids with code-switched copies in the place of some instances.

    Each instance is chosen with probability ``instance_rate``; in a chosen one each token that has
    options is replaced with probability ``token_rate``. Lengths never change.
    """
    n = len(encoded)
    chosen = torch.rand(n, generator=generator) < instance_rate
    row = torch.repeat_interleave(torch.arange(n), encoded.lengths)
    hit = torch.rand(len(encoded.ids), generator=generator) < token_rate
    drawn = choices.draw(torch.arange(len(encoded.ids)), encoded.ids, generator)
    return torch.where(chosen[row] & hit, drawn, encoded.ids)

"""Training for so many steps of full batches, whatever the size of the data.

Chapter: Intermediate tasks.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...errors import SaltError
from ...training.loop import batches, pace
from ..descent import descend

PARTS = 10  # of a training, whose mean losses are kept


@dataclass(frozen=True)
class Steps:
    """How an intermediate task is trained: AdamW, a rate that rises over a tenth and then falls."""

    steps: int
    batch: int
    learning_rate: float
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip: float = 1.0

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 1:
            raise SaltError(f"{self.steps} steps of {self.batch} rows: at least one is needed")


class Trained(NamedTuple):
    """What an intermediate task leaves. weights: of the encoder, by name. about: losses along the
    training (`train`) and the English dev score, in [0, 1]."""

    weights: Mapping[str, Tensor]
    about: dict


def passes(size: int, count: int, dice: torch.Generator) -> Tensor:
    """(count,) numbers below ``size``: whole passes in random orders, one after the other, the last
    cut off. So each comes as often as any other, but for one. SaltError: nothing to pass over."""
    if size < 1:
        raise SaltError("no example to train on")
    some = [torch.randperm(size, generator=dice) for _ in range(-(-count // size))]
    return torch.cat(some)[:count]


def full_batches(lengths: Tensor, how: Steps, dice: torch.Generator) -> Iterator[Tensor]:
    """``how.steps`` batches of row numbers, ``how.batch`` in each, of like length.

    lengths: (n,) of the rows.
    """
    rows = passes(len(lengths), how.steps * how.batch, dice)
    for chosen in batches(lengths[rows], how.batch, dice):
        yield rows[chosen]


def train(
    model: nn.Module,
    rows: Iterable[Tensor],
    loss_of: Callable[[Tensor], Tensor],
    how: Steps,
) -> list[float]:
    """Train a model in place; returns the mean loss of each of `PARTS` parts of the steps, of
    fewer where there are fewer steps.

    loss_of: rows (batch,) → their loss. Raises SaltError when it is no number.
    """
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=0.0, weight_decay=how.weight_decay, fused=True
    )
    model.train()
    losses = []
    for step, chosen in enumerate(rows, 1):
        for group in optimizer.param_groups:
            group["lr"] = how.learning_rate * pace(step, how.steps, how.warmup)
        loss = loss_of(chosen)
        descend(loss, model, optimizer, "the intermediate task", step, how.clip)
        losses.append(loss.detach())
    parts = torch.stack(losses).tensor_split(min(PARTS, len(losses)))
    return [round(float(part.mean()), 4) for part in parts]

"""Training on examples: the conditions whose intermediate task is `mini-paws-x` or `mini-pos`.

Chapter: Intermediate tasks.
"""

from functools import cache
from typing import Any

import torch
from torch import Tensor

from ...languages import SOURCE
from ...models import classifiers
from ...models.encoding import Encoded
from ...training.evaluate import score
from ...training.loop import Batch, mean_loss
from ..checkpoints import checkpoint
from ..predictions import encoded
from ..tasks import task
from .choices import Scouted, chosen, scout
from .conditions import CANDIDATES, STEPS, Condition
from .examples import LANGUAGES, drawn, languages_of, shuffled, stock
from .steps import Steps, Trained, full_batches, train

CPU = torch.device("cpu")


def train_on_examples(
    world: int, row: Condition, draw: int, seed: int, how: Steps | None = None
) -> Trained:
    """Train a world's encoder on the examples that a draw gives a condition.

    how: by default the task's `STEPS`. The dev score is the English dev set's; no dev set of
    another language is read.
    """
    name = str(row.task)
    data = stock(world, name, "en" if row.shares == "English" else "all")
    rows = rows_of(world, row, draw)
    if row.shuffled:
        data = shuffled(data, rows, languages_of(rows), draw)
    model, losses = fitted(world, name, data, rows, seed, how or STEPS[name])
    found = score(model, encoded(world, name, "dev", SOURCE))
    about = {"losses": losses, "dev": round(found, 4), "examples": len(rows)}
    return Trained(model.base_model.state_dict(), about)


def fitted(
    world: int, name: str, data: Encoded, rows: Tensor, seed: int, how: Steps
) -> tuple[Any, list[float]]:
    """A classifier of the task, trained on some rows, and its losses along the training."""
    labels, tagged = len(task(name).labels), task(name).tagged
    model: Any = classifiers.classifier(checkpoint(world), labels, seed, 0.0, tagged=tagged)
    order = full_batches(data.lengths[rows], how, torch.Generator().manual_seed(seed))
    losses = train(
        model,
        order,
        lambda at: mean_loss(model, model, Batch(data, data.ids, rows[at]), CPU),
        how,
    )
    return model, losses


def rows_of(world: int, row: Condition, draw: int) -> Tensor:
    """The rows of the stock that a draw gives a condition, as `examples.drawn` or as chosen, in
    each language among the `CANDIDATES` that come first in the draw."""
    if row.choice == "random":
        return drawn(row.shares, row.count, draw)
    told = scouted(world, str(row.task), draw)
    candidates = drawn("equal", CANDIDATES, draw).view(len(LANGUAGES), CANDIDATES)
    best = [chosen(row.choice, one, row.count) for one in told]
    return torch.cat([rows[at] for rows, at in zip(candidates, best, strict=True)])


@cache
def scouted(world: int, name: str, draw: int) -> tuple[Scouted, ...]:
    """What a scout says of each language's candidates; it was trained on the English ones."""
    data = stock(world, name, "all")
    candidates = drawn("equal", CANDIDATES, draw).view(len(LANGUAGES), CANDIDATES)
    english = candidates[LANGUAGES.index(SOURCE)]
    model, _ = fitted(world, name, data, english, draw, STEPS[name])
    return tuple(scout(model, data, rows) for rows in candidates)

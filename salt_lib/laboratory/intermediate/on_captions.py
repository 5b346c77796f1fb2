"""Training on captions: the conditions in which the intermediate task reads captions.

Chapter: Intermediate tasks.
"""

from typing import Any

import torch
from torch import Tensor, nn

from ...errors import SaltError
from ...models import loading
from ..checkpoints import checkpoint
from ..pictures.towers import VARIANTS, views
from .conditions import MASKED, MATCHING, STEPS, Condition
from .matching import (
    Matcher,
    guessed,
    hidden_loss,
    matched,
    pieces,
    presented,
    shown,
)
from .steps import Steps, Trained, train
from .tellings import held_out, tellings


def train_on_captions(world: int, row: Condition, seed: int, how: Steps | None = None) -> Trained:
    """Train a world's encoder on a condition's task.

    how: by default the task's `STEPS`. The dev score of matching is on true pictures, whatever was
    shown. Raises SaltError for a batch that isn't made of whole pairs.
    """
    how = how or STEPS[str(row.task)]
    if how.batch % 2:
        raise SaltError(f"batches of {how.batch}: facts come in pairs, give an even number")
    told, dev, source = tellings(world, row.spoken, row.facts), held_out(world), checkpoint(world)
    order = presented(len(told), how.steps * how.batch, VARIANTS, seed)
    batches = torch.arange(len(order.fact) // 2).split(how.batch // 2)
    if row.task == MASKED:
        model: Any = loading.masked_lm(source)
        allowed, dice = pieces(source), torch.Generator().manual_seed(seed + 6_000_011)
        losses = train(
            model,
            batches,
            lambda pairs: hidden_loss(model, told, order.part(pairs), allowed, dice),
            how,
        )
        encoder: nn.Module = model.base_model
        found = guessed(model, dev, allowed)
    else:
        matcher = Matcher(source, seed)
        pictures: Tensor | None = None
        true: Tensor | None = None
        if row.task == MATCHING:
            seen = views(world)
            own = seen.train[torch.as_tensor(told.rows)]
            pictures = shown(own, row.pictures, seed)
            true = seen.dev[torch.as_tensor(dev.rows)]
        losses = train(
            matcher, batches, lambda pairs: matcher.loss(told, order.part(pairs), pictures), how
        )
        encoder, found = matcher.encoder, matched(matcher, dev, true)
    return Trained(encoder.state_dict(), {"losses": losses, "dev": round(found, 4)})

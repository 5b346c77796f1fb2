"""One step of training, for the loops of the laboratory that aren't a study's fine-tuning.

Chapters: Pictures; Intermediate tasks.
"""

import torch
from torch import Tensor, nn

from ..errors import SaltError


def descend(
    loss: Tensor,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    where: str,
    step: int,
    clip: float | None = None,
) -> None:
    """Move a model down the gradient of ``loss``, the gradients' norm clipped at ``clip``.

    where, step: for the SaltError that is raised when the loss is no number.
    """
    if not torch.isfinite(loss):
        rate = max(group["lr"] for group in optimizer.param_groups)
        raise SaltError(
            f"{where}: the loss is {loss.item()} in step {step}; lower the learning rate, {rate:g} "
            "in this step"
        )
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    if clip is not None:
        nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()

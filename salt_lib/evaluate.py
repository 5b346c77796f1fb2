"""Evaluation: accuracy of a classifier on encoded pairs.

Chapter: Training.
"""

import torch

from .encoders import Encoded, positions


@torch.inference_mode()
def accuracy(model, encoded: Encoded, batch_size: int = 128) -> float:
    """Share of pairs whose highest logit is the label's, in [0, 1]."""
    model.eval()
    order = encoded.lengths.argsort(stable=True)  # batches of like length waste no padding
    right = 0
    for rows in order.split(batch_size):
        at, inside = positions(encoded, rows)
        logits = model(
            encoded.ids[at].where(inside, 0),
            attention_mask=inside,
            token_type_ids=encoded.segments[at].where(inside, 0),
        ).logits
        right += int((logits.argmax(dim=1) == encoded.labels[rows]).sum())
    return right / len(encoded)

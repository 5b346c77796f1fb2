"""Evaluation: accuracy of a classifier on encoded pairs.

Chapter: Training.
"""

import torch

from .encoders import Encoded, batch


@torch.inference_mode()
def accuracy(model, encoded: Encoded, batch_size: int = 128) -> float:
    """Share of pairs whose highest logit is the label's, in [0, 1]."""
    model.eval()
    order = encoded.lengths.argsort(stable=True)  # batches of like length waste no padding
    right = 0
    for rows in order.split(batch_size):
        logits = model(
            batch(encoded, rows, encoded.ids),
            attention_mask=batch(encoded, rows, torch.ones_like(encoded.ids)),
            token_type_ids=batch(encoded, rows, encoded.segments),
        ).logits
        right += int((logits.argmax(dim=1) == encoded.labels[rows]).sum())
    return right / len(encoded)

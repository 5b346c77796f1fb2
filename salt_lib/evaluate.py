"""Evaluation: accuracy of a classifier on encoded pairs.

Chapter: Training.
"""

import torch

from .encoders import Encoded, positions
from .place import Place


@torch.inference_mode()
def accuracy(
    model, encoded: Encoded, batch_size: int = 128, *, place: Place | None = None
) -> float:
    """Share of pairs whose highest logit is the label's, in [0, 1].

    place: where it is computed, as the model was prepared by it; several processes share the rows.
    """
    place = place or Place()
    model.eval()
    order = encoded.lengths.argsort(stable=True)  # batches of like length waste no padding
    right = torch.zeros((), dtype=torch.int64, device=place.device)
    for rows in order[place.rank :: place.processes].split(batch_size):
        at, inside = positions(encoded, rows)
        logits = model(
            encoded.ids[at].where(inside, 0).to(place.device),
            attention_mask=inside.to(place.device),
            token_type_ids=encoded.segments[at].where(inside, 0).to(place.device),
        ).logits
        right += (logits.argmax(dim=1) == encoded.labels[rows].to(place.device)).sum()
    return place.total(right.item()) / len(encoded)

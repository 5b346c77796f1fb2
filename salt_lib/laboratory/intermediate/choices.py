"""Which examples to take: by uncertainty, by coverage, by the length of a gradient.

The criteria are pure functions of what a scout says of the candidates, a classifier that was
trained on English ones alone. No label of another language is read.

Source: uncertainty, Lewis & Gale (1994); k-centre greedy, Sener & Savarese (2018); the gradient of
the last layer for the label that the model itself gives, Ash et al. (2020). Chapter: Intermediate
tasks.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ...errors import SaltError, unknown
from ...models.encoding import IGNORE, Encoded, positions

CHOICES = ("random", "uncertain", "k-centre", "gradient")


class Scouted(NamedTuple):
    """What a scout says of candidates, (n,) each, and their vectors (n, dim).

    uncertainty: entropy of the label in nats, the mean over the words of a tagged sentence.
    gradient: length of the loss's gradient with regard to the classifier's weights.
    """

    uncertainty: Tensor
    gradient: Tensor
    vectors: Tensor


def entropy(probabilities: Tensor) -> Tensor:
    """(…,) of probabilities (…, labels), in nats."""
    return torch.special.entr(probabilities).sum(-1)


def gradient_length(probabilities: Tensor, vectors: Tensor) -> Tensor:
    """The length of the gradient of −log p(ŷ) with regard to the last layer's weights.

    ŷ is the likeliest label. probabilities: (…, words, labels), vectors: (…, words, dim). The loss
    is the mean over the words: (…,).
    """
    guess = torch.nn.functional.one_hot(probabilities.argmax(-1), probabilities.shape[-1])
    errors = (probabilities - guess).transpose(-1, -2)
    return (errors @ vectors / vectors.shape[-2]).flatten(-2).norm(dim=-1)


def k_centre(vectors: Tensor, count: int) -> Tensor:
    """(count,) rows of vectors (n, dim): the one nearest to the mean, then always the one that is
    farthest from all chosen. Raises SaltError for more than there are."""
    if not 1 <= count <= len(vectors):
        raise SaltError(f"{count} centres among {len(vectors)} examples")
    chosen = [int((vectors - vectors.mean(0)).norm(dim=1).argmin())]
    nearest = torch.full((len(vectors),), torch.inf)
    while len(chosen) < count:
        nearest = nearest.minimum((vectors - vectors[chosen[-1]]).norm(dim=1))
        nearest[chosen] = -1.0  # of equal vectors none is chosen twice
        chosen.append(int(nearest.argmax()))
    return torch.tensor(chosen)


def chosen(choice: str, scouted: Scouted, count: int) -> Tensor:
    """(count,) numbers of candidates, the best first; of equals the first.

    Raises SaltError for another criterion, and for more than there are.
    """
    if choice not in CHOICES:
        raise unknown("choice of examples", choice, CHOICES)
    size = len(scouted.vectors)
    if not 1 <= count <= size:
        raise SaltError(f"{count} examples to choose among {size} candidates")
    if choice == "random":
        return torch.arange(count)  # candidates stand in the order of a draw
    if choice == "k-centre":
        return k_centre(scouted.vectors, count)
    value = scouted.uncertainty if choice == "uncertain" else scouted.gradient
    return value.argsort(descending=True, stable=True)[:count]


@torch.inference_mode()
def scout(model, data: Encoded, rows: Tensor) -> Scouted:
    """What a trained classifier says of some rows, one by one in their order."""
    model.eval()
    read: list[Tensor] = []
    hook = model.classifier.register_forward_pre_hook(lambda _, given: read.append(given[0]))
    found = []
    try:
        for part in rows.split(128):
            at, inside = positions(data, part)
            logits = model(
                data.ids[at].where(inside, 0),
                attention_mask=inside,
                token_type_ids=data.segments[at].where(inside, 0),
            ).logits
            states, probabilities = read.pop(), logits.softmax(-1)
            if not data.tags:  # a pair is a sentence of one word
                states, probabilities = states[:, None], probabilities[:, None]
                words = torch.ones(len(part), 1, dtype=torch.bool)
            else:
                words = inside & (data.labels[at] != IGNORE)  # where words begin, not what they are
            for one, p, here in zip(states, probabilities, words, strict=True):
                length = gradient_length(p[here], one[here])
                found.append((entropy(p[here]).mean(), length, one[here].mean(0)))
    finally:
        hook.remove()
    return Scouted(*map(torch.stack, zip(*found, strict=True)))

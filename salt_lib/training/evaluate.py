"""Evaluation: accuracy of a classifier of pairs, F1 of a classifier of words.

Chapters: Training; Feature aggregation (F1).
"""

import warnings

import torch
from torch import Tensor

from ..models.encoding import IGNORE, Encoded, positions
from .device import Place


def score(model, encoded: Encoded, *, place: Place | None = None) -> float:
    """What a task is scored by, in [0, 1]: `accuracy` for pairs, `f1` for tagged sentences."""
    return (f1 if encoded.tags else accuracy)(model, encoded, place=place)


@torch.inference_mode()
def accuracy(
    model, encoded: Encoded, batch_size: int = 128, *, place: Place | None = None
) -> float:
    """Share of pairs whose highest logit is the label's, in [0, 1].

    place: where it is computed, as the model was prepared by it; several processes share the rows.
    """
    place = place or Place()
    model.eval()
    right = torch.zeros((), dtype=torch.int64, device=place.device)
    for rows in _shared(encoded, batch_size, place):
        logits = _logits(model, encoded, rows, place)
        right += (logits.argmax(dim=1) == encoded.labels[rows].to(place.device)).sum()
    return place.total(right.item()) / len(encoded)


@torch.inference_mode()
def predicted(
    model, encoded: Encoded, batch_size: int = 128, *, place: Place | None = None
) -> Tensor:
    """The label id with the highest logit: of each pair (n,), or of each token (tokens,).

    place: as for `accuracy`.
    """
    place = place or Place()
    model.eval()
    found = torch.zeros_like(encoded.labels)
    for rows in _shared(encoded, batch_size, place):
        best = _logits(model, encoded, rows, place).argmax(dim=-1).cpu()
        if encoded.tags:
            at, inside = positions(encoded, rows)
            found[at[inside]] = best[inside]
        else:
            found[rows] = best
    return place.gather(found).sum(dim=0)


def sentences(encoded: Encoded, labels: Tensor) -> list[list[str]]:
    """The tags of each sentence's words, from a label id for each token (tokens,)."""
    tags: list[list[str]] = [[] for _ in range(int(encoded.sentence[-1]) + 1)]
    of = torch.repeat_interleave(encoded.sentence, encoded.lengths)
    first = encoded.labels != IGNORE
    for number, label in zip(of[first].tolist(), labels[first].tolist(), strict=True):
        tags[number].append(encoded.tags[label])
    return tags


def f1(model, encoded: Encoded, batch_size: int = 128, *, place: Place | None = None) -> float:
    """Micro F1 of the names found, in [0, 1], by seqeval as in XTREME (Hu et al. 2020).

    A word counts once, by its first piece. Of parts of speech, which are no IOB2, seqeval takes
    each run of equal tags for a name; that is XTREME's F1 for them as well. place: as for
    `accuracy`.
    """
    found = predicted(model, encoded, batch_size, place=place)
    return tag_f1(sentences(encoded, encoded.labels), sentences(encoded, found))


def tag_f1(gold: list[list[str]], found: list[list[str]]) -> float:
    """seqeval's micro F1 of tags (sentence → word → tag), in [0, 1]."""
    return tag_scores(gold, found)["f1"]


def tag_scores(gold: list[list[str]], found: list[list[str]]) -> dict[str, float]:
    """seqeval's micro f1, precision and recall of tags (sentence → word → tag), in [0, 1]."""
    from seqeval.metrics.sequence_labeling import precision_recall_fscore_support

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* seems not to be NE tag")
        precision, recall, f1, _ = precision_recall_fscore_support(
            gold, found, average="micro", zero_division=0
        )
    return {"f1": float(f1), "precision": float(precision), "recall": float(recall)}


def accuracy_of(gold: list[str], found: list[str]) -> float:
    """The share of labels that agree, in [0, 1]."""
    return sum(a == b for a, b in zip(gold, found, strict=True)) / len(gold)


def _shared(encoded: Encoded, batch_size: int, place: Place):
    """This process's rows, in batches of like length, which waste no padding."""
    order = encoded.lengths.argsort(stable=True)
    return order[place.rank :: place.processes].split(batch_size)


def _logits(model, encoded: Encoded, rows: Tensor, place: Place) -> Tensor:
    at, inside = positions(encoded, rows)
    return model(
        encoded.ids[at].where(inside, 0).to(place.device),
        attention_mask=inside.to(place.device),
        token_type_ids=encoded.segments[at].where(inside, 0).to(place.device),
    ).logits

"""Evaluation: accuracy of a classifier of pairs, F1 of a classifier of words.

Chapters: Training over 15 seeds; Feature aggregation (F1).
"""

import warnings
from typing import Any

import torch
from torch import Tensor

from ..models.encoding import IGNORE, Encoded, pooled, positions
from .device import Compute


def score(
    model, encoded: Encoded, batch_size: int = 128, *, compute: Compute | None = None
) -> float:
    """What a task is scored by, see `score_of`.

    compute: where, as the model was prepared by it; several processes share the rows.
    """
    return score_of(outputs(model, encoded, batch_size, compute=compute), encoded)


def score_of(found: Tensor, encoded: Encoded) -> float:
    """The score of a test set's `outputs`, in [0, 1].

    Of pairs it is accuracy, the share whose highest logit is the label's. Of tagged sentences it is
    micro F1 of the names found, by seqeval as in XTREME (Hu et al. 2020). A word counts once, by
    the piece that carries its tag. Of parts of speech, which are no IOB2, seqeval takes each run of
    equal tags for a name; that is XTREME's F1 for them as well.
    """
    if encoded.tags:
        return tag_f1(sentences(encoded, encoded.labels), sentences(encoded, found))
    return (found.argmax(dim=1) == encoded.labels).sum().item() / len(encoded)


def outputs(
    model, encoded: Encoded, batch_size: int = 128, *, compute: Compute | None = None
) -> Tensor:
    """What a model says of a test set: `logits` of pairs, `predicted` of tagged sentences."""
    of = predicted if encoded.tags else logits
    return of(model, encoded, batch_size, compute=compute)


@torch.inference_mode()
def predicted(
    model, encoded: Encoded, batch_size: int = 128, *, compute: Compute | None = None
) -> Tensor:
    """The label id with the highest logit: of each pair (n,), or of each token (tokens,).

    compute: as for `score`.
    """
    compute = compute or Compute()
    model.eval()
    predictions = torch.zeros_like(encoded.labels)
    for rows in _shared(encoded, batch_size, compute):
        best = _logits(model, encoded, rows, compute).argmax(dim=-1).cpu()
        if encoded.tags:
            at, inside = positions(encoded, rows)
            predictions[at[inside]] = best[inside]
        else:
            predictions[rows] = best
    return compute.gather(predictions).sum(dim=0)


@torch.inference_mode()
def logits(
    model, encoded: Encoded, batch_size: int = 128, *, compute: Compute | None = None
) -> Tensor:
    """The logits of each pair, (n, labels); compute: as for `score`."""
    compute = compute or Compute()
    model.eval()
    own: Any = compute.own(model)
    found = torch.zeros(len(encoded), own.config.num_labels)
    for rows in _shared(encoded, batch_size, compute):
        found[rows] = _logits(model, encoded, rows, compute).cpu()
    return compute.gather(found).sum(dim=0)


def sentences(encoded: Encoded, labels: Tensor) -> list[list[str]]:
    """The tags of each sentence's words, from a label id for each token (tokens,)."""
    tags: list[list[str]] = [[] for _ in range(int(encoded.sentence[-1]) + 1)]
    of = torch.repeat_interleave(encoded.sentence, encoded.lengths)
    first = encoded.labels != IGNORE
    for number, label in zip(of[first].tolist(), labels[first].tolist(), strict=True):
        tags[number].append(encoded.tags[label])
    return tags


def tag_f1(gold: list[list[str]], predictions: list[list[str]]) -> float:
    """seqeval's micro F1 of tags (sentence → word → tag), in [0, 1]."""
    return tag_scores(gold, predictions)["f1"]


def tag_scores(gold: list[list[str]], predictions: list[list[str]]) -> dict[str, float]:
    """seqeval's micro f1, precision and recall of tags (sentence → word → tag), in [0, 1]."""
    from seqeval.metrics.sequence_labeling import precision_recall_fscore_support

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* seems not to be NE tag")
        precision, recall, f1, _ = precision_recall_fscore_support(
            gold, predictions, average="micro", zero_division=0
        )
    return {"f1": float(f1), "precision": float(precision), "recall": float(recall)}


def accuracy_of(gold: list[str], predictions: list[str]) -> float:
    """The share of labels that agree, in [0, 1]."""
    return sum(a == b for a, b in zip(gold, predictions, strict=True)) / len(gold)


def _shared(encoded: Encoded, batch_size: int, compute: Compute):
    """This process's rows, in batches of like length, which waste no padding."""
    order = encoded.lengths.argsort(stable=True)
    return order[compute.rank :: compute.processes].split(batch_size)


def _logits(model, encoded: Encoded, rows: Tensor, compute: Compute) -> Tensor:
    at, inside = positions(encoded, rows)
    found = model(
        encoded.ids[at].where(inside, 0).to(compute.device),
        attention_mask=inside.to(compute.device),
        token_type_ids=encoded.segments[at].where(inside, 0).to(compute.device),
    ).logits
    return pooled(found, encoded, rows)

"""Label-balanced predictions: what is left of a gain that is only a shift of the answers?

A model that answers one label too seldom in a language gains by answering it more often, whether or
not it has understood anything more. So the answers of every method are also judged after a bias per
language has made the labels as frequent as they are known to be. The bias is fitted on unlabelled
items of that language, never on those that are scored: it needs some text of the task in the
language and the shares of the labels, and no label of any item.

Source: prior matching as in Saerens et al. (2002), with the argmax in the place of the posterior.
Chapter: Results and t-tests.
"""

import numpy as np
from numpy.typing import ArrayLike

from ..errors import SaltError

ROUNDS = 400


def balancing_bias(logits: ArrayLike, shares: ArrayLike | None = None) -> np.ndarray:
    """The bias (k,) that makes the labels with the highest logit as frequent as ``shares``.

    logits: (n, k) of unlabelled items. shares: (k,) how frequent the labels are, by default all
    alike. Minimises Σ max_j (logit_j + bias_j) − n Σ share_j bias_j, which is convex, by a
    subgradient method, and keeps the best bias seen; its mean is 0. Raises SaltError for no items,
    and shares that are none.
    """
    logits = np.asarray(logits, dtype=float)
    if logits.ndim != 2 or not len(logits):
        raise SaltError(f"logits of shape {logits.shape}: (items, labels) with an item is needed")
    kinds = logits.shape[1]
    wanted = np.full(kinds, 1 / kinds) if shares is None else np.asarray(shares, dtype=float)
    if wanted.shape != (kinds,) or (wanted < 0).any() or abs(wanted.sum() - 1) > 1e-6:
        raise SaltError(f"shares {wanted}: one for each of {kinds} labels, summing to 1")
    bias, best, least = np.zeros(kinds), np.zeros(kinds), np.inf
    step = float(np.ptp(logits, axis=1).mean()) or 1.0
    for number in range(ROUNDS):
        off = predicted_shares(logits, bias) - wanted
        distance = float(np.abs(off).sum())
        if distance < least:
            best, least = bias, distance
        if distance == 0:
            break
        bias = bias - step / (1 + 0.1 * number) * off
        bias = bias - bias.mean()
    return best


def right_when_balanced(logits: ArrayLike, labels: ArrayLike) -> np.ndarray:
    """(n,) which items are right once the answers are balanced, of (n, k) logits and (n,) labels.

    Every other item is a half: the bias of one half, whose labels are not read, judges the other.
    """
    values, wanted = np.asarray(logits, dtype=float), np.asarray(labels)
    right, halves = np.zeros(len(wanted), dtype=bool), np.arange(len(wanted)) % 2
    for half in (0, 1):
        here = halves == half
        bias = balancing_bias(values[~here] if (~here).any() else values[here])
        right[here] = (values[here] + bias).argmax(axis=1) == wanted[here]
    return right


def predicted_shares(logits: ArrayLike, bias: ArrayLike = 0.0) -> np.ndarray:
    """How often each label has the highest logit, (k,), after a bias is added."""
    shifted = np.asarray(logits, dtype=float) + np.asarray(bias, dtype=float)
    return np.bincount(shifted.argmax(axis=1), minlength=shifted.shape[1]) / len(shifted)


def one_versus_rest_auc(logits: ArrayLike, labels: ArrayLike) -> float:
    """The mean over the labels of the area under the ROC curve of one label against the rest.

    logits: (n, k), labels: (n,). A label's score is its log-probability. No bias on a label changes
    its order much, so that this is what no shift of the answers can raise. SaltError: a label that
    no item, or every item, has.
    """
    logits, labels = np.asarray(logits, dtype=float), np.asarray(labels)
    shifted = logits - logits.max(axis=1, keepdims=True)
    scores = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    areas = []
    for label in range(logits.shape[1]):
        has = labels == label
        if has.all() or not has.any():
            raise SaltError(f"label {label}: an AUC needs items with it and items without it")
        # Ties share their ranks, so that equal scores count one half (Mann and Whitney).
        _, inverse, counts = np.unique(scores[:, label], return_inverse=True, return_counts=True)
        ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
        positives = int(has.sum())
        above = ranks[has].sum() - positives * (positives + 1) / 2
        areas.append(above / (positives * (len(labels) - positives)))
    return float(np.mean(areas))

"""What a run on real data keeps of every test item, besides the scores.

Intervals over seeds and items need each item: whether a pair was right, how many chunks of a
sentence were. Of pairs it also keeps how often each label is answered, and what is right after the
answers are balanced (`study.balance`), for a gain may be no more than a label answered more often.

Chapter: On real text.
"""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from ..models.encoding import Encoded
from ..study import balance
from ..study.packing import packed
from ..training.evaluate import sentences

DIGITS = 4


def measured(said: Mapping[str, Tensor], tests: Mapping[str, Encoded]) -> dict[str, dict]:
    """Language → what is kept of its test set, counts as `study.packing` packs them.

    said: what a model says of each test set (`training.evaluate.outputs`). Of tagged sentences:
    ``gold``, ``predicted`` and ``right``, the chunks of each sentence (`chunk_counts`). Of pairs:
    ``right`` and ``balanced``, 1 where a pair is right, and ``shares``, how often each label is
    answered.
    """
    of = {code: _tagged if test.tags else _pairs for code, test in tests.items()}
    return {code: of[code](said[code], test) for code, test in tests.items()}


def chunk_counts(gold: Sequence[str], tags: Sequence[str]) -> tuple[int, int, int]:
    """seqeval's chunks of one sentence: of its gold tags, of the predicted, and those of both.

    Over sentences they add up: micro F1 is 2 × right / (gold + predicted), see `evaluate.score_of`.
    """
    from seqeval.metrics.sequence_labeling import get_entities

    ours, theirs = set(get_entities(list(gold))), set(get_entities(list(tags)))
    return len(ours), len(theirs), len(ours & theirs)


def _tagged(labels: Tensor, test: Encoded) -> dict:
    gold, tags = sentences(test, test.labels), sentences(test, labels)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* seems not to be NE tag")  # parts of speech
        rows = [chunk_counts(*pair) for pair in zip(gold, tags, strict=True)]
    counts = np.array(rows).reshape(-1, 3)
    return dict(zip(("gold", "predicted", "right"), map(packed, counts.T), strict=True))


def _pairs(logits: Tensor, test: Encoded) -> dict:
    values, labels = logits.double().numpy(), test.labels.numpy()
    shares = balance.predicted_shares(values)
    return {
        "right": packed(values.argmax(axis=1) == labels),
        "balanced": packed(balance.right_when_balanced(values, labels)),
        "shares": [round(float(share), DIGITS) for share in shares],
    }

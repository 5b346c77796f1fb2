"""What a run of the study over worlds keeps besides accuracy: by label, by relation, by group.

An accuracy can rise because a label that was answered too seldom is answered more often. So a run
also keeps its label shares, its accuracy after they are balanced (`study.balance`; the bias is
fitted on a language's dev items, whose labels are not read), its AUC, what it does with each
relation between the two sentences, and how many items of each test group it has right: of the
groups, intervals over items are made later.

Rivals that need no other training are measured in the same run: the average of the weights at the
ends of the epochs (Schmidt et al. 2023), and the epoch that labelled target data would choose.

Chapter: Results and t-tests.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from ..languages import SOURCE
from ..models.encoding import Encoded
from ..study import balance
from ..study.packing import packed
from ..training.evaluate import logits, score
from ..training.progress import Monitor
from .minibabel.views import Pair
from .predictions import encoded
from .tasks import FRESH, facts, load, task

PEEKED = 100  # dev groups of each target language that the oracle sees after each epoch
DIGITS = 4


def measured(model, world: int, name: str, splits: Sequence[str] = ("test", FRESH)) -> dict:
    """Measures of a trained classifier on test sets of a task of `tasks.WORLD_TASKS`.

    Returns split → accuracy, balanced, auc (each language → in [0, 1]), shares (language → how
    often each label is answered), relations (relation → accuracy in the targets), groups and
    groups_balanced (right answers in the targets of each group of items, as `packed`).
    """
    languages = task(name).languages
    biases = {
        code: balance.balancing_bias(_logits(model, world, name, "dev", code)) for code in languages
    }
    return {split: _of_split(model, world, name, split, biases) for split in splits}


def _of_split(model, world: int, name: str, split: str, biases: Mapping[str, np.ndarray]) -> dict:
    spec, rows = task(name), facts(name, split, world)
    relations = np.array([row.change.split()[1] for row in rows if isinstance(row, Pair)])
    labels = np.array(load(name, split, SOURCE, world).labels)
    right, balanced = np.zeros(len(rows), int), np.zeros(len(rows), int)
    found: dict[str, Any] = {key: {} for key in ("accuracy", "balanced", "auc", "shares")}
    for code in spec.languages:
        values = _logits(model, world, name, split, code)
        plain = values.argmax(axis=1) == labels
        fair = (values + biases[code]).argmax(axis=1) == labels
        found["accuracy"][code] = _rounded(plain.mean())
        found["balanced"][code] = _rounded(fair.mean())
        found["auc"][code] = _rounded(balance.one_versus_rest_auc(values, labels))
        found["shares"][code] = [_rounded(x) for x in balance.predicted_shares(values)]
        if code != SOURCE:
            right, balanced = right + plain, balanced + fair
    count = len(spec.targets)
    found["relations"] = {
        relation: _rounded(right[relations == relation].mean() / count)
        for relation in np.unique(relations).tolist()
    }
    groups = len(rows) // spec.per_group
    found["groups"] = packed(right.reshape(groups, -1).sum(axis=1))
    found["groups_balanced"] = packed(balanced.reshape(groups, -1).sum(axis=1))
    return found


class Epochs(Monitor):
    """Follows a training at the ends of its epochs: mean weights, and what an oracle would choose.

    average: the mean over the epochs of each weight. oracle: the weights of the epoch with the
    highest mean accuracy over the target languages, of ``peeked`` (language → dev items with their
    labels), which zero-shot transfer does not have. target_dev: that accuracy, epoch by epoch.
    """

    def __init__(self, peeked: Mapping[str, Encoded]):
        super().__init__()
        self.peeked = peeked
        self.average: dict[str, Tensor] = {}
        self.oracle: dict[str, Tensor] = {}
        self.target_dev: list[float] = []

    def epoch(self, step, epoch, scores, best):
        """Take the epoch's weights in."""
        super().epoch(step, epoch, scores, best)
        weights = self.model.state_dict()
        for name, value in weights.items():
            if not value.is_floating_point():
                self.average[name] = value.clone()
            elif epoch == 1:
                self.average[name] = value.clone()
            else:
                self.average[name] += (value - self.average[name]) / epoch
        mean = float(np.mean([score(self.model, part) for part in self.peeked.values()]))
        if mean > max(self.target_dev, default=-1):
            self.oracle = copy.deepcopy(weights)
        self.target_dev.append(mean)


def watcher(world: int, name: str) -> Epochs:
    """`Epochs` for a task: its oracle sees the first `PEEKED` dev groups of each target."""
    spec = task(name)
    peeked = {
        c: encoded(world, name, "dev", c).part(0, PEEKED * spec.per_group) for c in spec.targets
    }
    return Epochs(peeked)


def everything(model, watched: Epochs, world: int, name: str) -> dict:
    """All measures of a run: of the model as trained, of its averaged weights, of the oracle's.

    Returns chosen and averaged (see `measured`; averaged on the test set alone), oracle (epoch from
    0, zero_shot on the test set, target_dev). The model ends with other weights.
    """
    targets = task(name).targets
    kept = {"chosen": measured(model, world, name)}
    model.load_state_dict(watched.average)
    kept["averaged"] = measured(model, world, name, ("test",))
    model.load_state_dict(watched.oracle)
    tests = [score(model, encoded(world, name, "test", code)) for code in targets]
    kept["oracle"] = {
        "epoch": int(np.argmax(watched.target_dev)),
        "zero_shot": _rounded(np.mean(tests)),
        "target_dev": [_rounded(value) for value in watched.target_dev],
    }
    return kept


def _logits(model, world: int, name: str, split: str, code: str) -> np.ndarray:
    return logits(model, encoded(world, name, split, code)).numpy().astype(float)


def _rounded(value) -> float:
    return round(float(value), DIGITS)

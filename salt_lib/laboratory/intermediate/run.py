"""The runs: world, condition and number in, zero-shot scores of `mini-xnli` out.

A run trains the checkpoint's encoder on an intermediate task, carries its weights over into the
classifier of `mini-xnli`, and fine-tunes that in English as all studies of the laboratory do. A
run's number is 100 × draw + seed: the draw decides which examples there are, the seed all else.

Chapter: Intermediate tasks.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ...errors import SaltError
from ...models import classifiers
from ...salt.methods import method as method_by_name
from ...training.config import Config
from ...training.evaluate import score
from ...training.loop import fit
from ..pictures.towers import views
from ..predictions import predictions_path
from ..run import prepared
from ..setup import Laboratory
from .conditions import MATCHING, TARGET, Condition, Intermediate, condition
from .on_captions import train_on_captions
from .on_examples import train_on_examples
from .steps import Steps, Trained

if TYPE_CHECKING:
    from ...study.grid import Job

SEEDS = 100  # numbers of a draw
POOLER = "pooler."  # what encoders that never read a pair as one lack; the checkpoint's stays


def number(draw: int, seed: int) -> int:
    """The number of a run. SaltError: a seed above 99."""
    if not 0 <= seed < SEEDS or draw < 0:
        raise SaltError(f"draw {draw}, seed {seed}: seeds lie between 0 and {SEEDS - 1}")
    return SEEDS * draw + seed


def draw_and_seed(number: int) -> tuple[int, int]:
    """What `number` is made of."""
    return divmod(number, SEEDS)


def intermediate(
    world: int, row: Condition, draw: int, seed: int, how: Steps | None = None
) -> Trained | None:
    """What a condition's intermediate task leaves; None where there is none."""
    if row.task is None:
        return None
    if row.on_captions:
        return train_on_captions(world, row, seed, how)
    return train_on_examples(world, row, draw, seed, how)


def carry(weights: Mapping[str, Tensor], model: nn.Module) -> None:
    """Put an encoder's weights into a classifier of the same checkpoint, in place.

    Raises SaltError where they are not all the encoder's but for its pooler.
    """
    base: Any = model.base_model
    lacking, other = base.load_state_dict(weights, strict=False)
    if other or [name for name in lacking if not name.startswith(POOLER)]:
        raise SaltError(
            f"the intermediate task's weights are of another encoder: {sorted(other)[:3]} are not "
            f"in the classifier's, {sorted(lacking)[:3]} are missing"
        )


def train(
    world: int,
    row: Condition,
    method: str,
    number: int,
    *,
    config: Config | None = None,
    how: Steps | None = None,
    scored: str = "test",
) -> dict:
    """Train and evaluate one run, on one thread.

    config: of the fine-tuning, by default the laboratory's; how: of the intermediate task, by
    default its `STEPS`. scored: the split that all languages are scored on, "dev" for tuning.
    Returns scores (language → accuracy of `mini-xnli`), measures (``intermediate``: see
    `steps.Trained`), dev, epoch, seconds and config.
    """
    draw, seed = draw_and_seed(number)
    setup, rules = Laboratory(world), method_by_name(method)
    config = config or setup.config(TARGET, method)
    ready = prepared(setup, TARGET, rules, config, scored)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        started = time.perf_counter()
        trained = intermediate(world, row, draw, seed, how)
        model = classifiers.classifier(ready.checkpoint, ready.labels, seed, config.dropout)
        if trained:
            carry(trained.weights, model)
        dev, epoch = fit(model, ready, rules, config, seed)
        scores = {code: score(model, test) for code, test in ready.tests.items()}
        seconds = time.perf_counter() - started
    finally:
        torch.set_num_threads(before)
    return {
        "scores": scores,
        "measures": {"intermediate": trained.about if trained else {}},
        "dev": dev,
        "epoch": epoch,
        "seconds": seconds,
        "config": asdict(config),
    }


def prepare(job: Job[Intermediate]) -> None:
    """Make what a condition's runs share, the pictures' vectors and the predictions, before workers
    start."""
    if condition(job.spec.task).task == MATCHING:
        views(job.spec.world)
    if method_by_name(job.spec.method).substitutions is not None:
        predictions_path(job.spec.world, TARGET)


def run(job: Job[Intermediate]) -> dict:
    """Make a study's run."""
    spec = job.spec
    return train(spec.world, condition(spec.task), spec.method, spec.seed)

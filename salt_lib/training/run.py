"""One run: fine-tune a checkpoint on prepared data, choose the epoch, score every language.

A run uses one thread, so the same run gives the same scores to the last bit.

Chapter: Training over 15 seeds.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict

import torch
from torch import Tensor, nn

from ..errors import SaltError
from ..models import classifiers
from ..salt.methods import Method
from ..salt.prepared import Prepared
from .config import Config
from .device import Compute
from .evaluate import outputs, score_of
from .loop import fit
from .progress import Monitor

# Of a trained model, and of what it says of each test set.
Measure = Callable[[nn.Module, Mapping[str, Tensor]], dict]


def train_and_score(
    prepared: Prepared,
    method: Method,
    config: Config,
    seed: int,
    *,
    compute: Compute | None = None,
    monitor: Monitor | None = None,
    threads: int | None = 1,
    keep: Callable[[nn.Module], None] | None = None,
    measure: Measure | None = None,
) -> dict:
    """Fine-tune the checkpoint and score every test set.

    compute, monitor: see `loop.fit`. threads: of the processor, None for as many as there are now.
    keep: called with the trained model, by one process. measure: of the model and of what it
    says of each test set (language → `evaluate.outputs`), what else to tell, its ``measures``;
    called last, by every process. Returns scores (language → test score in [0, 1],
    see `evaluate.score_of`), dev (English dev score per epoch), epoch (the chosen one, from 0),
    seconds and config. Raises SaltError where the device's memory is too small, and for a method
    that substitutes where ``prepared`` has no substitutions.
    """
    check_substitutions(prepared, method)
    compute = compute or Compute()
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        started = time.perf_counter()
        with enough_memory(compute, config):
            model = classifiers.classifier(
                prepared.checkpoint,
                prepared.labels,
                seed,
                config.dropout,
                tagged=bool(prepared.train.tags),
                layer=method.layer,
                gate=method.gate,
            )
            dev, epoch = fit(
                model, prepared, method, config, seed, compute=compute, monitor=monitor
            )
            said = {c: outputs(model, test, compute=compute) for c, test in prepared.tests.items()}
        if keep and compute.first:
            keep(model)
        seconds = time.perf_counter() - started
        measures = {} if measure is None else {"measures": measure(model, said)}
    finally:
        torch.set_num_threads(before)
    return {
        "scores": {c: score_of(said[c], test) for c, test in prepared.tests.items()},
        "dev": dev,
        "epoch": epoch,
        "seconds": seconds,
        "config": asdict(config),
        **measures,
    }


def check_substitutions(prepared: Prepared, method: Method) -> None:
    """Raise SaltError for a method that substitutes where ``prepared`` has no substitutions."""
    if method.substitutions and not len(prepared.choices.count):
        raise SaltError(
            f"method {method.name!r} substitutes words: give data prepared with "
            "Prepared.substituting, of predictions made with substitutions.write_predictions"
        )


@contextmanager
def enough_memory(compute: Compute, config: Config) -> Iterator[None]:
    """Say which setting to lower where the device's memory is too small (SaltError)."""
    try:
        yield
    except RuntimeError as error:
        # Of the processor's memory torch speaks in a plain RuntimeError.
        if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        rows = compute.micro_batch or config.batch
        raise SaltError(
            f"out of memory on {compute.device} with {rows} rows at a time: lower micro_batch, to "
            f"{max(1, rows // 2)} for a start (the batch stays {config.batch}, and so do results), "
            "or max_length"
        ) from error

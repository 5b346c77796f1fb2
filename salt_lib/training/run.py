"""One run: one task, one method, one seed, from the checkpoint to per-language scores.

Everything random depends on the seed alone, and a run uses one thread, so the same run gives the
same scores to the last bit. The order of the data, the classifier's first weights and the dropout
are the same for every method of a seed: runs pair up.

Chapter: Training.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

import torch

from ..errors import SaltError
from ..models import classifiers
from ..models.encoding import Encoded
from ..salt.methods import Method
from .config import Config
from .device import Place
from .evaluate import score
from .loop import fit
from .progress import Watch


def train_and_score(
    source,
    method: Method,
    config: Config,
    seed: int,
    *,
    labels: int,
    data: Encoded,
    dev: Encoded,
    tests: dict[str, Encoded],
    choices=None,
    translations: Encoded | None = None,
    place: Place | None = None,
    watch: Watch | None = None,
    threads: int | None = 1,
    keep: Callable | None = None,
) -> dict:
    """One run on any encoded data: fine-tune the checkpoint ``source``, score every test set.

    See `run` for what is returned and `fit` for the arguments. threads: of the processor, None for
    as many as there are now. keep: called with the trained model. Raises SaltError where the
    device's memory is too small.
    """
    place = place or Place()
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        started = time.perf_counter()
        with enough_memory(place, config):
            fused = (bool(data.tags), method.layer, method.gate)
            model = classifiers.classifier(source, labels, seed, config.dropout, *fused)
            parts = (data, dev, method, config, seed, choices, translations)
            scores, epoch = fit(model, *parts, place=place, watch=watch)
            found = {code: score(model, test, place=place) for code, test in tests.items()}
        if keep and place.first:
            keep(model)
        seconds = time.perf_counter() - started
    finally:
        torch.set_num_threads(before)
    return {
        "scores": found,
        "dev": scores,
        "epoch": epoch,
        "seconds": seconds,
        "config": asdict(config),
    }


@contextmanager
def enough_memory(place: Place, config: Config) -> Iterator[None]:
    """Say which setting to lower where the device's memory is too small (SaltError)."""
    try:
        yield
    except RuntimeError as error:
        # Of the processor's memory torch speaks in a plain RuntimeError.
        if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        rows = place.micro_batch or config.batch
        raise SaltError(
            f"out of memory on {place.device} with {rows} rows at a time: lower micro_batch, to "
            f"{max(1, rows // 2)} for a start (the batch stays {config.batch}, and so do results), "
            "or max_length"
        ) from error

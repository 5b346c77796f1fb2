"""What a study at the paper's scale will cost, measured on the device at hand before it starts.

Some training steps of each kind, some distilling and some scoring are done as the study would do
them, on rows drawn from its own data; the rest is multiplication.

Chapter: At paper scale.
"""

import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import pandas as pd
import torch

from ..data import benchmarks
from ..models import classifiers, loading
from ..salt import distill, predictions
from ..salt.methods import method as method_by_name
from ..salt.prepared import prepare
from ..salt.vocabulary import piece_ids
from ..study.grid import Spec
from ..study.provenance import hardware
from ..training.device import Compute
from ..training.evaluate import score
from ..training.loop import fit
from ..training.progress import Monitor
from ..training.run import enough_memory
from .run import compute_of
from .setup import Setup, read, words

STEPS = 30
WARM = 3  # steps that aren't timed: memory is found, kernels are chosen
MOST = 15.0  # seconds for the steps of each kind
DEVICES = (1, 4, 16)


@dataclass(frozen=True)
class Costs:
    """What was measured for a task, in seconds: a step with and without mixup, and a pair's rest.

    length: tokens of a training pair, on average. memory: peak of the device in bytes, None for the
    processor.
    """

    plain_step: float
    mixup_step: float
    distil_pair: float
    score_pair: float
    length: float
    memory: int | None
    device: str


class Enough(Exception):
    """So many steps were timed that the rest can be told."""


class Stopwatch(Monitor):
    """Notes when each step ends; the device is waited for.

    Ends the training by `Enough` when ``seconds`` are over: of a slow machine some steps do.
    """

    def __init__(self, most: float = MOST):
        super().__init__()
        self.most = most

    def begin(self, steps, compute, model, optimizer):
        self.times = []
        return super().begin(steps, compute, model, optimizer)

    def step(self, step, epoch, loss, norm, pairs, scores):
        super().step(step, epoch, loss, norm, pairs, scores)
        self.times.append(now(self.compute))
        if len(self.times) > WARM + 1 and self.times[-1] - self.times[0] > self.most:
            raise Enough

    @property
    def seconds(self) -> float:
        """Of a step, the median."""
        ends = self.times[WARM:]
        return statistics.median(b - a for a, b in zip(ends, ends[1:], strict=False))


def now(compute: Compute) -> float:
    """The time in seconds when the device has done what it was given."""
    if compute.device.type == "cuda":
        torch.cuda.synchronize(compute.device)
    return time.perf_counter()


def measure(setup: Setup, task: str, steps: int = STEPS, progress: bool = False) -> Costs:
    """Do ``steps`` steps of plain fine-tuning and of SALT, distil and score, and time them.

    On a slow machine fewer steps, as many as `MOST` seconds have. progress: say on the standard
    error what is being done.
    """

    def tell(what: str) -> None:
        if progress:
            print(f"salt: {task}: {what} …", file=sys.stderr, flush=True)

    tell("reading the data, counting words")
    compute, data, config = compute_of(setup), read(setup, task)["train"], setup.training
    dice = torch.Generator().manual_seed(0)
    # With replacement: a file of a few rows gives as many steps as any.
    rows = torch.randint(len(data), ((WARM + 1 + steps) * config.batch,), generator=dice).tolist()
    sample, word_counts, labels = data.take(rows), words(setup, task), benchmarks.task(task).labels
    few = sample[: 4 * config.batch]
    ready = prepare(
        setup.model,
        labels,
        sample,
        few,
        {},
        word_counts,
        longest=setup.max_length,
        placement=setup.placement,
    )
    seconds: dict[str, float] = {}
    on_gpu = compute.device.type == "cuda"
    tell("distilling some pairs")
    with enough_memory(compute, config):
        pieces = loading.tokenizer(setup.model).get_vocab()
        ids = {code: piece_ids(counts, pieces) for code, counts in word_counts.items()}
        lm = loading.to_device(loading.masked_lm(setup.model), compute.device)
        list(distill.predict(lm, ready.dev, ids))
        began = now(compute)
        predicted = [part.to_pandas() for part in distill.predict(lm, ready.dev, ids)]
        seconds["distil_pair"] = (now(compute) - began) / len(ready.dev)
        del lm
        if on_gpu:
            torch.cuda.reset_peak_memory_stats(compute.device)
        kept = pd.concat([predictions.no_predictions(), *predicted], ignore_index=True)
        for name, method in (("plain_step", "baseline"), ("mixup_step", "salt")):
            row, stopwatch = method_by_name(method), Stopwatch()
            now_ready = (
                ready.substituting(row.substitutions, kept, words=row.words)
                if row.substitutions
                else ready
            )
            model = classifiers.classifier(
                setup.model, len(labels), 0, config.dropout, tagged=bool(ready.train.tags)
            )
            once = replace(config, epochs=1)
            tell(f"timing at most {steps} steps of {method}")
            with suppress(Enough):
                fit(model, now_ready, row, once, 0, compute=compute, monitor=stopwatch)
            seconds[name] = stopwatch.seconds
        tell("scoring some pairs")
        began = now(compute)
        score(model, ready.dev, compute=compute)
        seconds["score_pair"] = (now(compute) - began) / len(ready.dev)
    return Costs(
        **seconds,
        length=ready.train.lengths.float().mean().item(),
        memory=torch.cuda.max_memory_allocated(compute.device) if on_gpu else None,
        device=torch.cuda.get_device_name(compute.device) if on_gpu else hardware(),
    )


def hours(setup: Setup, specs: Iterable[Spec], costs: dict[str, Costs]) -> dict:
    """What the runs will take by the measured ``costs`` (task → `Costs`), in hours of one device.

    Returns ``runs`` (task, method → the hours of one run and the number of runs), ``distil`` (task,
    kind → hours, once), ``total``, and ``wall`` (devices → hours until all is done, one run a
    device at a time).
    """
    specs = list(specs)
    runs: dict[tuple[str, str], dict] = {}
    distil: dict[tuple[str, str], float] = {}
    for spec in specs:
        key = (spec.task, spec.method)
        if key in runs:
            runs[key]["runs"] += 1
            continue
        row, cost = method_by_name(spec.method), costs[spec.task]
        data, config = read(setup, spec.task), setup.training
        steps = config.epochs * -(-len(data["train"]) // config.batch)
        scored = config.epochs * len(data["dev"])
        scored += sum(len(pairs) for name, pairs in data.items() if name.startswith("test-"))
        step = cost.mixup_step if row.mixup else cost.plain_step
        seconds = steps * step + scored * cost.score_pair
        runs[key] = {"runs": 1, "steps": steps, "hours": seconds / 3600}
        if row.substitutions:
            kind = "masked" if row.substitutions == "masked" else "distilled"
            distil[spec.task, kind] = len(data["train"]) * cost.distil_pair / 3600
    each = sorted((runs[s.task, s.method]["hours"] for s in specs), reverse=True)
    return {
        "runs": runs,
        "distil": distil,
        "total": sum(each) + sum(distil.values()),
        "wall": {n: sum(distil.values()) + makespan(each, n) for n in DEVICES},
    }


def makespan(each: Sequence[float], devices: int) -> float:
    """When the last of ``devices`` is done that take the given durations one after the other."""
    free = [0.0] * devices
    for hours_ in each:
        first = min(range(devices), key=free.__getitem__)
        free[first] += hours_
    return max(free)

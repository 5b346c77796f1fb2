"""What a study at the paper's scale will cost, measured on the device at hand before it starts.

Some training steps of each kind, some distilling and some scoring are done as the study would do
them, on rows drawn from its own data; the rest is multiplication.

Chapter: At paper scale.
"""

import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import pandas as pd
import torch

from ..data import benchmarks
from ..data.examples import Pairs
from ..models import classifiers, encoding, loading
from ..salt import distill, predictions
from ..salt.methods import method as method_by_name
from ..salt.vocabulary import piece_ids
from ..study.grid import Spec
from ..study.provenance import hardware
from ..training import finetune
from ..training.device import Place
from ..training.evaluate import accuracy
from ..training.loop import fit
from ..training.progress import Watch
from ..training.run import enough_memory
from . import run as real_run
from . import setup as real_setup
from .setup import Setup

STEPS = 30
WARM = 3  # steps that aren't timed: memory is found, kernels are chosen
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


class Stopwatch(Watch):
    """Notes when each step ends; the device is waited for."""

    def begin(self, steps, place, model, optimizer):
        self.times = []
        return super().begin(steps, place, model, optimizer)

    def step(self, step, epoch, loss, norm, pairs, scores):
        super().step(step, epoch, loss, norm, pairs, scores)
        self.times.append(now(self.place))

    @property
    def seconds(self) -> float:
        """Of a step, the median."""
        ends = self.times[WARM:]
        return statistics.median(b - a for a, b in zip(ends, ends[1:], strict=False))


def now(place: Place) -> float:
    """The time in seconds when the device has done what it was given."""
    if place.device.type == "cuda":
        torch.cuda.synchronize(place.device)
    return time.perf_counter()


def measure(setup: Setup, task: str, steps: int = STEPS) -> Costs:
    """Do ``steps`` steps of plain fine-tuning and of SALT, distil and score, and time them."""
    place, data, config = (
        real_run.place_of(setup),
        real_setup.read(setup, task)["train"],
        setup.training,
    )
    dice = torch.Generator().manual_seed(0)
    # With replacement: a file of a few pairs gives as many steps as any.
    rows = torch.randint(len(data), ((WARM + 1 + steps) * config.batch,), generator=dice).tolist()
    sample = Pairs(*([c[i] for i in rows] for c in (data.first, data.second, data.labels)))
    tokenizer, words = loading.tokenizer(setup.model), real_setup.words(setup, task)
    encoded = encoding.encode(tokenizer, sample, True, setup.max_length)
    few = encoding.encode(tokenizer, sample[: 4 * config.batch], True, setup.max_length)
    labels, found = len(benchmarks.task(task).labels), {}
    on_gpu = place.device.type == "cuda"
    with enough_memory(place, config):
        ids = {code: piece_ids(own, tokenizer.get_vocab()) for code, own in words.items()}
        model = loading.masked_lm(setup.model).to(place.device)
        list(distill.predict(model, few, ids))
        began = now(place)
        predicted = [part.to_pandas() for part in distill.predict(model, few, ids)]
        found["distil_pair"] = (now(place) - began) / len(few)
        del model
        if on_gpu:
            torch.cuda.reset_peak_memory_stats(place.device)
        for name, method in (("plain_step", "baseline"), ("mixup_step", "salt")):
            row, watch = method_by_name(method), Stopwatch()
            choices = None
            if row.substitutions:
                kept = pd.concat([predictions.load_none(), *predicted], ignore_index=True)
                choices = finetune.choices(setup.model, encoded, kept, row, words)
            model = classifiers.classifier(setup.model, labels, 0, config.dropout)
            once = replace(config, epochs=1)
            fit(model, encoded, few, row, once, 0, choices, place=place, watch=watch)
            found[name] = watch.seconds
        began = now(place)
        accuracy(model, few, place=place)
        found["score_pair"] = (now(place) - began) / len(few)
    return Costs(
        **found,
        length=encoded.lengths.float().mean().item(),
        memory=torch.cuda.max_memory_allocated(place.device) if on_gpu else None,
        device=torch.cuda.get_device_name(place.device) if on_gpu else hardware(),
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
        data, config = real_setup.read(setup, spec.task), setup.training
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

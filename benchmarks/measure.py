"""One measurement, in a process of its own: ``python -m benchmarks.measure NAME '{"seed": 0}'``.

Importing and reading the data are not timed. The last line printed is the result as JSON, with the
process's peak memory.
"""

import json
import logging
import resource
import sys
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path

import torch

from salt_lib.data import examples
from salt_lib.laboratory import tasks
from salt_lib.laboratory.checkpoints import checkpoint
from salt_lib.laboratory.predictions import vocabularies
from salt_lib.laboratory.run import prepared
from salt_lib.laboratory.setup import Laboratory
from salt_lib.laboratory.study import TASKS, laboratory_study
from salt_lib.languages import SOURCE
from salt_lib.models import classifiers, encoding, loading
from salt_lib.salt import distill, predictions
from salt_lib.salt.methods import MAIN, method
from salt_lib.study.grid import Workers
from salt_lib.training.evaluate import score
from salt_lib.training.loop import fit

from . import rivals

WORLD = 0
TASK = "mini-xnli"


def training(side: str, seed: int, task: str = TASK, threads: int = 1, epochs: int = 0) -> dict:
    """One run of the baseline, all its epochs; side: "salt_lib" or "Trainer".

    train_s: the epochs, for ours with the choice of the epoch on English dev. score_s: scoring the
    test sets of all languages. english, zero_shot: test accuracy in [0, 1].
    """
    torch.set_num_threads(threads)
    spec, config = tasks.task(task), tasks.CONFIGS[task]
    config = replace(config, epochs=epochs or config.epochs)
    folder = checkpoint(WORLD)
    if side == "salt_lib":
        row = method("baseline")
        ready = prepared(Laboratory(WORLD), task, row, config)
        data = ready.train
        start = time.perf_counter()
        model = classifiers.classifier(folder, len(spec.labels), seed, config.dropout)
        fit(model, ready, row, config, seed)
        middle = time.perf_counter()
        scores = {code: score(model, test) for code, test in ready.tests.items()}
    else:
        tokenizer = loading.tokenizer(folder)
        data = tasks.load(task, "train", SOURCE, WORLD)
        tests = {c: tasks.load(task, "test", c, WORLD) for c in spec.languages}
        trainer = rivals.trainer(folder, tokenizer, data, len(spec.labels), config, seed)
        start = time.perf_counter()
        trainer.train()
        middle = time.perf_counter()
        scores = {c: rivals.trainer_accuracy(trainer, tokenizer, t) for c, t in tests.items()}
    end = time.perf_counter()
    return {
        "train_s": middle - start,
        "score_s": end - middle,
        "examples": config.epochs * len(data),
        "english": scores[SOURCE],
        "zero_shot": sum(scores[c] for c in spec.targets) / len(spec.targets),
    }


def steps(repeats: int = 5) -> dict:
    """An epoch of the same loop with SALT and without, in turn; seconds of each."""
    torch.set_num_threads(1)
    config = replace(tasks.CONFIGS[TASK], epochs=1)
    found: dict[str, list[float]] = {"baseline": [], "salt": []}
    for repeat in range(repeats + 1):
        for name, seconds in found.items():
            row = method(name)
            ready = prepared(Laboratory(WORLD), TASK, row, config)
            model = classifiers.classifier(checkpoint(WORLD), 3, 0, config.dropout)
            start = time.perf_counter()
            fit(model, ready, row, config, 0)
            if repeat:  # the first is a warm-up
                seconds.append(time.perf_counter() - start)
    return found


def distillation(side: str, pairs: int = 0, times: int = 1) -> dict:
    """Distil the English training data into all languages; tokens: those that get predictions.

    side: "salt_lib" (tokenized, and to a Parquet file), "plain loop", or "fill-mask". pairs: only
    the first ones, for a side that is slow. times: the data so often.
    """
    torch.set_num_threads(1)
    folder = checkpoint(WORLD)
    tokenizer, model = loading.tokenizer(folder), loading.masked_lm(folder)
    data = tasks.load(TASK, "train", SOURCE, WORLD)
    parts = (part[: pairs or None] * times for part in (data.first, data.second, data.labels))
    chosen = examples.Pairs(*parts)
    words = vocabularies(WORLD, tasks.task(TASK).languages)
    own = torch.as_tensor(words[SOURCE])
    if side == "salt_lib":
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            pieces = encoding.encode_pieces(tokenizer, chosen)
            found = distill.predict_pieces(model, pieces, words)
            predictions.save(Path(folder) / "found.parquet", found, {})
        seconds = time.perf_counter() - start
        pieces = encoding.encode_pieces(tokenizer, chosen)
        tokens = sum(int(distill.eligible(piece, own).sum()) for piece in pieces)
        return {"tokens": tokens, "seconds": seconds}
    encoded = encoding.encode(tokenizer, chosen)
    eligible = distill.eligible(encoded, own)
    tokens = int(eligible.sum())
    start = time.perf_counter()
    if side == "plain loop":
        count = sum(1 for _ in rivals.plain_loop(model, encoded, words, eligible))
        assert count > tokens
    else:
        entry = {i: piece for piece, i in tokenizer.get_vocab().items()}
        allowed = {code: [entry[i] for i in own.tolist()] for code, own in words.items()}
        masked = []
        for row in range(len(encoded)):
            start_, end = encoded.start[row], encoded.start[row + 1]
            pieces = [entry[i] for i in encoded.row(row).tolist()]
            for position in eligible[start_:end].nonzero()[:, 0].tolist():
                shown = [p for p in pieces[:position] if p != "[CLS]"] + [tokenizer.mask_token]
                masked.append(" ".join(shown + pieces[position + 1 : -1]).replace(" ##", ""))
        start = time.perf_counter()
        rivals.fill_mask(model, tokenizer, masked, allowed)
    return {"tokens": tokens, "seconds": time.perf_counter() - start}


def arithmetic(repeats: int = 3) -> dict:
    """Floating-point operations per second of an epoch of training, and of a large product.

    flops: of the epoch, counted in matrix products and attention. seconds, product_flops_per_s: the
    best of ``repeats``. shares: of the processor's time, by kind of operation.
    """
    from torch.profiler import ProfilerActivity, profile
    from torch.utils.flop_counter import FlopCounterMode

    torch.set_num_threads(1)
    config = replace(tasks.CONFIGS[TASK], epochs=1)
    row = method("baseline")
    ready = prepared(Laboratory(WORLD), TASK, row, config)

    def epoch() -> float:
        model = classifiers.classifier(checkpoint(WORLD), 3, 0, config.dropout)
        start = time.perf_counter()
        fit(model, ready, row, config, 0)
        return time.perf_counter() - start

    epoch()
    seconds = min(epoch() for _ in range(repeats))
    with FlopCounterMode(display=False) as counter:
        epoch()
    size = 2048
    left, right = torch.rand(size, size), torch.rand(size, size)
    products = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        left @ right
        products.append(time.perf_counter() - start)
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        epoch()
    return {
        "flops": counter.get_total_flops(),
        "counted": sorted(str(name) for name in counter.get_flop_counts()["Global"]),
        "seconds": seconds,
        "product_flops_per_s": 2 * size**3 / min(products),
        "shares": _shares(profiled.key_averages()),
    }


KINDS = {
    "matrix products": ("aten::mm", "aten::addmm", "aten::bmm"),
    "attention": ("aten::_scaled_dot_product",),
    "optimizer and clipping": ("aten::_fused_adamw", "Optimizer.", "aten::linalg_vector_norm"),
    "normalisation and activation": (
        "aten::native_layer_norm",
        "aten::threshold",
        "aten::clamp_min",
        "aten::tanh",
    ),
}


def _shares(events) -> dict[str, float]:
    total = sum(event.self_cpu_time_total for event in events)
    shares = {
        kind: sum(e.self_cpu_time_total for e in events if e.key.startswith(names)) / total
        for kind, names in KINDS.items()
    }
    return {**shares, "copies, sums, look-ups and dispatch": 1 - sum(shares.values())}


def headline(jobs: int = 2, seeds: int = 15, methods: str = "main", task: str = "") -> dict:
    """The study, or a part of it, from nothing; seconds with everything that it takes."""
    names = MAIN if methods == "main" else methods.split(",")
    with tempfile.TemporaryDirectory() as root:
        study = laboratory_study(WORLD, root)
        specs = study.specs([task] if task else TASKS, names, range(seeds))
        start = time.perf_counter()
        made = study.execute(specs, Workers(jobs=jobs), progress=sys.stderr.isatty())
        return {"runs": len(made), "seconds": time.perf_counter() - start}


def trainer_runs(runs: int = 6, jobs: int = 2) -> dict:
    """So many runs of both tasks by `Trainer`, training and scoring, in parallel workers."""
    from joblib import Parallel, delayed

    work = [delayed(_trainer_run)(i // 2, ("mini-xnli", "mini-paws-x")[i % 2]) for i in range(runs)]
    start = time.perf_counter()
    Parallel(n_jobs=jobs, batch_size=1)(work)
    return {"runs": runs, "seconds": time.perf_counter() - start}


def _trainer_run(seed: int, task: str) -> dict:
    return training("Trainer", seed, task)


NAMES = {f.__name__: f for f in (training, steps, distillation, arithmetic, headline, trainer_runs)}


def main(name: str, options: str = "{}") -> None:
    """Measure ``name`` and print the result."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    found = NAMES[name](**json.loads(options))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )
    print(json.dumps({**found, "peak_bytes": peak}))


if __name__ == "__main__":
    main(*sys.argv[1:])

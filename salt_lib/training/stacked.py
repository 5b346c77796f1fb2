"""The seeds of a method trained at once, as one stacked model.

Runs that differ in their seed alone share every shape, so that each product of a small model can be
one batched product over the seeds: a GPU that a small model leaves idle is filled, and what a step
costs beside its products is paid once. Every seed draws what it would draw alone (order, copies,
mixing weights); without dropout its scores are those of its own run within rounding. Dropout is
drawn for all seeds together, so that with it a stacked run is another draw.

Chapter: At paper scale.
"""

import time
from collections.abc import Iterable, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from itertools import zip_longest

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import cross_entropy, embedding

from ..errors import SaltError
from ..models import classifiers
from ..models.classifiers import Classifier
from ..models.encoding import IGNORE, positions
from ..models.fusion import Fused
from ..models.loading import to_device
from ..salt.augment import mixup
from ..salt.methods import Method
from ..salt.prepared import Prepared
from .config import Config
from .device import Compute
from .evaluate import outputs, score, score_of
from .loop import Batch, Draws, pace
from .progress import LOG_EVERY
from .run import Measure, check_substitutions, enough_memory

Tensors = dict[str, Tensor]


def train_and_score_stacked(
    prepared: Prepared,
    method: Method,
    config: Config,
    seeds: Sequence[int],
    *,
    compute: Compute | None = None,
    threads: int | None = 1,
    measure: Measure | None = None,
) -> list[dict]:
    """`run.train_and_score` for several seeds at once: its result for each, in their order.

    seconds is each seed's share of the time, and ``stacked`` says how many were trained together.
    Raises SaltError for fused layers, several processes or micro-batches, which can't be stacked,
    and where the device's memory is too small.
    """
    compute, tests = compute or Compute(), prepared.tests
    if method.layer is not None:
        raise SaltError(
            f"method {method.name!r}: fused layers can't be stacked; train seed by seed"
        )
    if compute.processes > 1 or compute.micro_batch:
        raise SaltError(
            "stacked seeds take one process and whole batches: leave micro_batch out, and stack "
            "fewer seeds where the memory is too small"
        )
    check_substitutions(prepared, method)
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        started = time.perf_counter()
        with _fits(len(seeds)), enough_memory(compute, config):
            models = [to_device(_model(prepared, config, s), compute.device) for s in seeds]
            histories = fit_stacked(models, prepared, method, config, seeds, compute)
            said = [
                {code: outputs(model, test, compute=compute) for code, test in tests.items()}
                for model in models
            ]
        seconds = (time.perf_counter() - started) / len(seeds)
        kept = [
            {} if measure is None else {"measures": measure(*each)}
            for each in zip(models, said, strict=True)
        ]
    finally:
        torch.set_num_threads(before)
    return [
        {
            "scores": {code: score_of(of_seed[code], test) for code, test in tests.items()},
            "dev": dev,
            "epoch": epoch,
            "seconds": seconds,
            "config": asdict(config),
            "stacked": len(seeds),
            **measures,
        }
        for of_seed, (dev, epoch), measures in zip(said, histories, kept, strict=True)
    ]


def fit_stacked(
    models: Sequence[Classifier],
    prepared: Prepared,
    method: Method,
    config: Config,
    seeds: Sequence[int],
    compute: Compute,
) -> list[tuple[list[float], int]]:
    """Train the models in place, one a seed; returns each one's dev scores and chosen epoch.

    See `loop.fit`, which does the same for one.
    """
    base = models[0]
    if isinstance(base, Fused):
        raise SaltError("fused layers can't be stacked; train seed by seed")
    width = base.get_input_embeddings().get_parameter("weight").shape[1]
    every = [Draws(prepared, method, config, seed, width) for seed in seeds]
    weights, buffers = stack_module_state(list(models))
    weights = {name: nn.Parameter(value.detach()) for name, value in weights.items()}
    optimizer = torch.optim.AdamW(
        weights.values(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    per_epoch = -(-len(prepared.train) // config.batch)
    steps, step = config.epochs * per_epoch, 0
    scores: list[list[float]] = [[] for _ in seeds]
    best: Tensors = {}
    for epoch in range(1, config.epochs + 1):
        base.train()
        for batches in zip_longest(*(draws.epoch() for draws in every)):
            step += 1
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * pace(step, steps, config.warmup)
            losses, norms = gradients(base, weights, buffers, batches, optimizer, config, compute)
            if step % LOG_EVERY == 0 or step % per_epoch == 0:
                _check(losses + norms, method, seeds, epoch, config)
            optimizer.step()
        for number, model in enumerate(models):
            _put(model, weights, buffers, number)
            scores[number].append(score(model, prepared.dev, compute=compute))
            later = epoch < config.epochs
            if config.select == "dev" and scores[number][-1] > max(scores[number][:-1], default=-1):
                if later:
                    best = best or {name: value.detach().clone() for name, value in weights.items()}
                    for name, value in weights.items():
                        best[name][number] = value.detach()[number]
    chosen = []
    for number, model in enumerate(models):
        last = config.epochs - 1
        epoch = last
        if config.select == "dev":
            epoch = scores[number].index(max(scores[number]))
        if epoch < last:
            _put(model, best, buffers, number)
        chosen.append((scores[number], epoch))
    return chosen


def gradients(
    base: Classifier,
    weights: Tensors,
    buffers: Tensors,
    batches: Sequence[Batch],
    optimizer: torch.optim.Optimizer,
    config: Config,
    compute: Compute,
) -> tuple[Tensor, Tensor]:
    """Compute the gradients of every seed's batch, clipped seed by seed; returns losses and norms
    before clipping: (seeds,) each."""
    optimizer.zero_grad(set_to_none=True)
    inputs = stack(batches, compute.device)
    name = next(n for n, p in base.named_parameters() if p is _table(base))

    def loss_of(weights: Tensors, buffers: Tensors, inputs: Tensors) -> Tensor:
        vectors = embedding(inputs["ids"], weights[name])
        if "drawn" in inputs:
            vectors = mixup(vectors, embedding(inputs["drawn"], weights[name]), inputs["ratio"])
        if "noise" in inputs:
            vectors = vectors + weights[name].detach().std() * inputs["noise"]
        read = {
            "inputs_embeds": vectors,
            # Of four dimensions: a mask of two would be looked into, which can't be done for many.
            "attention_mask": inputs["inside"][:, None, None, :],
            "token_type_ids": inputs["segments"],
        }
        logits = functional_call(base, (weights, buffers), kwargs=read).logits
        if "pool" in inputs:
            logits = inputs["pool"] @ logits
        return cross_entropy(logits.flatten(0, -2).float(), inputs["labels"].flatten())

    # The processor's fused attention can't be done for many at once; the plain products can.
    on_cpu = compute.device.type == "cpu"
    with sdpa_kernel(SDPBackend.MATH) if on_cpu else nullcontext():
        losses = vmap(loss_of, randomness="different")(weights, buffers, inputs)
    compute.backward(losses.sum())
    found = [weight.grad for weight in weights.values() if weight.grad is not None]
    norms = torch.stack([grad.flatten(1).norm(dim=1) for grad in found]).norm(dim=0)
    scale = (config.clip / (norms + 1e-6)).clamp(max=1.0)
    for grad in found:
        grad.mul_(scale.view(-1, *[1] * (grad.dim() - 1)))
    return losses.detach(), norms


def stack(batches: Iterable[Batch], device: torch.device) -> Tensors:
    """The batches of all seeds as tensors (seeds, rows, longest, …), padded.

    A seed's batch may have fewer rows than another's: the rest has no label, and one token so that
    attention has something to look at.
    """
    batches = list(batches)
    rows = max(len(batch.rows) for batch in batches)
    longest = max(int(batch.data.lengths[batch.rows].max()) for batch in batches)
    parts: dict[str, list[Tensor]] = {}
    for batch in batches:
        data = batch.data
        at, inside = positions(data, batch.rows)
        wide = {
            "ids": batch.ids[at].where(inside, 0),
            "segments": data.segments[at].where(inside, 0),
            "inside": inside,
        }
        labels = data.labels[at].where(inside, IGNORE) if data.tags else data.labels[batch.rows]
        if batch.drawn is not None and batch.ratio is not None:
            wide["drawn"] = batch.drawn[at].where(inside, 0)
            parts.setdefault("ratio", []).append(_padded(batch.ratio, rows, None, 1.0))
        if batch.noise is not None:
            parts.setdefault("noise", []).append(_padded(batch.noise, rows, longest, 0.0))
        if len(data.word):
            parts.setdefault("pool", []).append(_padded_pool(data.word[at], inside, rows, longest))
        for name, values in wide.items():
            parts.setdefault(name, []).append(_padded(values, rows, longest, 0))
        wanted = longest if data.tags else None
        parts.setdefault("labels", []).append(_padded(labels, rows, wanted, IGNORE))
    stacked = {name: torch.stack(values) for name, values in parts.items()}
    stacked["inside"][:, :, 0] = True
    return {name: value.to(device) for name, value in stacked.items()}


def _padded(values: Tensor, rows: int, longest: int | None, fill: float) -> Tensor:
    shape = [rows, *values.shape[1:]]
    if longest is not None:
        shape[1] = longest
    wide = values.new_full(shape, fill)
    if longest is None:
        wide[: len(values)] = values
    else:
        wide[: len(values), : values.shape[1]] = values[:, :longest]
    return wide


def _padded_pool(word: Tensor, inside: Tensor, rows: int, longest: int) -> Tensor:
    """(rows, longest, longest): each token's mean over the pieces of its word, or itself."""
    number = word.where(inside, -1)
    same = (number[:, :, None] == number[:, None, :]) & (number >= 0)[:, :, None]
    same |= torch.eye(number.shape[1], dtype=torch.bool)
    mean = same / same.sum(dim=2, keepdim=True)
    wide = torch.zeros(rows, longest, longest)
    wide[: len(mean), : mean.shape[1], : mean.shape[1]] = mean
    return wide


def _model(prepared: Prepared, config: Config, seed: int) -> Classifier:
    tagged = bool(prepared.train.tags)
    return classifiers.classifier(
        prepared.checkpoint, prepared.labels, seed, config.dropout, tagged=tagged
    )


def _table(model: Classifier) -> nn.Parameter:
    return model.get_input_embeddings().get_parameter("weight")


def _put(model: nn.Module, weights: Tensors, buffers: Tensors, number: int) -> None:
    """Give a seed's model its weights of the stack."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(weights[name].detach()[number])
        for name, buffer in model.named_buffers():
            buffer.copy_(buffers[name][number])


def _check(
    values: Tensor, method: Method, seeds: Sequence[int], epoch: int, config: Config
) -> None:
    odd = [seed for seed, value in zip(seeds, values.tolist(), strict=True) if value != value]
    if odd or not torch.isfinite(values).all():
        raise SaltError(
            f"{method.name}, seeds {odd or list(seeds)}: loss or gradients are no numbers in epoch "
            f"{epoch}; lower the learning rate ({config.learning_rate})"
        )


@contextmanager
def _fits(count: int):
    try:
        yield
    except SaltError as error:
        if "out of memory" not in str(error):
            raise
        raise SaltError(
            f"{count} stacked seeds don't fit into the device's memory: stack fewer, "
            f"{max(1, count // 2)} for a start"
        ) from error

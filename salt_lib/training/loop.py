"""The training loop: draws, steps, the end of an epoch.

Everything random depends on the seed alone. The order of the data, the classifier's first weights
and the dropout are the same for every method of a seed: runs pair up.

Chapter: Training over 15 seeds.
"""

import copy
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ..errors import SaltError
from ..models.classifiers import Classifier
from ..models.encoding import IGNORE, Encoded, pooled, positions
from ..salt.augment import code_switch, draw_ratio, mixup
from ..salt.methods import Method
from ..salt.prepared import Prepared
from .config import Config
from .device import Compute
from .evaluate import score
from .progress import LOG_EVERY, Monitor


def batches(lengths: Tensor, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """One epoch of row numbers in batches of like length: (≤ size,) each.

    Rows are shuffled, sorted by length within pools of 20 batches, and the batches shuffled.
    """
    order = torch.randperm(len(lengths), generator=generator)
    chunks = []
    for pool in order.split(size * 20):
        pool = pool[lengths[pool].argsort(stable=True)]
        chunks += pool.split(size)
    for i in torch.randperm(len(chunks), generator=generator).tolist():
        yield chunks[i]


@dataclass(frozen=True)
class Batch:
    """What is computed in one step, or a part of it.

    data: where lengths, segments and labels come from; ids: (tokens,) its token ids, some of them
    code-switched; rows: (batch,) which of its rows. drawn: (tokens,) the ids to mix with, ratio:
    (batch, 1, dim) the weights of the mixing, both None without mixup. noise: (batch, longest row,
    dim) what is added to the embeddings, None without smoothing.
    """

    data: Encoded
    ids: Tensor
    rows: Tensor
    drawn: Tensor | None = None
    ratio: Tensor | None = None
    noise: Tensor | None = None

    def part(self, which: Tensor) -> "Batch":
        """Some of its rows, by their numbers in the batch."""
        ratio = None if self.ratio is None else self.ratio[which]
        noise = None if self.noise is None else self.noise[which]
        return replace(self, rows=self.rows[which], ratio=ratio, noise=noise)

    @property
    def tags(self) -> int:
        """How many of its tokens have a tag."""
        at, inside = positions(self.data, self.rows)
        return int((inside & (self.data.labels[at] != IGNORE)).sum())


class Draws:
    """All that a training draws at random, in one order: batches, code-switching, mixing weights.

    width: of the word embeddings. Raises SaltError for a method that trains on translations where
    ``prepared`` has none.
    """

    def __init__(self, prepared: Prepared, method: Method, config: Config, seed: int, width: int):
        self.prepared, self.method, self.config, self.width = prepared, method, config, width
        self.order = torch.Generator().manual_seed(seed)
        self.noise = torch.Generator().manual_seed(seed + 1_000_003)
        self.epochs = 0  # that were begun
        self.switched = prepared.train.ids
        if method.translate and prepared.translated is None:
            raise SaltError(f"method {method.name!r}: the prepared data have no translations")

    def epoch(self) -> Iterator[Batch]:
        """The batches of the next epoch."""
        data, augmented = self.prepared.train, self.epochs < self.config.until * self.config.epochs
        if self.method.code_switch and augmented and (self.config.redraw or not self.epochs):
            rates = (self.config.instance_rate, self.config.token_rate)
            self.switched = code_switch(data, self.prepared.choices, *rates, self.noise)
        self.epochs += 1
        token_ids = self.switched if augmented else data.ids
        drawn = self._mixed(token_ids) if self.method.mixup and augmented else None
        translated = self.prepared.translated if self.method.translate else None
        for rows in batches(data.lengths, self.config.batch, self.order):
            now, ids, ratio, added = data, token_ids, None, None
            if translated is not None:
                languages = len(translated) // len(data)
                chosen = torch.randint(languages, rows.shape, generator=self.noise)
                now, ids, rows = translated, translated.ids, rows + len(data) * chosen
            if self.method.mixup and drawn is not None:
                ratio = draw_ratio(self.method.mixup, len(rows), self.width, self.noise)
            if self.method.smooth and augmented:
                size = (len(rows), int(now.lengths[rows].max()), self.width)
                added = self.config.noise * torch.randn(size, generator=self.noise)
            yield Batch(now, ids, rows, drawn, ratio, added)

    def _mixed(self, ids: Tensor) -> Tensor:
        """What each token of an epoch is mixed with; where nothing is, the token itself.

        Every token stands in one step of an epoch: each step draws anew.
        """
        data = self.prepared.train
        drawn = self.prepared.choices.draw(torch.arange(len(ids)), ids, self.noise)
        if self.config.mix_rate < 1:
            some = torch.rand(len(data), generator=self.noise) < self.config.mix_rate
            drawn = torch.where(some.repeat_interleave(data.lengths), drawn, ids)
        return drawn


def pace(step: int, steps: int, warmup: float) -> float:
    """The share of the learning rate at a step (from 1): a linear rise, then a linear fall."""
    warm = max(1, round(warmup * steps))
    return min(step / warm, (steps - step + 1) / max(1, steps - warm))


def fit(
    model: Classifier,
    prepared: Prepared,
    method: Method,
    config: Config,
    seed: int,
    *,
    compute: Compute | None = None,
    monitor: Monitor | None = None,
) -> tuple[list[float], int]:
    """Train ``model`` in place; returns the dev score of each epoch and the epoch chosen by it.

    compute: where, by default on the processor. monitor: keeps the state from which an interrupted
    training goes on, to the same end; by default none. The model ends with the weights of the
    epoch that ``config.select`` names: the best, the first among equals, or the last. Raises
    SaltError when the loss or the gradients are no longer numbers.
    """
    compute, monitor = compute or Compute(), monitor or Monitor()
    width = model.get_input_embeddings().get_parameter("weight").shape[1]
    draws = Draws(prepared, method, config, seed, width)
    spread = compute.prepare(model)
    if compute.rank:  # or all processes would drop the same
        torch.manual_seed(seed + 1_000_003 * compute.rank)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    per_epoch = -(-len(prepared.train) // config.batch)
    steps, step = config.epochs * per_epoch, 0
    done, scores, best = monitor.begin(steps, compute, model, optimizer)
    for epoch in range(1, config.epochs + 1):
        spread.train()
        for batch in draws.epoch():
            step += 1
            if step <= done:  # before the interruption; what is random was drawn, and goes on
                continue
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * pace(step, steps, config.warmup)
            loss, norm = gradients(spread, model, batch, optimizer, config.clip, compute)
            # To look at a number of a GPU is to wait for it.
            looked = step % LOG_EVERY == 0 or step % per_epoch == 0
            if (looked or compute.device.type == "cpu") and not torch.isfinite(loss + norm):
                raise SaltError(
                    f"{method.name}, seed {seed}: the loss is {loss.item()}, the gradients' norm "
                    f"{norm.item()} in epoch {epoch}; lower the learning rate "
                    f"({config.learning_rate})"
                )
            optimizer.step()
            monitor.step(step, epoch, loss, norm, len(batch.rows), scores)
        if epoch > len(scores):
            scores.append(score(spread, prepared.dev, compute=compute))
            # Of the last epoch no copy is needed: its weights are the model's. (A model of mBERT's
            # size has 0.7 GB, so that the old copy goes first.)
            better = scores[-1] > max(scores[:-1], default=-1) and epoch < config.epochs
            better = better and config.select == "dev"
            if better:
                best = {}
                best = copy.deepcopy(model.state_dict())
            monitor.epoch(step, epoch, scores, best if better else None)
    monitor.end()
    chosen = scores.index(max(scores)) if config.select == "dev" else config.epochs - 1
    if chosen + 1 < config.epochs:
        model.load_state_dict(best)
    return scores, chosen


def gradients(
    spread: nn.Module,
    model: Classifier,
    batch: Batch,
    optimizer: torch.optim.Optimizer,
    clip: float,
    compute: Compute,
) -> tuple[Tensor, Tensor]:
    """Compute a batch's gradients, part by part; returns its loss and their norm before clipping.

    spread: the model as ``compute`` has prepared it.
    """
    optimizer.zero_grad(set_to_none=True)
    total, parts = torch.zeros((), device=compute.device), list(compute.parts(len(batch.rows)))
    for which, weight in parts:
        part = batch.part(which)
        with nullcontext() if which is parts[-1][0] else compute.alone(spread):
            if batch.data.tags and weight:  # a mean over tags, not rows: they have unequal numbers
                weight = compute.processes * part.tags / batch.tags
            loss = weight * mean_loss(spread, model, part, compute.device)
            compute.backward(loss)
        total = total + loss.detach()
    return total, compute.clip(list(model.parameters()), clip)


def mean_loss(spread: nn.Module, model: Classifier, batch: Batch, device: torch.device) -> Tensor:
    """The mean loss of a batch's rows, their embeddings mixed where it says so."""
    data = batch.data
    at, inside = positions(data, batch.rows)
    labels = data.labels[at].where(inside, IGNORE) if data.tags else data.labels[batch.rows]
    embed, source = model.get_input_embeddings(), batch.ids[at].where(inside, 0)
    if batch.drawn is None or batch.ratio is None:
        vectors = embed(source.to(device))
    else:
        both = torch.stack([source, batch.drawn[at].where(inside, 0)])
        words, substitutes = embed(both.to(device))
        # Where nothing was drawn both sides are one vector, and mixing changes nothing.
        vectors = mixup(words, substitutes, batch.ratio.to(device))
    if batch.noise is not None:
        scale = embed.get_parameter("weight").detach().std()
        vectors = vectors + scale * batch.noise[:, : vectors.shape[1]].to(device)
    inputs = {
        "inputs_embeds": vectors,
        "attention_mask": inside.to(device),
        "token_type_ids": data.segments[at].where(inside, 0).to(device),
    }
    if not len(data.word):
        return spread(**inputs, labels=labels.to(device)).loss
    found = pooled(spread(**inputs).logits, data, batch.rows)
    return cross_entropy(found.flatten(0, -2), labels.flatten().to(device))

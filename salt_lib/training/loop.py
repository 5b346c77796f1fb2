"""One run: one task, one method, one seed, from the checkpoint to per-language scores.

Everything random depends on the seed alone, and a run uses one thread, so the same run gives the
same scores to the last bit. The order of the data, the classifier's first weights and the dropout
are the same for every method of a seed: runs pair up.

Chapter: Training.
"""

import copy
from collections.abc import Iterator
from contextlib import nullcontext

import torch
from torch import Tensor

from ..errors import SaltError
from ..models.encoding import IGNORE, Encoded, positions
from ..salt.augment import code_switch, draw_ratio, mixup
from ..salt.methods import Method
from .config import Config
from .device import Place
from .evaluate import score
from .progress import LOG_EVERY, Watch


def batches(lengths: Tensor, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """One epoch of row numbers in batches of like length: (≤ size,) each.

    Rows are shuffled, sorted by length within pools of 20 batches, and the batches shuffled.
    """
    order = torch.randperm(len(lengths), generator=generator)
    found = []
    for pool in order.split(size * 20):
        pool = pool[lengths[pool].argsort(stable=True)]
        found += pool.split(size)
    for i in torch.randperm(len(found), generator=generator).tolist():
        yield found[i]


def fit(
    model,
    data: Encoded,
    dev: Encoded,
    method: Method,
    config: Config,
    seed: int,
    choices=None,
    translations: Encoded | None = None,
    *,
    place: Place | None = None,
    watch: Watch | None = None,
) -> tuple[list[float], int]:
    """Train ``model`` in place; returns the dev score of each epoch and the epoch chosen by it.

    data: the English training pairs or tagged sentences. choices: the `augment.Options` of its
    tokens, for methods that substitute. translations: for a method with ``translate``, the data in
    every language, one after the other. place: where it computes, by default on the processor.
    watch: keeps the state from which an interrupted training goes on, to the same end; by default
    none.
    The model ends with the weights of the best epoch, the first among equals. Raises SaltError when
    the loss or the gradients are no longer numbers.
    """
    place, watch = place or Place(), watch or Watch()
    order = torch.Generator().manual_seed(seed)
    noise = torch.Generator().manual_seed(seed + 1_000_003)
    ids = data.ids
    if method.code_switch:
        ids = code_switch(data, choices, config.instance_rate, config.token_rate, noise)
    spread = place.prepare(model)
    if place.rank:  # or all processes would drop the same
        torch.manual_seed(seed + 1_000_003 * place.rank)
    weights = list(model.parameters())
    optimizer = torch.optim.AdamW(
        weights, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    per_epoch = -(-len(data) // config.batch)
    steps = config.epochs * per_epoch
    warm = max(1, round(config.warmup * steps))
    done, scores, best = watch.begin(steps, place, model, optimizer)
    step = 0
    for epoch in range(config.epochs):
        spread.train()
        drawn = None
        if method.mixup:  # every token stands in one step of an epoch: each step draws anew
            drawn = choices.draw(torch.arange(len(ids)), ids, noise)
        for rows in batches(data.lengths, config.batch, order):
            now, tokens, ratio = data, ids, None
            if method.translate:
                languages = len(translations) // len(data)
                rows = rows + len(data) * torch.randint(languages, rows.shape, generator=noise)
                now, tokens = translations, translations.ids
            if method.mixup:
                width = model.get_input_embeddings().embedding_dim
                ratio = draw_ratio(method.mixup, len(rows), width, noise)
            step += 1
            if step <= done:  # before the interruption; what is random was drawn, and goes on
                continue
            pace = min(step / warm, (steps - step + 1) / max(1, steps - warm))
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * pace
            optimizer.zero_grad(set_to_none=True)
            loss, parts = 0.0, list(place.parts(len(rows)))
            for part, weight in parts:
                with nullcontext() if part is parts[-1][0] else place.alone(spread):
                    mixed = None if ratio is None else (drawn, ratio[part])
                    if now.tags and weight:  # a mean over tags, not rows: they have unequal numbers
                        weight = place.processes * _tags(now, rows[part]) / _tags(now, rows)
                    found = weight * _loss(spread, model, place, now, tokens, rows[part], mixed)
                    place.backward(found)
                loss = loss + found.detach()
            norm = place.clip(weights, config.clip)
            # To look at a number of a GPU is to wait for it.
            looked = place.device.type == "cpu" or step % LOG_EVERY == 0 or step % per_epoch == 0
            if looked and not torch.isfinite(loss + norm):
                raise SaltError(
                    f"{method.name}, seed {seed}: the loss is {loss.item()}, the gradients' norm "
                    f"{norm.item()} in epoch {epoch + 1}; lower the learning rate "
                    f"({config.learning_rate})"
                )
            optimizer.step()
            watch.step(step, epoch + 1, loss, norm, len(rows), scores)
        if epoch < len(scores):
            continue
        scores.append(score(spread, dev, place=place))
        # Of the last epoch no copy is needed: its weights are the model's. (A model of mBERT's size
        # has 0.7 GB, so that the old copy goes first.)
        better = scores[-1] > max(scores[:-1], default=-1) and epoch + 1 < config.epochs
        if better:
            best = {}
            best = copy.deepcopy(model.state_dict())
        watch.epoch(step, epoch + 1, scores, best if better else None)
    watch.end()
    chosen = scores.index(max(scores))
    if chosen + 1 < config.epochs:
        model.load_state_dict(best)
    return scores, chosen


def _loss(spread, model, place: Place, data: Encoded, ids: Tensor, rows: Tensor, mixed) -> Tensor:
    """The mean loss of some rows; mixed: what each token is mixed with, and the rows' weights."""
    at, inside = positions(data, rows)
    labels = data.labels[at].where(inside, IGNORE) if data.tags else data.labels[rows]
    embed, device = model.get_input_embeddings(), place.device
    source = ids[at].where(inside, 0)
    if mixed:
        drawn, ratio = mixed
        both = embed(torch.stack([source, drawn[at].where(inside, 0)]).to(device))
        # Where nothing was drawn both sides are one vector, and mixing changes nothing.
        vectors = mixup(*both, ratio.to(device))
    else:
        vectors = embed(source.to(device))
    return spread(
        inputs_embeds=vectors,
        attention_mask=inside.to(device),
        token_type_ids=data.segments[at].where(inside, 0).to(device),
        labels=labels.to(device),
    ).loss


def _tags(data: Encoded, rows: Tensor) -> int:
    at, inside = positions(data, rows)
    return int((inside & (data.labels[at] != IGNORE)).sum())

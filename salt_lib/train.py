"""One run: one task, one method, one seed, from the checkpoint to per-language scores.

Everything random depends on the seed alone, and a run uses one thread, so the same run gives the
same scores to the last bit. The order of the data, the classifier's first weights and the dropout
are the same for every method of a seed: runs pair up.

Chapter: Training.
"""

import copy
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from . import encoders, substitutions
from .augment import code_switch, draw_ratio, mixup
from .encoders import Encoded, encode, positions
from .errors import SaltError
from .evaluate import accuracy
from .languages import SOURCE
from .methods import Method
from .methods import method as method_by_name
from .tasks import Pairs, load
from .tasks import task as task_by_name


@dataclass(frozen=True)
class Config:
    """Everything a run depends on besides world, task, method and seed.

    Chosen in the tuning world (`salt_lib.tuning`); what was tried stands in recorded/tuning.json.
    """

    epochs: int = 5
    batch: int = 32
    learning_rate: float = 1e-3
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip: float = 1.0
    dropout: float = 0.0
    threshold: float = 0.95
    synonym_threshold: float = 0.98
    instance_rate: float = 0.5
    token_rate: float = 0.3


CONFIGS = {"mini-xnli": Config(), "mini-paws-x": Config(epochs=3)}


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
) -> tuple[list[float], int]:
    """Train ``model`` in place; returns the dev accuracy of each epoch and the epoch chosen by it.

    data: the English training pairs. choices: the `augment.Options` of its tokens, for methods that
    substitute. translations: for a method with ``translate``, the data in every language, one after
    the other. The model ends with the weights of the best epoch, the first among equals. Raises
    SaltError when the loss is no longer a number.
    """
    order = torch.Generator().manual_seed(seed)
    noise = torch.Generator().manual_seed(seed + 1_000_003)
    ids = data.ids
    if method.code_switch:
        ids = code_switch(data, choices, config.instance_rate, config.token_rate, noise)
    embed = model.get_input_embeddings()
    weights = list(model.parameters())
    optimizer = torch.optim.AdamW(
        weights, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    steps = config.epochs * -(-len(data) // config.batch)
    warm = max(1, round(config.warmup * steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: min((s + 1) / warm, (steps - s) / max(1, steps - warm))
    )
    scores: list[float] = []
    best = copy.deepcopy(model.state_dict())
    for epoch in range(config.epochs):
        model.train()
        if method.mixup:  # every token stands in one step of an epoch: each step draws anew
            drawn = choices.draw(torch.arange(len(ids)), ids, noise)
        for rows in batches(data.lengths, config.batch, order):
            now, tokens = data, ids
            if method.translate:
                languages = len(translations) // len(data)
                rows = rows + len(data) * torch.randint(languages, rows.shape, generator=noise)
                now, tokens = translations, translations.ids
            at, inside = positions(now, rows)
            source = tokens[at].where(inside, 0)
            if method.mixup:
                both = embed(torch.stack([source, drawn[at].where(inside, 0)]))
                ratio = draw_ratio(method.mixup, len(rows), both.shape[-1], noise)
                # Where nothing was drawn both sides are one vector, and mixing changes nothing.
                vectors = mixup(*both, ratio)
            else:
                vectors = embed(source)
            loss = model(
                inputs_embeds=vectors,
                attention_mask=inside,
                token_type_ids=now.segments[at].where(inside, 0),
                labels=now.labels[rows],
            ).loss
            if not torch.isfinite(loss):
                raise SaltError(
                    f"{method.name}, seed {seed}: the loss is {loss.item()} in epoch {epoch + 1}; "
                    f"lower the learning rate ({config.learning_rate})"
                )
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, config.clip)
            optimizer.step()
            schedule.step()
        score = accuracy(model, dev)
        if not scores or score > max(scores):
            best = copy.deepcopy(model.state_dict())
        scores.append(score)
    model.load_state_dict(best)
    return scores, scores.index(max(scores))


def _translations(world: int, name: str) -> Encoded:
    """The training pairs in all of the task's languages, one language after the other."""
    said = [load(name, "train", code, world) for code in task_by_name(name).languages]
    joined = Pairs(
        [s for p in said for s in p.first],
        [s for p in said for s in p.second],
        [label for p in said for label in p.labels],
    )
    return encode(encoders.tokenizer(encoders.checkpoint(world)), joined)


def prepare(world: int, task: str, method: str) -> None:
    """Make what a method's runs share (the distilled predictions) before workers start."""
    row = method_by_name(method)
    if row.substitutions not in (None, "dictionary"):
        substitutions.predictions_path(world, task, row.substitutions == "masked", progress=True)


def run(world: int, task: str, method: str, seed: int, config: Config | None = None) -> dict:
    """Train and evaluate one run in the laboratory; see the module's words on determinism.

    Returns scores (language → test accuracy in [0, 1]), dev (English dev accuracy per epoch), epoch
    (the chosen one, from 0), seconds and config.
    """
    spec = task_by_name(task)
    config = config or CONFIGS[spec.name]
    row = method_by_name(method)
    return train_and_score(
        encoders.checkpoint(world),
        row,
        config,
        seed,
        labels=len(spec.labels),
        data=substitutions.encoded(world, task, "train", SOURCE),
        dev=substitutions.encoded(world, task, "dev", SOURCE),
        tests={code: substitutions.encoded(world, task, "test", code) for code in spec.languages},
        choices=substitutions.for_method(world, task, row, config),
        translations=_translations(world, task) if row.translate else None,
    )


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
) -> dict:
    """One run on any encoded data: fine-tune the checkpoint ``source``, score every test set.

    See `run` for what is returned and `fit` for the arguments.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        started = time.perf_counter()
        model = encoders.classifier(source, labels, seed, config.dropout)
        scores, epoch = fit(model, data, dev, method, config, seed, choices, translations)
        found = {code: accuracy(model, test) for code, test in tests.items()}
        seconds = time.perf_counter() - started
    finally:
        torch.set_num_threads(threads)
    return {
        "scores": found,
        "dev": scores,
        "epoch": epoch,
        "seconds": seconds,
        "config": asdict(config),
    }

"""The runs: world, condition and seed in, retrieval in every language out.

A run trains a text tower from the world's checkpoint against the locked picture vectors
(`towers.views`), on English captions, some of them augmented or replaced by translations.

Chapter: Pictures.
"""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ...digests import digest, sources
from ...errors import SaltError
from ...files import alone, folder
from ...languages import LANGUAGES, SOURCE
from ...models import loading
from ...models.encoding import Encoded
from ...salt import distill, predictions
from ...salt.augment import NOTHING, Options, options
from ...salt.controls import replacements
from ...salt.methods import method as method_by_name
from ...salt.prepared import Prepared
from ...salt.vocabulary import words_by_language
from ...training.config import Config
from ...training.loop import Draws, pace
from ..checkpoints import checkpoint, files_of
from ..descent import descend
from ..predictions import vocabularies
from ..substitutions import FUNCTION, true_translations, word_kinds
from . import retrieval
from .conditions import CONFIG, Condition, Pictures, condition_of
from .dual import MOST, SCALE, TextTower, distillation, info_nce
from .towers import SCALE_RATE, Views, encoded, views

if TYPE_CHECKING:
    from ...study.grid import Job

TARGETS = tuple(code for code in LANGUAGES if code != SOURCE)
MIXED_IN = 0.5  # of the rows of a batch, where there are translations: one of them in its place


def predictions_path(world: int) -> Path:
    """The Parquet file of what is distilled for the English training captions, made if missing."""
    source = checkpoint(world)
    data = encoded(world, "train", SOURCE)
    made_of = (*files_of(source), data.ids.tolist(), torch.__version__, sources(__name__))
    root = folder("SALT_CACHE_DIR", "cache")
    path = root / f"captions-{source.name}-{digest(*made_of)[:16]}.parquet"
    if not path.exists():
        with alone(path, f"the predictions {path}"):
            if not path.exists():
                words = vocabularies(world, tuple(LANGUAGES))
                rows = distill.predict(loading.masked_lm(source), data, words)
                predictions.save(path, rows, {"world": str(world), "task": "captions"})
    return path


def choices(world: int, condition: Condition, config: Config = CONFIG) -> Options:
    """What each token of the English training captions may become under a condition.

    As `laboratory.substitutions` does for a task of `WORLD_TASKS`: a function word has no synonym.
    """
    kind = method_by_name(condition.method).substitutions
    return NOTHING if kind is None else _choices(world, kind, config)


@cache
def _choices(world: int, kind: str, config: Config) -> Options:
    source, data = checkpoint(world), encoded(world, "train", SOURCE)
    pieces = loading.tokenizer(source).get_vocab()
    if kind == "dictionary":
        kept = true_translations(world, data, tuple(LANGUAGES))
    else:
        thresholds = (config.threshold, config.synonym_threshold)
        kept = predictions.read_kept(predictions_path(world), *thresholds)
    kinds = word_kinds(kept, pieces)
    chosen = (kinds != FUNCTION) | (kept["language"] != SOURCE).to_numpy()
    kept, kinds = kept[chosen].reset_index(drop=True), kinds[chosen]
    tokens = replacements(kind, kept, words_by_language(source), pieces, world, kinds=kinds)
    return options(data, kept["example"], kept["position"], tokens)


@cache
def translations(world: int) -> Encoded:
    """The training captions in English, then in all other languages, one after the other."""
    parts = [encoded(world, "train", code) for code in (SOURCE, *TARGETS)]
    ids, segments, whole, lengths = (
        torch.cat([getattr(part, name) for part in parts])
        for name in ("ids", "segments", "whole", "lengths")
    )
    start = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])
    return Encoded(ids, segments, whole, start, torch.zeros(len(lengths), dtype=torch.int64))


def parallel_facts(size: int, pairs: int, seed: int) -> Tensor:
    """(pairs,) the captions that have translations; of a seed, fewer are among more.

    Raises SaltError for more pairs than there are captions.
    """
    if not 0 <= pairs <= size:
        raise SaltError(f"{pairs} parallel captions of {size}: there are no more")
    return torch.randperm(size, generator=torch.Generator().manual_seed(seed + 3_000_017))[:pairs]


def mixed_in(rows: Tensor, size: int, facts: Tensor, dice: torch.Generator) -> Tensor:
    """Rows of `translations` in the place of English rows (batch,): a share `MIXED_IN` of them
    becomes one of ``facts`` in a language that is not English, all equally likely.

    size: how many captions there are. Without ``facts`` the rows stay.
    """
    if not len(facts):
        return rows
    hit = torch.rand(rows.shape, generator=dice) < MIXED_IN
    fact = facts[torch.randint(len(facts), rows.shape, generator=dice)]
    language = torch.randint(len(TARGETS), rows.shape, generator=dice)
    return torch.where(hit, size * (1 + language) + fact, rows)


def fit(
    model: TextTower,
    world: int,
    condition: Condition,
    seen: Views,
    config: Config,
    seed: int,
) -> list[float]:
    """Train a text tower in place; returns English dev R@1 (both ways) after each epoch.

    Order, first weights and the choice of pictures depend on the seed alone: conditions pair up.
    Raises SaltError when the loss is no longer a number.
    """
    english, dev = encoded(world, "train", SOURCE), encoded(world, "dev", SOURCE)
    size = len(english)
    ready = Prepared(checkpoint(world), 0, english, dev, {}, {}, choices(world, condition, config))
    row = replace(method_by_name(condition.method), translate=False)
    draws = Draws(ready, row, config, seed, model.words.weight.shape[1])
    dice = torch.Generator().manual_seed(seed + 2_000_003)
    facts = parallel_facts(size, condition.pairs, seed)
    scale = nn.Parameter(torch.tensor(SCALE).log())
    rates = (config.learning_rate, SCALE_RATE)
    groups: list[dict] = [
        {"params": list(model.parameters())},
        {"params": [scale], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=0.0, weight_decay=config.weight_decay, fused=True)
    steps, step, scores = config.epochs * -(-size // config.batch), 0, []
    model.train()
    for _ in range(config.epochs):
        for batch in draws.epoch():
            step += 1
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * pace(step, steps, config.warmup)
            data, ids, rows = batch.data, batch.ids, batch.rows
            if condition.pairs:
                data, rows = translations(world), mixed_in(rows, size, facts, dice)
                ids = data.ids
            texts, fact = model.read(data, ids, rows, batch.drawn, batch.ratio), rows % size
            if condition.taught:
                loss = distillation(texts, seen.teacher[fact])
            else:
                which = torch.randint(seen.train.shape[1], fact.shape, generator=dice)
                now = scale.exp().clamp(max=MOST)
                loss = info_nce(seen.train[fact, which], texts, now, fact)
            descend(loss, model, optimizer, f"{condition.name}, seed {seed}", step, config.clip)
        scores.append(retrieval.both_ways(retrieval.measures(seen.dev, model.vectors(dev))))
    return scores


def train(world: int, condition: Condition, seed: int, config: Config = CONFIG) -> dict:
    """Train and evaluate one run.

    Returns scores (language → test R@1, the mean of both directions), measures (``retrieval``:
    language → `retrieval.measures`), dev, epoch, seconds and config.
    """
    seen = views(world)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        started = time.perf_counter()
        torch.manual_seed(seed)
        model = TextTower(checkpoint(world))
        dev = fit(model, world, condition, seen, config, seed)
        measured = {
            code: retrieval.measures(seen.test, model.vectors(encoded(world, "test", code)))
            for code in LANGUAGES
        }
        seconds = time.perf_counter() - started
    finally:
        torch.set_num_threads(before)
    return {
        "scores": {code: round(retrieval.both_ways(m), 5) for code, m in measured.items()},
        "measures": {"retrieval": measured},
        "dev": [round(score, 4) for score in dev],
        "epoch": config.epochs - 1,
        "seconds": seconds,
        "config": asdict(config),
    }


def prepare(job: Job[Pictures]) -> None:
    """Make what a condition's runs share, the tower and the predictions, before workers start."""
    views(job.spec.world)
    if method_by_name(job.spec.method).substitutions not in (None, "dictionary"):
        predictions_path(job.spec.world)


def run(job: Job[Pictures]) -> dict:
    """Make a study's run."""
    spec = job.spec
    return train(spec.world, condition_of(spec.task, spec.method), spec.seed)

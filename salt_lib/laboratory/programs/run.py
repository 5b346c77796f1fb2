"""The runs: world, cell and method in, programs in every language of the study out.

A run pretrains the cell's encoder unless that was done before, trains encoder and decoder on
English questions and their programs, and writes programs for the test questions in all languages,
greedily and with a beam.

Chapter: Programs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ...data.examples import SPLITS
from ...digests import digest, sources
from ...errors import SaltError
from ...files import alone, folder
from ...languages import SOURCE
from ...models import loading
from ...models.encoding import Encoded, encode
from ...salt import distill, predictions
from ...salt.augment import NOTHING, Options, options
from ...salt.methods import Method
from ...salt.methods import method as method_by_name
from ...salt.prepared import Prepared
from ...salt.vocabulary import piece_ids, words_by_language
from ...training.config import Config
from ...training.loop import Batch, Draws, pace
from ..checkpoints import files_of
from ..substitutions import FUNCTION, word_kinds
from . import data, encoders
from .cells import CONFIG, DECODER_RATE, SPOKEN, Programs, cell, encoder_path
from .measures import best_single, measures
from .model import PAD, READERS, START, Parser, beam, loss, targets

if TYPE_CHECKING:
    from ...study.grid import Job

WIDTH = 4  # of the beam that is decoded with besides
CHECKED = ("0.6M-poor-1", "baseline")  # the run that shows besides what reading is worth
_AT_ONCE = 128  # questions that are decoded together


@dataclass(frozen=True)
class Questions:
    """A world's questions in the tokens of a checkpoint: split → language → rows, a row each."""

    checkpoint: Path
    world: int
    languages: tuple[str, ...]

    def encoded(self, split: str, language: str) -> Encoded:
        """The questions of a split in a language. Raises SaltError where one takes two rows."""
        return _encoded(self.checkpoint, self.world, split, language)


@cache
def _encoded(checkpoint: Path, world: int, split: str, language: str) -> Encoded:
    said = data.asked(world, split, language)
    rows = encode(loading.tokenizer(checkpoint), said)
    if len(rows) != len(said):
        raise SaltError(
            f"{split} questions in {language!r}: one has more tokens than the model reads; no "
            "question may lose its row"
        )
    return rows


def predictions_path(asked: Questions) -> Path:
    """The Parquet file of what is distilled for the training questions, made if missing."""
    train = asked.encoded(SPLITS[0], SOURCE)
    made_of = (*files_of(asked.checkpoint), train.ids.tolist(), asked.languages, torch.__version__)
    root = folder("SALT_CACHE_DIR", "cache")
    name = f"questions-{digest(*made_of, sources(__name__))[:16]}.parquet"
    path = root / "programs" / name
    if not path.exists():
        with alone(path, f"the predictions {path}"):
            if not path.exists():
                counts = words_by_language(asked.checkpoint)
                pieces = loading.tokenizer(asked.checkpoint).get_vocab()
                words = {code: piece_ids(counts[code], pieces) for code in asked.languages}
                rows = distill.predict(loading.masked_lm(asked.checkpoint), train, words)
                predictions.save(path, rows, {"world": str(asked.world), "task": "questions"})
    return path


def choices(asked: Questions, method: Method, config: Config = CONFIG) -> Options:
    """What each token of the training questions may become: nothing, or what is distilled.

    As in `laboratory.substitutions`, a function word has no synonym. Raises SaltError for a method
    that substitutes anything else.
    """
    if method.substitutions is None:
        return NOTHING
    if method.substitutions != "distilled":
        raise SaltError(f"method {method.name!r}: questions have distilled substitutions alone")
    thresholds = (config.threshold, config.synonym_threshold)
    kept = predictions.read_kept(predictions_path(asked), *thresholds)
    kinds = word_kinds(kept, loading.tokenizer(asked.checkpoint).get_vocab())
    chosen = (kinds != FUNCTION) | (kept["language"] != SOURCE).to_numpy()
    kept = kept[chosen].reset_index(drop=True)
    tokens = kept["token"].to_numpy()[:, None]
    train = asked.encoded(SPLITS[0], SOURCE)
    return options(train, kept["example"], kept["position"], tokens)


def fit(
    asked: Questions,
    method: Method,
    config: Config = CONFIG,
    seed: int = 0,
    reader: str = "encoder",
    wanted: Sequence[Sequence[str]] | None = None,
) -> tuple[Parser, list[float]]:
    """Train a model on English questions; returns it and English dev exact match after each epoch.

    reader: of `model.READERS`. wanted: the programs to learn, by default the questions' own. First
    weights and order depend on the seed alone. Raises SaltError when the loss is no number.
    """
    torch.manual_seed(seed)
    model = Parser(asked.checkpoint, reader)
    train, dev = asked.encoded("train", SOURCE), asked.encoded("dev", SOURCE)
    ready = Prepared(
        asked.checkpoint, 1, train, dev, {}, {}, choices=choices(asked, method, config)
    )
    draws = Draws(ready, method, config, seed, model.words.weight.shape[1])
    own = wanted or data.programs(asked.world, "train")
    steps, step, scores = config.epochs * -(-len(train) // config.batch), 0, []
    read = [*(model.encoder or model.words).parameters()]
    ours = {id(p) for p in read}
    groups: list[dict] = [
        {"params": read},
        {"params": [p for p in model.parameters() if id(p) not in ours]},
    ]
    rates = (config.learning_rate, DECODER_RATE)
    optimizer = torch.optim.AdamW(groups, lr=0.0, weight_decay=config.weight_decay, fused=True)
    for _ in range(config.epochs):
        model.train()
        for batch in draws.epoch():
            step += 1
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * pace(step, steps, config.warmup)
            optimizer.zero_grad(set_to_none=True)
            error = gradients(model, batch, own)
            if not math.isfinite(error):
                raise SaltError(
                    f"{method.name}, seed {seed}: the loss is {error} in step {step}; lower the "
                    f"learning rate ({config.learning_rate})"
                )
            torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
            optimizer.step()
        scores.append(exact(model, dev, data.programs(asked.world, "dev")))
    return model, scores


def gradients(model: Parser, batch: Batch, programs: Sequence[Sequence[str]]) -> float:
    """Add the gradients of a batch's loss; returns the loss, the mean over all its words.

    In parts, by the length of the programs: a comparison is twice as long as most, and all would be
    padded to its length.
    """
    lengths = torch.tensor([len(programs[row]) for row in batch.rows.tolist()])
    order, total, mean = lengths.argsort(), int((lengths + 1).sum()), 0.0
    for which in order.split(-(-3 * len(order) // 4)):
        part = batch.part(which)
        wanted = targets(programs, part.rows)
        known = model.read(part.data, part.ids, part.rows, part.drawn, part.ratio)
        share = int((lengths[which] + 1).sum()) / total
        error = share * loss(model(*known, wanted[:, :-1]), wanted)
        error.backward()
        mean += error.item()
    return mean


def exact(model: Parser, rows: Encoded, programs: Sequence[Sequence[str]]) -> float:
    """The share of the questions for which greedy decoding writes just these programs.

    Found without decoding: it does where every next word of the program is the likeliest.
    """
    model.eval()
    right = 0
    with torch.inference_mode():
        for part in torch.arange(len(rows)).split(_AT_ONCE):
            wanted = targets(programs, part)
            scores = model(*model.read(rows, rows.ids, part), wanted[:, :-1])
            scores[..., [PAD, START]] = -torch.inf
            missed = (scores.argmax(dim=2) != wanted[:, 1:]) & (wanted[:, 1:] != PAD)
            right += int((~missed.any(dim=1)).sum())
    return right / len(rows)


def written(model: Parser, rows: Encoded, width: int = 1) -> list[list[str]]:
    """The programs that a model writes for encoded questions; see `model.beam`."""
    model.eval()
    found = []
    with torch.inference_mode():
        for part in torch.arange(len(rows)).split(_AT_ONCE):
            found += beam(model, *model.read(rows, rows.ids, part), width)
    return found


def judged(model: Parser, asked: Questions, split: str = "test", width: int = 1) -> dict:
    """Language → `measures` of the programs that a model writes."""
    own, judges = data.programs(asked.world, split), data.judges(asked.world, split)
    return {
        code: measures(written(model, asked.encoded(split, code), width), own, judges)
        for code in asked.languages
    }


def train(
    asked: Questions, method: str, seed: int = 0, config: Config = CONFIG, width: int = WIDTH
) -> dict:
    """Train and evaluate one run.

    Returns scores (language → execution accuracy of greedy decoding on test), measures
    (``greedy`` and ``beam``: language → `measures`), dev, epoch, seconds and config.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        started = time.perf_counter()
        model, dev = fit(asked, method_by_name(method), config, seed)
        greedy = judged(model, asked)
        found = {"greedy": greedy, "beam": judged(model, asked, width=width)}
        seconds = time.perf_counter() - started
    finally:
        torch.set_num_threads(before)
    return {
        "scores": {code: one["execution"] for code, one in greedy.items()},
        "measures": found,
        "dev": [round(score, 4) for score in dev],
        "epoch": config.epochs - 1,
        "seconds": seconds,
        "config": {**asdict(config), "decoder_rate": DECODER_RATE},
    }


def checks(asked: Questions, seed: int = 0, config: Config = CONFIG) -> dict[str, float]:
    """The execution accuracy in English, on test, of what doesn't understand the question.

    bag: a decoder that sees the words without order; blind: one that sees nothing; best single
    program: the one that is right most often when it answers all questions.
    """
    own, judges = data.programs(asked.world, "test"), data.judges(asked.world, "test")
    found, tried = {}, list(data.programs(asked.world, "train"))
    for reader in READERS[1:]:
        model, _ = fit(asked, method_by_name("baseline"), config, seed, reader)
        programs = written(model, asked.encoded("test", SOURCE))
        found[reader] = measures(programs, own, judges)["execution"]
        if reader == "blind":
            tried += [tuple(programs[0])] * len(tried)  # so that it is among the commonest
    found["best single program"] = round(best_single(tried, judges)[0], 4)
    return found


def prepare(job: Job[Programs]) -> None:
    """Nothing: a run pretrains its encoder itself, so that several are made at a time."""


def run(job: Job[Programs]) -> dict:
    """Make a study's run."""
    spec, device = job.spec, job.setup.device
    one = cell(spec.task)
    path = encoder_path(spec.world, one, device)
    encoders.pretrain(spec.world, one.documents, one.recipe, path, device)
    asked = Questions(path, spec.world, SPOKEN)
    found = train(asked, spec.method, spec.seed)
    found["measures"]["pretraining"] = encoders.told(path)
    if (spec.task, spec.method) == CHECKED:
        found["measures"]["checks"] = checks(asked, spec.seed)
    return found

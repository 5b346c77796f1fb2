"""The whole path on your own files in XTREME's layout: pretrain, distil, fine-tune, score.

A little monolingual text from the files gives a tokenizer and a small BERT, its masked-language
head gives word substitutions, and each method is fine-tuned on English pairs and scored in every
language. **Near chance is what to expect**: minutes of pretraining on some thousand sentences show
that the path works on these files, never which method is better. For a checkpoint that is good
already, or one from the hub, call `salt_lib.train`, or take its steps one by one.

Chapter: Reproduce, change, extend.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import torch
from tqdm import tqdm

from ..data.examples import Pairs
from ..data.xtreme import FOLDERS, PAIR_LABELS, languages, read_pairs
from ..digests import digest
from ..errors import SaltError, unknown
from ..files import write_json
from ..languages import SOURCE
from ..models import cards
from ..pretraining.loop import pretrain_on
from ..pretraining.recipe import Recipe
from ..salt import predictions
from ..salt.methods import method as method_by_name
from ..salt.prepared import prepare
from ..salt.substitutions import check_method, kept_predictions, kind_of, write_predictions
from ..salt.whole_words import whole_words
from ..study import provenance
from ..training.config import Config
from ..training.run import train_and_score

Texts = dict[str, list[list[str]]]  # language → documents → sentences
NOTE = (
    "Near chance was expected: a small BERT after minutes on some thousand sentences shows that "
    "the path works on these files, and says nothing about the methods."
)
RECIPE = Recipe(
    vocabulary=8_000,
    hidden=64,
    layers=2,
    heads=2,
    intermediate=256,
    steps=1_500,
    batch=64,
    learning_rate=3e-3,
    evaluate_every=250,
)
# So young a model is seldom sure: the study's thresholds would leave next to nothing.
CONFIG = Config(epochs=4, learning_rate=1e-3, threshold=0.5, synonym_threshold=0.5)


def monolingual(
    parallel: Mapping[str, Pairs], rows: int | None = None
) -> dict[str, list[list[str]]]:
    """Language → documents of two sentences, the two texts of a pair; never parallel.

    parallel: the same pairs in every language, row by row. Each language gets rows that no other
    has, three at a time (XNLI's rows come in threes that share a premise), at most ``rows`` of
    them.
    """
    return {
        code: [
            [pairs.first[i], pairs.second[i]]
            for i in range(len(pairs))
            if i // 3 % len(parallel) == place
        ][:rows]
        for place, (code, pairs) in enumerate(parallel.items())
    }


@dataclass(frozen=True)
class Settings:
    """How `run_own` goes about a folder of files.

    languages: that are scored. rows: documents of text of each at most, None for all that are its
    own; test_rows: scored rows, the same in every language. held_out: the share of English dev that
    chooses the epoch. seed: of everything random.
    """

    task: str = "xnli"
    languages: tuple[str, ...] = ("de", "sw", "ur")
    methods: tuple[str, ...] = ("baseline", "salt")
    rows: int | None = None
    test_rows: int | None = None
    held_out: float = 0.2
    seed: int = 0
    recipe: Recipe = RECIPE
    config: Config = CONFIG


def run_own(
    data: str | Path, out: str | Path, settings: Settings | None = None, progress: bool = True
) -> dict:
    """The whole path on the files of one task; near chance is expected (see the module).

    data: the folder that holds ``xnli`` or ``pawsx``. The *dev* files of English and the languages
    give the monolingual text and English's the training pairs, but for a tail that chooses the
    epoch. The *test* files of the languages are only scored.

    Writes into ``out`` a checkpoint folder, the predicted substitutions (Parquet) and result.json,
    and returns what the last holds. Interrupted, it goes on with the pretraining where that was; a
    finished checkpoint is used again while text, recipe and seed are the same. Raises SaltError for
    what is unknown, missing or too small.
    """
    started, settings = time.perf_counter(), settings or Settings()
    chosen = [method_by_name(name) for name in settings.methods]
    for row in chosen:
        check_method(row)
    if not settings.languages or not chosen:
        raise SaltError("nothing to do: name at least one language and one method")
    predictions.check_thresholds(settings.config.threshold, settings.config.synonym_threshold)
    parallel, tests = _files(data, settings)
    train, dev = _tail(parallel[SOURCE], settings.held_out)
    texts = monolingual(parallel, settings.rows)
    checkpoint, reused = _checkpoint(texts, Path(out), settings, progress)
    words = whole_words(
        checkpoint, {c: [s for d in documents for s in d] for c, documents in texts.items()}
    )
    write_json(checkpoint / "vocabulary.json", words)  # now counted with marks cut off
    cards.seal(checkpoint, "")
    seconds = {"pretrain": time.perf_counter() - started}
    base = prepare(checkpoint, PAIR_LABELS[settings.task], train, dev, tests, words)
    results, counts = {}, {}
    for row in tqdm(chosen, desc="fine-tune", unit="method", disable=not progress):
        ready, config = base, settings.config
        if row.substitutions:
            kind = kind_of(row)
            path = Path(out) / f"{kind}.parquet"
            if kind not in seconds:
                begun = time.perf_counter()
                write_predictions(checkpoint, train, words, path, kind == "masked", progress)
                seconds[kind] = time.perf_counter() - begun
            thresholds = (config.threshold, config.synonym_threshold)
            kept = kept_predictions(path, train, row, *thresholds)
            counts[row.name] = _counts(predictions.read_all(path), kept, words)
            ready = base.substituting(row.substitutions, kept, words=row.words)
        done = train_and_score(ready, row, config, settings.seed)
        results[row.name] = {key: done[key] for key in ("scores", "dev", "epoch")}
        seconds[row.name] = done["seconds"]
    seconds["total"] = time.perf_counter() - started
    sizes, labels = {code: len(test) for code, test in tests.items()}, base.labels
    result = {
        "note": NOTE,
        "task": settings.task,
        "chance": 1 / labels,
        "standard_error": {c: math.sqrt((labels - 1) / n) / labels for c, n in sizes.items()},
        "methods": results,
        "rows": {
            "text": {code: len(documents) for code, documents in texts.items()},
            "train": len(train),
            "dev": len(dev),
            "test": sizes,
        },
        "whole_words": {code: len(vocabulary) for code, vocabulary in words.items()},
        "substitutions": counts,
        "seed": settings.seed,
        "config": asdict(settings.config),
        "recipe": asdict(_fitting(settings.recipe, texts)),
        "checkpoint_reused": reused,
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "date": datetime.now(UTC).date().isoformat(),
        "commit": provenance.commit(),
        "hardware": provenance.hardware(),
        "versions": provenance.versions(),
    }
    write_json(Path(out) / "result.json", result)
    return result


def _files(data: str | Path, settings: Settings) -> tuple[dict[str, Pairs], dict[str, Pairs]]:
    """Language → dev pairs, English among them, and language → test pairs."""
    task, codes = settings.task, settings.languages
    parallel = {code: _read(data, task, "dev", code) for code in dict.fromkeys([SOURCE, *codes])}
    tests = {
        code: _sample(_read(data, task, "test", code), settings.test_rows, settings.seed)
        for code in codes
    }
    return parallel, tests


def _fitting(recipe: Recipe, texts: Texts) -> Recipe:
    # The pretraining knows full batches only.
    return replace(recipe, batch=min(recipe.batch, max(1, sum(map(len, texts.values())))))


def _checkpoint(texts: Texts, out: Path, settings: Settings, progress: bool) -> tuple[Path, bool]:
    """The small BERT's folder, made now if it isn't there, and whether it was there.

    The folder is named by all that made it, so that a stale checkpoint is never read.
    """
    recipe = _fitting(settings.recipe, texts)
    made_of = (texts, asdict(recipe), settings.seed, torch.__version__)
    folder = out / f"checkpoint-{digest(*made_of)[:12]}"
    reused = (folder / "curve.json").exists()  # written last
    if not reused:
        pretrain_on(texts, folder, recipe, settings.seed, punctuation=True, progress=progress)
    return folder, reused


def _counts(predicted: pd.DataFrame, kept: pd.DataFrame, words: Mapping) -> dict[str, dict]:
    """Language → how many substitutions were predicted, and how many are kept."""
    of_all, of_kept = (table["language"].value_counts() for table in (predicted, kept))
    return {
        code: {"predicted": int(of_all.get(code, 0)), "kept": int(of_kept.get(code, 0))}
        for code in words
    }


def _read(data: str | Path, task: str, split: str, language: str) -> Pairs:
    if task not in PAIR_LABELS:
        raise unknown("task of sentence pairs", task, PAIR_LABELS)
    folder, known = Path(data) / FOLDERS[task], languages(data, task, split)
    if language not in known:
        raise unknown(f"{split} language in {folder}", language, known or ["none"])
    return read_pairs(folder / f"{split}-{language}.tsv", PAIR_LABELS[task])


def _sample(pairs: Pairs, rows: int | None, seed: int) -> Pairs:
    # Drawn, not every nth: XNLI's labels go round in threes.
    order = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(seed))
    return pairs.take(sorted(order[:rows].tolist()))


def _tail(pairs: Pairs, share: float) -> tuple[Pairs, Pairs]:
    """The pairs before the tail and the tail; pairs that share their first text stay together."""
    cut = round(len(pairs) * (1 - share))
    while 0 < cut < len(pairs) and pairs.first[cut] == pairs.first[cut - 1]:
        cut += 1
    if not 0 < cut < len(pairs):
        raise SaltError(f"{len(pairs)} pairs can't be split with a share of {share} held out")
    return pairs[:cut], pairs[cut:]

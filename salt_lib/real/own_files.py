"""The whole path on your own files in XTREME's layout: pretrain, distil, fine-tune, score.

A little monolingual text from the files gives a tokenizer and a small BERT, its masked-language
head gives word substitutions, and each method is fine-tuned on English pairs and scored in every
language. **Near chance is what to expect**: minutes of pretraining on some thousand sentences show
that the path works on these files, never which method is better. For a checkpoint that is good
already, or one from the hub, take the steps of `salt_lib.training.finetune` one by one.

Chapter: Reproduce, change, extend.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import torch
from tqdm import tqdm

from ..data.examples import Pairs
from ..data.xtreme import FOLDERS, PAIR_LABELS, languages, read_pairs
from ..errors import SaltError, unknown
from ..files import write_json
from ..languages import SOURCE
from ..pretraining.loop import Recipe, pretrain_on
from ..salt import predictions
from ..salt.methods import method as method_by_name
from ..salt.whole_words import whole_words
from ..study import provenance
from ..training.config import Config
from ..training.finetune import check_method, digest, finetune, kept_predictions, write_predictions

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


def monolingual(said: Mapping[str, Pairs], rows: int | None = None) -> dict[str, list[list[str]]]:
    """Language → documents of two sentences, the two texts of a pair; never parallel.

    said: the same pairs in every language, row by row. Each language gets rows that no other has,
    three at a time (XNLI's rows come in threes that share a premise), at most ``rows`` of them.
    """
    return {
        code: [
            [pairs.first[i], pairs.second[i]]
            for i in range(len(pairs))
            if i // 3 % len(said) == place
        ][:rows]
        for place, (code, pairs) in enumerate(said.items())
    }


def run_own(
    data: str | Path,
    out: str | Path,
    languages: Sequence[str] = ("de", "sw", "ur"),
    task: str = "xnli",
    methods: Sequence[str] = ("baseline", "salt"),
    *,
    rows: int | None = None,
    test_rows: int | None = None,
    held_out: float = 0.2,
    seed: int = 0,
    recipe: Recipe = RECIPE,
    config: Config = CONFIG,
    progress: bool = True,
) -> dict:
    """The whole path on the files of one task; near chance is expected (see the module).

    data: the folder that holds ``xnli`` or ``pawsx``. The *dev* files of English and ``languages``
    give the monolingual text (``rows`` pairs of each at most) and English's the training pairs, but
    for a tail, the share ``held_out``, that chooses the epoch. The *test* files of ``languages``
    are only scored: all rows, or the same ``test_rows`` of them, drawn by ``seed``, in each.

    Writes into ``out`` a checkpoint folder, the predicted substitutions (Parquet) and result.json,
    and returns what the last holds. Interrupted, it goes on with the pretraining where that was; a
    finished checkpoint is used again while text, recipe and seed are the same. Raises SaltError for
    what is unknown, missing or too small.
    """
    started = time.perf_counter()
    chosen = [method_by_name(name) for name in methods]
    for row in chosen:
        check_method(row)
    if not languages or not chosen:
        raise SaltError("nothing to do: name at least one language and one method")
    said = {code: _read(data, task, "dev", code) for code in dict.fromkeys([SOURCE, *languages])}
    tests = {code: _sample(_read(data, task, "test", code), test_rows, seed) for code in languages}
    train, dev = _tail(said[SOURCE], held_out)
    texts = monolingual(said, rows)
    # The pretraining knows full batches only.
    recipe = replace(recipe, batch=min(recipe.batch, max(1, sum(map(len, texts.values())))))
    # The folder is named by all that made it, so that a stale checkpoint is never read.
    out = Path(out)
    checkpoint = out / f"checkpoint-{digest((texts, asdict(recipe), seed, torch.__version__))}"
    reused = (checkpoint / "curve.json").exists()  # written last
    if not reused:
        pretrain_on(texts, checkpoint, recipe, seed, punctuation=True, progress=progress)
    words = whole_words(checkpoint, {c: [s for d in own for s in d] for c, own in texts.items()})
    write_json(checkpoint / "vocabulary.json", words)  # now counted with marks cut off
    seconds = {"pretrain": time.perf_counter() - started}
    labels, results, files, counts = len(PAIR_LABELS[task]), {}, {}, {}
    for row in tqdm(chosen, desc="fine-tune", unit="method", disable=not progress):
        kind = row.substitutions
        if kind and kind not in files:
            begun, made = time.perf_counter(), "masked" if kind == "masked" else "distilled"
            files[kind] = out / f"{made}.parquet"
            if made not in seconds:
                write_predictions(checkpoint, train, words, files[kind], kind == "masked", progress)
                seconds[made] = time.perf_counter() - begun
        if kind:
            predicted = predictions.load(files[kind])["language"].value_counts()
            kept = kept_predictions(files[kind], train, row, config)["language"].value_counts()
            counts[row.name] = {
                code: {"predicted": int(predicted.get(code, 0)), "kept": int(kept.get(code, 0))}
                for code in words
            }
        path = files.get(kind)
        done = finetune(checkpoint, row, train, dev, tests, labels, seed, config, path, words)
        results[row.name] = {key: done[key] for key in ("scores", "dev", "epoch")}
        seconds[row.name] = done["seconds"]
    seconds["total"] = time.perf_counter() - started
    sizes = {code: len(test) for code, test in tests.items()}
    result = {
        "note": NOTE,
        "task": task,
        "chance": 1 / labels,
        "standard_error": {c: math.sqrt((labels - 1) / n) / labels for c, n in sizes.items()},
        "methods": results,
        "rows": {
            "text": {code: len(documents) for code, documents in texts.items()},
            "train": len(train),
            "dev": len(dev),
            "test": sizes,
        },
        "whole_words": {code: len(own) for code, own in words.items()},
        "substitutions": counts,
        "seed": seed,
        "config": asdict(config),
        "recipe": asdict(recipe),
        "checkpoint_reused": reused,
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "date": datetime.now(UTC).date().isoformat(),
        "commit": provenance.commit(),
        "hardware": provenance.hardware(),
        "versions": provenance.versions(),
    }
    write_json(out / "result.json", result)
    return result


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
    at = sorted(order[:rows].tolist())
    return Pairs(*([column[i] for i in at] for column in (pairs.first, pairs.second, pairs.labels)))


def _tail(pairs: Pairs, share: float) -> tuple[Pairs, Pairs]:
    """The pairs before the tail and the tail; pairs that share their first text stay together."""
    cut = round(len(pairs) * (1 - share))
    while 0 < cut < len(pairs) and pairs.first[cut] == pairs.first[cut - 1]:
        cut += 1
    if not 0 < cut < len(pairs):
        raise SaltError(f"{len(pairs)} pairs can't be parted with a share of {share} held out")
    return pairs[:cut], pairs[cut:]

"""Real names: PAN-X, zero-shot from English, with a small BERT: ``python -m benchmarks.panx``.

The BERT is pretrained on nothing but the text of PAN-X's *train* files (``$SALT_XTREME_DIR``, four
languages, Swahili with a thousand sentences), fine-tuned on the tags of the English one, and scored
on the *dev* files of the others, for of the test files there are none; of each file the first
`ROWS` sentences. That is a small model on little text. The layer that DLFA fuses is chosen on
English dev with a seed of its own. Interrupted, the same command goes on. Result:
``recorded/panx.json``.
"""

import argparse
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from salt_lib import files
from salt_lib.data import xtreme
from salt_lib.data.examples import Tagged, tag
from salt_lib.digests import read_checked, write_checked
from salt_lib.files import write_json
from salt_lib.languages import SOURCE
from salt_lib.models import loading
from salt_lib.pretraining.loop import pretrain_on
from salt_lib.pretraining.recipe import Recipe
from salt_lib.salt.methods import METHODS, Method, dlfa, method
from salt_lib.salt.prepared import prepare as prepare_data
from salt_lib.salt.substitutions import kept_predictions, write_predictions
from salt_lib.salt.whole_words import whole_words
from salt_lib.study import provenance
from salt_lib.study.grid import Job, Workers
from salt_lib.study.results import key_of
from salt_lib.study.study import Study
from salt_lib.training.config import Config
from salt_lib.training.run import train_and_score

RECORDED = files.RECORDED / "panx.json"
LANGUAGES = ("en", "de", "sw", "zh")
TARGETS = ("de", "sw", "zh")
SEEDS = tuple(range(5))
CHOOSING = 1000  # the seed that chooses the layer
ROWS = {"train": 6_000, "dev": 4_000}  # of the text for pretraining, all
RECIPE = Recipe(
    vocabulary=16_000,
    hidden=256,
    layers=4,
    heads=4,
    intermediate=1024,
    activation="gelu",
    init=0.02,
    mimetic=False,
    steps=3_600,
    batch=32,
    learning_rate=5e-4,
    word_learning_rate=1e-3,
    mask_rate=0.2,
    next_sentence=0.0,  # PAN-X's sentences follow one another by chance
    neighbours=0.0,
    evaluate_every=200,
)
# A young model is seldom sure: the laboratory's thresholds would leave next to nothing. The
# learning rate is the better of 5e-4 and 1e-3 on English dev (baseline, seed `CHOOSING`).
CONFIG = Config(
    epochs=2, batch=32, learning_rate=1e-3, dropout=0.1, threshold=0.5, synonym_threshold=0.5
)


@cache
def whole(split: str, code: str) -> Tagged:
    """A PAN-X file as tagged sentences."""
    path = xtreme.folder() / "panx" / f"{split}-{code}.tsv"
    return tag(xtreme.read_tags(path), xtreme.TAGS)


def read(split: str, code: str) -> Tagged:
    """What is trained on or scored: a file's first `ROWS`."""
    return whole(split, code)[: ROWS[split]]


def texts() -> dict[str, list[list[str]]]:
    """The train files' text, two sentences a document, without tags."""
    said = {code: [" ".join(words) for words in whole("train", code).words] for code in LANGUAGES}
    return {code: [own[i : i + 2] for i in range(0, len(own) - 1, 2)] for code, own in said.items()}


@dataclass(frozen=True)
class Setup:
    """The pretrained BERT's folder, for `grid.execute`."""

    folder: str
    runner = "benchmarks.panx:run"

    def check(self, task: str, row: Method) -> None:
        """There is one task, and every method."""

    def identity(self, task: str) -> dict:
        """What decides the scores besides the sources."""
        return {"weights": loading.identity(self.folder), "training": asdict(CONFIG)}


def pretrain(folder: Path, recipe: Recipe) -> None:
    """The BERT, its tokenizer and the languages' whole words; nothing where they are there."""
    if (folder / "words.json").exists():
        return
    said = texts()
    started = time.perf_counter()
    pretrain_on(said, folder, recipe, seed=0, punctuation=True, device="cpu")
    seconds = time.perf_counter() - started
    lines = {code: [s for d in own for s in d] for code, own in said.items()}
    write_json(folder / "seconds.json", seconds)
    write_json(folder / "words.json", whole_words(folder, lines))


def words(folder: str) -> dict:
    """Language → whole words with counts."""
    return json.loads((Path(folder) / "words.json").read_text(encoding="utf-8"))


def prepare(job: Job[Setup]) -> None:
    """Distil the predictions of the English training sentences, once."""
    folder = job.setup.folder
    path = Path(folder) / "distilled.parquet"
    if method(job.spec.method).substitutions and not path.exists():
        write_predictions(folder, read("train", SOURCE), words(folder), path, progress=True)


def run(job: Job[Setup]) -> dict:
    """One run, for `grid.execute`."""
    row, folder = method(job.spec.method), job.setup.folder
    tests = {code: read("dev", code) for code in LANGUAGES}
    train, dev = read("train", SOURCE), read("dev", SOURCE)
    ready = prepare_data(folder, xtreme.TAGS, train, dev, tests, words(folder))
    if row.substitutions:
        ready = ready.substituting(row.substitutions, kept_of(folder, row))
    return train_and_score(ready, row, CONFIG, job.spec.seed)


def kept_of(folder: str, row: Method) -> pd.DataFrame:
    """The predictions that a method keeps."""
    thresholds = (CONFIG.threshold, CONFIG.synonym_threshold)
    path = Path(folder) / "distilled.parquet"
    return kept_predictions(path, read("train", SOURCE), row, *thresholds)


def overlap(code: str) -> float:
    """Share of a test file's sentences that stand in the language's train file as well."""
    seen = {" ".join(words) for words in whole("train", code).words}
    test = read("dev", code).words
    return float(np.mean([" ".join(words) in seen for words in test]))


def kept(folder: str) -> dict[str, int]:
    """Language → substitutions that SALT keeps."""
    found = kept_of(folder, METHODS["salt"])
    return {code: int(n) for code, n in found["language"].value_counts().sort_index().items()}


def made(study: Study, methods: list[str], seeds: Sequence[int], jobs: int) -> list[dict]:
    """The runs, made now where they are missing; seed by seed."""
    specs = study.specs(methods=methods, seeds=seeds)
    study.execute(specs, Workers(jobs=jobs))
    by_key = {key_of(run): run for run in study.fresh().runs}
    return [by_key[astuple(spec)[1:]] for spec in specs]


def main() -> None:
    """Pretrain, sweep the layers, compare, record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("runs") / "panx")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--steps", type=int, default=RECIPE.steps)
    parser.add_argument("--pretrain-only", action="store_true")
    chosen = parser.parse_args()
    folder = chosen.folder / "checkpoint"
    if chosen.pretrain_only:
        torch.set_num_threads(1)
    pretrain(folder, replace(RECIPE, steps=chosen.steps))
    if chosen.pretrain_only:
        return
    command = "python -m benchmarks.panx"
    study = Study(Setup(str(folder)), chosen.folder, command, ("pan-x",), ("baseline",), SEEDS)
    swept = [dlfa(layer).name for layer in range(RECIPE.layers)]
    by_method = {one["method"]: one for one in made(study, swept, [CHOOSING], chosen.jobs)}
    dev = [max(by_method[name]["dev"]) for name in swept]
    layer = int(np.argmax(dev))
    compared = ["baseline", "salt", dlfa(layer).name, dlfa(layer, METHODS["salt"]).name]
    found = made(study, compared, SEEDS, chosen.jobs)
    curve = read_checked(folder / "curve.json")["curve"]
    write_checked(
        RECORDED,
        {
            **provenance.origin("python -m benchmarks.panx"),
            "note": "train en; the dev files of the other languages are the test sets",
            "recipe": asdict(replace(RECIPE, steps=chosen.steps)),
            "configuration": asdict(CONFIG),
            "pretraining_seconds": json.loads((folder / "seconds.json").read_text()),
            "curve": curve,
            "sentences": {
                code: {split: len(read(split, code)) for split in ("train", "dev")}
                for code in LANGUAGES
            },
            "test_in_train": {code: overlap(code) for code in LANGUAGES},
            "whole_words": {code: len(own) for code, own in words(str(folder)).items()},
            "kept": kept(str(folder)),
            "english_dev_by_layer": dev,
            "layer": layer,
            "rows": [
                {key: one[key] for key in ("task", "method", "seed", "scores", "dev", "epoch")}
                | {"world": 0, "seconds": round(one["seconds"], 1)}
                for one in found
            ],
        },
    )
    print(f"{RECORDED}: {len(found)} runs, layer {layer}")


if __name__ == "__main__":
    main()

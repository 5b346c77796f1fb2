"""The runs: world, cell, method and seed in, zero-shot scores of a small suite out.

A run takes the cell's encoder, made if it isn't there, and fine-tunes it in English on each task of
the suite exactly as every study of the laboratory does.

Chapter: Bitext.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ...digests import digest, sources
from ...files import alone, folder
from ...models import loading
from ...salt import distill, predictions
from ...salt.methods import method as method_by_name
from ...salt.prepared import Prepared
from ...training.config import Config
from ...training.run import train_and_score
from ..checkpoints import files_of
from ..predictions import vocabularies
from ..run import prepared
from ..setup import Laboratory
from ..tasks import task
from . import encoders
from .cells import FACTS, METHODS, TASKS, WITH_SALT, Bitexts, cell
from .retrieval import tatoeba

if TYPE_CHECKING:
    from ...study.grid import Job

BASELINE, SALT = METHODS


def predictions_path(made: Path, world: int, name: str = WITH_SALT) -> Path:
    """The Parquet file of what an encoder's own head distils for a task, made if missing."""
    train = prepared(Laboratory(world), name, method_by_name(BASELINE), Config()).train
    made_of = (*files_of(made), world, name, torch.__version__, sources(__name__))
    root = folder("SALT_CACHE_DIR", "cache") / "bitext"
    path = root / f"{name}-{made.name}-{digest(*made_of)[:16]}.parquet"
    if not path.exists():
        with alone(path, f"the predictions {path}"):
            if not path.exists():
                words = vocabularies(world, task(name).languages)
                rows = distill.predict(loading.masked_lm(made), train, words)
                predictions.save(path, rows, {"world": str(world), "task": name})
    return path


def ready(
    made: Path, world: int, name: str, method: str, config: Config, scored: str = "test"
) -> Prepared:
    """What a run trains on: the task as the world's tokenizer has it, another checkpoint, and, for
    SALT, what this checkpoint itself distils."""
    plain = prepared(Laboratory(world), name, method_by_name(BASELINE), config, scored)
    plain = replace(plain, checkpoint=made)
    row = method_by_name(method)
    if row.substitutions is None:
        return plain
    thresholds = (config.threshold, config.synonym_threshold)
    kept = predictions.read_kept(predictions_path(made, world, name), *thresholds)
    return plain.substituting(row.substitutions, kept, world, row.words)


def train(
    made: Path,
    world: int,
    method: str,
    seed: int,
    tasks: tuple[str, ...] = TASKS,
    scored: str = "test",
) -> dict:
    """Fine-tune an encoder on each task and score all languages, on one thread.

    scored: the split that is scored on, "dev" for tuning. Returns scores (language → accuracy of
    the first task), measures (``tasks``: task → language → score, see `training.evaluate.score`),
    dev (the first task's), epoch, seconds (of all) and config (task → its own).
    """
    found = {}
    for name in tasks:
        config = Laboratory(world).config(name, method)
        data = ready(made, world, name, method, config, scored)
        found[name] = train_and_score(data, method_by_name(method), config, seed)
    first = found[tasks[0]]
    return {
        "scores": first["scores"],
        "measures": {"tasks": {name: one["scores"] for name, one in found.items()}},
        "dev": first["dev"],
        "epoch": first["epoch"],
        "seconds": sum(one["seconds"] for one in found.values()),
        "config": {name: one["config"] for name, one in found.items()},
    }


@cache
def retrieved(made: Path, world: int) -> dict[str, float]:
    """`retrieval.tatoeba` of an encoder, which no fine-tuning changes."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return tatoeba(loading.masked_lm(made), loading.tokenizer(made), world, FACTS)
    finally:
        torch.set_num_threads(threads)


def prepare(job: Job[Bitexts]) -> None:
    """Nothing: a run makes its encoder itself, so that several are made at a time."""


def run(job: Job[Bitexts]) -> dict:
    """Make a study's run."""
    spec, device = job.spec, job.setup.device
    made = encoders.pretrain(spec.world, cell(spec.task), device=device)
    tasks = TASKS if spec.method == BASELINE else (WITH_SALT,)
    found = train(made, spec.world, spec.method, spec.seed, tasks)
    found["measures"]["retrieval"] = retrieved(made, spec.world)
    found["measures"]["pretraining"] = encoders.told(made)
    return found

"""Choosing thresholds, rates and the length of training: in the tuning world alone.

World 100 has its own preferences, corpora, checkpoint and tasks. Everything here is measured on its
*dev* sets, in all languages, with seeds that the study doesn't use; the study's world is never
looked at. What was tried and what was chosen stands in ``recorded/tuning.json``.

Chapter: Training.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

from . import encoders, substitutions
from .files import write_json
from .languages import SOURCE
from .methods import method
from .tasks import task
from .train import CONFIGS, train_and_score

WORLD = 100
SEEDS = (1000, 1001, 1002)  # none of the study's


def trial(name: str, method_name: str, seed: int, changes: dict, world: int = WORLD) -> dict:
    """One run scored on the dev sets: task, method, seed, changes, english, zero_shot, languages.

    changes: fields of `train.Config` that differ from the task's present configuration.
    """
    spec, row = task(name), method(method_name)
    config = replace(CONFIGS[name], **changes)
    dev = {code: substitutions.encoded(world, name, "dev", code) for code in spec.languages}
    found = train_and_score(
        encoders.checkpoint(world),
        row,
        config,
        seed,
        labels=len(spec.labels),
        data=substitutions.encoded(world, name, "train", SOURCE),
        dev=dev[SOURCE],
        tests=dev,
        choices=substitutions.for_method(world, name, row, config),
    )
    return {
        "task": name,
        "method": method_name,
        "seed": seed,
        "changes": changes,
        "english": found["scores"][SOURCE],
        "zero_shot": float(np.mean([found["scores"][code] for code in spec.targets])),
        "dev": found["dev"],
        "seconds": round(found["seconds"], 1),
    }


def sweep(
    tasks: Sequence[str],
    methods: Sequence[str],
    grid: Sequence[dict],
    seeds: Sequence[int] = SEEDS,
    jobs: int = 2,
    log: str | Path | None = None,
) -> list[dict]:
    """Every trial of tasks × methods × grid × seeds; with ``log`` those already there are kept.

    log: a JSON file holding the list of all trials so far, rewritten after each one.
    """
    done = json.loads(Path(log).read_text()) if log and Path(log).exists() else []
    key = lambda t: json.dumps([t["task"], t["method"], t["seed"], t["changes"]], sort_keys=True)  # noqa: E731
    known = {key(t) for t in done}
    wanted = [
        {"task": name, "method": m, "seed": s, "changes": changes}
        for changes, name, m, s in product(grid, tasks, methods, seeds)
    ]
    wanted = [w for w in wanted if key(w) not in known]
    run = delayed(trial)
    found = Parallel(n_jobs=jobs, return_as="generator_unordered")(
        run(w["task"], w["method"], w["seed"], w["changes"]) for w in wanted
    )
    for item in found:
        done.append(item)
        if log:
            write_json(log, done)
    return done

"""Invented results in the layout of the study's, for tests of what is written and drawn of them."""

import numpy as np
import pandas as pd
import pytest

from salt_lib.laboratory import aggregation, study, tasks
from salt_lib.laboratory import run as laboratory_run
from salt_lib.salt import methods
from salt_lib.salt.methods import MAIN
from salt_lib.study import store
from salt_lib.study.grid import Workers
from salt_lib.study.results import COLUMNS
from salt_lib.study.study import Study

BEST = dict(zip(aggregation.TASKS, (2, 0, 5, 3), strict=True))  # what English dev shall choose


def frame(gain=0.02, methods=MAIN, noise=0.005) -> pd.DataFrame:
    """A long frame of both tasks: methods other than the baseline differ from it by ``gain``."""
    rows = []
    for task in reversed(study.TASKS):
        rng = np.random.default_rng(7)
        for code in tasks.PAIR_TASKS[task].languages:
            level = 0.9 if code == "en" else rng.uniform(0.5, 0.8)
            for seed in study.SEEDS:
                shared = rng.normal(0, noise)
                for method in methods:
                    effect = 0 if method == "baseline" else gain
                    score = level + shared + effect + rng.normal(0, noise)
                    rows.append((0, task, method, seed, code, float(np.clip(score, 0, 1))))
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    found.attrs = {"command": "salt study", "commit": "c", "date": "2026-01-02", "hardware": "h"}
    return found


def fused_run(name: str, method_name: str, seed: int) -> dict:
    """A run whose dev score peaks at `BEST` and whose test scores peak at layer 1."""
    row, rng = (
        methods.method(method_name),
        np.random.default_rng([seed, len(name), len(method_name)]),
    )
    gain = 0.0 if row.layer is None else 0.05 - 0.01 * abs(row.layer - 1)
    dev = 0.8 if row.layer is None else 0.9 - 0.01 * abs(row.layer - BEST[name])
    gain += 0.02 * (row.substitutions is not None)
    scores = {
        code: float(np.clip(0.6 + gain + rng.normal(0, 0.005), 0, 1))
        for code in tasks.task(name).languages
    }
    return {"scores": scores, "dev": [dev - 0.1, dev], "epoch": 1, "seconds": 1.0, "config": {}}


def aggregate(study_: Study, force: bool = False) -> tuple[list, tuple[int, int]]:
    """Make the aggregation study's runs by its own steps; what was run, and what it returns."""
    calls = []

    def run(job):
        calls.append((job.spec.task, job.spec.method, job.spec.seed))
        return fused_run(*calls[-1])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(laboratory_run, "run", run)
        patch.setattr(laboratory_run, "prepare", lambda job: None)
        patch.setattr(store, "commit", lambda: "0" * 40)
        told = aggregation.execute(study_, Workers(jobs=1), force=force, progress=False)
    return calls, told

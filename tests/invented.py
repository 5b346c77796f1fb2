"""Invented results in the layout of the study's, for tests of what is written and drawn of them."""

import numpy as np
import pandas as pd

from salt_lib.laboratory import study
from salt_lib.laboratory.tasks import TASKS
from salt_lib.salt.methods import MAIN
from salt_lib.study.results import COLUMNS


def frame(gain=0.02, methods=MAIN, noise=0.005) -> pd.DataFrame:
    """A long frame of both tasks: methods other than the baseline differ from it by ``gain``."""
    rows = []
    for task in reversed(study.TASKS):
        rng = np.random.default_rng(7)
        for code in TASKS[task].languages:
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

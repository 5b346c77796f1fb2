"""Runs that take no time, to be named as the ``runner`` of `salt_lib.study.grid.execute`.

What they do is chosen by name, not by environment: worker processes outlive a test.
"""

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from salt_lib.errors import SaltError


@dataclass(frozen=True)
class Setup:
    """As `salt_lib.real.setup.Setup`, with nothing in it."""

    name: str
    influences = ()

    def identity(self, task):
        return {"name": self.name, "task": task}


def prepare(world, task, method, setup=None, root=None):
    if method == "mixup" and world == 13:
        raise ValueError("nothing to prepare here")


def run(world, task, method, seed):
    return {
        "scores": {"en": 0.9, "de": round(0.5 + seed / 100, 2)},
        "dev": [0.8, 0.9],
        "epoch": 1,
        "seconds": 0.0,
        "config": {
            "threads": os.environ.get("OMP_NUM_THREADS"),
            "pid": os.getpid(),
            "ray": "ray" in sys.modules,
        },
    }


def slow(world, task, method, seed):
    time.sleep(0.2)
    return run(world, task, method, seed)


def failing(world, task, method, seed):
    if seed == 1:
        raise ZeroDivisionError("loss is nan")
    return run(world, task, method, seed)


def interrupted(world, task, method, seed):
    if seed == 1:
        raise KeyboardInterrupt
    return run(world, task, method, seed)


def killed(world, task, method, seed):
    # As the system does when memory runs out. Needs two jobs: one job is the process of the tests.
    if seed == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return run(world, task, method, seed)


def unreadable(world, task, method, seed):
    raise SaltError("predictions.parquet can't be read") from OSError("gone")


def wrong(world, task, method, seed):
    return {**run(world, task, method, seed), "scores": {"en": float("nan")}}


def with_setup(world, task, method, seed, setup, root):
    config = {"name": setup.name, "root": str(root)}
    return {**run(world, task, method, seed), "config": config}


def dies_once(world, task, method, seed, setup, root):
    # As a machine does that is switched off; every other run's first worker.
    died = Path(root) / f"died-{seed}"
    if seed % 2 and not died.exists():
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return run(world, task, method, seed)

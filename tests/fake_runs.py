"""Runs that take no time, to be named as the ``runner`` of a setup.

What they do is chosen by name, not by environment: worker processes outlive a test.
"""

import os
import signal
import sys
import time
from dataclasses import dataclass

from salt_lib.errors import SaltError, unknown

TASKS = ("mini-xnli", "mini-paws-x")


@dataclass(frozen=True)
class Setup:
    """As `salt_lib.laboratory.setup.Laboratory`, with nothing in it."""

    runner: str = "fake_runs:run"
    name: str = "fake"

    def check(self, task, method):
        if task not in TASKS:
            raise unknown("task", task, TASKS)

    def identity(self, task):
        return {"name": self.name, "task": task}


def prepare(job):
    if job.spec.method == "mixup" and job.spec.world == 13:
        raise ValueError("nothing to prepare here")


def made(seed):
    """What a run of this seed returns."""
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


def run(job):
    return made(job.spec.seed)


def slow(job):
    time.sleep(0.2)
    return run(job)


def endless(job):
    (job.root / f"{os.getpid()}.worker").touch()
    time.sleep(600)
    return run(job)


def failing(job):
    if job.spec.seed == 1:
        raise ZeroDivisionError("loss is nan")
    return run(job)


def interrupted(job):
    if job.spec.seed == 1:
        raise KeyboardInterrupt
    return run(job)


def killed(job):
    # As the system does when memory runs out. Needs two jobs: one job is the process of the tests.
    if job.spec.seed == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return run(job)


def unreadable(job):
    raise SaltError("predictions.parquet can't be read") from OSError("gone")


def wrong(job):
    return {**run(job), "scores": {"en": float("nan")}}


def with_setup(job):
    return {**run(job), "config": {"name": job.setup.name, "root": str(job.root)}}


def dies_once(job):
    # As a machine does that is switched off; every other run's first worker.
    died = job.root / f"died-{job.spec.seed}"
    if job.spec.seed % 2 and not died.exists():
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return run(job)

"""The grid of runs, and where they run: processes of this machine or a Ray cluster.

Whatever ends a study early (an error, Ctrl-C, `kill -9`, a power cut), the finished runs stay and
the same command goes on with the missing ones.

Chapter: Training over 15 seeds.
"""

import importlib
import os
import platform
import shutil
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, astuple, dataclass, replace
from errno import EDQUOT, ENOSPC
from pathlib import Path
from threading import Thread
from typing import Generic, TypeVar

import joblib
from joblib.externals.loky import BrokenProcessPool
from tqdm import tqdm

from ..digests import sources
from ..errors import SaltError, unknown
from ..salt.methods import Method
from ..salt.methods import method as method_by_name
from . import cluster
from .provenance import StudySetup, fingerprint
from .store import is_fresh, run_path, write_run

S = TypeVar("S", bound=StudySetup)
BACKENDS = ("processes", "ray")


class RunsFailed(SaltError):
    """Some runs of a study ended in an error; the others are finished and stored."""

    exit_code = 1


class Interrupted(SaltError):
    """The study was stopped from outside; the finished runs are stored."""

    exit_code = 130


@dataclass(frozen=True)
class Spec:
    """One run: a task, a method and a seed in a world."""

    world: int
    task: str
    method: str
    seed: int

    def __str__(self) -> str:
        return f"{self.task}, {self.method}, seed {self.seed} (world {self.world})"


@dataclass(frozen=True)
class Workers:
    """Who makes the runs.

    backend: "processes" of this machine, or "ray", a cluster's. jobs: how many at a time, by
    default as many as this machine has cores, or the cluster has room for. gpus_per_run: of the
    cluster's GPUs, 0.5 puts two runs on a card; 0 is for the processor, one core a run. stacked:
    how many seeds of a method one process trains at once (`training.stacked`); it can't go on from
    the middle of a run. Raises SaltError for an unknown backend, fewer than one job, GPUs without
    Ray, and stacked seeds with it.
    """

    backend: str = "processes"
    jobs: int | None = None
    gpus_per_run: float = 0.0
    stacked: int = 1

    def __post_init__(self):
        if self.backend not in BACKENDS:
            raise unknown("backend", self.backend, BACKENDS)
        if self.jobs is not None and self.jobs < 1:
            raise SaltError(f"{self.jobs} jobs: at least one is needed")
        if self.stacked < 1 or (self.stacked > 1 and self.backend != "processes"):
            raise SaltError(
                f"{self.stacked} stacked seeds: two or more are trained at once, by a process on "
                "this machine; leave --backend out, or --stacked"
            )
        if self.gpus_per_run and self.backend != "ray":
            raise SaltError(
                f"{self.gpus_per_run} GPUs per run: only the backend 'ray' assigns GPUs, even on "
                "one machine; add --backend ray, or leave gpus_per_run at 0 for one run at a time"
            )


DEFAULT_WORKERS = Workers()


def grid(
    world: int,
    tasks: Iterable[str],
    methods: Iterable[str],
    seeds: Iterable[int],
    check: Callable[[str, Method], object],
) -> list[Spec]:
    """Every combination once, seed by seed, so that a study stopped early has whole seeds.

    check: raises for a task or method that can't be run (`StudySetup.check`). SaltError: an
    unknown task or method (it lists the known ones), a negative world or seed, or nothing to run.
    """
    tasks, methods, seeds = list(tasks), list(methods), list(seeds)
    rows = [method_by_name(name) for name in methods]
    for name in tasks:
        for row in rows:
            check(name, row)
    for what, numbers in (("world", [world]), ("seed", seeds)):
        for number in numbers:
            if number < 0:
                raise SaltError(f"{what} {number}: a {what} is a whole number, 0 or more")
    specs = [Spec(world, task, method, s) for s in seeds for task in tasks for method in methods]
    if not specs:
        raise SaltError("nothing to run: give at least one task, one method and one seed")
    return list(dict.fromkeys(specs))


def execute(
    specs: Iterable[Spec],
    root: str | Path,
    setup: StudySetup,
    workers: Workers = DEFAULT_WORKERS,
    *,
    force: bool = False,
    progress: bool = True,
) -> list[Spec]:
    """Run what is not yet there under ``root``; returns the runs that finished now.

    A run that is stored and fresh (`store.is_fresh`) is skipped unless ``force``. Each worker
    stores its run itself as soon as that ends, so on a cluster ``root`` is a folder that all its
    nodes share. What the runs of a task and method share is prepared beforehand, once.

    On Ray a run whose worker or node dies is begun again elsewhere, some times (`cluster`).

    RunsFailed, after all the others have run: names the runs that ended in an error. Interrupted:
    Ctrl-C. SaltError: Ray missing or out of reach, no GPUs where some are asked for, a worker
    process of this machine that was killed, or a run that can't be stored (a full disk), which
    stops the study at once.
    """
    specs, root = list(dict.fromkeys(specs)), Path(root).absolute()
    missing = [s for s in specs if force or not is_fresh(setup, root, *astuple(s))]
    if not missing:
        return []
    finished: list[Spec] = []
    failed: dict[Spec, str] = {}
    bar = tqdm(
        total=len(specs),
        initial=len(specs) - len(missing),
        unit="run",
        smoothing=0.1,
        disable=not progress,
    )
    root.mkdir(parents=True, exist_ok=True)
    jobs = [Job(spec, root, setup) for spec in missing]
    try:
        with bar, _started(workers, len(jobs)) as work:
            errors = _prepared(jobs, work, bar)
            failed |= {j.spec: error for j in jobs if (error := errors[_shares(j.spec)])}
            bar.update(len(failed))
            bar.unpause()  # the time it took says nothing about the runs to come
            ready = [replace(j, expected=j.fingerprint) for j in jobs if j.spec not in failed]
            with closing(work.results(ready)) as outcomes:
                for spec, error, fatal in outcomes:
                    if fatal:
                        raise SaltError(f"{error}. {_kept(finished)}")
                    if error:
                        failed[spec] = error
                        bar.set_postfix_str(f"{len(failed)} failed")
                    else:
                        finished.append(spec)
                    bar.update()
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted. {_kept(finished)}") from None
    if failed:
        raise RunsFailed(_explain(failed, len(specs)))
    return sorted(finished, key=specs.index)


@dataclass(frozen=True)
class Job(Generic[S]):
    """One run to be made, as the setup's runner gets it.

    expected: the fingerprint that the study started with.
    """

    spec: Spec
    root: Path
    setup: S
    expected: str = ""

    @property
    def path(self) -> Path:
        """Where the run will be stored."""
        return run_path(self.root, *astuple(self.spec))

    @property
    def fingerprint(self) -> str:
        """What the run would be stored with, here and now."""
        return fingerprint(self.setup, self.spec.world, self.spec.task, self.spec.method)

    def prepare(self) -> None:
        """Make what the runs of its task and method share."""
        importlib.import_module(self.setup.runner.partition(":")[0]).prepare(self)

    def run(self) -> dict:
        """Make the run; see `training.run.train_and_score` for what is returned."""
        module, _, function = self.setup.runner.partition(":")
        return getattr(importlib.import_module(module), function)(self)


def _shares(spec: Spec) -> tuple[str, str]:
    return spec.task, spec.method


def _prepared(jobs: list[Job], work, bar: tqdm) -> dict[tuple[str, str], str | None]:
    """Prepare for every task and method; returns their errors, None where all is well."""
    errors: dict[tuple[str, str], str | None] = {}
    for job in jobs:
        key = _shares(job.spec)
        if key not in errors:
            bar.set_description_str("preparing {}, {}".format(*key))
            errors[key] = work.prepare(job)
    bar.set_description_str("")
    return errors


class _Processes:
    """Worker processes of this machine, one thread each."""

    def prepare(self, job: Job) -> str | None:
        return _prepare_one(job)

    def results(self, jobs: list[Job]) -> Iterator[tuple[Spec, str | None, bool]]:
        parallel = joblib.Parallel(return_as="generator_unordered", batch_size=1)
        with warnings.catch_warnings():
            # joblib remarks that closing it early wastes work; that is what stopping means.
            warnings.filterwarnings("ignore", r"\d+ tasks which were still being processed")
            try:
                yield from parallel(joblib.delayed(_run_one)(job) for job in jobs)
            except BrokenProcessPool as error:
                raise SaltError(
                    "a worker process was killed, as happens when memory runs out; the finished "
                    "runs are stored: the same command with fewer --jobs goes on with the rest"
                ) from error


class _Stacked:
    """This process alone, which trains several seeds of a method at once."""

    def __init__(self, most: int):
        self.most = most

    def prepare(self, job: Job) -> str | None:
        return _prepare_one(job)

    def results(self, jobs: list[Job]) -> Iterator[tuple[Spec, str | None, bool]]:
        groups: dict[tuple[str, str], list[Job]] = {}
        for job in jobs:
            groups.setdefault(_shares(job.spec), []).append(job)
        for group in groups.values():
            for low in range(0, len(group), self.most):
                yield from _run_stacked(group[low : low + self.most])


@contextmanager
def _started(workers: Workers, most: int) -> Iterator:
    """Start workers: something with `_Processes`' two methods."""
    if workers.backend == "ray":
        options = (workers.jobs, most, workers.gpus_per_run)
        with cluster.workers(_prepare_one, _run_one, *options) as ray_workers:
            yield ray_workers
        return
    count = min(workers.jobs or joblib.cpu_count(), most)
    follow = {"initializer": follow_leader, "initargs": (os.getpid(),)}
    with joblib.parallel_config("loky", n_jobs=count, inner_max_num_threads=1, **follow):
        yield _Stacked(workers.stacked) if workers.stacked > 1 else _Processes()


def follow_leader(leader: int) -> None:
    """In a worker: end within seconds of the process that started it, which may be killed.

    leader: its id. An idle worker would wait some minutes for more to do, and a busy one go on with
    its run for nobody.
    """

    def watch() -> None:
        while os.getppid() == leader:
            time.sleep(1)
        os._exit(1)  # whoever would hear of it is gone

    Thread(target=watch, daemon=True).start()


def _prepare_one(job: Job) -> str | None:
    """Make what the runs of a task and method share; returns the error if any."""
    try:
        job.prepare()
    except Exception as error:
        return _words(error)
    return None


def _run_one(job: Job) -> tuple[Spec, str | None, bool]:
    """In a worker: run and store a spec; returns it, the error if any, and whether to stop."""
    storing, spec = False, job.spec
    try:
        if not job.root.is_dir():
            raise SaltError(
                f"{job.root} is not on the node {platform.node()}: give a folder that all nodes "
                "share"
            )
        # Before the runner is imported, so that what is hashed is what runs.
        if job.fingerprint != job.expected:
            raise SaltError(
                "sources, checkpoint, data or library versions are not those that the study "
                "started with (edited meanwhile, or another node's); the same command starts afresh"
            )
        result = job.run()
        storing = True
        store(job, result)
    except Exception as error:
        # A full disk would end every other run in the same way.
        cause = error.__cause__
        full = isinstance(cause, OSError) and (storing or cause.errno in (ENOSPC, EDQUOT))
        return spec, _words(error), full
    return spec, None, False


def _run_stacked(jobs: list[Job]) -> Iterator[tuple[Spec, str | None, bool]]:
    """Run and store the seeds of a method; as `_run_one` for each of them."""
    name, _, _ = jobs[0].setup.runner.partition(":")
    try:
        train = getattr(importlib.import_module(name), "run_stacked", None)
        if train is None:
            raise SaltError("the runs of this study can't be stacked; leave --stacked out")
        results = train(jobs)
    except Exception as error:
        yield from ((job.spec, _words(error), False) for job in jobs)
        return
    for job, result in zip(jobs, results, strict=True):
        try:
            store(job, result)
        except Exception as error:
            yield job.spec, _words(error), isinstance(error.__cause__, OSError)
        else:
            yield job.spec, None, False


def store(job: Job, result: dict) -> Path:
    """Write a run's file; what it kept to go on from (``seed-NN.state``) goes. Returns the path."""
    about = {
        "setup": job.setup.identity(job.spec.task),
        "sources": sources(job.setup.runner.partition(":")[0]),
        "fingerprint": job.fingerprint,
    }
    path = write_run(job.root, {**result, **asdict(job.spec), **about})
    shutil.rmtree(path.with_suffix(".state"), ignore_errors=True)
    return path


def _words(error: Exception) -> str:
    if isinstance(error, SaltError):
        return str(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(place.filename).name}, line {place.lineno})"


def _kept(finished: list[Spec]) -> str:
    return f"{len(finished)} runs finished and are stored: the same command goes on with the rest"


def _explain(failed: dict[Spec, str], total: int) -> str:
    seeds: dict[str, dict[tuple[str, str], list[int]]] = {}
    for spec, error in failed.items():
        runs = seeds.setdefault(error, {})
        runs.setdefault((spec.task, spec.method), []).append(spec.seed)
    lines = [f"{len(failed)} of {total} runs failed; all others are finished and stored"]
    for error, runs in seeds.items():
        lines.append(f"  {error}")
        for (task, method), which in runs.items():
            numbers = ", ".join(map(str, sorted(which)))
            lines.append(f"    {task}, {method}, seed{'s' * (len(which) > 1)} {numbers}")
    return "\n".join([*lines, "the same command runs the failed ones again"])

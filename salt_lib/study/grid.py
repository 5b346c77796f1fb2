"""The grid of runs, and where they run: processes of this machine or a Ray cluster.

Whatever ends a study early (an error, Ctrl-C, `kill -9`, a power cut), the finished runs stay and
the same command goes on with the missing ones.

Chapter: Training over 15 seeds.
"""

import importlib
import platform
import shutil
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, astuple, dataclass, replace
from functools import partial
from pathlib import Path

import joblib
from joblib.externals.loky import BrokenProcessPool
from tqdm import tqdm

from ..errors import SaltError, unknown
from ..laboratory import tasks as tasks_table
from ..salt import methods as methods_table
from . import cluster
from .provenance import INFLUENCES, PACKAGE, fingerprint, sources
from .store import is_fresh, write_run

BACKENDS = ("processes", "ray")
RUNNER = "salt_lib.laboratory.run:run"


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


def grid(
    world: int,
    tasks: Iterable[str],
    methods: Iterable[str],
    seeds: Iterable[int],
    known: Callable[[str], object] = tasks_table.task,
) -> list[Spec]:
    """Every combination once, seed by seed, so that a study stopped early has whole seeds.

    known: raises for an unknown task. SaltError: an unknown task or method (it lists the known
    ones), a negative world or seed, or nothing to run.
    """
    tasks, methods, seeds = list(tasks), list(methods), list(seeds)
    for name in tasks:
        known(name)
    for name in methods:
        methods_table.method(name)
    for what, numbers in (("world", [world]), ("seed", seeds)):
        for number in numbers:
            if number < 0:
                raise SaltError(f"{what} {number}: a {what} is a number from 0 on")
    specs = [Spec(world, task, method, s) for s in seeds for task in tasks for method in methods]
    if not specs:
        raise SaltError("nothing to run: give at least one task, one method and one seed")
    return list(dict.fromkeys(specs))


def execute(
    specs: Iterable[Spec],
    root: str | Path,
    jobs: int | None = None,
    backend: str = "processes",
    force: bool = False,
    progress: bool = True,
    runner: str = RUNNER,
    setup=None,
    gpus_per_run: float = 0.0,
) -> list[Spec]:
    """Run what is not yet there under ``root``; returns the runs that finished now.

    A run that is stored and fresh (`store.is_fresh`) is skipped unless ``force``. jobs: parallel
    workers; by default as many as this machine has cores, or the cluster has room for. Each worker
    stores its run itself as soon as that ends, so on a cluster ``root`` is a folder that all its
    nodes share. runner: "module:function"; the function is called as ``run.run``, and the
    module's ``prepare(world, task, method)`` once beforehand for each task and method. setup: what
    both get besides, with ``root``, at the paper's scale (`setup.Setup`). gpus_per_run: of the
    cluster's GPUs, 0.5 puts two runs on a card; 0 is for the processor, one core a run.

    On Ray a run whose worker or node dies is begun again elsewhere, some times (`cluster`).

    RunsFailed, after all the others have run: names the runs that ended in an error. Interrupted:
    Ctrl-C. SaltError: an unknown backend, fewer than one job, Ray missing or out of reach, no GPUs
    where some are asked for, a worker process of this machine that was killed, or a run that can't
    be stored (a full disk), which stops the study at once.
    """
    specs, root = list(dict.fromkeys(specs)), Path(root).absolute()
    if backend not in BACKENDS:
        raise unknown("backend", backend, BACKENDS)
    if jobs is not None and jobs < 1:
        raise SaltError(f"{jobs} jobs: at least one is needed")
    if gpus_per_run and backend != "ray":
        raise SaltError(
            f"{gpus_per_run} GPUs a run: only the backend 'ray' deals GPUs out, on one machine "
            "as well; add --backend ray, or leave gpus_per_run at 0 for one run at a time"
        )
    missing = [s for s in specs if force or not is_fresh(root, *astuple(s), setup)]
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
    job = partial(Job, root=root, runner=runner, setup=setup)
    keys = dict.fromkeys((spec.world, spec.task, spec.method) for spec in missing)
    try:
        with bar, _workers(backend, jobs, len(missing), gpus_per_run) as work:
            errors: dict[tuple, str] = {}
            for key in keys:
                bar.set_description_str("preparing {1}, {2}".format(*key))
                errors[key] = work.prepare(job(Spec(*key, 0)))
            bar.set_description_str("")
            broken = {s: errors[s.world, s.task, s.method] for s in missing}
            failed.update({spec: error for spec, error in broken.items() if error})
            bar.update(len(failed))
            bar.unpause()  # the time it took says nothing about the runs to come
            ready = [spec for spec in missing if spec not in failed]
            with closing(work.results([_expecting(job(spec)) for spec in ready])) as outcomes:
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
class Job:
    """What a worker needs to make a run; expected: the fingerprint that the study started with."""

    spec: Spec
    root: Path
    runner: str
    setup: object = None
    expected: str = ""

    @property
    def fingerprint(self) -> str:
        """What a run would be stored with, here and now."""
        return fingerprint(*astuple(self.spec)[:3], setup=self.setup)

    def call(self, name: str, *arguments):
        """Call a function of the runner's module, with the setup where there is one."""
        more = {} if self.setup is None else {"setup": self.setup, "root": self.root}
        module = importlib.import_module(self.runner.partition(":")[0])
        return getattr(module, name)(*arguments, **more)


def _expecting(job: Job) -> Job:
    return replace(job, expected=job.fingerprint)


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


@contextmanager
def _workers(backend: str, jobs: int | None, most: int, gpus: float) -> Iterator:
    """Start workers: something with `_Processes`' two methods."""
    if backend == "ray":
        with cluster.workers(_prepare_one, _run_one, jobs, most, gpus) as found:
            yield found
        return
    with joblib.parallel_config(
        "loky", n_jobs=min(jobs or joblib.cpu_count(), most), inner_max_num_threads=1
    ):
        yield _Processes()


def _prepare_one(job: Job) -> str | None:
    """Make what the runs of a task and method share; returns the error if any."""
    try:
        job.call("prepare", *astuple(job.spec)[:3])
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
        result = job.call(job.runner.partition(":")[2], *astuple(spec))
        storing = True
        store(job.root, spec, result, job.setup)
    except Exception as error:
        return spec, _words(error), storing and isinstance(error.__cause__, OSError)
    return spec, None, False


def store(root: Path, spec: Spec, result: dict, setup=None) -> Path:
    """Write a run's file; what it kept to go on from (``seed-NN.state``) goes. Returns the path."""
    about = {}
    if setup is not None:
        read = sources(PACKAGE, INFLUENCES + setup.influences)
        made = fingerprint(*astuple(spec)[:3], setup=setup)
        about = {"setup": setup.identity(spec.task), "sources": read, "fingerprint": made}
    path = write_run(root, {**result, **asdict(spec), **about})
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

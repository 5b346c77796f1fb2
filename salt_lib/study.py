"""The grid of runs, and where they run: processes of this machine or a Ray cluster.

Whatever ends a study early (an error, Ctrl-C, `kill -9`, a power cut), the finished runs stay and
the same command goes on with the missing ones.

Chapter: Training over 15 seeds.
"""

import importlib
import os
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, astuple, dataclass
from functools import partial
from pathlib import Path

import joblib
from joblib.externals.loky import BrokenProcessPool
from tqdm import tqdm

from . import methods as methods_table
from . import tasks as tasks_table
from .errors import SaltError, unknown
from .provenance import fingerprint
from .runs import is_fresh, write_run

BACKENDS = ("processes", "ray")
RUNNER = "salt_lib.train:run"


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
    world: int, tasks: Iterable[str], methods: Iterable[str], seeds: Iterable[int]
) -> list[Spec]:
    """Every combination once, seed by seed, so that a study stopped early has whole seeds.

    SaltError: an unknown task or method (it lists the known ones), a negative world or seed, or
    nothing to run.
    """
    tasks, methods, seeds = list(tasks), list(methods), list(seeds)
    for name in tasks:
        tasks_table.task(name)
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
) -> list[Spec]:
    """Run what is not yet there under ``root``; returns the runs that finished now.

    A run that is stored and fresh (`runs.is_fresh`) is skipped unless ``force``. jobs: parallel
    workers of one thread each; by default as many as this machine has cores, or the cluster. Each
    worker stores its run itself as soon as that ends, so on a cluster ``root`` is a folder that
    all its nodes share. runner: "module:function"; the function is called as ``train.run``, and
    the module's ``prepare(world, task, method)`` once beforehand for each task and method.

    RunsFailed, after all the others have run: names the runs that ended in an error. Interrupted:
    Ctrl-C. SaltError: an unknown backend, fewer than one job, Ray missing, a worker that was
    killed, or a run that can't be stored (a full disk), which stops the study at once.
    """
    specs, root = list(dict.fromkeys(specs)), Path(root).absolute()
    if backend not in BACKENDS:
        raise unknown("backend", backend, BACKENDS)
    if jobs is not None and jobs < 1:
        raise SaltError(f"{jobs} jobs: at least one is needed")
    missing = [spec for spec in specs if force or not is_fresh(root, *astuple(spec))]
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
    try:
        with bar, _workers(backend, jobs, len(missing)) as work:
            ready = _prepare(missing, runner, failed, bar)
            with closing(work([(spec, root, runner) for spec in ready])) as outcomes:
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


def _prepare(missing: list[Spec], runner: str, failed: dict[Spec, str], bar: tqdm) -> list[Spec]:
    """Prepare each (world, task, method) once, here; returns the specs that can be run."""
    prepare = importlib.import_module(runner.partition(":")[0]).prepare
    errors: dict[tuple, str] = {}
    for key in dict.fromkeys((spec.world, spec.task, spec.method) for spec in missing):
        bar.set_description_str("preparing {1}, {2}".format(*key))
        try:
            prepare(*key)
        except Exception as error:
            errors[key] = _words(error)
    bar.set_description_str("")
    broken = {s: errors.get((s.world, s.task, s.method)) for s in missing}
    failed.update({spec: error for spec, error in broken.items() if error})
    bar.update(len(failed))
    bar.unpause()  # the time it took says nothing about the runs to come
    return [spec for spec in missing if spec not in failed]


@contextmanager
def _workers(backend: str, jobs: int | None, most: int) -> Iterator[Callable]:
    """Start workers; gives a function from argument tuples of `_run_one` to its results."""
    cores = joblib.cpu_count()
    if backend == "processes":
        jobs = min(jobs or cores, most)
        with joblib.parallel_config("loky", n_jobs=jobs, inner_max_num_threads=1):
            yield partial(_results, BrokenProcessPool)
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a study tells nobody that it runs
    try:
        import ray
        from ray.util.joblib.ray_backend import RayBackend
    except ImportError as error:
        raise SaltError(
            "the backend 'ray' needs Ray, which is not installed: pip install 'salt_lib[ray]'"
        ) from error

    class UnorderedRayBackend(RayBackend):
        # joblib rules generators out for its own multiprocessing pools and Ray's backend inherits
        # that, although its pool calls back for each result; no progress could be shown.
        supports_return_generator = True

    joblib.register_parallel_backend("ray", UnorderedRayBackend)
    own = not ray.is_initialized()
    if own:
        quiet = {"logging_level": "ERROR", "log_to_driver": False}
        local = {"num_cpus": min(jobs or cores, most), "include_dashboard": False}
        local["object_store_memory"] = 80 * 2**20  # results are small; 75 MiB is Ray's least
        cluster = os.environ.get("RAY_ADDRESS")
        ray.init(cluster or "local", **quiet, **({} if cluster else local))
    try:
        cores = int(ray.cluster_resources()["CPU"])
        with joblib.parallel_config("ray", n_jobs=min(jobs or cores, cores, most)):
            yield partial(_results, ray.exceptions.RayError)
    finally:
        if own:
            ray.shutdown()


def _results(lost: type[Exception], calls: list[tuple]) -> Iterator[tuple[Spec, str | None, bool]]:
    """The results of `_run_one` as they come; ``lost``: what a killed worker looks like."""
    hashed = [(*call, fingerprint(*astuple(call[0])[:3])) for call in calls]
    parallel = joblib.Parallel(return_as="generator_unordered", batch_size=1)
    with warnings.catch_warnings():
        # joblib remarks that closing it early wastes work; that is what stopping means.
        warnings.filterwarnings("ignore", r"\d+ tasks which were still being processed")
        try:
            yield from parallel(joblib.delayed(_run_one)(*call) for call in hashed)
        except lost as error:
            raise SaltError(
                "a worker process was killed, as happens when memory runs out; the finished runs "
                "are stored: the same command with fewer --jobs goes on with the rest"
            ) from error


def _run_one(spec: Spec, root: Path, runner: str, expected: str) -> tuple[Spec, str | None, bool]:
    """In a worker: run and store ``spec``; returns it, the error if any, and whether to stop."""
    storing = False
    try:
        # Before the runner is imported, so that what is hashed is what runs.
        if fingerprint(spec.world, spec.task, spec.method) != expected:
            raise SaltError(
                "sources, checkpoint or library versions are not those that the study started "
                "with (edited meanwhile, or another node's); the same command starts afresh"
            )
        module, _, name = runner.partition(":")
        result = getattr(importlib.import_module(module), name)(*astuple(spec))
        storing = True
        write_run(root, {**result, **asdict(spec)})
    except Exception as error:
        return spec, _words(error), storing and isinstance(error.__cause__, OSError)
    return spec, None, False


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

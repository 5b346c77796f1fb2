"""Workers on a Ray cluster, or on this machine's own little one: a run is a task of Ray's.

Chapter: At paper scale.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import joblib

from .errors import SaltError

RETRIES = 3  # of a run whose worker or node died
TIMEOUT = 30  # seconds to find the cluster


class _Ray:
    """Runs as Ray's tasks, at most ``jobs`` at a time."""

    def __init__(self, ray, prepare: Callable, run: Callable, jobs: int, gpus: float):
        self.ray, self.jobs = ray, jobs
        # A Python error of a run is reported, not tried again; a dead worker's run is.
        options = {"num_cpus": 1, "num_gpus": gpus, "max_retries": RETRIES}
        self._prepare = ray.remote(**options)(prepare)
        self._run = ray.remote(**options)(run)

    def prepare(self, job) -> str | None:
        """See `study._prepare_one`."""
        with self._kept():
            try:
                return self.ray.get(self._prepare.remote(job))
            except self._dead() as error:
                return self._death(error)

    def results(self, jobs: list) -> Iterator[tuple]:
        """See `study._run_one`; a job has a ``spec``."""
        waiting, flying = list(reversed(jobs)), {}
        try:
            with self._kept():
                while waiting or flying:
                    while waiting and len(flying) < self.jobs:
                        job = waiting.pop()
                        flying[self._run.remote(job)] = job.spec
                    (done,), _ = self.ray.wait(list(flying), num_returns=1)
                    spec = flying.pop(done)
                    try:
                        yield self.ray.get(done)
                    except self._dead() as error:
                        yield spec, self._death(error), False
        finally:
            for left in flying:
                self.ray.cancel(left, force=True)

    def _dead(self) -> tuple[type[Exception], ...]:
        found = self.ray.exceptions
        return found.WorkerCrashedError, found.NodeDiedError, found.OutOfMemoryError

    @staticmethod
    def _death(error: Exception) -> str:
        reason = str(error).strip().splitlines()[0]
        return (
            f"its worker died {RETRIES + 1} times, as happens when memory runs out "
            f"({type(error).__name__}: {reason}); fewer --jobs or a smaller micro_batch may help"
        )

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """Say what a lost cluster means."""
        try:
            yield
        except (self.ray.exceptions.RaySystemError, ConnectionError) as error:
            raise SaltError(
                f"the Ray cluster is lost ({type(error).__name__}); the finished runs are stored: "
                "start it again, and the same command goes on with the rest"
            ) from error


@contextmanager
def workers(prepare: Callable, run: Callable, jobs: int | None, most: int, gpus: float) -> Iterator:
    """Connect to the cluster of ``$RAY_ADDRESS``, or start Ray on this machine and stop it at last.

    prepare, run: what is done with a job, `study._prepare_one` and `study._run_one`. jobs: runs at
    a time, by default what the cluster has room for. most: how many runs there are. gpus: of each
    run. SaltError: Ray is not installed, not there, or has too few GPUs.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a study tells nobody that it runs
    try:
        import ray
    except ImportError as error:
        raise SaltError(
            "the backend 'ray' needs Ray, which is not installed: pip install 'salt_lib[ray]'"
        ) from error
    own = not ray.is_initialized()
    if own:
        _start(ray, jobs, most)
    try:
        resources = ray.cluster_resources()
        have = resources.get("GPU", 0)
        if gpus and not any(node["Resources"].get("GPU", 0) >= gpus for node in ray.nodes()):
            raise SaltError(
                f"{gpus:g} GPUs a run, and the cluster has {have:g}, on no node so many: start it "
                "on machines with GPUs, or leave gpus_per_run at 0 for the processor"
            )
        room = int(have / gpus + 1e-9) if gpus else int(resources["CPU"])
        yield _Ray(ray, prepare, run, max(1, min(jobs or room, room, most)), gpus)
    finally:
        if own:
            ray.shutdown()


def _start(ray, jobs: int | None, most: int) -> None:
    quiet = {"logging_level": "ERROR", "log_to_driver": False}
    cluster = os.environ.get("RAY_ADDRESS")
    local = {
        "num_cpus": min(jobs or joblib.cpu_count(), most),
        "include_dashboard": False,
        "object_store_memory": 80 * 2**20,  # results are small; 75 MiB is Ray's least
    }
    try:
        if cluster:
            _knock(cluster)
        ray.init(cluster or "local", **quiet, **({} if cluster else local))
    except (ConnectionError, RuntimeError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise SaltError(
            f"no Ray cluster at RAY_ADDRESS={cluster} ({reason}); start its head, check the "
            "address, or unset RAY_ADDRESS to use this machine; finished runs are kept"
            if cluster
            else f"Ray can't be started here ({reason})"
        ) from error


def _knock(address: str) -> None:
    """Fail at once where nothing listens: Ray itself would wait for minutes, and for a head."""
    place = urlsplit(address if "://" in address else f"ray://{address}")
    if place.hostname and place.port:
        socket.create_connection((place.hostname, place.port), timeout=TIMEOUT).close()

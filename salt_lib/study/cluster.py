"""Workers on a Ray cluster, or on this machine's own little one: a run is a task of Ray's.

Chapter: At paper scale.
"""

import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import joblib

from ..errors import SaltError

RETRIES = 3  # of a run whose worker or node died
TIMEOUT = 30  # seconds to find the cluster
LOOK = 10  # seconds between two looks at the cluster's head
LOST = 20  # seconds without a head until it is given up; Ray ends the process after a minute


class _Ray:
    """Runs as Ray's tasks, at most ``jobs`` at a time."""

    def __init__(self, ray, prepare: Callable, run: Callable, jobs: int, gpus: float):
        self.ray, self.jobs = ray, jobs
        # Retries are counted here: of runs that ran out of memory Ray would not count its own.
        options = {"num_cpus": 1, "num_gpus": gpus, "max_retries": 0}
        self._prepare = ray.remote(**options)(prepare)
        self._run = ray.remote(**options)(run)
        self._seen = time.monotonic()
        self._looked = self._seen

    def prepare(self, job) -> str | None:
        """See `grid._prepare_one`."""
        for _ in range(RETRIES + 1):
            flying = self._prepare.remote(job)
            try:
                with self._kept():
                    while not self._wait([flying]):
                        pass
                    return self.ray.get(flying)
            except self._dead() as error:
                reason = _death(error)
        return reason

    def results(self, jobs: list) -> Iterator[tuple]:
        """See `grid._run_one`; a job has a ``spec``."""
        waiting = list(reversed(jobs))
        flying: dict[Any, Any] = {}  # Ray's handle of a run → its job
        deaths: Counter[Any] = Counter()
        try:
            with self._kept():
                while waiting or flying:
                    while waiting and len(flying) < self.jobs:
                        job = waiting.pop()
                        flying[self._run.remote(job)] = job
                    for done in self._wait(list(flying)):
                        job = flying.pop(done)
                        try:
                            outcome = self.ray.get(done)
                        except self._dead() as error:
                            deaths[job.spec] += 1
                            if deaths[job.spec] <= RETRIES:
                                waiting.append(job)
                                continue
                            outcome = (job.spec, _death(error), False)
                        yield outcome
        finally:
            for left in flying:
                self.ray.cancel(left, force=True)

    def _wait(self, flying: list) -> list:
        """The first that is done, or none after a while; meanwhile the head is looked after."""
        done, _ = self.ray.wait(flying, num_returns=1, timeout=LOOK)
        now = time.monotonic()
        if now - self._looked >= LOOK:
            self._looked = now
            try:
                _knock(self.ray.get_runtime_context().gcs_address)
                self._seen = now
            except OSError as error:
                if now - self._seen >= LOST:
                    raise ConnectionError("its head does not answer") from error
        return done

    def _dead(self) -> tuple[type[Exception], ...]:
        kinds = self.ray.exceptions
        return (
            kinds.WorkerCrashedError,
            kinds.NodeDiedError,
            kinds.OutOfMemoryError,
            kinds.ObjectLostError,
        )

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """Say what a lost cluster means."""
        kinds = self.ray.exceptions
        try:
            yield
        except (kinds.RaySystemError, kinds.LocalRayletDiedError, ConnectionError) as error:
            raise SaltError(
                f"the Ray cluster is lost ({_last_line(error)}); the finished runs are stored: "
                "start it again, and the same command goes on with the rest"
            ) from error


@contextmanager
def workers(prepare: Callable, run: Callable, jobs: int | None, most: int, gpus: float) -> Iterator:
    """Connect to the cluster of ``$RAY_ADDRESS``, or start Ray on this machine and stop it at last.

    prepare, run: what is done with a job, `grid._prepare_one` and `grid._run_one`. jobs: runs at
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
    started = not ray.is_initialized()
    if started:
        _start(ray, jobs, most)
    try:
        resources = ray.cluster_resources()
        have = resources.get("GPU", 0)
        if gpus and not any(node["Resources"].get("GPU", 0) >= gpus for node in ray.nodes()):
            raise SaltError(
                f"{gpus:g} GPUs per run, but the cluster has {have:g}, and no node has that many: "
                "start it on machines with GPUs, or leave gpus_per_run at 0 for the processor"
            )
        room = int(have / gpus + 1e-9) if gpus else int(resources["CPU"])
        yield _Ray(ray, prepare, run, max(1, min(jobs or room, room, most)), gpus)
    finally:
        if started:
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
            # Ray would try an address that doesn't answer for a quarter of an hour.
            os.environ.setdefault("RAY_gcs_server_port_wait_time_s", "1")
            _knock(cluster)
        ray.init(cluster or "local", **quiet, **({} if cluster else local))
    except (ConnectionError, RuntimeError, OSError, ValueError) as error:
        raise SaltError(
            f"no Ray cluster at RAY_ADDRESS={cluster} ({_last_line(error)}); start its head, check "
            "the address (and RAY_AUTH_MODE, where the cluster wants a token), or unset "
            "RAY_ADDRESS to use this machine; finished runs are kept"
            if cluster
            else f"Ray can't be started here ({_last_line(error)})"
        ) from error


def _knock(address: str) -> None:
    """OSError at once where nothing listens at ``host:port``; other addresses are Ray's to find."""
    place = urlsplit(address if "://" in address else f"ray://{address}")
    if place.hostname and place.port:
        socket.create_connection((place.hostname, place.port), timeout=TIMEOUT).close()


def _death(error: Exception) -> str:
    return (
        f"its worker died {RETRIES + 1} times, as happens when memory runs out "
        f"({type(error).__name__}); fewer --jobs or a smaller micro_batch may help"
    )


def _last_line(error: BaseException) -> str:
    """The end of what the deepest cause says, where Ray puts what was wrong."""
    while error.__cause__ is not None:
        error = error.__cause__
    return ([line for line in str(error).splitlines() if line.strip()] or [repr(error)])[-1].strip()

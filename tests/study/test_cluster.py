"""On a Ray cluster a study goes on whatever dies, and what can't go on is said at once."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_runs import Setup
from places import environment

from salt_lib.errors import SaltError
from salt_lib.study import cluster as ray_cluster
from salt_lib.study import grid
from salt_lib.study.grid import Workers


def small(seeds=range(3)):
    return grid.grid(0, ["mini-xnli"], ["baseline"], seeds, Setup().check)


def on_ray(specs, root, runner="fake_runs:run", **options):
    workers = Workers("ray", jobs=2, **options)
    return grid.execute(specs, root, Setup(runner), workers, progress=False)


def stored(root):
    return {path: path.read_bytes() for path in Path(root).rglob("seed-*.json")}


@pytest.fixture(scope="module")
def cluster():
    """Two workers, started once for the tests of this module."""
    import ray

    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
        options = {"include_dashboard": False, "object_store_memory": 80 * 2**20}
        ray.init("local", num_cpus=2, logging_level="ERROR", log_to_driver=False, **options)
        yield
        ray.shutdown()


def test_each_run_has_a_worker_of_one_thread(cluster, tmp_path):
    specs = small(range(4))
    assert on_ray(specs, tmp_path) == specs
    configs = [json.loads(text)["config"] for text in stored(tmp_path).values()]
    assert len(configs) == 4 and os.getpid() not in {config["pid"] for config in configs}
    assert all(config["ray"] and config["threads"] == "1" for config in configs)
    assert on_ray(specs, tmp_path) == []


def test_a_killed_worker_does_not_end_the_study(cluster, tmp_path):
    specs = small(range(4))
    assert on_ray(specs, tmp_path, "fake_runs:dies_once") == specs and len(stored(tmp_path)) == 4
    assert len(list(tmp_path.glob("died-*"))) == 2  # two of the four lost their worker


def test_a_run_that_always_kills_its_worker_fails_alone(cluster, tmp_path):
    with pytest.raises(grid.RunsFailed, match="1 of 3 runs failed(.|\n)*worker died 4 times"):
        on_ray(small(), tmp_path, "fake_runs:killed")
    assert {path.name for path in stored(tmp_path)} == {"seed-00.json", "seed-02.json"}


def test_an_error_is_reported_and_not_tried_again(cluster, tmp_path):
    with pytest.raises(grid.RunsFailed, match="1 of 3 runs failed(.|\n)*loss is nan"):
        on_ray(small(), tmp_path, "fake_runs:failing")
    assert len(stored(tmp_path)) == 2


def test_gpus_that_the_cluster_lacks_are_said_at_once(cluster, tmp_path):
    with pytest.raises(SaltError, match="0.5 GPUs per run.*cluster has 0.*machines with GPUs"):
        on_ray(small(), tmp_path, gpus_per_run=0.5)


def test_half_a_gpu_puts_two_runs_on_a_card(monkeypatch):
    import ray

    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"GPU": 3.0, "CPU": 64.0})
    monkeypatch.setattr(ray, "nodes", lambda: [{"Resources": {"GPU": 2.0}}, {"Resources": {}}])
    for gpus, jobs, most, room in ((0.5, None, 150, 6), (1, None, 150, 3), (0.5, 4, 150, 4)):
        with ray_cluster.workers(print, print, jobs, most, gpus) as found:
            assert found.jobs == room
    with ray_cluster.workers(print, print, None, 150, 0) as found:
        assert found.jobs == 64


OUT_OF_REACH = """
import sys
from fake_runs import Setup
from salt_lib.study.grid import Workers, execute, grid
specs = grid(0, ["mini-xnli"], ["baseline"], [0], Setup().check)
execute(specs, sys.argv[1], Setup(), Workers("ray", jobs=1), progress=False)
"""


def test_a_cluster_out_of_reach_is_one_error(tmp_path):
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", OUT_OF_REACH, str(tmp_path)],
        env=environment(RAY_ADDRESS="127.0.0.1:9"),
        capture_output=True,
        text=True,
    )
    assert "SaltError: no Ray cluster at RAY_ADDRESS=127.0.0.1:9" in done.stderr
    assert time.monotonic() - began < 60


class Headless:
    """Ray whose head is gone: no task ends, nothing listens."""

    class exceptions:
        WorkerCrashedError = NodeDiedError = OutOfMemoryError = ObjectLostError = KeyError
        RaySystemError = LocalRayletDiedError = IndexError

    def __init__(self):
        self.cancelled = []

    def remote(self, **options):
        return lambda function: SimpleNamespace(remote=lambda job: object())

    def wait(self, flying, num_returns, timeout):
        time.sleep(timeout)
        return [], flying

    def get_runtime_context(self):
        return SimpleNamespace(gcs_address="127.0.0.1:9")

    def cancel(self, task, force):
        self.cancelled.append(task)


def test_a_lost_head_is_noticed(monkeypatch):
    monkeypatch.setattr(ray_cluster, "LOOK", 0.05)
    monkeypatch.setattr(ray_cluster, "LOST", 0.2)
    headless = Headless()
    work = ray_cluster._Ray(headless, print, print, 2, 0)
    jobs = [grid.Job(spec, Path("."), Setup()) for spec in small()]
    with pytest.raises(SaltError, match="Ray cluster is lost .*refused.*finished runs are stored"):
        list(work.results(jobs))
    assert len(headless.cancelled) == 2
    with pytest.raises(SaltError, match="Ray cluster is lost"):
        work.prepare(jobs[0])


def test_a_missing_ray_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SaltError, match=r"pip install 'salt_lib\[ray\]'"):
        on_ray(small(), tmp_path)

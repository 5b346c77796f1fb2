"""A study does each run once, whatever ends it early, and one bad run does not stop the others."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import fake_runs
import pytest

from salt_lib import files
from salt_lib.errors import SaltError
from salt_lib.study import grid, provenance, store

TESTS = Path(__file__).parent
FAST = "fake_runs:run"


def small(seeds=range(3), methods=("baseline",), world=0):
    return grid.grid(world, ["mini-xnli"], methods, seeds)


def execute(specs, root, runner=FAST, jobs=1, **options):
    return grid.execute(specs, root, jobs=jobs, progress=False, runner=runner, **options)


def stored(root):
    return {path: path.read_bytes() for path in Path(root).rglob("seed-*.json")}


def test_the_grid_goes_seed_by_seed_and_names_each_run_once():
    specs = grid.grid(0, ["mini-xnli", "mini-paws-x"], ["baseline", "salt"], [0, 1, 1])
    assert len(specs) == 8 == len(set(specs))
    assert [spec.seed for spec in specs] == [0] * 4 + [1] * 4
    assert str(specs[-1]) == "mini-paws-x, salt, seed 1 (world 0)"


@pytest.mark.parametrize(
    ("task", "method", "world", "seed", "message"),
    [
        ("xnli!", "baseline", 0, 0, "unknown task 'xnli!'; known: .*mini-xnli"),
        ("mini-xnli", "slat", 0, 0, "unknown method 'slat'; known: .*salt"),
        ("mini-xnli", "salt", -1, 0, "world -1"),
        ("mini-xnli", "salt", 0, -2, "seed -2"),
    ],
)
def test_a_wrong_name_lists_the_right_ones(task, method, world, seed, message):
    with pytest.raises(SaltError, match=message):
        grid.grid(world, [task], [method], [seed])


def test_wrong_orders(tmp_path):
    with pytest.raises(SaltError, match="nothing to run"):
        grid.grid(0, ["mini-xnli"], [], [0])
    with pytest.raises(SaltError, match="unknown backend 'slurm'; known: processes, ray"):
        execute(small(), tmp_path, backend="slurm")
    with pytest.raises(SaltError, match="0 jobs"):
        execute(small(), tmp_path, jobs=0)


def test_workers_have_one_thread_each_and_store_their_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    specs = small(range(4))
    assert execute(specs, tmp_path, "fake_runs:slow", jobs=2) == specs
    configs = [json.loads(text)["config"] for text in stored(tmp_path).values()]
    assert {config["threads"] for config in configs} == {"1"}
    assert os.getpid() not in {config["pid"] for config in configs}
    assert not any(config["ray"] for config in configs)
    assert list(store.load(tmp_path)["seed"]) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_finished_runs_are_skipped_unless_forced(tmp_path):
    execute(small(range(2)), tmp_path)
    before = stored(tmp_path)
    assert [spec.seed for spec in execute(small(range(4)), tmp_path)] == [2, 3]
    after = stored(tmp_path)
    assert len(after) == 4 and before.items() <= after.items()
    assert execute(small(range(4)), tmp_path) == []
    assert len(execute(small(range(4)), tmp_path, force=True)) == 4


def test_stale_and_truncated_runs_are_made_again(tmp_path):
    execute(small(), tmp_path)
    stale, truncated, fine = sorted(stored(tmp_path))
    run = json.loads(stale.read_text(encoding="utf-8"))
    files.write_json(stale, {**run, "fingerprint": "of other sources"})
    truncated.write_bytes(truncated.read_bytes()[:100])
    untouched = fine.read_bytes()
    with pytest.warns(UserWarning, match="seed-01.json is no finished run"):
        assert [spec.seed for spec in execute(small(), tmp_path)] == [0, 1]
    assert len(truncated.with_name("seed-01.json.broken-1").read_bytes()) == 100
    assert fine.read_bytes() == untouched and len(store.load(tmp_path)) == 6


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_failing_run_does_not_stop_the_others(tmp_path, jobs):
    with pytest.raises(grid.RunsFailed, match="1 of 4 runs failed") as caught:
        execute(small(range(4)), tmp_path, "fake_runs:failing", jobs)
    _, error, which, _ = str(caught.value).splitlines()
    assert re.fullmatch(r"  ZeroDivisionError: loss is nan \(fake_runs.py, line \d+\)", error)
    assert which == "    mini-xnli, baseline, seed 1" and caught.value.exit_code == 1
    assert {path.name for path in stored(tmp_path)} == {f"seed-0{s}.json" for s in (0, 2, 3)}
    assert [spec.seed for spec in execute(small(range(4)), tmp_path)] == [1]


def test_what_cannot_be_prepared_does_not_stop_the_others(tmp_path):
    with pytest.raises(
        grid.RunsFailed, match="nothing to prepare here.*\n    mini-xnli, mixup, seeds 0, 1\n"
    ):
        execute(small(range(2), ["baseline", "mixup"], world=13), tmp_path)
    assert {path.parent.name for path in stored(tmp_path)} == {"baseline"}


def test_scores_that_are_none_are_a_failed_run(tmp_path):
    with pytest.raises(grid.RunsFailed, match="3 of 3 runs failed(.|\n)*score of 'en' is nan"):
        execute(small(), tmp_path, "fake_runs:wrong")


def test_ctrl_c_keeps_what_is_finished(tmp_path):
    with pytest.raises(grid.Interrupted, match="1 runs finished.*same command") as caught:
        execute(small(), tmp_path, "fake_runs:interrupted")
    assert caught.value.exit_code == 130 and len(stored(tmp_path)) == 1


def test_a_killed_worker_is_an_error_not_a_hang(tmp_path):
    with pytest.raises(SaltError, match="killed.*fewer --jobs"):
        execute(small(range(4)), tmp_path, "fake_runs:killed", jobs=2)
    assert len(execute(small(range(4)), tmp_path)) >= 1 and len(stored(tmp_path)) == 4


def test_a_full_disk_stops_the_study_and_leaves_no_half_file(tmp_path, monkeypatch):
    execute(small(range(1)), tmp_path)
    calls = []

    def full(*_):
        calls.append(1)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(SaltError, match="seed-01.json.*No space left.*finished"):
        execute(small(range(5)), tmp_path)
    assert len(calls) == 1  # the other runs would have been lost as well
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["seed-00.json"]


def test_what_a_run_cannot_read_does_not_stop_the_others(tmp_path):
    with pytest.raises(grid.RunsFailed, match="3 of 3 runs failed"):
        execute(small(), tmp_path, "fake_runs:unreadable")


def test_other_sources_in_a_worker_are_noticed(tmp_path):
    spec = small()[0]
    _, error, fatal = grid._run_one(grid.Job(spec, tmp_path, FAST, expected="another"))
    assert "not those that the study started with" in error and not fatal
    assert not stored(tmp_path)


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def test_kill_9_loses_at_most_the_runs_in_flight(tmp_path):
    code = (
        "import fake_runs; from salt_lib import study; study.execute(study.grid(0, ['mini-xnli'], "
        f"['baseline'], range(15)), {str(tmp_path)!r}, 2, progress=False, runner='fake_runs:slow')"
    )
    paths = os.pathsep.join([str(TESTS), str(provenance.CHECKOUT)])
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": paths},
        start_new_session=True,
    )
    try:
        wait_for(lambda: len(stored(tmp_path)) >= 4)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    before = stored(tmp_path)
    assert 4 <= len(before) < 15
    made = execute(small(range(15)), tmp_path, jobs=2)
    left = {store.run_path(tmp_path, 0, "mini-xnli", "baseline", spec.seed) for spec in made}
    assert left.isdisjoint(before) and len(left) + len(before) == 15
    assert before.items() <= stored(tmp_path).items()
    assert len(store.load(tmp_path)) == 30


# With a setup


def test_a_setup_reaches_the_runs_and_is_part_of_what_makes_them(tmp_path):
    one, two = fake_runs.Setup("one"), fake_runs.Setup("two")
    options = {"runner": "fake_runs:with_setup"}
    made = execute(small(range(2)), tmp_path, jobs=2, setup=one, **options)
    assert len(made) == 2 and execute(small(range(2)), tmp_path, setup=one, **options) == []
    found = [json.loads(text) for text in stored(tmp_path).values()]
    assert all(run["setup"] == {"name": "one", "task": "mini-xnli"} for run in found)
    assert all(run["config"] == {"name": "one", "root": str(tmp_path)} for run in found)
    assert len(execute(small([0]), tmp_path, setup=two, **options)) == 1
    with pytest.warns(UserWarning, match="1 of 2 runs.*newest in setup.name and are left out"):
        assert set(store.collected(tmp_path)["seed"]) == {0}
    state = store.run_path(tmp_path, 0, "mini-xnli", "baseline", 1).with_suffix(".state")
    state.mkdir()
    execute(small([1]), tmp_path, setup=two, **options)
    assert set(store.collected(tmp_path)["seed"]) == {0, 1} and not state.exists()
    assert store.collected(tmp_path).attrs["command"] == "salt study --scale paper"


def test_only_seeds_that_all_methods_have_pair_up(tmp_path):
    options = {"runner": "fake_runs:with_setup", "setup": fake_runs.Setup("one")}
    execute(small(range(3), ["baseline"]), tmp_path, **options)
    execute(small(range(1, 4), ["salt"]), tmp_path, **options)
    frame, waiting = store.paired(store.collected(tmp_path))
    assert set(frame["seed"]) == {1, 2} and len(frame) == 8 and waiting == 2
    assert frame.attrs["command"] == "salt study --scale paper"


# On Ray


@pytest.fixture(scope="module")
def cluster():
    """Two workers, started once for the tests of this module."""
    import ray

    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), str(provenance.CHECKOUT)]))
        options = {"include_dashboard": False, "object_store_memory": 80 * 2**20}
        ray.init("local", num_cpus=2, logging_level="ERROR", log_to_driver=False, **options)
        yield
        ray.shutdown()


def on_ray(specs, root, runner=FAST, **options):
    return execute(specs, root, runner, jobs=2, backend="ray", **options)


def test_ray_gives_each_run_a_worker_of_one_thread(cluster, tmp_path):
    specs = small(range(4))
    assert on_ray(specs, tmp_path) == specs
    configs = [json.loads(text)["config"] for text in stored(tmp_path).values()]
    assert len(configs) == 4 and os.getpid() not in {config["pid"] for config in configs}
    assert all(config["ray"] and config["threads"] == "1" for config in configs)
    assert on_ray(specs, tmp_path) == []


def test_a_killed_ray_worker_does_not_end_the_study(cluster, tmp_path):
    specs, setup = small(range(4)), fake_runs.Setup("mortal")
    made = on_ray(specs, tmp_path, "fake_runs:dies_once", setup=setup)
    assert made == specs and len(stored(tmp_path)) == 4
    assert len(list(tmp_path.glob("died-*"))) == 2  # two of the four lost their worker


def test_a_run_that_always_kills_its_worker_fails_alone(cluster, tmp_path):
    with pytest.raises(grid.RunsFailed, match="1 of 3 runs failed(.|\n)*worker died 4 times"):
        on_ray(small(range(3)), tmp_path, "fake_runs:killed")
    assert {path.name for path in stored(tmp_path)} == {"seed-00.json", "seed-02.json"}


def test_an_error_on_ray_is_reported_and_not_tried_again(cluster, tmp_path):
    with pytest.raises(grid.RunsFailed, match="1 of 3 runs failed(.|\n)*loss is nan"):
        on_ray(small(range(3)), tmp_path, "fake_runs:failing")
    assert len(stored(tmp_path)) == 2


def test_gpus_that_the_cluster_lacks_are_said_at_once(cluster, tmp_path):
    with pytest.raises(SaltError, match="0.5 GPUs a run.*cluster has 0.*machines with GPUs"):
        on_ray(small(), tmp_path, gpus_per_run=0.5)


def test_gpus_are_dealt_out_by_ray_alone(tmp_path):
    with pytest.raises(SaltError, match="0.5 GPUs a run: only.*--backend ray"):
        execute(small(), tmp_path, gpus_per_run=0.5)


def test_half_a_gpu_puts_two_runs_on_a_card(monkeypatch):
    import ray

    from salt_lib.study import cluster as ray_cluster

    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"GPU": 3.0, "CPU": 64.0})
    monkeypatch.setattr(ray, "nodes", lambda: [{"Resources": {"GPU": 2.0}}, {"Resources": {}}])
    for gpus, jobs, most, room in ((0.5, None, 150, 6), (1, None, 150, 3), (0.5, 4, 150, 4)):
        with ray_cluster.workers(print, print, jobs, most, gpus) as found:
            assert found.jobs == room
    with ray_cluster.workers(print, print, None, 150, 0) as found:
        assert found.jobs == 64


def test_a_cluster_out_of_reach_is_one_error(tmp_path, monkeypatch):
    code = (
        "import fake_runs; from salt_lib import study; study.execute(study.grid(0, ['mini-xnli'], "
        f"['baseline'], [0]), {str(tmp_path)!r}, 1, 'ray', progress=False, runner='fake_runs:run')"
    )
    paths = os.pathsep.join([str(TESTS), str(provenance.CHECKOUT)])
    env = {**os.environ, "PYTHONPATH": paths, "RAY_ADDRESS": "127.0.0.1:9"}
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
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
    from salt_lib.study import cluster as ray_cluster

    monkeypatch.setattr(ray_cluster, "LOOK", 0.05)
    monkeypatch.setattr(ray_cluster, "LOST", 0.2)
    headless = Headless()
    work = ray_cluster._Ray(headless, print, print, 2, 0)
    jobs = [grid.Job(spec, Path("."), FAST) for spec in small()]
    with pytest.raises(SaltError, match="Ray cluster is lost .*refused.*finished runs are stored"):
        list(work.results(jobs))
    assert len(headless.cancelled) == 2
    with pytest.raises(SaltError, match="Ray cluster is lost"):
        work.prepare(jobs[0])


def test_a_folder_that_a_node_lacks_is_named(tmp_path):
    job = grid.Job(small()[0], tmp_path / "nowhere", FAST)
    _, error, fatal = grid._run_one(job)
    assert "nowhere is not on the node" in error and "all nodes share" in error and not fatal


def test_a_missing_ray_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SaltError, match=r"pip install 'salt_lib\[ray\]'"):
        execute(small(), tmp_path, backend="ray")

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

import pytest

from salt_lib import files, provenance, runs, study
from salt_lib.errors import SaltError

TESTS = Path(__file__).parent
FAST = "fake_runs:run"


def small(seeds=range(3), methods=("baseline",), world=0):
    return study.grid(world, ["mini-xnli"], methods, seeds)


def execute(specs, root, runner=FAST, jobs=1, **options):
    return study.execute(specs, root, jobs=jobs, progress=False, runner=runner, **options)


def stored(root):
    return {path: path.read_bytes() for path in Path(root).rglob("seed-*.json")}


def test_the_grid_goes_seed_by_seed_and_names_each_run_once():
    specs = study.grid(0, ["mini-xnli", "mini-paws-x"], ["baseline", "salt"], [0, 1, 1])
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
        study.grid(world, [task], [method], [seed])


def test_wrong_orders(tmp_path):
    with pytest.raises(SaltError, match="nothing to run"):
        study.grid(0, ["mini-xnli"], [], [0])
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
    assert list(runs.load(tmp_path)["seed"]) == [0, 0, 1, 1, 2, 2, 3, 3]


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
    assert fine.read_bytes() == untouched and len(runs.load(tmp_path)) == 6


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_failing_run_does_not_stop_the_others(tmp_path, jobs):
    with pytest.raises(study.RunsFailed, match="1 of 4 runs failed") as caught:
        execute(small(range(4)), tmp_path, "fake_runs:failing", jobs)
    _, error, which, _ = str(caught.value).splitlines()
    assert re.fullmatch(r"  ZeroDivisionError: loss is nan \(fake_runs.py, line \d+\)", error)
    assert which == "    mini-xnli, baseline, seed 1" and caught.value.exit_code == 1
    assert {path.name for path in stored(tmp_path)} == {f"seed-0{s}.json" for s in (0, 2, 3)}
    assert [spec.seed for spec in execute(small(range(4)), tmp_path)] == [1]


def test_what_cannot_be_prepared_does_not_stop_the_others(tmp_path):
    with pytest.raises(
        study.RunsFailed, match="nothing to prepare here.*\n    mini-xnli, mixup, seeds 0, 1\n"
    ):
        execute(small(range(2), ["baseline", "mixup"], world=13), tmp_path)
    assert {path.parent.name for path in stored(tmp_path)} == {"baseline"}


def test_scores_that_are_none_are_a_failed_run(tmp_path):
    with pytest.raises(study.RunsFailed, match="3 of 3 runs failed(.|\n)*score of 'en' is nan"):
        execute(small(), tmp_path, "fake_runs:wrong")


def test_ctrl_c_keeps_what_is_finished(tmp_path):
    with pytest.raises(study.Interrupted, match="1 runs finished.*same command") as caught:
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
    with pytest.raises(study.RunsFailed, match="3 of 3 runs failed"):
        execute(small(), tmp_path, "fake_runs:unreadable")


def test_other_sources_in_a_worker_are_noticed(tmp_path):
    spec = small()[0]
    _, error, fatal = study._run_one(spec, tmp_path, FAST, "what the study started with")
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
    left = {runs.run_path(tmp_path, 0, "mini-xnli", "baseline", spec.seed) for spec in made}
    assert left.isdisjoint(before) and len(left) + len(before) == 15
    assert before.items() <= stored(tmp_path).items()
    assert len(runs.load(tmp_path)) == 30


def test_two_seeds_on_a_local_ray(tmp_path, monkeypatch):
    import ray

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), str(provenance.CHECKOUT)]))
    assert len(execute(small(range(2)), tmp_path, jobs=2, backend="ray")) == 2
    configs = [json.loads(text)["config"] for text in stored(tmp_path).values()]
    assert len(configs) == 2 and os.getpid() not in {config["pid"] for config in configs}
    assert all(config["ray"] and config["threads"] == "1" for config in configs)
    assert not ray.is_initialized()


def test_a_missing_ray_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SaltError, match=r"pip install 'salt_lib\[ray\]'"):
        execute(small(), tmp_path, backend="ray")

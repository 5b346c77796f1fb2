"""A study does each run once, whatever ends it early, and one bad run does not stop the others."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import fake_runs
import pytest
from fake_runs import Setup
from places import environment

from salt_lib import files
from salt_lib.errors import SaltError
from salt_lib.study import grid, store
from salt_lib.study.grid import Spec, Workers

FAST = "fake_runs:run"


def small(seeds=range(3), methods=("baseline",), world=0):
    return grid.grid(world, ["mini-xnli"], methods, seeds, Setup().check)


def execute(specs, root, runner=FAST, jobs=1, **options):
    return grid.execute(specs, root, Setup(runner), Workers(jobs=jobs), progress=False, **options)


def stored(root):
    return {path: path.read_bytes() for path in Path(root).rglob("seed-*.json")}


def seeds_of(specs):
    return [spec.seed for spec in specs]


def test_the_grid_goes_seed_by_seed_and_names_each_run_once():
    tasks = ["mini-xnli", "mini-paws-x"]
    specs = grid.grid(0, tasks, ["baseline", "salt"], [0, 1, 1], Setup().check)
    assert len(specs) == 8 == len(set(specs))
    assert seeds_of(specs) == [0] * 4 + [1] * 4
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
        grid.grid(world, [task], [method], [seed], Setup().check)


def test_nothing_to_run_is_an_error():
    for tasks, methods, seeds in (([], ["salt"], [0]), (["mini-xnli"], [], [0])):
        with pytest.raises(SaltError, match="nothing to run"):
            grid.grid(0, tasks, methods, seeds, Setup().check)
    with pytest.raises(SaltError, match="nothing to run"):
        small([])


def test_workers_that_can_not_be_are_errors():
    with pytest.raises(SaltError, match="unknown backend 'slurm'; known: processes, ray"):
        Workers("slurm")
    with pytest.raises(SaltError, match="0 jobs"):
        Workers(jobs=0)
    with pytest.raises(SaltError, match="0.5 GPUs per run: only.*--backend ray"):
        Workers(gpus_per_run=0.5)
    assert Workers("ray", gpus_per_run=0.5).jobs is None


def test_workers_have_one_thread_each_and_store_their_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    specs = small(range(4))
    assert execute(specs, tmp_path, "fake_runs:slow", jobs=2) == specs
    configs = [json.loads(text)["config"] for text in stored(tmp_path).values()]
    assert {config["threads"] for config in configs} == {"1"}
    assert os.getpid() not in {config["pid"] for config in configs}
    assert not any(config["ray"] for config in configs)
    assert [run["seed"] for run in store.stored(tmp_path, 0)] == [0, 1, 2, 3]


def test_finished_runs_are_skipped_unless_forced(tmp_path):
    execute(small(range(2)), tmp_path)
    before = stored(tmp_path)
    assert seeds_of(execute(small(range(4)), tmp_path)) == [2, 3]
    after = stored(tmp_path)
    assert len(after) == 4 and before.items() <= after.items()
    assert execute(small(range(4)), tmp_path) == []
    assert len(execute(small(range(4)), tmp_path, force=True)) == 4


def test_a_run_says_what_it_was_made_by(tmp_path):
    setup = Setup("fake_runs:with_setup", "one")
    grid.execute(small([3]), tmp_path, setup, Workers(jobs=1), progress=False)
    (run,) = store.stored(tmp_path, 0)
    job = grid.Job(Spec(0, "mini-xnli", "baseline", 3), tmp_path, setup)
    assert run["fingerprint"] == job.fingerprint and len(run["sources"]) == 64
    assert run["setup"] == setup.identity("mini-xnli")
    assert run["config"] == {"name": "one", "root": str(tmp_path)}
    assert job.path == tmp_path / "world-0" / "mini-xnli" / "baseline" / "seed-03.json"


def test_the_setup_is_part_of_what_makes_a_run(tmp_path):
    one, two = Setup(name="one"), Setup(name="two")
    options = {"workers": Workers(jobs=1), "progress": False}
    assert len(grid.execute(small(range(2)), tmp_path, one, **options)) == 2
    assert grid.execute(small(range(2)), tmp_path, one, **options) == []
    assert len(grid.execute(small([0]), tmp_path, two, **options)) == 1


def test_what_a_run_kept_to_go_on_from_goes_when_it_is_stored(tmp_path):
    state = store.run_path(tmp_path, 0, "mini-xnli", "baseline", 1).with_suffix(".state")
    state.mkdir(parents=True)
    (state / "state.json").write_text("{}")
    execute(small([1]), tmp_path)
    assert not state.exists() and len(stored(tmp_path)) == 1


def test_stale_and_truncated_runs_are_made_again(tmp_path):
    execute(small(), tmp_path)
    stale, truncated, fine = sorted(stored(tmp_path))
    run = store.read_run(stale)
    files.write_json(stale, {**run, "fingerprint": "of other sources"})
    truncated.write_bytes(truncated.read_bytes()[:100])
    untouched = fine.read_bytes()
    with pytest.warns(UserWarning, match="seed-01.json is not a finished run"):
        assert seeds_of(execute(small(), tmp_path)) == [0, 1]
    assert len(truncated.with_name("seed-01.json.broken-1").read_bytes()) == 100
    assert fine.read_bytes() == untouched and len(store.fresh(Setup(), tmp_path, 0)) == 3


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_failing_run_does_not_stop_the_others(tmp_path, jobs):
    with pytest.raises(grid.RunsFailed, match="1 of 4 runs failed") as caught:
        execute(small(range(4)), tmp_path, "fake_runs:failing", jobs)
    _, error, which, _ = str(caught.value).splitlines()
    assert re.fullmatch(r"  ZeroDivisionError: loss is nan \(fake_runs.py, line \d+\)", error)
    assert which == "    mini-xnli, baseline, seed 1" and caught.value.exit_code == 1
    assert {path.name for path in stored(tmp_path)} == {f"seed-0{s}.json" for s in (0, 2, 3)}
    assert seeds_of(execute(small(range(4)), tmp_path)) == [1]


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
    job = grid.Job(small()[0], tmp_path, Setup(), expected="another")
    _, error, fatal = grid._run_one(job)
    assert "not those that the study started with" in error and not fatal
    assert not stored(tmp_path)


def test_a_folder_that_a_node_lacks_is_named(tmp_path):
    job = grid.Job(small()[0], tmp_path / "nowhere", Setup())
    _, error, fatal = grid._run_one(job)
    assert "nowhere is not on the node" in error and "all nodes share" in error and not fatal


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


KILLED = """
import sys
from fake_runs import Setup
from salt_lib.study.grid import Workers, execute, grid
setup = Setup("fake_runs:slow")
specs = grid(0, ["mini-xnli"], ["baseline"], range(15), setup.check)
execute(specs, sys.argv[1], setup, Workers(jobs=2), progress=False)
"""


def test_kill_9_loses_at_most_the_runs_in_flight(tmp_path):
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    process = subprocess.Popen(command, env=environment(), start_new_session=True)
    try:
        wait_for(lambda: len(stored(tmp_path)) >= 4)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    before = stored(tmp_path)
    assert 4 <= len(before) < 15
    made = execute(small(range(15)), tmp_path, "fake_runs:slow", jobs=2)
    left = {store.run_path(tmp_path, 0, "mini-xnli", "baseline", spec.seed) for spec in made}
    assert left.isdisjoint(before) and len(left) + len(before) == 15
    assert before.items() <= stored(tmp_path).items()
    assert len(store.fresh(Setup("fake_runs:slow"), tmp_path, 0)) == 15


def test_no_worker_outlives_a_killed_leader(tmp_path):
    code = KILLED.replace("fake_runs:slow", "fake_runs:endless")
    command = [sys.executable, "-c", code, str(tmp_path)]
    process = subprocess.Popen(command, env=environment(), start_new_session=True)
    try:
        wait_for(lambda: len(list(tmp_path.glob("*.worker"))) == 2)
        workers = [int(path.stem) for path in tmp_path.glob("*.worker")]
        assert process.pid not in workers and all(map(alive, workers))
        process.kill()  # it alone, not its group
        process.wait()
        wait_for(lambda: not any(map(alive, workers)), seconds=15)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def alive(process):
    """Whether there is such a process that is no zombie, whose parent has yet to notice."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_disk_that_is_full_while_a_run_goes_on_stops_the_study(tmp_path, monkeypatch):
    """As when a state can't be saved: every other run would end in the same way."""

    def full(job):
        raise SaltError("model-2000.safetensors: can't be written") from OSError(
            errno.ENOSPC, "No space left on device"
        )

    monkeypatch.setattr(fake_runs, "run", full)
    job = grid.Job(small()[0], tmp_path, Setup())
    _, error, fatal = grid._run_one(replace(job, expected=job.fingerprint))
    assert "can't be written" in error and fatal

"""A run is the same wherever and however often it is made."""

import os
import subprocess
import sys
from pathlib import Path

import joblib
import pytest
import small
from joblib.externals.loky import get_reusable_executor
from places import ROOT, environment
from small import CONFIG, NAME, SETUP, WORLD, without_time

from salt_lib.data.examples import Tagged
from salt_lib.errors import SaltError
from salt_lib.files import RECORDED
from salt_lib.laboratory import run as laboratory_run
from salt_lib.laboratory import tasks
from salt_lib.laboratory.setup import Laboratory
from salt_lib.salt import controls
from salt_lib.salt.methods import method
from salt_lib.study import provenance
from salt_lib.study.frozen import read_table
from salt_lib.study.grid import Job, Spec
from salt_lib.training import evaluate
from salt_lib.training.config import Config


@pytest.fixture(autouse=True, scope="module")
def small_laboratory(laboratory):
    return laboratory


TRUE = {**tasks.PAIR_TASKS, **tasks.TAG_TASKS}  # before they are made small


def job(name, seed=0, task=NAME, world=WORLD):
    return Job(Spec(world, task, name, seed), Path("runs"), Laboratory(world))


# The same run, anywhere

JOBS = [("salt", 1), ("baseline", 0), ("salt-random", 1)]


@pytest.fixture(scope="module")
def here():
    return [without_time(small.run(*job)) for job in JOBS]


def test_a_seed_gives_the_same_run_twice(here):
    again = without_time(small.run(*JOBS[0]))
    assert again == here[0] and len(again["weights"]) == 64
    assert small.run("salt", 2)["weights"] != again["weights"]


def test_the_number_of_workers_changes_nothing(here):
    get_reusable_executor().shutdown()  # other tests' workers know another environment
    try:
        found = joblib.Parallel(n_jobs=2)(joblib.delayed(small.run)(*job) for job in JOBS)
    finally:
        get_reusable_executor().shutdown()
    assert os.getpid() not in {run["process"] for run in found}
    assert [without_time(run) for run in found] == here


def test_a_process_that_makes_everything_itself_gets_the_same(here, tmp_path):
    """Nothing cached, another hash seed, another number of threads."""
    command = f"import small; print(repr(small.run(*{JOBS[0]!r})))"
    added = {"PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "2", "SALT_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", command],
        env=environment(**added),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert without_time(eval(done.stdout)) == here[0]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_run_that_must_distil_first_is_the_same(here, tmp_path, monkeypatch):
    monkeypatch.setenv("SALT_CACHE_DIR", str(tmp_path))
    small.forget()
    found = without_time(small.run(*JOBS[0]))
    small.forget()
    assert found == here[0]


def test_a_study_s_run_is_that_of_its_job(monkeypatch):
    monkeypatch.setitem(tasks.CONFIGS, NAME, CONFIG)
    made = laboratory_run.run(job("mixup", 1))
    assert without_time(made) == without_time(laboratory_run.train(SETUP, NAME, "mixup", 1, CONFIG))
    assert made["config"]["epochs"] == CONFIG.epochs


@pytest.mark.parametrize("task", [NAME, "mini-ner", "mini-pos"])
@pytest.mark.parametrize("name", ["dlfa-0", "salt+dlfa-0-sigmoid", "translate-train"])
def test_every_kind_of_task_and_method(task, name):
    one, again = small.run(name, 0, task), small.run(name, 0, task)
    assert one["weights"] == again["weights"] and one["scores"] == again["scores"]
    assert set(one["scores"]) == set(tasks.task(task).languages)
    assert all(0 <= value <= 1 for value in one["scores"].values())
    assert one["weights"] != small.run("baseline", 0, task)["weights"]


# What is prepared


def test_runs_share_tokens_options_and_translations():
    base = laboratory_run.prepared(SETUP, NAME, method("baseline"), CONFIG)
    assert base.labels == 3 and list(base.tests) == list(tasks.task(NAME).languages)
    assert not len(base.choices.count) and base.translated is None
    assert base.train is small.encoded("train") and base.dev is small.encoded("dev")
    assert base.tests["sw"] is small.encoded("test", NAME, "sw")
    salt = laboratory_run.prepared(SETUP, NAME, method("salt"), CONFIG, "dev")
    assert salt.tests["sw"] is small.encoded("dev", NAME, "sw")
    assert salt.choices is small.options_of("salt")


@pytest.mark.parametrize("task", [NAME, "mini-ner"])
def test_translations_are_the_data_in_all_languages_one_after_the_other(task):
    many = laboratory_run.prepared(SETUP, task, method("translate-train"), CONFIG).translated
    codes, english = tasks.task(task).languages, tasks.load(task, "train", "en", WORLD)
    assert many is laboratory_run.translations(WORLD, task)
    if not isinstance(english, Tagged):
        assert len(many) == len(codes) * len(english)
        assert many.labels.tolist() == len(codes) * english.labels
        return
    said = [tasks.load(task, "train", code, WORLD) for code in codes]
    gold = [[english.names[i] for i in row] for part in said for row in part.labels]
    assert evaluate.sentences(many, many.labels) == gold


def test_prepare_makes_what_runs_share(tmp_path, monkeypatch):
    monkeypatch.setenv("SALT_CACHE_DIR", str(tmp_path))
    for name in ("baseline", "dictionary", "translate-train"):
        laboratory_run.prepare(job(name))
    assert not list(tmp_path.iterdir())
    laboratory_run.prepare(job("salt-random"))
    laboratory_run.prepare(job("salt"))
    assert len(list(tmp_path.iterdir())) == 1
    laboratory_run.prepare(job("salt-masked"))
    assert len(list(tmp_path.iterdir())) == 2
    with pytest.raises(SaltError, match="unknown method"):
        laboratory_run.prepare(job("slat"))


def test_unknown_names_list_the_known_ones():
    with pytest.raises(SaltError, match="unknown method 'slat'; known: baseline, code-switch"):
        laboratory_run.train(SETUP, NAME, "slat", 0)
    with pytest.raises(SaltError, match="unknown task 'xnli'; known: mini-xnli"):
        laboratory_run.train(SETUP, "xnli", "salt", 0)
    with pytest.raises(SaltError, match="no checkpoint for world 55 .*0"):
        laboratory_run.train(Laboratory(55), NAME, "baseline", 0)


# The study's own runs

MADE_AGAIN = [
    ("laboratory.json", None, "mini-paws-x", "mixup", 7),
    ("aggregation.json", 6, "mini-pos", "salt", 0),
    ("aggregation.json", 6, "mini-pos", "dlfa-4", 1),
]


@pytest.mark.parametrize(("table", "layers", "task", "name", "seed"), MADE_AGAIN)
def test_a_run_of_a_frozen_table_comes_out_again(table, layers, task, name, seed, tmp_path):
    """In its true size, from the shipped checkpoint on: to the last bit of every score."""
    found = read_table(RECORDED / table)
    (kept,) = found.only([(task, name, seed)]).runs
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SALT_CHECKPOINTS_DIR", str(tmp_path / "none"))
        patch.setenv("SALT_CACHE_DIR", str(tmp_path))
        for row in TRUE.values():
            patch.setitem(tasks.TAG_TASKS if row.tagged else tasks.PAIR_TASKS, row.name, row)
        patch.setattr(controls, "NEIGHBOURS", 20)
        small.forget()
        made = laboratory_run.train(Laboratory(0, layers), task, name, seed)
    small.forget()
    assert Config(**made["config"]) == Config(**found.origin["configurations"][task])
    here = {"hardware": provenance.hardware(), "capability": provenance.capability()}
    if provenance.same_processor(here, found.origin):
        assert (made["scores"], made["dev"]) == (kept["scores"], kept["dev"])
        assert made["epoch"] == kept["epoch"]
    else:  # another processor rounds otherwise
        assert made["dev"] == pytest.approx(kept["dev"], abs=0.02)
        assert made["scores"] == pytest.approx(kept["scores"], abs=0.05)

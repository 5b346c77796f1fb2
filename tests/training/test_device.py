"""However a batch is cut up or dealt out, and whenever a training is killed, it is the same."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small import CONFIG, WORLD

from salt_lib.errors import SaltError
from salt_lib.laboratory import checkpoints, substitutions
from salt_lib.laboratory import run as laboratory_run
from salt_lib.models import classifiers
from salt_lib.salt.methods import method
from salt_lib.study import provenance
from salt_lib.training import loop as training_loop
from salt_lib.training import run as training_run
from salt_lib.training.device import Accelerated, Compute
from salt_lib.training.progress import Monitor
from salt_lib.training.state import Saved

NAME = "mini-xnli"
DROPOUT = replace(CONFIG, dropout=0.1, epochs=3)


@pytest.fixture(autouse=True, scope="module")
def small_laboratory(laboratory):
    return laboratory


def encoded(split):
    return substitutions.encoded(WORLD, NAME, split, "en")


def fit(name="salt", config=CONFIG, data=None, **options):
    row = method(name)
    model = classifiers.classifier(checkpoints.checkpoint(WORLD), 3, 0, config.dropout)
    choices = substitutions.for_method(WORLD, NAME, row, config)
    data = encoded("train") if data is None else data
    found = training_loop.fit(model, data, encoded("dev"), row, config, 0, choices, **options)
    return model.state_dict(), found


def same(one, two):
    return all(torch.equal(a, b) for a, b in zip(one.values(), two.values(), strict=True))


def apart(one, two):
    return max((a - two[name]).abs().max().item() for name, a in one.items())


def near(one, two):
    return apart(one, two) < 1e-3


# How it is cut up


@pytest.mark.parametrize(("rows", "processes", "micro"), [(32, 1, None), (7, 2, 2), (1, 3, None)])
def test_the_parts_are_the_batch(rows, processes, micro):
    losses = torch.rand(rows, dtype=torch.float64)
    total, seen = 0.0, []
    for rank in range(processes):
        compute = Compute(micro)
        compute.rank, compute.processes = rank, processes
        for part, weight in compute.parts(rows):
            assert micro is None or len(part) <= micro
            total += weight * losses[part].mean() / processes
            seen += part.tolist() if weight else []
    assert sorted(seen) == list(range(rows))
    assert total.item() == pytest.approx(losses.mean().item())


def test_micro_batches_give_the_same_training():
    one, said = fit()
    two, again = fit(compute=Compute(micro_batch=5))
    assert near(one, two) and said == again and not same(one, fit("mixup")[0])


def test_micro_batches_of_tags_give_the_same_training():
    """Sentences have unequal numbers of tags, and the batch's loss is the mean over tags."""

    def fit(compute=None):
        row, name = method("salt"), "mini-ner"
        model = classifiers.classifier(checkpoints.checkpoint(WORLD), 5, 0, 0.0, True)
        choices = substitutions.for_method(WORLD, name, row, CONFIG)
        data, dev = (substitutions.encoded(WORLD, name, s, "en") for s in ("train", "dev"))
        found = training_loop.fit(model, data, dev, row, CONFIG, 0, choices, compute=compute)
        return model.state_dict(), found

    (one, said), (two, again) = fit(), fit(Compute(micro_batch=5))
    assert near(one, two) and said == again and not same(one, two)


def test_accelerate_on_the_processor_is_the_plain_place_to_the_last_bit():
    one, said = fit(config=DROPOUT)
    two, again = fit(config=DROPOUT, compute=Accelerated("cpu"))
    assert same(one, two) and said == again


def test_wrong_places():
    with pytest.raises(SaltError, match="unknown device 'tpu'; known: auto, cpu, cuda"):
        Accelerated("tpu")
    with pytest.raises(SaltError, match="unknown precision 'int4'; known: fp32, bf16"):
        Accelerated("cpu", "int4")
    with pytest.raises(SaltError, match="micro-batch of 0 rows"):
        Compute(0)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_said():
    with pytest.raises(SaltError, match="'cuda' is asked for.*no GPU.*device 'cpu'"):
        Accelerated("cuda")


SCRIPT = """
import json, os, sys
from dataclasses import replace
import pytest, small
from salt_lib.training.device import Accelerated
from salt_lib.training.state import Saved, save_tensors
from test_place import DROPOUT, Deadly, Killed, fit
patch = pytest.MonkeyPatch()
small.shrink(patch.setitem, patch.setattr)
compute = Accelerated("cpu", sys.argv[2])
monitor, last = None, int(sys.argv[3])
config = replace(DROPOUT, dropout=float(sys.argv[4]))
if last >= 0:  # with a state, and ended after so many steps
    monitor = Deadly(Saved(sys.argv[1] + ".state", 1), every=2)
    monitor.last = last
try:
    weights, (scores, epoch) = fit(config=config, compute=compute, monitor=monitor)
except Killed:
    os._exit(7)
if compute.first:
    save_tensors(sys.argv[1], weights)
    print(json.dumps({"processes": compute.processes, "scores": scores, "epoch": epoch}))
"""


TWO = "-m torch.distributed.run --standalone --nproc_per_node 2".split()


def script(tmp_path, precision="fp32", last=-1, dropout=0.0, launch=()):
    """Run `SCRIPT` in processes of its own; returns what it prints and the trained weights.

    None where it ended after ``last`` steps.
    """
    (tmp_path / "script.py").write_text(SCRIPT)
    path = os.pathsep.join([str(Path(__file__).parent), str(provenance.CHECKOUT)])
    done = subprocess.run(
        [
            *(sys.executable, *launch, str(tmp_path / "script.py")),
            *(str(tmp_path / "w"), precision, str(last), str(dropout)),
        ],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    if last > 0:
        assert done.returncode and "ChildFailedError" in done.stderr, done.stderr[-3000:]
        return None
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1]), load_file(tmp_path / "w")


PLAIN = replace(DROPOUT, dropout=0.0)  # with dropout each process has its own


def test_two_processes_give_what_one_does(tmp_path):
    told, weights = script(tmp_path, launch=TWO)
    one, (scores, epoch) = fit(config=PLAIN)
    assert told == {"processes": 2, "scores": scores, "epoch": epoch}
    assert near(one, weights)


def test_two_processes_that_are_killed_go_on(tmp_path):
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    told, weights = script(tmp_path / "whole", dropout=0.1, launch=TWO)
    assert script(tmp_path / "killed", last=9, dropout=0.1, launch=TWO) is None
    state = json.loads((tmp_path / "killed" / "w.state" / "state.json").read_bytes())
    assert state["numbers"]["step"] == 8
    again, resumed = script(tmp_path / "killed", last=0, dropout=0.1, launch=TWO)
    assert told == again and same(weights, resumed)


def test_bfloat16_is_near(tmp_path):
    _, weights = script(tmp_path, "bf16")
    one, _ = fit(config=PLAIN)
    assert not near(one, weights)
    assert apart(one, weights) < 0.05 and all(w.dtype == torch.float32 for w in weights.values())


# When it is killed


class Killed(Exception):
    pass


class Deadly(Monitor):
    """Ends the training after a step, as a power cut does."""

    last = 0

    def step(self, step, *rest):
        super().step(step, *rest)
        if step == self.last:
            raise Killed


@pytest.mark.parametrize("name", ["baseline", "salt", "translate-train"])
@pytest.mark.parametrize("last", [3, 6, 8, 15])
def test_killed_and_resumed_it_ends_bit_identical(name, last, tmp_path):
    row = method(name)
    more = laboratory_run._translations(WORLD, NAME) if row.translate else None
    one, said = fit(name, DROPOUT, translations=more)
    options = {"saved": Saved(tmp_path, name), "log": tmp_path / "log.jsonl", "every": 2}
    deadly = Deadly(**options)
    deadly.last = last
    with pytest.raises(Killed):
        fit(name, DROPOUT, translations=more, monitor=deadly)
    torch.manual_seed(99)  # as another process would have it
    fresh = Deadly(**options)
    began = []
    fresh.begin = lambda *a: began.append(Monitor.begin(fresh, *a)) or began[0]
    two, again = fit(name, DROPOUT, translations=more, monitor=fresh)
    assert began[0][0] == last - last % 2 and same(one, two) and said == again


def test_what_belongs_to_another_run_is_not_gone_on_with(tmp_path):
    deadly = Deadly(Saved(tmp_path, {"seed": 1}), every=2)
    deadly.last = 5
    with pytest.raises(Killed):
        fit(monitor=deadly)
    assert Saved(tmp_path, {"seed": 1}).load()[0]["step"] == 4
    assert Saved(tmp_path, {"seed": 2}).load() is None
    assert same(fit()[0], fit(monitor=Monitor(Saved(tmp_path, {"seed": 2})))[0])


@pytest.mark.parametrize("torn", ["state.json", "model-4.safetensors"])
def test_a_torn_state_is_none(torn, tmp_path):
    saved = Saved(tmp_path, 1)
    deadly = Deadly(saved, every=2)
    deadly.last = 5
    with pytest.raises(Killed):
        fit(monitor=deadly)
    path = tmp_path / torn
    path.write_bytes(path.read_bytes()[:50])
    assert saved.load() is None
    assert same(fit()[0], fit(monitor=Monitor(saved))[0])


def test_only_the_newest_state_lies_on_the_disk(tmp_path):
    saved = Saved(tmp_path / "state", 1)
    fit(config=DROPOUT, monitor=Monitor(saved, every=2))
    names = {path.name.partition("-")[0] for path in (tmp_path / "state").iterdir()}
    assert names == {"model", "optimizer", "random", "best", "state.json"}
    assert len(list((tmp_path / "state").iterdir())) == 5
    saved.remove()
    assert not (tmp_path / "state").exists()


# What it tells


def test_the_log_has_each_step_once_after_an_interruption(tmp_path, monkeypatch):
    monkeypatch.setattr("salt_lib.training.progress.LOG_EVERY", 1)
    options = {"saved": Saved(tmp_path / "state", 1), "log": tmp_path / "log.jsonl", "every": 4}
    fit(config=DROPOUT, monitor=Monitor(log=tmp_path / "whole.jsonl"))
    deadly = Deadly(**options)
    deadly.last = 7
    with pytest.raises(Killed):
        fit(config=DROPOUT, monitor=deadly)
    fit(config=DROPOUT, monitor=Monitor(**options))

    def read(name):
        rows = [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
        return [{k: v for k, v in row.items() if k != "pairs_per_second"} for row in rows]

    rows = read("log.jsonl")
    assert rows == read("whole.jsonl")
    steps = [row["step"] for row in rows if "loss" in row]
    assert steps == list(range(1, len(steps) + 1)) and len(steps) == 3 * 6
    assert [row["step"] for row in rows if "dev" in row] == [6, 12, 18]
    assert set(rows[0]) == {"step", "epoch", "loss", "gradient_norm", "learning_rate"}


def test_tensorboard_gets_the_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr("salt_lib.training.progress.LOG_EVERY", 2)
    fit(monitor=Monitor(tensorboard=tmp_path / "board"))
    (events,) = (tmp_path / "board").iterdir()
    text = events.read_bytes()
    assert all(name in text for name in (b"loss", b"gradient_norm", b"learning_rate", b"dev"))


def test_a_missing_tensorboard_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(SaltError, match=r"tensorboardX: pip install 'salt_lib\[tensorboard\]'"):
        Monitor(tensorboard=tmp_path)


def test_too_little_memory_says_what_to_lower(monkeypatch):
    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(training_loop, "fit", full)
    row, data = method("baseline"), encoded("train")
    with pytest.raises(
        SaltError, match="out of memory on cpu with 32 rows.*micro_batch, to 16.*max_length"
    ):
        training_run.train_and_score(
            checkpoints.checkpoint(WORLD), row, CONFIG, 0, labels=3, data=data, dev=data, tests={}
        )

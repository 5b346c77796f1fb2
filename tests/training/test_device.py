"""However a batch is cut up or dealt out to processes, the training is the same."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import small
import torch
from places import environment
from safetensors.torch import load_file
from small import CONFIG, prepared, same

from salt_lib.errors import SaltError
from salt_lib.training.device import Accelerated, Compute

DROPOUT = replace(CONFIG, dropout=0.1, epochs=3)
PLAIN = replace(DROPOUT, dropout=0.0)  # with dropout each process has its own


@pytest.fixture(autouse=True, scope="module")
def small_laboratory(laboratory):
    return laboratory


def fit(name="salt", config=CONFIG, **options):
    model, found = small.fit(name, config=config, **options)
    return model.state_dict(), found


def apart(one, two):
    return max((a - two[name]).abs().max().item() for name, a in one.items())


def near(one, two):
    return apart(one, two) < 1e-3


# Cut up


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
    assert near(one, two) and said == again and not near(one, fit("mixup")[0])


def test_micro_batches_of_tags_give_the_same_training():
    """Sentences have unequal numbers of tags, and the batch's loss is the mean over tags."""
    ready = prepared("salt", "mini-ner")
    one, said = fit(ready=ready)
    two, again = fit(ready=ready, compute=Compute(micro_batch=5))
    assert near(one, two) and said == again and not same(one, two)


def test_accelerate_on_the_processor_is_plain_computing_to_the_last_bit():
    one, said = fit(config=DROPOUT)
    two, again = fit(config=DROPOUT, compute=Accelerated("cpu"))
    assert same(one, two) and said == again


def test_unknown_devices_and_precisions_list_the_known():
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


# Dealt out


SCRIPT = """
import json, os, sys
from dataclasses import replace
import pytest, small
from killed import Deadly, Killed
from salt_lib.models.weights import save_tensors
from salt_lib.training.device import Accelerated
from salt_lib.training.state import Saved
patch = pytest.MonkeyPatch()
small.shrink(patch.setitem, patch.setattr)
path, precision, last, *rates = sys.argv[1:]
compute, told = Accelerated("cpu", precision), []
for rate in rates:
    monitor, config = None, replace(small.CONFIG, epochs=3, dropout=float(rate))
    if int(last) >= 0:  # with a state, and ended after so many steps
        monitor = Deadly(int(last), Saved(path + ".state", 1), every=2)
    try:
        model, (scores, epoch) = small.fit("salt", 0, config, compute=compute, monitor=monitor)
    except Killed:
        os._exit(7)
    told.append({"processes": compute.processes, "scores": scores, "epoch": epoch})
    if compute.first:
        save_tensors(path + rate, model.state_dict())
if compute.first:
    print(json.dumps(told))
"""
TWO = "-m torch.distributed.run --standalone --nproc_per_node 2".split()


def script(folder, *rates, precision="fp32", last=-1, launch=()):
    """Run `SCRIPT` in processes of its own: trainings with these rates of dropout, one by one.

    Returns what it tells of each and the trained weights; None where it ended after ``last`` steps.
    """
    (folder / "script.py").write_text(SCRIPT)
    arguments = [str(folder / "w"), precision, str(last), *map(str, rates)]
    done = subprocess.run(
        [sys.executable, *launch, str(folder / "script.py"), *arguments],
        env=environment(OMP_NUM_THREADS="1"),
        capture_output=True,
        text=True,
        timeout=300,
    )
    if last > 0:
        assert "ChildFailedError" in done.stderr, done.stderr[-3000:]
        assert "exitcode  : 7 " in done.stderr and done.returncode, done.stderr[-3000:]
        return None
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    weights = [load_file(folder / f"w{rate}") for rate in rates]
    return list(zip(told, weights, strict=True))


@pytest.fixture(scope="module")
def two(laboratory, tmp_path_factory):
    """A training without dropout and one with it, in two processes that nobody disturbs."""
    return script(tmp_path_factory.mktemp("two"), 0.0, 0.1, launch=TWO)


def test_two_processes_give_what_one_does(two):
    told, weights = two[0]
    one, (scores, epoch) = fit(config=PLAIN)
    assert told == {"processes": 2, "scores": scores, "epoch": epoch}
    assert near(one, weights)


def test_two_processes_that_are_killed_go_on(two, tmp_path):
    assert script(tmp_path, 0.1, last=9, launch=TWO) is None
    state = json.loads((tmp_path / "w.state" / "state.json").read_bytes())
    assert state["numbers"]["step"] == 8
    ((again, resumed),) = script(tmp_path, 0.1, last=0, launch=TWO)
    told, weights = two[1]
    assert told == again and same(weights, resumed)


def test_bfloat16_is_near(tmp_path):
    ((_, weights),) = script(tmp_path, 0.0, precision="bf16")
    one, _ = fit(config=PLAIN)
    assert not near(one, weights)
    assert apart(one, weights) < 0.05 and all(w.dtype == torch.float32 for w in weights.values())


# What the surroundings say


ALONE = """
import json, warnings
from datetime import timedelta
from salt_lib.training import device
device.MEET = timedelta(seconds=4)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    made = device.Accelerated("cpu")
said = [str(w.message) for w in caught if w.category is UserWarning]
steps = made.accelerator.gradient_accumulation_steps
print(json.dumps([steps, made.accelerator.mixed_precision, said]))
"""


def alone(**variables):
    return subprocess.run(
        [sys.executable, "-c", ALONE],
        env=environment(OMP_NUM_THREADS="1", **variables),
        capture_output=True,
        text=True,
        timeout=200,
    )


def test_accelerates_variables_change_no_result_unseen():
    done = alone(
        ACCELERATE_GRADIENT_ACCUMULATION_STEPS="8",
        ACCELERATE_MIXED_PRECISION="bf16",
        ACCELERATE_DYNAMO_BACKEND="NO",
    )
    steps, precision, said = json.loads(done.stdout.splitlines()[-1])
    assert (steps, precision) == (1, "no")
    assert "ACCELERATE_GRADIENT_ACCUMULATION_STEPS=8" in said[0] and "DYNAMO" not in said[0]


def test_left_over_variables_say_for_whom_one_waits_and_end_soon():
    done = alone(WORLD_SIZE="2", RANK="0", MASTER_ADDR="127.0.0.1", MASTER_PORT="29417")
    assert "one of 2 processes, by the environment (WORLD_SIZE=2, RANK=0" in done.stderr
    assert "SaltError: the other processes did not come within 0:00:04" in done.stderr
    assert "unset WORLD_SIZE, RANK" in done.stderr and done.returncode

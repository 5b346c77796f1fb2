"""A plan is measured steps and arithmetic."""

from dataclasses import replace

import paper_world as small
import pytest

from salt_lib.errors import SaltError
from salt_lib.real import plan
from salt_lib.study import grid as study_grid

pytestmark = pytest.mark.filterwarnings("ignore:.*rows, where .* are published")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return small.write_data(tmp_path_factory.mktemp("world") / "data")


@pytest.fixture(scope="module")
def bert(data):
    folder = data.parent / "one-bert"
    return small.setup(small.write_model(folder, "bert", small.texts(data)), data)


def test_a_plan_is_arithmetic(bert):
    cost = plan.Costs(2.0, 3.0, 0.01, 0.1, 40.0, None, "a machine")
    methods = ("baseline", "salt", "salt-masked")
    specs = study_grid.grid(0, ["xnli"], methods, range(3), bert.check)
    found = plan.hours(bert, specs, {"xnli": cost})
    steps = 2 * 3  # epochs, of 96 pairs in batches of 32
    scored = 2 * 48 + 3 * 36
    plain, mixed = (steps * s + scored * 0.1 for s in (2.0, 3.0))
    assert found["runs"]["xnli", "baseline"]["hours"] == pytest.approx(plain / 3600)
    assert found["runs"]["xnli", "salt"] == {
        "runs": 3,
        "steps": steps,
        "hours": pytest.approx(mixed / 3600),
    }
    once = 2 * 96 * 0.01 / 3600  # masked and not
    assert sum(found["distil"].values()) == pytest.approx(once)
    assert found["total"] == pytest.approx(3 * (plain + 2 * mixed) / 3600 + once)
    assert found["wall"][1] == pytest.approx(found["total"])
    assert found["wall"][16] == pytest.approx(mixed / 3600 + once)


@pytest.mark.parametrize(
    ("each", "devices", "last"), [([3, 3, 2, 2, 2], 2, 7), ([5, 1, 1], 4, 5), ([], 2, 0)]
)
def test_the_last_device_is_done(each, devices, last):
    assert plan.makespan(each, devices) == last


def test_what_is_measured_is_positive(bert):
    found = plan.measure(bert, "xnli", steps=2)
    assert min(found.plain_step, found.mixup_step, found.distil_pair, found.score_pair) > 0
    assert 5 < found.length < 40 and found.memory is None and "cores" in found.device


def test_too_little_memory_is_said_before_the_study_starts(bert, monkeypatch):
    def full(*_, **__):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(plan, "fit", full)
    with pytest.raises(SaltError, match="out of memory on cpu with 16 rows.*micro_batch, to 8 "):
        plan.measure(replace(bert, micro_batch=16), "xnli", steps=2)


def test_a_slow_machine_is_not_waited_for(bert, monkeypatch, capsys):
    monkeypatch.setattr(plan, "MOST", 0.0)
    monkeypatch.setattr(plan.Stopwatch.__init__, "__defaults__", (0.0,))
    seen = []
    step = plan.Stopwatch.step
    monkeypatch.setattr(plan.Stopwatch, "step", lambda self, *a: seen.append(1) or step(self, *a))
    found = plan.measure(bert, "xnli", steps=300, progress=True)
    assert found.plain_step > 0 and len(seen) == 2 * (plan.WARM + 2)
    assert "xnli: timing at most 300 steps of salt" in capsys.readouterr().err

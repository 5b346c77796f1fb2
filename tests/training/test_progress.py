"""Whenever a training is killed it goes on to the same end, and its log has each step once."""

import json
import sys
from dataclasses import replace

import pytest
import small
import torch
from killed import Deadly, Killed
from small import CONFIG, prepared, same

from salt_lib.errors import SaltError
from salt_lib.training import progress
from salt_lib.training.device import Compute
from salt_lib.training.progress import Monitor
from salt_lib.training.state import Saved

DROPOUT = replace(CONFIG, dropout=0.1, epochs=3)


@pytest.fixture(autouse=True, scope="module")
def small_laboratory(laboratory):
    return laboratory


def fit(name="salt", config=CONFIG, **options):
    model, found = small.fit(name, config=config, **options)
    return model.state_dict(), found


@pytest.fixture(scope="module", params=["baseline", "salt", "translate-train"])
def whole(request):
    """A method, what its runs share, and a training that nothing interrupts."""
    ready = prepared(request.param, config=DROPOUT)
    return request.param, ready, fit(request.param, DROPOUT, ready=ready)


@pytest.mark.parametrize("last", [3, 6, 8, 15])
def test_killed_and_resumed_it_ends_bit_identical(whole, last, tmp_path):
    name, ready, (one, said) = whole
    options = {"saved": Saved(tmp_path, name), "log": tmp_path / "log.jsonl", "every": 2}
    with pytest.raises(Killed):
        fit(name, DROPOUT, ready=ready, monitor=Deadly(last, **options))
    torch.manual_seed(99)  # as another process would have it
    fresh = Monitor(**options)
    began = []
    fresh.begin = lambda *a: began.append(Monitor.begin(fresh, *a)) or began[0]
    two, again = fit(name, DROPOUT, ready=ready, monitor=fresh)
    assert began[0][0] == last - last % 2 and same(one, two) and said == again


def test_what_belongs_to_another_run_is_not_gone_on_with(tmp_path):
    with pytest.raises(Killed):
        fit(monitor=Deadly(5, Saved(tmp_path, {"seed": 1}), every=2))
    assert Saved(tmp_path, {"seed": 1}).load()[0]["step"] == 4
    assert Saved(tmp_path, {"seed": 2}).load() is None
    assert same(fit()[0], fit(monitor=Monitor(Saved(tmp_path, {"seed": 2})))[0])


@pytest.mark.parametrize("torn", ["state.json", "model-4.safetensors"])
def test_a_torn_state_is_none(torn, tmp_path):
    saved = Saved(tmp_path, 1)
    with pytest.raises(Killed):
        fit(monitor=Deadly(5, saved, every=2))
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
    with pytest.raises(Killed):
        fit(config=DROPOUT, monitor=Deadly(7, **options))
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


@pytest.mark.parametrize("line", [b'{"step\xff": 2}', b"[" * 100_000, b'{"step": "2"}', b"{}"])
def test_a_damaged_line_of_the_log_is_cut_off(tmp_path, line):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"step": 1}\n' + line + b'\n{"step": 3}\n')
    progress._cut(path, 9)
    assert path.read_bytes() == b'{"step": 1}\n'


def test_a_torn_line_of_the_log_is_cut_off(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 3, "dev": 0.5}\n{"step": 4, "d')
    with pytest.raises(Killed):
        fit(config=DROPOUT, monitor=Deadly(2, log=path))
    assert path.read_text() == ""  # without a state nothing is done


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


@pytest.mark.parametrize("group", ["model", "optimizer", "random", "numbers"])
def test_a_state_of_another_shape_is_begun_again_with_a_warning(group, tmp_path):
    """Whole, and yet none of this model: it would fail at every attempt."""
    saved = Saved(tmp_path, 1)
    with pytest.raises(Killed):
        fit(monitor=Deadly(5, saved, every=2))
    numbers, groups = saved.load()
    if group == "numbers":
        numbers = {"stop": 4, "scores": []}
    else:
        groups[group] = {f"x{name}": value for name, value in groups[group].items()}
    saved.save(4, numbers, **{name: {**tensors} for name, tensors in groups.items()})
    with pytest.warns(UserWarning, match="damaged; it begins again"):
        found = fit(monitor=Monitor(saved))
    assert same(fit()[0], found[0])


def test_a_log_that_can_t_be_written_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("salt_lib.training.progress.LOG_EVERY", 1)
    (tmp_path / "log.jsonl").mkdir()
    monitor = Monitor()
    monitor.log, monitor.compute = tmp_path / "log.jsonl", Compute()
    with pytest.raises(SaltError, match="log.jsonl: can't be written"):
        monitor._tell(1, loss=1.0)

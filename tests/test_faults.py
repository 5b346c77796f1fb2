"""A cheap sample of the campaign of accidents, and that the campaign would notice one."""

import json
import random
import time
import warnings

import pytest

from benchmarks import faults


@pytest.mark.parametrize(
    ("only", "count"),
    [
        ("truncated run", 0),
        ("truncated state", 0),
        ("truncated model card", 0),
        ("flipped", 400),
        ("malformed", 400),
        ("salt ", 64),
        ("killed study", 64),
        ("killed distillation", 64),
        ("killed training", 40),
    ],
)
def test_accidents_are_errors_or_change_nothing(only, count):
    made, failures = faults.campaign(count, 0, only)
    assert failures == {} and sum(made.values()) >= (300 if count == 0 else 1)


def test_the_draws_depend_on_the_seed_alone(tmp_path):
    draws = [faults.malformed(faults.WELL["pairs"], random.Random(s)) for s in ("a", "a", "b")]
    assert draws[0] == draws[1] != draws[2]
    names = [
        [name for name, _ in faults.trials(tmp_path / str(n) / "t", 40, s)][-40:]
        for n, s in enumerate((1, 1, 2))
    ]
    assert names[0] == names[1] != names[2]


def test_a_silent_number_a_traceback_and_a_hang_are_failures(monkeypatch):
    def unsealed(folder):
        (folder / "a.json").write_text(json.dumps({"score": 0.123456}))
        return folder / "a.json"

    kind = faults.Kind(unsealed, lambda path: json.loads(path.read_bytes()))
    monkeypatch.setattr(faults, "KINDS", {"naive": kind})
    made, failures = faults.campaign(200, 0, "naive")
    seen = " ".join(failures["flipped naive"] + failures["truncated naive"])
    assert "another value, silently" in seen and "JSONDecodeError" in seen
    assert len(failures["truncated naive"]) == made["truncated naive"]
    monkeypatch.setattr(faults, "READERS", {"slow": ("words", lambda path: time.sleep(60))})
    monkeypatch.setattr(faults, "PATIENCE", 1)
    _, failures = faults.campaign(3, 0, "malformed slow")
    assert failures["malformed slow"][0].endswith("hangs")


def test_another_result_after_a_kill_is_a_failure(monkeypatch, tmp_path):
    def careless(folder):
        """Counts what is there already, so a second beginning shows."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{len(list(folder.iterdir()))}").touch()
        time.sleep(0.2)
        return len(list(folder.iterdir()))

    monkeypatch.setitem(faults.KILLED, "careless", careless)
    with pytest.raises(faults.Failed, match="another result after a kill"):
        undisturbed = faults.Undisturbed(tmp_path)
        faults.killed("careless", tmp_path / "t", random.Random(0), undisturbed)


def test_the_program_prints_trials_and_failures_and_says_so_at_its_end(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["faults", "--trials", "0", "--only", "truncated curve"])
    with warnings.catch_warnings(), pytest.raises(SystemExit) as ended:
        faults.main()
    shown = capsys.readouterr().out
    assert ended.value.code == 0 and "truncated curve" in shown and " 0 failures" in shown

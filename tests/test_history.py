"""The history in the package is the repository's, and its present table is the one that ships."""

import json
import subprocess
from collections import Counter

import numpy as np
import pytest
from places import ROOT

from benchmarks import history
from salt_lib.errors import SaltError
from salt_lib.files import RECORDED
from salt_lib.languages import SOURCE

KEPT = json.loads((RECORDED / "history.json").read_bytes())
LOST = json.loads((RECORDED / "tuning-history.json").read_bytes())
AGAIN = f"{history.COMMAND} writes the history anew"


def table(name):
    return json.loads((RECORDED / name).read_bytes())


def gains(rows, task, method, english=False):
    """method − baseline of each seed, by hand."""
    means = {
        (r["method"], r["seed"]): np.mean(
            [v for code, v in r["scores"].items() if (code == SOURCE) == english]
        )
        for r in rows
        if r["task"] == task
    }
    seeds = sorted(seed for name, seed in means if name == method)
    return np.array([means[method, seed] - means["baseline", seed] for seed in seeds])


def check(freeze, shipped):
    """Every number that is kept of a table is that table's."""
    assert freeze["made_at"] == shipped["commit"].split(", "), AGAIN
    assert freeze["made"] == shipped["date"] and freeze["runs"] == len(shipped["rows"])
    assert freeze["configurations"] == shipped["configurations"]
    counts = Counter(row["task"] for row in shipped["rows"])
    assert freeze["tasks"].keys() == counts.keys()
    for task, methods in freeze["tasks"].items():
        assert {*methods, "baseline"} == {r["method"] for r in shipped["rows"] if r["task"] == task}
        for method, tests in methods.items():
            for part, kept in tests.items():
                found = gains(shipped["rows"], task, method, part == "english")
                assert kept["n"] == len(found)
                assert kept["difference"] == pytest.approx(found.mean(), abs=1e-6)
                assert kept["sd"] == pytest.approx(found.std(ddof=1), abs=1e-6)


def test_the_present_freeze_is_the_table_that_ships():
    check(KEPT["freezes"][-1], table("laboratory.json"))


def test_the_freeze_before_is_the_first_table_that_ships():
    (same,) = [f for f in KEPT["freezes"] if f["made"] == table("laboratory-first.json")["date"]]
    check(same, table("laboratory-first.json"))


def test_the_oldest_freeze_is_of_another_world_and_had_no_gain():
    oldest, *others = KEPT["freezes"]
    found = [oldest["tasks"][t]["salt"]["zero_shot"] for t in ("mini-xnli", "mini-paws-x")]
    assert [round(100 * test["difference"], 2) for test in found] == [0.02, -7.01]
    assert oldest["edition"] is None and {f["edition"] for f in others} == {3}
    assert oldest["checkpoint"] != others[0]["checkpoint"]


def test_nothing_that_counts_changed_between_the_freezes_of_the_present_world():
    """As the page says: more seeds were run, with the same settings and the same checkpoint."""
    others = KEPT["freezes"][1:]
    assert len({f["checkpoint"] for f in others}) == 1
    assert all(f["configurations"] == others[0]["configurations"] for f in others)


def test_no_trial_of_the_first_worlds_is_in_the_present_record():
    present = history.trials(table("tuning.json"))
    for kind in ("pretraining", "distillation", "finetuning"):
        assert LOST[kind]
        for trial in LOST[kind]:
            old = {key: value for key, value in trial.items() if key != "commit"}
            assert trial["commit"] in {r["commit"] for r in LOST["records"]}
            assert json.dumps([kind, old], sort_keys=True) not in present


def test_the_page_types_no_result():
    """Numbers come from the files: prose has no signed number and no p."""
    cells = (ROOT / "book" / "history.md").read_text().split("```")
    prose = " ".join(cells[::2])
    assert not [sign for sign in ("+0.", "−0.", "+1.", "−2.", "−7.", "p = ") if sign in prose]


@pytest.fixture
def repository(tmp_path):
    """A little history: two tables, the second moved, and a world that gets a number."""

    def commit(subject, **files):
        for path, text in files.items():
            place = tmp_path / path.replace("__", "/").replace("_json", ".json")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        git("add", "-A")
        git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", subject)

    def git(*arguments):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True)

    def frozen(gain, seeds):
        head = {"command": "salt study", "date": "then", "commit": "x-dirty, y", "hardware": "h"}
        rows = [
            {
                "world": 0,
                "task": "mini-xnli",
                "method": method,
                "seed": seed,
                "scores": {"en": 0.9, "de": 0.5 + 0.01 * seed + up, "sw": 0.4 + up * seed},
            }
            for method, up in (("baseline", 0), ("salt", gain))
            for seed in range(seeds)
        ]
        return json.dumps({**head, "configurations": {}, "rows": rows})

    git("init", "-q")
    facts = tmp_path / history.WORLDS[0]
    facts.parent.mkdir(parents=True)
    facts.write_text("SEED = 0\n")
    commit("one", recorded__laboratory_json=frozen(0.1, 2))
    facts.write_text("EDITION = 7  # of the worlds\n")
    commit("two", recorded__laboratory_json=frozen(0.2, 3))
    (tmp_path / "salt_lib" / "recorded").mkdir()
    git("mv", "recorded/laboratory.json", "salt_lib/recorded/laboratory.json")
    commit("moved")
    table = tmp_path / "salt_lib" / "recorded" / "laboratory.json"
    table.write_text(json.dumps({**json.loads(table.read_text()), "checksum": "c"}))
    commit("a checksum")
    return tmp_path


def test_each_content_counts_once_and_neither_a_move_nor_a_checksum_does(repository):
    one, two = history.freezes(repository)
    assert [f["subject"] for f in (one, two)] == ["one", "two"]
    assert (one["edition"], two["edition"]) == (None, 7)
    assert (one["runs"], one["new_runs"]) == (4, 4)
    assert (two["runs"], two["new_runs"]) == (6, 4)  # of SALT two changed, and a seed is new
    assert two["made_at"] == ["x-dirty", "y"]
    gain = two["tasks"]["mini-xnli"]["salt"]["zero_shot"]
    assert gain["n"] == 3
    assert gain["difference"] == pytest.approx(np.mean([(0.2 + 0.2 * s) / 2 for s in range(3)]))
    assert two["tasks"]["mini-xnli"]["salt"]["english"]["p"] is None  # no spread, no test


def test_the_edition_changes_where_the_sources_say_so(repository):
    assert [(e["edition"], e["subject"]) for e in history.editions(repository)] == [
        (None, "one"),
        (7, "two"),
    ]


def test_what_git_refuses_is_an_error(tmp_path):
    with pytest.raises(SaltError, match="git log"):
        history.freezes(tmp_path)


def whole_repository():
    """Whether the checkout has its whole history, as a shallow clone or a copy has not."""
    try:
        shallow = history.git("rev-parse", "--is-shallow-repository").strip()
        history.git("cat-file", "-e", KEPT["freezes"][0]["commit"])
    except SaltError:
        return False
    return shallow == "false"


def without_tests(freeze):
    """A freeze, and of its tests only what was tested."""
    tasks = {task: sorted(methods) for task, methods in freeze["tasks"].items()}
    return {**freeze, "tasks": tasks}


def values(freeze):
    """All numbers of a freeze's tests: those that can't be told are left out."""
    return {
        (task, method, part, name): value
        for task, methods in freeze["tasks"].items()
        for method, tests in methods.items()
        for part, test in tests.items()
        for name, value in test.items()
        if value is not None
    }


@pytest.mark.skipif(not whole_repository(), reason="the repository's history is not here")
def test_what_is_kept_is_what_git_says():
    assert history.editions() == KEPT["editions"]
    found = history.freezes()
    assert [without_tests(f) for f in found] == [without_tests(f) for f in KEPT["freezes"]], AGAIN
    for freeze, kept in zip(found, KEPT["freezes"], strict=True):
        again, known = values(freeze), values(kept)  # another machine may round the last digit
        assert again == pytest.approx(known, rel=1e-5, abs=1e-6)
    lost = history.lost_trials()
    assert lost == {key: LOST[key] for key in lost}, AGAIN

"""The study over worlds is the protocol's, and its tables hold what is true today."""

import json
from dataclasses import replace

import numpy as np
import pytest
import small
from fake_runs import made

from salt_lib.digests import read_checked
from salt_lib.errors import SaltError
from salt_lib.files import RECORDED
from salt_lib.laboratory import outcomes, quality, tasks, tuning, worlds
from salt_lib.laboratory.predictions import encoded, predictions_path
from salt_lib.laboratory.setup import Laboratory
from salt_lib.models import loading
from salt_lib.salt import predictions
from salt_lib.salt.methods import method
from salt_lib.study import provenance, store
from salt_lib.study.frozen import read_table
from salt_lib.study.results import key_of

# The plan


@pytest.mark.parametrize(
    ("world", "layers"), [(1, None), (8, None), (100, None), (-1, None), (0, 6), (5, 6), (2, 4)]
)
def test_worlds_and_depths_that_the_protocol_lacks_are_an_error(world, layers):
    message = f"world {world} with {layers or 2} layers: the protocol has worlds 0, 2, 3, 4, 5, 6"
    for ask in (worlds.plan_of, worlds.world_study, worlds.planned):
        with pytest.raises(SaltError, match=message):
            ask(world, layers)


def test_no_unit_was_designed_or_tuned_on():
    assert not {0, 1} & {*worlds.WORLDS} and max(worlds.WORLDS) < 100 <= min(worlds.TUNING_WORLDS)
    assert {*worlds.DEEPER_WORLDS} <= {*worlds.WORLDS}
    seeds = {s.seed for world in (0, 2) for s in worlds.planned(world)}
    assert not seeds & {*worlds.TUNING_SEEDS} and seeds == {*range(15)}


def test_every_planned_method_is_one_and_the_controls_are_tuned_as_salt_is():
    for plan in (worlds.PLAN, worlds.SHIPPED_PLAN, worlds.DEEPER_PLAN):
        for name, methods in plan.items():
            assert name in tasks.WORLD_TASKS and all(method(m).name == m for m in methods)
    tuned = worlds.tuning_of(5e-4)
    assert {*tuned} <= {*worlds.PLAN["mini-nli"]}
    assert {len(settings) for settings in tuned.values()} == {6}
    assert not {"salt-random-kind", "salt-hidden"} & {*tuned}
    for name, settings in tuned.items():
        made = [replace(tasks.CONFIGS["mini-nli"], **setting) for setting in settings]
        assert len({*made}) == 6, name
        if name != "baseline":
            assert {config.learning_rate for config in made} == {5e-4, 1e-3}


def test_runs_are_made_in_the_order_of_the_plan():
    runs = [(s.task, s.method, s.seed) for s in worlds.planned(3)]
    first = ["baseline", "salt", "dictionary", "salt-random-kind"]
    assert runs[:20] == [("mini-nli", m, seed) for m in first for seed in range(5)]
    assert runs[20:23] == [("mini-nli", "salt-content", seed) for seed in range(3)]
    assert runs[-12:] == [("mini-paraphrase", m, seed) for m in first for seed in range(3)]
    assert len(runs) == 47 == len({*runs}) and {s.world for s in worlds.planned(3)} == {3}
    assert len(worlds.planned(0)) == 15 + 15 + 5 and len(worlds.planned(4, 6)) == 9


def test_a_study_has_its_folder_its_command_and_its_table(tmp_path, monkeypatch):
    plain, deep = worlds.world_study(2, root=tmp_path), worlds.world_study(2, 6, tmp_path)
    assert (plain.root, deep.root) == (tmp_path / "worlds", tmp_path / "worlds-6")
    assert (plain.setup, deep.setup) == (Laboratory(2), Laboratory(2, 6))
    assert plain.table == worlds.table_path(2) != deep.table
    assert deep.table.name == "world-2-layers-6.json" and plain.table.parent.name == "worlds"
    assert plain.command == "salt study --scale worlds --world 2"
    assert deep.command == "salt study --scale worlds --layers 6 --world 2"
    assert plain.world == deep.world == 2 and deep.tasks == ("mini-nli",)
    monkeypatch.setenv("SALT_RUNS_DIR", str(tmp_path / "elsewhere"))
    assert worlds.world_study(0).root == tmp_path / "elsewhere" / "worlds"


# What is finished


@pytest.fixture
def study(tmp_path, monkeypatch):
    """World 0's part, with nothing in it; its frozen table lies in ``tmp_path`` as well."""
    monkeypatch.setattr(worlds, "RECORDED", tmp_path / "recorded")
    return worlds.world_study(0, root=tmp_path / "runs")


def write(study, method="baseline", seed=0, task="mini-nli", **changes):
    """Store a finished run."""
    key = {"world": study.world, "task": task, "method": method, "seed": seed}
    print_ = provenance.fingerprint(study.setup, study.world, task, method)
    more = {"fingerprint": print_, "measures": {"of": [method, seed]}}
    return store.write_run(study.root, {**made(seed), **more, **key, **changes})


def held(study):
    return [key_of(run)[1:] for run in read_table(study.table).runs]


def test_what_the_table_lacks_is_missing(study):
    everything = worlds.planned(0)
    assert worlds.missing(study) == everything
    for seed in range(3):
        write(study, "salt", seed)
    assert worlds.missing(study) == everything  # stored is not yet in the table
    assert worlds.freeze(study) == (3, 35)
    lacking = worlds.missing(study)
    assert len(lacking) == 32 and not [s for s in lacking if s.method == "salt" and s.seed < 3]
    assert lacking == [s for s in everything if s in lacking]


def test_nothing_finished_is_no_table(study):
    assert worlds.freeze(study) == (0, 35) and not study.table.exists()


def test_a_table_says_of_its_runs_what_is_measured_and_where_it_comes_from(study):
    for name, seed in (("salt", 1), ("baseline", 0)):
        write(study, name, seed, config={"epochs": 7, "of": name}, hardware="a machine")
    assert worlds.freeze(study) == (2, 35)
    found = read_table(study.table)
    assert held(study) == [("baseline", 0), ("salt", 1)]  # in the order of the plan
    for run in found.runs:
        assert run["measures"] == {"of": [run["method"], run["seed"]]}
        assert run["fingerprint"] == provenance.fingerprint(
            study.setup, 0, "mini-nli", run["method"]
        )
    about = found.origin
    assert about["planned"] == 35 and about["hardware"] == "a machine"
    assert about["command"] == "salt study --scale worlds --world 0"
    assert about["configurations"]["mini-nli, salt"] == {"epochs": 7, "of": "salt"}
    assert [part for part in outcomes.parts() if part.world == 0][0].runs["mini-nli", "salt"][1]


def test_runs_that_are_not_planned_stay_out(study):
    write(study, "salt", 0)
    write(study, "mixup", 0)
    write(study, "dictionary", 7)
    write(study, "salt", 0, task="mini-xnli")
    assert worlds.freeze(study) == (1, 35) and held(study) == [("salt", 0)]


def test_what_another_machine_made_stays_beside_what_this_one_made(study, tmp_path):
    write(study, "salt", 0, commit="a" * 40, hardware="one", created="2026-01-01T00:00:00+00:00")
    write(study, "salt", 1, commit="b" * 40, hardware="one", created="2026-03-01T00:00:00+00:00")
    worlds.freeze(study)
    other = replace(study, root=tmp_path / "other")
    more = {"commit": "c" * 40, "hardware": "two", "created": "2026-02-01T00:00:00+00:00"}
    write(other, "baseline", 0, config={"epochs": 9}, **more)
    write(other, "salt", 1, measures={"of": "anew"}, **more)
    assert worlds.freeze(other) == (3, 35)
    assert held(study) == [("baseline", 0), ("salt", 0), ("salt", 1)]
    found = read_table(study.table)
    assert [run["measures"]["of"] for run in found.runs][1:] == [["salt", 0], "anew"]
    about = found.origin
    assert about["commit"].split(", ") == ["a" * 40, "b" * 40, "c" * 40]
    assert about["hardware"] == "one; two" and about["date"].startswith("2026-03")
    assert set(about["configurations"]) == {"mini-nli, salt", "mini-nli, baseline"}
    before = study.table.read_text()
    assert worlds.freeze(replace(study, root=tmp_path / "none")) == (3, 35)
    assert study.table.read_text() == before  # nothing new, nothing else


def test_runs_that_would_come_out_otherwise_today_are_dropped(study, tmp_path, monkeypatch):
    for name in ("salt", "baseline"):
        write(study, name)
    assert worlds.freeze(study) == (2, 35) and len(worlds.missing(study)) == 33
    rows = json.loads(study.table.read_text())
    rows["rows"][0]["fingerprint"] = "of other sources"
    del rows["checksum"]  # which says that somebody has edited it
    study.table.write_text(json.dumps(rows))
    assert [s.method for s in worlds.missing(study)][0] == "baseline"
    elsewhere = replace(study, root=tmp_path / "elsewhere")
    write(elsewhere, "dictionary")
    assert worlds.freeze(elsewhere) == (2, 35)
    assert held(study) == [("salt", 0), ("dictionary", 0)]
    changed = replace(tasks.CONFIGS["mini-nli"], epochs=99)
    monkeypatch.setitem(tasks.CONFIGS, "mini-nli", changed)
    assert len(worlds.missing(study)) == 35
    write(elsewhere, "salt", 3)
    with pytest.warns(UserWarning, match="1 of 2 runs .* are left out"):
        assert worlds.freeze(elsewhere) == (1, 35)
    assert held(study) == [("salt", 3)]


def test_what_was_chosen_for_one_method_makes_the_runs_anew(study, monkeypatch):
    write(study, "salt")
    worlds.freeze(study)
    monkeypatch.setitem(tasks.METHOD_CONFIGS, "salt", {"threshold": 0.7})
    assert len(worlds.missing(study)) == 35


# Tuning


def trial(name, method, seed, changes, world=100, layers=None):
    """Invented: the last setting is the best in the first world, the third one over both."""
    place = worlds.tuning_of(5e-4)[method].index(changes)
    zero_shot = {100: (0.5, 0.5, 0.6, 0.5, 0.5, 0.65), 101: (0.5, 0.5, 0.6, 0.5, 0.5, 0.4)}[world][
        place
    ]
    more = {"english": 0.9, "zero_shot": zero_shot, "dev": [0.9], "seconds": 1.0}
    key = {"task": name, "method": method, "seed": seed, "changes": changes, "world": world}
    return {**key, **more}


@pytest.fixture
def tried(tmp_path, monkeypatch):
    monkeypatch.setattr(tuning, "trial", trial)
    return worlds.tune(tmp_path / "log.json")


def test_every_method_has_the_same_trials_in_both_tuning_worlds(tried, tmp_path, monkeypatch):
    seen = [(t["method"], t["world"], t["seed"]) for t in tried]
    assert len(seen) == 6 * 6 * 2 and {seen.count(one) for one in seen} == {6}
    assert {*seen} == {(m, w, 1000) for m in worlds.tuning_of(5e-4) for w in (100, 101)}
    assert {t["task"] for t in tried} == {"mini-nli"}
    assert json.loads((tmp_path / "log.json").read_text())["trials"] == tried
    monkeypatch.setattr(tuning, "trial", None)  # would fail
    assert worlds.tune(tmp_path / "log.json") == tried


def test_each_method_has_what_the_recorded_tuning_chose():
    found = read_checked(RECORDED / "worlds-tuning.json")
    chosen = {name: worlds.best(found["trials"], name) for name in found["chosen"]}
    assert chosen == found["chosen"] and len(found["trials"]) == 72
    controls = ("salt-random-kind", "salt-function", "salt-hidden")
    assert tasks.METHOD_CONFIGS == chosen | dict.fromkeys(controls, chosen["salt"])
    assert {*tasks.METHOD_CONFIGS} == {*worlds.PLAN["mini-nli"]}


def test_what_is_best_over_both_worlds_is_chosen(tried, tmp_path, laboratory, monkeypatch):
    config = replace(tasks.CONFIGS["mini-nli"], synonym_threshold=0.0)
    monkeypatch.setitem(tasks.CONFIGS, "mini-nli", config)
    monkeypatch.setattr(worlds, "TUNING_WORLDS", (small.WORLD, 101))
    path = tmp_path / "tuning.json"
    worlds.record_tuning(path, tried)
    found = json.loads(path.read_text())
    assert found["chosen"] == {name: rows[2] for name, rows in worlds.tuning_of(5e-4).items()}
    assert found["chosen"]["baseline"] == {"learning_rate": 5e-4}
    shortcuts = found["shortcuts"]
    assert {*shortcuts} == {"mini-nli", "mini-paraphrase"}
    assert all(0 <= share <= 1 for row in shortcuts.values() for share in row.values())
    assert found["trials"] == tried and found["worlds"] == [small.WORLD, 101]
    assert "record_tuning" in found["command"] and found["commit"] and found["date"]
    assert found["synonyms"] == synonyms(0.0)
    predicted = predictions.read_all(predictions_path(small.WORLD, "mini-nli"))
    likely = float(predicted.query("language == 'en'")["probability"].quantile(0.9))
    config = replace(config, synonym_threshold=likely)
    monkeypatch.setitem(tasks.CONFIGS, "mini-nli", config)
    worlds.record_tuning(path, tried)
    assert json.loads(path.read_text())["synonyms"] == synonyms(likely) != found["synonyms"]


def synonyms(threshold):
    """The shares of English substitutions that are right, counted one by one."""
    found = predictions.read_all(predictions_path(small.WORLD, "mini-nli"))
    data = encoded(small.WORLD, "mini-nli", "train", "en")
    entry = {i: p for p, i in loading.tokenizer(Laboratory(0).checkpoint).get_vocab().items()}
    right = {"all": [], "content": []}
    for row in found.itertuples():
        source = entry[int(data.ids[data.start[row.example] + row.position])]
        if row.language != "en" or row.probability < threshold:
            continue
        if source not in quality.concept_of():
            continue
        told = quality.verdict(source, entry[row.token], "en") == "right"
        right["all"].append(told)
        if quality.lexicon()[quality.concept_of()[source]].kind != "function":
            right["content"].append(told)
    return {key: round(float(np.mean(value)), 4) for key, value in right.items()}

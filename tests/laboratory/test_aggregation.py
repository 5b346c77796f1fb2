"""The aggregation study: what runs, what chooses the layer, what is tested, what is frozen."""

import json
from dataclasses import replace

import numpy as np
import pytest
from invented import BEST, aggregate, fused_run

from salt_lib.errors import SaltError
from salt_lib.laboratory import aggregation, deeper
from salt_lib.laboratory.aggregation import LAYERS, SEEDS, SWEEP_SEEDS, TASKS, aggregation_study
from salt_lib.laboratory.setup import Laboratory
from salt_lib.study import stats, store
from salt_lib.study.grid import Workers
from salt_lib.study.results import COLUMNS, FROZEN, HERE, frame_of
from salt_lib.training.config import Config

ALONE = Workers(jobs=1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A whole study of invented runs; it, and what was run."""
    study = aggregation_study(root=tmp_path_factory.mktemp("runs"))
    calls, told = aggregate(study)
    assert told == (len(calls), 0) and len(set(calls)) == len(calls)
    return study, calls


@pytest.fixture(scope="module")
def found(whole):
    return whole[0].fresh().runs


def test_the_sweep_then_the_layer_that_english_dev_chooses(whole, found):
    study, calls = whole
    wanted = {
        (name, m, s)
        for name in TASKS
        for m in ("baseline", *(f"dlfa-{layer}" for layer in range(LAYERS)))
        for s in SWEEP_SEEDS
    }
    wanted |= {
        (name, m, s)
        for name in TASKS
        for m in ("baseline", "salt", f"dlfa-{BEST[name]}", f"salt+dlfa-{BEST[name]}")
        for s in SEEDS
    }
    assert set(calls) == wanted
    assert aggregation.chosen(found) == BEST and aggregation.missing(study, found) == 0
    assert aggregation.execute(study, ALONE, progress=False) == (0, len(wanted))


def test_a_run_that_is_missing_is_counted(whole, tmp_path):
    study, _ = whole
    gone = store.run_path(study.root, 0, "mini-pos", "dlfa-4", 2)
    kept = gone.rename(tmp_path / "kept.json")
    try:
        found = study.fresh().runs
        assert aggregation.missing(study, found) == 1
        with pytest.raises(SaltError, match="mini-pos: 1 runs of the sweep are missing"):
            aggregation.chosen(found)
        with pytest.raises(SaltError, match="mini-pos: 1 runs of the sweep are missing"):
            aggregation.freeze(study, tmp_path / "table.json")
        assert aggregation.results(study).source == FROZEN
    finally:
        kept.rename(gone)
    gone = store.run_path(study.root, 0, "mini-pos", f"salt+dlfa-{BEST['mini-pos']}", 14)
    kept = gone.rename(tmp_path / "kept.json")
    try:
        assert aggregation.missing(study, study.fresh().runs) == 1
        with pytest.raises(SaltError, match=r"1 runs in world 0 are missing .*\(mini-pos salt\+dl"):
            aggregation.freeze(study, tmp_path / "table.json")
    finally:
        kept.rename(gone)
    assert not (tmp_path / "table.json").exists()


def test_forced_no_run_is_made_twice(whole):
    study, calls = whole
    again, told = aggregate(study, force=True)
    assert told == (len(calls), 0) and sorted(again) == sorted(calls)


def test_a_part_of_the_study_is_a_study(whole):
    """What is there of it is not made again; tasks that it leaves out are not asked for."""
    study, _ = whole
    part = replace(study, tasks=("mini-ner",))
    assert aggregation.execute(part, ALONE, progress=False) == (0, 7 * 5 + 4 * 15 - 2 * 5)
    runs = [run for run in study.fresh().runs if run["task"] == "mini-ner"]
    assert aggregation.missing(part, runs) == 0 and aggregation.missing(study, runs) > 0


def test_of_equal_layers_the_lowest(found):
    level = [{**one, "dev": [0.5]} for one in found]
    assert set(aggregation.chosen(level).values()) == {0}


def test_the_main_comparison_and_its_families(found):
    layers = aggregation.chosen(found)
    table = aggregation.main(found, layers)
    counts = table.groupby(["task", "method"])["seed"].nunique()
    assert set(counts) == {15} and set(table["method"]) == set(aggregation.MAIN)
    tests = aggregation.comparisons(table)
    assert len(tests[tests["against"] == "baseline"]) == 3 * len(TASKS)
    assert len(tests[tests["against"] == "salt"]) == len(TASKS)
    for _, family in tests.groupby("against"):
        assert np.allclose(family["p_holm"], stats.holm(family["p"]))
    one = tests[(tests["task"] == "mini-ner") & (tests["method"] == "dlfa")].iloc[0]
    ours = [
        np.mean([v for c, v in fused_run("mini-ner", "dlfa-5", s)["scores"].items() if c != "en"])
        for s in SEEDS
    ]
    assert one["mean"] == pytest.approx(np.mean(ours))
    swept = aggregation.sweep(found)
    assert len(swept) == len(TASKS) * (LAYERS + 1) * len(SWEEP_SEEDS)
    means = swept.groupby(["task", "layer"])["zero_shot"].mean()
    assert means["mini-xnli"].idxmax() == 1


def test_a_frozen_study_is_the_same_study(whole, tmp_path):
    study, calls = whole
    path = tmp_path / "kept.json"
    count = aggregation.freeze(study, path)
    elsewhere = replace(study, root=tmp_path / "none", table=path)
    frozen, here = aggregation.results(elsewhere), aggregation.results(study)
    assert frozen.source == FROZEN and len(frozen.runs) == count == len(calls)
    assert frozen.origin["gate"] == deeper.GATE and frozen.origin["layers"] == LAYERS
    assert here.source == HERE and here.origin["commit"] == "0" * 40
    order = list(COLUMNS)
    frames = [frame_of(x.runs).sort_values(order).reset_index(drop=True) for x in (frozen, here)]
    assert frames[0].equals(frames[1])
    held = json.loads(path.read_text())
    del held["checksum"]  # which says that somebody has edited it
    held["rows"] = held["rows"][:-1]
    path.write_text(json.dumps(held))
    with pytest.raises(SaltError, match="kept.json: 1 runs are missing; restore it, or make them"):
        aggregation.results(elsewhere)
    path.write_text(json.dumps({"rows": [{"task": "mini-ner"}]}))
    with pytest.raises(SaltError, match="kept.json: not a table of results.*--scale aggregation"):
        aggregation.results(elsewhere)


def test_the_folder_of_runs_is_the_variable_s_when_it_is_used(tmp_path, monkeypatch):
    monkeypatch.delenv("SALT_RUNS_DIR", raising=False)
    assert aggregation_study().root.as_posix() == "runs/aggregation"
    monkeypatch.setenv("SALT_RUNS_DIR", str(tmp_path))
    assert aggregation_study().root == tmp_path / "aggregation"
    assert aggregation_study(root=tmp_path / "own").root == tmp_path / "own"


def test_the_shipped_table_is_whole():
    study = aggregation_study(root="nowhere")
    found = aggregation.results(study)
    assert found.source == FROZEN and aggregation.missing(study, found.runs) == 0
    assert "-dirty" not in found.origin["commit"] and found.origin["gate"] == deeper.GATE
    setup = Laboratory(0, LAYERS)
    recorded = {name: Config(**own) for name, own in found.origin["configurations"].items()}
    assert recorded == {name: setup.config(name) for name in TASKS}

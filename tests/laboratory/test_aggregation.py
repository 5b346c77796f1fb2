"""The aggregation study: what runs, what chooses the layer, what is tested, what is frozen."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from salt_lib.cli.main import app
from salt_lib.errors import SaltError
from salt_lib.laboratory import aggregation, checkpoints, deeper
from salt_lib.laboratory.aggregation import LAYERS, SEEDS, SWEEP_SEEDS, TASKS
from salt_lib.laboratory.tasks import task
from salt_lib.salt.methods import method
from salt_lib.study import provenance, stats, store

BEST = dict(zip(TASKS, (2, 0, 5, 3), strict=True))  # the layer that English dev shall choose


def invented(name: str, method_name: str, seed: int) -> dict:
    """A run whose dev score peaks at `BEST` and whose test scores peak at layer 1."""
    row, rng = method(method_name), np.random.default_rng([seed, len(name), len(method_name)])
    gain = 0.0 if row.layer is None else 0.05 - 0.01 * abs(row.layer - 1)
    dev = 0.8 if row.layer is None else 0.9 - 0.01 * abs(row.layer - BEST[name])
    gain += 0.02 * (row.substitutions is not None)
    scores = {
        code: float(np.clip(0.6 + gain + rng.normal(0, 0.005), 0, 1))
        for code in task(name).languages
    }
    return {"scores": scores, "dev": [dev - 0.1, dev], "epoch": 1, "seconds": 1.0, "config": {}}


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A whole study of invented runs, made by the study's own steps."""
    calls = []

    def run(world, name, method_name, seed, *, setup, root):
        calls.append((name, method_name, seed))
        return invented(name, method_name, seed)

    monkeypatch.setattr(deeper, "run", run)
    monkeypatch.setattr(deeper, "prepare", lambda *_, **__: None)
    monkeypatch.setattr(store, "commit", lambda: "0" * 40)
    made, there = aggregation.execute(tmp_path, jobs=1, progress=False)
    assert (made, there) == (len(calls), 0) and len(set(calls)) == made
    return tmp_path, calls


def test_the_sweep_then_the_layer_that_english_dev_chooses(root):
    folder, calls = root
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
    found = aggregation.stored(folder)
    assert aggregation.chosen(found) == BEST and aggregation.missing(found) == 0
    assert aggregation.execute(folder, jobs=1, progress=False) == (0, len(wanted))
    gone = store.run_path(folder, 0, "mini-pos", "dlfa-4", 2)
    gone.unlink()
    found = aggregation.stored(folder)
    assert aggregation.missing(found) == 1
    with pytest.raises(SaltError, match="mini-pos: 1 runs of the sweep are missing"):
        aggregation.chosen(found)
    with pytest.raises(SaltError, match="1 runs are missing under"):
        aggregation.freeze(folder / "kept.json", folder)


def test_of_equal_layers_the_lowest(root):
    found = aggregation.stored(root[0])
    for one in found:
        one["dev"] = [0.5]
    assert set(aggregation.chosen(found).values()) == {0}


def test_the_main_comparison_and_its_families(root):
    found = aggregation.stored(root[0])
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
        np.mean([v for c, v in invented("mini-ner", "dlfa-5", s)["scores"].items() if c != "en"])
        for s in SEEDS
    ]
    assert one["mean"] == pytest.approx(np.mean(ours))
    swept = aggregation.sweep(found)
    assert len(swept) == len(TASKS) * (LAYERS + 1) * len(SWEEP_SEEDS)
    means = swept.groupby(["task", "layer"])["zero_shot"].mean()
    assert means["mini-xnli"].idxmax() == 1


def test_a_frozen_study_is_the_same_study(root):
    folder = root[0]
    path = folder / "kept.json"
    count = aggregation.freeze(path, folder)
    rows, origin, source = aggregation.current_or_recorded(folder / "none", path)
    assert source == store.FROZEN and len(rows) == count == len(aggregation.stored(folder))
    assert origin["gate"] == deeper.GATE and origin["layers"] == LAYERS
    here, about, source = aggregation.current_or_recorded(folder, path)
    assert source == store.HERE and about["commit"] == "0" * 40
    frames = [
        store.frame_of(x, {}).sort_values(list(store.COLUMNS)).reset_index(drop=True)
        for x in (rows, here)
    ]
    assert frames[0].equals(frames[1])
    path.write_text(json.dumps({"rows": [{"task": "mini-ner"}]}))
    with pytest.raises(SaltError, match="no table of the aggregation study"):
        aggregation.current_or_recorded(folder / "none", path)


def test_the_shipped_table_is_whole():
    rows, origin, source = aggregation.current_or_recorded("nowhere")
    assert source == store.FROZEN and aggregation.missing(rows) == 0
    assert "-dirty" not in origin["commit"] and origin["gate"] == deeper.GATE
    wanted = json.dumps({n: s.identity(n)["training"] for n in TASKS for s in [deeper.Sibling()]})
    assert json.dumps(origin["configurations"]) == wanted


def test_a_run_of_the_shipped_table_comes_out_again():
    """The cheapest run, trained here."""
    rows, _, _ = aggregation.current_or_recorded("nowhere")
    layer = aggregation.chosen(rows)["mini-pos"]
    name = f"dlfa-{layer}"
    (kept,) = [r for r in rows if (r["task"], r["method"], r["seed"]) == ("mini-pos", name, 1)]
    made = deeper.run(0, "mini-pos", name, 1, setup=deeper.Sibling(), root="")
    assert made["dev"] == pytest.approx(kept["dev"], abs=0.02)
    assert made["scores"] == pytest.approx(kept["scores"], abs=0.05)


def test_the_sibling_differs_in_its_layers_alone():
    folder, other = checkpoints.checkpoint(0), checkpoints.checkpoint(0, LAYERS)
    assert (folder / "tokenizer.json").read_bytes() == (other / "tokenizer.json").read_bytes()
    assert (folder / "vocabulary.json").read_bytes() == (other / "vocabulary.json").read_bytes()
    recipes = [json.loads((f / "curve.json").read_text())["recipe"] for f in (folder, other)]
    assert {k for k in recipes[0] if recipes[0][k] != recipes[1][k]} == {"layers"}
    assert recipes[1]["layers"] == LAYERS
    with pytest.raises(SaltError, match=r"no checkpoint of 9 layers .*--world 0 --layers 9"):
        checkpoints.checkpoint(0, 9)


def test_the_fingerprint_knows_the_sibling(monkeypatch):
    setup = deeper.Sibling()
    plain = provenance.fingerprint(0, "mini-ner", "salt")
    ours = provenance.fingerprint(0, "mini-ner", "salt", setup=setup)
    assert ours != plain
    changed = {**deeper.CONFIGS, "mini-ner": deeper.CONFIGS["mini-xnli"]}
    monkeypatch.setattr(deeper, "CONFIGS", changed)
    assert provenance.fingerprint(0, "mini-ner", "salt", setup=setup) != ours


def test_the_command_line(root, monkeypatch):
    folder = root[0]
    said = CliRunner().invoke(app, ["study", "--scale", "aggregation", "--runs-dir", str(folder)])
    assert said.exit_code == 0 and "0 made now" in said.output
    arguments = ["results", "--scale", "aggregation", "--runs-dir", str(folder)]
    said = CliRunner().invoke(app, arguments)
    assert said.exit_code == 0 and said.output.count("chosen") >= len(TASKS)
    found = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).output)
    assert found["chosen"] == BEST and found["source"] == store.HERE
    path = folder / "kept.json"
    said = CliRunner().invoke(app, [*arguments, "--record", str(path)])
    assert said.exit_code == 0 and path.exists()
    said = CliRunner().invoke(app, ["study", "--scale", "aggregation", "--methods", "salt"])
    assert said.exit_code == 2 and "one fixed study" in said.output

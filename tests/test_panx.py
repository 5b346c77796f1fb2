"""The benchmark on real names, on invented files: pretraining to the record, and going on."""

import json
import random
import sys
from dataclasses import replace

import numpy as np
import paper_world
import pytest

from benchmarks import panx
from salt_lib.data import xtreme
from salt_lib.languages import XNLI_LANGUAGES

NAMES = {"en": "Olga Pedro", "de": "Ulrike Horst", "sw": "Asha Juma", "th": "มานี ปิติ"}


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Files, a recipe and a number of seeds for seconds; returns the folder of the runs."""
    folder = tmp_path / "xtreme" / "panx"
    folder.mkdir(parents=True)
    for code, name in NAMES.items():
        for split, count in (("train", 80), ("dev", 20)):
            dice, blocks = random.Random(f"{code} {split}"), []
            for _ in range(count):
                words = [(w, "O") for w in dice.choices(paper_world.WORDS[code].split(), k=4)]
                first, last = name.split()
                words[dice.randrange(4) :] = [(first, "B-PER"), (last, "I-PER")]
                blocks.append("".join(f"{w}\t{t}\n" for w, t in words))
            path = folder / f"{split}-{code}.tsv"
            path.write_text("\n".join(blocks), encoding="utf-8")
    recipe = replace(
        panx.RECIPE,
        vocabulary=300,
        hidden=32,
        layers=2,
        heads=2,
        intermediate=64,
        steps=6,
        batch=8,
        evaluate_every=3,
    )
    monkeypatch.setenv(xtreme.FOLDER_VARIABLE, str(tmp_path / "xtreme"))
    monkeypatch.setattr(panx, "LANGUAGES", tuple(NAMES))
    monkeypatch.setattr(panx, "RECIPE", recipe)
    monkeypatch.setattr(panx, "SEEDS", (0, 1))
    monkeypatch.setattr(panx, "ROWS", {"train": 64, "dev": 16})
    monkeypatch.setattr(panx, "CONFIG", replace(panx.CONFIG, threshold=0, synonym_threshold=0))
    monkeypatch.setattr(panx, "RECORDED", tmp_path / "panx.json")
    panx.whole.cache_clear()
    yield tmp_path
    panx.whole.cache_clear()


def run(folder):
    arguments = ["panx", "--folder", str(folder / "runs"), "--jobs", "1", "--steps", "6"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", arguments)
        panx.main()
    return json.loads((folder / "panx.json").read_text(encoding="utf-8"))


def test_from_files_to_the_record(small):
    found = run(small)
    layer = found["layer"]
    assert layer == int(np.argmax(found["english_dev_by_layer"]))
    methods = ["baseline", "salt", f"dlfa-{layer}", f"salt+dlfa-{layer}"]
    assert [(r["method"], r["seed"]) for r in found["rows"]] == [
        (method, seed) for seed in (0, 1) for method in methods
    ]
    assert all(set(row["scores"]) == set(NAMES) for row in found["rows"])
    assert found["sentences"]["de"] == {"train": 64, "dev": 16}
    assert found["kept"] and set(found["whole_words"]) == set(NAMES)
    train = {" ".join(w) for w in panx.whole("train", "sw").words}
    seen = [" ".join(w) in train for w in panx.read("dev", "sw").words]
    assert found["test_in_train"]["sw"] == sum(seen) / 16
    runs = sorted((small / "runs").rglob("seed-*.json"))
    before = [path.stat().st_mtime_ns for path in runs]
    again = run(small)
    assert again["rows"] == found["rows"]
    assert [path.stat().st_mtime_ns for path in runs] == before


def test_the_record_is_of_real_text():
    """What is shipped: five seeds of four methods on PAN-X's languages."""
    found = json.loads(panx.RECORDED.read_text(encoding="utf-8"))
    assert len(found["rows"]) == 4 * len(panx.SEEDS) and "-dirty" not in found["commit"]
    assert set(found["whole_words"]) == set(panx.LANGUAGES) <= {*XNLI_LANGUAGES}
    assert found["sentences"]["sw"]["dev"] == 1_000  # as published
    assert all(0 < score < 1 for row in found["rows"] for score in row["scores"].values())

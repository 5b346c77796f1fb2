"""The study of pictures is its protocol's, and its tables hold what is true today."""

from dataclasses import replace

import pytest
import small
from fake_runs import made

from salt_lib.errors import SaltError
from salt_lib.laboratory.pictures import conditions, study, towers
from salt_lib.laboratory.pictures.conditions import CONDITIONS, Pictures
from salt_lib.laboratory.pictures.run import predictions_path
from salt_lib.salt import predictions
from salt_lib.study import provenance, store
from salt_lib.study.frozen import read_table


@pytest.mark.parametrize("world", [0, 1, 5, 100, -1])
def test_a_world_that_the_protocol_lacks_is_an_error(world):
    with pytest.raises(SaltError, match=f"world {world}: the study of pictures has worlds 2, 3, 4"):
        study.pictures_study(world)


def test_every_condition_has_ten_seeds_in_three_worlds():
    assert study.WORLDS == (2, 3, 4) and study.SEEDS == tuple(range(10))
    specs = study.planned(3)
    assert len(specs) == len(set(specs)) == 150 and {s.world for s in specs} == {3}
    # Seed by seed: a study that is stopped early has whole seeds.
    assert [s.seed for s in specs[:15]] == [0] * 15
    found = {conditions.condition_of(s.task, s.method).name for s in specs[:15]}
    assert found == set(CONDITIONS)


def test_a_study_has_its_folder_its_command_and_its_table(tmp_path, monkeypatch):
    part = study.pictures_study(2, tmp_path)
    assert part.root == tmp_path / "pictures" and part.setup == Pictures(2) and part.world == 2
    assert part.command == "salt study --scale pictures --world 2"
    assert part.table == study.table_path(2) and part.table.parts[-2:] == (
        "pictures",
        "world-2.json",
    )
    monkeypatch.setenv("SALT_RUNS_DIR", str(tmp_path / "elsewhere"))
    assert study.pictures_study(3).root == tmp_path / "elsewhere" / "pictures"


@pytest.fixture
def part(laboratory, tmp_path, monkeypatch):
    """The small laboratory's world as a part of the study, with nothing in it."""
    monkeypatch.setattr(study, "WORLDS", (small.WORLD,))
    monkeypatch.setattr(study, "RECORDED", tmp_path / "recorded")
    monkeypatch.setattr(study, "SEEDS", (0, 1))
    monkeypatch.setattr(towers, "EPOCHS", 1)
    return study.pictures_study(small.WORLD, tmp_path / "runs")


def write(part, name, seed):
    row = CONDITIONS[name]
    key = {"world": part.world, "task": row.task, "method": row.method, "seed": seed}
    print_ = provenance.fingerprint(part.setup, part.world, row.task, row.method)
    more = {"fingerprint": print_, "measures": {"of": [name, seed]}}
    store.write_run(part.root, {**made(seed), **more, **key})


def test_a_table_grows_and_says_what_a_probe_reads(part):
    assert len(study.missing(part)) == 30 and study.freeze(part) == (0, 30)
    write(part, "salt", 1)
    write(part, "parallel-10", 0)
    assert study.freeze(part) == (2, 30) and len(study.missing(part)) == 28
    table = read_table(part.table)
    assert [run["measures"]["of"] for run in table.runs] == [["parallel-10", 0], ["salt", 1]]
    assert {"agent", "patient"} <= set(table.origin["probe"]) <= set(towers.PROBED)
    assert table.origin["words"] == study.words(small.WORLD) and table.origin["planned"] == 30


def test_the_words_are_judged_at_the_threshold(laboratory, monkeypatch):
    every = predictions.read_all(predictions_path(small.WORLD))
    likely = float(every["probability"].quantile(0.5))
    found = {}
    for threshold in (0.0, likely, 1.1):
        monkeypatch.setattr(study, "CONFIG", replace(conditions.CONFIG, threshold=threshold))
        found[threshold] = study.words(small.WORLD)
    assert found[0.0]["coverage"] == 1.0 > found[likely]["coverage"] > 0
    assert all(0 <= found[threshold]["precision"] <= 1 for threshold in (0.0, likely))
    assert found[1.1] == {"threshold": 1.1, "precision": None, "coverage": 0.0}

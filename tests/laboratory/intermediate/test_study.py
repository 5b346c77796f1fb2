"""The study is its protocol's: who has how many draws and seeds, and where its table lies."""

import pytest

from salt_lib.errors import SaltError
from salt_lib.laboratory.intermediate import conditions, study
from salt_lib.laboratory.intermediate.conditions import CONDITIONS, Intermediate
from salt_lib.laboratory.intermediate.run import draw_and_seed
from salt_lib.salt.methods import method


@pytest.mark.parametrize("world", [0, 1, 5, 100, -1])
def test_a_world_that_the_protocol_lacks_is_an_error(world):
    with pytest.raises(SaltError, match=f"world {world}: the study of intermediate tasks has"):
        study.intermediate_study(world)


def test_conditions_on_captions_have_fifteen_seeds_and_a_draw_has_one_in_turn():
    for name in ("none", "matching-all", "masked-text-en"):
        assert study.numbers(CONDITIONS[name]) == tuple(range(15))
    assert study.numbers(CONDITIONS["matching-all-500"]) == tuple(range(10))
    found = [draw_and_seed(n) for n in study.numbers(CONDITIONS["mini-pos-k-centre-100"])]
    assert found == [(draw, draw % 5) for draw in range(10)]
    both = [draw_and_seed(n) for n in study.numbers(CONDITIONS[study.PARTED[0]])]
    assert both == [(draw, seed) for draw in range(10) for seed in range(5)]
    # Runs of all conditions of examples pair up, and with nothing in between by the seed.
    assert set(study.one_seed_a_draw()) <= set(study.numbers(CONDITIONS[study.PARTED[0]]))


def test_salt_stands_on_the_best_and_on_nothing_alone():
    with_salt = {n for n, row in CONDITIONS.items() if study.numbers(row, "salt")}
    assert with_salt == {"none", conditions.BEST}
    assert len(study.numbers(CONDITIONS["none"], "salt")) == 10


def test_the_plan_has_every_run_once_and_some_of_each_condition_first():
    specs = study.planned(3)
    assert len(specs) == len(set(specs)) and {spec.world for spec in specs} == {3}
    first = {(spec.task, spec.method) for spec in specs[: len(CONDITIONS) + 2]}
    assert first == {(n, "baseline") for n in CONDITIONS} | {
        ("none", "salt"),
        (conditions.BEST, "salt"),
    }
    setup = Intermediate(3)
    for spec in specs:
        setup.check(spec.task, method(spec.method))
    captions = [s for s in specs if CONDITIONS[s.task].on_captions]
    assert len(captions) == 10 * 15 + 6 * 10


def test_a_study_has_its_folder_its_command_and_its_table(tmp_path, monkeypatch):
    part = study.intermediate_study(2, tmp_path)
    assert part.root == tmp_path / "intermediate" and part.setup == Intermediate(2)
    assert part.command == "salt study --scale intermediate --world 2"
    assert part.table == study.table_path(2)
    assert part.table.parts[-2:] == ("intermediate", "world-2.json")
    monkeypatch.setenv("SALT_RUNS_DIR", str(tmp_path / "elsewhere"))
    assert study.intermediate_study(3).root == tmp_path / "elsewhere" / "intermediate"

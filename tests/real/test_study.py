"""The study on real data is both tasks, the main methods and 15 seeds, in a folder of its own."""

from pathlib import Path

from salt_lib.real.setup import Setup
from salt_lib.real.study import possible_methods, real_study
from salt_lib.salt.methods import MAIN, METHODS


def test_the_study_of_a_setup(tmp_path):
    setup = Setup()
    study = real_study(setup)
    assert study.setup is setup and study.root == Path("runs-paper") and study.table is None
    assert len(study.specs()) == 2 * len(MAIN) * 15
    assert {spec.task for spec in study.specs()} == {"xnli", "paws-x"}
    assert {spec.world for spec in study.specs()} == {0}
    assert real_study(setup, tmp_path).root == tmp_path
    few = study.specs(["pan-x"], ["dlfa-8"], [3])
    assert [str(spec) for spec in few] == ["pan-x, dlfa-8, seed 3 (world 0)"]


def test_the_methods_that_real_data_can_have():
    possible = possible_methods(Setup(), "xnli")
    assert set(METHODS) - set(possible) == {"dictionary", "translate-train"}
    assert set(MAIN) <= set(possible)

"""The outcome is the protocol's: what was put into an invented study comes out again."""

import dataclasses
import math

import numpy as np
import pytest
from invented import SALT_GAIN, STEP_SECONDS, SURFACE, program_tables

from salt_lib.errors import SaltError
from salt_lib.laboratory.programs import outcomes, study
from salt_lib.laboratory.programs.cells import CELLS, GRID, HELD_OUT, SIZES, Cell
from salt_lib.languages import LANGUAGES
from salt_lib.study import parts


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "RECORDED", tmp_path_factory.mktemp("recorded"))
        program_tables()
        return parts.complete(outcomes.parts(), "programs")


def test_nothing_is_tested_before_all_runs_are_there(units, tmp_path, monkeypatch):
    assert parts.finished(units) and parts.progress_of(units)["runs"].tolist() == [34] * 3
    some = dict(list(units[1].runs.items())[1:])
    lacking = [units[0], dataclasses.replace(units[1], runs=some), units[2]]
    assert not parts.finished(lacking)
    with pytest.raises(SaltError, match="worlds 3 are not complete.*allows no test before"):
        outcomes.summary(lacking)
    monkeypatch.setattr(study, "RECORDED", tmp_path)
    nothing = outcomes.parts()
    assert [part.made for part in nothing] == [0, 0, 0] and not parts.finished(nothing)


def test_poor_languages_are_those_with_little_text():
    assert all(LANGUAGES[code].share == 0.25 for code in outcomes.GROUPS["poor"])
    assert all(LANGUAGES[code].share >= 0.75 for code in outcomes.GROUPS["rich"])


def test_the_design_is_one_text_size_and_their_product():
    assert outcomes.design([1, 2], [3, -1], True).tolist() == [[1, 1, 3, 3], [1, 2, -1, -2]]
    assert outcomes.design([1, 2], [3, -1], False).tolist() == [[1, 1, 3], [1, 2, -1]]
    with pytest.raises(SaltError, match="one each"):
        outcomes.design([1, 2], [3], True)


def test_a_fit_finds_the_surface_and_its_error_in_cells_it_does_not_see(units):
    middle = units[1]
    found = outcomes.fit(middle)
    assert found.coefficients == pytest.approx(SURFACE, abs=0.002)
    assert found.missed < 0.004 < found.guess
    plain = outcomes.fit(middle, "additive")
    assert len(plain.coefficients) == 3 and plain.missed > 3 * found.missed
    assert found(2.0, 1.0) == pytest.approx(0.30 + 0.08 + 0.02 + 0.02, abs=0.005)
    # Cells that are held out may say anything: the fit stays, its error doesn't.
    runs = dict(middle.runs)
    for name in HELD_OUT:
        run = runs[name, "baseline"][study.SEED]
        wrong = {code: {"execution": 0.0} for code in run["scores"]}
        lost = {**run, "measures": {**run["measures"], "greedy": wrong}}
        runs[name, "baseline"] = {study.SEED: lost}
    other = outcomes.fit(dataclasses.replace(middle, runs=runs))
    assert other.coefficients == found.coefficients and other.missed > 0.1
    with pytest.raises(SaltError, match="unknown model 'cubic'"):
        outcomes.fit(middle, "cubic")


def test_steps_follow_from_the_text_and_back():
    for one in GRID:
        assert outcomes.steps(one.poor) == pytest.approx(one.recipe.steps, rel=2e-3)
        share = outcomes.steps(one.poor) / outcomes.steps(1.0)
        assert outcomes.text_for(share) == pytest.approx(one.poor)
    # 56,000 documents, of which poor languages have 8,000: twice as many are 64,000 of theirs.
    assert outcomes.text_for(2.0) == pytest.approx(8)
    with pytest.raises(SaltError, match="the rich languages alone take more"):
        outcomes.text_for(0.5)


def test_a_size_for_twice_the_seconds_lies_between_those_measured(units):
    assert outcomes.seconds_a_step(units[0]) == pytest.approx(STEP_SECONDS)
    sizes = [outcomes.size_of(units[0], Cell(size)) for size in SIZES.values()]
    assert outcomes.size_for(units[0], 2.0) == pytest.approx(sizes[2])
    assert outcomes.size_for(units[0], 4.0) == pytest.approx(sizes[3])
    assert outcomes.size_for(units[0], math.sqrt(2)) == pytest.approx(sizes[2] / 2)
    slope = sizes[3] - sizes[2]
    assert outcomes.size_for(units[0], 8.0) == pytest.approx(sizes[3] + slope)  # beyond
    assert outcomes.size_for(units[0], 1.0) == pytest.approx(0.0, abs=1e-6)


def test_twice_the_compute_on_text_or_on_size(units):
    by_text, by_size = outcomes.doubled(units[1])
    size = outcomes.size_of(units[1], Cell(SIZES["1.2M"]))
    assert by_text == pytest.approx(0.04 * math.log2(8), abs=0.005)
    assert by_size == pytest.approx(0.02 * size, abs=0.005)


def test_the_effects_are_those_that_were_put_in(units):
    found = outcomes.effects(units[1])
    size = [outcomes.size_of(units[1], Cell(s)) for s in SIZES.values()]
    expected = {
        outcomes.PRIMARY: 0.04 * math.log2(8) - 0.02 * size[2],
        "16 times the text − today's": 4 * (0.04 + 0.01 * np.mean(size)),
        # The amounts' mean logarithm is 1.
        "the largest − the smallest": (0.02 + 0.01) * (size[3] - size[0]),
        "16 times: poor − rich text": 4 * (0.04 + 0.01 * (size[1] + size[2]) / 2),
        "text × size, for a doubling of both": 0.01,
        "SALT − baseline": SALT_GAIN,
    }
    assert found == pytest.approx(expected, abs=0.006)
    rich = outcomes.effects(units[1], "rich")
    assert rich["16 times the text − today's"] == pytest.approx(0, abs=0.004)


def test_the_summary_tests_over_worlds_and_corrects_the_secondary(units):
    frame = outcomes.summary(units)
    assert len(frame) == 3 * 6 and (frame["worlds"] == 3).all()
    family = frame[frame["p_holm"].notna()]
    assert family["effect"].tolist() == list(outcomes.SECONDARY)
    assert set(family["group"]) == {"poor"} and (family["p_holm"] >= family["p"]).all()
    first = frame.iloc[0]
    by_world = [outcomes.effects(part)[outcomes.PRIMARY] for part in units]
    assert first["effect"] == outcomes.PRIMARY and first["mean"] == pytest.approx(np.mean(by_world))
    assert first["ci_low"] < first["mean"] < first["ci_high"]


def test_an_effect_without_spread_is_shown_and_not_tested(units):
    """As of English that is at its ceiling in all cells."""
    perfect = []
    for part in units:
        runs = {}
        for key, seeds in part.runs.items():
            run = seeds[study.SEED]
            greedy = run["measures"]["greedy"]
            greedy = {**greedy, "en": {**greedy["en"], "execution": 1.0}}
            runs[key] = {study.SEED: {**run, "measures": {**run["measures"], "greedy": greedy}}}
        perfect.append(dataclasses.replace(part, runs=runs))
    frame = outcomes.summary(perfect)
    english = frame[(frame["group"] == "English") & frame["effect"].str.startswith("SALT")]
    assert english["mean"].tolist() == [0.0] and english["p"].isna().all()
    assert frame[frame["group"] == "poor"]["p"].notna().all()


def test_tables_of_the_grid_are_means_over_worlds(units):
    table, cost = outcomes.grid(units), outcomes.seconds(units)
    assert table.shape == cost.shape == (4, 4)
    by_hand = [outcomes.accuracy(part, CELLS["1.2M-poor-4"]) for part in units]
    assert table[2, 2] == pytest.approx(np.mean(by_hand))
    assert cost[3, 0] == pytest.approx(0.12 * CELLS["2.5M-poor-0.25"].recipe.steps)
    assert (outcomes.grid(units, method="salt") > table).all()
    assert (outcomes.grid(units, what="conditions") == 0.5).all()
    with pytest.raises(SaltError, match="unknown group of languages 'all'"):
        outcomes.accuracy(units[0], GRID[0], "all")
    with pytest.raises(SaltError, match="unknown measure 'speed'; known: execution, exact, cond"):
        outcomes.accuracy(units[0], GRID[0], what="speed")


def test_the_checks_are_a_row_a_world(units):
    found = outcomes.checks(units)
    assert found["world"].tolist() == [2, 3, 4] and set(found["bag"]) == {0.4}
    assert outcomes.checks([dataclasses.replace(units[0], runs={})]).empty

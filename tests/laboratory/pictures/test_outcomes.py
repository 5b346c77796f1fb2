"""The outcome is the protocol's: worlds are the units, and a crossing is where lines cross."""

import dataclasses
import math

import numpy as np
import pytest
from invented import LEVELS, picture_tables

from salt_lib.errors import SaltError
from salt_lib.laboratory.pictures import outcomes, study
from salt_lib.laboratory.pictures.outcomes import compare, crossing, outcome
from salt_lib.languages import LANGUAGES
from salt_lib.study import parts


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The whole study, invented, in a folder of frozen tables."""
    folder = tmp_path_factory.mktemp("recorded")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "RECORDED", folder)
        picture_tables()
        yield folder


@pytest.fixture(scope="module")
def units(recorded):
    return parts.complete(outcomes.parts(), "pictures")


def test_nothing_is_tested_before_all_runs_are_there(units, tmp_path, monkeypatch):
    assert parts.finished(units) and parts.progress_of(units)["runs"].tolist() == [150] * 3
    lacking = dataclasses.replace(units[1], runs={**units[1].runs, "salt": {}})
    some = [units[0], lacking, units[2]]
    assert not parts.finished(some)
    with pytest.raises(SaltError, match="worlds 3 are not complete.*allows no test before"):
        outcomes.summary(some)
    monkeypatch.setattr(study, "RECORDED", tmp_path)
    nothing = outcomes.parts()
    assert [part.made for part in nothing] == [0, 0, 0] and not parts.finished(nothing)


def test_rich_and_poor_languages_are_all_but_english():
    assert set(outcomes.GROUPS["rich"]) == set("ar de es fr ja ko ru vi zh".split())
    assert set(outcomes.GROUPS["poor"]) == set("bg el hi sw th tr ur".split())
    assert set(outcomes.GROUPS["all"]) == set(LANGUAGES) - {"en"}


def test_an_outcome_is_the_mean_over_both_directions_and_the_languages():
    ways = ("to text", "to picture")
    measured = {
        code: {way: dict.fromkeys(outcomes.MEASURES, 0.2) for way in ways} for code in LANGUAGES
    }
    measured["de"]["to text"]["R@1"] = 0.5
    measured["th"]["to picture"]["R@1"] = 0.9
    measured["en"]["to text"] = {"R@1": 1.0, "R@10": 0.6, "median": 3.0}
    run = {"measures": {"retrieval": measured}}
    assert outcome()(run) == pytest.approx(0.2 + (0.15 + 0.35) / 16)
    assert outcome("R@1", "rich")(run) == pytest.approx(0.2 + 0.15 / 9)
    assert outcome("R@1", "poor")(run) == pytest.approx(0.2 + 0.35 / 7)
    assert outcome("R@10", "English")(run) == pytest.approx(0.4)
    for wrong in (("R@5", "all"), ("R@1", "middling")):
        with pytest.raises(SaltError, match="unknown"):
            outcome(*wrong)


def test_a_comparison_is_paired_over_worlds(units):
    value = outcome()
    test, (low, high) = compare(units, "salt", "baseline", value)
    by_hand = []
    for part in units:
        ours, theirs = part.runs["salt"], part.runs["baseline"]
        by_hand.append(np.mean([value(ours[s]) - value(theirs[s]) for s in range(10)]))
    assert list(test.effects.values()) == pytest.approx(by_hand)
    assert test.mean == pytest.approx(np.mean(by_hand)) and low < test.mean < high
    assert test.mean == pytest.approx(LEVELS["salt"] - LEVELS["baseline"], abs=0.01)


def test_the_summary_has_the_primary_test_and_corrects_the_secondary(units):
    frame = outcomes.summary(units)
    main = frame[(frame["condition"] == "salt") & (frame["against"] == "baseline")]
    assert len(main) == 3 * 3 + 1 and main["p_holm"].isna().all()
    family = frame[frame["p_holm"].notna()]
    pairs = set(zip(family["condition"], family["against"], strict=True))
    assert pairs == set(outcomes.SECONDARY) and len(family) == 5
    assert (family["p_holm"] >= family["p"]).all() and set(family["group"]) == {"all"}
    assert frame[frame["measure"] == "median"]["p_equivalent"].isna().all()
    rank = main[(main["measure"] == "median") & (main["group"] == "all")].iloc[0]
    assert rank["mean"] == pytest.approx(-10, abs=1)


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (0.05, 0.0),  # the first point has it
        (0.1, 0.0),
        (0.2, math.sqrt(0.001 * 0.01)),  # half way, in log share
        (0.3, 0.01),
        (0.6, math.sqrt(0.1)),  # the dip at 0.1 is passed over
        (0.91, math.inf),
    ],
)
def test_a_crossing_is_where_the_line_first_reaches_the_level(level, expected):
    curve = [0.1, 0.3, 0.3, 0.9]
    assert crossing([0.001, 0.01, 0.1, 1.0], curve, level) == pytest.approx(expected)


def test_a_crossing_of_a_line_that_falls_is_the_first():
    assert crossing([0.1, 1.0, 10.0], [0.0, 0.4, 0.2], 0.2) == pytest.approx(math.sqrt(0.1))


@pytest.mark.parametrize("shares", [[0.1, 0.01], [0.1], [0.1, 0.1]])
def test_shares_that_do_not_rise_are_an_error(shares):
    with pytest.raises(SaltError, match="must rise"):
        crossing(shares, [0.1, 0.2], 0.15)


def test_what_salt_is_worth(units):
    told = outcomes.worth(units)
    assert told.level == pytest.approx(0.2 - 0.05 * 7 / 16, abs=0.005)
    assert told.none == pytest.approx(told.level - 0.1, abs=0.005)
    # Of 0.18 at 1 % and 0.30 at 10 %: a sixth of the way to ten times as many.
    assert told.share == pytest.approx(0.01 * 10 ** (1 / 6), rel=0.15)
    assert 0.01 < told.low < told.share < told.high < 0.02
    assert told.level_low < told.level < told.level_high
    poor = outcomes.worth(units, group="poor")
    assert poor.level < told.level and poor.share == pytest.approx(told.share, rel=0.2)


def test_what_is_outside_of_the_curve_is_said_as_such(units):
    taught = outcomes.worth(units, "taught")  # better than SALT at the least share
    assert (taught.share, taught.low, taught.high) == (0.0, 0.0, 0.0)
    high = {"salt": {s: run for s, run in units[0].runs["parallel-100"].items()}}
    better = [dataclasses.replace(part, runs={**part.runs, **high}) for part in units]
    most = outcomes.worth(better, "taught")
    assert most.share == most.high == math.inf
    with pytest.raises(SaltError, match="unknown way"):
        outcomes.worth(units, "by heart")


def test_a_share_is_worded_as_pairs():
    assert outcomes.pairs(0.0) == "fewer than 10 pairs"
    assert outcomes.pairs(math.inf) == "more than all 10,000 pairs"
    assert outcomes.pairs(0.001) == "about 10 pairs"
    assert outcomes.pairs(0.01374) == "about 140 pairs"
    assert outcomes.pairs(0.4567) == "about 4,600 pairs"

"""The outcome is the protocol's: worlds are the units, runs pair up, and a verdict says no more."""

import dataclasses

import numpy as np
import pytest
from invented import intermediate_gain, intermediate_tables

from salt_lib.errors import SaltError
from salt_lib.laboratory.intermediate import outcomes, study
from salt_lib.laboratory.intermediate.outcomes import (
    CONTRASTS,
    Contrast,
    Part,
    compare,
    outcome,
    paired,
)
from salt_lib.laboratory.intermediate.run import draw_and_seed
from salt_lib.study import parts


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "RECORDED", tmp_path_factory.mktemp("recorded"))
        intermediate_tables()
        return parts.complete(outcomes.parts(), "intermediate")


def test_nothing_is_tested_before_all_runs_are_there(units, tmp_path, monkeypatch):
    assert parts.finished(units)
    assert parts.progress_of(units)["runs"].tolist() == [len(study.planned(2))] * 3
    lacking = dataclasses.replace(units[1], runs={**units[1].runs, ("none", "salt"): {}})
    some = [units[0], lacking, units[2]]
    assert not parts.finished(some)
    with pytest.raises(SaltError, match="worlds 3 are not complete.*allows no test before"):
        outcomes.summary(some)
    monkeypatch.setattr(study, "RECORDED", tmp_path)
    nothing = outcomes.parts()
    assert [part.made for part in nothing] == [0, 0, 0] and not parts.finished(nothing)


def test_rich_and_poor_languages_are_the_targets():
    assert set(outcomes.GROUPS["rich"]) == set("ar de es fr ru vi zh".split())
    assert set(outcomes.GROUPS["poor"]) == set("bg el hi sw th tr ur".split())
    scores = dict.fromkeys(outcomes.TARGETS, 0.5) | {"en": 0.9, "de": 0.64, "sw": 0.36}
    run = {"scores": scores}
    assert outcome()(run) == pytest.approx(0.5)
    assert outcome("rich")(run) == pytest.approx(0.52)
    assert outcome("poor")(run) == pytest.approx(0.48)
    assert outcome("English")(run) == 0.9
    with pytest.raises(SaltError, match="unknown group of languages 'middling'"):
        outcome("middling")


def test_runs_pair_up_by_number_and_against_nothing_by_seed():
    def of(*numbers):
        return {n: {"value": n} for n in numbers}

    runs = {
        ("a", "baseline"): of(0, 101, 202, 1),
        ("b", "baseline"): of(101, 0, 303),
        ("none", "baseline"): of(0, 1, 2, 3),
    }
    part = Part(2, runs, 4, {})

    def found(*pairs):
        cells = tuple(((ours, "baseline"), (theirs, "baseline")) for ours, theirs in pairs)
        both = paired(part, Contrast("captions", "", cells), lambda run: run["value"])
        return [side.tolist() for side in both]

    assert found(("a", "b")) == [[0, 101], [0, 101]]
    assert found(("a", "none")) == [[0, 1, 101, 202], [0, 1, 1, 2]]
    # Of several pairs, the numbers that all have: 0 and 101.
    assert found(("a", "none"), ("b", "none")) == [[0, 101], [0, 1]]
    assert found(("a", "none"), ("a", "b")) == [[0, 101], [0, 51]]


def test_a_contrast_is_the_mean_over_its_pairs(units):
    primary = next(c for c in CONTRASTS if c.primary and c.question == outcomes.EXAMPLES)
    assert len(primary.pairs) == 10
    test, (low, high) = compare(units, primary, outcome())
    gains = [
        intermediate_gain(ours[0], "baseline") - intermediate_gain(theirs[0], "baseline")
        for ours, theirs in primary.pairs
    ]
    assert test.mean == pytest.approx(np.mean(gains), abs=0.0015)
    by_hand = []
    for part in units:
        values = [
            np.mean([outcome()(part.runs[ours][n]) for n in study.one_seed_a_draw()])
            - np.mean([outcome()(part.runs[theirs][n]) for n in study.one_seed_a_draw()])
            for ours, theirs in primary.pairs
        ]
        by_hand.append(np.mean(values))
    assert list(test.effects.values()) == pytest.approx(by_hand) and low <= test.mean <= high


def test_the_summary_corrects_each_question_s_secondary_comparisons(units):
    frame = outcomes.summary(units)
    for question in outcomes.QUESTIONS:
        rows = frame[frame["question"] == question]
        assert len(rows[rows["primary"]]) == 4  # three groups, and English
        family = rows[rows["p_holm"].notna()]
        assert set(family["group"]) == {"all"} and not family["primary"].any()
        count = sum(c.question == question and not c.primary for c in CONTRASTS)
        assert len(family) == count and (family["p_holm"] >= family["p"]).all()
        assert family["p_holm"].min() == pytest.approx(min(1, count * family["p"].min()))
    assert len(outcomes.summary(units, "captions")) < len(frame)
    with pytest.raises(SaltError, match="unknown question 'why'"):
        outcomes.summary(units, "why")


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ({"mean": 0.03, "p": 0.01, "p_holm": np.nan, "p_equivalent": 0.9}, "more"),
        ({"mean": -0.03, "p": 0.01, "p_holm": 0.04, "p_equivalent": 0.9}, "less"),
        ({"mean": 0.03, "p": 0.01, "p_holm": 0.06, "p_equivalent": 0.9}, "undecided"),
        (
            {"mean": 0.001, "p": 0.5, "p_holm": np.nan, "p_equivalent": 0.01},
            "no difference that matters",
        ),
    ],
)
def test_a_verdict_needs_a_test(row, word):
    assert outcomes.verdict(row) == word


def test_the_invented_effects_are_found(units):
    frame = outcomes.summary(units, "captions")
    main = frame[frame["primary"] & (frame["group"] == "all")].iloc[0]
    assert main["mean"] == pytest.approx(0.03, abs=0.003) and outcomes.verdict(main) == "more"
    line = outcomes.by_facts(units, "matching")
    assert [point.x for point in line] == [500, 2000, 8000]
    assert line[-1].mean == pytest.approx(0.05, abs=0.003) and line[-1].mean > line[0].mean
    curve = outcomes.by_count(units, "mini-pos", "equal", "poor")
    assert [point.x for point in curve] == [10, 50, 100, 500, 1000]
    assert all(point.low <= point.mean <= point.high for point in curve)


def test_the_spread_is_parted_and_of_one_condition(units):
    told = outcomes.spread(units)
    name, value = study.PARTED[0], outcome()
    for part in units:
        found = {draw_and_seed(n): value(r) for n, r in part.runs[name, "baseline"].items()}
        assert len(found) == 50
    assert told.draw > told.rest and told.rest == pytest.approx(0.002**2, rel=0.5)
    with pytest.raises(SaltError, match="unknown condition with several seeds"):
        outcomes.spread(units, "none")


def test_a_criterion_stands_among_all_random_draws(units):
    value, choice, beaten = outcome(), "uncertain", []
    for part in units:
        mean = np.mean([value(r) for r in part.runs[f"mini-pos-{choice}-100", "baseline"].values()])
        draws = part.runs["mini-pos-equal-100", "baseline"]
        beaten += [mean > value(run) for run in draws.values()]
    assert outcomes.beaten(units, "mini-pos", choice) == pytest.approx(np.mean(beaten))


def test_levels_are_means_of_worlds(units):
    cell = ("none", "baseline")
    found = outcomes.levels(units, [cell])[cell]
    assert found == pytest.approx(0.55, abs=0.006)
    cell = ("matching-all", "baseline")
    assert outcomes.levels(units, [cell], outcomes.learned)[cell] == pytest.approx(0.8)

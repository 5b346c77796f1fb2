"""The outcome is the protocol's: what was put into an invented study comes out again."""

import dataclasses
import math

import numpy as np
import pytest
from invented import bitext_gain, bitext_tables

from salt_lib.errors import SaltError
from salt_lib.laboratory import tasks
from salt_lib.laboratory.bitext import outcomes, study
from salt_lib.laboratory.bitext.cells import CELLS
from salt_lib.laboratory.bitext.outcomes import GROUPS, POOR, PRIMARY, SECONDARY
from salt_lib.study import parts


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "RECORDED", tmp_path_factory.mktemp("recorded"))
        bitext_tables()
        return parts.complete(outcomes.parts(), "bitext")


def test_nothing_is_tested_before_all_runs_are_there(units, tmp_path, monkeypatch):
    assert parts.finished(units) and parts.progress_of(units)["runs"].tolist() == [120] * 3
    some = dict(list(units[1].runs.items())[1:])
    lacking = [units[0], dataclasses.replace(units[1], runs=some), units[2]]
    with pytest.raises(SaltError, match="worlds 3 are not complete.*allows no test before"):
        outcomes.summary(lacking)
    with pytest.raises(SaltError, match="worlds 3 are not complete"):
        outcomes.beside(lacking)
    monkeypatch.setattr(study, "RECORDED", tmp_path)
    assert [part.made for part in outcomes.parts()] == [0, 0, 0]


def test_groups_are_tiers_by_bitext():
    assert GROUPS[POOR] == ("bg", "el", "sw", "th", "ur")
    assert GROUPS["rich, aligned"] == ("ar", "de", "fr", "ja", "ru", "vi")
    assert GROUPS["poor, left out"] == ("hi", "tr")
    assert GROUPS["rich, left out"] == ("es", "ko", "zh") and len(GROUPS["all"]) == 16


def test_the_primary_outcome_is_exchange_against_the_same_sentences_apart(units):
    assert PRIMARY.label == "exchange-100k − masked-100k" and PRIMARY.group == POOR
    found = outcomes.compare(units, PRIMARY)
    assert found["mean"] == pytest.approx((0.04 - 0.01) * 2, abs=0.004)
    assert found["ci_low"] < found["mean"] < found["ci_high"] and found["p"] < 0.05
    assert found["worlds"] == 3 and found["p_equivalent"] > 0.5


def test_transfer_is_the_mean_of_three_tasks_and_has_no_retrieval(units):
    run = units[0].runs["exchange-100k", "baseline"][0]
    scores = run["measures"]["tasks"]
    by_hand = np.mean(
        [
            np.mean([scores[name][code] for code in GROUPS[POOR]])
            for name in ("mini-xnli", "mini-ner", "mini-pos")
        ]
    )
    assert outcomes.value()(run) == pytest.approx(by_hand)
    alone = outcomes.value("mini-paws-x", "rich, left out")(run)
    assert alone == pytest.approx(np.mean([scores["mini-paws-x"][c] for c in ("es", "ko", "zh")]))
    assert math.isnan(outcomes.value("mini-paws-x", POOR)(run))  # it has no poor language
    xnli = outcomes.value("mini-xnli", "rich, left out")(run)  # and mini-xnli no Korean
    assert xnli == pytest.approx(np.mean([scores["mini-xnli"][code] for code in ("es", "zh")]))
    assert outcomes.value("mini-xnli", "English")(run) == scores["mini-xnli"]["en"]
    retrieval = outcomes.value("retrieval")(run)
    assert retrieval == pytest.approx(0.7 + 3 * bitext_gain("exchange-100k", "sw"))
    with pytest.raises(SaltError, match="unknown measure 'speed'; known: transfer, mini-xnli"):
        outcomes.value("speed")
    with pytest.raises(SaltError, match="unknown group of languages 'middle'"):
        outcomes.value("transfer", "middle")


def test_secondary_outcomes_are_corrected_together(units):
    frame = outcomes.summary(units)
    assert (
        len(frame) == 1 + len(SECONDARY) == 21
        and frame["primary"].tolist() == [True] + [False] * 20
    )
    assert math.isnan(frame["p_holm"][0]) and frame["p_holm"][1:].notna().all()
    assert (frame["p_holm"][1:] >= frame["p"][1:]).all()
    means = frame.set_index(["contrast", "group"])["mean"].to_dict()
    expected = {
        ("tlm-100k − tlm-shuffled", POOR): 0.05,
        ("contrastive-100k − contrastive-shuffled", POOR): 0.15,
        ("exchange-100k − exchange-shuffled", POOR): 0.1,
        ("tlm-100k − masked-100k", POOR): 0.02,
        ("masked-100k − none", POOR): 0.02,
        ("tlm-100k − none", POOR): 0.04,
        ("exchange-100k − none", POOR): 0.08,
        ("exchange-distilled − none", POOR): 0.04,
        ("exchange-100k − exchange-1k", POOR): 0.08 * 2 / 3,
        ("exchange-100k − masked-100k", "rich, aligned"): 0.03,
        ("exchange-100k − masked-100k", "poor, left out"): 0.015,
        ("SALT − baseline, on none", POOR): 0.03,
        ("SALT − baseline, on exchange-100k", POOR): 0.03,
    }
    for key, value in expected.items():
        assert means[key] == pytest.approx(value, abs=0.004), key


def test_contrasts_name_cells_that_there_are():
    for contrast in (PRIMARY, *SECONDARY):
        for name, method in (contrast.ours, contrast.theirs):
            assert name in CELLS and method in ("baseline", "salt")
        assert contrast.group in GROUPS and contrast.measure in outcomes.MEASURES


def test_effects_without_spread_have_no_test(units):
    found = outcomes.compare(units, PRIMARY, "retrieval")  # invented without any noise
    assert found["mean"] == pytest.approx(3 * 0.06) and math.isnan(found["p"])
    frame = outcomes.beside(units)
    assert len(frame) == len(GROUPS) * len(outcomes.MEASURES)
    poor = frame[(frame["measure"] == "mini-paws-x") & (frame["group"] == POOR)]
    assert poor["mean"].isna().all()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"mean": 0.1, "p": 0.01, "p_holm": math.nan, "p_equivalent": 0.9}, "more"),
        ({"mean": -0.1, "p": 0.01, "p_holm": 0.03, "p_equivalent": 0.9}, "less"),
        ({"mean": 0.1, "p": 0.01, "p_holm": 0.2, "p_equivalent": 0.9}, "undecided"),
        (
            {"mean": 0.001, "p": 0.5, "p_holm": 1.0, "p_equivalent": 0.01},
            "no difference that matters",
        ),
    ],
)
def test_a_verdict_needs_a_test(row, said):
    assert outcomes.verdict(row) == said


def test_levels_sizes_links_and_costs(units):
    line = outcomes.by_size(units, "contrastive")
    assert line == pytest.approx([0.04, 0.08, 0.12], abs=0.004)
    none = outcomes.level(units, ("none", "baseline"), "mini-pos")
    assert none == pytest.approx(0.45, abs=0.006)
    links = outcomes.links(units)
    assert set(links["cell"]) == {
        name for name, row in CELLS.items()
        if row.objective in ("exchange", "contrastive") or row.source == "distilled"
    }  # fmt: skip
    assert links["found"].iloc[0] == pytest.approx(0.83)
    costs = outcomes.costs(units)
    assert costs["cell"].tolist() == list(CELLS) and costs["seconds"][0] == 103
    assert set(tasks.task("mini-xnli").targets) - set(GROUPS["all"]) == set()

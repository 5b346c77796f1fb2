"""The outcome is that of the protocol: worlds are the units, seeds pair up, nothing comes early."""

import dataclasses
import json

import numpy as np
import pytest
from invented import GAINS, world_tables
from scipy import stats

from salt_lib.errors import SaltError
from salt_lib.laboratory import outcomes, tasks, worlds
from salt_lib.laboratory.outcomes import compare, outcome
from salt_lib.study.packing import unpacked
from salt_lib.study.worlds import equivalent

NLI, PARAPHRASE = "mini-nli", "mini-paraphrase"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The whole study, invented, in a folder of frozen tables."""
    folder = tmp_path_factory.mktemp("recorded")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worlds, "RECORDED", folder)
        world_tables()
    return folder


@pytest.fixture(autouse=True)
def at(recorded, monkeypatch):
    monkeypatch.setattr(worlds, "RECORDED", recorded)


@pytest.fixture(scope="module")
def units(recorded):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worlds, "RECORDED", recorded)
        return outcomes.complete(outcomes.parts())


@pytest.fixture(scope="module")
def summary(recorded):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worlds, "RECORDED", recorded)
        return outcomes.summary()


def rows(world, name, method):
    """The runs of a world's table, by seed, read without the code that is tested."""
    found = json.loads(worlds.table_path(world).read_text())["rows"]
    of = [run for run in found if (run["task"], run["method"]) == (name, method)]
    return {run["seed"]: run for run in of}


def by_hand(method, against, value, name=NLI):
    """The effect in each world: the mean difference over the seeds that both have."""
    effects = []
    for world in worlds.WORLDS:
        ours, theirs = rows(world, name, method), rows(world, name, against)
        shared = set(ours) & set(theirs)
        effects.append(np.mean([value(ours[s]) - value(theirs[s]) for s in shared]))
    return effects


def zero_shot(run, kind="accuracy", split="test", kept="chosen"):
    told = run["measures"][kept][split][kind]
    return np.mean([value for code, value in told.items() if code != "en"])


# What there is


def test_the_study_is_finished_when_every_unit_is(recorded):
    """World 0 and the deeper models are no units."""
    every = outcomes.parts()
    assert outcomes.finished(every) and outcomes.finished()
    for i, lacking in enumerate(every):
        rest = [*every[:i], dataclasses.replace(lacking, runs={}), *every[i + 1 :]]
        is_unit = lacking.world in worlds.WORLDS and lacking.layers == 2
        assert outcomes.finished(rest) != is_unit


def test_the_units_are_the_worlds_that_nobody_had_looked_at(units):
    assert [part.world for part in units] == list(worlds.WORLDS)
    assert all(part.complete and part.layers == 2 for part in units)
    deeper = outcomes.complete(outcomes.parts(), 6)
    assert [part.world for part in deeper] == list(worlds.DEEPER_WORLDS)
    assert all(part.planned == 9 and part.layers == 6 for part in deeper)


def test_parts_know_how_far_they_are_and_where_they_come_from(tmp_path, monkeypatch, units):
    assert {len(seeds) for seeds in units[0].runs.values()} == {3, 5}
    assert units[0].origin["commit"] == "c" * 40
    progress = outcomes.progress()
    assert progress["complete"].all() and (progress["runs"] == progress["planned"]).all()
    assert progress[["world", "layers"]].values.tolist() == [
        *([world, 2] for world in (0, *worlds.WORLDS)),
        *([world, 6] for world in worlds.DEEPER_WORLDS),
    ]
    monkeypatch.setattr(worlds, "RECORDED", tmp_path)
    progress = outcomes.progress()
    assert not progress["complete"].any() and progress["runs"].sum() == 0
    assert progress["planned"].sum() == 35 + 6 * 47 + 3 * 9


def without(recorded, folder, world, layers=None):
    """A copy of the tables in which one run of a world is missing."""
    for path in (recorded / "worlds").glob("*.json"):
        table = json.loads(path.read_text())
        if path.name == worlds.table_path(world, layers).name:
            del table["rows"][7], table["checksum"]  # which says that somebody has edited it
        (folder / "worlds").mkdir(exist_ok=True)
        (folder / "worlds" / path.name).write_text(json.dumps(table))


def test_nothing_is_tested_before_all_planned_runs_are_there(recorded, tmp_path, monkeypatch):
    without(recorded, tmp_path, 3)
    monkeypatch.setattr(worlds, "RECORDED", tmp_path)
    parts = outcomes.parts()
    for asked in (lambda: outcomes.complete(parts), lambda: outcomes.summary(parts)):
        with pytest.raises(SaltError, match="worlds 3 are not complete, and the protocol"):
            asked()
    with pytest.raises(SaltError, match="worlds 3 are not complete"):
        outcomes.summary()
    row = outcomes.progress().query("world == 3 and layers == 2").iloc[0]
    assert (row["runs"], row["planned"], bool(row["complete"])) == (46, 47, False)


def test_what_is_no_unit_need_not_be_complete(recorded, tmp_path, monkeypatch):
    for world, layers in ((0, None), (2, 6)):
        without(recorded, tmp_path, world, layers)
        monkeypatch.setattr(worlds, "RECORDED", tmp_path)
        assert len(outcomes.complete(outcomes.parts())) == 6
    with pytest.raises(SaltError, match="worlds 2 are not complete"):
        outcomes.complete(outcomes.parts(), 6)


# What is compared


def test_the_effect_is_over_the_seeds_that_both_have(units):
    part = units[0]
    ours, theirs = outcomes.scores(part, NLI, "salt", "salt-hidden", zero_shot)
    assert len(ours) == len(theirs) == 3
    salt, hidden = (rows(part.world, NLI, name) for name in ("salt", "salt-hidden"))
    assert ours.tolist() == [zero_shot(salt[s]) for s in (0, 1, 2)]
    assert theirs.tolist() == [zero_shot(hidden[s]) for s in (0, 1, 2)]
    fewer = outcomes.Part(
        part.world,
        2,
        {
            (NLI, "salt"): {s: salt[s] for s in (4, 2, 1)},
            (NLI, "baseline"): {s: run for s, run in rows(part.world, NLI, "baseline").items()},
        },
        47,
        {},
    )
    ours, theirs = outcomes.scores(fewer, NLI, "salt", "baseline", lambda run: run["seed"])
    assert ours.tolist() == theirs.tolist() == [1, 2, 4]
    assert not len(outcomes.scores(fewer, PARAPHRASE, "salt", "baseline", zero_shot)[0])


def test_the_test_is_scipy_s_over_the_worlds_means(units):
    found = compare(units, NLI, "salt", "salt-hidden", outcome("accuracy", NLI))
    effects = by_hand("salt", "salt-hidden", zero_shot)
    test = stats.ttest_1samp(effects, 0)
    assert list(found.effects) == list(worlds.WORLDS)
    assert list(found.effects.values()) == pytest.approx(effects)
    assert (found.t, found.p) == pytest.approx((test.statistic, test.pvalue))
    interval = test.confidence_interval(0.95)
    assert (found.ci_low, found.ci_high) == pytest.approx((interval.low, interval.high))
    assert found.mean == pytest.approx(0.02, abs=0.006)
    back = compare(units, NLI, "salt-hidden", "salt", outcome("accuracy", NLI))
    assert back.mean == pytest.approx(-found.mean)


@pytest.mark.parametrize("kind", ["accuracy", "balanced", "auc"])
@pytest.mark.parametrize(
    ("split", "kept"), [("test", "chosen"), ("fresh", "chosen"), ("test", "averaged")]
)
def test_an_outcome_is_the_mean_over_the_targets(kind, split, kept):
    run = rows(2, NLI, "salt")[1]
    found = outcome(kind, NLI, split, kept)(run)
    assert found == pytest.approx(zero_shot(run, kind, split, kept))
    others = {
        zero_shot(run, k, s, o)
        for k in ("accuracy", "balanced", "auc")
        for s, o in (("test", "chosen"), ("fresh", "chosen"), ("test", "averaged"))
    }
    assert sum(abs(found - other) < 1e-9 for other in others) == 1  # none is like another


def test_english_is_not_among_the_targets():
    run = rows(2, NLI, "dictionary")[0]
    english = run["measures"]["chosen"]["test"]["accuracy"]["en"]
    assert outcome("English", NLI)(run) == english
    run["measures"]["chosen"]["test"]["accuracy"]["en"] = 0.0
    assert outcome("English", NLI)(run) == 0.0
    assert outcome("accuracy", NLI)(run) == pytest.approx(zero_shot(run))


def test_groups_languages_and_relations_of_a_run():
    run = rows(2, PARAPHRASE, "salt")[1]
    told = run["measures"]["chosen"]["fresh"]
    counts = unpacked(told["groups"])
    shares = outcomes.by_group(PARAPHRASE, "fresh")(run)
    assert shares.tolist() == pytest.approx((counts / (4 * 6)).tolist()) and len(shares) == 10
    fair = outcomes.by_group(PARAPHRASE, "fresh", balanced=True)(run)
    assert fair.tolist() == pytest.approx(((counts - 1) / 24).tolist())
    codes = tasks.task(PARAPHRASE).targets
    expected = [told["accuracy"][code] for code in codes]
    assert outcomes.by_target(PARAPHRASE, "fresh")(run) == expected and len(expected) == 6
    assert outcomes.relation("synonym", "fresh")(run) == told["relations"]["synonym"]


def test_intervals_with_items_and_with_languages_drawn_anew(units):
    found = outcomes.crossed(units, NLI, "salt", "baseline")
    mean = compare(units, NLI, "salt", "baseline", outcome("accuracy", NLI)).mean
    for low, high in found.values():
        assert 0 < low < high and low - 0.01 < mean < high + 0.01
    assert set(found) == {"items", "languages"} and found["items"] != found["languages"]
    fresh = outcomes.crossed(units, NLI, "salt", "baseline", "fresh")
    assert fresh["languages"] == pytest.approx(found["languages"], abs=1e-3)
    back = outcomes.crossed(units, NLI, "baseline", "salt")
    assert back["languages"][1] < 0


# The whole of it


def of(summary, method, against, kind="accuracy", split="test", name=NLI):
    chosen = summary[
        (summary["method"] == method)
        & (summary["against"] == against)
        & (summary["outcome"] == kind)
        & (summary["split"] == split)
        & (summary["task"] == name)
    ]
    assert len(chosen) == 1
    return chosen.iloc[0]


def test_the_summary_has_every_comparison_of_the_protocol_once(summary):
    keys = ["task", "method", "against", "outcome", "split"]
    assert not summary.duplicated(keys).any() and len(summary) == 8 + 7 * 2 + 3 * 2
    for split in ("test", "fresh"):
        for kind in ("accuracy", "balanced", "auc", "English"):
            assert of(summary, "salt", "baseline", kind, split)["worlds"] == 6
    for method, against in outcomes.SECONDARY:
        assert {of(summary, method, against, kind)["worlds"] for kind in ("accuracy", "balanced")}
    for against in ("baseline", "salt-random-kind"):
        of(summary, "salt", against, "balanced", name=PARAPHRASE)
    assert set(summary["task"]) == {NLI, PARAPHRASE}


def test_the_primary_outcome_is_salt_against_the_baseline_over_worlds(summary):
    found = of(summary, "salt", "baseline")
    test = stats.ttest_1samp(by_hand("salt", "baseline", zero_shot), 0)
    assert found["p"] == pytest.approx(test.pvalue) and np.isnan(found["p_holm"])
    assert found["mean"] == pytest.approx(GAINS["salt"], abs=0.006)
    assert found["next_low"] < found["ci_low"] < found["mean"] < found["ci_high"]
    english = of(summary, "salt", "baseline", "English")
    effects = by_hand("salt", "baseline", outcome("English", NLI))
    assert english["mean"] == pytest.approx(np.mean(effects)) and english["mean"] < 0
    fresh = of(summary, "salt", "baseline", split="fresh")
    effects = by_hand("salt", "baseline", lambda run: zero_shot(run, split="fresh"))
    assert fresh["mean"] == pytest.approx(np.mean(effects))


def test_holm_is_over_the_secondary_comparisons_of_accuracy_alone(summary):
    family = [of(summary, *pair) for pair in outcomes.SECONDARY]
    assert len(family) == 7 == summary["p_holm"].notna().sum()
    ranked = sorted(row["p"] for row in family)
    by_hand, largest = {}, 0.0
    for place, p in enumerate(ranked):
        largest = max(largest, min(1.0, (7 - place) * p))
        by_hand[p] = largest
    for row in family:
        assert row["p_holm"] == pytest.approx(by_hand[row["p"]])
        assert row["p_holm"] >= row["p"]
    assert of(summary, "dictionary", "baseline")["p_holm"] < 0.001
    assert np.isnan(of(summary, "dictionary", "baseline", name=PARAPHRASE)["p_holm"])


def test_a_method_without_a_gain_is_equivalent_within_a_point(summary):
    assert outcomes.MARGIN == 0.01
    for method, against in outcomes.SECONDARY:
        effects = by_hand(method, against, zero_shot)
        below = stats.ttest_1samp(effects, -0.01, alternative="greater").pvalue
        above = stats.ttest_1samp(effects, 0.01, alternative="less").pvalue
        found = of(summary, method, against)["p_equivalent"]
        assert found == pytest.approx(max(below, above)) == equivalent(effects, 0.01)
    assert of(summary, "salt-function", "baseline")["p_equivalent"] < 0.01
    assert of(summary, "dictionary", "baseline")["p_equivalent"] > 0.99


def test_every_comparison_has_seeds_in_the_plan():
    for method, against in (("salt", "baseline"), *outcomes.SECONDARY):
        plan = worlds.PLAN[NLI]
        assert min(plan[method], plan[against]) >= 3
    assert {method for pair in outcomes.SECONDARY for method in pair} == set(worlds.PLAN[NLI])


def test_the_outcome_in_words_is_the_test_s(summary):
    parts = outcomes.parts()
    row = summary.iloc[0]
    assert (row["method"], row["against"], row["outcome"]) == ("salt", "baseline", "accuracy")
    assert outcomes.primary(parts).p == row["p"]
    told = outcomes.told(parts)
    assert f"Over {len(worlds.WORLDS)} worlds" in told and f"{100 * row['mean']:+.2f}" in told
    assert "is **higher** than" in told and f"{100 * row['next_high']:+.2f} points" in told
    controls = outcomes.controls_told(parts)
    for against in outcomes.CONTROLS:
        of = (summary["against"] == against) & (summary["outcome"] == "accuracy")
        (row,) = summary[of & (summary["task"] == NLI)].to_dict("records")
        word = "**higher**" if row["p_holm"] <= 0.05 else "**not distinguishable**"
        assert f"{outcomes.CONTROLS[against]}, {100 * row['mean']:+.2f} points" in controls
        assert word in controls


def test_words_say_how_far_an_incomplete_study_is():
    short = [dataclasses.replace(p, runs={}) if p.world == 4 else p for p in outcomes.parts()]
    assert outcomes.primary(short) is None
    far, told = outcomes.progress(short), outcomes.told(short)
    assert f"{far['runs'].sum()} of {far['planned'].sum()} runs" in told and "+" not in told
    assert "not known yet" in outcomes.controls_told(short)

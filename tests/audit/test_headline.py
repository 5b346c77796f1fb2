"""Page one says what the studies found: which side a finding is on is decided by its test."""

from dataclasses import asdict

import numpy as np
import pytest
from invented import world_tables
from places import ROOT
from real.test_outcomes import drop, recorded  # noqa: F401

from salt_lib.audit import headline, review
from salt_lib.laboratory import outcomes, worlds
from salt_lib.real import outcomes as real
from salt_lib.study import stats
from salt_lib.study.wording import SAME, points, verdict


@pytest.fixture
def nothing(tmp_path, monkeypatch):
    """No table of the study over worlds, nor on real text."""
    monkeypatch.setattr(worlds, "RECORDED", tmp_path / "none")
    monkeypatch.setattr(real, "RECORDED", tmp_path / "none")
    monkeypatch.setenv("SALT_RUNS_DIR", str(tmp_path / "runs"))


@pytest.fixture
def over_worlds(nothing, tmp_path, monkeypatch):
    """The whole study over worlds, invented."""
    monkeypatch.setattr(worlds, "RECORDED", tmp_path / "recorded")
    world_tables()


def test_one_world_speaks_while_nothing_else_is_complete(nothing):
    found = headline.findings()
    assert [f.where for f in found] == ["In one world"] * 4 + ["Elsewhere"]
    assert found[-1].speaks_for is False and "second world" in found[-1].said
    assert [f.speaks_for for f in found[:4]] == [True, None, None, False]
    assert "+0.68 points are left, and −0.18 points on the fresh items" in found[3].said
    assert "can't judge SALT" in found[1].said
    short = headline.in_short()
    assert short.index("better on `mini-xnli` in one world") < short.index("in a second world")
    assert short.index("in a second world") < short.index("worse with a deeper model")
    assert short.endswith("**So nothing here shows that it helps in general.**")
    told = headline.told()
    assert "whose runs are being made" in told
    assert "whose studies are not complete: parts of speech, names and inference." in told
    assert "Found on the way" not in told


def test_worlds_take_the_place_of_world_0(over_worlds):
    found = headline.findings()
    assert {f.where for f in found} == {f"Over {len(worlds.WORLDS)} worlds"}
    parts = outcomes.parts()
    mean = outcomes.summary(parts).iloc[0]["mean"]
    assert found[0].speaks_for and f"{100 * mean:+.2f} points" in found[0].said
    told = headline.told()
    assert told.index(found[0].said) < told.index("**What speaks against SALT**")
    assert headline.in_short() == (
        f"Against the same model without it, SALT is better over {len(worlds.WORLDS)} worlds. "
        "**It helps wherever it was tried.**"
    )
    assert "many worlds" not in told and "on real text](real.md), whose studies" in told


def test_what_was_found_elsewhere_is_the_worlds_once_they_are_there(over_worlds):
    assert outcomes.told() in review.elsewhere() and "second world" not in review.elsewhere()


def test_a_task_on_real_text_joins_when_both_of_its_tables_are_whole(nothing, recorded):  # noqa: F811
    drop(recorded / "panx.json")
    drop(recorded / "xnli.json")
    found = [f for f in headline.findings() if f.where == "On real text"]
    assert len(found) == 3 and "parts of speech" in found[0].said
    part = real.part("udpos")
    test = real.gain(part, "salt", "baseline", real.targets(part))
    assert found[0].speaks_for is (test.p <= 0.05 and test.difference > 0)
    assert "95% interval" in found[0].said and "Holm" not in found[0].said
    told = headline.told()
    assert "whose studies are not complete: names and inference." in told
    first, codes = real.part("udpos-first"), real.targets(part)
    place = real.placed(part, first, codes).difference
    gains = [real.gain(of, "salt", "baseline", codes).difference for of in (first, part)]
    assert f"by **{points(place)}**" in told
    about = real.about_misplaced(part, first)
    assert f"SALT − baseline is {points(gains[0])} with tags on the first piece and" in about
    assert f"{points(gains[1])} with them on the lettered one, a change of" in about
    assert about not in told
    assert "on parts of speech in real text" in headline.in_short()
    drop(recorded / "udpos-first.json")
    assert "On real text" not in {f.where for f in headline.findings()}


@pytest.mark.parametrize(
    ("primary", "control", "sides"),
    [
        (0.05, 0.05, [True, True, True]),
        (0.0, 0.05, [False, None, True]),  # words that do less harm than random ones: no gain
        (0.0, 0.0, [False, False, True]),
        (0.05, 0.0, [None, False, True]),  # a gain that random words have as well
    ],
)
def test_beating_random_words_counts_with_a_gain_only(
    recorded,  # noqa: F811
    monkeypatch,
    primary,
    control,
    sides,
):
    noise = np.array([0.01, -0.01, 0.02, -0.02, 0.01, -0.01])

    def made(of, method, against, codes, balanced=False):
        more = {"baseline": primary, "salt-random-kind": control}[against]
        return stats.compare(
            0.5 + more + (noise if codes != ["en"] else noise + 0.05), 0.5 + 0 * noise
        )

    monkeypatch.setattr(real, "gain", made)
    monkeypatch.setattr(real, "SOURCE", "en")
    assert [good for good, _ in real.findings(real.part("udpos"), "parts of speech")] == sides


def test_a_loss_speaks_against(nothing, recorded, monkeypatch):  # noqa: F811
    gain = real.gain
    monkeypatch.setattr(
        real, "gain", lambda of, ours, theirs, *of_what: gain(of, theirs, ours, *of_what)
    )
    found = real.findings(real.part("udpos"), "parts of speech")
    assert not found[0][0] and "**lower**" in found[0][1]


def test_sides_over_worlds_follow_the_summary(over_worlds):
    parts = outcomes.parts()
    summary, units = outcomes.summary(parts), outcomes.complete(parts)
    pro = [said for good, said in outcomes.findings(summary, units) if good]
    worse = summary.copy()
    of = (worse["method"] == "salt") & (worse["against"] == "baseline")
    worse.loc[of, ["mean", "ci_low", "ci_high", "next_low"]] *= -1
    still = [said for good, said in outcomes.findings(worse, units) if good]
    assert len(still) < len(pro)
    assert not any(said.startswith("SALT − baseline, first test set") for said in still)


def test_the_readme_has_the_numbers_of_real_text():
    (readme,) = [" ".join((ROOT / "README.md").read_text(encoding="utf-8").split())]
    lettered, first = real.complete()["parts of speech"]
    codes = real.targets(lettered)
    gain = real.gain(lettered, "salt", "baseline", codes)
    low, high = real.t_interval(gain)
    assert verdict(asdict(gain), "p") == SAME and gain.n == 6 and len(codes) == 15
    told = f"{points(gain.difference)} (95% interval {points(low, '')} to {points(high, '')})"
    random = real.gain(lettered, "salt-random-kind", "baseline", codes)
    names, _ = real.complete()["names"]
    codes = real.targets(names)
    gain = real.gain(names, "salt", "baseline", codes)
    low, high = real.t_interval(gain)
    assert gain.p <= 0.05 and len(codes) == 3
    above = (
        f"SALT is {points(gain.difference, '').lstrip('+')} points above the baseline (95% interval"
    )
    assert f"{above} {points(low, '')} to {points(high, '')}), but no higher than random" in readme
    control = real.gain(names, "salt", "salt-random-kind", codes)
    assert verdict(asdict(control), "p") == SAME
    assert f"of the same kind ({points(control.difference, '')})" in readme
    moved = real.placed_by_language(lettered, first)
    chinese, japanese = (100 * moved[code]["difference"] for code in ("zh", "ja"))
    assert f"not distinguishable from the baseline's: {told}" in readme
    assert f"random words of the same kind cost {-100 * random.difference:.2f}." in readme
    assert f"gains {chinese:.2f} points in Chinese and {japanese:.2f} in Japanese" in readme

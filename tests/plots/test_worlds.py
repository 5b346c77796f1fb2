"""Figures and tables of the study over worlds, of an invented one."""

import numpy as np
import pytest
from drawn import check, plain
from invented import world_tables
from laboratory.test_accounts import trials  # noqa: F401

from salt_lib.laboratory import outcomes, worlds
from salt_lib.plots import style
from salt_lib.plots import worlds as plots
from salt_lib.study.wording import points

NLI = "mini-nli"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Units and summary of the whole study, invented."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worlds, "RECORDED", tmp_path_factory.mktemp("recorded"))
        world_tables()
        parts = outcomes.parts()
        return outcomes.complete(parts), outcomes.summary(parts), outcomes.progress(parts)


def test_the_forest_has_every_seed_every_world_and_their_mean(study):
    units, _, _ = study
    found, ax = style.figure(3.4)
    seeds = plots.differences(units, NLI, "salt", "baseline", "accuracy")
    test = outcomes.compare(units, NLI, "salt", "baseline", outcomes.outcome("accuracy", NLI))
    assert plots.forest(ax, seeds, test) is ax
    assert [t.get_text() for t in ax.get_yticklabels()] == [
        *(f"world {world}" for world in worlds.WORLDS),
        "mean",
    ]
    assert [len(dots.get_offsets()) for dots in ax.collections] == [5] * 6
    means = [line.get_xdata()[0] for line in ax.lines[:6]]
    assert means == pytest.approx([100 * seeds[world].mean() for world in worlds.WORLDS])
    assert np.mean(means) == pytest.approx(100 * test.mean)
    check(found)


def test_languages_and_precision_are_drawn(study):
    units, _, _ = study
    found, ax = style.figure(4.6)
    assert plots.by_language(ax, units, NLI) is ax
    assert len(ax.get_yticklabels()) == 14 and len(ax.collections) == 14
    check(found)
    found, ax = style.figure(3.2)
    assert plots.precision(ax, units, NLI) is ax
    check(found)


def test_the_tables_say_what_was_computed(study):
    units, summary, progress = study
    rows = plain(plots.progress_table(progress))
    assert rows[1] == ["0", "2", "35", "35"] and len(rows) == 11
    main = summary[(summary["task"] == NLI) & (summary["method"] == "salt")]
    shown = plain(plots.summary_table(main[main["against"] == "baseline"], "x"))
    first = main.iloc[0]
    assert shown[1][0] == "salt − baseline" and shown[1][2] == points(first["mean"], "")
    assert "second test set" in shown[-1][1] and len(shown) == 9
    rivals = plain(plots.rivals_table(units, NLI, ["baseline", "salt"]))
    assert [row[0] for row in rivals[1:]] == ["baseline", "salt"] and len(rivals[0]) == 7
    mean = np.mean(
        [
            outcomes.scores(p, NLI, "salt", "salt", outcomes.outcome("accuracy", NLI))[0].mean()
            for p in units
        ]
    )
    assert rivals[2][1] == f"{100 * mean:.1f}%"
    relations = plain(plots.relations_table(units, NLI, ["baseline", "salt"]))
    assert [row[0] for row in relations[-3:]] == [
        f"answered {label}" for label in ("entailment", "neutral", "contradiction")
    ]


def test_what_speaks_for_and_against_is_decided_by_the_data(study):
    units, summary, _ = study
    sides = plain(plots.sides(summary, units))
    pro, contra = ([row[i] for row in sides[1:] if row[i]] for i in (0, 1))
    assert any("SALT − baseline, first test set" in text for text in pro)
    worse = summary.copy()
    of = (worse["method"] == "salt") & (worse["against"] == "baseline")
    worse.loc[of, ["mean", "ci_low", "ci_high", "next_low"]] *= -1
    sides = plain(plots.sides(worse, units))
    against = [row[1] for row in sides[1:] if row[1]]
    assert len(against) > len(contra)
    assert any("SALT − baseline, first test set" in text for text in against)
    assert len([row for side in (0, 1) for row in sides[1:] if row[side]]) == len(pro) + len(contra)


def test_the_accounts_are_told_with_what_they_leave_of_the_loss(trials):  # noqa: F811
    rows = plain(plots.accounts_table(trials, {"2": {"precision": 0.9}, "6": {"precision": 0.8}}))
    assert rows[1:] == [
        ["SALT as it is", "+4.00", "+4.00, +4.00, +4.00", ""],
        ["answers", "+1.00", "+1.00, +1.00, +1.00", "yes"],
        ["words", "0.00", "0.00, 0.00, 0.00", "yes"],
        ["blends", "+3.00", "+3.00, +3.00, +3.00", "no"],
    ]

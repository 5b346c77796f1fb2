"""Figures and tables of the study of pictures, of an invented one."""

import dataclasses
import re
from pathlib import Path

import jupytext
import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import check, plain
from invented import picture_tables

from salt_lib.laboratory.minibabel.facts import Fact
from salt_lib.laboratory.pictures import outcomes, study
from salt_lib.plots import pictures as plots
from salt_lib.plots import style
from salt_lib.study import parts

ROOT = Path(__file__).parents[2]
FACTS = [Fact("dog", "see", "king", "red"), Fact("cat", "see", "king", "red")]


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "RECORDED", tmp_path_factory.mktemp("recorded"))
        picture_tables()
        return parts.complete(outcomes.parts(), "pictures")


def test_facts_stand_beside_two_pictures_and_their_captions():
    html = plots.facts_table(FACTS, ["de", "th", "ar"], "Facts")
    header, first, second = plain(html)
    assert header == ["caption", "picture", "another", "German", "Thai", "Arabic"]
    assert len(first) == len(second) == 6 and first[0] == "the red dog see the king"
    assert 'dir="rtl"' in first[5] and 'lang="th"' in first[4]
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    assert len(pictures) == len(set(pictures)) == 4
    assert html.count('alt="the red dog see the king"') == 2


def test_a_group_says_what_differs():
    rows = plain(plots.group_table([*FACTS, FACTS[0]._replace(agent_adjective="big")], "A group"))
    assert [row[2] for row in rows[1:]] == ["–", "agent", "agent adjective"]


def test_what_has_no_picture_is_listed():
    rows = {row[0]: row[1:] for row in plain(plots.unshown_table())}
    drawn, none = rows["verbs"]
    assert drawn == "18 of 40" and "remember" in none and "push" not in none
    assert rows["numbers"][0] == "4 of 13" and rows["names, cities, “not”"] == ["none", "all"]


def test_conditions_probes_progress_and_languages_have_their_tables(units):
    rows = plain(plots.conditions_table())
    assert len(rows) == 16 and rows[-1][2] == "10,000" and rows[1][2] == "none"
    probes = {part.world: part.origin["probe"] for part in units}
    assert plain(plots.probe_table(probes))[1] == ["agent", *["90.0% (12.0%)", "90.0% (13.0%)"],
                                                   "90.0% (14.0%)"]  # fmt: skip
    assert plain(plots.progress_table(parts.progress_of(units)))[1] == ["2", "150", "150"]
    rows = plain(plots.languages_table(units, ["baseline", "salt"]))
    assert len(rows) == 18 and rows[1][:2] == ["English", "English"]
    german = next(row for row in rows if row[0] == "German")
    means = [np.mean([np.mean([run["scores"]["de"] for run in part.runs[name].values()])
                      for part in units]) for name in ("baseline", "salt")]  # fmt: skip
    assert german[1:] == ["rich", *(f"{100 * mean:.1f}%" for mean in means)]


def test_the_headline_has_both_ways_salt_s_band_and_the_crossing(units):
    told = {way: outcomes.worth(units, way) for way in ("parallel", "taught")}
    found, ax = style.figure(3.4)
    assert plots.headline(ax, told) is ax
    lines = {line.get_label(): line for line in ax.lines}
    assert lines["parallel"].get_ydata() == pytest.approx([100 * v for v in told["parallel"].curve])
    assert lines["parallel"].get_xdata() == pytest.approx([10, 100, 1000, 10000])
    assert lines["SALT"].get_ydata()[0] == pytest.approx(100 * told["parallel"].level)
    crosses = [line for line in ax.lines if line.get_marker() == "X"]
    assert len(crosses) == 1  # what is taught is better at once: nothing crosses
    assert crosses[0].get_xdata()[0] == pytest.approx(10_000 * told["parallel"].share)
    assert len(ax.patches) == 1
    check(found)


def test_the_page_fills_itself_in_when_all_runs_are_there(units, monkeypatch):
    """Its cells of results, with an invented study; without one they say what is missing."""
    text = (ROOT / "notebooks" / "11_pictures.md").read_text(encoding="utf-8")
    cells = [cell.source for cell in jupytext.reads(text, fmt="md:myst").cells]
    first = next(cell for cell in cells if "WORLD = 0" in cell)
    heading = next(i for i, cell in enumerate(cells) if "## What came out" in cell)
    told = cells[heading + 1 : next(i for i, cell in enumerate(cells) if "## In short" in cell)]
    results = [c for c in told if "done" in c or "probes" in c or "progress" in c]
    assert len(results) == 8
    shown = {}
    for done in (True, False):
        monkeypatch.setattr(
            outcomes, "parts", lambda done=done: units if done else [lacking(units)]
        )
        space: dict = {}
        with plt.rc_context({"backend": "agg"}):
            exec(first, space)
            for cell in results:
                exec(cell, space)
        shown[done] = space["text"]
        plt.close("all")
    assert "SALT is worth about 1" in shown[True] and "over 3 worlds" in shown[True]
    assert "not complete: 140 of 150 runs" in shown[False]


def lacking(units):
    """A part without its baseline."""
    runs = {name: of for name, of in units[0].runs.items() if name != "baseline"}
    return dataclasses.replace(units[0], runs=runs)


def test_bars_are_as_long_as_their_shares():
    found, ax = style.figure(2.8)
    assert plots.bars(ax, {"English": 0.9, "Thai": 0.125}) is ax
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([90, 12.5])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["English", "Thai"]
    check(found)


def test_worth_and_effects_are_worded(units):
    rows = plain(plots.worth_table(units))
    assert len(rows) == 7 and rows[1][2].startswith("about 1") and "pairs" in rows[1][3]
    assert rows[4][2] == "fewer than 10 pairs"
    frame = outcomes.summary(units)
    rows = plain(plots.summary_table(frame, "Effects"))
    assert len(rows) == 26 and rows[1][0] == "salt − baseline" and rows[2][3].startswith("+")
    ranks = [row for row in rows if row[2] == "median rank"]
    assert len(ranks) == 3 and ranks[0][3].startswith("−")

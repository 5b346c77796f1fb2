"""Figures and tables of the study of intermediate tasks, of an invented one."""

import dataclasses
from pathlib import Path

import jupytext
import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import check, plain
from invented import intermediate_tables

from salt_lib.laboratory.intermediate import examples, outcomes, study
from salt_lib.laboratory.intermediate.conditions import CONDITIONS
from salt_lib.laboratory.intermediate.outcomes import Point
from salt_lib.plots import intermediate as plots
from salt_lib.plots import style
from salt_lib.study import parts

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "RECORDED", tmp_path_factory.mktemp("recorded"))
        intermediate_tables()
        return parts.complete(outcomes.parts(), "intermediate")


def test_tellings_stand_in_their_language():
    html = plots.tellings_table([("ar", ["a", "b", "c", "d"]), ("th", ["e", "f", "g", "h"])])
    rows = plain(html)
    assert rows[0][3] == "its partner" and rows[1][0] == "Arabic" and len(rows[2]) == 5
    assert html.count('dir="rtl"') == 4 and html.count('lang="th"') == 4


def test_conditions_say_how_many_runs_they_have():
    rows = plain(plots.conditions_table(CONDITIONS.values(), "Conditions"))
    told = {row[0]: row[2] for row in rows[1:]}
    assert told["none"] == "15" and told[study.PARTED[0]] == "50" and len(told) == len(CONDITIONS)
    assert plain(plots.choices_table({"a": 0.5}, "right", "Live"))[1] == ["a", "50.0%"]


def test_shares_have_a_mark_for_every_language_the_richest_on_top():
    figure, ax = style.figure(4.6)
    counts = {"equal": [10] * 15, "pooled": list(range(15))}
    assert plots.shares(ax, counts) is ax
    assert ax.lines[0].get_xdata().tolist() == [10] * 15
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert len(labels) == 15 and labels[-1] == "Urdu" and "German" in labels[:5]
    at = labels.index("German")
    assert ax.lines[1].get_xdata()[at] == examples.LANGUAGES.index("de")
    check(figure)


def test_curves_are_in_points_on_a_logarithmic_scale():
    figure, ax = style.figure(3.4)
    line = [Point(10, 0.01, 0.0, 0.02), Point(1000, 0.03, 0.02, 0.04)]
    plots.curves(ax, {"a task": line}, "examples")
    found = next(one for one in ax.lines if one.get_label() == "a task")
    assert found.get_ydata() == pytest.approx([1, 3]) and ax.get_xscale() == "log"
    assert [label.get_text() for label in ax.get_xticklabels()] == ["10", "1,000"]
    check(figure)


def test_tables_of_results(units):
    frame = outcomes.summary(units, "captions")
    rows = plain(plots.summary_table(frame, "Effects"))
    assert len(rows) == len(frame) + 1 and rows[1][0] == "matching-all − paraphrase-all"
    assert rows[1][2].startswith("+3.") or rows[1][2].startswith("+2.9")
    assert rows[1][-1] == "more" and rows[-1][-1] == "–"
    rows = plain(plots.levels_table(units, ["none", "matching-all"], "Levels"))
    assert rows[1][:3] == ["none", "–", "90.0%"] and rows[2][1] == "80.0%"
    rows = plain(plots.spread_table(units))
    assert [row[0] for row in rows[1:]] == ["draws", "seeds", "the rest"]
    assert float(rows[3][1]) == pytest.approx(0.2, abs=0.06)
    rows = plain(plots.languages_table(units, ["none"]))
    assert len(rows) == 16 and rows[1][:3] == ["English", "English", "90.0%"]
    german = np.mean(
        [np.mean([r["scores"]["de"] for r in p.runs["none", "baseline"].values()]) for p in units]
    )
    assert next(row for row in rows if row[0] == "German")[2] == f"{100 * german:.1f}%"


def test_the_page_fills_itself_in_when_all_runs_are_there(units, monkeypatch):
    """Its cells of results, with an invented study; without one they say what is missing."""
    text = (ROOT / "notebooks" / "12_intermediate.md").read_text(encoding="utf-8")
    cells = [cell for cell in jupytext.reads(text, fmt="md:myst").cells]
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    first = next(source for source in code if "WORLD = 0" in source)
    heading = next(i for i, cell in enumerate(cells) if "## What came out" in cell.source)
    summary = next(i for i, cell in enumerate(cells) if "## In short" in cell.source)
    results = [cell.source for cell in cells[heading + 1 : summary] if cell.cell_type == "code"]
    assert len(results) == 11
    none = [dataclasses.replace(part, runs={}) for part in units]
    shown = {}
    for name, given in {"all": units, "some": [units[0], *none[1:]], "none": none}.items():
        monkeypatch.setattr(outcomes, "parts", lambda given=given: given)
        space: dict = {}
        with plt.rc_context({"backend": "agg"}):
            exec(first, space)
            for source in results:
                exec(source, space)
                if "text" in space and name not in shown:
                    shown[name] = space["text"]
        plt.close("all")
    assert "Matching captions with pictures gives more than paraphrase" in shown["all"]
    assert "over 3 worlds" in shown["all"]
    count = len(study.planned(2))
    assert f"not complete: {count:,} of {3 * count:,} runs" in shown["some"]
    assert "No run has been made yet" in shown["none"]

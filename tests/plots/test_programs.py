"""Figures and tables of the study of programs, of an invented one."""

import dataclasses
from pathlib import Path

import jupytext
import matplotlib.pyplot as plt
import pytest
from drawn import check, plain
from invented import program_tables

from salt_lib.laboratory.programs import outcomes, study
from salt_lib.plots import programs as plots
from salt_lib.plots import style
from salt_lib.study import parts

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "RECORDED", tmp_path_factory.mktemp("recorded"))
        program_tables()
        return parts.complete(outcomes.parts(), "programs")


def test_answers_are_worded():
    assert [plots.answer(a) for a in (True, False, 0, 7)] == ["yes", "no", "0", "7"]
    assert plots.answer(frozenset()) == "nothing"
    assert plots.answer(frozenset({"sea", "river"})) == "river, sea"


def test_questions_stand_beside_their_programs_and_answers():
    said = {"en": [["how_many", "dog", "?"]], "ar": [["كم", "كلب", "?"]]}
    program = [["total", "agent", "where", "agent=", "dog", ">", "total"]]
    html = plots.questions_table(said, program, [4], "Questions")
    header, row = plain(html)
    assert header == ["English", "Arabic", "program", "answer"]
    assert "how_many dog ?" in row[0] and 'dir="rtl"' in row[1] and row[3] == "4"
    assert row[2] == "<code class='program'>total agent where agent= dog &gt; total</code>"


def test_cells_measures_checks_progress_fits_and_languages_have_their_tables(units):
    rows = plain(plots.cells_table(2_000))
    assert len(rows) == 5 and rows[2][:3] == ["0.6M", "3 × 104", "0.61"]
    assert rows[1][3:] == rows[4][3:] == ["3,125", "3,500", "5,000", "11,000"]
    one = {"execution": 0.5, "exact": 0.25, "conditions": 0.3, "parses": 1.0, "typed": 0.75}
    assert plain(plots.measures_table({"en": one}, "x"))[1] == [
        "en", "50.0%", "25.0%", "30.0%", "100.0%", "75.0%",
    ]  # fmt: skip
    rows = plain(plots.checks_table(outcomes.checks(units)))
    assert rows[1][0] == "2" and rows[1][2:] == ["40.0%", "3.0%", "4.0%"]
    assert plain(plots.progress_table(parts.progress_of(units)))[1] == ["2", "34", "34"]
    rows = plain(plots.fits_table(units))
    assert len(rows) == 4 and float(rows[1][2]) < float(rows[1][1]) < float(rows[1][3])
    rows = plain(plots.languages_table(units))
    assert len(rows) == 6 and rows[1][:2] == ["English", "English"]
    assert rows[0][2:] == ["0.3M-poor-0.25", "0.3M-poor-16", "2.5M-poor-0.25", "2.5M-poor-16"]


def test_accuracies_are_a_map_of_the_grid(units):
    found, ax = style.figure(3.0)
    values = outcomes.grid(units)
    assert plots.accuracies(ax, values) is ax
    assert [text.get_text() for text in ax.texts][:4] == [f"{v:.0%}" for v in values[0]]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["× 0.25", "× 1", "× 4", "× 16"]
    check(found)


def test_lines_of_equal_compute_go_through_the_dot(units):
    found, ax = style.figure(3.8)
    assert plots.compute_lines(ax, units) is ax
    labels = {text.get_text() for text in ax.texts}
    assert labels & {"0.5×", "1×", "2×", "4×"} and all(text.endswith("×") for text in labels)
    assert ax.lines[0].get_xdata()[0] == ax.lines[0].get_ydata()[0] == 0
    check(found)


def test_bars_are_as_long_as_their_shares():
    found, ax = style.figure(2.8)
    plots.bars(ax, {"English": 0.9, "Thai": 0.125})
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([90, 12.5])
    check(found)


def test_effects_are_worded(units):
    rows = plain(plots.summary_table(outcomes.summary(units), "Effects"))
    assert len(rows) == 19 and rows[1][:2] == [outcomes.PRIMARY, "poor"]
    assert rows[1][2].startswith("+") and rows[1][5] == "–"


def test_the_page_fills_itself_in_when_all_runs_are_there(units, monkeypatch):
    """Its cells of results, with an invented study; without one they say what is missing."""
    text = (ROOT / "notebooks" / "13_programs.md").read_text(encoding="utf-8")
    cells = [cell.source for cell in jupytext.reads(text, fmt="md:myst").cells]
    first = next(cell for cell in cells if "WORLD = 0" in cell)
    heading = next(i for i, cell in enumerate(cells) if "## What came out" in cell)
    summary = next(i for i, cell in enumerate(cells) if "## In short" in cell)
    results = [c for c in cells[heading + 1 : summary] if "done" in c or "progress" in c]
    assert len(results) == 9
    some = dict(list(units[0].runs.items())[:5])
    shown = {}
    for name, found in {
        "all": units,
        "some": [dataclasses.replace(units[0], runs=some)],
        "none": [dataclasses.replace(units[0], runs={})],
    }.items():
        monkeypatch.setattr(outcomes, "parts", lambda found=found: found)
        space: dict = {}
        with plt.rc_context({"backend": "agg"}):
            exec(first, space)
            for cell in results:
                exec(cell, space)
        shown[name] = space["text"]
        plt.close("all")
    assert "of twice the compute" in shown["all"] and "over 3 worlds" in shown["all"]
    assert "5 of 34 runs" in shown["some"] and "No run has been made yet" in shown["none"]

"""Figures and tables of the study of bitext, of an invented one."""

import dataclasses
from pathlib import Path

import jupytext
import matplotlib.pyplot as plt
import pytest
from drawn import Closed, check, plain
from invented import bitext_tables

from salt_lib.laboratory.bitext import links, outcomes, study
from salt_lib.laboratory.bitext.cells import CELLS
from salt_lib.laboratory.bitext.pairs import Told
from salt_lib.laboratory.checkpoints import checkpoint
from salt_lib.models import loading
from salt_lib.plots import bitext as plots
from salt_lib.plots import style
from salt_lib.study import parts

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "RECORDED", tmp_path_factory.mktemp("recorded"))
        bitext_tables()
        return parts.complete(outcomes.parts(), "bitext")


def test_a_pair_shows_its_links_and_marks_wrong_ones():
    tokenizer = loading.tokenizer(checkpoint(0))
    told = Told(("ar",), ("dog big",), ("كلب كلب",), ((0, 1),))  # big is not a dog
    read = links.tokenized(told, tokenizer)
    html = plots.pair_lines(read, 0, tokenizer.convert_ids_to_tokens(list(range(len(tokenizer)))))
    Closed(html)
    assert html.count('class="token wrong"') == html.count('class="token kept"') == 2
    assert 'dir="rtl"' in html and "Arabic, pieces and their links" in html


def test_cells_languages_and_progress_have_their_tables(units):
    rows = plain(plots.cells_table())
    assert len(rows) == 18 and rows[1] == ["none", "control: monolingual text", "5 + 5"]
    assert rows[2][0] == "masked-100k" and rows[2][2] == "5"
    rows = plain(plots.languages_table())
    assert rows[3] == ["poor, left out", "2", "Hindi, Turkish"]
    assert plain(plots.progress_table(parts.progress_of(units)))[1] == ["2", "120", "120"]


def test_links_and_live_measures_are_shares():
    one = {"links": 7.25, "right": 0.5, "found": 0.25}
    assert plain(plots.links_table({"few": {"de": one}}, "x"))[1] == [
        "few", "German", "7.2", "50.0%", "25.0%",
    ]  # fmt: skip
    codes = outcomes.GROUPS["all"]
    rows = plain(plots.measures_table({"before": {"retrieval": dict.fromkeys(codes, 0.5)}}, "x"))
    assert rows[1] == ["before", "retrieval", *["50.0%"] * 4]


def test_the_outcome_has_its_tables(units):
    rows = plain(plots.summary_table(outcomes.summary(units), "Comparisons"))
    assert len(rows) == 22 and rows[1][0] == outcomes.PRIMARY.label and rows[1][6] == "–"
    rows = plain(plots.beside_table(outcomes.beside(units), "Beside"))
    assert len(rows) == 1 + len(outcomes.MEASURES)
    paws = next(row for row in rows if row[0] == "mini-paws-x")
    assert paws[1] == "–" and paws[2].startswith("+")
    rows = plain(plots.levels_table(units))
    assert [row[0] for row in rows[1:]] == list(CELLS) and rows[1][3] == "–"
    rows = plain(plots.costs_table(outcomes.costs(units)))
    assert rows[1] == ["none", "3,125", "2.00", "2.10", "1.7"]
    quality = plots.quality_of(outcomes.links(units))
    assert list(quality) == [name for name in CELLS if name.startswith("exchange")]


def test_curves_have_a_point_for_each_size(units):
    found, ax = style.figure(3.0)
    told = {name: outcomes.by_size(units, name) for name in ("tlm", "exchange")}
    assert plots.curves(ax, told) is ax
    assert [text.get_text() for text in ax.get_xticklabels()] == ["1,000", "10,000", "100,000"]
    assert ax.lines[2].get_ydata() == pytest.approx([100 * value for value in told["exchange"]])
    check(found)


def test_the_page_fills_itself_in_when_all_runs_are_there(units, monkeypatch):
    """Its cells of results, with an invented study; without one they say what is missing."""
    text = (ROOT / "notebooks" / "14_bitext.md").read_text(encoding="utf-8")
    cells = [cell.source for cell in jupytext.reads(text, fmt="md:myst").cells]
    first = next(cell for cell in cells if "WORLD = 0" in cell)
    heading = next(i for i, cell in enumerate(cells) if "## What came out" in cell)
    results = [c for c in cells[heading + 1 :] if "done" in c or "progress" in c]
    assert len(results) == 8
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
        shown[name] = space["said"]
        plt.close("all")
    assert "task helps languages with little text" in shown["all"]
    assert "over 3 worlds" in shown["all"] and "(retrieval)" in shown["all"]
    assert "25 of 120 runs" in shown["some"] and "No run has been made yet" in shown["none"]

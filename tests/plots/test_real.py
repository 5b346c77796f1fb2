"""Figures and tables of the chapter on real text."""

import pytest
from drawn import Closed, check
from invented import frame
from real.test_outcomes import CODES, recorded  # noqa: F401

from salt_lib.plots import real, results, style
from salt_lib.real import outcomes

ROW = {
    "words": [
        {"word": "the", "content": False},
        {
            "word": "river",
            "content": True,
            "substitutes": {"de": ["Fluss", 0.9, "right"], "ar": ["نهر", 0.8, "other"]},
        },
        {"word": "old", "content": True, "substitutes": {"de": ["alt<b>", 0.6, "unknown"]}},
    ]
}


def test_a_sentence_marks_what_is_right_what_is_not_and_what_nobody_knows():
    shown = real.sentence(ROW, "de", 0.5)
    Closed(shown)
    assert '<span class="token switched">' in shown and "Fluss" in shown and "river 0.90" in shown
    assert '<span class="token mixed">' in shown and "alt&lt;b&gt;" in shown
    assert "token wrong" in real.sentence(ROW, "ar", 0.5)
    assert "نهر" in real.sentence(ROW, "ar", 0.5) and 'dir="rtl"' in real.sentence(ROW, "ar", 0.5)
    sure = real.sentence(ROW, "de", 0.7)
    assert "alt" not in sure and "old" in sure and "Fluss" in sure


def test_each_language_that_keeps_something_has_a_row():
    found, ax = style.figure(4.8)
    rows = {"sw": [0.6, 0.05, 20], "de": [0.9, 0.1, 50], "ur": [None, 0.0, 0]}
    real.by_language(ax, rows, {"de": [0.6, 0.2, 90], "sw": [None, 0.0, 0]})
    assert [text.get_text() for text in ax.get_yticklabels()] == ["German", "Swahili"]
    lines = [line for line in ax.lines if len(line.get_xdata()) == 2]
    assert [list(line.get_xdata()) for line in lines] == [[60, 90]]
    squares = [x for line in ax.lines if line.get_marker() == "s" for x in line.get_xdata()]
    assert squares == [10, 5]
    check(found)


def test_the_table_of_rules_names_the_lowest_language():
    def row(precision, **languages):
        by = {code: [p, 0.1, 9] for code, p in languages.items()}
        means = {"precision": {"content": precision}, "coverage": {"content": 0.05}}
        return [{"threshold": 0.9, **means, "by_language": by}]

    variants = {
        "all rules": {
            "forms": row(0.8, de=0.9, sw=0.7, ur=None),
            "lemmas": row(0.85, de=0.9, sw=0.8),
        },
        "no rule": {"forms": row(0.6, de=0.5, sw=0.7), "lemmas": row(0.65, de=0.5)},
    }
    shown = real.rules_table(variants, 0.9, "Rules")
    Closed(shown)
    assert "sw 80.0%" in shown and "de 50.0%" in shown and "85.0%" in shown
    assert shown.index("all rules") < shown.index("no rule")


# The study


@pytest.fixture
def parts(recorded):  # noqa: F811
    return outcomes.parts()


def test_where_a_tag_stands_is_drawn_with_the_largest_difference_on_top(parts):
    drawn, ax = style.figure(4.8)
    real.placement(ax, parts["udpos"], parts["udpos-first"])
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert {*names[:2]} == {"Thai", "Chinese"} and {*names[2:]} == {"English", "German"}
    lines = [line.get_xdata() for line in ax.lines if len(line.get_xdata()) == 2]
    assert len(lines) == len(CODES) and max(b - a for a, b in lines) == pytest.approx(30, abs=0.1)
    assert len(ax.get_legend().get_texts()) == 2
    check(drawn)


def test_gains_are_drawn_seed_by_seed_for_each_method(parts):
    drawn, ax = style.figure(4.8)
    real.gains(ax, parts["udpos"], ["salt", "salt-random-kind"])
    assert sum(len(dots.get_offsets()) for dots in ax.collections) == 2 * 6 * len(CODES)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["salt", "salt-random-kind"]
    check(drawn)


def test_the_tables_of_the_study(parts):
    lettered, first = parts["udpos"], parts["udpos-first"]
    shown = real.outcome_table((lettered, first), "Outcomes")
    Closed(shown)
    codes = outcomes.targets(lettered)
    gain = outcomes.gain(lettered, "salt", "baseline", codes).difference
    assert f"{100 * gain:+.2f}" in shown and "baseline: lettered − first" in shown
    assert shown.count("<tr") == 1 + 6 + 2 + 1
    pairs = real.outcome_table((parts["xnli"],), "Outcomes")
    Closed(pairs)
    assert pairs.count("<tr") == 1 + 6 + 2 and "label-balanced: salt − baseline" in pairs
    assert "lettered" not in pairs
    by_language = real.placement_table(lettered, first, "Places")
    Closed(by_language)
    assert "+30.00" in by_language and by_language.count("<tr") == 1 + len(CODES)
    progress = real.progress_table(parts, "Progress")
    Closed(progress)
    assert "studies/udpos-first.toml" in progress and ">18<" in progress and ">12<" in progress


def test_the_headline_has_rows_of_real_text(recorded):  # noqa: F811
    of = outcomes.part("udpos")
    rows = real.headline_rows(of, "parts of speech")
    assert list(rows) == [
        "parts of speech, real text\nzero-shot",
        "parts of speech, real text\nEnglish",
    ]
    ours, theirs = rows["parts of speech, real text\nzero-shot"]
    test = outcomes.gain(of, "salt", "baseline", outcomes.targets(of))
    assert (ours - theirs).mean() == pytest.approx(test.difference)
    found, ax = style.figure(5)
    results.headline(ax, frame(), rows)
    assert len(ax.get_yticklabels()) == 6
    check(found)

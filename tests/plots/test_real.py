"""Figures and tables of the chapter on real text."""

from drawn import Closed, check

from salt_lib.plots import real, style

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
    assert '<span class="token kept">' in shown and "Fluss" in shown and "river 0.90" in shown
    assert '<span class="token mixed">' in shown and "alt&lt;b&gt;" in shown
    assert "token wrong" in real.sentence(ROW, "ar", 0.5)
    assert "نهر" in real.sentence(ROW, "ar", 0.5) and 'dir="rtl"' in real.sentence(ROW, "ar", 0.5)
    sure = real.sentence(ROW, "de", 0.7)
    assert "alt" not in sure and "old" in sure and "Fluss" in sure


def test_precision_against_coverage_leaves_out_what_keeps_nothing():
    found, ax = style.figure(3.8)
    rows = {"de": [0.9, 0.1, 50], "sw": [0.6, 0.05, 20], "ur": [None, 0.0, 0]}
    real.precision_coverage(ax, rows, {"de": [0.6, 0.2, 90], "sw": [None, 0.0, 0]})
    assert {text.get_text() for text in ax.texts} == {"de", "sw"}
    lines = [line for line in ax.lines if len(line.get_xdata()) == 2]
    assert [list(line.get_ydata()) for line in lines] == [[60, 90]]
    check(found)


def test_the_table_of_rules_names_the_lowest_language():
    def row(precision, **languages):
        by = {code: [p, 0.1, 9] for code, p in languages.items()}
        means = {"precision": {"content": precision}, "coverage": {"content": 0.05}}
        return [{"threshold": 0.9, **means, "by_language": by}]

    variants = {
        "all rules": {"forms": row(0.8, de=0.9, sw=0.7, ur=None), "lemmas": row(0.85, de=0.9)},
        "no rule": {"forms": row(0.6, de=0.5, sw=0.7), "lemmas": row(0.65, de=0.5)},
    }
    shown = real.rules_table(variants, 0.9, "Rules")
    Closed(shown)
    assert "sw 70.0%" in shown and "de 50.0%" in shown and "85.0%" in shown

"""Tables and words in a page: escaped, closed, and in the direction of their script."""

import re

import pytest
from drawn import Closed

from salt_lib.errors import SaltError
from salt_lib.plots import html as plots_html


def test_words_carry_their_language_and_direction():
    assert plots_html.word("کتا", "ur") == '<span class="rtl" lang="ur" dir="rtl">کتا</span>'
    assert plots_html.word("<b>", "de") == '<span lang="de" dir="ltr">&lt;b&gt;</span>'


def test_table_escapes_text_and_formats_numbers():
    html = plots_html.table(
        ("a", "b"), [("<i>", 0.123), (plots_html.Markup("<i>x</i>"), 12345)], "c & d"
    )
    Closed(html)
    assert "&lt;i&gt;" in html and "<i>x</i>" in html
    assert "12.3%" in html and "12,345" in html and "c &amp; d" in html
    assert "–" in plots_html.table(("a", "b"), [("x", float("nan"))])
    assert html._repr_html_() == html


def test_a_row_that_does_not_fit_the_header_is_an_error():
    with pytest.raises(SaltError, match="3 cells under 2 headings"):
        plots_html.table(("a", "b"), [("x", 1), ("x", 1, 2)])


def test_language_of_a_shared_word_is_one_that_may_be():
    words = {"ja": [1, 2], "zh": [1]}
    assert plots_html.language_of(1, ["zh", "ja"], words) == "zh"
    assert plots_html.language_of(2, ["zh", "ja"], words) == "ja"
    assert plots_html.language_of(3, ["zh"], words) == "en"


def test_the_style_sheet_has_every_class_that_is_used_here():
    sheet = plots_html.sheet()
    assert sheet.startswith("<style>") and sheet.count("<") == 2
    for name in ("tokens", "token", "note", "kept", "switched", "mixed", "wrong", "rtl", "chapter"):
        assert re.search(rf"\.{name}\b", sheet), name


def test_a_slider_has_all_its_panels_and_shows_one():
    panels = {"a < b": "<p>one</p>", "c": "<p>two</p>"}
    html = plots_html.slider("Where & when", panels, "c")
    Closed(html)
    assert "Where &amp; when" in html and "a &lt; b" in html
    assert re.findall(r"<div( hidden)?><p><strong>", html) == [" hidden", ""]
    assert 'max="1" value="1"' in html
    with pytest.raises(SaltError, match="'d': the slider has a < b, c"):
        plots_html.slider("x", panels, "d")

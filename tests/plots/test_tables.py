"""Tables show every method, language and task once, in the book's order."""

import re

import pytest
from invented import frame

from salt_lib.laboratory.tasks import PAIR_TASKS
from salt_lib.languages import language
from salt_lib.plots import tables
from salt_lib.salt.methods import MAIN
from salt_lib.study import stats


def cells(html):
    rows = re.findall(r"<tr>(.*?)</tr>", html)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]


@pytest.mark.parametrize(("gain", "word"), [(0.02, "higher"), (0, "not distinguishable")])
def test_methods_have_a_row_each_with_their_verdict(gain, word):
    summary = stats.summarise(frame(gain))
    found = cells(tables.methods_table(summary["mini-xnli"], "caption"))
    assert [row[0] for row in found] == ["method", *MAIN]
    assert found[1][-1] == "reference" and {len(row) for row in found} == {7}
    assert found[1 + MAIN.index("salt")][-1] == word


def test_languages_english_first_then_by_accuracy():
    summary = stats.summarise(frame())["mini-paws-x"]
    found = cells(tables.languages_table(summary, "caption"))
    names = [row[0] for row in found[1:]]
    assert names[0] == "English" and names[-2:] == ["average without English", "average of all"]
    assert set(names[:-2]) == {language(code).name for code in PAIR_TASKS["mini-paws-x"].languages}
    means = [float(row[1].split()[0]) for row in found[2:-2]]
    assert means == sorted(means, reverse=True)
    salt = summary["salt"]["average_zero_shot"]["comparison"]
    assert found[-2][3] == f"+{100 * salt['difference']:.2f}"


def test_the_primary_tests_side_by_side():
    summary = stats.summarise(frame())
    found = dict((row[0], row[1:]) for row in cells(tables.primary_table(summary["primary"], "c")))
    assert found["SALT − baseline, zero-shot"] == ["mini-xnli", "mini-paws-x"]
    assert found["seeds"] == ["15", "15"] and found["verdict"] == ["higher", "higher"]
    t = summary["primary"]["mini-xnli"]["t"]
    assert found["paired t"][0] == f"t(14) = {t:.2f}"
    assert all(len(values) == 2 and all(values) for values in found.values())


def test_nothing_to_test_with_is_a_dash():
    flat = frame(noise=0, gain=0.02)
    found = cells(tables.primary_table(stats.summarise(flat)["primary"], "caption"))
    rows = {row[0]: row[1] for row in found}
    assert rows["p (Holm)"] == rows["smallest detectable, points"] == "–"
    assert rows["verdict"] == "not testable" and rows["paired t"] == "t(14) = –"

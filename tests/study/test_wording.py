"""The words follow from the tests, whatever comes out."""

import doctest
from dataclasses import asdict

import numpy as np
import pytest
from invented import frame

from salt_lib.errors import SaltError
from salt_lib.laboratory.tasks import PAIR_TASKS
from salt_lib.study import stats, wording

GAIN = {
    "n": 15,
    "difference": 0.017,
    "p": 0.0001,
    "p_holm": 0.0002,
    "ci_low": 0.013,
    "ci_high": 0.021,
    "smallest_detectable": 0.005,
}


def changed(**parts):
    return GAIN | parts


@pytest.mark.parametrize(
    ("test", "word"),
    [
        (GAIN, "higher"),
        (changed(difference=-0.017), "lower"),
        (changed(p_holm=0.05), "higher"),  # p ≤ 0.05, as the paper has it
        (changed(p_holm=0.0501), "not distinguishable"),
        (changed(p_holm=0.9, difference=0.3), "not distinguishable"),  # however large it looks
        (changed(p_holm=None), "not testable"),
        (changed(p_holm=float("nan")), "not testable"),
    ],
)
def test_the_verdict_is_the_tests(test, word):
    assert wording.verdict(test) == word and word in wording.VERDICTS
    assert f"**{word}**" in wording.finding("It", test)


def test_a_verdict_needs_its_p_value():
    assert wording.verdict({"difference": 1, "p": 0.01}, "p") == "higher"
    with pytest.raises(SaltError, match="no 'p_holm' in the test, only difference, p"):
        wording.verdict({"difference": 1, "p": 0.01})


def test_a_comparison_will_do_in_the_place_of_a_mapping():
    ours, theirs = np.linspace(0.6, 0.7, 15), np.linspace(0.5, 0.62, 15)
    test = stats.compare(ours, theirs)
    assert wording.verdict(test, "p") == wording.verdict(asdict(test), "p") == "higher"
    assert wording.interval(test) == wording.interval(asdict(test))


def test_a_finding_is_one_sentence_with_its_numbers():
    assert doctest.testmod(wording).failed == 0
    assert wording.finding("SALT's average", GAIN) == (
        "SALT's average is **higher** than the baseline's, by 1.70 points (95% interval +1.30 to "
        "+2.10, Holm-corrected p = 0.0002)."
    )
    loss = changed(difference=-0.017, ci_low=-0.021, ci_high=-0.013)
    assert "is **lower** than SALT's, by 1.70 points (95% interval −2.10 to −1.30," in (
        wording.finding("It", loss, "SALT's")
    )
    flat = changed(difference=0.0, p=None, p_holm=None, ci_low=None, ci_high=None)
    assert "not testable** against the baseline's: the difference is 0.00 points" in (
        wording.finding("It", flat)
    )


def test_numbers_as_the_book_writes_them():
    assert wording.points(0.0123) == "+1.23 points" and wording.points(-0.0123, "") == "−1.23"
    assert wording.points(-0.00001) == wording.points(0.0) == "0.00 points"
    assert wording.points(None) == wording.size(float("nan")) == "–"
    assert wording.size(-0.0123) == "1.23 points" and wording.size(0.0123, "") == "1.23"
    assert wording.p_value(0.00001) == "p < 0.0001" and wording.p_value(0.0123) == "p = 0.012"
    assert wording.p_value(0.5) == "p = 0.50" and wording.p_value(None) == "no p"
    assert wording.mean_sd({"mean": 0.843, "sd": 0.006}).split() == ["84.3", "±", "0.6"]
    assert " " not in wording.mean_sd({"mean": 0.843, "sd": 0.006})
    assert wording.mean_sd({"mean": 0.843, "sd": None}) == "84.3"
    assert wording.number(-1.234) == "−1.23" and wording.number(None) == "–"


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        (["higher", "higher"], "both"),
        (["higher", "lower"], "one of 2"),
        (["lower", "not distinguishable"], "none of 2"),
        (["higher"] * 3, "all 3"),
        (["higher", "higher", "lower"], "2 of 3"),
    ],
)
def test_how_many_agree(verdicts, words):
    assert wording.agree(verdicts) == words


def test_paired_scores_are_those_of_the_seeds():
    found, targets = frame(), PAIR_TASKS["mini-paws-x"].targets
    ours, theirs = wording.paired(found, "mini-paws-x", "salt", targets)
    summary = stats.summarise(found)["primary"]["mini-paws-x"]
    assert np.mean(ours - theirs) == pytest.approx(summary["difference"])
    assert np.std(ours - theirs, ddof=1) == pytest.approx(summary["sd"])
    lacking = found[~((found["method"] == "salt") & (found["seed"] == 3))]
    with pytest.raises(SaltError, match="'salt' ran on seeds"):
        wording.paired(lacking, "mini-paws-x", "salt", targets)


def test_sign_flips_are_all_of_them():
    assert sorted(wording.sign_flips([1, 3])) == [-2, -1, 1, 2]
    many = wording.sign_flips(np.arange(15.0))
    assert len(many) == 2**15 and many.mean() == pytest.approx(0)
    for wrong in ([], np.zeros(21)):
        with pytest.raises(SaltError, match="1 to 20"):
            wording.sign_flips(wrong)


@pytest.mark.parametrize(
    ("items", "text"), [([], "none"), (["a"], "a"), (["a", "b"], "a and b"), ("abc", "a, b and c")]
)
def test_a_list_ends_with_and(items, text):
    assert wording.listing(items) == text

"""The figures of others agree with each other as far as they can."""

import re

import pytest
from places import ROOT

from salt_lib.languages import PAWSX_LANGUAGES, XNLI_LANGUAGES
from salt_lib.real.published import AVERAGES, PAWSX, XNLI


def test_the_languages_average_to_what_was_published():
    assert set(XNLI) == set(XNLI_LANGUAGES) and set(PAWSX) == set(PAWSX_LANGUAGES)
    published = {(item.what, item.data): item.value for item in reversed(AVERAGES)}
    assert published["mBERT, 15 languages", "XNLI"] == pytest.approx(
        sum(XNLI.values()) / 15, abs=0.05
    )
    assert published["mBERT, 7 languages", "PAWS-X"] == pytest.approx(
        sum(PAWSX.values()) / 7, abs=0.06
    )


def test_every_figure_has_a_source_in_the_bibliography():
    keys = re.findall(r"@\w+\{(\w+),", (ROOT / "book" / "references.bib").read_text())
    for item in AVERAGES:
        cited = re.findall(r"`(\w+)`", item.source)
        assert cited and set(cited) <= set(keys)


def test_a_gain_shows_its_sign_and_an_accuracy_its_unit():
    texts = {item.text for item in AVERAGES}
    assert {"+1.4 points", "+4.1 points", "65.4%", "66.3%"} <= texts


def test_no_contradictory_score_is_among_them():
    assert not {item.value for item in AVERAGES} & {69.8, 66.8, 67.8}

"""The figures of others agree with each other as far as they can."""

import re

import pandas as pd
import pytest
from places import ROOT

from salt_lib.languages import PAWSX_LANGUAGES, XNLI_LANGUAGES
from salt_lib.real import published
from salt_lib.real.published import AVERAGES, PAWSX, XNLI
from salt_lib.study import stats
from salt_lib.study.results import COLUMNS


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
    addresses = re.findall(r"url = \{(.*?)\}", (ROOT / "book" / "references.bib").read_text())
    addresses += [
        f"https://doi.org/{doi}"
        for doi in re.findall(r"doi = \{(.*?)\}", (ROOT / "book" / "references.bib").read_text())
    ]
    for item in AVERAGES:
        cited = re.findall(r"\]\((.*?)\)", item.source)
        assert cited and set(cited) <= set(addresses)


def test_a_gain_shows_its_sign_and_an_accuracy_its_unit():
    texts = {item.text for item in AVERAGES}
    assert {"+1.4 points", "+4.1 points", "65.4%", "66.3%"} <= texts


def test_no_contradictory_score_is_among_them():
    assert not {item.value for item in AVERAGES} & {69.8, 66.8, 67.8}


def test_slots_are_empty_until_somebody_runs_it():
    slots = published.slots({})
    assert [len(rows) for rows in slots.values()] == [17, 9]
    rows = {row["language"]: row for row in slots["xnli"]}
    assert rows["sw"]["published"] == 50.4 and rows["sw"]["baseline"] is None
    assert rows["zero-shot average"]["published_gain"] == 1.4
    assert rows["average of all"]["published"] == 65.4


def test_slots_show_what_somebody_has_run():
    rows = [
        (0, "xnli", method, seed, code, score + seed / 100)
        for method, score in (("baseline", 0.5), ("salt", 0.6))
        for seed in range(3)
        for code in ("en", "de", "sw")
    ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    slots = published.slots(stats.summarise(frame))
    found = {row["language"]: row for row in slots["xnli"]}
    assert found["sw"]["published"] == 50.4 and found["sw"]["published_gain"] is None
    assert found["sw"]["baseline"] == (pytest.approx(0.51), pytest.approx(0.01))
    assert found["sw"]["difference"] == pytest.approx(0.1)
    average = found["zero-shot average"]
    assert average["salt"][0] == pytest.approx(0.61) and average["published_gain"] == 1.4
    assert found["th"]["baseline"] is None and found["th"]["difference"] is None
    assert all(row["salt"] is None for row in slots["paws-x"])

"""The table of languages is whole: 17 of them, those of XNLI and those of PAWS-X."""

import pytest

from salt_lib.errors import SaltError
from salt_lib.languages import LANGUAGES, PAWSX_LANGUAGES, SOURCE, XNLI_LANGUAGES, language


def test_the_study_s_languages():
    assert len(LANGUAGES) == 17 and len(XNLI_LANGUAGES) == 15 and len(PAWSX_LANGUAGES) == 7
    assert set(XNLI_LANGUAGES) | set(PAWSX_LANGUAGES) == set(LANGUAGES)
    assert SOURCE in XNLI_LANGUAGES and SOURCE in PAWSX_LANGUAGES
    assert list(LANGUAGES) == sorted(LANGUAGES) and all(
        c == row.code for c, row in LANGUAGES.items()
    )


def test_every_row_is_one_that_the_grammar_knows():
    for row in LANGUAGES.values():
        assert row.order in ("SVO", "SOV", "VSO")
        assert {row.adjective, row.numeral, row.adposition, row.negation} <= {"before", "after"}
        assert row.place in ("end", "verb", "subject") and 0 < row.share <= 1
    assert {code for code, row in LANGUAGES.items() if row.right_to_left} == {"ar", "ur"}


def test_low_resource_languages_have_less_text():
    assert LANGUAGES["de"].share == LANGUAGES[SOURCE].share == 1
    assert {c for c, row in LANGUAGES.items() if row.share == 0.25} == {"sw", "th", "ur"}


def test_a_language_by_its_code():
    assert language("hi").name == "Hindi" and language("hi").script == "Devanagari"
    with pytest.raises(SaltError, match="unknown language 'xx'; known: ar, bg, de"):
        language("xx")

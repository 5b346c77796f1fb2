"""The rules for candidates, each on a few invented words."""

from collections import Counter

import pytest

from salt_lib.errors import SaltError
from salt_lib.models.words import surface
from salt_lib.salt import word_rules
from salt_lib.salt.word_rules import NO_RULES, RULES, Rules

text_of = surface(["▁"])
ENGLISH = {"▁goat": 50, "▁baker": 45, "▁Ziege": 5}
GERMAN = {"▁Ziege": 60, "▁goat": 30, "▁Bäcker": 9, "▁Goat": 1}


def test_a_word_at_home_has_more_than_its_ratio_of_the_english_share():
    # Ziege .60 against .05, goat with its capital .31 against .50, Bäcker against nothing.
    assert set(word_rules.at_home(GERMAN, GERMAN, ENGLISH, 2.0, text_of)) == {"▁Ziege", "▁Bäcker"}
    assert set(word_rules.at_home(GERMAN, GERMAN, ENGLISH, 0.5, text_of)) == set(GERMAN)
    assert set(word_rules.at_home(GERMAN, GERMAN, ENGLISH, 12.0, text_of)) == {
        "▁Bäcker"
    }  # not more
    assert word_rules.at_home({"▁Goat": 1}, GERMAN, ENGLISH, 2.0, text_of) == {}


def test_a_word_that_another_language_uses_far_more_is_foreign():
    swahili, french = {"▁mbuzi": 90, "▁chèvre": 10}, {"▁chèvre": 50, "▁mbuzi": 50}
    assert set(word_rules.native(swahili, swahili, [french], 4.0, text_of)) == {"▁mbuzi"}
    assert set(word_rules.native(swahili, swahili, [french], 5.0, text_of)) == set(swahili)
    assert set(word_rules.native(swahili, swahili, [], 4.0, text_of)) == set(swahili)


def test_words_inside_sentences_are_not_those_that_begin_them():
    lines = ["Goats see Anna. Then “Goats” see Bob, Anna and 3 Goats", "Hills, Hills"]
    assert word_rules.inside_sentences(lines) == Counter(
        {"see": 1, "Anna": 2, "Bob": 1, "and": 1, "Goats": 1, "Hills": 1}
    )


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("▁Anna", True),  # always with a capital
        ("▁Goat", False),  # mostly without
        ("▁goat", False),
        ("▁Rare", True),  # never inside a sentence
        ("▁W", True),  # an initial
        ("▁山", False),  # no case
    ],
)
def test_a_name_has_its_capital_inside_sentences(word, name):
    inside = Counter({"Anna": 3, "anna": 1, "goat": 9, "Goat": 1, "w": 5})
    assert word_rules.is_name(text_of(word), inside) is name


def test_where_nouns_have_a_capital_english_tells_the_names():
    words = {"▁Anna": 5, "▁Ziege": 5, "▁March": 2, "▁Goat": 1}
    inside = {"en": Counter({"Anna": 4, "march": 5, "March": 2}), "de": Counter({"Ziege": 9})}
    assert set(word_rules.without_names(words, "de", inside, text_of)) == {
        "▁Ziege",
        "▁March",
        "▁Goat",
    }
    assert set(word_rules.without_names(words, "de", {"de": Counter()}, text_of)) == set(words)
    inside["fr"] = Counter({"Ziege": 1})
    assert word_rules.without_names(words, "fr", inside, text_of) == {}


def test_english_i_is_no_initial():
    assert word_rules.without_names({"▁I": 9, "▁J": 9}, "en", {"en": Counter()}, text_of) == {
        "▁I": 9
    }


def test_rules_are_left_out_and_added_by_name():
    assert RULES.without("home", "names") == Rules(home=0.0, names=False)
    assert RULES.without("segment").segment == "never"
    assert RULES.adding("majority", "foreign") == Rules(majority=True, foreign=4.0)
    assert NO_RULES.adding("home").home == RULES.home and not NO_RULES.case
    assert not any([NO_RULES.home, NO_RULES.frequency, NO_RULES.pieces, NO_RULES.majority])
    with pytest.raises(SaltError, match="unknown rule 'hom'; known: home, foreign, names"):
        RULES.without("hom")
    with pytest.raises(SaltError, match="rule frequency -1: a ratio"):
        Rules(frequency=-1)
    with pytest.raises(SaltError, match="segment 'yes'; known: auto, always, never"):
        Rules(segment="yes")

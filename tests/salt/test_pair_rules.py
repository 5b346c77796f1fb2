"""The rules for pairs, each on a few invented predictions."""

import pandas as pd
import pytest
from small import tokenizer_of

from salt_lib.data.examples import Pairs, Tagged
from salt_lib.models.encoding import encode
from salt_lib.salt import pair_rules
from salt_lib.salt.predictions import no_predictions
from salt_lib.salt.word_rules import NO_RULES

TOKENIZER = tokenizer_of(
    *["man", "Man", "woman", "women", "human", "sitting", "si", "dog", "Hund", "Katze", "er", "ki"]
)
IDS = TOKENIZER.get_vocab()
# 0 [CLS] 1 woman 2 dog 3 dog 4 dog 5 sitting 6 man
DATA = encode(TOKENIZER, Pairs(["woman dog dog dog sitting man"], [""], [0]))
WORDS = {
    "en": {"woman": 5, "dog": 5, "sitting": 5, "man": 5, "women": 5, "human": 5, "Man": 1},
    "de": {"Hund": 5, "Katze": 5, "er": 200, "Man": 1, "si": 5},
    "th": {"ki": 1},
}
ROWS = [
    (1, "en", "women", 0.9),  # an inflection
    (1, "en", "man", 0.9),  # coordinated: an opposite
    (1, "en", "human", 0.9),
    (6, "en", "Man", 0.9),  # case
    (6, "de", "Man", 0.9),  # case
    (5, "de", "si", 0.9),  # a fragment
    (2, "de", "Hund", 0.5),
    (3, "de", "Hund", 0.6),
    (4, "de", "Katze", 0.9),  # not the majority's answer
    (6, "de", "er", 0.9),  # far more frequent: .94 against .16
    (6, "th", "ki", 0.9),  # known by its script alone
]
TABLE = pd.DataFrame(
    [(0, at, code, IDS[word], p) for at, code, word, p in ROWS],
    columns=["example", "position", "language", "token", "probability"],
)
OPPOSITES = pair_rules.coordinated(["The man and woman sat."])


def kept(*rules, **values):
    chosen = NO_RULES.adding(*rules)
    found = pair_rules.kept_pairs(TABLE, DATA, IDS, WORDS, chosen, OPPOSITES)
    assert [*found] == [*TABLE]
    left = [tuple(row) for row in found[["position", "language", "token"]].itertuples(index=False)]
    every = [(at, code, IDS[word]) for at, code, word, _ in ROWS]
    assert left == [row for row in every if row in left]  # in their order
    return [row[:3] for row in ROWS if (row[0], row[1], IDS[row[2]]) not in left]


@pytest.mark.parametrize(
    ("rule", "dropped"),
    [
        ("case", [(6, "en", "Man"), (6, "de", "Man")]),
        ("fragments", [(5, "de", "si")]),
        ("inflections", [(1, "en", "women"), (6, "en", "Man")]),
        ("opposites", [(1, "en", "man")]),
        ("majority", [(1, "en", "human"), (1, "en", "women"), (4, "de", "Katze")]),
    ],
)
def test_a_rule_drops_its_pairs_and_no_others(rule, dropped):
    if rule == "majority":
        left = kept("majority")
        # Hund .5 + .6 against Katze .9; of equals one stays.
        assert (4, "de", "Katze") in left and (2, "de", "Hund") not in left
        assert sum(row[:2] == (1, "en") for row in left) == 2
    else:
        assert kept(rule) == dropped


def test_frequency_is_that_of_the_source():
    assert kept("frequency") == []  # .94 / .16 < 10
    words = {**WORDS, "de": {**WORDS["de"], "er": 200}, "en": {**WORDS["en"], "human": 500}}
    found = pair_rules.kept_pairs(TABLE, DATA, IDS, words, NO_RULES.adding("frequency"))
    left = [*zip(found["language"], found["token"], strict=True)]
    assert ("de", IDS["er"]) not in left and ("th", IDS["ki"]) in left
    assert ("de", IDS["Hund"]) in left and len(left) == len(ROWS) - 1


def test_without_rules_or_predictions_nothing_changes():
    assert kept() == []
    found = pair_rules.kept_pairs(no_predictions(), DATA, IDS, WORDS, NO_RULES.adding("majority"))
    assert found.empty and [*found] == [*no_predictions()]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("dog", "dogs"),
        ("running", "run"),
        ("Make", "made"),
        ("baby", "babies"),
        ("using", "used"),
        ("happy", "happily"),
        ("big", "bigger"),
        ("is", "were"),
        ("knife", "knives"),
    ],
)
def test_forms_of_a_word_are_inflections(one, two):
    assert pair_rules.inflected(one, two) and pair_rules.inflected(two, one)


@pytest.mark.parametrize(
    ("one", "two"), [("man", "woman"), ("thing", "the"), ("big", "bag"), ("over", "other")]
)
def test_other_words_are_not(one, two):
    assert not pair_rules.inflected(one, two)


def test_what_text_coordinates():
    found = pair_rules.coordinated(["Good, and Bad or ugly; both x versus y, sand or"])
    assert found == {(a, b) for one in (("good", "bad"), ("x", "y")) for a, b in (one, one[::-1])}


def test_the_sentences_of_pairs_and_of_tagged_words():
    pairs, tagged = Pairs(["a b"], ["c"], [0]), Tagged([["a", "b"]], [[0, 0]], ("X",))
    assert [*pair_rules.sentences_of(pairs)] == ["a b", "c"]
    assert [*pair_rules.sentences_of(tagged)] == ["a b"]

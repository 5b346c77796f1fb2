"""A control stands where the distilled words do, and is wrong in a way that is known."""

import numpy as np
import pandas as pd
import pytest

from salt_lib.errors import SaltError
from salt_lib.salt import controls
from salt_lib.salt.controls import replacements

KEPT = pd.DataFrame({"language": ["de", "de", "de", "sw", "sw"], "token": [7, 8, 9, 18, 19]})


def test_what_is_no_control_is_the_predicted_token():
    for kind in ("distilled", "masked", "dictionary"):
        assert replacements(kind, KEPT, {}, {}, 0).tolist() == [[7], [8], [9], [18], [19]]


# Thirty words, the commonest first; "w4" is no entry of the tokenizer's.
COUNTS = {"de": {f"w{i}": 100 - i for i in range(30)}}
PIECES = {f"w{i}": 1000 + i for i in range(30) if i != 4}
RANKED = [PIECES[word] for word in COUNTS["de"] if word in PIECES]


def test_random_words_are_the_nearest_in_frequency_and_never_the_word_itself():
    tokens = [RANKED[0], RANKED[14], RANKED[28]]
    kept = pd.DataFrame({"language": "de", "token": tokens})
    found = replacements("random", kept, COUNTS, PIECES, 0)
    assert found.shape == (3, controls.NEIGHBOURS) and controls.NEIGHBOURS == 20
    near = [set(range(21)) - {0}, set(range(4, 25)) - {14}, set(range(8, 29)) - {28}]
    for row, ranks in zip(found.tolist(), near, strict=True):
        assert {RANKED.index(token) for token in row} == ranks
    assert (found == replacements("random", kept, COUNTS, PIECES, 1)).all()


def test_too_few_words_for_the_random_control_are_an_error(monkeypatch):
    kept = pd.DataFrame({"language": "de", "token": [RANKED[0]]})
    monkeypatch.setattr(controls, "NEIGHBOURS", 29)
    with pytest.raises(SaltError, match="'de' has 29 whole words, more than 29 are needed"):
        replacements("random", kept, COUNTS, PIECES, 0)
    monkeypatch.setattr(controls, "NEIGHBOURS", 28)
    assert set(replacements("random", kept, COUNTS, PIECES, 0)[0]) == {*RANKED[1:]}


def test_the_deranged_dictionary_is_one_exchange_in_each_language():
    twice = pd.concat([KEPT, KEPT], ignore_index=True)
    found = replacements("deranged", twice, {}, {}, 0)[:, 0]
    for code in ("de", "sw"):
        true, wrong = twice["token"][twice["language"] == code], found[twice["language"] == code]
        exchanged = {*zip(true, wrong, strict=True)}
        assert len(exchanged) == len({*true}) and {*true} == {*wrong}
        assert all(one != other for one, other in exchanged)
    assert (found == replacements("deranged", twice, {}, {}, 0)[:, 0]).all()
    seeds = [replacements("deranged", KEPT, {}, {}, seed)[:, 0].tolist() for seed in range(8)]
    assert len({tuple(tokens) for tokens in seeds}) == 2  # both that three words can have


def test_a_language_s_exchange_does_not_depend_on_the_others_order():
    found = replacements("deranged", KEPT, {}, {}, 3)
    turned = KEPT[::-1].reset_index(drop=True)
    assert np.array_equal(replacements("deranged", turned, {}, {}, 3)[::-1], found)


def test_a_lone_word_can_not_be_deranged():
    lone = pd.DataFrame({"language": ["de", "de", "sw", "sw"], "token": [7, 7, 8, 9]})
    with pytest.raises(SaltError, match="'de' has one distilled word"):
        controls._deranged(lone, 0)
    assert controls._deranged(lone[2:], 0)[:, 0].tolist() == [9, 8]


# Words of the same kind

# Words of two kinds in German, the commonest first, some in Swahili, all distilled.
OF_KIND = pd.DataFrame(
    [("de", 1000 + i, ("noun", "verb")[i % 4 == 3]) for i in range(30) if f"w{i}" in PIECES]
    + [("sw", 1000, "noun"), ("sw", 1001, "noun"), ("sw", 1002, "noun"), ("sw", 1005, "verb")],
    columns=["language", "token", "kind"],
)
MORE = {**COUNTS, "sw": {"w0": 5, "w2": 9}}


def of_kind(table, counts=MORE, seed=0):
    kinds = table["kind"].to_numpy(object)
    return replacements("random-kind", table, counts, PIECES, seed, kinds=kinds)


def test_words_of_the_same_kind_and_language_are_never_the_word_itself():
    found = of_kind(OF_KIND)
    assert found.shape == (len(OF_KIND), controls.NEIGHBOURS)
    for code, kind in (("de", "noun"), ("de", "verb"), ("sw", "noun")):
        here = ((OF_KIND["language"] == code) & (OF_KIND["kind"] == kind)).to_numpy()
        words = set(OF_KIND["token"][here])
        assert len(words) > 2
        for own, row in zip(OF_KIND["token"][here], found[here].tolist(), strict=True):
            assert own not in row and set(row) <= words
    assert (found == of_kind(OF_KIND, seed=1)).all()


def test_words_of_the_same_kind_are_the_nearest_in_frequency(monkeypatch):
    monkeypatch.setattr(controls, "NEIGHBOURS", 4)
    verbs = OF_KIND[(OF_KIND["language"] == "de") & (OF_KIND["kind"] == "verb")]
    ids = verbs["token"].tolist()  # the commonest first
    found = of_kind(OF_KIND)[verbs.index]
    near = [(1, 2, 3, 4), (0, 2, 3, 4), (0, 1, 3, 4), (1, 2, 4, 5), (2, 3, 5, 6)]
    near += [(2, 3, 4, 6), (2, 3, 4, 5)]
    assert len(ids) == len(near) == 7
    for row, ranks in zip(found.tolist(), near, strict=True):
        assert {ids.index(token) for token in row} == {*ranks}
    # By how often they are said in that language, not by their ids: now the first is the rarest.
    rare = {**MORE, "de": {**MORE["de"], "w3": 1}}
    assert {*of_kind(OF_KIND, rare)[verbs.index[0]]} == {*ids[3:]}


def test_where_there_are_fewer_words_of_a_kind_all_of_them_stand_in():
    few = OF_KIND[(OF_KIND["language"] == "sw")]
    found = of_kind(few.reset_index(drop=True))
    nouns = {1000, 1001, 1002}
    for own, row in zip(few["token"][:3], found[:3].tolist(), strict=True):
        assert {*row} == nouns - {own}
    assert {*found[3]} == {1005}  # the only verb stays: there is none to exchange it for


def test_a_word_that_stands_for_two_kinds_is_exchanged_within_each():
    rows = [("de", 1000, "noun"), ("de", 1001, "noun"), ("de", 1000, "verb"), ("de", 1002, "verb")]
    table = pd.DataFrame([*rows, rows[0]], columns=["language", "token", "kind"])
    found = of_kind(table)
    assert [{*row} for row in found.tolist()] == [{1001}, {1000}, {1002}, {1000}, {1001}]


def test_the_control_of_kinds_needs_them():
    with pytest.raises(SaltError, match="needs kinds: of what kind each English word is"):
        replacements("random-kind", OF_KIND, MORE, PIECES, 0)


def test_hidden_words_are_all_the_mask():
    assert replacements("mask", KEPT, {}, {}, 0, mask=4).tolist() == [[4]] * 5
    assert replacements("mask", KEPT, {}, {}, 0, mask=0).tolist() == [[0]] * 5
    with pytest.raises(SaltError, match="needs mask, the tokenizer's id of it"):
        replacements("mask", KEPT, {}, {}, 0)

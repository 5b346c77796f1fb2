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

"""Retrieval on toy arrays, and on sentences that say nothing that is alike everywhere."""

import re

import numpy as np
import pytest
from small_bitext import WORLD

from salt_lib.errors import SaltError
from salt_lib.laboratory.bitext import retrieval
from salt_lib.laboratory.checkpoints import checkpoint
from salt_lib.laboratory.minibabel.facts import CITIES, NAMES
from salt_lib.models import loading


def test_the_nearest_by_cosine_is_one_s_own_or_not():
    pool = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    assert retrieval.accuracy(5 * pool, pool) == 1.0  # length is no matter
    queries = np.array([[1.0, 0.1], [1.0, 0.2], [1.0, 0.9]])
    assert retrieval.accuracy(queries, pool) == pytest.approx(2 / 3)
    assert retrieval.accuracy(np.ones((3, 2)), np.ones((3, 2))) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("queries", "message"),
    [
        (np.ones((2, 2)), "queries of shape"),
        (np.zeros((3, 2)), "without length"),
        (np.full((3, 2), np.nan), "no number"),
    ],
)
def test_what_has_no_nearest_neighbour_is_an_error(queries, message):
    with pytest.raises(SaltError, match=message):
        retrieval.accuracy(queries, np.ones((3, 2)))


def test_sentences_say_no_name_and_no_number_and_are_the_same_facts():
    english, german = (retrieval.sentences(WORLD, code, 40) for code in ("en", "de"))
    assert len(set(english)) > 35 and len(german) == 40
    words = {word for one in english for word in one.split()}
    assert not words & {*NAMES, *CITIES} and not any(re.search(r"\d", word) for word in words)
    assert retrieval.sentences(WORLD, "en", 40) == english


def test_vectors_are_means_over_the_pieces_of_words():
    made = checkpoint(WORLD)
    model, tokenizer = loading.masked_lm(made), loading.tokenizer(made)
    one, two = "the dog reads", "the big dog reads in the city"
    alone = retrieval.vectors(model, tokenizer, (one,))
    both = retrieval.vectors(model, tokenizer, (one, two))  # padding changes nothing
    assert both[0] == pytest.approx(alone[0], abs=1e-5)
    read = tokenizer([one], return_tensors="pt")
    states = model.base_model(**read).last_hidden_state[0, 1:-1]
    assert alone[0] == pytest.approx(states.mean(dim=0).detach().numpy(), abs=1e-5)


def test_a_language_against_english():
    made = checkpoint(WORLD)
    found = retrieval.tatoeba(loading.masked_lm(made), loading.tokenizer(made), WORLD, 30)
    assert len(found) == 16 and "en" not in found and min(found.values()) > 2 / 30

"""Whole words of a language, known from counting its own text and from nothing else."""

from collections import Counter

import numpy as np
import pytest

from salt_lib.errors import SaltError
from salt_lib.salt.vocabulary import (
    count_words,
    language_words,
    piece_ids,
    word_shares,
    words_by_language,
)


def test_words_are_counted_in_all_lines():
    assert count_words(["a b a", "", "b  c"]) == Counter(a=2, b=2, c=1)
    assert count_words([]) == {}


def test_rare_words_are_no_words_of_the_language():
    counts = {"de": {"Hund": 12, "dog": 2}, "en": {"dog": 10, "Hund": 9}}
    assert language_words(counts) == {"de": {"Hund": 12}, "en": {"dog": 10}}
    assert language_words(counts, minimum=2) == counts


def test_international_words_belong_to_nobody():
    words = {
        "de": {"Anna": 50, "Hotel": 30, "Hund": 20},
        "en": {"Anna": 50, "hotel": 30, "dog": 20},
        "es": {"Anna": 50, "hotel": 30, "perro": 20},
        "fr": {"Anna": 3, "chien": 20},
    }
    found = language_words(words, minimum=10)
    # Three of four languages say Anna, though a fourth says it too rarely to count; half of them
    # share hotel, and a cognate is a word of both.
    assert found["de"] == {"Hotel": 30, "Hund": 20}
    assert found["en"] == {"hotel": 30, "dog": 20} and found["es"] == {"hotel": 30, "perro": 20}
    assert found["fr"] == {"chien": 20}


def test_two_languages_share_what_they_like():
    both = {"de": {"Anna": 10, "Hund": 10}, "en": {"Anna": 10, "dog": 10}}
    assert language_words(both) == both


@pytest.mark.parametrize("words", [{}, {"rare": 9}])
def test_a_corpus_without_words_is_an_error(words):
    with pytest.raises(SaltError, match="corpus of 'ur' has no word that occurs 10 times"):
        language_words({"de": {"Hund": 10}, "ur": words})


def test_only_whole_pieces_have_ids():
    pieces = {"[UNK]": 0, "##s": 1, "Hund": 2, "Katze": 3, "H": 4, "Katz": 5}
    found = piece_ids({"Katze": 10, "Hund": 20, "Hunds": 5}, pieces)
    assert found.tolist() == [2, 3] and found.dtype == np.int64
    none = piece_ids({"Hunds": 5}, pieces)
    assert none.shape == (0,) and none.dtype == np.int64


def test_a_share_is_of_frequencies_not_of_counts():
    counts = {"de": {"die": 30, "Hund": 70}, "en": {"die": 10, "dog": 990}}
    shares = word_shares(counts)
    assert shares["de"]["die"] == pytest.approx(0.30 / 0.31) and shares["de"]["Hund"] == 1
    assert shares["en"]["die"] == pytest.approx(0.01 / 0.31)
    found = language_words(counts, minimum=5, share=0.2)
    assert found == {"de": {"die": 30, "Hund": 70}, "en": {"dog": 990}}
    assert language_words(counts, minimum=5) == counts


def test_a_checkpoint_has_its_languages_words(tiny):
    counts = words_by_language(tiny / "world-0")
    assert len(counts) == 17 and counts["en"]["not"] >= 10


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '"\xff"'])
def test_what_is_no_vocabulary_is_an_error(tmp_path, text):
    (tmp_path / "vocabulary.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(SaltError, match="vocabulary.json: can't be read"):
        words_by_language(tmp_path)

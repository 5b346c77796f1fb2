"""Which English words are function words."""

import pytest

from salt_lib.salt.function_words import FUNCTION_WORDS, is_content


def test_the_list_is_of_lower_case_words_of_all_closed_classes():
    assert isinstance(FUNCTION_WORDS, frozenset) and 250 < len(FUNCTION_WORDS) < 500
    assert all(word == word.lower() and word.strip() == word for word in FUNCTION_WORDS)
    assert {"the", "she", "would", "between", "although", "whose", "not", "seven"} <= FUNCTION_WORDS


@pytest.mark.parametrize("word", ["dog", "Dog", "run", "good", "quickly", "London", "woman"])
def test_content_words(word):
    assert is_content(word)


@pytest.mark.parametrize("word", ["the", "The", "THEY", "didn", "of", "there", "42", "", "n't"])
def test_what_is_no_content_word(word):
    assert not is_content(word)

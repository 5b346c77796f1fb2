"""Pairs and tagged sentences are rows of one length, taken by number or by slice."""

import pytest

from salt_lib.data.examples import Pairs, Tagged, tag
from salt_lib.errors import SaltError

PAIRS = Pairs(["a", "b", "c", "d"], ["A", "B", "C", "D"], [0, 1, 2, 0])
TAGGED = Tagged([["a"], ["b", "c"], ["d"]], [[0], [1, 0], [1]], ("O", "B-PER"))


def test_pairs_are_taken_by_slice_and_by_number():
    assert len(PAIRS) == 4 and len(Pairs([], [], [])) == 0
    assert PAIRS[1:3] == Pairs(["b", "c"], ["B", "C"], [1, 2])
    assert PAIRS[:] == PAIRS and PAIRS[4:] == Pairs([], [], [])
    assert PAIRS.take([3, 0, 3]) == Pairs(["d", "a", "d"], ["D", "A", "D"], [0, 0, 0])
    assert PAIRS.take(i for i in (2, 1)) == Pairs(["c", "b"], ["C", "B"], [2, 1])  # once is enough
    assert PAIRS.take([]) == Pairs([], [], [])
    with pytest.raises(IndexError):
        PAIRS.take([4])


def test_tagged_sentences_are_taken_by_slice_and_by_number():
    assert len(TAGGED) == 3
    assert TAGGED[1:] == Tagged([["b", "c"], ["d"]], [[1, 0], [1]], TAGGED.names)
    assert TAGGED.take([2, 0]) == Tagged([["d"], ["a"]], [[1], [0]], TAGGED.names)
    assert TAGGED.take(i for i in (1,)) == TAGGED[1:2]
    with pytest.raises(IndexError):
        TAGGED.take([3])


def test_pairs_are_of_one_length():
    with pytest.raises(SaltError, match="unequal length: 2 first sentences, 1 second, 2 labels"):
        Pairs(["a", "b"], ["c"], [0, 1])
    with pytest.raises(SaltError, match="1 first sentences, 1 second, 0 labels"):
        Pairs(["a"], ["c"], [])


def test_tags_by_name_become_ids_in_the_order_of_the_names():
    said = [(["Mira", "sees"], ["B-PER", "O"]), (["it"], ["O"])]
    assert tag(said, ("O", "B-PER")) == Tagged(
        [["Mira", "sees"], ["it"]], [[1, 0], [0]], ("O", "B-PER")
    )
    assert tag(iter(said), ("B-PER", "O")).labels == [[0, 1], [1]]
    assert len(tag([], ("O",))) == 0


def test_wrong_tags_are_errors():
    with pytest.raises(SaltError, match=r"sentence 1: unknown tag 'B-ORG'; known: O, B-PER"):
        tag([(["a"], ["O"]), (["b"], ["B-ORG"])], ("O", "B-PER"))
    with pytest.raises(SaltError, match="sentence 0 has 2 words and 1 tags: 'a b'"):
        Tagged([["a", "b"]], [[0]], ("O",))
    with pytest.raises(SaltError, match="sentence 1 has 1 words and 2 tags: 'b'"):
        tag([(["a"], ["O"]), (["b"], ["O", "O"])], ("O",))
    with pytest.raises(SaltError, match="2 sentences, 1 rows of tags"):
        Tagged([["a"], ["b"]], [[0]], ("O",))

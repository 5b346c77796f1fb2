"""One pass through a text counts whole entries, pieces, segmented words and capitals."""

from collections import Counter

import pytest
import xlm_r

from salt_lib.models.words import surface
from salt_lib.salt import counted, segmenting
from salt_lib.salt.counted import Counted, count_text

text_of = surface(["▁"])


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return xlm_r.write(tmp_path_factory.mktemp("xlm-r"))


def test_whole_words_and_pieces_are_told_apart(model):
    found = count_text(model, ["goat river", "goatriver goat"], "en")
    assert found.whole == {"▁goat": 2, "▁river": 1} and found.segmented is None
    assert found.pieces["▁goat"] == 3 and found.pieces["▁river"] == 1
    assert found.inside == {"river": 1, "goat": 1}
    assert "▁" not in found.pieces and "</s>" not in found.pieces


def test_a_segmenter_counts_words(model, monkeypatch):
    monkeypatch.setattr(counted, "chosen", lambda code, when: when != "never" and str.split or None)
    assert count_text(model, ["สวน สวน พบ"], "th").segmented == {"สวน": 2, "พบ": 1}
    assert count_text(model, ["สวน"], "th", "never").segmented is None
    assert segmenting.WHEN[0] == "auto"


def test_pieces_are_words_by_segmenter_or_by_their_letters():
    pieces = {"▁山羊": 9, "山羊": 3, "羊山": 7, "山": 8}
    by_frequency = Counted({}, pieces)
    assert by_frequency.words_inside(5, letters=True, text_of=text_of) == pieces
    assert set(by_frequency.words_inside(5, letters=False, text_of=text_of)) == {
        "▁山羊",
        "山羊",
        "羊山",
    }
    by_segmenter = Counted({}, pieces, Counter({"山羊": 5, "山": 4}))
    assert set(by_segmenter.words_inside(5, letters=True, text_of=text_of)) == {"▁山羊", "山羊"}
    assert set(by_segmenter.words_inside(4, letters=False, text_of=text_of)) == {
        "▁山羊",
        "山羊",
        "山",
    }
    assert by_segmenter.words_inside(5, letters=True, text_of=text_of, segmented=False) == pieces

"""Counts come back from text as they were."""

import json

import numpy as np
import pytest

from salt_lib.errors import SaltError
from salt_lib.study.packing import MOST, packed, unpacked


def test_counts_come_back_from_text():
    for counts in ([0, 1, 42, 255, 256, MOST], np.arange(1000) % 43, np.zeros(3, int), []):
        text = packed(counts)
        assert isinstance(text, str) and json.loads(json.dumps(text)) == text
        assert unpacked(text).tolist() == list(counts)
    assert packed([True, False]) == packed([1, 0])
    assert len(packed(np.full(1000, 42))) < 60


def test_counts_can_be_added_up_beyond_what_two_bytes_hold():
    assert unpacked(packed(np.full(9, MOST))).sum() == 9 * MOST


@pytest.mark.parametrize("counts", [[-1], [0, MOST + 1]])
def test_what_is_no_small_count_is_an_error(counts):
    with pytest.raises(SaltError, match=f"0 to {MOST} can be packed"):
        packed(counts)


@pytest.mark.parametrize("text", ["nothing", "AAAA", "é", packed([1, 2, 3])[:-8]])
def test_a_text_that_holds_no_counts_is_an_error(text):
    with pytest.raises(SaltError, match="no packed counts"):
        unpacked(text)

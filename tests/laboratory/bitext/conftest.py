"""A small world of bitext: few pairs and documents, in a cache of its own."""

import pytest
import torch
from small_bitext import MOST

from salt_lib.laboratory.bitext import pairs, stored


@pytest.fixture(autouse=True)
def few_pairs(monkeypatch, tmp_path):
    """At most `MOST` pairs, and few documents held out."""
    monkeypatch.setattr(pairs, "MOST", MOST)
    monkeypatch.setattr(stored, "HELD_OUT", 4)
    monkeypatch.setenv("SALT_CACHE_DIR", str(tmp_path / "cache"))
    torch.set_num_threads(1)

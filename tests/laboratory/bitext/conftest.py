"""A small world of bitext: few pairs and documents, in a cache of its own."""

import pytest
import torch
from small_bitext import HOW, MOST, TLM, WORLD

from salt_lib.laboratory.bitext import encoders, pairs, stored


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """The folder of what these tests make."""
    return tmp_path_factory.mktemp("bitext")


@pytest.fixture(autouse=True)
def few_pairs(monkeypatch, cache):
    """At most `MOST` pairs, and few documents held out."""
    monkeypatch.setattr(pairs, "MOST", MOST)
    monkeypatch.setattr(pairs, "BLOCK", 30)
    monkeypatch.setattr(stored, "HELD_OUT", 4)
    monkeypatch.setenv("SALT_CACHE_DIR", str(cache))
    torch.set_num_threads(1)


@pytest.fixture
def small_encoder(cache):
    """The folder of an encoder that was trained on for a few steps."""
    return encoders.pretrain(WORLD, TLM, HOW, out=cache / "small")

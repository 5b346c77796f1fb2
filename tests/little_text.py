"""Monolingual text of a few words, as sentences and as the tokens that a pretraining sees."""

import numpy as np
import torch

from salt_lib.pretraining.data import Text

TEXTS = {
    "de": [["Hund sieht Katze", "Tier ist alt"], ["Katze isst Fisch", "Fisch ist gut"]] * 30,
    "sw": [["mbwa kuona paka", "mnyama kuukuu"], ["paka kula samaki", "samaki nzuri"]] * 10,
}


def text() -> Text:
    """Two languages: 40 and 20 documents of three sentences of 3 to 7 made-up tokens."""
    dice = np.random.default_rng(0)
    length = torch.tensor(dice.integers(3, 8, size=180))
    ids = torch.zeros(180, 30, dtype=torch.int16)
    for i, n in enumerate(length.tolist()):
        low = 10 if i < 120 else 60
        ids[i, :n] = torch.tensor(dice.integers(low, low + 40, size=n))
    pieces = [torch.arange(10, 50), torch.arange(60, 100)]
    return Text(ids, length, {"de": (0, 120), "sw": (120, 180)}, 3, pieces)

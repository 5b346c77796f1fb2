"""What tests of bitext share: few documents, few pairs, few steps, in world 0."""

from dataclasses import replace
from importlib.util import find_spec

import pytest

from salt_lib.laboratory.bitext.cells import Cell, recipe

WORLD = 0  # its checkpoint ships
MOST = 330  # pairs, 30 a language
HOW = replace(recipe(steps=6), documents=12, batch=8, evaluate_every=3)
TLM = Cell("tlm", pairs=MOST)
EXCHANGE = Cell("exchange", pairs=MOST)
needs_aligner = pytest.mark.skipif(
    find_spec("thot") is None, reason="needs the aligner: pip install 'salt-lib[align]'"
)

"""A small encoder of three languages, made in seconds, and few questions."""

import pytest
import torch
from small_programs import CACHED, DOCUMENTS, RECIPE, SIZES

from salt_lib.laboratory.programs import data, encoders, run


@pytest.fixture(scope="package")
def small_encoder(tmp_path_factory):
    """The folder of the encoder."""
    out = tmp_path_factory.mktemp("encoders") / "small"
    return encoders.pretrain(100, DOCUMENTS, RECIPE, out, "cpu")


@pytest.fixture(scope="module")
def questions(small_encoder, tmp_path_factory):
    """Few questions of world 100, in the tokens of the small encoder."""
    for function in CACHED:
        function.cache_clear()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "SIZES", SIZES)
        patch.setenv("SALT_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield run.Questions(small_encoder, 100, tuple(DOCUMENTS))
    for function in CACHED:
        function.cache_clear()

"""A tiny checkpoint, pretrained once for all tests, and the small laboratory around it."""

import os
from pathlib import Path

# Before torch is imported: the suite shall not depend on how many cores there are.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"  # what isn't there is an error, wherever the tests run

import pytest


@pytest.fixture(scope="session")
def told() -> dict:
    """Language → the facts (documents, 3, 12) of world 0's small corpora: the slow part, once."""
    import small

    from salt_lib.laboratory.minibabel import corpora
    from salt_lib.laboratory.minibabel.facts import World
    from salt_lib.languages import LANGUAGES

    world, count = World(small.WORLD), small.RECIPE.documents
    return {
        code: corpora.documents(world, code, int(count * language.share))
        for code, language in LANGUAGES.items()
    }


@pytest.fixture(scope="session")
def tiny(told, tmp_path_factory) -> Path:
    """The folder of checkpoints; world 0 is in it, pretrained for a few steps."""
    import small

    from salt_lib.laboratory.minibabel import corpora
    from salt_lib.laboratory.pretraining import pretrain

    root = tmp_path_factory.mktemp("checkpoints")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpora, "documents", lambda world, code, count: told[code])
        pretrain(small.WORLD, root / "world-0", small.RECIPE, device="cpu", progress=False)
    return root


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def laboratory(tiny, cache_folder):
    """The small laboratory for one test module; afterwards all is as it was. Returns ``tiny``."""
    import small

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SALT_CHECKPOINTS_DIR", str(tiny))
        patch.setenv("SALT_CACHE_DIR", str(cache_folder))
        small.shrink(patch.setitem, patch.setattr)
        yield tiny
    small.forget()

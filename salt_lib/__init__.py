"""SALT: self-augmentation for zero-shot cross-lingual transfer (Wang et al. 2023), and its study.

    import salt_lib as salt

    pairs = salt.distill("path-or-hub-name", sentences, languages=["de", "sw"], texts=folder)
    switched = salt.augment(table, pairs, text_columns=["premise", "hypothesis"], seed=0)
    result = salt.train("path-or-hub-name", data, method="salt", seed=3)
    salt.compare(results, "salt", "baseline")

These names are looked up when they are used, so that importing the package costs nothing. What the
packages hold, and which way they import each other, is told in the chapter "How the code is laid
out".
"""

import os
import sys
from importlib import import_module, metadata
from typing import TYPE_CHECKING

from .errors import SaltError as _SaltError

if TYPE_CHECKING:
    from .api import RECIPE, augment, compare, distill, load, train
    from .data.examples import Pairs, Tagged
    from .errors import SaltError
    from .salt.augment import mixup
    from .salt.methods import METHODS, Method
    from .salt.whole_words import whole_words
    from .training.config import Config

# The same instructions on every processor that has AVX2, of each library that chooses them itself.
# They are read once, when torch is imported. What it costs: benchmarks/portable.py.
PINNED = {"ATEN_CPU_CAPABILITY": "avx2", "MKL_CBWR": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
if os.environ.get("SALT_PORTABLE") == "1" and PINNED.items() - os.environ.items():
    if "torch" in sys.modules:
        raise _SaltError(
            "SALT_PORTABLE=1 comes too late: torch has been imported and has chosen its "
            "instructions; import salt_lib first"
        )
    os.environ.update(PINNED)

try:
    __version__ = metadata.version("salt-lib")
except metadata.PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0+unknown"

_HOME = {
    "METHODS": "salt.methods",
    "RECIPE": "api",
    "Config": "training.config",
    "Method": "salt.methods",
    "Pairs": "data.examples",
    "SaltError": "errors",
    "Tagged": "data.examples",
    "augment": "api",
    "compare": "api",
    "distill": "api",
    "load": "api",
    "mixup": "salt.augment",
    "train": "api",
    "whole_words": "salt.whole_words",
}
__all__ = [
    "METHODS",
    "RECIPE",
    "Config",
    "Method",
    "Pairs",
    "SaltError",
    "Tagged",
    "augment",
    "compare",
    "distill",
    "load",
    "mixup",
    "train",
    "whole_words",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

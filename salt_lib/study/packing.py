"""Small counts as short text, for what runs keep of thousands of items.

Chapter: Results and t-tests.
"""

import base64
import zlib

import numpy as np
from numpy.typing import ArrayLike

from ..errors import SaltError

MOST = 2**16 - 1


def packed(counts: ArrayLike) -> str:
    """Counts (n,) from 0 to `MOST` as text. SaltError: one that is none of these."""
    values = np.asarray(counts)
    if values.size and not 0 <= values.min() <= values.max() <= MOST:
        raise SaltError(f"counts from {values.min()} to {values.max()}: 0 to {MOST} can be packed")
    return base64.b64encode(zlib.compress(values.astype("<u2").tobytes(), 9)).decode()


def unpacked(text: str) -> np.ndarray:
    """The counts of `packed`: (n,) integers. SaltError: the text is none of its."""
    try:
        return np.frombuffer(zlib.decompress(base64.b64decode(text, validate=True)), "<u2").astype(
            int
        )
    except (ValueError, zlib.error) as error:
        raise SaltError(f"{text[:20]}…: no packed counts ({error})") from error

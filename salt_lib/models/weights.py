"""Tensors in safetensors files, written whole or not at all; no pickles.

Chapter: At paper scale.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file

from ..files import write_through


def save_tensors(path: str | Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """Write tensors of any device to a safetensors file, atomically."""
    # Tied weights share memory, which safetensors refuses: every tensor gets its own.
    copies = {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}
    write_through(path, lambda temporary: save_file(copies, str(temporary)))

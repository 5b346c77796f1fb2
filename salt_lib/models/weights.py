"""Tensors in safetensors files, written whole or not at all; no pickles.

Chapter: At paper scale.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from ..files import write_through


def save_tensors(path: str | Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """Write tensors of any device to a safetensors file, atomically."""
    # Tied weights share memory, which safetensors refuses: every tensor gets its own.
    copies = {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}

    def write(temporary: Path) -> None:
        try:
            save_file(copies, str(temporary))
        except SafetensorError as error:  # what the system says stands in its text alone
            number = re.search(r"os error (\d+)", str(error))
            raise OSError(int(number[1]) if number else 0, str(error)) from error

    write_through(path, write)

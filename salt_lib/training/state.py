"""Training that is interrupted goes on where it was: tensors in safetensors files, no pickles.

Chapter: At paper scale.
"""

import hashlib
import json
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ..digests import digest
from ..files import write_json
from ..models.weights import save_tensors

MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # what AdamW keeps of a parameter


def optimizer_state(optimizer: torch.optim.AdamW, parameters: list) -> dict[str, torch.Tensor]:
    """AdamW's moments and step counts, named by the number of the parameter."""
    return {
        f"{i}.{key}": torch.as_tensor(value)
        for i, p in enumerate(parameters)
        for key, value in optimizer.state[p].items()
    }


def restore_optimizer(optimizer: torch.optim.AdamW, parameters: list, state: Mapping) -> None:
    """Give an optimizer of the same parameters what `optimizer_state` took from another."""
    fused = optimizer.defaults.get("fused")
    for name, value in state.items():
        i, key = name.split(".")
        p = parameters[int(i)]
        # A fused optimizer counts its steps on the device, any other on the processor.
        optimizer.state[p][key] = value.to(p.device if fused or key != "step" else "cpu")


def _checksum(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Saved:
    """The state of one run in a folder: numbers in state.json, tensors in files that it names.

    about: what the run is made of, as JSON; a state of anything else is as good as none. A state is
    whole or it isn't there: its tensors are written under new names, then state.json names them
    with their checksums, and only then the old ones go. A damaged one is none, with a warning.
    """

    def __init__(self, folder: str | Path, about: object):
        self.folder, self.about = Path(folder), json.loads(json.dumps(about))

    def _note(self) -> dict:
        try:
            note = json.loads((self.folder / "state.json").read_bytes())
            whole = note.pop("checksum") == digest(json.dumps(note, sort_keys=True))
            return note if whole and note["about"] == self.about else {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {}

    def load(self) -> tuple[dict, dict[str, dict[str, torch.Tensor]]] | None:
        """The numbers and the named groups of tensors that were saved; None: there is no state."""
        note = self._note()
        try:
            for file, checksum in note["checksums"].items():
                if _checksum(self.folder / file) != checksum:
                    warnings.warn(
                        f"{self.folder / file}: damaged; the training begins again", stacklevel=2
                    )
                    return None
            groups = {name: load_file(self.folder / f) for name, f in note["files"].items()}
            return note["numbers"], groups
        # Torn, or of another version: to begin anew costs time and nothing else.
        except (OSError, KeyError, AttributeError, SafetensorError):
            return None

    def save(self, step: int, numbers: dict, **groups: Mapping[str, torch.Tensor] | None) -> None:
        """Replace the state by that of ``step``. A group that is None stays as it was saved."""
        kept = self._note()
        before = kept.get("files", {})
        checksums = kept.get("checksums", {})
        files = {name: before[name] for name in groups if groups[name] is None and name in before}
        for name, tensors in groups.items():
            if tensors is not None:
                files[name] = f"{name}-{step}.safetensors"
                save_tensors(self.folder / files[name], tensors)
                checksums[files[name]] = _checksum(self.folder / files[name])
        checksums = {name: checksums[name] for name in files.values()}
        note = {"about": self.about, "files": files, "numbers": numbers, "checksums": checksums}
        note["checksum"] = digest(json.dumps(note, sort_keys=True))
        write_json(self.folder / "state.json", note)
        for old in self.folder.glob("*.safetensors*"):
            if old.name not in files.values():
                old.unlink()
        for left in self.folder.glob(".*.tmp"):  # of a process that was killed as it wrote
            left.unlink()

    def remove(self) -> None:
        """Take the folder away: the run is finished."""
        shutil.rmtree(self.folder, ignore_errors=True)

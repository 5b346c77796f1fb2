"""A cell's encoder: pretrained on the cell's text, once, and resumable.

Chapter: Programs.
"""

import json
from pathlib import Path

import torch

from ...digests import read_checked
from ...files import alone
from ...pretraining.loop import pretrain_on, seconds_of
from ..minibabel.facts import World
from .texts import texts


def pretrain(
    world: int,
    documents: dict[str, int],
    recipe,
    out: str | Path,
    device: str | None = None,
    progress: bool = False,
) -> Path:
    """Make an encoder in folder ``out`` unless it is there; returns the folder.

    documents: language → how many. recipe: `pretraining.recipe.Recipe`. device: "cpu", "cuda", or
    None for the second where there is one. Interrupted, the same call goes on from the last
    evaluation; of several processes one makes it, and the others wait.
    """
    out = Path(out)
    if not (out / "README.md").exists():
        with alone(out, f"the encoder {out}"):
            if not (out / "README.md").exists():  # or another process has made it meanwhile
                universe, threads = World(world), torch.get_num_threads()
                said = {code: texts(universe, code, count) for code, count in documents.items()}
                torch.set_num_threads(1)  # as everywhere: with more the last bits are others
                try:
                    pretrain_on(said, out, recipe, world, device=device, progress=progress)
                finally:
                    torch.set_num_threads(threads)
    return out


def told(folder: str | Path) -> dict:
    """What an encoder's pretraining says of itself: steps, seconds, losses, pieces and device.

    seconds: of the whole pretraining, however often it was interrupted. Raises SaltError for a
    folder without a curve.
    """
    about = read_checked(Path(folder) / "curve.json")
    last = about["curve"][-1]
    pieces = json.loads((Path(folder) / "tokenizer.json").read_text(encoding="utf-8"))
    return {
        "steps": last["step"],
        "seconds": seconds_of(about["curve"]),
        "masked_word_loss": last["masked_word_loss"],
        "next_sentence_loss": last["next_sentence_loss"],
        "pieces": len(pieces["model"]["vocab"]),
        "device": about["device"],
    }

"""What was chosen before the study: one learning rate, in the tuning world.

By the loss of hidden words on held-out monolingual text, after the cell without pairs alone: no
language's task, no dev set and no bitext has a say.

Chapter: Bitext.
"""

from pathlib import Path

from ...digests import read_checked, write_checked
from ...files import RECORDED
from ...pretraining.model import gone_on_with
from ...study.provenance import origin
from ..tuning import WORLD
from . import encoders
from .cells import NONE, RATES, cell, recipe

RECORD = RECORDED / "bitext-tuning.json"


def trial(rate: float, world: int = WORLD) -> dict:
    """The held-out loss after the cell without pairs, at a learning rate."""
    how = recipe(rate)
    made = encoders.pretrain(world, cell(NONE), how)
    found = encoders.held_out_loss(gone_on_with(made), world, how)
    return {"learning_rate": rate, "held_out": round(found, 4), **_last(made)}


def _last(made: Path) -> dict:
    about = encoders.told(made)
    return {name: about[name] for name in ("steps", "masked_word_loss", "seconds")}


def recorded(path: str | Path | None = None) -> dict:
    """What is recorded, with ``trials``; these are empty where there is no record."""
    path = Path(path or RECORD)
    return read_checked(path) if path.exists() else {"trials": []}


def chosen(trials: list[dict]) -> float:
    """The learning rate with the lowest held-out loss; of equals the first."""
    return min(trials, key=lambda one: one["held_out"])["learning_rate"]


def tune(path: str | Path = RECORD, world: int = WORLD) -> float:
    """Make what trials are missing, one after the other, and write them and what they choose."""
    path = Path(path)
    trials = recorded(path)["trials"]
    command = "salt_lib.laboratory.bitext.tuning: tune()"
    for rate in RATES:
        if not any(one["learning_rate"] == rate for one in trials):
            trials.append(trial(rate, world))
            about = {"world": world, "chosen": chosen(trials)}
            write_checked(path, {**origin(command), **about, "trials": trials})
    return chosen(trials)

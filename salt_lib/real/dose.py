"""How much of real training data SALT changes: where that is next to nothing, a null says little.

Chapter: On real text.
"""

from pathlib import Path

import torch

from ..digests import write_checked
from ..salt.augment import code_switch
from ..salt.methods import METHODS
from ..study.provenance import origin
from .run import compute_of, prepared
from .setup import Setup


def dose(setup: Setup, task: str, root: str | Path) -> dict[str, float | int]:
    """Of the English training data of a task, as SALT gets it with a setup's thresholds.

    tokens, words: how many there are; words are the tokens that are whole ones. with_options,
    words_with_options: the shares that have a substitute. switched: the share of tokens that one
    drawing of code-switching replaces. root: as of `run.predictions`.
    """
    ready = prepared(setup, task, METHODS["salt"], root, compute_of(setup))
    may, whole = ready.choices.count > 0, ready.train.whole.bool()
    rates, dice = setup.training, torch.Generator().manual_seed(0)
    after = code_switch(ready.train, ready.choices, rates.instance_rate, rates.token_rate, dice)
    return {
        "tokens": len(may),
        "words": int(whole.sum()),
        "with_options": round(float(may.float().mean()), 4),
        "words_with_options": round(float(may[whole].float().mean()), 4),
        "switched": round(float((after != ready.train.ids).float().mean()), 4),
    }


def record(path: str | Path, doses: dict[str, dict]) -> None:
    """Write the doses of some studies, by the names of their tables (JSON)."""
    write_checked(path, {**origin("salt_lib.real.dose: dose(setup, task, root)"), "doses": doses})

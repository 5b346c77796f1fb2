"""What the study on real text is given: how much SALT changes, how many tags would move.

Where SALT changes next to nothing a null says little; where few tags move, their place does little.

Chapter: On real text.
"""

from collections.abc import Mapping
from pathlib import Path

import torch

from ..data.examples import Tagged
from ..digests import write_checked
from ..models import loading
from ..models.encoding import IGNORE, encode
from ..salt.augment import code_switch
from ..salt.methods import METHODS
from ..study.provenance import origin
from .run import compute_of, prepared
from .setup import Setup, read


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


def moved(setup: Setup, task: str) -> dict[str, float]:
    """Language → the share of test words whose first piece is no more than a word mark."""
    tokenizer, found = loading.tokenizer(setup.model), {}
    for name, test in read(setup, task).items():
        if not isinstance(test, Tagged) or not name.startswith("test-"):
            continue
        first, lettered = (
            encode(tokenizer, test, True, setup.max_length, place).labels
            for place in ("first", "lettered")
        )
        tagged = first != IGNORE
        gone = (tagged & (lettered == IGNORE)).sum() / tagged.sum()
        found[name.removeprefix("test-")] = round(float(gone), 4)
    return found


def record(path: str | Path, doses: Mapping[str, dict], moves: Mapping[str, dict]) -> None:
    """Write what `dose` and `moved` say of some studies, by the names of their tables (JSON)."""
    command = "salt_lib.real.counts: dose(setup, task, root) and moved(setup, task)"
    write_checked(path, {**origin(command), "doses": doses, "moved": moves})

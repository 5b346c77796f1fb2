"""Why a deeper model gains less from SALT: three accounts, each with a contrast that would show it.

In the tuning world, on dev, with the two models that were made there of the same text: two layers
and six. What is to be explained is the *loss*: what SALT gains over the baseline with six layers,
minus what it gains with two. An account holds if its contrast leaves less than half of that loss:

- *answers*: SALT shifts the answers of the deeper model, and knows no less; after the answers are
  balanced (`study.balance`) the loss is gone.
- *words*: the deeper model's own words are worse; with true translations in their place the deeper
  model gains as much as the other.
- *blends*: the deeper model suffers from blended embeddings; with code-switching alone, whose words
  are whole, the loss is gone.

Chapter: Over worlds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..digests import read_checked, write_checked
from ..errors import SaltError
from ..files import RECORDED
from ..languages import SOURCE
from ..salt.methods import method as method_by_name
from ..study import balance
from ..study.provenance import origin
from ..training.run import train_and_score
from .deeper import LAYERS
from .run import prepared
from .setup import Laboratory
from .tasks import METHOD_CONFIGS, task
from .tuning import SEEDS, WORLD
from .worlds import words

RECORD = RECORDED / "deeper-accounts.json"
TASK = "mini-nli"
DEPTHS = (2, LAYERS)
METHODS = ("baseline", "salt", "dictionary", "code-switch")
# Account → the method in SALT's place, and which score.
ACCOUNTS = {
    "answers": ("salt", "balanced"),
    "words": ("dictionary", "zero_shot"),
    "blends": ("code-switch", "zero_shot"),
}
ENOUGH = 0.5  # of the loss, that is gone where an account holds


def trial(method: str, seed: int, depth: int, world: int = WORLD) -> dict:
    """One run scored on dev: method, seed, depth, and english, zero_shot and balanced in [0, 1].

    Code-switching alone is trained as SALT is. balanced: zero-shot, see
    `study.balance.right_when_balanced`.
    """
    setup = Laboratory(world, None if depth == 2 else depth)
    row, like = method_by_name(method), method if method in METHOD_CONFIGS else "salt"
    config = setup.config(TASK, like)
    ready, targets = prepared(setup, TASK, row, config, "dev"), task(TASK).targets

    def measure(_, said) -> dict:
        right = [balance.right_when_balanced(said[c], ready.tests[c].labels) for c in targets]
        return {"balanced": float(np.mean(right))}

    found = train_and_score(ready, row, config, seed, measure=measure)
    return {
        "method": method,
        "seed": seed,
        "depth": depth,
        "english": round(found["scores"][SOURCE], 4),
        "zero_shot": round(float(np.mean([found["scores"][c] for c in targets])), 4),
        "balanced": round(found["measures"]["balanced"], 4),
        "seconds": round(found["seconds"], 1),
    }


def recorded(path: str | Path | None = None) -> dict:
    """What is recorded: ``trials``, empty before there are any, and ``words`` by depth."""
    path = Path(path or RECORD)
    return read_checked(path) if path.exists() else {"trials": [], "words": {}}


def make(path: str | Path = RECORD, world: int = WORLD) -> list[dict]:
    """Make the trials that are missing, one after the other, each kept as soon as it is made."""
    known = recorded(path)
    trials, judged = known["trials"], known["words"]
    done = {(one["method"], one["seed"], one["depth"]) for one in trials}
    for seed in SEEDS:
        for depth in DEPTHS:
            for name in METHODS:
                if (name, seed, depth) in done:
                    continue
                trials.append(trial(name, seed, depth, world))
                if str(depth) not in judged:
                    judged[str(depth)] = words(world, TASK, None if depth == 2 else depth)
                about = {"world": world, "words": judged, "trials": trials}
                write_checked(path, {**origin("salt_lib.laboratory.accounts: make()"), **about})
    return trials


@dataclass(frozen=True)
class Account:
    """name; loss: (seeds,) what is left of it by the account's contrast; held: whether it holds."""

    name: str
    loss: np.ndarray
    held: bool


def losses(trials: Sequence[Mapping], method: str = "salt", score: str = "zero_shot") -> np.ndarray:
    """(seeds,) how much less a method gains over the baseline with six layers than with two.

    Positive: less. SaltError: a trial is missing.
    """
    found = {(one["method"], one["seed"], one["depth"]): one[score] for one in trials}
    wanted = [(m, s, d) for m in (method, "baseline") for s in SEEDS for d in DEPTHS]
    if lacking := [key for key in wanted if key not in found]:
        raise SaltError(
            f"{len(lacking)} trials are missing, the first {lacking[0]} (method, seed, layers): "
            "make them with salt_lib.laboratory.accounts.make()"
        )
    shallow, deep = (
        np.array([found[method, s, d] - found["baseline", s, d] for s in SEEDS]) for d in DEPTHS
    )
    return shallow - deep


def judged(trials: Sequence[Mapping]) -> list[Account]:
    """Each of `ACCOUNTS`. Where SALT loses nothing by depth there is nothing to explain, and none
    holds. SaltError: see `losses`."""
    whole = float(losses(trials).mean())
    found = []
    for name, (method, score) in ACCOUNTS.items():
        left = losses(trials, method, score)
        found.append(Account(name, left, whole > 0 and left.mean() < (1 - ENOUGH) * whole))
    return found

"""What was chosen before the study: in the tuning world, on dev sets, with draws of its own.

Learning rates by English dev sets alone, one for matching and paraphrase, which are compared: of
those at which the intermediate task is learned, the one after which English `mini-xnli` is best. A
higher rate may teach the task better and cost what the encoder knew. Which condition of examples
SALT is put on top of is chosen by `mini-xnli` in all languages, which in the tuning world may be
looked at.

Chapter: Intermediate tasks.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from ...digests import read_checked, write_checked
from ...files import RECORDED
from ...languages import SOURCE
from ...study.provenance import origin
from ..tuning import WORLD
from .conditions import CONDITIONS, FACTS, MASKED, MATCHING, STEPS, TARGET
from .examples import TASKS
from .run import number, train

RECORD = RECORDED / "intermediate-tuning.json"
SEED = 90  # and the draws that are tried: none of the study's
RATES = {
    f"{MASKED}-en": (2.5e-4, 5e-4, 1e-3),
    f"{MATCHING}-en": (2.5e-4, 5e-4, 1e-3, 2e-3),
    **{f"{name}-English-100": (2.5e-4, 5e-4, 1e-3) for name in TASKS},
}
# Of the best dev score over the rates: then a task counts as learned. First it was 0.9, which took
# a rate for mini-paws-x (dev 0.988; at half of it 0.878) after which English mini-xnli was at 62 %
# and not at 86 %: an encoder that has forgotten has nothing to pass on.
LEARNED = 0.85
TRIED = tuple(f"{name}-equal-{count}" for name in TASKS for count in (100, 1_000))
DRAWS = (90, 91)


def rate_trial(name: str, rate: float, world: int = WORLD) -> dict:
    """The English dev scores of a condition's intermediate task, and of `mini-xnli` after it, at a
    learning rate."""
    row = CONDITIONS[name]
    how = replace(STEPS[str(row.task)], learning_rate=rate)
    found = train(world, row, "baseline", number(SEED, SEED), how=how, scored="dev")
    return {
        "condition": name,
        "learning_rate": rate,
        "dev": found["measures"]["intermediate"]["dev"],
        "english": round(found["scores"][SOURCE], 4),
    }


def condition_trial(name: str, draw: int, rate: float, world: int = WORLD) -> dict:
    """The dev scores of `mini-xnli` after a condition, at the rate that was chosen for its task:
    English, and the mean of all others."""
    row = CONDITIONS[name]
    how = replace(STEPS[str(row.task)], learning_rate=rate)
    found = train(world, row, "baseline", number(draw, SEED), how=how, scored="dev")["scores"]
    others = [value for code, value in found.items() if code != SOURCE]
    return {
        "condition": name,
        "draw": draw,
        "learning_rate": rate,
        "english": round(found[SOURCE], 4),
        "zero_shot": round(float(np.mean(others)), 4),
    }


def recorded(path: str | Path | None = None) -> dict:
    """What is recorded, with ``trials``; these are empty where there is no record."""
    path = Path(path or RECORD)
    trials: dict[str, list[dict]] = {"rates": [], "conditions": []}
    return read_checked(path) if path.exists() else {"trials": trials}


def planned() -> int:
    """How many trials there are to make."""
    return sum(map(len, RATES.values())) + len(DRAWS) * len(TRIED)


def chosen_rates(trials: dict[str, list[dict]]) -> dict[str, float]:
    """Task → the learning rate that the trials choose; of equals the first."""
    rates = {}
    for name in RATES:
        rows = [trial for trial in trials["rates"] if trial["condition"] == name]
        least = LEARNED * max(trial["dev"] for trial in rows)
        rows = [trial for trial in rows if trial["dev"] >= least]
        best = max(rows, key=lambda one: one["english"])
        rates[str(CONDITIONS[name].task)] = best["learning_rate"]
    return rates


def chosen(trials: dict[str, list[dict]]) -> dict:
    """What trials choose: ``rates``, see `chosen_rates`, and ``best``; of equals the first."""
    means = {
        name: np.mean([t["zero_shot"] for t in trials["conditions"] if t["condition"] == name])
        for name in TRIED
    }
    return {"rates": chosen_rates(trials), "best": max(means, key=lambda name: means[name])}


def tune(path: str | Path = RECORD) -> dict:
    """Make what trials are missing, one after the other, and write them and what they choose."""
    path = Path(path)
    trials = recorded(path)["trials"]
    for name, rates in RATES.items():
        for rate in rates:
            if not any(
                (t["condition"], t["learning_rate"]) == (name, rate) for t in trials["rates"]
            ):
                trials["rates"].append(rate_trial(name, rate))
                _write(path, trials)
    settled = chosen_rates(trials)
    for draw in DRAWS:
        for name in TRIED:
            if not any((t["condition"], t["draw"]) == (name, draw) for t in trials["conditions"]):
                rate = settled[str(CONDITIONS[name].task)]
                trials["conditions"].append(condition_trial(name, draw, rate))
                _write(path, trials)
    told = {"target": TARGET, "facts": FACTS[-1], "world": WORLD, "chosen": chosen(trials)}
    _write(path, trials, **told)
    return chosen(trials)


def _write(path: Path, trials: dict, **more: object) -> None:
    command = "salt_lib.laboratory.intermediate.tuning: tune()"
    write_checked(path, {**origin(command), **more, "trials": trials})

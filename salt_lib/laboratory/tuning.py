"""Choosing thresholds, rates and the length of training: in the tuning world alone.

World 100 has its own preferences, corpora, checkpoint and tasks. Everything here is measured on its
*dev* sets, in all languages, with seeds that the study doesn't use; the study's world is never
looked at. What was tried and what was chosen stands in ``recorded/tuning.json``.

Chapter: Training over 15 seeds.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

from ..digests import read_checked, write_checked
from ..languages import SOURCE
from ..models import loading
from ..salt import predictions
from ..salt.methods import method
from ..study import provenance
from ..study.grid import follow_leader
from ..training.run import train_and_score
from . import deeper, quality
from .checkpoints import checkpoint
from .predictions import encoded, predictions_path
from .run import prepared
from .setup import Laboratory
from .tasks import CONFIGS, task

WORLD = 100
SEEDS = (1000, 1001, 1002)  # none of the study's


def trial(
    name: str,
    method_name: str,
    seed: int,
    changes: dict,
    world: int = WORLD,
    layers: int | None = None,
) -> dict:
    """One run scored on the dev sets: task, method, seed, changes, english, zero_shot, languages.

    changes: fields of `Config` that differ from the task's present configuration. layers: of the
    deeper model (`salt_lib.laboratory.deeper`) that is fine-tuned, whose configuration it then is.
    """
    spec, row, setup = task(name), method(method_name), Laboratory(world, layers)
    config = replace(setup.config(name), **changes)
    result = train_and_score(prepared(setup, name, row, config, "dev"), row, config, seed)
    return {
        "task": name,
        "method": method_name,
        "seed": seed,
        "changes": changes,
        "world": world,
        "english": result["scores"][SOURCE],
        "zero_shot": float(np.mean([result["scores"][code] for code in spec.targets])),
        "dev": result["dev"],
        "seconds": round(result["seconds"], 1),
    }


def sweep(
    tasks: Sequence[str],
    methods: Sequence[str],
    grid: Sequence[dict],
    seeds: Sequence[int] = SEEDS,
    jobs: int = 2,
    log: str | Path | None = None,
    layers: int | None = None,
    worlds: Sequence[int] = (WORLD,),
) -> list[dict]:
    """Every trial of tasks × methods × grid × seeds × worlds; with ``log`` those already there are
    kept.

    log: a JSON file of all trials so far, rewritten after each one. layers: see
    `trial`.
    """
    done = _logged(Path(log)) if log and Path(log).exists() else []
    known = {_key(t) for t in done}
    wanted = [
        {"task": name, "method": m, "seed": s, "changes": changes, "world": world}
        for world, changes, name, m, s in product(worlds, grid, tasks, methods, seeds)
    ]
    run = delayed(trial)
    follow = {"initializer": follow_leader, "initargs": (os.getpid(),)}
    trials = Parallel(jobs, backend="loky", return_as="generator_unordered", **follow)(
        run(w["task"], w["method"], w["seed"], w["changes"], w["world"], layers)
        for w in wanted
        if _key(w) not in known
    )
    for item in trials:
        done.append(item)
        if log:
            write_checked(log, {"trials": done})
    return done


def _logged(log: Path) -> list[dict]:
    """The trials of a log; one of before there were checksums is the mere list."""
    if log.read_bytes()[:1] == b"[":
        return json.loads(log.read_bytes())
    return read_checked(log)["trials"]


def _key(item: Mapping) -> str:
    world = item.get("world", WORLD)  # trials of before there were more worlds
    parts = [world, *(item[k] for k in ("task", "method", "seed", "changes"))]
    return json.dumps(parts, sort_keys=True)


def averages(trials: Sequence[dict]) -> list[dict]:
    """Trials of one task, method and changes as one row each: the means over their seeds.

    Rows: task, method, changes, seeds, english, zero_shot, and zero_shot_sd with two or more seeds.
    """
    groups: dict[str, list[dict]] = {}
    for t in trials:
        key = json.dumps([t["task"], t["method"], t["changes"]], sort_keys=True)
        groups.setdefault(key, []).append(t)
    rows = []
    for group in groups.values():
        zero_shot = [t["zero_shot"] for t in group]
        row = {key: group[0][key] for key in ("task", "method", "changes")}
        row["seeds"] = sorted(t["seed"] for t in group)
        row["english"] = round(float(np.mean([t["english"] for t in group])), 4)
        row["zero_shot"] = round(float(np.mean(zero_shot)), 4)
        if len(group) > 1:
            row["zero_shot_sd"] = round(float(np.std(zero_shot, ddof=1)), 4)
        rows.append(row)
    return rows


def distillation(
    name: str, thresholds: Sequence[float] = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9), world: int = WORLD
) -> list[dict]:
    """Precision and coverage of content words, averaged over a task's targets, by threshold."""
    pieces = loading.tokenizer(checkpoint(world)).get_vocab()
    predicted = predictions.read_all(predictions_path(world, name))
    predicted = predicted[predicted["language"] != SOURCE]
    judged = quality.judge(predicted, encoded(world, name, "train", SOURCE), pieces)
    curve = quality.curve(judged, thresholds).groupby("threshold")[["precision", "coverage"]].mean()
    return [{"threshold": t, **row.round(4).to_dict()} for t, row in curve.iterrows()]


def record_deeper(path: str | Path, trials: Sequence[dict]) -> None:
    """Write what was tried with the deeper model in the tuning world, and chosen (JSON)."""
    curve = read_checked(checkpoint(WORLD, deeper.LAYERS) / "curve.json")
    last = curve["curve"][-1]
    last["alignment"] = round(float(np.mean(list(last["alignment"].values()))), 4)
    write_checked(
        path,
        {
            "world": WORLD,
            "command": "salt_lib.laboratory.tuning: sweep(..., layers=6), then record_deeper(...)",
            "commit": provenance.commit(),
            "date": datetime.now(UTC).date().isoformat(),
            "hardware": provenance.hardware(),
            "layers": deeper.LAYERS,
            "gate": deeper.GATE,
            "chosen": {name: asdict(config) for name, config in deeper.CONFIGS.items()},
            "pretraining": {"recipe": curve["recipe"], **last},
            "finetuning": averages(trials),
        },
    )


def record(path: str | Path, trials: Sequence[dict], pretrainings: Sequence[Mapping]) -> None:
    """Write what was tried in the tuning world, and what was chosen, to ``path`` (JSON).

    trials: of `sweep`. pretrainings: each with the path of its ``curve`` file, finished or not, and
    with whatever else shall be on record of it.
    """
    tried = []
    for item in pretrainings:
        curve = read_checked(item["curve"])
        last = curve["curve"][-1]
        alignment = last.pop("alignment", None) or {}
        if alignment:
            last["alignment"] = round(float(np.mean(list(alignment.values()))), 4)
        about = {key: value for key, value in item.items() if key != "curve"}
        finished = last["step"] == curve["recipe"]["steps"]
        tried.append({**about, "recipe": curve["recipe"], **last, "finished": finished})
    write_checked(
        path,
        {
            "world": WORLD,
            "command": "salt_lib.laboratory.tuning: sweep(...), then record(...)",
            "commit": provenance.commit(),
            "date": datetime.now(UTC).date().isoformat(),
            "hardware": provenance.hardware(),
            "chosen": {name: asdict(config) for name, config in CONFIGS.items()},
            "pretraining": tried,
            "distillation": {name: distillation(name) for name in CONFIGS},
            "finetuning": averages(trials),
        },
    )

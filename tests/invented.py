"""Invented results in the layout of the study's, for tests of what is written and drawn of them."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from salt_lib.laboratory import aggregation, study, tasks, worlds
from salt_lib.laboratory import run as laboratory_run
from salt_lib.laboratory.bitext import cells as bitext_cells
from salt_lib.laboratory.bitext import outcomes as bitext_outcomes
from salt_lib.laboratory.bitext import study as bitext_study
from salt_lib.laboratory.bitext.pairs import ALIGNED, LEFT_OUT
from salt_lib.laboratory.intermediate import outcomes as intermediate_outcomes
from salt_lib.laboratory.intermediate import study as intermediate_study
from salt_lib.laboratory.intermediate.conditions import CONDITIONS
from salt_lib.laboratory.intermediate.run import draw_and_seed
from salt_lib.laboratory.pictures import outcomes as pictures_outcomes
from salt_lib.laboratory.pictures import study as pictures_study
from salt_lib.laboratory.pictures.conditions import condition_of
from salt_lib.laboratory.programs import outcomes as programs_outcomes
from salt_lib.laboratory.programs import study as programs_study
from salt_lib.laboratory.programs.cells import cell
from salt_lib.languages import LANGUAGES
from salt_lib.salt import methods
from salt_lib.salt.methods import MAIN
from salt_lib.study import frozen, store
from salt_lib.study.grid import Workers
from salt_lib.study.packing import packed
from salt_lib.study.results import COLUMNS
from salt_lib.study.study import Study

BEST = dict(zip(aggregation.TASKS, (2, 0, 5, 3), strict=True))  # what English dev shall choose


def frame(gain=0.02, methods=MAIN, noise=0.005) -> pd.DataFrame:
    """A long frame of both tasks: methods other than the baseline differ from it by ``gain``."""
    rows = []
    for task in reversed(study.TASKS):
        rng = np.random.default_rng(7)
        for code in tasks.PAIR_TASKS[task].languages:
            level = 0.9 if code == "en" else rng.uniform(0.5, 0.8)
            for seed in study.SEEDS:
                shared = rng.normal(0, noise)
                for method in methods:
                    effect = 0 if method == "baseline" else gain
                    score = level + shared + effect + rng.normal(0, noise)
                    rows.append((0, task, method, seed, code, float(np.clip(score, 0, 1))))
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    found.attrs = {"command": "salt study", "commit": "c", "date": "2026-01-02", "hardware": "h"}
    return found


def fused_run(name: str, method_name: str, seed: int) -> dict:
    """A run whose dev score peaks at `BEST` and whose test scores peak at layer 1."""
    row, rng = (
        methods.method(method_name),
        np.random.default_rng([seed, len(name), len(method_name)]),
    )
    gain = 0.0 if row.layer is None else 0.05 - 0.01 * abs(row.layer - 1)
    dev = 0.8 if row.layer is None else 0.9 - 0.01 * abs(row.layer - BEST[name])
    gain += 0.02 * (row.substitutions is not None)
    scores = {
        code: float(np.clip(0.6 + gain + rng.normal(0, 0.005), 0, 1))
        for code in tasks.task(name).languages
    }
    return {"scores": scores, "dev": [dev - 0.1, dev], "epoch": 1, "seconds": 1.0, "config": {}}


def aggregate(study_: Study, force: bool = False) -> tuple[list, tuple[int, int]]:
    """Make the aggregation study's runs by its own steps; what was run, and what it returns."""
    calls = []

    def run(job):
        calls.append((job.spec.task, job.spec.method, job.spec.seed))
        return fused_run(*calls[-1])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(laboratory_run, "run", run)
        patch.setattr(laboratory_run, "prepare", lambda job: None)
        patch.setattr(store, "commit", lambda: "0" * 40)
        told = aggregation.execute(study_, Workers(jobs=1), force=force, progress=False)
    return calls, told


def world_run(world: int, name: str, method_name: str, seed: int, gain: float, fresh=0.001) -> dict:
    """A run of the study over worlds: accuracy 0.6 + ``gain`` in each target, but for noise.

    The seed's noise is the same for all methods. Each measure has a level of its own, so that none
    can be taken for another: balanced 0.1 lower, AUC 0.2 higher, English 0.95 − gain / 10; the
    averaged weights are 0.05 better than the chosen, and the fresh test set by ``fresh`` than the
    test set. There are ten groups.
    """
    spec = tasks.task(name)
    shared = np.random.default_rng([world, seed, 11]).normal(0, 0.004, len(spec.targets))
    own = np.random.default_rng([world, seed, len(method_name)]).normal(0, 0.002, len(spec.targets))

    def measured(more: float) -> dict:
        level = 0.6 + gain + more + shared + own
        most = spec.per_group * len(spec.targets)
        right = np.full(10, round(float(level.mean()) * most))
        rows = {"accuracy": level, "balanced": level - 0.1, "auc": level + 0.2}
        english = {"accuracy": 0.95 - gain / 10 + float(own[0]), "balanced": 0.5, "auc": 0.5}
        return {
            **{
                key: {**dict(zip(spec.targets, map(float, x), strict=True)), "en": english[key]}
                for key, x in rows.items()
            },
            "shares": {code: [1 / len(spec.labels)] * len(spec.labels) for code in spec.languages},
            "relations": {"synonym": float(level.mean()) + 0.03, "hyponym": 0.5},
            "groups": packed(right),
            "groups_balanced": packed(right - 1),
        }

    chosen = {"test": measured(0.0), "fresh": measured(fresh)}
    oracle = {"epoch": 1, "zero_shot": 0.7, "target_dev": [0.5, 0.7]}
    kept = {"chosen": chosen, "averaged": {"test": measured(0.05)}, "oracle": oracle}
    return {
        "scores": chosen["test"]["accuracy"],
        "dev": [0.9, 0.9],
        "epoch": 1,
        "seconds": 1.0,
        "config": {"epochs": 2},
        "measures": kept,
    }


# What each method gains over the baseline in the invented study, on average over the worlds.
GAINS = {
    "baseline": 0.0,
    "salt": 0.03,
    "dictionary": 0.12,
    "salt-random-kind": 0.004,
    "salt-content": 0.02,
    "salt-function": 0.0005,
    "salt-hidden": 0.01,
    "scalar-mixup": 0.03,
    "smoothed": 0.0,
}


def gain(world: int, method_name: str) -> float:
    """A method's gain in a world."""
    place = list(GAINS).index(method_name)
    varies = np.random.default_rng([world, place]).normal(0, 0.003)
    return GAINS[method_name] + (float(varies) if place else 0.0)


def world_tables() -> None:
    """Write frozen tables of the whole study over worlds, to where `worlds.table_path` says."""
    for world, layers in [
        *((world, None) for world in (0, *worlds.WORLDS)),
        *((world, worlds.LAYERS) for world in worlds.DEEPER_WORLDS),
    ]:
        runs = [
            {**asdict(s), **world_run(world, s.task, s.method, s.seed, gain(world, s.method))}
            for s in worlds.planned(world, layers)
        ]
        head = {"command": "salt study --scale worlds", "commit": "c" * 40, "date": "2026-01-02"}
        words = {name: {"precision": 0.9 + world / 100, "coverage": 0.2} for name in worlds.TASKS}
        about = {**head, "hardware": "a h", "words": words}
        frozen.write_table(worlds.table_path(world, layers), about, runs)


# R@1 of each condition in the invented study of pictures, in a target language.
LEVELS = {
    "baseline": 0.10,
    "code-switch": 0.16,
    "mixup": 0.14,
    "salt": 0.20,
    "salt-random-kind": 0.13,
    "salt-deranged": 0.12,
    "dictionary": 0.35,
    **{"parallel-0.1": 0.12, "parallel-1": 0.18, "parallel-10": 0.3, "parallel-100": 0.5},
    **{"taught-0.1": 0.21, "taught-1": 0.25, "taught-10": 0.3, "taught-100": 0.4},
}


def picture_run(world: int, name: str, seed: int) -> dict:
    """A run of the study of pictures: `LEVELS`, 0.05 less in languages with little text, but for
    noise, 0.005 more a world; English is 0.7, R@10 twice R@1 (at most 1), the median rank
    100 × (1 − R@1)."""
    noise = np.random.default_rng([world, seed, len(name)]).normal(0, 0.004, 3)
    measured = {}
    for place, code in enumerate(LANGUAGES):
        level = (0.7 if code == "en" else LEVELS[name]) + float(noise[place % 3])
        level += 0.005 * (world - 3)
        level -= 0.05 * (code in pictures_outcomes.GROUPS["poor"])
        told = {"R@1": level, "R@10": min(1.0, 2 * level), "median": 100 * (1 - level)}
        measured[code] = {"to text": told, "to picture": told}
    return {
        "scores": {code: one["to text"]["R@1"] for code, one in measured.items()},
        "measures": {"retrieval": measured},
        "dev": [0.6, 0.7],
        "epoch": 1,
        "seconds": 1.0,
        "config": {"epochs": 2},
    }


def picture_tables() -> None:
    """Write frozen tables of the whole study of pictures, to where its `table_path` says."""
    for world in pictures_study.WORLDS:
        runs = []
        for spec in pictures_study.planned(world):
            name = condition_of(spec.task, spec.method).name
            runs.append({**asdict(spec), **picture_run(world, name, spec.seed)})
        head = {"command": "salt study --scale pictures", "commit": "c" * 40, "date": "2026-01-02"}
        probe = {"agent": {"accuracy": 0.9, "commonest": 0.1 + world / 100}}
        words = {"threshold": 0.9, "precision": 0.9, "coverage": 0.3}
        about = {**head, "hardware": "a h", "words": words, "probe": probe}
        frozen.write_table(pictures_study.table_path(world), about, runs)


def intermediate_gain(name: str, method: str) -> float:
    """What a condition of the invented study gains over nothing in between, but for noise."""
    row = CONDITIONS[name]
    more = 0.02 * (method == "salt")
    if row.task is None:
        return more
    if row.on_captions:
        by_task = {"masked-text": 0.01, "paraphrase": 0.02, "matching": 0.05}
        gain = by_task[row.task] if row.pictures == "own" else 0.0
        return gain * row.facts / 8_000 * (1.0 if row.spoken == "all" else 0.5)
    by_shares = {"equal": 0.03, "pooled": 0.02, "English": 0.01}
    by_choice = {"random": 0.0, "uncertain": 0.01, "k-centre": 0.005, "gradient": -0.005}
    gain = 0.0 if row.shuffled else by_shares[row.shares] + by_choice[row.choice]
    return more + gain * row.count / 1_000


def intermediate_run(world: int, name: str, method: str, number: int) -> dict:
    """A run of the study of intermediate tasks: accuracy 0.6 in a target language and 0.5 in one
    with little text, `intermediate_gain` more, with noise of the draw, the seed and the run."""
    draw, seed = draw_and_seed(number)
    noise = np.random.default_rng([world, draw, 1]).normal(0, 0.006)
    noise += np.random.default_rng([world, seed, 2]).normal(0, 0.004)
    key = [world, number, sum(map(ord, name + method))]
    noise += np.random.default_rng(key).normal(0, 0.002)
    level = 0.6 + intermediate_gain(name, method) + float(noise) + 0.01 * (world - 3)
    scores = {
        code: 0.9 + float(noise) / 10
        if code == "en"
        else level - 0.1 * (code in intermediate_outcomes.GROUPS["poor"])
        for code in tasks.task("mini-xnli").languages
    }
    about = {"losses": [0.7, 0.1], "dev": 0.8} if CONDITIONS[name].task else {}
    return {
        "scores": scores,
        "measures": {"intermediate": about},
        "dev": [0.8, 0.9],
        "epoch": 1,
        "seconds": 1.0,
        "config": {"epochs": 2},
    }


def intermediate_tables() -> None:
    """Write frozen tables of the whole study of intermediate tasks, to where its `table_path`
    says."""
    for world in intermediate_study.WORLDS:
        runs = [
            {**asdict(s), **intermediate_run(world, s.task, s.method, s.seed)}
            for s in intermediate_study.planned(world)
        ]
        command = "salt study --scale intermediate"
        about = {"command": command, "commit": "c" * 40, "date": "2026-01-02", "hardware": "a h"}
        frozen.write_table(intermediate_study.table_path(world), about, runs)


# Of the invented study of programs, in a poor language: accuracy in today's cell, what a doubling
# of text and one of size bring, and what both bring together.
SURFACE = (0.30, 0.04, 0.02, 0.01)
SALT_GAIN = 0.05
STEP_SECONDS = {"0.3M": 0.02, "0.6M": 0.03, "1.2M": 0.06, "2.5M": 0.12}
PIECES = 2_000


def program_run(world: int, name: str, method_name: str) -> dict:
    """A run of the study of programs: `SURFACE` in poor languages, 0.2 more in rich ones, in which
    text of poor languages brings nothing; 0.01 more a world, and a little noise.
    """
    one = cell(name)
    rows = [programs_outcomes.parameters(c.size, PIECES) for c in (one, programs_outcomes.BASE)]
    x, y = np.log2(one.poor), np.log2(rows[0] / rows[1])
    level, by_text, by_size, both = SURFACE
    level += 0.01 * (world - 3) + SALT_GAIN * (method_name == "salt")
    by_text += 0.004 * (world - 3)
    both += 0.001 * (world - 3)
    noise = np.random.default_rng([world, *name.encode(), len(method_name)]).normal(0, 0.001, 2)
    scores = {"en": 0.9 + float(noise[0])}
    for group, codes in list(programs_outcomes.GROUPS.items())[:2]:
        poor = group == "poor"
        value = level + by_size * y + (by_text * x + both * x * y if poor else 0.2)
        scores |= {code: float(value + noise[1]) for code in codes}
    steps = one.recipe.steps
    about = {"steps": steps, "seconds": steps * STEP_SECONDS[one.size.name], "pieces": PIECES}
    kept = {"pretraining": {**about, "device": "cpu"}}
    if (name, method_name) == (programs_outcomes.BASE.name, "baseline"):
        kept["checks"] = {"bag": 0.4, "blind": 0.03, "best single program": 0.04}
    greedy = dict.fromkeys(("exact", "conditions", "parses", "typed"), 0.5)
    kept |= {way: {code: {**greedy, "execution": s} for code, s in scores.items()}
             for way in ("greedy", "beam")}  # fmt: skip
    return {
        "scores": scores,
        "measures": kept,
        "dev": [0.6, 0.7],
        "epoch": 1,
        "seconds": 1.0,
        "config": {"epochs": 2},
    }


def program_tables() -> None:
    """Write frozen tables of the whole study of programs, to where its `table_path` says."""
    for world in programs_study.WORLDS:
        runs = [
            {**asdict(spec), **program_run(world, spec.task, spec.method)}
            for spec in programs_study.planned(world)
        ]
        head = {"command": "salt study --scale programs", "commit": "c" * 40, "date": "2026-01-02"}
        frozen.write_table(programs_study.table_path(world), {**head, "hardware": "a h"}, runs)


def bitext_gain(name: str, code: str) -> float:
    """What a cell of the invented study of bitext gains over text alone, in a target language."""
    row = bitext_cells.cell(name)
    if row.objective is None:
        return 0.0
    of = {"masked": 0.01, "tlm": 0.02, "exchange": 0.04, "contrastive": 0.06}[row.objective]
    by = {"bitext": 1.0, "shuffled": -0.25, "distilled": 0.5}[row.source]
    poor = 2.0 if code in bitext_outcomes.GROUPS[bitext_outcomes.POOR] else 1.0
    if code in LEFT_OUT and row.source != "distilled":
        poor = 0.5
    return of * by * poor * np.log10(row.pairs / 100) / 3


def bitext_run(world: int, name: str, method: str, seed: int) -> dict:
    """A run of the study of bitext: 0.5 in a target language, `bitext_gain` more, 0.03 more with
    SALT, 0.01 more a world, with noise of the seed and the run; each task has a level of its own.
    Retrieval is 0.7 and three times the gain more."""
    noise = np.random.default_rng([world, seed, 21]).normal(0, 0.004)
    noise += np.random.default_rng([world, seed, sum(map(ord, name + method))]).normal(0, 0.002)
    row = bitext_cells.cell(name)

    def score(code: str, level: float) -> float:
        if code == "en":
            return 0.9 + float(noise) / 10
        more = bitext_gain(name, code) + 0.03 * (method == "salt") + 0.01 * (world - 3)
        return float(level + more + noise)

    used = bitext_cells.TASKS if method == "baseline" else bitext_cells.TASKS[:1]
    levels = dict(zip(bitext_cells.TASKS, (0.5, 0.6, 0.4, 0.45), strict=True))
    found = {
        task: {code: score(code, levels[task]) for code in tasks.task(task).languages}
        for task in used
    }
    targets = (*ALIGNED, *LEFT_OUT)
    linked = {"links": 7.0, "right": 0.9, "found": 0.8 + world / 100}
    has_links = row.source == "distilled" or row.objective in bitext_cells.LINKED
    told = {
        "steps": 3125,
        "seconds": 100.0 + world,
        "alignment": {code: 0.6 + bitext_gain(name, code) for code in targets},
        "tokens": {"monolingual": 2_000_000, "second": 2_100_000},
        "device": "cpu",
        "links": dict.fromkeys(ALIGNED, linked) if row.objective and has_links else {},
    }
    measures = {
        "tasks": found,
        "retrieval": {code: 0.7 + 3 * bitext_gain(name, code) for code in targets},
        "pretraining": told,
    }
    return {
        "scores": found["mini-xnli"],
        "measures": measures,
        "dev": [0.8, 0.9],
        "epoch": 1,
        "seconds": 1.0,
        "config": {"mini-xnli": {"epochs": 2}},
    }


def bitext_tables() -> None:
    """Write frozen tables of the whole study of bitext, to where its `table_path` says."""
    for world in bitext_study.WORLDS:
        runs = [
            {**asdict(s), **bitext_run(world, s.task, s.method, s.seed)}
            for s in bitext_study.planned(world)
        ]
        about = {"command": "salt study --scale bitext", "commit": "c" * 40, "date": "2026-01-02"}
        frozen.write_table(bitext_study.table_path(world), {**about, "hardware": "a h"}, runs)

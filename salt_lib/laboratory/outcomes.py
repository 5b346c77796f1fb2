"""The outcome of the study over worlds, from its frozen tables: what the protocol says, no more.

The unit is the world: a method's effect there is the mean difference to the method that it is
compared with over the seeds that both have. Nothing is tested before all planned runs are there.

Chapter: Over worlds.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..errors import SaltError
from ..languages import SOURCE
from ..study import stats
from ..study.frozen import read_table
from ..study.packing import unpacked
from ..study.wording import ALPHA, SAME, interval, p_value, points, verdict
from ..study.worlds import OverWorlds, equivalent, over_worlds, resampled
from .tasks import FRESH, task
from .worlds import DEEPER_WORLDS, LAYERS, WORLDS, planned, table_path

PRIMARY, SECOND = "mini-nli", "mini-paraphrase"
MARGIN = 0.01  # an effect within a point of zero would matter to nobody
# method, against which: the secondary comparisons, corrected together after Holm.
SECONDARY = (
    ("salt", "salt-random-kind"),
    ("salt", "salt-hidden"),
    ("salt-content", "baseline"),
    ("salt-function", "baseline"),
    ("salt", "scalar-mixup"),
    ("salt", "smoothed"),
    ("dictionary", "baseline"),
)
CONTROLS = {"salt-random-kind": "random words of the same kind", "salt-hidden": "[MASK]"}
OUTCOMES = ("accuracy", "balanced", "auc", "English")
SPLITS = {"test": "first test set", FRESH: "second test set"}


@dataclass(frozen=True)
class Part:
    """The runs of one world and depth: method and task → seed → run. layers: 2 for the tiny one."""

    world: int
    layers: int
    runs: Mapping[tuple[str, str], Mapping[int, dict]]
    planned: int
    origin: Mapping[str, Any]

    @property
    def complete(self) -> bool:
        """Whether all planned runs are there."""
        return sum(len(seeds) for seeds in self.runs.values()) == self.planned


def parts() -> list[Part]:
    """What there is of the study, world by world, the deeper models last."""
    places: list[tuple[int, int | None]] = [(world, None) for world in (0, *WORLDS)]
    places += [(world, LAYERS) for world in DEEPER_WORLDS]
    return [_part(world, layers) for world, layers in places]


def _part(world: int, layers: int | None) -> Part:
    path = table_path(world, layers)
    runs: dict[tuple[str, str], dict[int, dict]] = {}
    origin: Mapping[str, Any] = {}
    if path.exists():
        table = read_table(path, f"salt study --scale worlds --world {world}")
        origin = table.origin
        for run in table.runs:
            runs.setdefault((run["task"], run["method"]), {})[run["seed"]] = run
    return Part(world, layers or 2, runs, len(planned(world, layers)), origin)


def progress(of: Iterable[Part] | None = None) -> pd.DataFrame:
    """How far each part is: world, layers, runs, planned, complete."""
    rows = [
        (p.world, p.layers, sum(map(len, p.runs.values())), p.planned, p.complete)
        for p in (parts() if of is None else of)
    ]
    return pd.DataFrame(rows, columns=["world", "layers", "runs", "planned", "complete"])


def finished(of: Iterable[Part] | None = None) -> bool:
    """Whether all planned runs of the units are there, so that there is something to test."""
    return all(
        part.complete
        for part in (parts() if of is None else of)
        if part.layers == 2 and part.world in WORLDS
    )


def complete(of: Iterable[Part], layers: int = 2) -> list[Part]:
    """The units of the analysis. SaltError: not all planned runs of them are there."""
    worlds = WORLDS if layers == 2 else DEEPER_WORLDS
    units = [part for part in of if part.layers == layers and part.world in worlds]
    if lacking := [part.world for part in units if not part.complete]:
        raise SaltError(
            f"worlds {', '.join(map(str, lacking))} are not complete, and the protocol allows no "
            "test before they are; make the missing runs with `salt study --scale worlds --world N`"
        )
    return units


def scores(
    part: Part, name: str, method: str, against: str, value: Callable[[dict], object]
) -> tuple[np.ndarray, np.ndarray]:
    """What ``value`` makes of a world's runs of two methods, (seeds, …) each, of shared seeds."""
    ours, theirs = (part.runs.get((name, one), {}) for one in (method, against))
    shared = sorted(set(ours) & set(theirs))
    first, second = (np.array([value(runs[s]) for s in shared], float) for runs in (ours, theirs))
    return first, second


def outcome(kind: str, name: str, split: str = "test", kept: str = "chosen") -> Callable:
    """A run's zero-shot average of a measure, or its accuracy in English, in [0, 1].

    kind: one of `OUTCOMES`. kept: "chosen" for the weights that training ended with, "averaged" for
    the mean over the epochs.
    """
    targets = task(name).targets

    def value(run: dict) -> float:
        found = run["measures"][kept][split]
        if kind == "English":
            return found["accuracy"][SOURCE]
        return float(np.mean([found[kind][code] for code in targets]))

    return value


def by_group(name: str, split: str = "test", balanced: bool = False) -> Callable:
    """A run's zero-shot accuracy in each test group, (groups,)."""
    spec = task(name)
    key = "groups_balanced" if balanced else "groups"
    most = spec.per_group * len(spec.targets)
    return lambda run: unpacked(run["measures"]["chosen"][split][key]) / most


def by_target(name: str, split: str = "test") -> Callable:
    """A run's accuracy in each target language, (languages,)."""
    targets = task(name).targets
    return lambda run: [run["measures"]["chosen"][split]["accuracy"][code] for code in targets]


def relation(which: str, split: str = "test") -> Callable:
    """A run's zero-shot accuracy on the pairs of one relation."""
    return lambda run: run["measures"]["chosen"][split]["relations"][which]


def compare(
    units: Iterable[Part], name: str, method: str, against: str, value: Callable
) -> OverWorlds:
    """The paired test over worlds of one comparison."""
    return over_worlds({p.world: scores(p, name, method, against, value) for p in units})


def primary(of: Iterable[Part] | None = None) -> OverWorlds | None:
    """The protocol's primary test; None before all planned runs of the units are there."""
    of = list(parts() if of is None else of)
    if not finished(of):
        return None
    return compare(complete(of), PRIMARY, "salt", "baseline", outcome("accuracy", PRIMARY))


def told(of: Iterable[Part] | None = None) -> str:
    """The primary outcome in a sentence or two of Markdown, or how far the study is."""
    of = list(parts() if of is None else of)
    if (test := primary(of)) is None:
        far = progress(of)
        return (
            f"The study over worlds, each with a checkpoint of its own, is not complete: "
            f"{far['runs'].sum()} of {far['planned'].sum()} runs have been made."
        )
    word = verdict({"difference": test.mean, "p": test.p}, "p")
    sure = interval({"ci_low": test.ci_low, "ci_high": test.ci_high})
    after = interval({"ci_low": test.next_low, "ci_high": test.next_high})
    return (
        f"Over {len(test.effects)} worlds, each with a checkpoint of its own, SALT's zero-shot "
        f"average on `{PRIMARY}` is **{word}** {'from' if word == SAME else 'than'} the "
        f"baseline's: the difference is {points(test.mean)} (95% interval {sure}, "
        f"{p_value(test.p)}). In a new world, expect {after} points."
    )


def controls_told(of: Iterable[Part] | None = None) -> str:
    """What SALT gains over words of the same kind without knowledge; or that nobody knows yet."""
    of = list(parts() if of is None else of)
    if not finished(of):
        return (
            "The study over worlds has controls that keep the kind of word; what they show is not "
            "known yet."
        )
    rows = summary(of)
    rows = rows[(rows["task"] == PRIMARY) & (rows["outcome"] == "accuracy")]
    said = []
    for against, called in CONTROLS.items():
        row = rows[rows["against"] == against].iloc[0]
        sure = f"{interval(row.to_dict())}; {p_value(row['p_holm'], 'Holm-corrected p')}"
        word = verdict({"difference": row["mean"], "p": row["p_holm"]}, "p")
        said.append(f"SALT − {called}, {points(row['mean'])} ({sure}): **{word}**")
    return f"Over worlds, controls keep the kind of word. {'. '.join(said)}."


def crossed(
    units: Iterable[Part], name: str, method: str, against: str, split: str = "test"
) -> dict[str, tuple[float, float]]:
    """Intervals when worlds, seeds and items, or languages, are drawn anew; see `resampled`."""
    units = list(units)
    groups = {p.world: scores(p, name, method, against, by_group(name, split)) for p in units}
    languages = {p.world: scores(p, name, method, against, by_target(name, split)) for p in units}
    return {"items": resampled(groups), "languages": resampled(languages, crossed=True)}


def summary(of: Iterable[Part] | None = None) -> pd.DataFrame:
    """All comparisons of the protocol that are made over worlds, a row each.

    Columns: task, method, against, outcome, split, mean, ci_low, ci_high, p, p_holm (of the
    secondary comparisons of accuracy on the test set), next_low, next_high, p_equivalent (within
    ± `MARGIN`), worlds. Raises SaltError as `complete`.
    """
    units = complete(list(parts() if of is None else of))
    wanted = [
        (PRIMARY, "salt", "baseline", kind, split) for split in ("test", FRESH) for kind in OUTCOMES
    ]
    wanted += [(PRIMARY, *pair, kind, "test") for pair in SECONDARY for kind in OUTCOMES[:2]]
    wanted += [
        (SECOND, *pair, kind, "test")
        for pair in (("salt", "baseline"), ("salt", "salt-random-kind"), ("dictionary", "baseline"))
        for kind in OUTCOMES[:2]
    ]
    rows = []
    for name, method, against, kind, split in wanted:
        test = compare(units, name, method, against, outcome(kind, name, split))
        rows.append(
            {
                "task": name,
                "method": method,
                "against": against,
                "outcome": kind,
                "split": split,
                **{key: getattr(test, key) for key in ("mean", "ci_low", "ci_high", "p")},
                "next_low": test.next_low,
                "next_high": test.next_high,
                "p_equivalent": equivalent(list(test.effects.values()), MARGIN),
                "worlds": len(units),
            }
        )
    frame = pd.DataFrame(rows)
    family = (
        (frame["task"] == PRIMARY) & (frame["outcome"] == "accuracy") & (frame["split"] == "test")
    )
    pairs = zip(frame["method"], frame["against"], strict=True)
    family &= np.array([pair in SECONDARY for pair in pairs])
    frame["p_holm"] = np.nan
    frame.loc[family, "p_holm"] = stats.holm(frame.loc[family, "p"].tolist())
    return frame


def findings(summary: pd.DataFrame, units: Sequence[Part]) -> list[tuple[bool, str]]:
    """What the protocol lists as speaking for SALT or against it: whether for, and what was found.

    summary, units: as `summary` and `complete` return them. Tests decide, at 0.05.
    """

    def row(against: str, kind: str, split: str = "test") -> dict:
        named = {"task": PRIMARY, "method": "salt", "against": against}
        fits = (summary[list(named)] == pd.Series(named)).all(axis=1)
        fits &= (summary["outcome"] == kind) & (summary["split"] == split)
        return summary[fits].iloc[0].to_dict()

    def higher(found: dict, p: str = "p") -> bool:
        return found[p] <= ALPHA and found["mean"] > 0

    def text(what: str, found: dict, p: str = "p") -> str:
        named = "Holm-corrected p" if p == "p_holm" else "p"
        return f"{what}: {points(found['mean'])} ({interval(found)}; {p_value(found[p], named)})"

    found = []
    for split, called in SPLITS.items():
        for kind, what in (("accuracy", "SALT − baseline"), ("balanced", "label-balanced")):
            one = row("baseline", kind, split)
            found.append((higher(one), text(f"{what}, {called}", one)))
    main = row("baseline", "accuracy")
    after = interval({"ci_low": main["next_low"], "ci_high": main["next_high"]})
    found.append((main["next_low"] > 0, f"expected in a new world: {after} points"))
    for control, called in CONTROLS.items():
        one = row(control, "accuracy")
        found.append((higher(one, "p_holm"), text(f"SALT − {called}", one, "p_holm")))
    english = row("baseline", "English")
    found.append((-english["mean"] < main["mean"], text("SALT − baseline, in English", english)))
    kept = [
        np.mean(
            [
                scores(part, PRIMARY, "baseline", "baseline", outcome("accuracy", PRIMARY, kept=of))
                for part in units
            ]
        )
        for of in ("averaged", "chosen")
    ]
    averaged = float(kept[0] - kept[1])
    said = "averaging the baseline's weights over its epochs, which needs no words: "
    return [*found, (averaged < main["mean"], said + points(averaged))]

"""The outcome of the study of bitext, from its frozen tables: what its protocol says, no more.

The unit is the world. Nothing is tested before all planned runs are there. Runs of two cells pair
up by their seed. Retrieval is what the objectives train, or nearly: it is no part of transfer.

Chapter: Bitext.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import pandas as pd

from ...errors import unknown
from ...languages import LANGUAGES, SOURCE
from ...study import stats
from ...study.parts import Part, complete, read_part
from ...study.worlds import equivalent, over_worlds, resampled
from .cells import BEST, BITEXT, CELLS, DISTILLED, NONE, SHUFFLED, SIZES, TASKS, WITH_SALT, Cell
from .objectives import EXCHANGE, MASKED, OBJECTIVES
from .pairs import ALIGNED, LEFT_OUT, RICH, TARGETS
from .study import WORLDS, planned, table_path

SCALE = "bitext"
MARGIN = 0.01  # an effect within a point of zero would matter to nobody
# The suite's tasks whose mean is transfer. Of mini-paws-x no language has little text: it is shown
# beside them.
AVERAGED = ("mini-xnli", "mini-ner", "mini-pos")
TRANSFER, RETRIEVAL, ALIGNMENT = "transfer", "retrieval", "alignment"
MEASURES = (TRANSFER, *TASKS, RETRIEVAL, ALIGNMENT)


def _group(codes: Iterable[str], rich: bool) -> tuple[str, ...]:
    return tuple(code for code in codes if (LANGUAGES[code].share >= RICH) == rich)


POOR = "poor, aligned"
GROUPS = {
    POOR: _group(ALIGNED, False),
    "rich, aligned": _group(ALIGNED, True),
    "poor, left out": _group(LEFT_OUT, False),
    "rich, left out": _group(LEFT_OUT, True),
    "all": TARGETS,
}
Run = tuple[str, str]  # cell and method
Value = Callable[[dict], float]


@dataclass(frozen=True)
class Contrast:
    """A comparison, ours minus theirs. measure: of `MEASURES`; group: of `GROUPS`, in which it is
    tested."""

    label: str
    ours: Run
    theirs: Run
    measure: str = TRANSFER
    group: str = POOR
    primary: bool = False


def _plain(ours: Cell, theirs: Cell, group: str = POOR, primary: bool = False) -> Contrast:
    label = f"{ours.name} − {theirs.name}"
    both = (ours.name, "baseline"), (theirs.name, "baseline")
    return Contrast(label, *both, TRANSFER, group, primary)


def _salt(name: str) -> Contrast:
    return Contrast(f"SALT − baseline, on {name}", (name, "salt"), (name, "baseline"), WITH_SALT)


_OTHERS = tuple(name for name in OBJECTIVES if name != EXCHANGE)
# The same sentences, batches and steps: what differs is what the links are for. Shuffled pairs
# teach wrong words, so against them a difference would count harm as gain.
PRIMARY = _plain(Cell(EXCHANGE), Cell(MASKED), primary=True)
SECONDARY = (
    *(_plain(Cell(name), Cell(MASKED)) for name in _OTHERS),
    *(_plain(Cell(name), Cell(name, SHUFFLED)) for name in OBJECTIVES),
    *(_plain(Cell(name), Cell()) for name in (MASKED, *OBJECTIVES)),
    *(_plain(Cell(name, DISTILLED), Cell()) for name in OBJECTIVES),
    *(_plain(Cell(name), Cell(name, BITEXT, SIZES[0])) for name in OBJECTIVES),
    *(
        _plain(Cell(EXCHANGE), Cell(MASKED), group)
        for group in ("rich, aligned", "poor, left out", "rich, left out")
    ),
    _salt(NONE),
    _salt(BEST),
)


def parts() -> list[Part]:
    """What there is of the study, world by world."""
    run = itemgetter("task", "method")
    return [read_part(w, table_path(w), len(planned(w)), SCALE, run) for w in WORLDS]


def value(measure: str = TRANSFER, group: str = POOR) -> Value:
    """A run's measure, the mean over a group's languages that its task has; nan where it has none.

    "transfer" is the mean over the tasks of `AVERAGED`. Raises SaltError for an unknown measure or
    group; "English" is one beside `GROUPS`, of tasks alone.
    """
    if measure not in MEASURES:
        raise unknown("measure", measure, MEASURES)
    if group not in (*GROUPS, "English"):
        raise unknown("group of languages", group, (*GROUPS, "English"))
    codes = GROUPS.get(group, (SOURCE,))

    def mean(scores: Mapping[str, float]) -> float:
        found = [scores[code] for code in codes if code in scores]
        return float(np.mean(found)) if found else float("nan")

    def of(run: dict) -> float:
        told = run["measures"]
        if measure == TRANSFER:
            return float(np.mean([mean(told["tasks"][name]) for name in AVERAGED]))
        if measure == ALIGNMENT:
            return mean(told["pretraining"]["alignment"])
        return mean(told["retrieval"] if measure == RETRIEVAL else told["tasks"][measure])

    return of


def paired(part: Part, contrast: Contrast, of: Value) -> tuple[np.ndarray, np.ndarray]:
    """What ``of`` makes of both sides of a contrast in a world: (seeds,) each, of the seeds that
    both have."""
    ours, theirs = (part.runs.get(run, {}) for run in (contrast.ours, contrast.theirs))
    seeds = sorted(ours.keys() & theirs.keys())
    first, second = ([of(runs[seed]) for seed in seeds] for runs in (ours, theirs))
    return np.array(first), np.array(second)


def compare(
    units: Iterable[Part], contrast: Contrast, measure: str | None = None, group: str | None = None
) -> dict[str, float]:
    """A contrast over worlds: mean, ci_low, ci_high, p, boot_low, boot_high (worlds and seeds drawn
    anew), p_equivalent (within ± `MARGIN`), worlds.

    measure, group: by default the contrast's own. Effects that are the same in all worlds have no
    test, and nan; so have groups of which the task has no language.
    """
    of = value(measure or contrast.measure, group or contrast.group)
    both = {part.world: paired(part, contrast, of) for part in units}
    effects = [float(np.mean(ours - theirs)) for ours, theirs in both.values()]
    names = ("ci_low", "ci_high", "p", "boot_low", "boot_high", "p_equivalent")
    found = {"mean": float(np.mean(effects)), **dict.fromkeys(names, float("nan"))}
    if np.ptp(effects) > 1e-12:
        test = over_worlds(both)
        found |= {name: getattr(test, name) for name in ("ci_low", "ci_high", "p")}
        found["boot_low"], found["boot_high"] = resampled(both)
        found["p_equivalent"] = equivalent(effects, MARGIN)
    return {**found, "worlds": len(effects)}


def summary(of: Iterable[Part] | None = None) -> pd.DataFrame:
    """All comparisons, a row each.

    Columns: contrast, primary, measure, group, what `compare` gives, and p_holm (of the secondary
    ones). Raises SaltError as `parts.complete`.
    """
    units = complete(parts() if of is None else of, SCALE)
    rows = [
        {
            "contrast": contrast.label,
            "primary": contrast.primary,
            "measure": contrast.measure,
            "group": contrast.group,
            **compare(units, contrast),
            "p_holm": float("nan"),
        }
        for contrast in (PRIMARY, *SECONDARY)
    ]
    frame = pd.DataFrame(rows)
    family = ~frame["primary"] & frame["p"].notna()
    frame.loc[family, "p_holm"] = stats.holm(frame.loc[family, "p"].tolist())
    return frame


def beside(of: Iterable[Part], contrasts: Sequence[Contrast] = (PRIMARY,)) -> pd.DataFrame:
    """Comparisons of transfer in every group and every measure, shown and not tested for a claim.

    Columns: contrast, measure, group, and what `compare` gives.
    """
    units = complete(of, SCALE)
    return pd.DataFrame(
        {
            "contrast": contrast.label,
            "measure": measure,
            "group": group,
            **compare(units, contrast, measure, group),
        }
        for contrast in contrasts
        for measure in MEASURES
        for group in GROUPS
    )


def verdict(row: Mapping, alpha: float = 0.05) -> str:
    """What may be said of a row of `summary`: "more", "less", "no difference that matters" (the
    equivalence test), or "undecided". The corrected p decides where there is one."""
    p = row["p_holm"] if row["p_holm"] == row["p_holm"] else row["p"]
    if p <= alpha:
        return "more" if row["mean"] > 0 else "less"
    return "no difference that matters" if row["p_equivalent"] <= alpha else "undecided"


def level(units: Iterable[Part], run: Run, measure: str = TRANSFER, group: str = POOR) -> float:
    """A cell's measure in a group, the mean over worlds and seeds."""
    of = value(measure, group)
    return float(np.mean([np.mean([of(r) for r in p.runs[run].values()]) for p in units]))


def by_size(units: Sequence[Part], objective: str, group: str = POOR) -> list[float]:
    """Transfer − that of text alone, for each of `SIZES`, the mean over worlds."""
    none = level(units, (NONE, "baseline"), TRANSFER, group)
    cells = [Cell(objective, BITEXT, size).name for size in SIZES]
    return [level(units, (name, "baseline"), TRANSFER, group) - none for name in cells]


def links(units: Iterable[Part]) -> pd.DataFrame:
    """How good the links of each cell are, the mean over worlds: cell, language, links, right,
    found (see `links.shares_right`)."""
    units = list(units)
    rows = []
    for name in CELLS:
        told = [p.runs[name, "baseline"][0]["measures"]["pretraining"]["links"] for p in units]
        for code in told[0]:
            means = {key: float(np.mean([one[code][key] for one in told])) for key in told[0][code]}
            rows.append({"cell": name, "language": code, **means})
    return pd.DataFrame(rows, columns=["cell", "language", "links", "right", "found"])


def costs(units: Iterable[Part]) -> pd.DataFrame:
    """What each cell's pretraining reads and takes, the mean over worlds: cell, steps, monolingual
    and second (tokens), seconds."""
    units = list(units)
    rows = []
    for name in CELLS:
        told = [p.runs[name, "baseline"][0]["measures"]["pretraining"] for p in units]
        rows.append(
            {
                "cell": name,
                "steps": told[0]["steps"],
                **{
                    part: float(np.mean([one["tokens"][part] for one in told]))
                    for part in ("monolingual", "second")
                },
                "seconds": float(np.mean([one["seconds"] for one in told])),
            }
        )
    return pd.DataFrame(rows)

"""The outcome of the study of programs, from its frozen tables: what its protocol says, no more.

The unit is the world. In each world execution accuracy is fitted by least squares on the logarithms
of the amount of poor languages' text and of the encoder's parameters, with and without their
product; cells that the fit doesn't see check it. What a pretraining costs is measured: steps follow
from the text, seconds a step from the size.

Chapter: Programs.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ...errors import SaltError, unknown
from ...languages import SOURCE
from ...study import stats
from ...study.parts import Part, complete, read_part
from ...study.worlds import OverWorlds, equivalent, over_worlds
from .cells import AMOUNTS, CONTROLS, GRID, HELD_OUT, METHODS, POOR, RICH, SIZES, Cell, parameters
from .measures import WHAT
from .study import SEED, WORLDS, planned, table_path

SCALE = "programs"
MARGIN = 0.02  # a difference of execution accuracy that would matter to nobody
GROUPS = {"poor": POOR, "rich": RICH, "English": (SOURCE,)}
BASE = Cell(SIZES["0.6M"], 1.0)  # where the next doubling of compute is asked about
BASELINE, SALT = METHODS
MODELS = ("additive", "interacting")
PRIMARY = "twice the compute: text − size"
SECONDARY = (
    "16 times the text − today's",
    "the largest − the smallest",
    "16 times: poor − rich text",
    "text × size, for a doubling of both",
    "SALT − baseline",
)


def parts() -> list[Part]:
    """What there is of the study, world by world."""
    cell = itemgetter("task", "method")
    return [read_part(w, table_path(w), len(planned(w)), SCALE, cell) for w in WORLDS]


def accuracy(
    part: Part, one: Cell, group: str = "poor", method: str = BASELINE, what: str = "execution"
) -> float:
    """A cell's execution accuracy in a world, or another measure of greedy decoding, the mean over
    a group's languages.

    group: of `GROUPS`; what: of `measures.WHAT`; SaltError for others.
    """
    if group not in GROUPS:
        raise unknown("group of languages", group, GROUPS)
    if what not in WHAT:
        raise unknown("measure", what, WHAT)
    greedy = part.runs[one.name, method][SEED]["measures"]["greedy"]
    return float(np.mean([greedy[code][what] for code in GROUPS[group]]))


def size_of(part: Part, one: Cell) -> float:
    """The base-2 logarithm of an encoder's parameters, of those of `BASE`."""
    both = [
        parameters(c.size, part.runs[c.name, BASELINE][SEED]["measures"]["pretraining"]["pieces"])
        for c in (one, BASE)
    ]
    return float(np.log2(both[0] / both[1]))


def design(text: ArrayLike, size: ArrayLike, interacting: bool) -> np.ndarray:
    """(cells, 3 or 4) what is fitted on: one, log text, log size and, ``interacting``, their
    product. text, size: base-2 logarithms. SaltError: another number of the one than of the other.
    """
    x, y = np.asarray(text, dtype=float), np.asarray(size, dtype=float)
    if x.shape != y.shape or x.ndim != 1:
        raise SaltError(f"{x.shape} amounts of text and {y.shape} sizes: one each is needed")
    columns = [np.ones_like(x), x, y] + [x * y] * interacting
    return np.stack(columns, axis=1)


@dataclass(frozen=True)
class Fit:
    """A world's fit: coefficients of `design`; missed: root mean squared error in the cells that it
    doesn't see, guess: that of the mean of those it sees."""

    coefficients: tuple[float, ...]
    missed: float
    guess: float

    def __call__(self, text: float, size: float) -> float:
        """The accuracy at base-2 logarithms of text and size."""
        row = design([text], [size], len(self.coefficients) == 4)
        return float((row @ np.array(self.coefficients))[0])


def fit(part: Part, model: str = "interacting", group: str = "poor") -> Fit:
    """Fit a world's grid, less `HELD_OUT`. Raises SaltError for an unknown model."""
    if model not in MODELS:
        raise unknown("model", model, MODELS)
    x = np.array([np.log2(one.poor) for one in GRID])
    y = np.array([size_of(part, one) for one in GRID])
    found = np.array([accuracy(part, one, group) for one in GRID])
    seen = np.array([one.name not in HELD_OUT for one in GRID])
    rows = design(x, y, model == "interacting")
    coefficients = np.linalg.lstsq(rows[seen], found[seen], rcond=None)[0]
    missed = rows[~seen] @ coefficients - found[~seen]
    guess = found[seen].mean() - found[~seen]
    root = [float(np.sqrt((error**2).mean())) for error in (missed, guess)]
    return Fit(tuple(coefficients.tolist()), *root)


def steps(amount: float) -> float:
    """How many steps a pretraining takes with an amount of poor languages' text."""
    today, more = (sum(Cell(BASE.size, a).documents.values()) for a in (1.0, 2.0))
    return BASE.recipe.steps * (today + (amount - 1) * (more - today)) / today


def text_for(share: float) -> float:
    """The amount of text with which a pretraining takes ``share`` times the steps of today's.

    SaltError: no amount does, for the rich languages' text alone takes more.
    """
    step = (steps(2.0) - steps(1.0)) / steps(1.0)
    amount = 1 + (share - 1) / step
    if amount <= 0:
        raise SaltError(f"{share} times the steps of today's: the rich languages alone take more")
    return amount


def seconds_a_step(part: Part) -> dict[str, float]:
    """Size → the median over its cells of the seconds of a step."""
    found: dict[str, list[float]] = {}
    for one in GRID:
        about = part.runs[one.name, BASELINE][SEED]["measures"]["pretraining"]
        found.setdefault(one.size.name, []).append(about["seconds"] / about["steps"])
    return {name: float(np.median(each)) for name, each in found.items()}


def size_for(part: Part, share: float) -> float:
    """The base-2 logarithm of the size at which a step takes ``share`` times `BASE`'s seconds.

    Straight between the measured sizes in log seconds, and beyond them with the last slope.
    """
    cost = seconds_a_step(part)
    y = np.array([size_of(part, Cell(size, 1.0)) for size in SIZES.values()])
    z = np.log2([cost[name] / cost[BASE.size.name] for name in SIZES])
    z = np.maximum.accumulate(z + 1e-9 * np.arange(len(z)))  # a smaller one may measure slower
    wanted = float(np.log2(share))
    at = int(np.clip(np.searchsorted(z, wanted), 1, len(z) - 1))
    slope = (y[at] - y[at - 1]) / (z[at] - z[at - 1])
    return float(y[at - 1] + slope * (wanted - z[at - 1]))


def doubled(part: Part, group: str = "poor", model: str = "interacting") -> tuple[float, float]:
    """What twice `BASE`'s compute brings by the fit: spent on text, spent on size."""
    surface = fit(part, model, group)
    now = surface(0.0, 0.0)
    by_text = surface(float(np.log2(text_for(2.0))), 0.0) - now
    return by_text, surface(0.0, size_for(part, 2.0)) - now


def effects(part: Part, group: str = "poor") -> dict[str, float]:
    """`PRIMARY` and `SECONDARY` → the effect in a world."""

    def mean(cells: Iterable[Cell], method: str = BASELINE) -> float:
        return float(np.mean([accuracy(part, one, group, method) for one in cells]))

    def of(test: Callable[[Cell], bool]) -> list[Cell]:
        return [one for one in GRID if test(one)]

    by_text, by_size = doubled(part, group)
    sizes = list(SIZES.values())
    every = (
        by_text - by_size,
        mean(of(lambda c: c.poor == 16)) - mean(of(lambda c: c.poor == 1)),
        mean(of(lambda c: c.size == sizes[-1])) - mean(of(lambda c: c.size == sizes[0])),
        mean(Cell(one.size, one.rich) for one in CONTROLS) - mean(CONTROLS),
        fit(part, "interacting", group).coefficients[3],
        mean(GRID, SALT) - mean(GRID),
    )
    return dict(zip((PRIMARY, *SECONDARY), every, strict=True))


def compare(units: Sequence[Part], what: str, group: str = "poor") -> OverWorlds:
    """An effect over worlds: the test that it is zero, and its interval."""
    found = {part.world: ([effects(part, group)[what]], [0.0]) for part in units}
    return over_worlds(found)


def summary(of: Iterable[Part] | None = None) -> pd.DataFrame:
    """All effects of the protocol, a row each.

    Columns: effect, group, mean, ci_low, ci_high, p, p_equivalent (within ± `MARGIN`), p_holm (of
    the secondary ones in poor languages), worlds. An effect that is the same in all worlds has no
    test, and nan. Raises SaltError as `parts.complete`.
    """
    units = complete(parts() if of is None else of, SCALE)
    rows = []
    for group in GROUPS:
        for what in (PRIMARY, *SECONDARY):
            found = [effects(part, group)[what] for part in units]
            row = {"mean": float(np.mean(found)), "ci_low": np.nan, "ci_high": np.nan, "p": np.nan}
            row["p_equivalent"] = row["p_holm"] = np.nan
            if np.ptp(found) > 1e-12:  # English may be at its ceiling in every cell
                test = compare(units, what, group)
                row |= {key: getattr(test, key) for key in ("ci_low", "ci_high", "p")}
                row["p_equivalent"] = equivalent(found, MARGIN)
            rows.append({"effect": what, "group": group, **row, "worlds": len(units)})
    frame = pd.DataFrame(rows)
    family = (frame["group"] == "poor") & frame["effect"].isin(SECONDARY) & frame["p"].notna()
    frame.loc[family, "p_holm"] = stats.holm(frame.loc[family, "p"].tolist())
    return frame


def grid(
    units: Iterable[Part], group: str = "poor", method: str = BASELINE, what: str = "execution"
) -> np.ndarray:
    """(sizes, amounts) a measure of each cell (see `accuracy`), the mean over worlds."""
    tables = [
        [
            [accuracy(part, Cell(size, a), group, method, what) for a in AMOUNTS]
            for size in SIZES.values()
        ]
        for part in units
    ]
    return np.mean(tables, axis=0)


def seconds(units: Iterable[Part]) -> np.ndarray:
    """(sizes, amounts) the seconds of each cell's pretraining, the mean over worlds."""
    tables = [
        [
            [
                part.runs[Cell(size, a).name, BASELINE][SEED]["measures"]["pretraining"]["seconds"]
                for a in AMOUNTS
            ]
            for size in SIZES.values()
        ]
        for part in units
    ]
    return np.mean(tables, axis=0)


def checks(units: Iterable[Part]) -> pd.DataFrame:
    """How far one comes in English without reading the question, a row a world.

    Columns: world, encoder, bag, blind, best single program: execution accuracies.
    """
    rows = []
    for part in units:
        run = part.runs.get((BASE.name, BASELINE), {}).get(SEED)
        if run is not None:
            rows.append(
                {"world": part.world, "encoder": run["scores"][SOURCE], **run["measures"]["checks"]}
            )
    return pd.DataFrame(rows, columns=["world", "encoder", "bag", "blind", "best single program"])

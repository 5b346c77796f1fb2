"""The study of intermediate tasks: which worlds, conditions, draws and seeds, as its protocol says.

Chapter: Intermediate tasks.
"""

from collections.abc import Iterator
from pathlib import Path

from ...files import RECORDED, folder
from ...study.grid import Spec
from ...study.parts import check_world
from ...study.study import Study
from .conditions import AT, BEST, CONDITIONS, FACTS, METHODS, NONE, Condition, Intermediate
from .run import number

WORLDS = (2, 3, 4)
SEEDS = tuple(range(15))  # of conditions on captions, and of nothing in between
FEWER = tuple(range(10))  # of the smaller sizes, and of SALT on nothing
DRAWS = tuple(range(10))
DRAW_SEEDS = tuple(range(5))  # a draw has one of them, in turn; in the cells that part them, all
PARTED = (f"mini-paws-x-equal-{AT}",)


def table_path(world: int) -> Path:
    """The frozen table of a world."""
    return RECORDED / "intermediate" / f"world-{world}.json"


def intermediate_study(world: int, root: str | Path | None = None) -> Study:
    """The study's part in one world; root: by default ``$SALT_RUNS_DIR`` or ``runs``, in it
    ``intermediate``. SaltError: a world that the protocol doesn't have."""
    check_world(world, WORLDS, "the study of intermediate tasks")
    specs = planned(world)
    return Study(
        setup=Intermediate(world),
        root=Path(root or folder("SALT_RUNS_DIR", "runs")) / "intermediate",
        command=f"salt study --scale intermediate --world {world}",
        tasks=tuple(dict.fromkeys(spec.task for spec in specs)),
        methods=METHODS,
        seeds=tuple(sorted({spec.seed for spec in specs})),
        world=world,
        table=table_path(world),
    )


def numbers(row: Condition, method: str = "baseline") -> tuple[int, ...]:
    """The numbers of a condition's runs; none where it isn't fine-tuned with this method.

    Of a draw its seed is the same in every condition, so that runs pair up.
    """
    if method == "salt" and row.name not in (NONE, BEST):
        return ()
    if row.task is None:
        return SEEDS if method == "baseline" else FEWER
    if row.on_captions:
        return SEEDS if row.facts == FACTS[-1] else FEWER
    if row.name in PARTED and method == "baseline":
        return tuple(number(draw, seed) for draw in DRAWS for seed in DRAW_SEEDS)
    return one_seed_a_draw()


def one_seed_a_draw() -> tuple[int, ...]:
    """The number of each draw's run in conditions that have one seed a draw."""
    return tuple(number(draw, DRAW_SEEDS[draw % len(DRAW_SEEDS)]) for draw in DRAWS)


def planned(world: int) -> list[Spec]:
    """The runs of the protocol in a world: of every condition the first, then the second, …, so
    that a study that is stopped early has some of each."""

    def runs() -> Iterator[tuple[int, Spec]]:
        for method in METHODS:
            for row in CONDITIONS.values():
                for place, which in enumerate(numbers(row, method)):
                    yield place, Spec(world, row.name, method, which)

    return [spec for _, spec in sorted(runs(), key=lambda one: one[0])]


def missing(study: Study) -> list[Spec]:
    """The planned runs that the frozen table lacks, see `Study.missing`."""
    return study.missing(planned(study.world))


def freeze(study: Study) -> tuple[int, int]:
    """Add this machine's finished runs to the world's frozen table, see `Study.extend`; returns how
    many it then has, and how many are planned."""
    wanted = planned(study.world)
    return study.extend(wanted), len(wanted)

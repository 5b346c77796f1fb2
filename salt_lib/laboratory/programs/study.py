"""The study of programs: which worlds, cells and methods, as its chapter's protocol says.

Chapter: Programs.
"""

from pathlib import Path

from ...files import RECORDED, folder
from ...study.grid import Spec
from ...study.parts import check_world, processor
from ...study.study import Study
from .cells import CELLS, GRID, METHODS, Programs

WORLDS = (2, 3, 4)
SEED = 0  # a cell has a pretraining in each world, and one training of each method


def table_path(world: int) -> Path:
    """The frozen table of a world."""
    return RECORDED / "programs" / f"world-{world}.json"


def programs_study(world: int, root: str | Path | None = None, device: str | None = None) -> Study:
    """The study's part in one world; root: by default ``$SALT_RUNS_DIR`` or ``runs``, in it
    ``programs``. device: of the pretrainings, "cpu" (by default), "cuda", or "auto" for the second
    where there is one. SaltError: a world that the protocol doesn't have, or no such device."""
    check_world(world, WORLDS, "the study of programs")
    return Study(
        setup=Programs(world, processor(device)),
        root=Path(root or folder("SALT_RUNS_DIR", "runs")) / "programs",
        command=f"salt study --scale programs --world {world}",
        tasks=tuple(CELLS),
        methods=METHODS,
        seeds=(SEED,),
        world=world,
        table=table_path(world),
    )


def planned(world: int) -> list[Spec]:
    """The runs of the protocol in a world: all cells, then those of the grid with SALT.

    So each encoder is there when its second run begins, and no worker waits for another.
    """
    first = [Spec(world, name, METHODS[0], SEED) for name in CELLS]
    return [*first, *(Spec(world, one.name, METHODS[1], SEED) for one in GRID)]


def missing(study: Study) -> list[Spec]:
    """The planned runs that the frozen table lacks, see `Study.missing`."""
    return study.missing(planned(study.world))


def freeze(study: Study) -> tuple[int, int]:
    """Add this machine's finished runs to the world's frozen table, see `Study.extend`."""
    wanted = planned(study.world)
    return study.extend(wanted), len(wanted)

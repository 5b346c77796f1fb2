"""The study of bitext: which worlds, cells, methods and seeds, as its chapter's protocol says.

Chapter: Bitext.
"""

from pathlib import Path

from ...files import RECORDED, folder
from ...study.grid import Spec
from ...study.parts import check_world, processor
from ...study.study import Study
from .cells import CELLS, METHODS, SALTED, Bitexts

WORLDS = (2, 3, 4)
SEEDS = tuple(range(5))


def table_path(world: int) -> Path:
    """The frozen table of a world."""
    return RECORDED / "bitext" / f"world-{world}.json"


def bitext_study(world: int, root: str | Path | None = None, device: str | None = None) -> Study:
    """The study's part in one world; root: by default ``$SALT_RUNS_DIR`` or ``runs``, in it
    ``bitext``. device: of the pretrainings, "cpu" (by default), "cuda", or "auto" for the second
    where there is one. SaltError: a world that the protocol doesn't have, or no such device."""
    check_world(world, WORLDS, "the study of bitext")
    return Study(
        setup=Bitexts(world, processor(device)),
        root=Path(root or folder("SALT_RUNS_DIR", "runs")) / "bitext",
        command=f"salt study --scale bitext --world {world}",
        tasks=tuple(CELLS),
        methods=METHODS,
        seeds=SEEDS,
        world=world,
        table=table_path(world),
    )


def planned(world: int) -> list[Spec]:
    """The runs of the protocol in a world, seed by seed: the first makes every cell's encoder, and
    a study that is stopped early has some of each."""
    return [
        Spec(world, name, method, seed)
        for seed in SEEDS
        for method in METHODS
        for name in (CELLS if method == METHODS[0] else SALTED)
    ]


def missing(study: Study) -> list[Spec]:
    """The planned runs that the frozen table lacks, see `Study.missing`."""
    return study.missing(planned(study.world))


def freeze(study: Study) -> tuple[int, int]:
    """Add this machine's finished runs to the world's frozen table, see `Study.extend`."""
    wanted = planned(study.world)
    return study.extend(wanted), len(wanted)

"""The laboratory's study: the main methods, their ablations and controls, 15 seeds, both tasks.

Chapter: Training over 15 seeds.
"""

from pathlib import Path

from ..files import RECORDED, folder
from ..salt.methods import MAIN, METHODS
from ..study.results import key_of
from ..study.study import Study
from .setup import Laboratory

TASKS = ("mini-xnli", "mini-paws-x")
SEEDS = tuple(range(15))


def laboratory_study(world: int = 0, root: str | Path | None = None) -> Study:
    """The study of a world; root: by default the folder ``$SALT_RUNS_DIR`` or ``runs``."""
    return Study(
        setup=Laboratory(world),
        root=Path(root or folder("SALT_RUNS_DIR", "runs")),
        command="salt study",
        tasks=TASKS,
        methods=MAIN,
        seeds=SEEDS,
        world=world,
        table=RECORDED / "laboratory.json",
    )


def freeze(study: Study, path: str | Path) -> list[str]:
    """Write the complete methods of this machine's runs to ``path``; returns their names.

    The main five must be there; any other that has both tasks and all seeds is taken along. See
    `Study.freeze` for errors.
    """
    have = {key_of(run) for run in study.fresh().runs}
    complete = [
        name
        for name in METHODS
        if name in MAIN or all((t, name, s) in have for t in study.tasks for s in study.seeds)
    ]
    command = study.command + " --methods all" * (set(complete) != set(MAIN))
    command += f" --world {study.world}" * bool(study.world)
    specs = [
        spec for task in study.tasks for name in complete for spec in study.specs([task], [name])
    ]
    study.freeze(path, specs, command=command)
    return complete

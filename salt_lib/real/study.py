"""The study on real data: XNLI and PAWS-X, the main methods, 15 seeds, by a setup.

Chapter: At paper scale.
"""

from pathlib import Path

from ..errors import SaltError
from ..salt.methods import MAIN, METHODS
from ..study.study import Study
from .setup import TASKS, Setup

ROOT = Path("runs-paper")


def real_study(
    setup: Setup, root: str | Path | None = None, table: str | Path | None = None
) -> Study:
    """The study of a setup; root: by default the folder ``runs-paper``. table: its frozen runs."""
    return Study(
        setup=setup,
        root=Path(root or ROOT),
        command="salt study --scale paper",
        tasks=TASKS,
        methods=MAIN,
        seeds=tuple(range(15)),
        table=Path(table) if table else None,
    )


def possible_methods(setup: Setup, task: str) -> list[str]:
    """The methods of the table that need nothing of the laboratory's."""
    possible = []
    for name, row in METHODS.items():
        try:
            setup.check(task, row)
        except SaltError:
            continue
        possible.append(name)
    return possible

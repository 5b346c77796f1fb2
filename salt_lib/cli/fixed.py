"""What the commands of the fixed studies over worlds have in common.

Chapter: Reproduce, change, extend.
"""

from collections.abc import Callable, Sequence
from typing import Any

import typer

from ..errors import SaltError
from .console import print_json


def run(
    part: Any, specs: Sequence, freeze: Callable[[], tuple[int, int]], workers, force: bool
) -> None:
    """Execute runs of a study's part, and add what is finished to its frozen table.

    freeze: adds them; returns how many runs the table has, and how many it should have.
    """
    try:
        made = part.execute(specs, workers, force=force)
    finally:
        have, wanted = freeze()
    told = f"{len(made)} runs made now; {part.table} has {have} of {wanted}"
    typer.echo(f"world {part.world}: {told}")


def show(
    progress: Any, summary: Callable[[], Any], name: str, scale: str, as_json: bool
) -> list[dict]:
    """Show how far a study is; returns the rows of its outcome, none where JSON was printed.

    progress: a table as of `parts.progress_of`. summary: makes that of the outcome, when all runs
    are there. SaltError, after the progress: they are not (JSON says so itself).
    """
    done = bool(progress["complete"].all())
    rows = summary().to_dict("records") if done else None
    if as_json:
        told = rows and [{k: v if v == v else None for k, v in row.items()} for row in rows]  # nan
        print_json({"progress": progress.to_dict("records"), "outcomes": told})
        return []
    for row in progress.to_dict("records"):
        depth = f", {row['layers']} layers" if "layers" in row else ""
        typer.echo(f"world {row['world']}{depth}: {row['runs']} of {row['planned']} runs")
    if rows is None:
        raise SaltError(
            f"{name} is not complete, and its protocol allows no test before it is; make the "
            f"missing runs with `salt study --scale {scale} --world N`"
        )
    return rows

"""The commands of the study over worlds.

Chapter: Over worlds.
"""

import typer

from ..errors import SaltError
from .console import percent, print_json


def study(world: int, layers: int | None, workers, force: bool, runs_dir) -> None:
    """Run what is missing of a world's part, and add what is finished to its frozen table."""
    from ..laboratory import worlds

    study = worlds.world_study(world, layers, runs_dir)
    specs = worlds.planned(world, layers) if force else worlds.missing(study, layers)
    try:
        made = study.execute(specs, workers, force=force)
    finally:
        have, wanted = worlds.freeze(study, layers)
    typer.echo(f"world {world}: {len(made)} runs made now; {study.table} has {have} of {wanted}")


def results(as_json: bool) -> None:
    """Show how far the study is and, when it is complete, its outcome."""
    from ..laboratory import outcomes

    progress = outcomes.progress()
    if as_json:
        complete = bool(progress["complete"].all())
        rows = outcomes.summary().to_dict("records") if complete else None
        told = rows and [{k: v if v == v else None for k, v in row.items()} for row in rows]  # nan
        print_json({"progress": progress.to_dict("records"), "outcomes": told})
        return
    for row in progress.to_dict("records"):
        typer.echo(
            f"world {row['world']}, {row['layers']} layers: {row['runs']} of {row['planned']} runs"
        )
    if not progress["complete"].all():
        raise SaltError(
            "the study over worlds is not complete, and its protocol allows no test before it is; "
            "make what is missing with `salt study --scale worlds --world N`"
        )
    for row in outcomes.summary().to_dict("records"):
        typer.echo(
            f"{row['task']:<16}{row['method']:<18}against {row['against']:<18}{row['outcome']:<10}"
            f"{row['split']:<6}"
            f"{percent(row['mean'], '+'):>8} ({percent(row['ci_low'], '+')} to "
            f"{percent(row['ci_high'], '+')}), p {row['p']:.4f}"
        )

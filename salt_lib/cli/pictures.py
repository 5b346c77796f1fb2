"""The commands of the study of pictures.

Chapter: Pictures.
"""

import typer

from ..errors import SaltError
from .console import percent, print_json


def study(world: int, workers, force: bool, runs_dir) -> None:
    """Run what is missing of a world's part, and add what is finished to its frozen table."""
    from ..laboratory.pictures import study as pictures

    part = pictures.pictures_study(world, runs_dir)
    specs = pictures.planned(world) if force else pictures.missing(part)
    try:
        made = part.execute(specs, workers, force=force)
    finally:
        have, wanted = pictures.freeze(part)
    typer.echo(f"world {world}: {len(made)} runs made now; {part.table} has {have} of {wanted}")


def results(as_json: bool) -> None:
    """Show how far the study is and, when it is complete, its outcome."""
    from ..laboratory.pictures import outcomes

    parts = outcomes.parts()
    progress, done = outcomes.progress(parts), outcomes.finished(parts)
    if as_json:
        rows = outcomes.summary(parts).to_dict("records") if done else None
        told = rows and [{k: v if v == v else None for k, v in row.items()} for row in rows]  # nan
        print_json({"progress": progress.to_dict("records"), "outcomes": told})
        return
    for row in progress.to_dict("records"):
        typer.echo(f"world {row['world']}: {row['runs']} of {row['planned']} runs")
    if not done:
        raise SaltError(
            "the study of pictures is not complete, and its protocol allows no test before it is; "
            "make what is missing with `salt study --scale pictures --world N`"
        )
    for row in outcomes.summary(parts).to_dict("records"):
        if row["measure"] == "median":
            continue
        typer.echo(
            f"{row['condition']:<12}against {row['against']:<18}{row['measure']:<6}"
            f"{row['group']:<8}{percent(row['mean'], '+'):>8} ({percent(row['ci_low'], '+')} to "
            f"{percent(row['ci_high'], '+')}), p {row['p']:.4f}"
        )
    for way in (outcomes.PARALLEL, outcomes.TAUGHT):
        for group in outcomes.GROUPS:
            told = outcomes.worth(parts, way, group)
            typer.echo(
                f"salt is worth {outcomes.pairs(told.share)} a language ({way}, {group}; 95 % "
                f"interval {outcomes.pairs(told.low)} to {outcomes.pairs(told.high)})"
            )

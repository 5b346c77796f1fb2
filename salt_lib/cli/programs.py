"""The commands of the study of programs.

Chapter: Programs.
"""

import typer

from ..errors import SaltError
from .console import percent, print_json


def study(world: int, workers, force: bool, runs_dir, device: str | None) -> None:
    """Run what is missing of a world's part, and add what is finished to its frozen table."""
    from ..laboratory.programs import study as programs

    part = programs.programs_study(world, runs_dir, device)
    specs = programs.planned(world) if force else programs.missing(part)
    try:
        made = part.execute(specs, workers, force=force)
    finally:
        have, wanted = programs.freeze(part)
    typer.echo(f"world {world}: {len(made)} runs made now; {part.table} has {have} of {wanted}")


def results(as_json: bool) -> None:
    """Show how far the study is and, when it is complete, its outcome."""
    from ..laboratory.programs import outcomes

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
            "the study of programs is not complete, and its protocol allows no test before it is; "
            "make what is missing with `salt study --scale programs --world N`"
        )
    for row in outcomes.summary(parts).to_dict("records"):
        sure = (
            f"({percent(row['ci_low'], '+')} to {percent(row['ci_high'], '+')}), p {row['p']:.4f}"
        )
        if row["p"] != row["p"]:  # nan
            sure = "(the same in every world)"
        typer.echo(f"{row['effect']:<38}{row['group']:<9}{percent(row['mean'], '+'):>8} {sure}")

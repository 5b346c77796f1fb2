"""The commands of the study of pictures.

Chapter: Pictures.
"""

import typer

from . import fixed
from .console import percent


def study(world: int, workers, force: bool, runs_dir) -> None:
    """Run what is missing of a world's part, and add what is finished to its frozen table."""
    from ..laboratory.pictures import study as pictures

    part = pictures.pictures_study(world, runs_dir)
    specs = pictures.planned(world) if force else pictures.missing(part)
    fixed.run(part, specs, lambda: pictures.freeze(part), workers, force)


def results(as_json: bool) -> None:
    """Show how far the study is and, when it is complete, its outcome."""
    from ..laboratory.pictures import outcomes
    from ..study.parts import progress_of

    parts, name = outcomes.parts(), "the study of pictures"
    progress = progress_of(parts)
    rows = fixed.show(progress, lambda: outcomes.summary(parts), name, "pictures", as_json)
    if not rows:
        return
    for row in rows:
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

"""The commands of the study of intermediate tasks.

Chapter: Intermediate tasks.
"""

import typer

from . import fixed
from .console import percent


def study(world: int, workers, force: bool, runs_dir) -> None:
    """Run what is missing of a world's part, and add what is finished to its frozen table."""
    from ..laboratory.intermediate import study as intermediate

    part = intermediate.intermediate_study(world, runs_dir)
    specs = intermediate.planned(world) if force else intermediate.missing(part)
    fixed.run(part, specs, lambda: intermediate.freeze(part), workers, force)


def results(as_json: bool) -> None:
    """Show how far the study is and, when it is complete, its outcome."""
    from ..laboratory.intermediate import outcomes
    from ..study.parts import progress_of

    parts, name = outcomes.parts(), "the study of intermediate tasks"
    progress = progress_of(parts)
    rows = fixed.show(progress, lambda: outcomes.summary(parts), name, "intermediate", as_json)
    if not rows:
        return
    for row in rows:
        typer.echo(
            f"{row['contrast']:<52}{row['group']:<8}{percent(row['mean'], '+'):>8} "
            f"({percent(row['ci_low'], '+')} to {percent(row['ci_high'], '+')}), p {row['p']:.4f}, "
            f"within a point p {row['p_equivalent']:.4f}: {outcomes.verdict(row)}"
        )
    told = outcomes.spread(parts)
    typer.echo(
        f"of the spread of {outcomes.PARTED[0]}: draws {percent(told.draw**0.5)}, seeds "
        f"{percent(told.seed**0.5)}, the rest {percent(told.rest**0.5)} (standard deviations)"
    )

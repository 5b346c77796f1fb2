"""The commands of the study of programs.

Chapter: Programs.
"""

import typer

from . import fixed
from .console import percent


def study(world: int, workers, force: bool, runs_dir, device: str | None) -> None:
    """Run what is missing of a world's part, and add what is finished to its frozen table."""
    from ..laboratory.programs import study as programs

    part = programs.programs_study(world, runs_dir, device)
    specs = programs.planned(world) if force else programs.missing(part)
    fixed.run(part, specs, lambda: programs.freeze(part), workers, force)


def results(as_json: bool) -> None:
    """Show how far the study is and, when it is complete, its outcome."""
    from ..laboratory.programs import outcomes
    from ..study.parts import progress_of

    parts, name = outcomes.parts(), "the study of programs"
    progress = progress_of(parts)
    rows = fixed.show(progress, lambda: outcomes.summary(parts), name, "programs", as_json)
    for row in rows:
        sure = (
            f"({percent(row['ci_low'], '+')} to {percent(row['ci_high'], '+')}), p {row['p']:.4f}"
        )
        if row["p"] != row["p"]:  # nan
            sure = "(the same in every world)"
        typer.echo(f"{row['effect']:<38}{row['group']:<9}{percent(row['mean'], '+'):>8} {sure}")

"""The commands of the study of bitext.

Chapter: Bitext.
"""

import typer

from . import fixed
from .console import percent


def study(world: int, workers, force: bool, runs_dir, device: str | None) -> None:
    """Run what is missing of a world's part, and add what is finished to its frozen table."""
    from ..laboratory.bitext import study as bitext

    part = bitext.bitext_study(world, runs_dir, device)
    specs = bitext.planned(world) if force else bitext.missing(part)
    fixed.run(part, specs, lambda: bitext.freeze(part), workers, force)


def results(as_json: bool) -> None:
    """Show how far the study is and, when it is complete, its outcome."""
    from ..laboratory.bitext import outcomes
    from ..study.parts import progress_of

    parts, name = outcomes.parts(), "the study of bitext"
    progress = progress_of(parts)
    rows = fixed.show(progress, lambda: outcomes.summary(parts), name, "bitext", as_json)
    for row in rows:
        sure = (
            f"({percent(row['ci_low'], '+')} to {percent(row['ci_high'], '+')}), p {row['p']:.4f}, "
            f"within a point p {row['p_equivalent']:.4f}"
        )
        if row["p"] != row["p"]:  # nan
            sure = "(the same in every world)"
        typer.echo(
            f"{row['contrast']:<44}{row['group']:<16}{percent(row['mean'], '+'):>8} {sure}: "
            f"{outcomes.verdict(row)}"
        )

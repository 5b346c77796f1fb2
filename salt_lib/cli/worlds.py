"""The commands of the study over worlds.

Chapter: Over worlds.
"""

import typer

from . import fixed
from .console import percent


def study(world: int, layers: int | None, workers, force: bool, runs_dir) -> None:
    """Run what is missing of a world's part, and add what is finished to its frozen table."""
    from ..laboratory import worlds

    part = worlds.world_study(world, layers, runs_dir)
    specs = worlds.planned(world, layers) if force else worlds.missing(part, layers)
    fixed.run(part, specs, lambda: worlds.freeze(part, layers), workers, force)


def results(as_json: bool) -> None:
    """Show how far the study is and, when it is complete, its outcome."""
    from ..laboratory import outcomes

    progress, name = outcomes.progress(), "the study over worlds"
    rows = fixed.show(progress, outcomes.summary, name, "worlds", as_json)
    for row in rows:
        typer.echo(
            f"{row['task']:<16}{row['method']:<18}against {row['against']:<18}{row['outcome']:<10}"
            f"{row['split']:<6}"
            f"{percent(row['mean'], '+'):>8} ({percent(row['ci_low'], '+')} to "
            f"{percent(row['ci_high'], '+')}), p {row['p']:.4f}"
        )

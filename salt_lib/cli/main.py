"""The `salt` command: the study from the command line.

Everything heavy is imported where it is used, so that `salt --help` answers at once.

Chapter: Reproduce, change, extend.
"""

from collections.abc import Callable
from typing import Annotated

import typer

from .. import __version__
from . import laboratory, quality, real, study, words
from .console import SECTIONS, Group

app = typer.Typer(
    cls=Group,
    help="SALT in a small world: run the study, see its results, use its parts.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
COMMANDS: dict[str, dict[str, Callable[..., None]]] = {
    "The study": {"study": study.study, "results": study.results},
    "A real model and real data": {
        "plan": real.plan,
        "train": real.train,
        "predict": real.predict,
        "score": real.score,
        "own": real.own,
    },
    "Your own words and texts": {
        "distill": words.distill,
        "augment": words.augment,
        "vocabulary": words.vocabulary,
        "quality": quality.quality,
    },
    "The laboratory": {"world": laboratory.show_world, "pretrain": laboratory.pretrain},
}
for section, commands in COMMANDS.items():
    for name, command in commands.items():
        SECTIONS[name] = section
        app.command(name=name)(command)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"salt {__version__}")
        raise typer.Exit()


@app.callback()
def salt(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """SALT in a small world: run the study, see its results, use its parts."""


if __name__ == "__main__":
    app(prog_name="salt")

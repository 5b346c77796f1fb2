"""What the commands of the command line share: options, errors, and how they print.

Chapter: Reproduce, change, extend.
"""

import io
import json
import signal
import sys
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from ..digests import PACKAGE
from ..errors import SaltError

SECTIONS: dict[str, str] = {}  # command → what it is for


class Group(TyperGroup):
    """Lists the commands by what they are for, each summary whole; shows an error that was written
    for the user as that, not as a traceback."""

    def list_commands(self, ctx) -> list[str]:
        """In the order in which they were added."""
        return list(self.commands)

    def format_commands(self, ctx, formatter) -> None:
        """A section for each of `SECTIONS`."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            title = SECTIONS.get(name, "Commands")
            sections.setdefault(title, []).append((name, command.get_short_help_str(limit=1000)))
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl(rows)

    def invoke(self, ctx):
        warnings.showwarning = _show
        for stream in (sys.stdout, sys.stderr):  # words of any script, whatever the terminal's
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(encoding="utf-8", errors="replace")
        with suppress(ValueError):  # of a thread's, where signals are not ours
            signal.signal(signal.SIGTERM, _stop)
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            typer.echo(
                "salt: stopped; finished work is kept, and the same command continues", err=True
            )
            raise typer.Exit(143 if error.args else 130) from None
        except SaltError as error:
            typer.echo(f"salt: {error}", err=True)
            raise typer.Exit(getattr(error, "exit_code", 2)) from None


def _stop(number, frame):
    """A scheduler's SIGTERM ends a command as Ctrl-C does."""
    raise KeyboardInterrupt("SIGTERM")


def _show(message, category, filename, lineno, file=None, line=None):
    # Ours says all there is to say; a library's warning keeps the place that it points at.
    ours = PACKAGE in Path(filename).parents and category is UserWarning
    plain = f"salt: {message}\n"
    print(
        plain if ours else warnings.formatwarning(message, category, filename, lineno, line),
        file=file or sys.stderr,
        end="",
    )


MAX_SEED = 2**32 - 1  # with what is added to it, still a seed of every generator
World = Annotated[
    int,
    typer.Option(help="The world: 0 is the study's, 100 is for tuning, others replicate.", min=0),
]
RunsDir = Annotated[
    Path | None,
    typer.Option(
        help="Folder for the results.  [default: $SALT_RUNS_DIR or runs; paper: runs-paper]"
    ),
]
SetupFile = Annotated[
    Path | None,
    typer.Option("--setup", help="TOML file of a study at paper scale.  [default: mBERT]"),
]
Model = Annotated[
    str | None, typer.Option(help="Model: a folder or a hub name.  [default: the setup's]")
]
Data = Annotated[str | None, typer.Option(help="Data: a folder, or hub.  [default: the setup's]")]
Texts = Annotated[
    str | None,
    typer.Option(help="Monolingual text: a folder of <language>.txt.  [default: the setup's]"),
]
Device = Annotated[
    str | None, typer.Option(help="Device: auto, cpu or cuda.  [default: the setup's]")
]
Force = Annotated[bool, typer.Option("--force", help="Replace an output that already exists.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def writable(output: Path | None, force: bool, *inputs: Path | None) -> None:
    """Raise SaltError for an output that is there already, or that is one of the inputs.

    force: whether what is there may be replaced; an input never.
    """
    if output is None or not output.exists():
        return
    for path in inputs:
        if path is not None and path.exists() and output.samefile(path):
            raise SaltError(f"{output} is the input {path}: choose another file for the output")
    if not force:
        raise SaltError(
            f"{output} already exists: choose another file, or add --force to replace it"
        )


def names(text: str) -> list[str]:
    """The names in ``text``, with commas between them."""
    return [name.strip() for name in text.split(",") if name.strip()]


def known_methods(text: str, every: Callable[[], Iterable[str]] | None = None) -> list[str]:
    """The methods named in ``text``, where main and all stand for several.

    every: what "all" stands for, by default the whole table.
    """
    from ..salt.methods import MAIN, METHODS

    methods: list[str] = []
    for name in names(text):
        if name == "all":
            methods += every() if every else METHODS
        else:
            methods += MAIN if name == "main" else [name]
    return methods


def known_seeds(text: str) -> list[int]:
    """The numbers in ``text``: "0-2,7" is 0, 1, 2, 7. SaltError for anything else."""
    numbers: list[int] = []
    for part in names(text):
        first, dash, last = part.partition("-")
        ends = (first, last) if dash else (first, first)
        if not all(end.isdecimal() for end in ends) or int(ends[0]) > int(ends[1]):
            raise SaltError(f"--seeds {text!r}: {part!r} is not a seed; write 0-14 or 0,3,5")
        if int(ends[1]) > MAX_SEED:
            raise SaltError(f"--seeds {text!r}: {ends[1]} is above {MAX_SEED}, the highest seed")
        numbers.extend(range(int(ends[0]), int(ends[1]) + 1))
    return numbers


def percent(value: float | None, sign: str = "") -> str:
    """A share as per cent, a dash for none."""
    return "–" if value is None else f"{100 * value:{sign}.2f}"


def print_json(value: object) -> None:
    """Print ``value`` as JSON."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False))

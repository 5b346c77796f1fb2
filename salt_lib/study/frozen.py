"""Frozen tables: runs in one file that ships with the package, and says where they come from.

A clone shows the whole book at once with them, and says whose numbers they are.

Chapter: Training over 15 seeds.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from ..digests import checked, checksum
from ..errors import SaltError
from ..files import write_text
from .results import FROZEN, Results

# Of what a run is stored with; measures are the study over worlds' alone.
KEPT = (
    "world",
    "task",
    "method",
    "seed",
    "scores",
    "dev",
    "epoch",
    "seconds",
    "measures",
    "fingerprint",
)


def write_table(path: str | Path, head: dict, runs: Iterable[dict]) -> None:
    """Write a frozen table: what is said of all runs, then a line a run with what is `KEPT`.

    Its checksum is of the whole.
    """
    rows = [
        {key: round(run[key], 1) if key == "seconds" else run[key] for key in KEPT if key in run}
        for run in runs
    ]
    table = json.loads(json.dumps({**head, "rows": rows}))
    lines = ",\n".join(map(json.dumps, rows))
    text = json.dumps({**head, "checksum": checksum(table)}, indent=1)
    write_text(path, f'{text[:-2]},\n "rows": [\n{lines}\n]}}\n')


def read_table(path: str | Path, command: str = "salt study") -> Results:
    """The runs of a frozen table. SaltError: the file is missing or is no such table.

    command: what makes the runs where there is no table.
    """
    try:
        head = checked(json.loads(Path(path).read_bytes()))
        rows = head.pop("rows")
        table = Results(rows, {**head, **{key: head[key] for key in ("command", "commit")}}, FROZEN)
        if table.frame.empty:
            raise KeyError("rows")
        return table
    except OSError as error:
        raise SaltError(
            f"{path}: the frozen table can't be read ({error.strerror or error}); it comes with "
            f"the package. Without it, run '{command}'"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SaltError(
            f"{path}: not a table of results ({type(error).__name__}: {error}); restore it with "
            f"'git checkout' or run '{command}'"
        ) from error

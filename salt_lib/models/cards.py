"""The digests of a checkpoint's files in its model card, README.md, and whether they still hold.

A flipped bit in a weight is no error to whoever loads it, only another number. A folder without
such a card, as most on the hub are, is taken as it is.

Chapter: The laboratory.
"""

import re
from pathlib import Path

from ..digests import content
from ..errors import SaltError
from ..files import write_text

CARD = "README.md"
HEADING = "## Digests"
ROW = re.compile(r"^\| `([^`/\\]+)` \| `([0-9a-f]{64})` \|$", re.MULTILINE)


def seal(folder: str | Path, about: str) -> None:
    """Write the digests of all files in a checkpoint's folder into its model card.

    about: the card's text where there is none yet. What a card says besides the digests stays.
    """
    card = Path(folder) / CARD
    text = card.read_text(encoding="utf-8") if card.exists() else about
    files = [p for p in sorted(Path(folder).iterdir()) if p.is_file() and p.name != CARD]
    rows = [f"| `{p.name}` | `{content(p)}` |" for p in files if not p.name.startswith(".")]
    table = [
        HEADING,
        "",
        "SHA-256 of each file. They are looked at whenever the model is loaded; whoever changes a",
        "file on purpose removes its line.",
        "",
        "| file | SHA-256 |",
        "|---|---|",
        *rows,
    ]
    before = text.partition(HEADING)[0].rstrip()
    write_text(card, before + "\n\n" + "\n".join(table) + "\n")


def check(folder: str | Path) -> None:
    """SaltError: a file is missing or not what the model card of its folder has the digest of."""
    try:
        text = (Path(folder) / CARD).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return
    for name, digest in ROW.findall(text.partition(HEADING)[2]):
        path = Path(folder) / name
        if not path.is_file() or content(path) != digest:
            raise SaltError(
                f"{path}: not the file whose digest stands in {CARD} beside it: it was damaged, "
                "edited or removed. Fetch or make the checkpoint again, or remove the file's line "
                f"in {CARD} if you changed it yourself"
            )

"""What a docstring's prose tells of a function, as "ids: the tokens, (n,). Returns the loss. Raises
SaltError for no tokens.", becomes a list, to which Sphinx adds the types.

What fits no such form stays as it was written.
"""

import inspect
import re

from numpy.typing import ArrayLike
from sphinx.application import Sphinx
from sphinx.util.typing import stringify_annotation

_NOT_PROSE = re.compile(r" |>>>|- |\||.*::$", re.MULTILINE)
ARRAY_LIKE = stringify_annotation(ArrayLike, "smart")


def listed(paragraph: str, names: list[str]) -> list[str]:
    """The lines of a paragraph, with what it says of the parameters ``names``, of what comes back
    and of errors as fields; after them an empty line."""
    name = rf"(?:{'|'.join(map(re.escape, names)) or '(?!)'})"
    several = rf"(?P<several>{name}(?:(?:, | and ){name})*): "
    key = rf"{several}|(?P<back>Returns) |(?:Raises )?SaltError[:,]? "
    found = list(re.finditer(rf"(?:^|(?<=[.;]) )(?:{key})", paragraph))
    starts = [*(match.start() for match in found), len(paragraph)]
    lines = [re.sub(";$", ".", paragraph[: starts[0]]), ""]
    for match, end in zip(found, starts[1:], strict=True):
        kinds = ["raises salt_lib.errors.SaltError"]
        if match["back"]:
            kinds = ["returns"]
        elif match["several"]:
            kinds = [f"param {one}" for one in re.split(", | and ", match["several"])]
        lines += [f":{kind}: {paragraph[match.end() : end].rstrip(';')}" for kind in kinds]
    return [*lines, ""]


def parameters(app: Sphinx, what: str, name: str, thing: object, options, lines: list[str]) -> None:
    """What Sphinx calls for each docstring; it puts the new lines in the place of the old ones."""
    if what not in ("class", "function", "method"):
        return
    try:
        names = [one for one in inspect.signature(thing).parameters if one != "self"]
    except ValueError:  # of a class that builds on one of C
        names = []
    made: list[str] = []
    for block in "\n".join(lines).strip().split("\n\n"):
        prose = not _NOT_PROSE.match(block)
        made += listed(" ".join(block.split()), names) if prose else [*block.split("\n"), ""]
    lines[:] = made


def skip(app: Sphinx, what: str, name: str, thing: object, skipped: bool, options) -> bool | None:
    """Leave out the fields of a named tuple, which are among its parameters."""
    return True if str(thing.__doc__).startswith("Alias for field number") else None


def shorten(app: Sphinx, what: str, name: str, *_) -> None:
    """Call numpy's ArrayLike by its name, in what autodoc has noted of a function's types."""
    known = app.env.temp_data.get("annotations", {}).get(name, {})
    for parameter, text in known.items():
        known[parameter] = text.replace(ARRAY_LIKE, "ArrayLike")


def setup(app: Sphinx) -> dict[str, bool]:
    """What Sphinx calls."""
    app.connect("autodoc-process-docstring", parameters)
    app.connect("autodoc-skip-member", skip)
    app.connect("autodoc-process-signature", shorten, priority=900)  # autodoc notes before
    return {"parallel_read_safe": True, "parallel_write_safe": True}

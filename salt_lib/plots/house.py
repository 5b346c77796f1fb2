"""The map of the library: its packages as rooms, and which imports which, read from the sources.

An import may only point down the `FLOORS`; a test holds the sources to it.

Chapter: How the code is laid out.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path as Curve

from ..digests import PACKAGE, imports
from .style import BLACK, BLUE, GREEN, GREY, ORANGE, PALE, PURPLE, SKY, SMALL, VERMILLION, styled

GROUND = ("errors", "files", "digests", "languages")
# From the ground up; rooms of one floor don't import each other.
FLOORS = (
    ("ground",),
    ("data",),
    ("models",),
    ("salt",),
    ("training",),
    ("pretraining",),
    ("study",),
    ("laboratory", "real"),
    ("audit",),
    ("plots",),
    ("api",),
    ("cli",),
)
ROOMS = tuple(room for floor in FLOORS for room in floor)
_COLOURS = (VERMILLION, BLUE, GREEN, ORANGE, PURPLE, SKY)
_WIDTH, _HEIGHT = 6.2, 0.76  # of a room, where floors are 1 apart


@dataclass(frozen=True)
class Room:
    """A room's size: its modules, and their lines with comments and docstrings."""

    modules: int
    lines: int


def room_of(module: str) -> str:
    """The room of a module, whose name lacks ``salt_lib.``: mostly its package."""
    first = module.split(".")[0]
    if first == "__main__":
        return "cli"
    return "ground" if first in GROUND else first


def modules(package: Path = PACKAGE) -> Iterator[tuple[str, Path]]:
    """Name and file of every module, packages' own files aside."""
    for path in sorted(package.rglob("*.py")):
        if path.name != "__init__.py":
            yield ".".join(path.relative_to(package).with_suffix("").parts), path


def rooms(package: Path = PACKAGE) -> dict[str, Room]:
    """Room → its size."""
    lines: dict[str, list[int]] = {}
    for name, path in modules(package):
        text = path.read_text(encoding="utf-8")
        lines.setdefault(room_of(name), []).append(len(text.splitlines()))
    return {room: Room(len(each), sum(each)) for room, each in lines.items()}


def arrows(package: Path = PACKAGE) -> Counter[tuple[str, str]]:
    """(importing room, imported room) → how many modules of the one import a module of the other.

    Every pair of modules counts once. Imports for type checkers alone are none.
    """
    pairs = (
        (room_of(name), room_of(other))
        for name, path in modules(package)
        for other in set(imports(ast.parse(path.read_bytes()), name, package))
    )
    return Counter((one, other) for one, other in pairs if one != other)


def against(edges: Mapping[tuple[str, str], int]) -> list[tuple[str, str]]:
    """The arrows that don't point to a lower floor, and those from or to an unknown room."""
    height = {room: number for number, floor in enumerate(FLOORS) for room in floor}
    return [
        (one, other)
        for one, other in edges
        if one not in height or other not in height or height[one] <= height[other]
    ]


def contents(package: Path = PACKAGE) -> dict[str, str]:
    """Package or module outside of one → its docstring, in the order of the floors."""
    texts = {}
    for path in [*package.glob("*.py"), *package.glob("*/**/__init__.py")]:
        whole = path.parent if path.name == "__init__.py" else path.with_suffix("")
        name = ".".join(whole.relative_to(package).parts)
        if name and name != "__main__":
            texts[name] = ast.get_docstring(ast.parse(path.read_bytes())) or ""
    ground = {name: place for place, name in enumerate(GROUND)}
    return dict(
        sorted(texts.items(), key=lambda x: (ROOMS.index(room_of(x[0])), ground.get(x[0], 0), x[0]))
    )


def chapters(docstring: str) -> list[str]:
    """The titles of the chapters that a docstring names last: "Chapters: Distillation; …"."""
    match = re.search(r"\bChapters?: (.*)\.\s*\Z", docstring, re.DOTALL)
    titles = " ".join(match[1].split()).split("; ") if match else []
    return [re.sub(r" \([^)]*\)$", "", title) for title in titles]


@styled
def house(ax: Axes, package: Path = PACKAGE) -> Axes:
    """The rooms one above the other, the ground below; an arrow goes from a room to one it imports.

    The thicker an arrow, the more imports. Those to the ground and those of the command line are
    pale, for nearly every room has them.
    """
    sizes = rooms(package)
    level = {room: y for y, room in enumerate(room for room in ROOMS if room in sizes)}
    coloured = [room for room in level if room not in ("ground", "cli")]
    colours = {room: _COLOURS[i % len(_COLOURS)] for i, room in enumerate(coloured)}
    for floor in FLOORS:
        shared = [level[room] for room in floor if room in level]
        if len(shared) > 1:
            _box(ax, min(shared), max(shared), GREY, (":", 1.2), margin=0.09)
    for room, y in level.items():
        modules_ = f"{sizes[room].modules} module{'s' * (sizes[room].modules != 1)}"
        lines = f"{modules_}, {sizes[room].lines:,} lines"
        name = ", ".join(GROUND) if room == "ground" else room
        _box(ax, y, y, colours.get(room, GREY), ("-", 1.6))
        ax.text(0.2, y + 0.17, name, va="center", size=SMALL, weight="bold", color=BLACK)
        ax.text(0.2, y - 0.17, lines, va="center", size=SMALL, color=BLACK)
    for (one, other), count in sorted(arrows(package).items()):
        minor = "ground" in (one, other) or one == "cli"
        colour = PALE if minor else colours[one]
        _arrow(ax, level[one], level[other], colour, 0.8 if minor else 0.8 + min(count, 16) / 8)
    ax.set_xlim(-0.15, _WIDTH + 0.6 + 0.26 * len(level))
    ax.set_ylim(-0.6, len(level) - 0.4)
    ax.axis("off")
    return ax


@styled
def _box(
    ax: Axes, low: float, high: float, colour: str, line: tuple[str, float], margin: float = 0.0
) -> None:
    """A frame around the rooms from one level to another."""
    corner = (-margin, low - _HEIGHT / 2 - margin)
    size = (_WIDTH + 2 * margin, high - low + _HEIGHT + 2 * margin)
    style, width = line
    shape = FancyBboxPatch(
        corner,
        *size,
        boxstyle="round,pad=0,rounding_size=0.12",
        facecolor="white",
        edgecolor=colour,
        linestyle=style,
        linewidth=width,
    )
    ax.add_patch(shape)


@styled
def _arrow(ax: Axes, start: float, end: float, colour: str, width: float) -> None:
    """From the right side of a room to that of another; the farther, the wider its bow."""
    top, bottom = start - 0.14, end + 0.14
    out = _WIDTH + 0.5 + 0.32 * abs(start - end)
    bow = Curve(
        [(_WIDTH, top), (out, top), (out, bottom), (_WIDTH + 0.03, bottom)],
        [Curve.MOVETO, Curve.CURVE4, Curve.CURVE4, Curve.CURVE4],
    )
    shape = FancyArrowPatch(
        path=bow,
        arrowstyle="-|>,head_length=0.5,head_width=0.25",
        mutation_scale=14,
        color=colour,
        linewidth=width,
        zorder=1 if colour == PALE else 2,
    )
    ax.add_patch(shape)

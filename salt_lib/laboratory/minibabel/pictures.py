"""Pictures: a fact as a small raster, another view of what sentences tell.

A thing is a glyph (``glyphs.tsv``: strokes on a grid of 16 × 16), an adjective its color, size,
shape, filling or a mark on it, a number how many glyphs there are, a relation a sign between agent
and patient and how the two stand, a place a backdrop ("in") or a small sign in the corner ("near").
What none of these can show (abstract words, names, "not") has no picture: `unshown` says what.

Chapter: Pictures.
"""

import csv
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from ...errors import SaltError
from .facts import FIELDS, Fact, inventory
from .lexicon import concept_of

SIZE = 48  # pixels a side
SCALE = 2  # it is drawn so much larger, then reduced
GRID = 16  # a glyph's own
GROUND = 232  # about how light it is behind everything
Color = tuple[int, int, int]
KINDS = ("thing", "place", "verb", "mark")
COLORS = {
    "red": (214, 39, 40),
    "blue": (31, 80, 200),
    "green": (40, 150, 50),
    "white": (250, 250, 250),
    "black": (25, 25, 25),
    "yellow": (245, 215, 40),
}
# What has no color said of it has one that no word names.
PLAIN = ((188, 143, 143), (160, 120, 170), (200, 140, 90), (150, 150, 160))
INK, LIGHT = (30, 30, 30), (225, 225, 225)
SIZES = {"big": (1.4, 1.4), "small": (0.6, 0.6), "long": (1.45, 0.8), "short": (0.6, 1.0)}
FILLINGS = ("full", "empty")
NUMBERS = ("2", "3", "4", "5")  # more could not be counted in so few pixels
_HEIGHTS = {
    "lift": (4, -7),
    "drop": (-7, 4),
    "carry": (5, -4),
    "follow": (2, -3),
}  # of agent and patient, lower


class Glyph(NamedTuple):
    """A drawing: strokes on the grid, and the color of a place or mark, None for any other."""

    kind: str
    tint: Color | None
    strokes: tuple[tuple[str, tuple[int, ...]], ...]


def parse(text: str, where: str = "glyphs.tsv") -> dict[str, Glyph]:
    """Glyphs by name from tab-separated text: name, kind, tint (hex), strokes.

    A stroke is a letter and pairs of coordinates, each a hex digit: e, r, p, l for an ellipse, a
    rectangle, a polygon and a line in the thing's color; E, R, P, L the same in ink, O and B an
    ellipse and a box of which the edge alone is drawn. SaltError names line and stroke.
    """
    glyphs: dict[str, Glyph] = {}
    rows = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    for row in rows:
        at = f"{where}, line {rows.line_num}"
        if None in row or None in row.values() or row["kind"] not in KINDS:
            raise SaltError(f"{at}: name, kind ({', '.join(KINDS)}), tint and strokes are needed")
        strokes = []
        for stroke in row["strokes"].split():
            try:
                points = tuple(int(digit, GRID) for digit in stroke[1:])
            except ValueError:
                points = ()
            boxed = stroke[0] not in "pPlL"
            if stroke[0] not in "erplERPLOB" or len(points) % 2 or len(points) < 4:
                raise SaltError(f"{at}: {stroke!r} is no stroke")
            if boxed and (len(points) != 4 or points[0] > points[2] or points[1] > points[3]):
                raise SaltError(f"{at}: {stroke!r} has no left upper and right lower corner")
            strokes.append((stroke[0], points))
        tint = tuple(bytes.fromhex(row["tint"])) if row["tint"] else None
        glyphs[row["name"]] = Glyph(row["kind"], tint, tuple(strokes))  # type: ignore[arg-type]
    return glyphs


@cache
def glyphs() -> dict[str, Glyph]:
    """The shipped drawings, by the name of the concept."""
    return parse((files(__package__) / "glyphs.tsv").read_text(encoding="utf-8"))


def _of_kind(kind: str) -> tuple[str, ...]:
    return tuple(name for name, glyph in glyphs().items() if glyph.kind == kind)


@cache
def shown() -> dict[str, frozenset[str]]:
    """Column of a fact → the concepts and numbers in it that can be drawn."""
    things, adjectives = _of_kind("thing"), (*COLORS, *SIZES, *FILLINGS, *_of_kind("mark"))
    drawn = {
        "agent": things,
        "patient": things,
        "verb": _of_kind("verb"),
        "agent_adjective": adjectives,
        "patient_adjective": adjectives,
        "agent_number": NUMBERS,
        "patient_number": NUMBERS,
        "place": _of_kind("place"),
        "preposition": inventory()["preposition"],
        "negated": ("no",),
    }
    return {column: frozenset(drawn.get(column, ())) for column in FIELDS}


def drawable(facts: np.ndarray) -> np.ndarray:
    """(n, 12) which of the facts' parts can be drawn; what isn't said is no hindrance."""
    fits = np.ones(facts.shape, dtype=bool)
    for column, values in inventory().items():
        can = np.array([value in shown()[column] for value in values] + [True])  # −1: not said
        fits[:, FIELDS[column]] = can[facts[:, FIELDS[column]]]
    return fits


def unshown(fact: Fact) -> list[str]:
    """The words of a fact that have no picture; empty for a fact that can be drawn."""
    lacking = []
    for column, value in fact._asdict().items():
        if column == "negated":
            lacking += ["not"] * bool(value)
        elif value is not None and concept_of().get(value, value) not in shown()[column]:
            lacking.append(value)
    return lacking


def draw(fact: Fact, seed: int | tuple[int, ...]) -> np.ndarray:
    """The picture of a fact: (48, 48, 3) uint8. Another seed moves, resizes and tints it anew.

    Raises SaltError for a fact that says what has no picture.
    """
    if lacking := unshown(fact):
        raise SaltError(
            f"no picture of {', '.join(map(repr, lacking))}: leave out facts that say it "
            "(pictures.drawable)"
        )
    dice = np.random.default_rng(seed)
    red, green, blue = (int(v) for v in GROUND + dice.integers(-8, 9, size=3))
    image = Image.new("RGB", (SIZE * SCALE, SIZE * SCALE), (red, green, blue))
    pen = _Pen(ImageDraw.Draw(image), dice)
    if fact.place:
        pen.place(concept_of()[fact.place], fact.preposition == "near")
    rise = _HEIGHTS.get(concept_of().get(fact.verb or "", ""), (0, 0))
    if fact.patient is None:
        pen.group(fact.agent, fact.agent_adjective, fact.agent_number, 24, 29)
    else:
        pen.group(fact.agent, fact.agent_adjective, fact.agent_number, 11.5, 29 + rise[0])
        pen.group(fact.patient, fact.patient_adjective, fact.patient_number, 36.5, 29 + rise[1])
    if fact.verb:
        sign = glyphs()[concept_of()[fact.verb]]
        pen.glyph(sign, 24 + pen.jitter(0.5), 30 + pen.jitter(1), (7, 8), INK, INK)
    small = image.resize((SIZE, SIZE), Image.Resampling.BOX)
    noise = dice.integers(-6, 7, size=(SIZE, SIZE, 1))
    return np.clip(np.asarray(small, dtype=np.int16) + noise, 0, 255).astype(np.uint8)


def _paler(color: Color, share: float) -> Color:
    """A color of which a share is left, the rest is ground."""
    red, green, blue = (int(share * v + (1 - share) * GROUND) for v in color)
    return red, green, blue


class _Pen:
    """Draws glyphs on a canvas, in pixels of the finished picture, with jitter."""

    def __init__(self, canvas: ImageDraw.ImageDraw, dice: np.random.Generator):
        self.canvas, self.dice = canvas, dice

    def jitter(self, most: float) -> float:
        return float(self.dice.uniform(-most, most))

    def place(self, name: str, near: bool) -> None:
        """A sign in a corner, or a backdrop that fills the upper part."""
        sign = glyphs()[name]
        x, y, size = (39, 8, (13, 12)) if near else (24, 17, (44, 30))
        body, ink = sign.tint or LIGHT, INK
        if not near:  # pale, so that what stands before it is seen
            body, ink = _paler(body, 0.55), _paler(ink, 0.4)
        self.glyph(sign, x + self.jitter(1.5), y + self.jitter(1.5), size, body, ink)

    def group(self, word: str, adjective: str | None, number: str | None, x: float, y: float):
        """A thing as often as its number says, as its adjective says; one where none is said."""
        quality = concept_of()[adjective] if adjective else ""
        count = int(number or 1)
        wide, high = SIZES.get(quality, (1.0, 1.0))
        side = 15.0 if count == 1 else 9.5
        plain = COLORS.get(quality) or PLAIN[self.dice.integers(len(PLAIN))]
        body = [int(np.clip(v + self.dice.integers(-12, 13), 0, 255)) for v in plain]
        for i in range(count):
            across, down = (0.0, 0.0)
            if count > 1:
                across, down = 10.5 * (i % 2) - 5.25, 11.0 * (i // 2) - 5.5 * ((count - 1) // 2)
            at = x + across + self.jitter(1), y + down + self.jitter(1)
            size = side * wide + self.jitter(0.7), side * high + self.jitter(0.7)
            self.glyph(glyphs()[concept_of()[word]], *at, size, tuple(body), None, quality)

    def glyph(self, glyph, x, y, size, body, ink=None, quality="") -> None:
        """A glyph around (x, y), so wide and high. ink: by default dark, on a dark body light."""
        step = size[0] * SCALE / (GRID - 1), size[1] * SCALE / (GRID - 1)
        left, top = x * SCALE - size[0] * SCALE / 2, y * SCALE - size[1] * SCALE / 2
        edge = INK if ink is None else ink
        ink = (LIGHT if sum(body) < 200 else INK) if ink is None else ink
        for kind, points in glyph.strokes:
            pairs = [
                (left + points[i] * step[0], top + points[i + 1] * step[1])
                for i in range(0, len(points), 2)
            ]
            self._stroke(kind, pairs, body, ink, edge, quality)
        if quality in glyphs():
            mark = glyphs()[quality]
            wide, high = (size[0], size[1]) if quality == "dirty" else (size[0] * 0.9, 5)
            above = y if quality == "dirty" else y - size[1] / 2 - 2.5
            self.glyph(mark, x, above, (wide, high), mark.tint, mark.tint)

    def _stroke(self, kind, pairs, body, ink, edge, quality) -> None:
        canvas, inner = self.canvas, None if quality == "empty" else body
        if quality == "full" and kind.islower():
            edge = INK
        width = 3 if quality == "full" else 1
        if kind in "lL":
            canvas.line(pairs, fill=body if kind == "l" else ink, width=4 if kind == "l" else 2)
            return
        flat = [value for pair in pairs for value in pair]
        shape = {"e": canvas.ellipse, "o": canvas.ellipse, "p": canvas.polygon}.get(
            kind.lower(), canvas.rectangle
        )
        if kind in "OB":
            shape(flat, outline=ink, width=2)
        elif kind.islower():
            shape(flat, fill=inner, outline=edge, width=width)
        else:
            shape(flat, fill=ink)

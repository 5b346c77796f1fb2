"""What the tests of figures and tables share: a page's demands on them, and something to draw."""

import re
import warnings
from html.parser import HTMLParser

import numpy as np
import pandas as pd
from matplotlib.text import Text

from salt_lib.laboratory.quality import KINDS
from salt_lib.plots import style

PHONE = 330  # what is left of 390 pixels for a figure


def check(figure):
    """The figure as it will be on the page: no missing glyph, no tiny text, opaque and white."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of a glyph that no font has
        figure.canvas.draw()
    picture = np.asarray(figure.canvas.buffer_rgba())
    assert (picture[..., 3] == 255).all()
    assert (picture[0] == 255).all() and (picture[-1] == 255).all()
    width, _ = figure.get_size_inches()
    assert width == style.WIDTH
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text().strip():
            assert text.get_fontsize() / 72 / width * PHONE >= 9, text
            latin = all(c < "\u0250" or c in "–−…₁₂σ⊙→" for c in text.get_text())
            assert latin, f"words in other scripts belong into the page: {text}"
    assert not any(ax.get_title() for ax in figure.axes)


def rows(count=400):
    """Judged predictions of three languages, one of them always unsure."""
    rng = np.random.default_rng(0)
    words = ["dog", "see", "house", "old", "in"]
    found = pd.DataFrame(
        {
            "language": rng.choice(["de", "ru", "ur"], count),
            "word": rng.choice(words, count),
            "substitute": "x",
            "probability": rng.random(count),
            "verdict": rng.choice(KINDS, count),
        }
    )
    found.loc[found["language"] == "ur", "probability"] /= 2
    return found.assign(content=found["word"] != "in")


class Closed(HTMLParser):
    """Fails on a tag that is not closed, and remembers every language with its direction."""

    def __init__(self, text):
        super().__init__()
        self.open, self.said = [], set()
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        if "lang" in (found := dict(attrs)):
            self.said.add((found["lang"], found["dir"]))
        if tag not in ("br", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag


def plain(html):
    """A table's text, a list of cells a row; the HTML must be well-formed."""
    Closed(html.replace("/>", "></img>"))
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in html.split("<tr>")[1:]]

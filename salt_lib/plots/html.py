"""HTML for what figures can't show: words in any script, each with its language and direction.

Every word carries ``lang``, so that the browser picks the right font (Han characters look different
in Chinese and Japanese) and a screen reader the right voice, and words in Arabic script ``dir``.

Chapters: The laboratory; Distillation; Augmentation.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

from ..errors import SaltError
from ..languages import SOURCE, language


class Markup(str):
    """HTML text, shown as such by a notebook."""

    def _repr_html_(self) -> str:
        return str(self)


def sheet() -> Markup:
    """The style sheet of all that is made here; a notebook's first cell shows it."""
    rules = Path(__file__).with_name("static") / "notebook.css"
    return Markup(f"<style>{rules.read_text(encoding='utf-8')}</style>")


def attributes(code: str, *classes: str) -> str:
    """The ``lang``, ``dir`` and ``class`` attributes of something in a language."""
    right_to_left = language(code).right_to_left
    names = " ".join(filter(None, [*classes, "rtl" if right_to_left else ""]))
    named = f' class="{names}"' if names else ""
    return f'{named} lang="{code}" dir="{"rtl" if right_to_left else "ltr"}"'


def word(text: str, code: str, *classes: str) -> Markup:
    """A word or sentence inside a line of the page."""
    return Markup(f"<span{attributes(code, *classes)}>{escape(text)}</span>")


def token(text: str, code: str, note: str = "", kind: str = "kept") -> Markup:
    """A token in its box, with a note below it.

    kind: a class of the book's style sheet: "kept", "switched", "mixed" or "wrong".
    """
    below = f'<span class="note">{escape(note)}</span>' if note else ""
    return Markup(f'<span class="token {kind}">{word(text, code)}{below}</span>')


def tokens(boxes: Iterable[str], code: str = "en", label: str = "") -> Markup:
    """Tokens side by side, in the direction of the language that the whole line is in."""
    named = f' aria-label="{escape(label)}"' if label else ""
    return Markup(f'<div{attributes(code, "tokens")} role="group"{named}>{"".join(boxes)}</div>')


def slider(label: str, panels: Mapping[str, str], start: str) -> Markup:
    """Panels of which a slider shows one: all of them are in the page, so it needs no kernel.

    panels: what the slider stands at → HTML. start: what it stands at before it is moved. Raises
    SaltError for a start that is none of them.
    """
    if start not in panels:
        raise SaltError(f"{start!r}: the slider has {', '.join(panels)}")
    at = list(panels).index(start)
    show = (
        "[...this.closest('.slider').children].slice(1)"
        ".forEach((panel, i) => panel.hidden = i != this.value)"
    )
    shown = "".join(
        f"<div{'' if i == at else ' hidden'}><p><strong>{escape(name)}</strong></p>{panel}</div>"
        for i, (name, panel) in enumerate(panels.items())
    )
    return Markup(
        f'<div class="slider"><label>{escape(label)} <input type="range" min="0" '
        f'max="{len(panels) - 1}" value="{at}" oninput="{escape(show)}" /></label>{shown}</div>'
    )


def language_of(token_id: int, allowed: Sequence[str], vocabularies: Mapping) -> str:
    """The first of the allowed languages whose whole words include a vocabulary id.

    A word of several languages is all of theirs; English if none of the allowed has it.
    """
    return next((code for code in allowed if token_id in vocabularies[code]), SOURCE)


def table(
    header: Sequence[str], rows: Iterable[Sequence], caption: str = "", numbers: Sequence[int] = ()
) -> Markup:
    """A table; `Markup` goes in as it is, any other text is escaped, shares become percentages.

    numbers: the columns that are set to the right. The first cell of a row is its heading. Raises
    SaltError for a row with more or fewer cells than the header.
    """
    rows = [tuple(row) for row in rows]
    if uneven := [row for row in rows if len(row) != len(header)]:
        raise SaltError(
            f"a row of {len(uneven[0])} cells under {len(header)} headings: {uneven[0]}"
        )

    def cell(value, column: int) -> str:
        tag = "th" if column == 0 else "td"
        scope = ' scope="row"' if column == 0 else ""
        side = ' class="number"' if column in numbers else ""
        return f"<{tag}{scope}{side}>{_text(value)}</{tag}>"

    head = "".join(
        f'<th scope="col"{" class=number" if i in numbers else ""}>{escape(name)}</th>'
        for i, name in enumerate(header)
    )
    body = "".join(
        f"<tr>{''.join(cell(value, i) for i, value in enumerate(row))}</tr>" for row in rows
    )
    # The span is what a phone can keep inside the screen where the table itself is wider.
    title = f"<caption><span>{_text(caption)}</span></caption>" if caption else ""
    return Markup(
        f'<table class="table chapter">{title}<thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def _text(value) -> str:
    if isinstance(value, Markup):
        return value
    if isinstance(value, float):
        return "–" if value != value else percent(value)
    return escape(f"{value:,}" if isinstance(value, int) else str(value))


def percent(share: float, decimals: int = 1) -> str:
    """A share in [0, 1] as the book writes it in a sentence."""
    return f"{100 * share:.{decimals}f}%"

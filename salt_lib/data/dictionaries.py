"""Bilingual dictionaries, to judge by: ``en-<language>.tsv``, and English lemmas beside them.

They tell whether a translation is right and never take part in making one. Forms are compared
without case, in one Unicode form, Arabic ones without vowel signs; an English form is looked up by
its lemmas as well.

Chapter: Distillation.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import regex

from ..errors import SaltError, unknown
from .tables import read_lines

LEMMAS = "en-lemmas.tsv"
_SIGNS = regex.compile(r"[\u0640\u064b-\u065f\u0670]")  # tatweel, vowel signs
_PERSIAN = str.maketrans("يك", "یک")  # Urdu's letters, of which text has the Arabic twins too


def normal(form: str, language: str = "") -> str:
    """A word form as dictionaries are compared: NFKC, case-folded, Arabic without vowel signs."""
    if form.isascii():
        return form.casefold()
    plain = unicodedata.normalize("NFKC", form).casefold()
    if language in ("ar", "ur", "fa"):
        plain = _SIGNS.sub("", plain)
    return plain.translate(_PERSIAN) if language in ("ur", "fa") else plain


@dataclass(frozen=True)
class Dictionaries:
    """Language → English word → its translations, all in `normal` form.

    lemmas: English form → its lemmas, other than itself.
    """

    translations: Mapping[str, Mapping[str, frozenset[str]]]
    lemmas: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def heads(self, word: str) -> frozenset[str]:
        """What an English word is looked up by: itself and its lemmas."""
        form = normal(word)
        return self.lemmas.get(form, frozenset()) | {form}

    def of(self, word: str, language: str) -> frozenset[str]:
        """The translations of an English word; none where it is not listed.

        Raises SaltError for a language without a dictionary.
        """
        if language not in self.translations:
            raise unknown("language of the dictionaries", language, sorted(self.translations))
        own = self.translations[language]
        return frozenset().union(*(own.get(head, frozenset()) for head in self.heads(word)))


def read_dictionaries(
    folder: str | Path, languages: Iterable[str] | None = None, sources: int = 1
) -> Dictionaries:
    """The dictionaries of a folder: ``en-<language>.tsv``, columns en and translation.

    languages: those wanted, by default all. sources: leave out pairs that stand in fewer sources,
    where there is a column of that name. ``en-lemmas.tsv`` (form, lemma) is read where it lies
    beside them. Raises SaltError for a folder without any, a language without one, and a missing
    column.
    """
    files = {path.stem.removeprefix("en-"): path for path in Path(folder).glob("en-*.tsv")}
    lemmas = files.pop("lemmas", None)
    if not files:
        raise SaltError(f"{folder}: no en-<language>.tsv in it, such as en-de.tsv")
    for code in (chosen := sorted(files if languages is None else languages)):
        if code not in files:
            raise SaltError(
                f"{folder}: no dictionary en-{code}.tsv; there are {', '.join(sorted(files))}. Add "
                "it (columns en and translation), or leave the language out"
            )
    return Dictionaries(
        {code: _read(files[code], code, sources) for code in chosen},
        {} if lemmas is None else _table(lemmas, "form", "lemma"),
    )


def _read(path: Path, code: str, sources: int) -> dict[str, frozenset[str]]:
    return _table(path, "en", "translation", code, sources)


def _table(
    path: Path, key: str, value: str, code: str = "", sources: int = 1
) -> dict[str, frozenset[str]]:
    """Key → its values, both in `normal` form, of a table whose cells hold no tab."""
    lines = read_lines(path)
    header = next(lines, "").split("\t")
    if lacking := [name for name in (key, value) if name not in header]:
        raise SaltError(
            f"{path}: no column {', '.join(lacking)}; its first line has {', '.join(header)}, "
            f"expected {key} and {value}, with a tab between them"
        )
    at, to = header.index(key), header.index(value)
    by = header.index("sources") if "sources" in header else None
    found: defaultdict[str, set[str]] = defaultdict(set)
    for number, line in enumerate(lines, 2):
        cells = line.split("\t")
        if len(cells) != len(header):
            raise SaltError(f"{path}, line {number}: {len(cells)} cells, expected {len(header)}")
        if by is not None and not cells[by].isdecimal():
            raise SaltError(f"{path}, line {number}: sources {cells[by]!r} is not a number")
        if by is None or int(cells[by]) >= sources:
            found[normal(cells[at])].add(normal(cells[to], code))
    return {word: frozenset(forms) for word, forms in found.items()}

"""The lexicon: what each concept is called in each language, and how concepts relate.

A *word* is named by its English form, which is unique: "big" and "large" are two words of the
concept "big". Every language has exactly as many forms of a concept as English, so a word has one
counterpart in each of them, and a true translation of it is any form of its concept.

Chapter: The laboratory.
"""

import csv
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from ...errors import SaltError
from ...languages import LANGUAGES, SOURCE, language


@dataclass(frozen=True)
class Concept:
    """One row of ``lexicon.tsv``. ``forms[code]`` are its words in a language, commonest first."""

    name: str
    kind: str
    hypernym: str
    antonym: str
    forms: dict[str, tuple[str, ...]]


def parse(text: str, where: str = "lexicon.tsv") -> dict[str, Concept]:
    """Concepts by name from tab-separated text; SaltError names file, line and what is missing."""
    rows = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    header = rows.fieldnames or ()
    missing = {"concept", "kind", "hypernym", "antonym", *LANGUAGES} - set(header)
    if missing:
        raise SaltError(f"{where}, line 1: no column {', '.join(sorted(missing))}")
    concepts: dict[str, Concept] = {}
    lines: dict[str, int] = {}
    for row in rows:
        name, at = row["concept"], f"{where}, line {rows.line_num}"
        if None in row or None in row.values():
            raise SaltError(f"{at}: {name} has more or fewer than the header's {len(header)} cells")
        if name in concepts:
            raise SaltError(f"{at}: {name} stands in line {lines[name]} already")
        forms = {code: tuple(filter(None, row[code].split("|"))) for code in LANGUAGES}
        needed = len(forms[SOURCE])
        if not needed:
            raise SaltError(f"{at}, column {SOURCE}: {name} has no form")
        for code, words in forms.items():
            if len(words) != needed and not (row["kind"] == "function" and not words):
                raise SaltError(
                    f"{at}, column {code}: {name} needs {needed} forms as in English, has {words}"
                )
            if any(word.split() != [word] for word in words):
                raise SaltError(f"{at}, column {code}: a form has a space in it: {words}")
        concepts[name] = Concept(name, row["kind"], row["hypernym"], row["antonym"], forms)
        lines[name] = rows.line_num
    for item in concepts.values():
        for column, other in (("hypernym", item.hypernym), ("antonym", item.antonym)):
            if other and other not in concepts:
                raise SaltError(
                    f"{where}, line {lines[item.name]}, column {column}: no concept {other!r}"
                )
    return concepts


@cache
def lexicon() -> dict[str, Concept]:
    """The shipped lexicon, in file order."""
    path = files(__package__) / "lexicon.tsv"
    return parse(path.read_text(encoding="utf-8"))


@cache
def concept_of() -> dict[str, str]:
    """Word (its English form) → concept."""
    return {form: c.name for c in lexicon().values() for form in c.forms[SOURCE]}


class _Forms(dict[str, str]):
    def __missing__(self, word: str) -> str:
        near = get_close_matches(word, self) or list(self)[:3]
        raise SaltError(
            f"the lexicon has no word {word!r}, where every word stands in its English dictionary "
            f"form; near to it: {', '.join(near)}"
        )


@cache
def forms(code: str) -> dict[str, str]:
    """Word (its English form) → its form in the language; "" for a function word it lacks.

    Looking up another word raises SaltError.
    """
    language(code)
    table = _Forms()
    for item in lexicon().values():
        words = item.forms[code] or ("",) * len(item.forms[SOURCE])
        table.update(zip(item.forms[SOURCE], words, strict=True))
    return table


@cache
def concepts_of_form(code: str) -> dict[str, frozenset[str]]:
    """Form in a language → the concepts it names (the truth that distillation is judged by)."""
    concepts: dict[str, set[str]] = {}
    for item in lexicon().values():
        for form in item.forms[code]:
            concepts.setdefault(form, set()).add(item.name)
    return {form: frozenset(names) for form, names in concepts.items()}


@cache
def of_kind(kind: str) -> tuple[str, ...]:
    """Names of the concepts of a kind, in file order."""
    return tuple(c.name for c in lexicon().values() if c.kind == kind)


@cache
def hyponyms(concept: str) -> tuple[str, ...]:
    """Concepts whose hypernym this is."""
    return tuple(c.name for c in lexicon().values() if c.hypernym == concept)


@cache
def co_hyponyms(concept: str) -> tuple[str, ...]:
    """The other concepts under the same hypernym; for a hypernym, the other hypernyms of its kind.

    A concept with neither (most adjectives and verbs) has none.
    """
    item = lexicon()[concept]
    if item.hypernym:
        return tuple(name for name in hyponyms(item.hypernym) if name != concept)
    if hyponyms(concept):
        return tuple(name for name in of_kind(item.kind) if name != concept and hyponyms(name))
    return ()


def synonyms(word: str) -> tuple[str, ...]:
    """The other words of this word's concept."""
    return tuple(w for w in lexicon()[concept_of()[word]].forms[SOURCE] if w != word)

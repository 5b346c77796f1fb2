"""The query language: grammar, parser, types, and the program that answers a question.

A program asks a table of facts (see `interpreter`)::

    total agent where agent=dog agent_adjective=white place=river
    values place where agent=king verb=build
    any where agent=cat preposition=near place=lake
    total agent where agent=dog > total agent where agent=cat

``total`` is a number, ``values`` a set of words, ``any`` a truth; only numbers can be compared.
Every field takes words of one kind. What is no program is a `ProgramError` that says where.

Chapter: Programs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput
from lark.exceptions import VisitError

from ...errors import SaltError
from ..minibabel.facts import FIELDS, inventory
from ..minibabel.questions import PARTS, Question

GRAMMAR = r"""
start: query (">" query)?
query: "total" WORD conditions -> total
     | "values" WORD conditions -> values
     | "any" conditions -> any
conditions: "where" condition+
condition: WORD "=" WORD
WORD: /[A-Za-z_]+/
%ignore /[ \t\n]+/
"""
KEYWORDS = ("total", "values", "any", "where", ">")
KINDS = {  # field → the kind of its words
    "agent": "noun", "agent_adjective": "adjective", "verb": "verb", "patient": "noun",
    "patient_adjective": "adjective", "preposition": "preposition", "place": "place",
    "name": "name",
}  # fmt: skip
COUNTED = ("agent", "patient")  # the fields that have a number
LONGEST = 10_000  # letters that are read at all


class ProgramError(SaltError):
    """A text that is no program. line, column: where, from 1."""

    def __init__(self, problem: str, line: int, column: int):
        super().__init__(f"line {line}, column {column}: {problem}")
        self.line, self.column = line, column


class ProgramTypeError(ProgramError):
    """A program that can be read and means nothing: an unknown word, or one of another kind."""


@dataclass(frozen=True)
class Condition:
    """What a fact has to say: in ``field`` the word ``value``, or one of its kind."""

    field: str
    value: str


@dataclass(frozen=True)
class Query:
    """kind: "total", "values" or "any"; field: what is counted or listed, "" of "any"."""

    kind: str
    field: str
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class More:
    """Whether the first total is greater than the second."""

    left: Query
    right: Query


Program = Query | More


@cache
def kind_of() -> dict[str, str]:
    """Word → its kind: a concept's, "name" or "preposition"."""
    return {word: kind for field, kind in KINDS.items() for word in inventory()[field]}


@cache
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", propagate_positions=True)


class _Read(Transformer):
    """lark's tree → a checked program."""

    def condition(self, items: list[Token]) -> Condition:
        field, value = items
        kind = _kind(field, tuple(KINDS))
        if value not in kind_of():
            raise _wrong(value, f"{str(value)!r} is no word of this world")
        if kind_of()[value] != kind:
            raise _wrong(
                value, f"{str(value)!r} is of kind {kind_of()[value]}; {field} takes {kind}"
            )
        return Condition(str(field), str(value))

    def conditions(self, items: list[Condition]) -> tuple[Condition, ...]:
        return tuple(items)

    def total(self, items: list[Any]) -> Query:
        _kind(items[0], tuple(KINDS))
        if items[0] not in COUNTED:
            raise _wrong(items[0], f"{items[0]} has no number; total takes {' or '.join(COUNTED)}")
        return Query("total", str(items[0]), items[1])

    def values(self, items: list[Any]) -> Query:
        _kind(items[0], tuple(KINDS))
        return Query("values", str(items[0]), items[1])

    def any(self, items: list[Any]) -> Query:
        return Query("any", "", items[0])


def _kind(field: Token, known: tuple[str, ...]) -> str:
    if field not in known:
        raise _wrong(field, f"no field {str(field)!r}; fields are {', '.join(known)}")
    return KINDS[field]


def _wrong(token: Token, problem: str) -> ProgramTypeError:
    return ProgramTypeError(problem, token.line or 1, token.column or 1)


def parse(text: str) -> Program:
    """Read and check a program. ProgramError: it is none; ProgramTypeError: it means nothing."""
    if len(text) > LONGEST:
        raise ProgramError(f"{len(text)} letters, {LONGEST} are read", 1, LONGEST + 1)
    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        line, column = _end(text) if error.line in (None, -1) else (error.line, error.column)
        found = getattr(error, "token", None)
        what = "the end" if found is None or found.type == "$END" else repr(str(found))
        if found is None and getattr(error, "char", None):
            what = repr(error.char)  # type: ignore[attr-defined]
        wanted = sorted(getattr(error, "accepts", None) or getattr(error, "allowed", None) or ())
        if found is not None and found.type == "$END":
            line, column = _end(text)
        raise ProgramError(
            f"{what} is not expected here; expected {' or '.join(map(_called, wanted)) or 'less'}",
            line,
            column,
        ) from None
    read = _Read()
    try:
        children: list[Any] = tree.children
        queries = [read.transform(child) for child in children]
    except VisitError as error:
        raise error.orig_exc from None
    for query, child in zip(queries, children, strict=True):
        if len(queries) == 2 and query.kind != "total":
            meta = child.meta
            gives = {"values": "a set of words", "any": "a truth"}[query.kind]
            problem = f"'>' compares numbers, and {query.kind} gives {gives}"
            raise ProgramTypeError(problem, meta.line, meta.column)
    return queries[0] if len(queries) == 1 else More(*queries)


def _end(text: str) -> tuple[int, int]:
    lines = text.split("\n")
    return len(lines), len(lines[-1]) + 1


def _called(terminal: str) -> str:
    names = {"WORD": "a word", "MORETHAN": "'>'", "EQUAL": "'='", "$END": "the end"}
    return names.get(terminal, repr(terminal.lower()))


def tokens(program: Program) -> list[str]:
    """A program as the words it is written in; a field with its "=" is one."""
    if isinstance(program, More):
        return [*tokens(program.left), ">", *tokens(program.right)]
    said = [program.kind, *filter(None, [program.field]), "where"]
    for one in program.conditions:
        said += [f"{one.field}=", one.value]
    return said


def written(program: Program) -> str:
    """A program as text that `parse` reads."""
    return " ".join(tokens(program)).replace("= ", "=")


def vocabulary() -> tuple[str, ...]:
    """All words that programs are written in, in a fixed order."""
    return (*KEYWORDS, *KINDS, *(f"{field}=" for field in KINDS), *kind_of())


def answering(question: Question) -> Program:
    """The program that answers a question."""
    said = conditions(question.row)
    if question.kind == "more":
        rival = inventory()["agent"][question.other]
        other = [Condition("agent", rival) if c.field == "agent" else c for c in said]
        return More(Query("total", "agent", said), Query("total", "agent", tuple(other)))
    if question.kind == "whether":
        return Query("any", "", said)
    if question.kind == "where":
        return Query("values", "place", said)
    first, role = question.kind.split()
    return Query("total" if first == "total" else "values", role, said)


def conditions(row: Sequence[int]) -> tuple[Condition, ...]:
    """What a row (12,) of a fact array says, as conditions in the order of `PARTS`."""
    said = [(part, int(row[FIELDS[part]])) for part in PARTS]
    return tuple(Condition(part, inventory()[part][v]) for part, v in said if v >= 0)

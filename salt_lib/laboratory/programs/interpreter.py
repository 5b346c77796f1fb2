"""The interpreter: programs run on tables of facts, and tables that tell programs apart.

A word stands for itself and all that is of its kind: a fact of a dog is one of an animal. A thing
of which no number is said is one.

On one table a wrong program may give the right answer by chance. So a program is judged on several,
as in test suites for text-to-SQL (Zhong, Yu & Klein 2020): in each of them one condition of the
question holds nowhere, or all hold somewhere. It is right if it answers all of them as the
question's own program does.

Chapter: Programs.
"""

from functools import cache

import numpy as np

from ...errors import SaltError
from ..minibabel.facts import EDITION, FIELDS, NUMBERS, World, animate, inventory
from ..minibabel.lexicon import lexicon
from ..minibabel.questions import Question
from .language import Condition, More, Program, Query, answering

TABLES = 10  # that a program is judged on
FACTS = 8  # in each of them
HOLDS = 0.85  # how often a fact of a table fulfils a condition that isn't spoiled there
Answer = int | bool | frozenset[str]


@cache
def fulfils(field: str) -> np.ndarray:
    """(words, words + 1) mask: whether the second word is the first or of its kind; the last column
    is for what isn't said, and false."""
    words = inventory()[field]
    mask = np.zeros((len(words), len(words) + 1), dtype=bool)
    for i, word in enumerate(words):
        mask[i, i] = True
        if word in lexicon() and lexicon()[word].hypernym in words:
            mask[words.index(lexicon()[word].hypernym), i] = True
    return mask


def holds(conditions: tuple[Condition, ...], facts: np.ndarray) -> np.ndarray:
    """(...) which of the facts (..., 12) fulfil all conditions."""
    found = np.ones(facts.shape[:-1], dtype=bool)
    for one in conditions:
        word = inventory()[one.field].index(one.value)
        found &= fulfils(one.field)[word, facts[..., FIELDS[one.field]]]
    return found


def execute(program: Program, tables: np.ndarray) -> tuple[Answer, ...]:
    """A program's answer on each of the tables (tables, facts, 12).

    Raises SaltError for tables of another shape.
    """
    if tables.ndim != 3 or tables.shape[-1] != len(FIELDS):
        raise SaltError(f"tables of shape {tables.shape}: (tables, facts, {len(FIELDS)}) are asked")
    if isinstance(program, More):
        both = zip(_totals(program.left, tables), _totals(program.right, tables), strict=True)
        return tuple(bool(left > right) for left, right in both)
    if program.kind == "total":
        return tuple(int(n) for n in _totals(program, tables))
    found = holds(program.conditions, tables)
    if program.kind == "any":
        return tuple(bool(row.any()) for row in found)
    words, column = inventory()[program.field], tables[..., FIELDS[program.field]]
    said = found & (column >= 0)
    return tuple(
        frozenset(words[i] for i in row[mask].tolist())
        for row, mask in zip(column, said, strict=True)
    )


def _totals(query: Query, tables: np.ndarray) -> np.ndarray:
    """(tables,) how many of what the query counts there are in the facts that fulfil it."""
    numbers = np.array([*map(int, NUMBERS), 1])  # the last: none is said
    count = numbers[tables[..., FIELDS[f"{query.field}_number"]]]
    there = tables[..., FIELDS[query.field]] >= 0
    return np.where(holds(query.conditions, tables) & there, count, 0).sum(axis=1)


def suite(question: Question, world: World, seed: tuple[int, ...]) -> np.ndarray:
    """The tables (`TABLES`, `FACTS`, 12) on which programs for a question are judged.

    Facts are drawn around what the question says, with the world's preferences. seed: of the draw,
    with the world's own; the same gives the same tables.
    """
    rng = np.random.default_rng([EDITION, world.seed, 42, *seed])
    row = np.array(question.row)
    said = [name for name, i in FIELDS.items() if row[i] >= 0 and name != "negated"]
    given = np.full((TABLES, FACTS, len(FIELDS)), -1, dtype=np.int16)
    for table in range(TABLES):
        spoiled = ["", *said][table % (len(said) + 1)]
        for name in said:
            column = given[table, :, FIELDS[name]]
            wanted = np.full(FACTS, row[FIELDS[name]])
            if name == "agent" and question.other >= 0:
                wanted = rng.permutation(np.where(np.arange(FACTS) % 2, wanted, question.other))
            keep = (rng.random(FACTS) < HOLDS) & (name != spoiled)
            for at in range(FACTS):
                column[at] = _draw(name, int(wanted[at]), bool(keep[at]), rng)
    flat = world.sample(rng, TABLES * FACTS, given.reshape(-1, len(FIELDS)))
    flat[:, FIELDS["negated"]] = 0
    return flat.reshape(TABLES, FACTS, len(FIELDS))


def _draw(field: str, word: int, keep: bool, rng: np.random.Generator) -> int:
    """A word that fulfils a condition, itself not if it has a kind below; or one that doesn't."""
    mask = fulfils(field)[word, :-1]
    options = np.flatnonzero(mask if keep else ~mask)
    below = options[options != word]
    if keep and len(below):
        options = below
    if field == "agent":
        acting = options[animate()[options]]
        options = acting if len(acting) else options
    return int(options[rng.integers(len(options))])


class Judge:
    """Answers of a question's own program, to compare others with."""

    def __init__(self, question: Question, world: World, seed: tuple[int, ...]):
        self.tables = suite(question, world, seed)
        self.program = answering(question)
        self.answers = execute(self.program, self.tables)

    def right(self, program: Program) -> bool:
        """Whether a program gives the same answer, of the same type, on all tables."""
        if program == self.program:
            return True
        answers = execute(program, self.tables)
        return type(answers[0]) is type(self.answers[0]) and answers == self.answers

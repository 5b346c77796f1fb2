"""The text of a cell: monolingual documents, as everywhere, in which some sentences are questions.

A question word can't be learned from text that never asks. So a share of the sentences ask for a
part of what they would tell (`minibabel.questions`); facts stay what they were, each in one
language's text, and no question of a split is among them.

Chapter: Programs.
"""

import numpy as np

from ...errors import SaltError
from ..minibabel import corpora
from ..minibabel.facts import EDITION, FIELDS, PARTITIONS, World
from ..minibabel.grammar import sentence
from ..minibabel.questions import KINDS, Question, ask, phrase
from .data import forbidden

ASKED = 0.25  # of the sentences


def texts(world: World, code: str, count: int) -> list[list[str]]:
    """A language's text as documents of three sentences; see `corpora.documents` for errors."""
    facts = corpora.documents(world, code, count)
    flat = facts.reshape(-1, facts.shape[-1])
    rng = np.random.default_rng([EDITION, world.seed, 43, PARTITIONS.index(code)])
    fronted = rng.random(len(flat)) < corpora.FRONTED
    questions = asks(flat, rng)
    rows = flat.copy()
    for at, question in questions.items():
        rows[at] = question.row
    told = list(corpora.wording(rows, rng))
    said = [
        " ".join(phrase(questions[i], fact, code))
        if i in questions
        else sentence(fact, code, bool(fronted[i]))
        for i, fact in enumerate(told)
    ]
    return [said[i : i + corpora.SENTENCES] for i in range(0, len(said), corpora.SENTENCES)]


def asks(facts: np.ndarray, rng: np.random.Generator) -> dict[int, Question]:
    """Which of the facts (n, 12) are asked instead of told, and how: number → question.

    About `ASKED` of them: those that lack what would be asked, say "not", or whose question belongs
    to a split are told. Raises SaltError for no facts.
    """
    if not len(facts):
        raise SaltError("no facts to ask about")
    found: dict[int, Question] = {}
    kinds = rng.integers(len(KINDS), size=len(facts))
    chosen = (rng.random(len(facts)) < ASKED) & (facts[:, FIELDS["negated"]] != 1)
    for number, kind in enumerate(KINDS):
        at = np.flatnonzero(chosen & (kinds == number))
        made = ask(facts[at], kind, rng)
        allowed = made.fits & ~forbidden(made.rows) & ~forbidden(made.both)
        for i in np.flatnonzero(allowed).tolist():
            row = tuple(made.rows[i].tolist())
            found[int(at[i])] = Question(kind, row, int(made.other[i]))
    return found

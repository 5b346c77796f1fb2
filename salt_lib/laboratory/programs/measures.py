"""How good programs are: execution accuracy, exact match, how many can be read; and the bounds.

Chapter: Programs.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ...errors import SaltError
from .interpreter import Judge
from .language import Program, ProgramError, ProgramTypeError, Query, parse

WHAT = ("execution", "exact", "conditions", "parses", "typed")
Words = Sequence[str]


def measures(found: Sequence[Words], wanted: Sequence[Words], judges: Sequence[Judge]) -> dict:
    """`WHAT` → a share, rounded to four digits.

    execution: gives the right answers on all tables of its judge; exact: has the words of the
    question's own program; conditions: those that it shares with the question's own, of all that
    either has (Jaccard), a mean over questions; parses: can be read; typed: can be read and means
    something. Raises SaltError for lists of unequal length, and for none.
    """
    if not len(found) == len(wanted) == len(judges) or not len(found):
        raise SaltError(
            f"{len(found)} programs, {len(wanted)} wanted ones and {len(judges)} judges: one each"
        )
    rows = np.zeros((len(found), len(WHAT)))
    for row, words, own, judge in zip(rows, found, wanted, judges, strict=True):
        try:
            program = parse(" ".join(words))
        except ProgramTypeError:
            row[3] = 1.0
        except ProgramError:
            pass
        else:
            row[:2] = judge.right(program), list(words) == list(own)
            row[2:] = shared(program, judge.program), 1.0, 1.0
    return {
        what: round(float(share), 4) for what, share in zip(WHAT, rows.mean(axis=0), strict=True)
    }


def shared(one: Program, other: Program) -> float:
    """How many conditions two programs have in common, of all that either has."""
    said = []
    for program in (one, other):
        queries = [program] if isinstance(program, Query) else [program.left, program.right]
        said.append({condition for query in queries for condition in query.conditions})
    ours, theirs = said
    return len(ours & theirs) / len(ours | theirs)


def best_single(
    programs: Sequence[Words], judges: Sequence[Judge], most: int = 200
) -> tuple[float, Words]:
    """How good the best of the ``most`` commonest programs is when it answers every question.

    Returns its execution accuracy and itself. A decoder that doesn't see the question gives one
    program, so it can't be much better. Raises SaltError for no programs or no judges.
    """
    if not programs or not judges:
        raise SaltError("no programs, or no questions to try them on")
    common = [list(words) for words, _ in Counter(map(tuple, programs)).most_common(most)]
    shares = []
    for words in common:
        try:
            program = parse(" ".join(words))
        except ProgramError:
            shares.append(0.0)
        else:
            shares.append(float(np.mean([judge.right(program) for judge in judges])))
    best = int(np.argmax(shares))
    return shares[best], common[best]

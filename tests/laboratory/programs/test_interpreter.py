"""Programs give the answers that one finds by hand, and tables tell programs apart."""

from dataclasses import replace

import numpy as np
import pytest

from salt_lib.errors import SaltError
from salt_lib.laboratory.minibabel.facts import FIELDS, World, inventory
from salt_lib.laboratory.minibabel.questions import KINDS, Question, ask
from salt_lib.laboratory.programs import interpreter
from salt_lib.laboratory.programs.interpreter import Judge, execute, suite
from salt_lib.laboratory.programs.language import Condition, Query, parse


def fact(**words):
    made = np.full(len(FIELDS), -1, dtype=np.int16)
    for field, word in words.items():
        made[FIELDS[field]] = inventory()[field].index(word)
    return made


TABLE = np.stack(
    [
        fact(agent="dog", agent_number="3", verb="see", patient="king", place="river",
             preposition="near", agent_adjective="white"),
        fact(agent="dog", verb="eat", patient="apple", patient_number="20", place="sea",
             preposition="in", name="Anna"),
        fact(agent="cat", agent_number="2", verb="see", patient="dog", agent_adjective="red"),
        fact(agent="king", agent_number="100", agent_adjective="old", place="island",
             preposition="near"),
    ]
)[None]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("total agent where agent=dog", 4),  # three and, where none is said, one
        ("total agent where agent=animal", 6),
        ("total patient where agent=dog", 21),
        ("total patient where agent=king", 0),  # there is no patient
        ("total agent where agent=animal verb=see", 5),
        ("total agent where place=nature", 104),
        ("total agent where agent_adjective=colored", 5),
        ("total agent where agent=food", 0),
        ("any where agent=dog verb=see", True),
        ("any where agent=dog verb=need", False),
        ("any where agent=cat place=river", False),  # nothing is said of where
        ("any where name=Anna preposition=in", True),
        ("values agent where place=nature", frozenset({"dog", "king"})),
        ("values place where agent=dog", frozenset({"river", "sea"})),
        ("values name where agent=cat", frozenset()),
        ("values verb where agent=animal", frozenset({"see", "eat"})),
        ("total agent where agent=dog > total agent where agent=cat", True),
        ("total agent where agent=cat > total agent where agent=cat", False),
    ],
)
def test_a_program_answers_as_one_does_by_hand(text, expected):
    (found,) = execute(parse(text), TABLE)
    assert found == expected and type(found) is type(expected)


def test_a_word_stands_for_its_kind_and_a_kind_not_for_one_of_it():
    animal = np.stack([fact(agent="animal")])[None]
    assert execute(parse("any where agent=animal"), animal) == (True,)
    assert execute(parse("any where agent=dog"), animal) == (False,)


def test_tables_of_another_shape_are_an_error():
    with pytest.raises(SaltError, match=r"tables of shape \(4, 12\)"):
        execute(parse("any where agent=dog"), TABLE[0])


def made(kind, world, seed, count=12):
    rng = np.random.default_rng(seed)
    found = ask(world.sample(rng, 200), kind, rng)
    for at in np.flatnonzero(found.fits)[:count].tolist():
        yield Question(kind, tuple(found.rows[at].tolist()), int(found.other[at]))


def test_tables_are_the_same_twice_and_no_other_question_s():
    world = World(100)
    (one,) = made("whether", world, 0, 1)
    assert np.array_equal(suite(one, world, (1,)), suite(one, world, (1,)))
    assert not np.array_equal(suite(one, world, (1,)), suite(one, world, (2,)))
    assert suite(one, world, (1,)).shape == (interpreter.TABLES, interpreter.FACTS, 12)


def test_nearly_every_program_that_differs_in_one_condition_is_found_out():
    world, dice = World(100), np.random.default_rng(5)
    tried = passed = 0
    for place, kind in enumerate(KINDS):
        for number, question in enumerate(made(kind, world, place, 6)):
            judge = Judge(question, world, (place, number))
            assert judge.right(judge.program)
            if not isinstance(judge.program, Query):
                continue
            said = judge.program.conditions
            for at, one in enumerate(said):
                others = [v for v in inventory()[one.field] if v != one.value]
                value = others[dice.integers(len(others))]
                changed = (*said[:at], Condition(one.field, value), *said[at + 1 :])
                wrong = [changed] + [(*said[:at], *said[at + 1 :])] * (len(said) > 1)
                for conditions in wrong:
                    tried += 1
                    passed += judge.right(replace(judge.program, conditions=conditions))
    assert tried > 200 and passed < 0.06 * tried


def test_another_order_of_conditions_is_right_and_another_type_of_answer_never():
    world = World(100)
    for question in made("total agent", world, 3, 4):
        judge = Judge(question, world, (9,))
        turned = replace(judge.program, conditions=judge.program.conditions[::-1])
        assert judge.right(turned)
        assert not judge.right(Query("any", "", judge.program.conditions))
        assert not judge.right(Query("values", "agent", judge.program.conditions))

"""Programs are read, checked and written; whatever else there is is an error that says where."""

import random
import string
import time

import pytest

from salt_lib.errors import SaltError
from salt_lib.laboratory.minibabel.facts import FIELDS, inventory
from salt_lib.laboratory.minibabel.questions import KINDS, Question
from salt_lib.laboratory.programs import language
from salt_lib.laboratory.programs.language import (
    Condition,
    More,
    ProgramError,
    ProgramTypeError,
    Query,
    answering,
    parse,
    tokens,
    vocabulary,
    written,
)

DOGS = Query("total", "agent", (Condition("agent", "dog"), Condition("place", "river")))
CATS = Query("total", "agent", (Condition("agent", "cat"),))


def question(kind, other=-1, **words):
    row = [-1] * len(FIELDS)
    for field, word in words.items():
        row[FIELDS[field]] = inventory()[field].index(word)
    return Question(kind, tuple(row), other)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("total agent where agent=dog place=river", DOGS),
        ("  total\nagent where agent=cat ", CATS),
        (
            "total agent where agent=dog place=river > total agent where agent=cat",
            More(DOGS, CATS),
        ),
        ("any where name=Anna", Query("any", "", (Condition("name", "Anna"),))),
        (
            "values place where verb=see",
            Query("values", "place", (Condition("verb", "see"),)),
        ),
    ],
)
def test_a_program_is_read_and_written_again(text, expected):
    assert parse(text) == expected
    assert parse(written(expected)) == expected
    assert written(expected) == " ".join(text.split())


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "the end is not expected here; expected 'any' or 'total' or 'values'"),
        ("total agent", 1, 12, "the end is not expected here; expected 'where'"),
        ("any where agent=", 1, 17, "the end is not expected here; expected a word"),
        ("any where\nagent=dog verb", 2, 15, "the end is not expected here; expected '='"),
        ("any agent=dog", 1, 5, "'agent' is not expected here; expected 'where'"),
        ("any where agent=dog dog > any", 1, 25, "'>' is not expected here; expected '='"),
        ("any where agent=dog ; drop", 1, 21, "';' is not expected here"),
        ("any where agent=7", 1, 17, "'7' is not expected here"),
        (
            "any where agent=dog where place=sea",
            1,
            27,
            "'place' is not expected here; expected '='",
        ),
        (
            f"{written(CATS)} > {written(CATS)} > {written(CATS)}",
            1,
            59,
            "expected the end",
        ),
    ],
)
def test_what_can_t_be_read_is_an_error_with_its_place(text, line, column, message):
    with pytest.raises(ProgramError) as caught:
        parse(text)
    assert not isinstance(caught.value, ProgramTypeError)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert message in str(caught.value) and f"line {line}, column {column}: " in str(caught.value)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("any where agent=white", 17, "'white' is of kind adjective; agent takes noun"),
        ("any where place=dog", 17, "'dog' is of kind noun; place takes place"),
        ("any where agent=unicorn", 17, "'unicorn' is no word of this world"),
        ("any where color=dog", 11, "no field 'color'; fields are agent, agent_adjective"),
        ("values number where agent=dog", 8, "no field 'number'"),
        ("total place where agent=dog", 7, "place has no number; total takes agent or patient"),
        (f"any where agent=dog > {written(CATS)}", 1, "any gives a truth"),
        (
            f"{written(CATS)} > values place where agent=dog",
            31,
            "'>' compares numbers, and values gives a set of words",
        ),
    ],
)
def test_a_type_error_says_what_is_wrong_and_where(text, column, message):
    with pytest.raises(ProgramTypeError) as caught:
        parse(text)
    assert (caught.value.line, caught.value.column) == (1, column)
    assert message in str(caught.value) and isinstance(caught.value, SaltError)


def test_a_long_text_is_refused_at_once():
    with pytest.raises(ProgramError, match="10000 are read"):
        parse("any where " + "agent=dog " * 1_000_000)


def test_any_string_is_a_program_or_an_error():
    dice = random.Random(0)
    letters = string.printable + "äßक猫\0\u202e"
    started = time.perf_counter()
    for _ in range(1_000):
        text = "".join(dice.choices(letters, k=dice.randrange(60)))
        with pytest.raises(ProgramError):
            parse(text)
    assert time.perf_counter() - started < 60


def test_any_words_of_programs_are_a_program_or_an_error_and_some_are_programs():
    dice = random.Random(1)
    words, read = vocabulary(), 0
    for number in range(1_500):
        said = dice.choices(words, k=dice.randrange(1, 30))
        if number % 3 == 0:  # a program of which one word is another
            said = tokens(More(DOGS, CATS) if number % 2 else DOGS)
            said[dice.randrange(len(said))] = dice.choice(words)
        try:
            assert tokens(parse(" ".join(said))) == said
            read += 1
        except ProgramError as error:
            assert error.line == 1 and 1 <= error.column <= len(" ".join(said)) + 1
    assert read > 5


def test_every_question_has_its_program():
    told = {"agent": "dog", "verb": "see", "patient": "king", "agent_adjective": "white"}
    where = "agent=dog agent_adjective=white verb=see patient=king"
    expected = {
        "total agent": f"total agent where {where}",
        "total patient": f"total patient where {where}",
        "which agent": f"values agent where {where}",
        "which patient": f"values patient where {where}",
        "where": f"values place where {where}",
        "whether": f"any where {where}",
    }
    for kind, text in expected.items():
        assert written(answering(question(kind, **told))) == text
    cat = inventory()["agent"].index("cat")
    more = answering(question("more", cat, **told))
    other = where.replace("=dog", "=cat")
    assert written(more) == f"total agent where {where} > total agent where {other}"
    assert set(expected) | {"more"} == set(KINDS)


def test_the_vocabulary_has_every_word_once_and_no_keyword_is_a_word_of_the_world():
    words = vocabulary()
    assert len(set(words)) == len(words)
    assert not set(language.KEYWORDS) & set(language.kind_of())
    assert all(parse(f"any where {f}={inventory()[f][0]}") for f in language.KINDS)

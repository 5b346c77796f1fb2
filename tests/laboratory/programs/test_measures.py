"""Measures are what they are called, and one program for all questions has its bound."""

import numpy as np
import pytest

from salt_lib.errors import SaltError
from salt_lib.laboratory.minibabel.facts import FIELDS, World, inventory
from salt_lib.laboratory.minibabel.questions import Question
from salt_lib.laboratory.programs import measures
from salt_lib.laboratory.programs.interpreter import Judge
from salt_lib.laboratory.programs.language import parse, tokens


@pytest.fixture(scope="module")
def judges():
    found = []
    for seed, (agent, place) in enumerate([("dog", "river"), ("king", "school"), ("cow", "sea")]):
        row = np.full(len(FIELDS), -1)
        for field, word in (("agent", agent), ("place", place), ("preposition", "in")):
            row[FIELDS[field]] = inventory()[field].index(word)
        row[FIELDS["negated"]] = 0
        found.append(Judge(Question("total agent", tuple(row.tolist())), World(100), (seed,)))
    return found


def test_each_measure_counts_its_own(judges):
    own = [tokens(judge.program) for judge in judges]
    turned = "total agent where preposition= in place= school agent= king".split()
    assert measures.measures(own, own, judges) == dict.fromkeys(measures.WHAT, 1.0)
    found = measures.measures([own[0], turned, ["dog", ">"]], own, judges)
    third = round(1 / 3, 4)
    assert found == {"execution": 0.6667, "exact": third, "conditions": 0.6667,
                     "parses": 0.6667, "typed": 0.6667}  # fmt: skip
    wrong = "any where agent=white".split()  # is read, and means nothing
    assert measures.measures([wrong] * 3, own, judges) == {
        "execution": 0.0, "exact": 0.0, "conditions": 0.0, "parses": 1.0, "typed": 0.0,
    }  # fmt: skip
    other = measures.measures([own[1], own[2], own[0]], own, judges)
    assert other["execution"] == other["exact"] == 0.0 and other["typed"] == 1.0


def test_shared_conditions_are_those_of_both_of_all_that_either_has():
    one = parse("total agent where agent=dog place=sea")
    assert measures.shared(one, one) == 1.0
    assert measures.shared(one, parse("any where place=sea agent=dog")) == 1.0
    assert measures.shared(one, parse("any where agent=dog verb=see")) == pytest.approx(1 / 3)
    both = parse("total agent where agent=dog > total agent where agent=cat")
    assert measures.shared(one, both) == pytest.approx(1 / 3)
    assert measures.shared(one, parse("any where agent=cat")) == 0.0


def test_the_best_single_program_is_the_one_that_is_right_most_often(judges):
    own = [tokens(judge.program) for judge in judges]
    share, words = measures.best_single([own[1], own[0], own[1]], judges)
    assert share == pytest.approx(1 / 3) and words == own[1]
    share, words = measures.best_single([["dog"], own[2]], judges)
    assert share == pytest.approx(1 / 3) and words == own[2]
    share, words = measures.best_single([own[2], ["dog"], ["dog"]], judges, most=1)
    assert share == 0.0 and words == ["dog"]


def test_what_does_not_fit_together_is_an_error(judges):
    own = [tokens(judge.program) for judge in judges]
    for found, wanted in ((own[:2], own), ([], [])):
        with pytest.raises(SaltError, match="one each"):
            measures.measures(found, wanted, judges[: len(wanted)])
    with pytest.raises(SaltError, match="no programs"):
        measures.best_single([], judges)

"""Pairs differ in one part or two, are told in one language, and no test fact is among them."""

import numpy as np
import pytest
import small

from salt_lib.errors import SaltError
from salt_lib.laboratory.intermediate import tellings
from salt_lib.laboratory.minibabel.facts import PARTITIONS, partition
from salt_lib.laboratory.minibabel.lexicon import forms
from salt_lib.laboratory.pictures import captions
from salt_lib.models import loading


@pytest.fixture(scope="module", autouse=True)
def made(laboratory):
    with pytest.MonkeyPatch.context() as patch:
        small.shrink_intermediate(patch.setattr)
        yield
    small.forget()


def sentences(data):
    tokenizer = loading.tokenizer(small.SETUP.checkpoint)
    return [
        tokenizer.decode(data.row(i), skip_special_tokens=True).replace(" ##", "")
        for i in range(len(data))
    ]


def test_neighbours_differ_in_one_part_first_and_are_in_one_pair_each():
    facts = np.array(
        [[1, 1, 1], [1, 1, 2], [1, 1, 3], [5, 5, 5], [1, 7, 8], [9, 9, 9], [9, 9, 9 + 1]]
    )
    assert tellings.neighbours(facts, 1).tolist() == [[0, 1], [5, 6]]
    # 2 and 4 share their first part alone; 3 is like none.
    assert tellings.neighbours(facts, 2).tolist() == [[0, 1], [5, 6], [2, 4]]
    assert len(tellings.neighbours(facts[:1], 2)) == 0


def test_partners_are_alike_and_no_fact_is_of_dev_or_test():
    pairs = tellings.paired(small.WORLD)
    facts = captions.facts(small.WORLD, "train")
    assert len(pairs) > 20 and len(set(pairs.ravel().tolist())) == pairs.size
    differ = (facts[pairs[:, 0]] != facts[pairs[:, 1]]).sum(axis=1)
    assert set(differ.tolist()) <= {1, 2} and (differ == 1).any()
    assert set(partition(facts[pairs.ravel()]).tolist()) == {PARTITIONS.index("train")}
    dev = tellings.held_out(small.WORLD)
    facts = captions.facts(small.WORLD, "dev")[dev.rows]
    assert len(dev) == 6 and set(partition(facts).tolist()) == {PARTITIONS.index("dev")}
    assert ((facts[::2] != facts[1::2]).sum(axis=1) == 1).all()


def test_a_pair_is_told_in_one_language_and_has_no_translation():
    told = tellings.tellings(small.WORLD, "all", 40)
    assert (told.language[::2] == told.language[1::2]).all()
    assert len(set(told.rows.tolist())) == 40  # a fact is told in one language alone
    assert sorted(set(told.language.tolist())) == list(range(15))
    words = [set(text.split()) for text in sentences(told.single)]
    for i in range(40):
        known = set(forms(tellings.LANGUAGES[told.language[i]]).values())
        for j in range(2):
            assert {word for word in words[2 * i + j] if not word.isdigit()} <= known


def test_english_tells_the_same_facts_and_fewer_are_among_more():
    every, english = (tellings.tellings(small.WORLD, spoken, 40) for spoken in ("all", "en"))
    assert (every.rows == english.rows).all()
    assert {tellings.LANGUAGES[i] for i in english.language} == {"en"}
    fewer = tellings.tellings(small.WORLD, "all", 20)
    assert (fewer.rows == every.rows[:20]).all() and (fewer.language == every.language[:20]).all()
    assert sentences(fewer.single) == sentences(every.single)[:40]


@pytest.mark.parametrize(
    ("spoken", "facts", "message"),
    [
        ("de", 40, "unknown choice of languages 'de'; known: en, all"),
        ("all", 7, "7 facts in pairs: an even number"),
        ("all", 0, "0 facts in pairs"),
        ("all", 4_000, "4000 facts in pairs: an even number from 2 to"),
    ],
)
def test_what_there_is_not_is_an_error(spoken, facts, message):
    with pytest.raises(SaltError, match=message):
        tellings.tellings(small.WORLD, spoken, facts)


def test_a_fact_without_a_picture_is_an_error():
    with pytest.raises(SaltError, match="numbered up to 400: train has 400 with a picture"):
        tellings.told(small.WORLD, "train", np.array([3, 400]), np.zeros(2, int))
    with pytest.raises(SaltError, match="they are told in pairs"):
        tellings.told(small.WORLD, "train", np.array([3]), np.zeros(1, int))

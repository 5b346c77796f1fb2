"""Classifiers that may not understand a pair do no better than chance, and would if they could."""

import random

import pytest

from salt_lib.data.examples import Pairs
from salt_lib.laboratory import tasks
from salt_lib.laboratory.minibabel import views
from salt_lib.laboratory.minibabel.facts import World
from salt_lib.laboratory.minibabel.grammar import sentence
from salt_lib.laboratory.shortcuts import BOUND, bag_accuracy, cell, one_sided, table_accuracy

MADE = {"mini-xnli": (views.nli_pairs, 900, 200), "mini-paws-x": (views.paraphrase_pairs, 700, 200)}


@pytest.fixture(scope="module", params=tasks.PAIR_TASKS)
def data(request):
    """A task's training and test facts, more of them than the small laboratory has."""
    make, *groups = MADE[request.param]
    splits = zip(("train", "test"), groups, strict=True)
    return request.param, [make(World(0), split, count) for split, count in splits]


def said(pairs, code):
    return Pairs(
        [sentence(p.first, code) for p in pairs],
        [sentence(p.second, code, p.second_fronted) for p in pairs],
        [p.label for p in pairs],
    )


@pytest.mark.parametrize("code", ["en", "zh"])
def test_the_tasks_are_free_of_artefacts(data, code):
    name, splits = data
    train, test = (said(pairs, code) for pairs in splits)
    chance = 1 / len(tasks.task(name).labels)
    for accuracy in (
        table_accuracy(train, test),
        bag_accuracy(train, test),
        table_accuracy(train, train),
    ):
        assert abs(accuracy - chance) <= BOUND


def test_a_cell_counts_words():
    assert cell("a b c", "c a b") == (0, 0, 0)
    assert cell("a b c", "a b") == (-1, 0, 1)
    assert cell("a b", "a a d") == (1, 2, 1)
    assert cell("", "a") == (1, 1, 0)


def planted(leak):
    """Pairs of random words whose label leaks by ``leak(first, second, label)``."""
    dice = random.Random(0)
    made = []
    for label in [0, 1, 2] * 100:
        first, second = (" ".join(dice.choices("abcdefgh", k=6)) for _ in range(2))
        made.append((*leak(first, second, label), label))
    return Pairs(*(list(column) for column in zip(*made, strict=True)))


def nothing(first, second, label):
    return first, second


def longer(first, second, label):
    return first, " ".join([second, *["x"] * label])


def telling_word(first, second, label):
    return first, second.replace("a", "bcq"[label])


def telling_premise(first, second, label):
    return first.replace("a", "bcq"[label]), second


def new_words(first, second, label):
    words = first.split()
    return first, " ".join([*words[label:], *random.Random(second).choices("abcdefgh", k=label)])


@pytest.mark.parametrize(
    ("leak", "found"),
    [
        (nothing, (False, False, False)),
        (longer, (True, True, False)),
        (telling_word, (False, True, False)),
        (telling_premise, (False, False, True)),
        (new_words, (True, False, False)),
    ],
)
def test_the_classifiers_find_what_is_planted(leak, found):
    pairs = planted(leak)
    train = Pairs(pairs.first[:150], pairs.second[:150], pairs.labels[:150])
    test = Pairs(pairs.first[150:], pairs.second[150:], pairs.labels[150:])
    accuracies = (
        table_accuracy(train, test),
        bag_accuracy(train, test),
        bag_accuracy(train, test, "first"),
    )
    assert tuple(accuracy > 0.5 for accuracy in accuracies) == found, accuracies


def test_a_cell_never_seen_gets_the_commonest_label():
    train = Pairs(["a", "a", "a b"], ["a", "a", "a"], [1, 1, 0])
    assert table_accuracy(train, Pairs(["a b c d"], ["x"], [1])) == 1


def test_one_sided_pairs_have_no_first_sentence():
    pairs = Pairs(["a b", "c"], ["d", "e"], [0, 1])
    assert one_sided(pairs) == Pairs(["", ""], ["d", "e"], [0, 1])
    assert pairs.first == ["a b", "c"]

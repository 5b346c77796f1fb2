"""A task is the same test in each of its languages, and names what is wrong with a request."""

import pytest

from salt_lib.data import examples
from salt_lib.errors import SaltError
from salt_lib.laboratory import tasks
from salt_lib.laboratory.minibabel.grammar import sentence
from salt_lib.languages import PAWSX_LANGUAGES, XNLI_LANGUAGES


@pytest.fixture(autouse=True, scope="module")
def small_laboratory(laboratory):
    return laboratory


def test_the_tasks():
    xnli, pawsx = tasks.task("mini-xnli"), tasks.task("mini-paws-x")
    assert len(xnli.languages) == 15 and xnli.languages == XNLI_LANGUAGES
    assert len(pawsx.languages) == 7 and pawsx.languages == PAWSX_LANGUAGES
    assert xnli.labels == ("entailment", "neutral", "contradiction")
    assert pawsx.labels == ("different", "paraphrase")
    for item in (xnli, pawsx):
        assert set(item.targets) == set(item.languages) - {"en"}
        assert set(item.groups) == set(tasks.SPLITS)


@pytest.mark.parametrize("name", tasks.TASKS)
@pytest.mark.parametrize("split", tasks.SPLITS)
def test_every_language_has_the_same_pairs(name, split):
    item = tasks.task(name)
    english = tasks.load(name, split, "en", 0)
    size = {"mini-xnli": 3, "mini-paws-x": 4}[name]
    assert len(english) == len(english.first) == item.groups[split] * size
    counts = [english.labels.count(label) for label in range(len(item.labels))]
    assert len(set(counts)) == 1 and sum(counts) == len(english)
    for code in item.targets:
        pairs = tasks.load(name, split, code, 0)
        assert pairs.labels == english.labels and len(pairs.second) == len(pairs)
        assert set(pairs.first) != set(english.first)


def test_pairs_are_the_facts_put_into_words():
    facts = tasks.facts("mini-paws-x", "dev", 0)
    pairs = tasks.load("mini-paws-x", "dev", "ja", 0)
    fronted = [pair.second_fronted for pair in facts]
    assert any(fronted) and not all(fronted)
    for pair, first, second in zip(facts, pairs.first, pairs.second, strict=True):
        assert first == sentence(pair.first, "ja")
        assert second == sentence(pair.second, "ja", fronted=pair.second_fronted)


def test_worlds_differ():
    one, two = (tasks.load("mini-xnli", "test", "en", world) for world in (0, 1))
    assert one.first != two.first and len(one) == len(two)


def test_what_is_unknown_lists_what_is_known():
    with pytest.raises(SaltError, match="unknown task 'xnli'; known: mini-xnli, mini-paws-x"):
        tasks.load("xnli", "test", "en")
    with pytest.raises(SaltError, match="unknown split 'tset'; known: train, dev, test"):
        tasks.load("mini-xnli", "tset", "en")
    with pytest.raises(SaltError, match="unknown language of mini-xnli 'ja'; known: ar, bg"):
        tasks.load("mini-xnli", "test", "ja")
    with pytest.raises(SaltError, match="unknown language of mini-paws-x 'sw'; known: de, en"):
        tasks.load("mini-paws-x", "test", "sw")


def test_pairs_are_of_one_length():
    with pytest.raises(SaltError, match="unequal length: 2 first sentences, 1 second, 2 labels"):
        examples.Pairs(["a", "b"], ["c"], [0, 1])
    assert len(examples.Pairs([], [], [])) == 0

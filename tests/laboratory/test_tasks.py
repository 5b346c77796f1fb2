"""A task is the same test in each of its languages, and names what is wrong with a request."""

import json

import pytest

from salt_lib.errors import SaltError
from salt_lib.files import RECORDED
from salt_lib.laboratory import tasks
from salt_lib.laboratory.minibabel import views
from salt_lib.laboratory.minibabel.facts import CITIES, NAMES, World
from salt_lib.laboratory.minibabel.grammar import sentence
from salt_lib.languages import PAWSX_LANGUAGES, XNLI_LANGUAGES

TRUE = {**tasks.PAIR_TASKS, **tasks.WORLD_TASKS, **tasks.TAG_TASKS}  # before they are made small


@pytest.fixture(autouse=True, scope="module")
def small_laboratory(laboratory):
    return laboratory


def test_tasks_have_their_languages_and_labels():
    xnli, pawsx = tasks.task("mini-xnli"), tasks.task("mini-paws-x")
    assert len(xnli.languages) == 15 and xnli.languages == XNLI_LANGUAGES
    assert len(pawsx.languages) == 7 and pawsx.languages == PAWSX_LANGUAGES
    assert xnli.labels == ("entailment", "neutral", "contradiction")
    assert pawsx.labels == ("different", "paraphrase")
    for item in (xnli, pawsx):
        assert set(item.targets) == set(item.languages) - {"en"}
        assert set(item.groups) == set(tasks.SPLITS)


def test_the_study_s_tasks_have_their_sizes():
    sizes = {name: row.groups for name, row in TRUE.items()}
    assert sizes == {
        "mini-xnli": {"train": 2400, "dev": 200, "test": 200},
        "mini-paws-x": {"train": 1800, "dev": 150, "test": 200},
        "mini-nli": {"train": 9600, "dev": 400, "test": 1000},
        "mini-paraphrase": {"train": 3600, "dev": 300, "test": 1000},
        "mini-ner": {"train": 100, "dev": 300, "test": 300},
        "mini-pos": {"train": 100, "dev": 300, "test": 300},
    }
    assert set(TRUE) <= set(tasks.CONFIGS)
    assert all(tasks.task(name).name == name for name in tasks.CONFIGS)


SIZES = {"mini-xnli": 3, "mini-paws-x": 4, "mini-nli": 3, "mini-paraphrase": 4}  # of a group


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("split", tasks.SPLITS)
def test_every_language_has_the_same_pairs(name, split):
    item = tasks.task(name)
    english = tasks.load(name, split, "en", 0)
    size = SIZES[name]
    assert len(english) == len(english.first) == item.groups[split] * size
    counts = [english.labels.count(label) for label in range(len(item.labels))]
    assert len(set(counts)) == 1 and sum(counts) == len(english)
    for code in item.targets:
        pairs = tasks.load(name, split, code, 0)
        assert pairs.labels == english.labels and len(pairs.second) == len(pairs)
        assert set(pairs.first) != set(english.first)


@pytest.mark.parametrize("name", tasks.WORLD_TASKS)
def test_the_second_test_set_goes_on_where_the_first_one_ends(name):
    test, fresh = (tasks.facts(name, split, 0) for split in ("test", tasks.FRESH))
    item = tasks.task(name)
    assert len(test) == len(fresh) == item.groups["test"] * SIZES[name]
    both = tasks._VIEWS[name](World(0), "test", 2 * item.groups["test"])
    assert list(test) + list(fresh) == both[: len(test) + len(fresh)]
    assert not {pair[:2] for pair in test} & {pair[:2] for pair in fresh}
    english, german = (tasks.load(name, tasks.FRESH, code, 0) for code in ("en", "de"))
    assert english.labels == german.labels == [pair.label for pair in fresh]
    assert len({english.labels.count(label) for label in range(len(item.labels))}) == 1
    assert english.first != tasks.load(name, "test", "en", 0).first


def test_only_the_tasks_over_worlds_have_a_second_test_set():
    for name in ("mini-xnli", "mini-ner"):
        with pytest.raises(SaltError, match="unknown split 'fresh'; known: train, dev, test"):
            tasks.load(name, tasks.FRESH, "en")


def test_a_task_knows_the_size_of_its_groups():
    assert {name: tasks.task(name).per_group for name in SIZES} == SIZES


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


@pytest.fixture
def full_size(monkeypatch):
    """The tagging tasks as they are in the study."""
    for name in tasks.TAG_TASKS:
        monkeypatch.setitem(tasks.TAG_TASKS, name, TRUE[name])
    tasks.facts.cache_clear()
    tasks.load.cache_clear()
    yield
    tasks.facts.cache_clear()
    tasks.load.cache_clear()


def test_the_tasks_are_parallel_and_training_knows_half_of_the_names(full_size):
    for name in ("mini-ner", "mini-pos"):
        item = tasks.task(name)
        assert item.tagged and item.languages == XNLI_LANGUAGES and len(item.targets) == 14
        sizes = {len(tasks.load(name, "test", code)) for code in item.languages}
        assert sizes == {item.groups["test"]}
    english, swahili = (tasks.load("mini-ner", "test", code) for code in ("en", "sw"))
    for one, other in zip(english.labels, swahili.labels, strict=True):
        assert sorted(x for x in one if x) == sorted(x for x in other if x)
    names = {"train": set(), "test": set()}
    for split, found in names.items():
        data = tasks.load("mini-ner", split, "en")
        for said in data.words:
            found |= {word for word in said if word in NAMES + CITIES}
    assert names["train"] <= views.KNOWN and not names["test"] <= views.KNOWN
    parts = [tasks.facts("mini-ner", split, 0) for split in tasks.SPLITS]
    facts = [{told.fact for told in part} for part in parts]
    assert not facts[0] & facts[1] and not facts[0] & facts[2] and not facts[1] & facts[2]


def test_the_tasks_for_claims_over_worlds_see_what_true_translations_are_worth():
    """In the tuning worlds, with the tasks' settings; on record with all that was tried."""
    rows = json.loads((RECORDED / "sensitivity.json").read_text(encoding="utf-8"))["rows"]
    assert {row["method"] for row in rows} == {"baseline", "dictionary", "translate-train"}
    config = tasks.CONFIGS["mini-nli"]
    settings = {"epochs": config.epochs, "redraw": True, "until": config.until}
    settings |= {"mix_rate": config.mix_rate, "train": TRUE["mini-nli"].groups["train"]}
    tried = [row for row in rows if row["settings"] == settings and row["method"] == "dictionary"]
    assert {row["world"] for row in tried} == {100, 101, 102}
    for row in tried:
        assert row["gain_zero_shot"] >= 6 and row["gain_english"] >= -1 and row["english"] >= 90


def test_a_group_that_was_drawn_before_is_not_fresh(laboratory, monkeypatch):
    count = tasks.WORLD_TASKS["mini-nli"].groups["test"]

    def drawn(world, split, groups):
        """Twice the same ten groups, then new ones."""
        pairs = views.nli_pairs(world, split, groups)
        return [*pairs[: 3 * count], *pairs[:30], *pairs[3 * count :]][: 3 * groups]

    plain = tasks.facts("mini-nli", tasks.FRESH, 0)
    monkeypatch.setitem(tasks._VIEWS, "mini-nli", drawn)
    tasks.facts.cache_clear()
    fresh = tasks.facts("mini-nli", tasks.FRESH, 0)
    tasks.facts.cache_clear()
    assert len(plain) == 3 * count and fresh == plain

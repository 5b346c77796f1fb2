"""Splits keep apart what they say they do, and no question of theirs is told anywhere else."""

import numpy as np
import pytest

from salt_lib.data.examples import SPLITS
from salt_lib.errors import SaltError
from salt_lib.laboratory.minibabel.facts import FIELDS, PARTITIONS, World, partition
from salt_lib.laboratory.minibabel.lexicon import lexicon
from salt_lib.laboratory.minibabel.questions import KINDS, MARK
from salt_lib.laboratory.programs import data
from salt_lib.laboratory.programs.language import parse
from salt_lib.languages import LANGUAGES

SMALL = {"train": 700, "dev": 35, "test": 70}


@pytest.fixture(scope="module", autouse=True)
def small():
    cached = (data.questions, data.asked, data.programs, data.judges)
    for function in cached:
        function.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "SIZES", SMALL)
        yield
    for function in cached:
        function.cache_clear()


def combinations(split):
    """(fields, two words) that the questions of a split say."""
    found = set()
    for one in data.questions(100, split):
        rows = [np.array(one.row)]
        if one.other >= 0:
            rows.append(rows[0].copy())
            rows[1][FIELDS["agent"]] = one.other
        for row in rows:
            for first, second in data.COMBINATIONS:
                pair = int(row[FIELDS[first]]), int(row[FIELDS[second]])
                if min(pair) >= 0:
                    found.add((first, second, *pair))
    return found


def test_a_split_has_its_size_and_all_kinds_alike():
    for split, size in SMALL.items():
        found = data.questions(100, split)
        assert len(found) == len(set(found)) == size
        counts = [sum(one.kind == kind for one in found) for kind in KINDS]
        assert max(counts) - min(counts) <= 1


def test_no_combination_of_test_or_dev_is_seen_in_training():
    train, dev, test = (combinations(split) for split in SPLITS)
    for split in (1, 2):
        rows = [one.row for one in data.questions(100, SPLITS[split]) if one.other < 0]
        assert data.held_out(np.array(rows, dtype=np.int16))[:, split].all()
    # What is dealt to dev or test: by the hash of the two words, recomputed here.
    for number, found in enumerate((train, dev, test)):
        for first, second, one, two in found:
            which = data.COMBINATIONS.index((first, second))
            split = int(data.dealt(np.array([one]), np.array([two]), which)[0])
            assert split in (0, number)
    held = {x for x in test if data.dealt(*map(np.array, ([x[2]], [x[3]])),
            data.COMBINATIONS.index(x[:2]))[0] == 2}  # fmt: skip
    assert len(held) > 40 and not held & train and not held & dev


def test_combinations_are_dealt_as_often_as_said():
    one, two = np.divmod(np.arange(60_000), 300)
    for which in range(len(data.COMBINATIONS)):
        shares = np.bincount(data.dealt(one, two, which), minlength=3) / 60_000
        assert shares == pytest.approx([0.7, 0.1, 0.2], abs=0.01)
    assert (data.dealt(one, two, 0) != data.dealt(one, two, 1)).any()


def test_every_question_lies_in_its_partition_so_that_no_text_tells_it():
    for split in SPLITS:
        rows = np.array([one.row for one in data.questions(100, split)], dtype=np.int16)
        assert (partition(rows) == PARTITIONS.index(split)).all()
        assert data.forbidden(rows).all()


def test_splits_share_no_question():
    train, dev, test = (set(data.questions(100, split)) for split in SPLITS)
    assert not train & dev and not train & test and not dev & test


def test_a_question_is_asked_alike_in_all_languages_and_dev_and_test_by_the_commonest_words():
    for split in ("train", "test"):
        programs = data.programs(100, split)
        for code in LANGUAGES:
            said = data.asked(100, split, code)
            assert len(said) == len(programs) and all(words[-1] == MARK for words in said.words)
    english = {w for words in data.asked(100, "test", "en").words for w in words}
    forms = [one.forms["en"] for one in lexicon().values() if len(one.forms["en"]) > 1]
    assert english & {first for first, *_ in forms}
    assert not english & {other for _, *others in forms for other in others}


def test_every_program_is_a_program_of_words_that_training_has():
    known = {word for words in data.programs(100, "train") for word in words}
    for split in SPLITS:
        for words in data.programs(100, split):
            assert parse(" ".join(words))
    assert len(known) > 150


def test_judges_take_the_question_s_own_program():
    for judge in data.judges(100, "dev")[:7]:
        assert judge.right(judge.program)
    with pytest.raises(SaltError, match="not on training ones"):
        data.judges(100, "train")


def test_what_is_left_unsaid_leaves_something_to_ask():
    facts = World(100).sample(np.random.default_rng(0), 2_000)
    short = data.shortened(facts, np.random.default_rng(1))
    assert 0 < len(short) < len(facts)
    says = short[:, [FIELDS[c] for c in ("verb", "agent_adjective", "place")]] >= 0
    assert says.any(axis=1).all()
    silent = short[:, FIELDS["place"]] < 0
    assert (short[silent][:, FIELDS["preposition"]] < 0).all()


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: data.questions(100, "tets"), "unknown split 'tets'"),
        (lambda: data.asked(100, "dev", "xx"), "unknown language 'xx'"),
    ],
)
def test_an_unknown_split_or_language_is_an_error(ask, message):
    with pytest.raises(SaltError, match=message):
        ask()

"""The text of a cell asks for some of what it tells, and never a question of the splits."""

import numpy as np
import pytest

from salt_lib.errors import SaltError
from salt_lib.laboratory.minibabel import corpora
from salt_lib.laboratory.minibabel.facts import FIELDS, PARTITIONS, World, partition, readable
from salt_lib.laboratory.minibabel.questions import KINDS, phrase
from salt_lib.laboratory.programs import data, texts

WORLD = World(100)


def test_about_a_sixth_of_the_sentences_ask_and_the_text_is_the_same_twice():
    found = texts.texts(WORLD, "de", 300)
    assert found == texts.texts(WORLD, "de", 300)
    assert len(found) == 300 and all(len(document) == 3 for document in found)
    flat = [sentence for document in found for sentence in document]
    asked = [sentence for sentence in flat if sentence.endswith(" ?")]
    assert 0.1 < len(asked) / len(flat) < texts.ASKED
    assert any("wieviele" in s for s in asked) and any("welcher" in s for s in asked)
    assert not any("how_many" in s for s in flat)


def test_what_is_not_asked_is_told_as_in_the_laboratory_s_text():
    plain = [s for document in corpora.texts(WORLD, "sw", 100) for s in document]
    mixed = [s for document in texts.texts(WORLD, "sw", 100) for s in document]
    told = [i for i, s in enumerate(mixed) if not s.endswith(" ?")]
    # Synonyms and what opens a sentence are drawn anew, so the bag of most is another's.
    assert len(told) > 200 and set(" ".join(mixed).split()) > {"ngapi", "?"}
    shared = sum(len(plain[i].split()) == len(mixed[i].split()) for i in told)
    assert shared == len(told)


def test_no_question_of_a_split_is_asked_and_no_fact_of_one_is_told():
    every = [WORLD.sample(np.random.default_rng(0), 20_000)]
    every.append(corpora.documents(WORLD, "th", 2_000).reshape(-1, len(FIELDS)))
    for facts in every:
        asked = texts.asks(facts, np.random.default_rng(1))
        assert {one.kind for one in asked.values()} == set(KINDS)
        rows = np.array([one.row for one in asked.values()], dtype=np.int16)
        assert (partition(rows) < PARTITIONS.index("train")).all()
    told = partition(every[1])
    assert set(told.tolist()) == {PARTITIONS.index("th")}


def test_no_test_question_stands_in_any_text(monkeypatch):
    monkeypatch.setattr(data, "SIZES", {"train": 14, "dev": 14, "test": 210})
    data.questions.cache_clear()
    try:
        questions = {
            " ".join(phrase(one, readable(np.array(one.row)), "de"))
            for split in ("dev", "test")
            for one in data.questions(100, split)
        }
    finally:
        data.questions.cache_clear()
    said = {s for document in texts.texts(WORLD, "de", 1_000) for s in document}
    assert len(questions) > 200 and not questions & said


def test_a_fact_that_is_not_so_is_never_asked():
    facts = WORLD.sample(np.random.default_rng(0), 500)
    facts[:, FIELDS["negated"]] = 1
    assert texts.asks(facts, np.random.default_rng(0)) == {}
    with pytest.raises(SaltError, match="no facts"):
        texts.asks(facts[:0], np.random.default_rng(0))

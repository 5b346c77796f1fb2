"""Captions have pictures, splits share no fact, and a distractor differs in one attribute."""

import numpy as np
import pytest

from salt_lib.errors import SaltError
from salt_lib.laboratory.minibabel import pictures
from salt_lib.laboratory.minibabel.facts import (
    FIELDS,
    PARTITIONS,
    World,
    animate,
    inventory,
    partition,
    readable,
)
from salt_lib.laboratory.pictures import captions
from salt_lib.languages import LANGUAGES

WORLD = 0


@pytest.fixture(autouse=True, scope="module")
def fewer():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(captions, "SIZES", {"train": 400, "dev": 60, "test": 60})
        captions.facts.cache_clear()
        captions.captions.cache_clear()
        yield
    captions.facts.cache_clear()
    captions.captions.cache_clear()


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_every_caption_has_a_picture_and_a_split_of_its_own(split):
    rows = captions.facts(WORLD, split)
    assert len(rows) == captions.SIZES[split] == len({row.tobytes() for row in rows})
    assert set(partition(rows)) == {PARTITIONS.index(split)}
    assert all(pictures.unshown(readable(row)) == [] for row in rows)


def test_no_test_fact_and_no_test_caption_is_trained_on():
    """Nor one of its family, as a corpus of any language has none of them."""
    train, test = captions.facts(WORLD, "train"), captions.facts(WORLD, "test")
    assert not {row.tobytes() for row in train} & {row.tobytes() for row in test}
    sentences = {" ".join(words) for words in captions.captions(WORLD, "train", "en").words}
    held = {" ".join(words) for words in captions.captions(WORLD, "test", "en").words}
    assert len(held) == len(test) and not sentences & held


@pytest.mark.parametrize("split", ["dev", "test"])
def test_three_distractors_differ_from_the_first_in_one_attribute_each(split):
    groups = captions.facts(WORLD, split).reshape(-1, captions.GROUP, len(FIELDS))
    assert len(groups) == 15
    for first, *others in groups:
        changed = [(other != first).nonzero()[0].tolist() for other in others]
        assert [len(columns) for columns in changed] == [1, 1, 1]
        assert len({columns[0] for columns in changed}) == 3
        said = {FIELDS[name] for name in captions.ATTRIBUTES}
        assert all(columns[0] in said and first[columns[0]] >= 0 for columns in changed)


def test_an_attribute_is_changed_to_all_that_can_be_drawn():
    row = captions.facts(WORLD, "train")[0]
    others = captions.changed(row, "agent")
    acting = {v for v, can in zip(inventory()["agent"], animate(), strict=True) if can}
    names = {inventory()["agent"][i] for i in others[:, FIELDS["agent"]]}
    assert names == (pictures.shown()["agent"] & acting) - {inventory()["agent"][row[0]]}
    silent = row.copy()
    silent[FIELDS["place"]] = -1
    assert captions.changed(silent, "place").shape == (0, len(FIELDS))


def test_what_cannot_be_drawn_goes_unsaid_or_the_fact_goes():
    drawn = World(WORLD).sample(np.random.default_rng(0), 3000)
    kept = captions.showable(drawn)
    assert 0 < len(kept) < len(drawn) and pictures.drawable(kept).all()
    for column in ("name", "city"):
        assert (drawn[:, FIELDS[column]] >= 0).any() and (kept[:, FIELDS[column]] < 0).all()
    place, preposition = kept[:, FIELDS["place"]], kept[:, FIELDS["preposition"]]
    assert ((place < 0) == (preposition < 0)).all() and (place >= 0).any() and (place < 0).any()
    said = kept[:, [FIELDS[c] for c in ("verb", "agent_adjective", "place")]]
    assert (said >= 0).any(axis=1).all()


def test_captions_of_a_fact_are_translations_of_one_another():
    for split in ("train", "test"):
        english, german = (captions.captions(WORLD, split, code).words for code in ("en", "de"))
        assert len(english) == len(german) == captions.SIZES[split]
        assert [len(a) for a in english] == [len(a) for a in german]
    assert len({code for code in LANGUAGES if captions.captions(WORLD, "dev", code).words}) == 17
    told = {word for words in captions.captions(WORLD, "train", "en").words for word in words}
    assert "large" in told  # a synonym, which dev and test don't use


def test_pictures_of_a_split_are_drawn_as_often_as_asked(monkeypatch):
    monkeypatch.setattr(captions, "facts", lambda world, split: FEW)
    found = captions.rasters(WORLD, "dev", 2)
    assert found.shape == (3, 2, 48, 48, 3) and found.dtype == np.uint8
    assert np.array_equal(found, captions.rasters(WORLD, "dev", 2))
    assert np.array_equal(found[:, 0], captions.rasters(WORLD, "dev")[:, 0])
    assert np.array_equal(found[:2], captions.rasters(WORLD, "dev", 2, first=2))
    assert not np.array_equal(found[:, 0], found[:, 1])
    assert not np.array_equal(found[:, 0], captions.rasters(WORLD, "test")[:, 0])
    with pytest.raises(SaltError, match="0 pictures of a fact"):
        captions.rasters(WORLD, "dev", 0)


FEW = np.array([[1, -1, -1, 42, -1, -1, -1, -1, -1, -1, -1, 0]] * 3, dtype=np.int16)


def test_an_unknown_split_or_language_is_an_error():
    with pytest.raises(SaltError, match="unknown split 'tests'"):
        captions.facts(WORLD, "tests")
    with pytest.raises(SaltError, match="unknown language 'xx'"):
        captions.captions(WORLD, "test", "xx")

"""A picture shows what its fact says, the same on every machine, and says what it can't show."""

import hashlib

import numpy as np
import pytest
from scipy import ndimage

from salt_lib.errors import SaltError
from salt_lib.laboratory.minibabel import pictures
from salt_lib.laboratory.minibabel.facts import FIELDS, Fact, inventory
from salt_lib.laboratory.minibabel.lexicon import lexicon

HORSE = Fact("horse", None, None, agent_adjective="red")
SCENE = Fact(
    "cat", "see", "king", "blue", "big", "2", "3", preposition="in", place="house", negated=False
)


def test_a_picture_is_the_same_for_a_seed_and_another_for_another():
    one = pictures.draw(SCENE, (3, 1))
    assert one.shape == (48, 48, 3) and one.dtype == np.uint8
    assert np.array_equal(one, pictures.draw(SCENE, (3, 1)))
    assert len({pictures.draw(SCENE, seed).tobytes() for seed in range(50)}) == 50


def test_pictures_do_not_change_unnoticed():
    """Runs depend on every pixel: whoever draws otherwise makes them anew."""
    made = hashlib.sha256(b"".join(pictures.draw(f, 5).tobytes() for f in (HORSE, SCENE)))
    assert made.hexdigest()[:16] == "a037ef5cf8503dc8"


def close(image, color, most=60):
    """How many pixels have about this color."""
    return int((np.abs(image.astype(int) - color).sum(axis=-1) < most).sum())


@pytest.mark.parametrize("color", pictures.COLORS)
def test_a_color_is_painted_and_no_other(color):
    seen = pictures.draw(HORSE._replace(agent_adjective=color), 1)
    plain = pictures.draw(HORSE._replace(agent_adjective="big"), 1)
    assert close(seen, pictures.COLORS[color]) > 20 + close(plain, pictures.COLORS[color])


@pytest.mark.parametrize("number", pictures.NUMBERS)
def test_a_number_is_how_many_things_there_are(number):
    seen = pictures.draw(Fact("egg", None, None, "red", agent_number=number), 2).astype(int)
    red = (seen[..., 0] - seen[..., 1:].max(axis=-1)) > 90
    assert ndimage.label(red)[1] == int(number)


def extent(image):
    """Height and width of what stands on the ground, in pixels."""
    dark = (image.astype(int).sum(axis=-1) < 560).nonzero()
    return tuple(int(np.ptp(axis)) for axis in dark)


def test_sizes_are_seen():
    big, small, long_, short = (
        extent(pictures.draw(HORSE._replace(agent_adjective=word), 4))
        for word in ("big", "small", "long", "short")
    )
    assert min(big) > max(small) and long_[1] > big[0] and short[1] < short[0] < big[0]


@pytest.mark.parametrize("verb", [n for n, g in pictures.glyphs().items() if g.kind == "verb"])
def test_who_acts_stands_left_and_every_relation_looks_different(verb):
    word = lexicon()[verb].forms["en"][0]
    seen = pictures.draw(Fact("dog", word, "apple", "red", "blue"), 6).astype(int)
    red = (seen[..., 0] - seen[..., 2] > 90).nonzero()[1].mean()
    blue = (seen[..., 2] - seen[..., 0] > 90).nonzero()[1].mean()
    assert red < 20 and blue > 28
    others = [n for n, g in pictures.glyphs().items() if g.kind == "verb" and n != verb]
    for other in others:
        name = lexicon()[other].forms["en"][0]
        assert not np.array_equal(seen, pictures.draw(Fact("dog", name, "apple", "red", "blue"), 6))


def test_in_a_place_is_not_near_it():
    inside = Fact("dog", None, None, preposition="in", place="sea")
    near = inside._replace(preposition="near")
    blue = [close(pictures.draw(f, 3), (91, 143, 201), 90) for f in (inside, near)]
    pale = [close(pictures.draw(f, 3), (154, 183, 215), 60) for f in (inside, near)]
    assert blue[1] > 30 > blue[0] and pale[0] > 300 > pale[1]


def test_a_synonym_has_the_picture_of_its_concept():
    large = HORSE._replace(agent_adjective="large")
    big = HORSE._replace(agent_adjective="big")
    assert np.array_equal(pictures.draw(large, 1), pictures.draw(big, 1))


@pytest.mark.parametrize(
    ("change", "lacking"),
    [
        ({"agent": "animal"}, ["animal"]),
        ({"verb": "remember", "patient": "dog"}, ["remember"]),
        ({"agent_adjective": "cheap"}, ["cheap"]),
        ({"agent_number": "50"}, ["50"]),
        ({"name": "Emma"}, ["Emma"]),
        ({"preposition": "in", "place": "house", "city": "Lima"}, ["Lima"]),
        ({"negated": True}, ["not"]),
    ],
)
def test_a_fact_without_a_picture_is_an_error_that_says_why(change, lacking):
    fact = HORSE._replace(**change)
    assert pictures.unshown(fact) == lacking and pictures.unshown(HORSE) == []
    with pytest.raises(SaltError, match=f"no picture of '{lacking[0]}'.*leave out"):
        pictures.draw(fact, 0)


def test_what_can_be_drawn_is_said_of_arrays_as_of_facts():
    rows = np.full((3, len(FIELDS)), -1, dtype=np.int16)
    rows[:, FIELDS["negated"]] = 0
    for row, (agent, name) in enumerate((("dog", -1), ("animal", -1), ("dog", 3))):
        rows[row, FIELDS["agent"]] = inventory()["agent"].index(agent)
        rows[row, FIELDS["name"]] = name
    fits = pictures.drawable(rows)
    assert fits.all(axis=1).tolist() == [True, False, False]
    assert not fits[1, FIELDS["agent"]] and not fits[2, FIELDS["name"]]


def test_every_glyph_is_a_concept_of_its_kind_and_every_word_of_a_picture_has_one():
    kinds = {"thing": "noun", "place": "place", "verb": "verb", "mark": "adjective"}
    for name, glyph in pictures.glyphs().items():
        assert lexicon()[name].kind == kinds[glyph.kind] and glyph.strokes, name
    for name in (*pictures.COLORS, *pictures.SIZES, *pictures.FILLINGS):
        assert lexicon()[name].kind == "adjective"
    strokes = [glyph.strokes for glyph in pictures.glyphs().values()]
    assert len(set(strokes)) == len(strokes)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("dog\tthing\t\te36c", "'e36c' is no stroke"),
        ("dog\tthing\t\tz36cb", "'z36cb' is no stroke"),
        ("dog\tthing\t\te36cg", "'e36cg' is no stroke"),
        ("dog\tthing\t\te63c1", "no left upper and right lower corner"),
        ("dog\tbeast\t\te36cb", "name, kind"),
        ("dog\tthing\te36cb", "name, kind"),
    ],
)
def test_a_broken_table_of_glyphs_names_the_line(row, message):
    with pytest.raises(SaltError, match=f"mine.tsv, line 2: .*{message}"):
        pictures.parse(f"name\tkind\ttint\tstrokes\n{row}\n", "mine.tsv")

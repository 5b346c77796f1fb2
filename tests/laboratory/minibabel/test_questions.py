"""Questions ask for what a fact tells, in the order of words of each language."""

import numpy as np
import pytest

from salt_lib.errors import SaltError
from salt_lib.laboratory.minibabel import questions
from salt_lib.laboratory.minibabel.facts import FIELDS, Fact, World, inventory, readable
from salt_lib.laboratory.minibabel.lexicon import lexicon
from salt_lib.laboratory.minibabel.questions import KINDS, Question, ask, parse, phrase
from salt_lib.languages import LANGUAGES

FACT = Fact("dog", "see", "king", "white", None, None, None, "near", "river")


def row(**words):
    """A row of a fact array that says these concepts."""
    made = np.full(len(FIELDS), -1, dtype=np.int16)
    for field, word in {"negated": "no", **words}.items():
        made[FIELDS[field]] = inventory()[field].index(word)
    return made


ROW = row(agent="dog", verb="see", patient="king", agent_adjective="white", preposition="near",
          place="river")  # fmt: skip


def said(kind, code, fact=FACT, other="cat"):
    asked = Question(kind, (), inventory()["agent"].index(other))
    return " ".join(phrase(asked, fact, code))


@pytest.mark.parametrize(
    ("kind", "code", "expected"),
    [
        ("total agent", "en", "how_many white dog see the king near the river ?"),
        ("total agent", "sw", "mbwa nyeupe ngapi kuona mfalme karibu mto ?"),
        ("total patient", "en", "the white dog see how_many king near the river ?"),
        ("total agent", "ja", "いくつ 白い 犬 川 近く 国王 見る ?"),
        ("whether", "de", "der weiß Hund sehen der König nahe der Fluss ?"),
        ("whether", "zh", "白色 狗 靠近 河 看见 国王 ?"),
        ("more", "en", "more white dog than cat see the king near the river ?"),
        ("more", "fr", "plus_de chien blanc que chat voir le roi près le rivière ?"),
        ("more", "sw", "mbwa nyeupe zaidi kuliko paka kuona mfalme karibu mto ?"),
        ("more", "hi", "बिल्ली से ज़्यादा सफ़ेद कुत्ता नदी पास राजा देखना ?"),
        ("more", "zh", "比 猫 更多 白色 狗 靠近 河 看见 国王 ?"),
    ],
)
def test_a_question_has_its_language_s_order(kind, code, expected):
    assert said(kind, code) == expected


def test_where_stands_in_the_place_of_the_adverbial():
    nowhere = FACT._replace(preposition=None, place=None)
    assert said("where", "en", nowhere) == "the white dog see the king where ?"
    assert said("where", "zh", nowhere).split()[2] == "哪里"
    assert said("where", "ur", nowhere).split()[2] == "کہاں"


def test_every_kind_can_be_asked_in_every_language():
    rng = np.random.default_rng(0)
    facts = World(100).sample(rng, 300)
    words = {w for of in questions.question_words().values() for w in of.values()}
    for kind in KINDS:
        made = ask(facts, kind, rng)
        at = int(np.flatnonzero(made.fits)[0])
        asked = Question(kind, tuple(made.rows[at].tolist()), int(made.other[at]))
        for code in LANGUAGES:
            found = phrase(asked, readable(made.rows[at]), code)
            assert found[-1] == "?" and "\0" not in found and all(found)
            own = {questions.question_words()[w][code] for w in questions.WORDS}
            assert bool(own & set(found)) == (kind != "whether"), (kind, code)
            assert not (set(found) & words) - own or code in ("es", "fr"), (kind, code)


def test_what_is_asked_for_is_not_said():
    rng = np.random.default_rng(0)
    full = ROW.copy()
    full[FIELDS["agent_number"]], full[FIELDS["city"]], full[FIELDS["negated"]] = 3, 2, 1
    for kind in KINDS:
        (made,) = ask(full[None], kind, rng).rows
        for column in ("agent_number", "patient_number", "city", "negated"):
            assert made[FIELDS[column]] == (0 if column == "negated" else -1)
    (where,) = ask(full[None], "where", rng).rows
    assert where[FIELDS["place"]] == where[FIELDS["preposition"]] == -1
    (which,) = ask(full[None], "which agent", rng).rows
    assert inventory()["agent"][which[FIELDS["agent"]]] == "animal"
    (which,) = ask(full[None], "which patient", rng).rows
    assert inventory()["patient"][which[FIELDS["patient"]]] == "person"
    assert full[FIELDS["city"]] == 2  # the facts stay as they are


def test_a_fact_without_what_is_asked_for_does_not_fit():
    rng = np.random.default_rng(0)
    alone = row(agent="dog", agent_adjective="white")[None]
    assert [bool(ask(alone, kind, rng).fits[0]) for kind in KINDS] == [
        kind in ("total agent", "which agent", "whether", "more") for kind in KINDS
    ]


def test_what_is_compared_is_neither_of_the_other_s_kind():
    rng = np.random.default_rng(0)
    facts = np.repeat(ROW[None], 500, axis=0)
    made = ask(facts, "more", rng)
    nouns = inventory()["agent"]
    others = {nouns[i] for i in made.other}
    assert "dog" not in others and "animal" not in others and {"cat", "king"} <= others
    assert all(lexicon()[one].hypernym != "dog" for one in others)
    assert (made.both[:, FIELDS["agent"]] == made.other).all()
    assert (ask(facts, "whether", rng).other == -1).all()


def test_an_unknown_kind_is_an_error():
    with pytest.raises(SaltError, match="unknown kind of question 'why'; known: total agent"):
        ask(ROW[None], "why", np.random.default_rng(0))


def test_question_words_are_no_words_of_the_lexicon_and_have_no_spaces():
    for code in LANGUAGES:
        forms = {form for one in lexicon().values() for form in one.forms[code]}
        own = [of[code] for of in questions.question_words().values()]
        assert len(set(own)) == len(own) and not forms & set(own), code


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("word\tde\nwhich\twelcher\n", "line 1: no column ar, bg"),
        ("word\t" + "\t".join(LANGUAGES) + "\nwhich" + "\tx" * 17, "no line for how_many, where"),
        ("word\t" + "\t".join(LANGUAGES) + "\nwhich\tx y" + "\tx" * 16, "line 2, column ar"),
        ("word\t" + "\t".join(LANGUAGES) + "\nwhich\t" + "\tx" * 16, "which needs one form"),
    ],
)
def test_a_table_of_question_words_that_lacks_something_is_an_error(text, message):
    with pytest.raises(SaltError, match=message):
        parse(text)

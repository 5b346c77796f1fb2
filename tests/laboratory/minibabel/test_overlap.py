"""What the languages' corpora share is counted as it is said to be."""

import numpy as np
import pytest

from salt_lib.laboratory.minibabel import corpora, overlap
from salt_lib.laboratory.minibabel.facts import FIELDS, World, inventory
from salt_lib.languages import LANGUAGES

COLUMNS = list(overlap.SHARED_KINDS)


def fact(**values) -> np.ndarray:
    """A row of a fact array from words, nothing else said."""
    row = np.full(len(FIELDS), -1, dtype=np.int16)
    for field, value in values.items():
        row[FIELDS[field]] = inventory()[field].index(value)
    return row


def test_no_fact_is_told_in_two_languages(told):
    assert set(told) == set(LANGUAGES) and min(map(len, told.values())) >= 60
    assert overlap.told_in_two(told) == 0


def test_a_fact_that_two_languages_tell_is_found_under_another_wording():
    dog = fact(agent="dog", verb="see", patient="apple")
    number = fact(agent="dog", verb="see", patient="apple", patient_number="5")
    cat = fact(agent="cat", verb="see", patient="apple")
    king = fact(agent="king", verb="see", patient="apple")
    assert overlap.told_in_two({"de": dog[None], "sw": king[None]}) == 0
    assert overlap.told_in_two({"de": np.stack([dog, dog]), "sw": king[None]}) == 0
    for same in (number, cat):
        assert overlap.told_in_two({"de": np.stack([dog, king]), "sw": same[None]}) == 1


def test_words_are_counted_by_who_else_has_them():
    # "table" is French too, and means the same; "dog" is English only; nobody knows "xyz".
    shares = overlap.shared_words({"en": ["the dog table xyz", "Anna 5 Tokyo dog"]})
    row = shares.loc["en"]
    assert list(shares.columns) == COLUMNS
    assert row["international"] == 3 / 8
    assert row["same"] == 1 / 8
    assert row["foreign"] == 1 / 8
    assert row.sum() == pytest.approx(1)


def test_a_form_with_another_meaning_elsewhere_is_no_cognate(monkeypatch):
    forms = {"en": {"gift": frozenset({"present"})}, "de": {"gift": frozenset({"poison"})}}
    monkeypatch.setattr(overlap, "concepts_of_form", lambda code: forms.get(code, {}))
    assert overlap.sharers("gift") == ("de", "en")
    assert overlap.shared_words({"en": ["gift"]}).loc["en", "other"] == 1
    forms["de"]["gift"] = frozenset({"present"})
    assert overlap.shared_words({"en": ["gift"]}).loc["en", "same"] == 1


@pytest.mark.parametrize("code", ["ar", "ja", "ru"])
def test_no_text_has_a_foreign_word(code):
    texts = [s for document in corpora.texts(World(0), code, 100) for s in document]
    assert overlap.shared_words({code: texts}).loc[code, "foreign"] == 0


def test_adjectives_are_counted_for_agents_and_patients():
    facts = np.stack(
        [
            fact(agent="dog", agent_adjective="big", patient="cat", patient_adjective="old"),
            fact(agent="cat", patient="dog", patient_adjective="big"),
            fact(agent="dog", agent_adjective="old"),
        ]
    )
    shares, mentions = overlap.adjectives_of_nouns(facts[None])
    nouns, adjectives = inventory()["agent"], inventory()["agent_adjective"]
    dog, cat, big, old = *map(nouns.index, ("dog", "cat")), *map(adjectives.index, ("big", "old"))
    assert mentions[dog] == 3 and mentions[cat] == 1 and mentions.sum() == 4
    assert shares[dog, big] == pytest.approx(2 / 3) and shares[dog, old] == pytest.approx(1 / 3)
    assert shares[cat, old] == 1
    assert np.isnan(shares[nouns.index("king")]).all()

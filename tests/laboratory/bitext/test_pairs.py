"""Pairs mean the same and leak nothing; strangers don't; copies say what the model itself says."""

import numpy as np
import pytest
from small_bitext import MOST, WORLD

from salt_lib.errors import SaltError
from salt_lib.laboratory.bitext import pairs
from salt_lib.laboratory.checkpoints import checkpoint
from salt_lib.laboratory.intermediate import outcomes as intermediate
from salt_lib.laboratory.minibabel.facts import PARTITIONS, partition
from salt_lib.laboratory.minibabel.lexicon import concept_of, concepts_of_form
from salt_lib.languages import LANGUAGES, SOURCE


def test_every_third_language_of_a_tier_is_left_out():
    assert pairs.RICH == intermediate.RICH
    assert pairs.left_out(True) == ("es", "ko", "zh") and pairs.left_out(False) == ("hi", "tr")
    assert sorted((*pairs.ALIGNED, *pairs.LEFT_OUT, SOURCE)) == sorted(LANGUAGES)
    assert len(pairs.ALIGNED) == 11


def test_languages_have_equal_shares():
    found = pairs.shares(100)
    assert list(found) == list(pairs.ALIGNED) and sum(found.values()) == 100
    assert set(found.values()) == {9, 10}
    for count in (21, MOST + 1):
        with pytest.raises(SaltError, match=f"{count} pairs: from 22 to {MOST} can be made"):
            pairs.shares(count)


def test_no_fact_of_a_task_or_of_another_language_is_told():
    for code in pairs.ALIGNED:
        rows = pairs.facts(WORLD, code, 30)
        assert set(partition(rows)) == {PARTITIONS.index(code)}
    assert not set(pairs.LEFT_OUT) & set(pairs.bitext(WORLD, MOST).codes)


def test_both_sides_say_the_same_with_the_same_synonyms():
    told = pairs.bitext(WORLD, 110)
    fronted = 0
    for code, one, other in zip(told.codes, told.first, told.second, strict=True):
        english = {concept_of().get(word, word) for word in one.split()}
        meant = [concepts_of_form(code).get(word, {word}) for word in other.split()]
        content = {c for c in english if c not in ("the", "is", "not", "in", "near", "with")}
        assert all(any(c in names for names in meant) for c in content)
        fronted += one.split()[0] in ("in", "near", "with")
    assert 0.1 < fronted / len(told) < 0.5  # each side on its own
    assert pairs.bitext(WORLD, 110) == told


def test_fewer_pairs_are_among_more():
    few, many = pairs.bitext(WORLD, 44), pairs.bitext(WORLD, 220)
    for code in pairs.ALIGNED:
        some, all_ = (
            [p for c, *p in zip(t.codes, t.first, t.second, strict=True) if c == code]
            for t in (few, many)
        )
        assert some == all_[: len(some)] and len(some) == 4


def test_nobody_keeps_their_partner_when_shuffled():
    told = pairs.bitext(WORLD, 110)
    other = pairs.shuffled(told, 7)
    assert other.codes == told.codes and other.first == told.first
    assert all(a != b for a, b in zip(told.second, other.second, strict=True))
    for code in pairs.ALIGNED:  # the same sentences, in the same language
        ours, theirs = (
            sorted(s for c, s in zip(t.codes, t.second, strict=True) if c == code)
            for t in (told, other)
        )
        assert ours == theirs
    assert pairs.shuffled(told, 7) == other != pairs.shuffled(told, 8)


def test_a_copy_has_the_model_s_own_words_in_the_place_of_english_ones(monkeypatch):
    monkeypatch.setattr(pairs, "AT_ONCE", 64)
    told = pairs.distilled(WORLD, checkpoint(WORLD), 48, 0.9)
    assert list(dict.fromkeys(told.codes)) == list(pairs.TARGETS) and len(told) == 48
    right = []
    for code, one, copy, which in zip(
        told.codes, told.first, told.second, told.replaced, strict=True
    ):
        ours, theirs = one.split(), copy.split()
        assert len(ours) == len(theirs) and which
        assert {
            i for i, pair in enumerate(zip(ours, theirs, strict=True)) if pair[0] != pair[1]
        } == (set(which))
        right += [
            concept_of().get(ours[i]) in concepts_of_form(code).get(theirs[i], ()) for i in which
        ]
    assert np.mean(right) > 0.7
    assert pairs.distilled(WORLD, checkpoint(WORLD), 48, 0.9) == told


def test_too_few_substitutions_are_an_error(monkeypatch):
    monkeypatch.setattr(pairs, "AT_ONCE", 8)
    monkeypatch.setattr(pairs.Words, "replace", lambda *_: [])
    with pytest.raises(SaltError, match="0 English sentences have a substitution of probability"):
        pairs.distilled(WORLD, checkpoint(WORLD), 32, 0.9)

"""A checkpoint of any kind is judged from its sentences to its verdicts."""

import pytest

from salt_lib.data.dictionaries import Dictionaries
from salt_lib.data.examples import Pairs
from salt_lib.errors import SaltError
from salt_lib.laboratory.checkpoints import checkpoint
from salt_lib.salt import quality
from salt_lib.salt.judging import judge_checkpoint
from salt_lib.salt.vocabulary import words_by_language
from salt_lib.salt.word_rules import NO_RULES

TRUTH = quality.ByDictionary(
    Dictionaries({"de": {"dog": frozenset({"hund"}), "river": frozenset({"fluss"})}})
)
DATA = Pairs(["the dog sleeps near the river", "the dog"], ["the river", ""], [0, 0])


@pytest.fixture(scope="module")
def words():
    known = words_by_language(checkpoint(0))
    return {code: known[code] for code in ("en", "de")}


def test_every_known_word_is_judged_once_in_every_language(words):
    judged = judge_checkpoint(checkpoint(0), DATA, words, TRUTH, NO_RULES)
    german = judged[judged["language"] == "de"]
    assert sorted(german["word"]) == ["dog", "dog", "river", "river"]
    assert set(judged["language"]) == {"de", "en"} and judged["content"].all()
    assert set(german["verdict"]) <= {"right", "case", "other"}


def test_what_a_rule_leaves_out_counts_as_not_predicted(words):
    plain = judge_checkpoint(checkpoint(0), DATA, words, TRUTH, NO_RULES)
    rare = {code: dict(counts) for code, counts in words.items()}
    rare["de"]["Hund"] = 10**9  # far more frequent than dog
    ruled = judge_checkpoint(checkpoint(0), DATA, rare, TRUTH, NO_RULES.adding("frequency"))
    assert len(ruled) == len(plain)
    assert "Hund" in set(plain["substitute"]) and "Hund" not in set(ruled["substitute"])
    assert "none" in set(ruled["verdict"]) and "none" not in set(plain["verdict"])


def test_sentences_without_a_known_word_are_said(words):
    with pytest.raises(SaltError, match="none of the words of these sentences is among the"):
        judge_checkpoint(checkpoint(0), Pairs(["xyzzy"], [""], [0]), words, TRUTH)

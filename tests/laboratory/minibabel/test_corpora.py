"""Corpora are of unequal size, hang together, and are nobody's translation."""

import numpy as np
import pytest

from salt_lib.errors import SaltError
from salt_lib.laboratory.minibabel import corpora
from salt_lib.laboratory.minibabel.facts import FIELDS, World, animate, inventory
from salt_lib.laboratory.minibabel.grammar import sentence
from salt_lib.laboratory.minibabel.lexicon import concept_of, lexicon


@pytest.fixture(scope="module")
def world():
    return World(0)


@pytest.fixture(scope="module")
def german(world):
    return corpora.documents(world, "de", 400)


def test_languages_have_their_shares(world, monkeypatch):
    monkeypatch.setattr(corpora, "DOCUMENTS", 16)
    found = {code: len(corpora.documents(world, code)) for code in ("de", "sw", "ur", "th", "hi")}
    assert found == {"de": 16, "sw": 4, "ur": 4, "th": 4, "hi": 8}


def test_documents_are_three_sentences_and_always_the_same(world, german):
    assert german.shape == (400, 3, 12) and german.dtype == np.int16
    assert np.array_equal(german, corpora.documents(world, "de", 400))
    assert not np.array_equal(german, corpora.documents(World(1), "de", 400))
    told = corpora.texts(world, "tr", 20)
    assert len(told) == 20 and all(len(document) == 3 for document in told)
    assert told == corpora.texts(World(0), "tr", 20)


@pytest.mark.parametrize("count", [0, 1, -3])
def test_an_empty_corpus_is_an_error(world, count):
    with pytest.raises(SaltError, match=f"an empty corpus: {count} documents .*'sw'"):
        corpora.texts(world, "sw", count)


def test_an_unknown_language_is_an_error(world):
    with pytest.raises(SaltError, match="unknown language 'xx'; known: ar"):
        corpora.texts(world, "xx")


def mentions(german, of):
    """How often a sentence mentions an entity of the one before, as that or as its hypernym."""
    nouns = inventory()["agent"]
    same = above = 0
    total = 0
    for document in german:
        for before, after in zip(document, document[1:], strict=False):
            entities = {nouns[before[FIELDS[r]]] for r in of if before[FIELDS[r]] >= 0}
            told = {nouns[after[FIELDS[r]]] for r in of if after[FIELDS[r]] >= 0}
            hypernyms = {lexicon()[e].hypernym for e in entities} - {""}
            total += 1
            same += bool(entities & told)
            above += bool(hypernyms & told) and not entities & told
    return same / total, above / total


def test_every_sentence_mentions_again(german):
    same, above = mentions(german, ("agent", "patient"))
    assert same + above == 1
    assert 0.08 < above < 0.5
    strangers = german.copy()
    strangers[:, 1:] = np.roll(german[:, 1:], 2, axis=0)  # not the neighbour
    assert sum(mentions(strangers[:, :2], ("agent", "patient"))) < 0.4


def test_what_is_mentioned_again_acts_only_if_it_can(german):
    acts = german[:, :, FIELDS["verb"]] >= 0
    agents = animate()[german[:, :, FIELDS["agent"]]]
    assert agents[acts].all() and not agents[~acts].all()  # but anything may be old


def families(column):
    """Value id → its hypernym's, or its own without one; −1 (unsaid) stays."""
    values = list(inventory()[column])
    above = [lexicon()[v].hypernym if v in lexicon() else "" for v in values]
    own = [values.index(a) if a in values else i for i, a in enumerate(above)]
    return np.array([*own, -1])


def test_a_fact_told_again_never_says_otherwise(world, german):
    """Where agent, verb and patient return, each attribute is the same (or more general) or
    unsaid on one side: a sentence that says another one is about something else."""
    before, after = german[:, :-1].reshape(-1, 12), german[:, 1:].reshape(-1, 12)
    again = np.ones(len(before), dtype=bool)
    for column in ("agent", "verb", "patient"):
        own = families(column)
        i = FIELDS[column]
        again &= (own[before[:, i]] == own[after[:, i]]) & (before[:, i] >= 0)
    # Told again: of what is not a description, and where there was somebody to do it to.
    rate = (1 - corpora.DESCRIBED) * corpora.TOLD_AGAIN
    assert 0.6 * rate < again.mean() < 1.1 * rate
    changed = unsaid = 0
    for column in (*corpora.OPTIONAL, "place", "city"):
        i, own = FIELDS[column], families(column)
        both = again & (before[:, i] >= 0) & (after[:, i] >= 0)
        changed += (own[before[both, i]] != own[after[both, i]]).mean()
        unsaid += (again & (before[:, i] >= 0) & (after[:, i] < 0)).sum()
    # A new fact may happen to be about the same three; nothing that is told again differs.
    assert changed < 0.05 * 7
    assert unsaid > 0.1 * again.sum()


def test_neighbours_tell_of_like_events(german):
    first = german[:, 0]
    like = [np.mean(one == two) for one, two in zip(first[::2], first[1::2], strict=True)]
    unlike = [np.mean(one == two) for one, two in zip(first, first[2:], strict=False)]
    assert max(like) < 1  # never the same
    assert np.mean(like) > np.mean(unlike) + 0.2
    exchanged = 0
    for one, two in zip(first[::2], first[1::2], strict=True):
        for part in ("", "_adjective", "_number"):
            i, j = FIELDS[f"agent{part}"], FIELDS[f"patient{part}"]
            exchanged += one[i] != one[j] and (one[[i, j]] == two[[j, i]]).all()
    assert 0.05 < exchanged / len(like) < corpora.EXCHANGED


def test_synonyms_occur_and_the_first_is_the_commonest(german):
    worded = list(corpora.wording(german.reshape(-1, 12), np.random.default_rng(0)))
    doctors = [f.agent for f in worded if f.agent and concept_of()[f.agent] == "doctor"]
    doctors += [f.patient for f in worded if f.patient and concept_of()[f.patient] == "doctor"]
    assert set(doctors) == {"doctor", "physician"}
    first = [
        word == lexicon()[concept_of()[word]].forms["en"][0]
        for f in worded
        for word in (f.agent, f.patient)
        if word and len(lexicon()[concept_of()[word]].forms["en"]) > 1
    ]
    assert abs(np.mean(first) - corpora.FIRST_FORM) < 0.06
    again = 0
    for one, two in zip(worded[::3], worded[1::3], strict=True):
        said = {concept_of()[w]: w for w in (one.agent, one.patient) if w}
        again += any(
            w and concept_of()[w] in said and said[concept_of()[w]] != w
            for w in (two.agent, two.patient)
        )
    assert again > 20  # re-mentioned by a synonym


def test_no_two_corpora_are_parallel(world, german):
    """No sentence of one language is a translation of another language's."""
    said = {}
    for code in ("de", "fr", "sw", "ja"):
        rows = german if code == "de" else corpora.documents(world, code, 100)
        rows = rows.reshape(-1, 12).copy()
        for part in ("agent_number", "patient_number"):
            rows[:, FIELDS[part]] = -1
        worded = corpora.wording(rows, np.random.default_rng(0))
        said[code] = {sentence(fact, "en") for fact in worded}
    codes = list(said)
    for i, one in enumerate(codes):
        for two in codes[i + 1 :]:
            assert not said[one] & said[two]


def test_texts_are_the_documents_put_into_words(world):
    facts = corpora.documents(world, "fr", 30)
    entries = {f for item in lexicon().values() for f in item.forms["fr"]}
    told = [s for document in corpora.texts(world, "fr", 30) for s in document]
    assert len(told) == facts.shape[0] * 3
    names = {n for column in ("name", "city", "agent_number") for n in inventory()[column]}
    assert {w for s in told for w in s.split()} <= entries | names

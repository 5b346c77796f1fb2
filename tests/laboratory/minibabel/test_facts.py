"""One seed, one world; and no fact, in whatever words, is told in two places."""

from itertools import combinations

import numpy as np
import pytest

from salt_lib.laboratory import tasks
from salt_lib.laboratory.minibabel import corpora, views
from salt_lib.laboratory.minibabel.facts import (
    CITIES,
    FIELDS,
    LOCATED,
    NAMES,
    NUMBERS,
    PARTITIONS,
    RATES,
    World,
    animate,
    draw_fitting,
    family_hash,
    inventory,
    partition,
    sample_in,
)
from salt_lib.laboratory.minibabel.grammar import sentence
from salt_lib.laboratory.minibabel.lexicon import concept_of, lexicon
from salt_lib.languages import LANGUAGES

PREFERENCES = (
    "noun_adjective",
    "noun_name",
    "noun_number",
    "noun_place",
    "place_city",
    "verb_agent",
    "verb_patient",
    "verb_name",
)


@pytest.fixture(scope="module")
def world():
    return World(0)


@pytest.fixture(scope="module")
def facts(world):
    return world.sample(np.random.default_rng(1), 4000)


def column(facts, name):
    return facts[:, FIELDS[name]]


def test_the_same_seed_is_the_same_world(world):
    again, other = World(0), World(1)
    for name in PREFERENCES:
        mine = getattr(world, name)
        assert np.array_equal(mine, getattr(again, name))
        assert not np.array_equal(mine, getattr(other, name))
        assert np.allclose(mine.sum(axis=1), 1) and (mine >= 0).all()
    mine, same, different = (
        w.sample(np.random.default_rng(3), 50).tolist() for w in (world, again, other)
    )
    assert mine == same != different


def test_preferences_are_followed(world, facts):
    """What is drawn goes with its head far more often than if heads did not matter."""
    acts = facts[column(facts, "verb") >= 0]
    verb, agent = column(acts, "verb"), column(acts, "agent")
    weight = world.verb_agent[verb, agent]
    anybody = world.verb_agent.mean(axis=0)[agent]
    assert weight.mean() > 2 * anybody.mean()


def alike(weights, one, two):
    """Correlation of two columns of preferences over the heads."""
    return np.corrcoef(weights[:, one], weights[:, two])[0, 1]


def test_opposites_and_things_of_a_kind_keep_the_same_company(world):
    names = inventory()["agent_adjective"]
    opposite = [names.index(lexicon()[name].antonym or name) for name in names]
    pairs = [(i, j) for i, j in enumerate(opposite) if i < j]
    likeness = [alike(world.noun_adjective, i, j) for i, j in pairs]
    others = [alike(world.noun_adjective, i, j) for (i, _), (j, _) in combinations(pairs, 2)]
    assert np.median(likeness) > 0.3 > 0.1 > np.median(others)
    verbs = inventory()["verb"]
    pairs = {
        (i, verbs.index(lexicon()[verb].antonym)) if lexicon()[verb].antonym else (i, None)
        for i, verb in enumerate(verbs)
    }
    likeness = [alike(world.verb_patient.T, i, j) for i, j in pairs if j is not None]
    others = [alike(world.verb_patient.T, i, j) for i, j in combinations(range(10), 2)]
    assert np.median(likeness) > 0.3 > np.median(others)
    for weights, column_ in ((world.verb_patient, "patient"), (world.noun_place, "place")):
        own = [lexicon()[name].hypernym for name in inventory()[column_]]
        kin = [
            alike(weights, i, j) for i, j in combinations(range(len(own)), 2) if own[i] == own[j]
        ]
        rest = [
            alike(weights, i, j) for i, j in combinations(range(len(own)), 2) if own[i] != own[j]
        ]
        assert np.mean(kin) > np.mean(rest) + 0.04


def test_a_described_fact_says_little(world):
    facts = world.sample(np.random.default_rng(5), 500, described=True)
    assert (column(facts, "agent_adjective") >= 0).all()
    for name in ("verb", "patient", "patient_adjective", "patient_number"):
        assert (column(facts, name) < 0).all()


def test_names_numbers_and_words_are_told_apart():
    values = [*NAMES, *CITIES, *NUMBERS]
    assert len(set(values)) == len(values)
    forms = {f for item in lexicon().values() for own in item.forms.values() for f in own}
    assert not forms & set(values)


def test_facts_are_well_formed(facts):
    for name, values in inventory().items():
        found = column(facts, name)
        assert found.min() >= -1 and found.max() < len(values)
    assert animate()[column(facts, "agent")].all()
    located = column(facts, "verb") < 0
    assert abs(located.mean() - LOCATED) < 0.02
    said = (column(facts, "place") >= 0) | (column(facts, "agent_adjective") >= 0)
    assert said[located].all()
    assert np.array_equal(located, column(facts, "patient") < 0)
    for part in ("patient_adjective", "patient_number"):
        assert (column(facts, part)[located] < 0).all()
    assert np.array_equal(column(facts, "place") >= 0, column(facts, "preposition") >= 0)
    assert (column(facts, "place")[column(facts, "city") >= 0] >= 0).all()
    assert abs((column(facts, "negated") == 1).mean() - RATES["negated"]) < 0.03
    for name in ("agent_adjective", "agent_number", "name"):
        assert abs((column(facts, name) >= 0).mean() - RATES[name]) < 0.03


def test_what_is_given_is_kept(world, facts):
    given = np.full_like(facts, -1)
    for name in ("patient", "place", "patient_adjective"):
        given[:, FIELDS[name]] = column(facts, name)
    drawn = world.sample(np.random.default_rng(2), len(facts), given)
    kept = given >= 0
    assert np.array_equal(drawn[kept], given[kept])
    assert not np.array_equal(drawn[~kept], facts[~kept])


def changed(facts, name, table):
    """Facts whose value in a column is exchanged by ``table``, where it has something to say."""
    here = np.array([table.get(int(value), -1) for value in column(facts, name)])
    rows = here >= 0
    other = facts[rows].copy()
    other[:, FIELDS[name]] = here[rows]
    return facts[rows], other


def relations(name, which):
    index = {value: i for i, value in enumerate(inventory()[name])}
    items = ((i, lexicon()[value]) for value, i in index.items())
    return {i: index[found] for i, item in items if (found := getattr(item, which))}


@pytest.mark.parametrize(
    ("name", "which"),
    [(name, "hypernym") for name in ("agent", "patient", "place", "agent_adjective")]
    + [(name, "antonym") for name in ("verb", "agent_adjective", "patient_adjective")],
)
def test_a_hypernym_or_an_antonym_stays_in_the_family(facts, name, which):
    before, after = changed(facts, name, relations(name, which))
    assert len(before) > 100
    assert np.array_equal(family_hash(before), family_hash(after))


def test_numbers_and_swaps_stay_in_the_family(facts):
    other = facts.copy()
    other[:, FIELDS["agent_number"]] = 3
    other[:, FIELDS["patient_number"]] = -1
    assert np.array_equal(family_hash(facts), family_hash(other))
    for a, b in (("agent", "patient"), ("agent_adjective", "patient_adjective")):
        other = facts.copy()
        other[:, [FIELDS[a], FIELDS[b]]] = facts[:, [FIELDS[b], FIELDS[a]]]
        assert np.array_equal(family_hash(facts), family_hash(other))


@pytest.mark.parametrize("name", ["verb", "place", "city", "name", "negated", "preposition"])
def test_anything_else_is_another_family(facts, name):
    size = len(inventory()[name])
    table = {i: (i + size // 2) % size for i in range(size)}
    before, after = changed(facts, name, table)
    assert (family_hash(before) != family_hash(after)).mean() > 0.95  # an antonym may be drawn


def test_a_name_is_no_city():
    """The same number in two columns does not cancel out."""
    one, two = np.full((1, 12), -1, np.int16), np.full((1, 12), -1, np.int16)
    one[0, FIELDS["name"]] = two[0, FIELDS["city"]] = 4
    assert family_hash(one) != family_hash(two)


def test_two_of_a_family_do_not_cancel_out():
    facts = np.full((2, 12), -1, np.int16)
    for fact, noun in zip(facts, ("dog", "bread"), strict=True):
        fact[[FIELDS["agent"], FIELDS["patient"]]] = inventory()["agent"].index(noun)
    one, two = family_hash(facts)
    assert one != two


def test_partitions_are_of_like_size(facts):
    shares = np.bincount(partition(facts), minlength=len(PARTITIONS)) / len(facts)
    assert len(shares) == len(LANGUAGES) + 3 and shares.min() > 0.6 / 20 and shares.max() < 1.5 / 20


def test_facts_are_sampled_in_their_partitions(world):
    where = np.arange(200) % len(PARTITIONS)
    drawn = sample_in(world, np.random.default_rng(0), where)
    assert np.array_equal(partition(drawn), where)


def test_what_no_draw_fits_becomes_what_was_asked_for(world):
    """Draws that never fit end after ``tries``, and each row is drawn on its own."""
    fixed = sample_in(world, np.random.default_rng(0), np.zeros(6, int))
    where, calls = np.array([0, 1, 0, 1, 1, 0]), []

    def draw(rows):
        calls.append(len(rows))
        return fixed[rows]

    drawn = draw_fitting(where, draw, otherwise=fixed[::-1], tries=5)
    assert calls == [6, 3, 3, 3, 3]
    assert np.array_equal(drawn, np.where((where == 0)[:, None], fixed, fixed[::-1]))


@pytest.fixture(scope="module", params=["all but premises", "premises"])
def places(world, told, request):
    """Partition → the facts told there, of every corpus and task."""
    found = {}
    for code, documents in told.items():
        assert (partition(documents.reshape(-1, 12)) == PARTITIONS.index(code)).all()
        found[code] = set(corpora.wording(documents.reshape(-1, 12), np.random.default_rng(0)))
    for split in tasks.SPLITS:
        pairs = views.paraphrase_pairs(world, split, 100)
        found[split] = {fact for pair in pairs for fact in pair[:2]}
        pairs = views.nli_pairs(world, split, 300)
        found[split] |= {pair.second for pair in pairs}
        if request.param == "premises":
            found[split] |= {pair.first for pair in pairs}
    assert set(found) == set(PARTITIONS) and min(map(len, found.values())) > 120
    return found


def family(word):
    """What a word has in common with its synonyms, hypernym, hyponyms and antonym."""
    item = lexicon().get(concept_of().get(word))
    if item is None:
        return word or ""
    return item.hypernym or min(item.name, item.antonym or item.name)


def content(fact):
    """What a fact says, however it is worded, retold, negated by an antonym, swapped or counted."""
    nouns = sorted(map(family, (fact.agent, fact.patient)))
    adjectives = sorted(map(family, (fact.agent_adjective, fact.patient_adjective)))
    rest = (fact.preposition, fact.city, fact.name, fact.negated)
    return (*nouns, *adjectives, family(fact.verb), family(fact.place), *rest)


@pytest.mark.parametrize("told_as", [content, lambda fact: sentence(fact, "en")])
def test_nothing_is_told_in_two_places(places, told_as):
    owner = {}
    for where, facts in places.items():
        for said in map(told_as, facts):
            assert owner.setdefault(said, where) == where, said


@pytest.mark.parametrize("name", tasks.PAIR_TASKS)
def test_train_dev_and_test_share_no_sentence(laboratory, name):
    said = {}
    for split in tasks.SPLITS:
        pairs = tasks.load(name, split, "en", 0)
        said[split] = {*pairs.first, *pairs.second}
        text = tasks.load(name, split, tasks.task(name).targets[0], 0)
        assert not said[split] & {*text.first, *text.second}
    assert not said["train"] & said["dev"]
    assert not (said["train"] | said["dev"]) & said["test"]

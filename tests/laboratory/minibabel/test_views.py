"""Only what words mean tells a pair's label: everything else is the same under every label."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from salt_lib.laboratory.minibabel import views
from salt_lib.laboratory.minibabel.facts import (
    CITIES,
    FIELDS,
    NAMES,
    NUMBERS,
    PARTITIONS,
    Fact,
    World,
    animate,
    inventory,
    partition,
)
from salt_lib.laboratory.minibabel.grammar import sentence, tagged, words
from salt_lib.laboratory.minibabel.lexicon import concept_of, concepts_of_form, lexicon
from salt_lib.laboratory.shortcuts import cell
from salt_lib.languages import LANGUAGES, PAWSX_LANGUAGES, XNLI_LANGUAGES

ENTAILMENT, NEUTRAL, CONTRADICTION = range(3)
DIFFERENT, PARAPHRASE = range(2)
SOME = ("en", "ar", "ja", "sw", "th", "zh")


@pytest.fixture(scope="module")
def nli():
    return views.nli_pairs(World(0), "train", 700)


@pytest.fixture(scope="module")
def paraphrases():
    return views.paraphrase_pairs(World(0), "train", 500)


def in_words(pair, code):
    return sentence(pair.first, code), sentence(pair.second, code, pair.second_fronted)


def row(fact):
    """The ids of a fact, whatever synonyms it uses."""
    ids = np.full(len(FIELDS), -1)
    for name, i in FIELDS.items():
        value = getattr(fact, name)
        if name == "negated":
            ids[i] = int(value)
        elif value is not None:
            values = inventory()[name]
            ids[i] = values.index(value if value in values else concept_of()[value])
    return ids


def test_the_same_seed_gives_the_same_pairs(nli, paraphrases):
    assert views.nli_pairs(World(0), "train", 20) == nli[:60]
    assert views.paraphrase_pairs(World(0), "train", 20) == paraphrases[:80]
    assert views.nli_pairs(World(1), "train", 20) != nli[:60]
    assert views.nli_pairs(World(0), "test", 20) != nli[:60]


def relation(premise, hypothesis):
    """What the premise's word is to the hypothesis's, from the lexicon alone."""
    one, two = lexicon()[concept_of()[premise]], lexicon()[concept_of()[hypothesis]]
    if one is two:
        return "synonym"
    if one.hypernym == two.name:
        return "hyponym"
    if two.hypernym == one.name:
        return "hypernym"
    if one.antonym == two.name:
        return "antonym"
    has_below = {item.hypernym for item in lexicon().values()}
    if one.hypernym == two.hypernym and (one.hypernym or {one.name, two.name} <= has_below):
        return "co-hyponym"
    return "unrelated"


LABELLED = {
    "synonym": ENTAILMENT,
    "hyponym": ENTAILMENT,
    "antonym": CONTRADICTION,
    "co-hyponym": CONTRADICTION,
    "number": CONTRADICTION,
    "hypernym": NEUTRAL,
    "unrelated": NEUTRAL,
}


def test_a_pair_differs_in_one_word_and_the_word_makes_the_label(nli):
    seen = Counter()
    for pair in nli:
        differing = [
            field
            for field in Fact._fields
            if getattr(pair.second, field) is not None
            and getattr(pair.first, field) != getattr(pair.second, field)
        ]
        assert len(differing) == 1, pair
        field = differing[0]
        one, two = getattr(pair.first, field), getattr(pair.second, field)
        found = "number" if field.endswith("number") else relation(one, two)
        assert LABELLED[found] == pair.label, pair
        assert pair.change == f"{field} {found}"
        seen[found] += 1
        if field != "agent_number" and field != "patient_number":
            assert lexicon()[concept_of()[one]].kind == lexicon()[concept_of()[two]].kind
        if field == "agent":
            acting = dict(zip(inventory()["agent"], animate(), strict=True))
            assert acting[concept_of()[one]]
    assert set(seen) == set(LABELLED)
    assert min(seen.values()) > 0.04 * len(nli)  # every relation is worth learning


def test_a_premise_may_say_more_but_never_less(nli):
    for pair in nli:
        more = [f for f in Fact._fields if getattr(pair.second, f) is None]
        said = {f for f in more if getattr(pair.first, f) is not None}
        where = {"place", "preposition", "city"}
        assert said <= {"agent_adjective", "patient_adjective", "name"} | where
        assert len(said - where) + bool(said & where) <= 1
        assert pair.first.negated == pair.second.negated and not pair.second_fronted


def test_modifiers_and_negation_occur_under_all_labels_alike(nli):
    for what in (
        lambda p: p.first.negated,
        lambda p: row(p.first).clip(-1, 0).sum() > row(p.second).clip(-1, 0).sum(),
    ):
        counts = Counter(pair.label for pair in nli if what(pair))
        assert len(counts) == 3 and len(set(counts.values())) == 1, counts


def test_premises_say_more_as_often_as_they_should(nli):
    more = [row(p.first).clip(-1, 0).sum() > row(p.second).clip(-1, 0).sum() for p in nli]
    assert np.mean(more) > 0.25


@pytest.mark.parametrize("code", XNLI_LANGUAGES)
def test_labels_are_equally_frequent_in_every_cell(nli, code):
    cells = defaultdict(Counter)
    for pair in nli:
        cells[cell(*in_words(pair, code))][pair.label] += 1
    assert all(len(set(c.values())) == 1 and len(c) == 3 for c in cells.values()), cells
    assert len(cells) >= 2


@pytest.mark.parametrize("code", SOME)
def test_a_hypothesis_stands_under_every_label_as_often(nli, code):
    """So nothing that sees the hypothesis alone, of whatever kind, can do better than chance."""
    said = defaultdict(Counter)
    for pair in nli:
        said[pair.label][in_words(pair, code)[1]] += 1
    assert said[ENTAILMENT] == said[NEUTRAL] == said[CONTRADICTION]


def test_hypotheses_and_paraphrases_stay_in_their_split(nli, paraphrases):
    train = PARTITIONS.index("train")
    assert (partition(np.stack([row(p.second) for p in nli])) == train).all()
    for side in ("first", "second"):
        facts = np.stack([row(getattr(pair, side)) for pair in paraphrases])
        assert (partition(facts) == train).all()


def test_premises_stay_in_their_split(nli):
    outside = partition(np.stack([row(p.first) for p in nli])) != PARTITIONS.index("train")
    assert Counter(p.change for p, out in zip(nli, outside, strict=True) if out) == {}


@pytest.mark.parametrize("code", PAWSX_LANGUAGES)
def test_both_sides_of_a_paraphrase_pair_are_alike_under_both_labels(paraphrases, code):
    said = {side: defaultdict(Counter) for side in (0, 1)}
    for pair in paraphrases:
        for side, text in enumerate(in_words(pair, code)):
            said[side][pair.label][text] += 1
    for side in (0, 1):
        assert said[side][DIFFERENT] == said[side][PARAPHRASE]


def bags(group, code):
    """The bags of words of a group's first and second sentences; one pair, if it is balanced."""
    return {tuple(tuple(sorted(s.split())) for s in in_words(pair, code)) for pair in group}


def repeated(fact):
    """Whether a fact says one concept twice, by two words."""
    words = [getattr(fact, s) for s in views.SLOTS if getattr(fact, s) in concept_of()]
    return len({concept_of()[w] for w in words}) < len(set(words))


def quadruples(pairs):
    return [pairs[i : i + 4] for i in range(0, len(pairs), 4)]


@pytest.mark.parametrize("code", ["en", "ja"])
def test_the_bags_of_words_of_a_group_are_the_same(paraphrases, code):
    groups = [group for group in quadruples(paraphrases) if not repeated(group[0].first)]
    assert len(groups) > 490
    for group in groups:
        assert len(bags(group, code)) == 1, group


def test_the_bags_of_words_are_the_same_in_every_group():
    for group in quadruples(views.paraphrase_pairs(World(0), "train", 1800)):
        assert len(bags(group, "en")) == 1, group


def test_paraphrases_say_the_same_and_the_others_do_not(paraphrases):
    assert Counter(p.label for p in paraphrases) == {DIFFERENT: 1000, PARAPHRASE: 1000}
    kinds = Counter()
    for group in quadruples(paraphrases):
        assert [pair.label for pair in group] == [PARAPHRASE] * 2 + [DIFFERENT] * 2
        what = group[0].change.split()[0]
        kinds[what] += 1
        for pair in group:
            one, two = row(pair.first), row(pair.second)
            if pair.label == PARAPHRASE:
                assert np.array_equal(one, two)
                continue
            fields = {f for f, i in FIELDS.items() if one[i] != two[i]}
            swapped = {
                "roles": ("agent", "patient"),
                "adjective": ("agent_adjective", "patient_adjective"),
                "number": ("agent_number", "patient_number"),
            }[what]
            assert fields == set(swapped)
            i, j = (FIELDS[f] for f in swapped)
            assert (one[i], one[j]) == (two[j], two[i])
    assert set(kinds) == {"roles", "adjective", "number"} and min(kinds.values()) >= 166


@pytest.fixture(scope="module")
def by_words():
    return views.word_paraphrases(World(0), "train", 500)


def test_paraphrases_by_words_differ_in_one_word_and_its_synonym(by_words):
    assert views.word_paraphrases(World(0), "train", 20) == by_words[:80]
    assert Counter(p.label for p in by_words) == {DIFFERENT: 1000, PARAPHRASE: 1000}
    index = PARTITIONS.index("train")
    for group in quadruples(by_words):
        assert [pair.label for pair in group] == [PARAPHRASE] * 2 + [DIFFERENT] * 2
        assert len({(p.second_fronted, p.change) for p in group}) == 1
        slot = group[0].change.split()[0]
        for pair in group:
            one, two = row(pair.first), row(pair.second)
            assert partition(np.stack([one, two])).tolist() == [index] * 2
            fields = {f for f, i in FIELDS.items() if one[i] != two[i]}
            assert fields == (set() if pair.label == PARAPHRASE else {slot})
            assert getattr(pair.first, slot) != getattr(pair.second, slot)  # never the same word


@pytest.mark.parametrize("code", ["en", "ja"])
def test_what_is_new_and_lost_is_alike_under_both_labels_of_paraphrases_by_words(by_words, code):
    for group in quadruples(by_words):
        cells = [cell(*in_words(pair, code)) for pair in group]
        assert Counter(cells[:2]) == Counter(cells[2:]), group


def test_the_second_sentence_is_always_worded_otherwise(paraphrases):
    fronted = synonyms = 0
    for group in quadruples(paraphrases):
        assert len({(p.second_fronted, p.change) for p in group}) == 1
        fronted += group[0].second_fronted
        synonyms += "synonym" in group[0].change
        assert group[0].second_fronted or "synonym" in group[0].change
        if group[0].second_fronted:
            for code in SOME:
                plain = sentence(group[0].second, code)
                assert in_words(group[0], code)[1] != plain
                assert sorted(in_words(group[0], code)[1].split()) == sorted(plain.split())
    assert 0.6 < fronted / 500 < 0.8 and 0.5 < synonyms / 500 < 0.9


@pytest.mark.parametrize("code", XNLI_LANGUAGES)
def test_pairs_are_parallel_in_all_languages(nli, code):
    """Word by word the same concepts, so each language's test is the same test."""
    meaning = concepts_of_form(code)
    names = {v for c in ("name", "city", "agent_number") for v in inventory()[c]}

    def concepts(text):
        found = Counter()
        for word in text.split():
            if word in names:
                found[word] += 1
            else:
                (concept,) = meaning[word]
                found[concept] += lexicon()[concept].kind != "function"
        return +found

    english = concepts_of_form("en")
    for pair in nli[:150]:
        for fact in (pair.first, pair.second):
            expected = Counter()
            for word in sentence(fact, "en").split():
                for concept in english.get(word, {word}):
                    kind = lexicon()[concept].kind if concept in lexicon() else ""
                    expected[concept] += kind != "function"
            assert concepts(sentence(fact, code)) == +expected


def test_related_words_are_what_the_lexicon_says():
    nouns = inventory()["patient"]
    about = views.related("patient")[nouns.index("dog")]
    named = {label: {(nouns[i], kind) for i, kind in found} for label, found in about.items()}
    assert ("cat", "co-hyponym") in named["contradiction"] and not named["entailment"]
    assert ("animal", "hypernym") in named["neutral"] and ("bread", "unrelated") in named["neutral"]
    acting = views.related("agent")[nouns.index("dog")]
    assert {nouns[i] for found in acting.values() for i, _ in found} <= {
        noun for noun, acts in zip(nouns, animate(), strict=True) if acts
    }
    numbers = views.related("agent_number")[0]
    assert len(numbers["contradiction"]) == len(inventory()["agent_number"]) - 1
    assert not numbers["entailment"] and not numbers["neutral"]


# Tags

FACT = Fact(
    "hunter", "see", "cat", "old", "small", None, "5", "near", "temple", "Lagos", "Gita", True
)


def test_tags_by_hand_and_in_another_order():
    said = tagged(FACT, "en")
    assert [t.word for t in said] == (
        "the old hunter not see 5 small cat near the temple Lagos with Gita".split()
    )
    assert views.parts_of_speech(said) == (
        "DET ADJ NOUN PART VERB NUM ADJ NOUN ADP DET NOUN PROPN ADP PROPN".split()
    )
    assert views.iob2(said) == "O O O O O O O O O O B-LOC I-LOC O B-PER".split()
    # Hindi: no article, postpositions, place and company before the object, the verb at the end.
    hindi = tagged(FACT, "hi")
    assert views.parts_of_speech(hindi) == (
        "ADJ NOUN NOUN PROPN ADP PROPN ADP NUM ADJ NOUN PART VERB".split()
    )
    assert views.iob2(hindi) == "O O B-LOC I-LOC O B-PER O O O O O O".split()


def test_a_place_without_a_city_is_no_name():
    said = tagged(FACT._replace(city=None), "en")
    assert views.iob2(said) == [*["O"] * 12, "B-PER"]


def test_neighbouring_names_are_told_apart():
    token = tagged(FACT, "en")[-1]
    assert views.iob2([token._replace(entity="LOC"), token, token._replace(entity="")]) == [
        "B-LOC",
        "B-PER",
        "O",
    ]


@pytest.fixture(scope="module")
def some_facts():
    return views.told(views.World(0), "test", 40, names=False)


@pytest.mark.parametrize("code", LANGUAGES)
def test_parts_of_speech_are_the_lexicons(code, some_facts):
    """Every tag against the kind of the concept that the word names, found by another way."""
    kinds = {"noun": "NOUN", "place": "NOUN", "verb": "VERB", "adjective": "ADJ"}
    functions = {"the": "DET", "not": "PART", "is": "AUX", "with": "ADP", "in": "ADP"}
    functions["near"] = "ADP"
    for told in some_facts:
        said = tagged(told.fact, code, told.fronted)
        assert [t.word for t in said] == words(told.fact, code, told.fronted)
        for token in said:
            if token.word in NUMBERS:
                assert token.pos == "NUM"
            elif token.word in NAMES + CITIES:
                assert token.pos == "PROPN"
            else:
                named = [lexicon()[name] for name in concepts_of_form(code)[token.word]]
                found = {kinds.get(item.kind) or functions[item.name] for item in named}
                assert token.pos in found

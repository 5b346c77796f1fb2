"""A hand-made table of substitutions is judged right down to the last number."""

import numpy as np
import pandas as pd
import pytest
from small import tokenizer_of

from salt_lib.data.examples import Pairs
from salt_lib.errors import SaltError
from salt_lib.laboratory import quality
from salt_lib.models.encoding import encode

TOKENIZER = tokenizer_of(
    *["the", "big", "large", "dog", "cat", "small", "hotel", "Anna"],
    *["der", "groß", "riesig", "klein", "Hund", "Katze", "Hotel", "perro", "el", "grande", "Zug"],
)
IDS = TOKENIZER.get_vocab()
# 0 [CLS] 1 the 2 big 3 dog 4 Anna 5 [SEP] 6 hotel 7 [SEP]; the second has dog in 1, small in 3
DATA = encode(TOKENIZER, Pairs(["the big dog Anna", "dog"], ["hotel", "small"], [0, 1]))
ROWS = [
    (0, 1, "de", "der", 0.9),  # right, a function word
    (0, 2, "de", "riesig", 0.8),  # right: a form of the same concept
    (0, 3, "de", "Katze", 0.95),  # a co-hyponym
    (0, 4, "de", "Hund", 0.99),  # a name: not judged
    (0, 6, "de", "Hotel", 0.7),  # another form than English: judged, right
    (1, 1, "de", "Hund", 0.6),  # right
    (1, 3, "de", "groß", 0.5),  # the antonym
    (0, 2, "es", "grande", 0.9),  # right
    (0, 3, "es", "el", 0.8),  # another error
    (0, 6, "es", "perro", 0.9),  # hotel is Spanish as it stands: not judged
    (1, 1, "es", "perro", 0.4),  # right
    (1, 3, "es", "Zug", 0.3),  # no Spanish word at all
    (0, 2, "en", "large", 0.9),  # a synonym
    (0, 3, "en", "cat", 0.2),
]
PREDICTIONS = pd.DataFrame(
    [(e, p, code, IDS[word], q) for e, p, code, word, q in ROWS],
    columns=["example", "position", "language", "token", "probability"],
)


@pytest.fixture(scope="module")
def judged():
    return quality.judge(PREDICTIONS, DATA, IDS)


@pytest.mark.parametrize(
    ("word", "substitute", "language", "kind"),
    [
        ("big", "groß", "de", "right"),
        ("large", "groß", "de", "right"),
        ("big", "large", "en", "right"),
        ("big", "klein", "de", "antonym"),
        ("large", "small", "en", "antonym"),
        ("buy", "verkaufen", "de", "antonym"),
        ("dog", "Katze", "de", "co-hyponym"),
        ("red", "blau", "de", "co-hyponym"),
        ("animal", "Mensch", "de", "co-hyponym"),
        ("dog", "Tier", "de", "hypernym or hyponym"),
        ("animal", "Hund", "de", "hypernym or hyponym"),
        ("dog", "Hund", "fr", "other"),
        ("dog", "groß", "de", "other"),
        ("see", "[UNK]", "de", "other"),
        ("lake", "see", "en", "other"),
    ],
)
def test_a_substitute_is_right_or_wrong_in_a_known_way(word, substitute, language, kind):
    assert quality.verdict(word, substitute, language) == kind


def test_every_prediction_is_judged_once(judged):
    told = [*zip(judged.language, judged.word, judged.substitute, judged.verdict, strict=True)]
    assert sorted(told) == sorted(
        [
            ("de", "the", "der", "right"),
            ("de", "big", "riesig", "right"),
            ("de", "dog", "Katze", "co-hyponym"),
            ("de", "hotel", "Hotel", "right"),
            ("de", "dog", "Hund", "right"),
            ("de", "small", "groß", "antonym"),
            ("es", "big", "grande", "right"),
            ("es", "dog", "el", "other"),
            ("es", "dog", "perro", "right"),
            ("es", "small", "Zug", "other"),
            ("en", "big", "large", "right"),
            ("en", "dog", "cat", "co-hyponym"),
        ]
    )
    assert judged.loc[judged["word"] == "the", "content"].tolist() == [False]
    assert judged.loc[judged["word"] != "the", "content"].all()


def test_answers_are_counted_by_where_the_word_stands(judged):
    told = quality.by_place(judged[judged["language"] != "en"]).set_index(["kind", "as_in_english"])
    assert told.loc[("adjective", True)].tolist() == [1, 1 / 2, 1]  # German: riesig, groß for small
    assert told.loc[("adjective", False)].tolist() == [1, 1 / 2, 1 / 2]  # Spanish: grande, Zug
    assert told.loc[("verb", True), "languages"] == 0


def numbers(judged, threshold, by):
    table = quality.precision_coverage(judged, threshold, by)
    return {code: tuple(row) for code, row in table.iterrows()}


def test_precision_and_coverage_by_tokens(judged):
    assert numbers(judged, 0.0, "tokens") == {
        "de": (4 / 6, 1.0, 6, 6),
        "en": (1 / 2, 1.0, 2, 2),
        "es": (2 / 4, 1.0, 4, 4),
    }
    assert numbers(judged, 0.7, "tokens") == {
        "de": (3 / 4, 4 / 6, 4, 6),
        "en": (1.0, 1 / 2, 1, 2),
        "es": (1 / 2, 2 / 4, 2, 4),
    }


def test_precision_and_coverage_by_content_words(judged):
    assert numbers(judged, 0.7, "content") == {
        "de": (2 / 3, 3 / 5, 3, 5),
        "en": (1.0, 1 / 2, 1, 2),
        "es": (1 / 2, 2 / 4, 2, 4),
    }


def test_precision_and_coverage_by_types(judged):
    # dog → Katze and dog → Hund are two types of one word; twice the same type counts once.
    twice = pd.concat([judged, judged])
    often = pd.concat([judged, *[judged[judged["substitute"] == "Hund"]] * 5])
    for table in (judged, twice, often):
        assert numbers(table, 0.0, "types") == {
            "de": (4 / 6, 1.0, 5, 5),
            "en": (1 / 2, 1.0, 2, 2),
            "es": (2 / 4, 1.0, 3, 3),
        }
        assert numbers(table, 0.75, "types")["de"] == (2 / 3, 3 / 5, 3, 5)
    assert numbers(twice, 0.0, "tokens")["de"] == (4 / 6, 1.0, 12, 12)


def test_where_nothing_is_kept_precision_is_nan(judged):
    table = quality.precision_coverage(judged, 0.97)
    assert table["precision"].isna().all() and (table["coverage"] == 0).all()


def test_unknown_units_and_nothing_to_judge_are_errors(judged):
    with pytest.raises(SaltError, match="unknown unit 'words'; known: tokens, types, content"):
        quality.precision_coverage(judged, 0.5, "words")
    nothing = quality.judge(PREDICTIONS[:0], DATA, IDS)
    names = quality.judge(PREDICTIONS[3:4], DATA, IDS)
    assert nothing.empty and names.empty and [*nothing] == [*names] == [*judged]
    for table in (nothing, names):
        with pytest.raises(SaltError, match="nothing to judge"):
            quality.precision_coverage(table, 0.5)
    with pytest.raises(SaltError, match="nothing to judge"):
        quality.precision_coverage(judged[judged["word"] == "the"], 0.5, "content")


def test_the_curve_is_precision_and_coverage_at_each_threshold(judged):
    curve = quality.curve(judged, [0.0, 0.7, 0.97])
    assert len(curve) == 9 and {"language", "threshold", "precision", "coverage"} <= {*curve}
    german = curve[curve["language"] == "de"]
    assert german["threshold"].tolist() == [0.0, 0.7, 0.97]
    assert german["coverage"].tolist() == [1.0, 3 / 5, 0.0]
    np.testing.assert_allclose(german["precision"], [3 / 5, 2 / 3, np.nan])


def test_kinds_of_error_add_up(judged):
    kinds = quality.error_kinds(judged, 0.0)
    assert [*kinds] == ["right", "antonym", "co-hyponym", "hypernym or hyponym", "other"]
    assert kinds.loc["de"].tolist() == [3 / 5, 1 / 5, 1 / 5, 0, 0]
    assert kinds.loc["es"].tolist() == [1 / 2, 0, 0, 0, 1 / 2]
    assert np.allclose(kinds.sum(axis=1), 1)
    assert quality.error_kinds(judged, 0.7).loc["de"].tolist() == [2 / 3, 0, 1 / 3, 0, 0]
    assert quality.error_kinds(judged, 0.97).empty


def test_a_ceiling_is_the_share_of_words_that_are_whole():
    from salt_lib.laboratory.minibabel.lexicon import concept_of, forms, lexicon

    content = [w for w, c in concept_of().items() if lexicon()[c].kind != "function"]
    whole = {form: i for i, form in enumerate(forms("de").values())}
    found = quality.ceilings(whole, ["de", "ru"])
    assert found["de"] == 1 and found["ru"] == 0 and found.name == "ceiling"
    # Function words don't count; each word of the others does, synonyms apart.
    found = quality.ceilings({"Hund": 0, "riesig": 1, "der": 2}, ["de"])
    assert found["de"] == pytest.approx(2 / len(content))

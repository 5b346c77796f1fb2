"""A draw has the shares that it says, fewer are among more, and no example has a translation."""

import pytest
import small
import torch

from salt_lib.errors import SaltError
from salt_lib.laboratory.intermediate import examples
from salt_lib.laboratory.intermediate.examples import LANGUAGES, drawn, languages_of
from salt_lib.laboratory.minibabel.lexicon import forms
from salt_lib.laboratory.tasks import load
from salt_lib.languages import language
from salt_lib.models import loading
from salt_lib.models.encoding import IGNORE

STOCK = 40


@pytest.fixture(scope="module", autouse=True)
def made(laboratory):
    with pytest.MonkeyPatch.context() as patch:
        small.shrink_intermediate(patch.setattr)
        yield
    small.forget()


def test_equal_shares_are_equal_and_the_pool_is_as_the_languages_text():
    equal = drawn("equal", 10, draw=0)
    assert torch.bincount(languages_of(equal)).tolist() == [10] * 15
    assert len(equal.unique()) == len(equal) == 150
    amounts = examples.amounts()
    assert amounts.tolist() == [round(STOCK * language(code).share) for code in LANGUAGES]
    pool = drawn("pooled", int(amounts.sum()) // 15, draw=0)  # all that there is, but for 10
    many = torch.bincount(languages_of(pool))
    assert (many <= amounts).all() and len(pool.unique()) == len(pool) == amounts.sum() - 10


def test_big_languages_dominate_a_draw_from_the_pool():
    of = torch.cat([languages_of(drawn("pooled", 10, draw)) for draw in range(30)])
    counts = torch.bincount(of).double() / 30
    expected = 150 * examples.amounts() / examples.amounts().sum()
    assert (counts - expected).abs().max() < 2
    assert counts[LANGUAGES.index("de")] > 3 * counts[LANGUAGES.index("sw")]


@pytest.mark.parametrize("shares", ["equal", "pooled"])
def test_fewer_are_among_more_and_a_draw_is_the_same_twice(shares):
    few, many = drawn(shares, 5, draw=3), drawn(shares, 20, draw=3)
    assert set(few.tolist()) < set(many.tolist())
    assert torch.equal(few, drawn(shares, 5, draw=3))
    assert set(few.tolist()) != set(drawn(shares, 5, draw=4).tolist())


def test_english_has_the_rows_of_equal_shares():
    assert torch.equal(drawn("English", 7, draw=1), drawn("equal", 7, draw=1))


@pytest.mark.parametrize(
    ("shares", "count", "message"),
    [
        ("fair", 10, "unknown shares of the languages 'fair'"),
        ("equal", 41, "41 examples a language: there are 40 to draw from"),
        ("English", 41, "there are 40 to draw from"),
        ("pooled", 27, "27 examples a language: there are 26 to draw from"),
        ("equal", 0, "one is the least"),
    ],
)
def test_more_than_there_are_is_an_error(shares, count, message):
    with pytest.raises(SaltError, match=message):
        drawn(shares, count, draw=0)


@pytest.mark.parametrize("name", examples.TASKS)
def test_each_language_has_its_own_facts_in_its_own_words(name):
    data, english = (examples.stock(small.WORLD, name, spoken) for spoken in ("all", "en"))
    assert len(data) == len(english) == 15 * STOCK
    tokenizer = loading.tokenizer(small.SETUP.checkpoint)
    for at, code in ((0, "ar"), (LANGUAGES.index("th") * STOCK, "th")):
        assert LANGUAGES[int(languages_of(torch.tensor([at])))] == code
        foreign: list[str] = []
        for i in range(at, at + 8):
            text = tokenizer.decode(data.row(i), skip_special_tokens=True).replace(" ##", "")
            foreign += [word for word in text.split() if not word.isascii()]
        assert foreign and set(foreign) <= set(forms(code).values())
    # Said in English, hardly a sentence is there twice: what one language has is no translation.
    said = [tuple(english.row(i).tolist()) for i in range(len(english))]
    assert len(set(said)) > 0.95 * len(said)
    if name == "mini-paws-x":
        assert torch.equal(data.labels, english.labels)


@pytest.mark.parametrize("name", examples.TASKS)
def test_no_sentence_of_the_test_set_is_among_them(name):
    test = load("mini-xnli", "test", "en", small.WORLD)
    tokenizer = loading.tokenizer(small.SETUP.checkpoint)
    asked = {tuple(tokenizer(text)["input_ids"]) for text in (*test.first, *test.second)}
    english = examples.stock(small.WORLD, name, "en")
    for i in range(len(english)):
        row, segments = english.row(i), english.segments[english.start[i] : english.start[i + 1]]
        first = row[segments == 0].tolist()  # [CLS] and [SEP] with it
        assert tuple(first) not in asked


def test_a_group_of_pairs_stays_in_one_language():
    labels = examples.stock(small.WORLD, "mini-paws-x", "all").labels.view(15, STOCK)
    assert (labels.sum(1) == STOCK // 2).all()


def test_another_task_is_an_error():
    with pytest.raises(SaltError, match="unknown intermediate task 'mini-ner'"):
        examples.stock(small.WORLD, "mini-ner", "all")


@pytest.mark.parametrize("name", examples.TASKS)
def test_shuffled_labels_keep_what_each_language_has(name):
    data, rows = examples.stock(small.WORLD, name, "all"), drawn("equal", 20, draw=2)
    mixed = examples.shuffled(data, rows, languages_of(rows), seed=0)
    assert not torch.equal(mixed.labels, data.labels) and torch.equal(mixed.ids, data.ids)
    touched = torch.zeros(len(data), dtype=torch.bool)
    touched[rows] = True
    per_row = torch.repeat_interleave(touched, data.lengths) if data.tags else touched
    assert torch.equal(mixed.labels[~per_row], data.labels[~per_row])
    assert torch.equal(mixed.labels == IGNORE, data.labels == IGNORE)
    for code in range(15):
        at = [i for i in rows.tolist() if i // STOCK == code]
        if data.tags:
            at = [j for i in at for j in range(int(data.start[i]), int(data.start[i + 1]))]
        before, after = data.labels[at], mixed.labels[at]
        assert sorted(before.tolist()) == sorted(after.tolist())

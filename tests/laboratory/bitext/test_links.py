"""Links are exact on a toy bijection, judged by the lexicon, and made of what was replaced."""

import sys

import numpy as np
import pytest
import torch
from small_bitext import MOST, WORLD, needs_aligner

from salt_lib.errors import SaltError
from salt_lib.laboratory.bitext import links, pairs
from salt_lib.laboratory.bitext.pairs import Told
from salt_lib.laboratory.checkpoints import checkpoint
from salt_lib.models import loading


@pytest.fixture(scope="module")
def tokenizer():
    return loading.tokenizer(checkpoint(WORLD))


def toy():
    """Sentences of a language in which each word has one other, told in reverse."""
    dice = np.random.default_rng(3)
    first = [[f"w{i}" for i in dice.permutation(12)[:5]] for _ in range(200)]
    return first, [[word.upper() for word in reversed(one)] for one in first]


@needs_aligner
def test_a_bijection_is_found_whatever_the_order():
    first, second = toy()
    found = links.align(first, second)
    assert all(sorted(one) == [(i, 4 - i) for i in range(5)] for one in found)


@needs_aligner
def test_the_aligner_says_the_same_again(tokenizer):
    read = links.tokenized(pairs.bitext(WORLD, MOST), tokenizer)
    one, other = links.aligned(read, tokenizer), links.aligned(read, tokenizer)
    assert torch.equal(one.link, other.link) and (one.link >= 0).any()
    # A piece has one partner or none, and is its partner's.
    for pair, first, second in one.linked().tolist():
        assert one.link[1, pair, second] == first
    assert len(one.linked()) == int((one.link[1] >= 0).sum())
    quality = links.quality(one, tokenizer)
    assert set(quality) == set(pairs.ALIGNED)
    apart = links.quality(
        links.aligned(
            links.tokenized(pairs.shuffled(pairs.bitext(WORLD, MOST), 0), tokenizer), tokenizer
        ),
        tokenizer,
    )
    assert np.mean([q["found"] for q in quality.values()]) > 0.3
    assert np.mean([q["found"] for q in apart.values()]) < 0.1


def test_without_the_aligner_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "thot", None)
    with pytest.raises(SaltError, match=r"FastAlign is not installed: `pip install 'salt-lib\[al"):
        links.align([["a"]], [["b"]])


def test_pairs_as_pieces(tokenizer):
    told = Told(("de", "th"), ("the dog reads", "big"), ("der Hund liest", "ใหญ่"))
    tokenizer(["the dog reads", "big"], padding=True)  # which a tokenizer keeps
    read = links.tokenized(told, tokenizer)
    pieces = tokenizer.tokenize("the dog reads")
    assert len(read) == 2 and read.length[0].tolist() == [len(pieces), 1]
    assert tokenizer.convert_ids_to_tokens(read.ids[0, 0, : len(pieces)].tolist()) == pieces
    assert read.ids[0, 1, 1:].sum() == 0 and (read.link == links.NONE).all()
    assert set(read.language[0].flatten().tolist()) == {links.NUMBERS["en"]}
    assert set(read.language[1, 1].tolist()) == {links.NUMBERS["th"]}
    assert read.rows(torch.tensor([1])).ids.shape == (2, 1, links.LONGEST)
    long = Told(("de",), ("dog " * 31,), ("Hund",))
    with pytest.raises(SaltError, match="has 31 pieces, and 30 can be read"):
        links.tokenized(long, tokenizer)


def test_replaced_words_are_linked_with_what_they_replace(tokenizer):
    told = Told(("de",), ("the dog is 7 big",), ("the Hund is 7 groß",), ((1, 4),))
    read = links.tokenized(told, tokenizer)
    written = tokenizer.convert_ids_to_tokens
    found = [
        (written(int(read.ids[0, 0, p])), written(int(read.ids[1, 0, q])))
        for _, p, q in read.linked().tolist()
    ]
    assert found == [("dog", "Hund"), ("big", "groß")]
    german = [
        i for i, number in enumerate(read.language[1, 0].tolist()) if number == links.NUMBERS["de"]
    ]
    assert [written(int(read.ids[1, 0, i])) for i in german] == ["Hund", "groß"]


def test_pieces_are_judged_by_the_words_they_belong_to():
    ours, theirs = ["the", "do", "##g", "7", "big"], ["Hund", "7", "klein"]
    assert links.words_of(ours) == (["the", "dog", "7", "big"], [0, 1, 1, 2, 3])
    told = links.judge(ours, theirs, [(1, 0), (2, 0), (3, 1), (4, 2)], "de")
    assert told == (4, 3, 2, 1)  # of dog and big the one has a right link
    assert links.shares_right([told, told]) == {"links": 4.0, "right": 0.75, "found": 0.5}
    assert links.shares_right([(0, 0, 0, 0)]) == {"links": 0.0, "right": 0.0, "found": 0.0}
    assert links.same("7", "7", "de") and not links.same("dog", "Katze", "de")
    assert not links.is_content("the") and not links.is_content("Anna") and links.is_content("dog")

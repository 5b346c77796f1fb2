"""Pairs of sentences and masks are drawn at their rates, in one language each."""

from types import SimpleNamespace

import little_text
import numpy as np
import pytest
import torch

from salt_lib.pretraining import data as pretraining_data
from salt_lib.pretraining.data import Text, assemble, epoch_pairs, mask_tokens, tokenize
from salt_lib.pretraining.wordpiece import CLS, MASK, MAX_LENGTH, PAD, SEP, SPECIAL, train_tokenizer


@pytest.fixture(scope="module")
def text():
    return little_text.text()


def test_half_of_the_pairs_follow_and_all_are_in_one_language(text):
    follows, again = [], []
    for epoch in range(30):
        pairs = np.concatenate(epoch_pairs(text, 0, epoch, 4))
        assert len(pairs) == 120  # every first and second sentence of a document begins one pair
        assert sorted(pairs[:, 0]) == [i for i in range(180) if i % 3 < 2]
        first, second, label = pairs.T
        assert ((first < 120) == (second < 120)).all()
        document = first // 3 == second // 3
        assert (document == (label == 1)).all()
        assert (second - first)[label == 1].tolist() == [1] * label.sum()
        follows += label.tolist()
        again.append(pairs.tolist())
    # A partner drawn from the same document counts as following: 1 in 40 and 1 in 20 of the others.
    assert abs(np.mean(follows) - 0.5) < 0.03
    assert again[0] != again[1]
    assert again[0] == np.concatenate(epoch_pairs(text, 0, 0, 4)).tolist()
    assert again[0] != np.concatenate(epoch_pairs(text, 1, 0, 4)).tolist()


def test_sentences_that_do_not_follow_may_come_from_the_neighbour(text):
    far = np.concatenate(epoch_pairs(text, 0, 0, 4, neighbours=0.0))
    near = np.concatenate(epoch_pairs(text, 0, 0, 4, neighbours=1.0))
    beside = [
        # The neighbour's sentence at the place where the document's own would stand.
        ((p[:, 1] // 3 == p[:, 0] // 3 ^ 1) & ((p[:, 1] - p[:, 0] - 1) % 3 == 0))[p[:, 2] == 0]
        for p in (far, near)
    ]
    assert beside[0].mean() < 0.1 and beside[1].all()
    assert abs(near[:, 2].mean() - 0.5) < 0.1
    odd = Text(text.ids[:9], text.length[:9], {"de": (0, 9)}, 3, text.pieces[:1])
    last = np.concatenate(epoch_pairs(odd, 0, 0, 1, neighbours=1.0))  # the third has no neighbour
    assert last[:, :2].max() < 9


def test_batches_are_full_and_of_like_length(text):
    found = epoch_pairs(text, 0, 0, 16)
    assert [len(b) for b in found] == [16] * 7
    total = [text.length[b[:, 0]] + text.length[b[:, 1]] for b in found]
    assert np.mean([int(t.max() - t.min()) for t in total]) < 3


def test_pairs_are_put_together_as_berts_are():
    ids = torch.tensor([[11, 12, 13, 0], [21, 0, 0, 0], [31, 32, 33, 34]], dtype=torch.int16)
    text = Text(ids, torch.tensor([3, 1, 4]), {"en": (0, 3)}, 3, [])
    found, segments, inside = assemble(text, torch.tensor([[0, 1], [1, 2], [2, 0]]))
    assert found.tolist() == [
        [CLS, 11, 12, 13, SEP, 21, SEP, PAD, PAD, PAD],
        [CLS, 21, SEP, 31, 32, 33, 34, SEP, PAD, PAD],
        [CLS, 31, 32, 33, 34, SEP, 11, 12, 13, SEP],
    ]
    assert segments.tolist() == [
        [0, 0, 0, 0, 0, 1, 1, 0, 0, 0],
        [0, 0, 0, 1, 1, 1, 1, 1, 0, 0],
        [0, 0, 0, 0, 0, 0, 1, 1, 1, 1],
    ]
    assert inside.tolist() == (found != PAD).long().tolist()


def test_masking_at_its_rates():
    ids = torch.randint(5, 1000, (300, 40), generator=torch.Generator().manual_seed(0))
    ids[:, 0], ids[:, -1], ids[:, 20] = CLS, PAD, SEP
    noise = torch.randint(1000, 2000, ids.shape, generator=torch.Generator().manual_seed(2))
    inputs, chosen = mask_tokens(ids, noise, 0.4, 0.1, 0.2, torch.Generator().manual_seed(1))
    special = ids < len(SPECIAL)
    assert not chosen[special].any() and torch.equal(inputs[~chosen], ids[~chosen])
    assert abs(chosen[~special].float().mean() - 0.4) < 0.02
    now, before = inputs[chosen], ids[chosen]
    hidden, kept = now == MASK, now == before
    assert abs(hidden.float().mean() - 0.7) < 0.02 and abs(kept.float().mean() - 0.1) < 0.02
    other = ~hidden & ~kept
    assert torch.equal(now[other], noise[chosen][other]) and other.sum() > 400
    again = mask_tokens(ids, noise, 0.4, 0.1, 0.2, torch.Generator().manual_seed(1))
    assert torch.equal(again[0], inputs)


def test_noise_is_of_the_language(text):
    language = torch.tensor([0, 1] * 50)
    noise = pretraining_data.draw_noise(text, language, 30, torch.Generator().manual_seed(0))
    assert noise.shape == (100, 30)
    for code, own in enumerate(text.pieces):
        assert set(noise[language == code].flatten().tolist()) == set(own.tolist())


def test_sentences_become_rows_of_tokens_by_language():
    tokenizer = train_tokenizer({"de": ["a b c"] * 9, "sw": ["d e"] * 9}, 50)
    found = tokenize(tokenizer, {"de": [["a", "b c"], ["a a", "c"]], "sw": [["d e d", "d"]]})
    ids = tokenizer.get_vocab()
    assert found.start == {"de": (0, 4), "sw": (4, 6)} and found.document == 2
    assert found.length.tolist() == [1, 2, 2, 1, 3, 1]
    assert found.ids[4, :4].tolist() == [ids["d"], ids["e"], ids["d"], PAD]
    assert found.pieces[0].tolist() == sorted(ids[w] for w in "abc")
    assert found.pieces[1].tolist() == sorted(ids[w] for w in "de")
    long = tokenize(tokenizer, {"de": [["a " * 50, "b"]]})
    assert long.length.tolist() == [(MAX_LENGTH - 3) // 2, 1]  # two of them always fit


def test_how_a_tokenizer_was_last_used_does_not_matter():
    tokenizer = train_tokenizer({"de": ["a b c"] * 9}, 50)
    tokenizer(["a b c", "a"], padding=True, truncation=True, max_length=2)
    assert tokenize(tokenizer, {"de": [["a b c", "b"]]}).length.tolist() == [3, 1]


def test_a_large_vocabulary_does_not_wrap_around():
    class Many:
        def __len__(self):
            return 60_000

        def __call__(self, lines, add_special_tokens):
            return SimpleNamespace(encodings=[SimpleNamespace(ids=[50_000, 7]) for _ in lines])

    assert tokenize(Many(), {"de": [["a", "b"]]}).ids[0, :3].tolist() == [50_000, 7, 0]

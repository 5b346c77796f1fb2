"""Pairs and tagged sentences become tokens exactly: whole words, cut pairs, tags beside pieces."""

import pytest
import torch
import xlm_r
from paper_world import like_xlm_r
from small import tokenizer_of
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from salt_lib.data.examples import Pairs, Tagged, tag
from salt_lib.errors import SaltError
from salt_lib.models import encoding, loading
from salt_lib.models.encoding import IGNORE, Encoded, batch, encode, positions
from salt_lib.pretraining.wordpiece import MAX_LENGTH
from salt_lib.training import evaluate


@pytest.fixture(scope="module")
def tokenizer():
    return tokenizer_of("dog", "cat", "big", "hippo", "##pot", "##amus")


def test_pairs_are_encoded_in_a_row(tokenizer):
    found = encode(tokenizer, Pairs(["dog cat", "big"], ["cat", "big dog cat"], [1, 0]))
    ids = tokenizer.get_vocab()
    c, s = ids["[CLS]"], ids["[SEP]"]
    dog, cat, big = ids["dog"], ids["cat"], ids["big"]
    assert found.ids.tolist() == [c, dog, cat, s, cat, s, c, big, s, big, dog, cat, s]
    assert found.segments.tolist() == [0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 1, 1]
    assert found.start.tolist() == [0, 6, 13] and found.lengths.tolist() == [6, 7]
    assert found.labels.tolist() == [1, 0] and len(found) == 2
    assert found.row(1).tolist() == [c, big, s, big, dog, cat, s]


def test_only_words_in_one_piece_are_whole(tokenizer):
    found = encode(tokenizer, Pairs(["dog hippopotamus"], ["hippo hippopot cat"], [0]))
    split = [False] * 3
    assert found.whole.tolist() == [False, True, *split, False, True, *split[:2], True, False]
    # The first word of one sentence and the first of the other are two words.
    found = encode(tokenizer, Pairs(["dog"], ["cat"], [0]))
    assert found.whole.tolist() == [False, True, False, True, False]


def test_a_pair_longer_than_the_model_is_named(tokenizer):
    long = Pairs(["dog", "cat " * 40], ["cat", "dog " * 40], [0, 1])
    with pytest.raises(SaltError, match="pair 1 has 83 tokens, .* reads 64: 'cat"):
        encode(tokenizer, long)
    cut = encode(tokenizer, long, truncate=True)
    assert cut.lengths.tolist() == [5, MAX_LENGTH]
    fits = Pairs(["cat " * 30], ["dog " * 31], [1])
    assert encode(tokenizer, fits).lengths.tolist() == [64]
    uneven = encode(tokenizer, Pairs(["cat " * 3], ["dog " * 90], [1]), truncate=True)
    assert uneven.segments.sum() == MAX_LENGTH - 5  # the short sentence is whole


def test_a_word_that_truncation_cuts_is_not_whole(tokenizer):
    room = MAX_LENGTH - 4  # the marks and the second sentence's word
    for end, whole in (("hippopotamus", False), ("dog hippopotamus", True), ("dog", True)):
        first = "cat " * (room - 1) + end
        found = encode(tokenizer, Pairs([first], ["dog"], [0]), truncate=True)
        assert len(found.ids) == MAX_LENGTH
        last = found.segments.tolist().index(1) - 2  # before [SEP]
        assert found.whole[last].item() is whole, end
        assert found.whole[1:last].all() and found.whole[-2]


def test_pairs_are_encoded_alike_in_pieces(tokenizer, monkeypatch):
    pairs = Pairs(["dog cat", "big", "hippopotamus", "cat", "dog"], ["cat"] * 5, [1, 0, 2, 0, 1])
    at_once = encode(tokenizer, pairs)
    for size in (1, 2, 5):
        monkeypatch.setattr(encoding, "PIECE", size)
        found = encode(tokenizer, pairs)
        for name in ("ids", "segments", "whole", "start", "labels"):
            assert torch.equal(getattr(found, name), getattr(at_once, name)), name
    with pytest.raises(SaltError, match="pair 3 has"):
        monkeypatch.setattr(encoding, "PIECE", 2)
        encode(tokenizer, Pairs(["dog"] * 3 + ["cat " * 99], ["cat"] * 4, [0] * 4))


def test_an_empty_data_set_is_an_error(tokenizer):
    with pytest.raises(SaltError, match="the data set is empty"):
        encode(tokenizer, Pairs([], [], []))
    assert encode(tokenizer, Pairs([""], ["dog"], [0])).lengths.tolist() == [4]


def test_a_batch_is_padded_to_its_longest():
    rows = [[5, 6, 7], [8], [9, 10]]
    flat = torch.tensor([i for row in rows for i in row])
    start = torch.tensor([0, 3, 4, 6])
    data = Encoded(flat, flat * 0, flat > 0, start, torch.zeros(3, dtype=torch.int64))
    assert batch(data, torch.tensor([0, 2]), flat).tolist() == [[5, 6, 7], [9, 10, 0]]
    assert batch(data, torch.tensor([2, 1]), flat, fill=-1).tolist() == [[9, 10], [8, -1]]
    assert batch(data, torch.tensor([1]), flat).tolist() == [[8]]
    assert batch(data, torch.tensor([2]), flat > 9).tolist() == [[False, True]]
    assert batch(data, torch.tensor([1, 2]), flat > 0, fill=False).dtype == torch.bool


def test_positions_say_which_are_tokens():
    flat = torch.tensor([5, 6, 7, 8, 9, 10])
    start = torch.tensor([0, 3, 4, 6])
    data = Encoded(flat, flat * 0, flat > 0, start, torch.zeros(3, dtype=torch.int64))
    at, inside = positions(data, torch.tensor([1, 0]))
    assert inside.tolist() == [[True, False, False], [True, True, True]]
    assert at[inside].tolist() == [3, 0, 1, 2] and 0 <= at.min() and at.max() < len(flat)


# Tags


# "ab" is two pieces; "cd" is one; "x" is unknown.
TOKENIZER = tokenizer_of("a", "##b", "cd")
NAMES = ("O", "B-PER", "I-PER")


def tags_of(encoded: Encoded) -> list[list[str | None]]:
    return [
        [None if label == IGNORE else encoded.tags[label] for label in row.tolist()]
        for row in encoded.labels.split(encoded.lengths.tolist())
    ]


def test_a_word_of_several_pieces_has_one_tag():
    data = tag([(["ab", "cd", "x"], ["B-PER", "I-PER", "O"])], NAMES)
    found = encode(TOKENIZER, data)
    pieces = TOKENIZER.convert_ids_to_tokens(found.ids.tolist())
    assert pieces == ["[CLS]", "a", "##b", "cd", "[UNK]", "[SEP]"]
    assert tags_of(found) == [[None, "B-PER", None, "I-PER", "O", None]]
    assert found.whole.tolist() == [False, False, False, True, True, False]
    assert len(found) == 1 and found.segments.sum() == 0


def test_a_long_sentence_goes_on_in_another_row_and_no_tag_is_lost():
    said = ["ab", "cd", "ab", "x", "cd"]
    data = tag([(said, ["B-PER", "I-PER", "O", "O", "B-PER"]), (["cd"], ["O"])], NAMES)
    found = encode(TOKENIZER, data, longest=5)  # three pieces and two special tokens
    assert found.sentence.tolist() == [0, 0, 0, 1] and found.lengths.tolist() == [5, 5, 3, 3]
    assert evaluate.sentences(found, found.labels) == [
        ["B-PER", "I-PER", "O", "O", "B-PER"],
        ["O"],
    ]
    part = found.part(1, 3)
    assert part.ids.tolist() == found.ids[5:13].tolist() and part.sentence.tolist() == [0, 0]
    assert part.start.tolist() == [0, 5, 8] and tags_of(part) == tags_of(found)[1:3]


def test_a_word_of_which_nothing_is_left_keeps_its_tag():
    data = tag([(["\u200b\u200b ", "cd"], ["B-PER", "O"])], NAMES)
    (row,) = tags_of(encode(TOKENIZER, data))
    assert [t for t in row if t] == ["B-PER", "O"]


def test_no_sentences_are_an_error():
    with pytest.raises(SaltError, match="no sentences to encode"):
        encode(TOKENIZER, Tagged([], [], NAMES))


def test_a_word_is_whole_where_no_piece_goes_on_with_it(tmp_path):
    """With XLM-R's kind of tokenizer, whose words begin with a mark."""
    tokenizer = loading.tokenizer(xlm_r.write(tmp_path))
    found = encode(tokenizer, Pairs(["goat rivergoat lamp"], ["queen"], [0]))
    said = tokenizer.convert_ids_to_tokens(found.ids.tolist())
    whole = [piece for piece, ok in zip(said, found.whole.tolist(), strict=True) if ok]
    assert whole == ["▁goat", "▁lamp", "▁queen"]
    split = said[said.index("▁goat") + 1 : said.index("▁lamp")]
    assert len(split) > 1 and "".join(split) == "▁rivergoat"
    assert not found.segments.any()


# Where the tag of a word in several pieces stands


@pytest.fixture(scope="module")
def unigram(tmp_path_factory):
    """XLM-R's kind: of Chinese words the mark stands alone, of German ones it is glued on."""
    entries = [*((name, 0.0) for name in xlm_r.SPECIAL), ("▁", -3.0)]
    entries += [(piece, -4.0) for piece in ("▁Haus", "▁Häuser", "meer", "的", "水", "果", "水果")]
    made = Tokenizer(models.Unigram(entries, unk_id=3))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    return like_xlm_r(made, limit=40)


def placed(tokenizer, words, placement):
    """The pieces that carry a tag."""
    found = encode(tokenizer, tag([(words, ["O"] * len(words))], NAMES), placement=placement)
    pieces = tokenizer.convert_ids_to_tokens(found.ids.tolist())
    labels = found.labels.tolist()
    return [piece for piece, label in zip(pieces, labels, strict=True) if label != IGNORE]


def test_a_bare_word_mark_carries_the_tag_in_xtreme_s_place_alone(unigram):
    words = ["水果", "的", "Haus", "Häusermeer"]
    assert placed(unigram, words, "first") == ["▁", "▁", "▁Haus", "▁Häuser"]
    assert placed(unigram, words, "lettered") == ["水果", "的", "▁Haus", "▁Häuser"]
    assert placed(unigram, words, "mean") == placed(unigram, words, "first")


def test_for_wordpiece_the_first_piece_is_the_lettered_one():
    words = ["ab", "cd", "x", "ab"]
    assert placed(TOKENIZER, words, "lettered") == placed(TOKENIZER, words, "first")


def test_the_mean_over_a_word_s_pieces_is_its_answer(unigram):
    data = tag([(["水果", "Haus"], ["O", "B-PER"]), (["Häusermeer"], ["O"])], NAMES)
    found = encode(unigram, data, placement="mean")
    pieces = unigram.convert_ids_to_tokens(found.ids.tolist())
    assert pieces == ["<s>", "▁", "水果", "▁Haus", "</s>", "<s>", "▁Häuser", "meer", "</s>"]
    assert found.word.tolist() == [-1, 0, 0, 1, -1, -1, 2, 2, -1]
    logits = torch.randn(2, 5, 3)
    mean = encoding.pooled(logits, found, torch.tensor([1, 0]))
    assert torch.allclose(mean[0, 1], logits[0, 1:3].mean(dim=0)) and mean[0, 1].equal(mean[0, 2])
    assert torch.allclose(mean[1, 1], logits[1, 1:3].mean(dim=0))
    for row, at in ((0, 0), (0, 3), (1, 0), (1, 3), (1, 4)):  # what is no word, or is whole
        assert torch.allclose(mean[row, at], logits[row, at])
    plain = encode(unigram, data)
    assert encoding.pooled(logits, plain, torch.tensor([1, 0])) is logits
    assert found.part(1, 2).word.tolist() == [-1, 2, 2, -1]


def test_an_unknown_placement_is_an_error(unigram):
    with pytest.raises(SaltError, match="placement of tags 'last'.*first, lettered, mean"):
        placed(unigram, ["Haus"], "last")

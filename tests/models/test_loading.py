"""A checkpoint is found, loaded and, when it is broken, named; pairs become tokens exactly."""

import copy
import shutil

import pytest
import torch
from small import tokenizer_of
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)

from salt_lib.data.examples import Pairs
from salt_lib.errors import SaltError
from salt_lib.laboratory import checkpoints
from salt_lib.models import classifiers, encoding, loading
from salt_lib.models.encoding import Encoded, batch, encode
from salt_lib.pretraining.wordpiece import MAX_LENGTH
from salt_lib.salt import vocabulary


@pytest.fixture(scope="module")
def checkpoint(laboratory):
    return laboratory / "world-0"


@pytest.fixture(scope="module")
def tokenizer():
    return tokenizer_of("dog", "cat", "big", "hippo", "##pot", "##amus")


def test_checkpoints_are_looked_for_in_the_environment(checkpoint, tmp_path, monkeypatch):
    assert checkpoints.checkpoint(0) == checkpoint
    monkeypatch.setattr(checkpoints, "SHIPPED", tmp_path)
    with pytest.raises(SaltError, match=r"world 7 \(there: 0\).*`salt pretrain --world 7`"):
        checkpoints.checkpoint(7)
    (tmp_path / "world-7").mkdir()  # without a model it is none
    with pytest.raises(SaltError, match="no checkpoint for world 7"):
        checkpoints.checkpoint(7)
    (tmp_path / "world-7" / "model.safetensors").touch()
    assert checkpoints.checkpoint(7) == tmp_path / "world-7"
    (tmp_path / "world-0").mkdir()
    (tmp_path / "world-0" / "model.safetensors").touch()
    assert checkpoints.checkpoint(0) == checkpoint  # one's own before the shipped one


def test_without_any_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "SHIPPED", tmp_path)
    monkeypatch.setenv("SALT_CHECKPOINTS_DIR", str(tmp_path / "none"))
    with pytest.raises(SaltError, match=r"world 0 \(there: none\)"):
        checkpoints.checkpoint(0)


@pytest.mark.parametrize("keep", [0.0, 0.001, 0.5, 0.999])
def test_a_truncated_checkpoint_is_an_error(checkpoint, tmp_path, keep):
    folder = shutil.copytree(checkpoint, tmp_path / "world-0")
    model = folder / "model.safetensors"
    whole = model.read_bytes()
    model.write_bytes(whole[: int(len(whole) * keep)])
    for load in (loading.masked_lm, lambda path: classifiers.classifier(path, 3, 0, 0.1)):
        with pytest.raises(SaltError, match="world-0: can't be loaded .*truncated"):
            load(folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "vocabulary.json"])
def test_a_broken_file_of_a_checkpoint_is_an_error(checkpoint, tmp_path, name):
    folder = shutil.copytree(checkpoint, tmp_path / name)
    (folder / name).write_text((folder / name).read_text()[:100])
    load = {
        "config.json": loading.masked_lm,
        "tokenizer.json": loading.tokenizer,
        "vocabulary.json": vocabulary.words_by_language,
    }[name]
    with pytest.raises(SaltError, match="can't be"):
        load(folder)
    (folder / name).unlink()
    with pytest.raises(SaltError, match="can't be"):
        load(folder)


def test_a_missing_folder_is_an_error(tmp_path):
    for load in (loading.masked_lm, loading.tokenizer, vocabulary.words_by_language):
        with pytest.raises(SaltError, match="nowhere"):
            load(tmp_path / "nowhere")


def test_the_masked_language_model_is_the_pretrained_one(checkpoint):
    model = loading.masked_lm(checkpoint)
    assert not model.training
    decoder = model.cls.predictions.decoder.weight
    assert torch.equal(decoder, model.get_input_embeddings().weight)
    ids = torch.tensor([[2, 9, 3]])
    assert torch.equal(model(ids).logits, loading.masked_lm(checkpoint)(ids).logits)


def test_the_new_head_depends_on_the_seed_alone(checkpoint):
    torch.manual_seed(99)
    one = classifiers.classifier(checkpoint, 3, 5, 0.1)
    torch.rand(7)
    two, other = (classifiers.classifier(checkpoint, 3, seed, 0.1) for seed in (5, 6))
    assert torch.equal(one.classifier.weight, two.classifier.weight)
    assert not torch.equal(one.classifier.weight, other.classifier.weight)
    assert one.classifier.weight.shape == (3, 32) and one.config.hidden_dropout_prob == 0.1
    pretrained = loading.masked_lm(checkpoint).state_dict()
    for name, value in other.bert.named_parameters():
        if f"bert.{name}" in pretrained:
            assert torch.equal(value, pretrained[f"bert.{name}"]), name


@pytest.fixture(scope="module", params=["bert", "xlm-roberta"])
def saved(request, tmp_path_factory):
    """A checkpoint of two layers with random weights, of either family."""
    kinds = {
        "bert": (BertConfig, BertForSequenceClassification),
        "xlm-roberta": (XLMRobertaConfig, XLMRobertaForSequenceClassification),
    }
    config, model = kinds[request.param]
    size = {"hidden_size": 24, "intermediate_size": 48, "num_attention_heads": 3}
    folder = tmp_path_factory.mktemp(request.param)
    torch.manual_seed(1)
    model(
        config(vocab_size=50, num_hidden_layers=2, type_vocab_size=2, num_labels=3, **size)
    ).save_pretrained(folder)
    return folder


def test_the_last_layer_computes_what_the_head_reads(saved):
    """Logits and gradients are those of the plain model; all but one position are left out."""
    ours = classifiers.classifier(saved, 3, 0, 0.0)
    torch.manual_seed(0)
    plain = AutoModelForSequenceClassification.from_pretrained(
        saved, num_labels=3, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    plain.load_state_dict(ours.state_dict())  # the names are the plain model's
    ids = torch.randint(5, 50, (4, 9), generator=torch.Generator().manual_seed(0))
    inside = torch.arange(9) < torch.tensor([9, 4, 7, 9])[:, None]
    labels = torch.tensor([0, 1, 2, 0])
    for mask in (inside, None):
        found = []
        for model in (ours, plain):
            model.train()
            model.zero_grad()
            output = model(ids, attention_mask=mask, labels=labels)
            output.loss.backward()
            gradients = [p.grad for p in model.parameters() if p.grad is not None]
            found.append([output.logits, *gradients])
        assert len(found[0]) == len(found[1]) > 30
        for mine, theirs in zip(*found, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)
    assert ours.base_model(ids).last_hidden_state.shape == (4, 1, 24)


def test_a_fine_tuned_model_is_saved_as_a_plain_one(saved, tmp_path):
    ours = classifiers.classifier(saved, 3, 0, 0.0).eval()
    copied = copy.deepcopy(ours)
    ours.save_pretrained(tmp_path)
    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    ids = torch.tensor([[5, 9, 7]])
    torch.testing.assert_close(plain(ids).logits, ours(ids).logits, rtol=1e-4, atol=1e-6)
    torch.nn.init.zeros_(ours.base_model.encoder.layer[-1].output.dense.weight)
    torch.testing.assert_close(copied(ids).logits, plain(ids).logits, rtol=1e-4, atol=1e-6)


def test_dropout_is_applied_in_the_last_layer(saved):
    ours = classifiers.classifier(saved, 3, 0, 0.5)
    ids = torch.tensor([[5, 9, 7, 8, 11, 6]])
    ours.train()
    drawn = {tuple(ours(ids).logits[0].tolist()) for _ in range(8)}
    assert len(drawn) == 8
    ours.eval()
    assert torch.equal(ours(ids).logits, ours(ids).logits)


def test_words_by_language(checkpoint):
    counts = vocabulary.words_by_language(checkpoint)
    assert len(counts) == 17 and counts["en"]["not"] >= 10


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

"""A classifier's fresh head depends on the seed alone, and what is kept of it comes back."""

import copy

import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    DebertaV2Config,
    DebertaV2ForMaskedLM,
    DistilBertConfig,
    DistilBertModel,
    ElectraConfig,
    ElectraModel,
    ModernBertConfig,
    ModernBertModel,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)

from salt_lib.errors import SaltError
from salt_lib.models import classifiers, loading
from salt_lib.models.fusion import Fused


@pytest.fixture(scope="module")
def checkpoint(laboratory):
    return laboratory / "world-0"


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


NAMES = ("no", "perhaps", "yes")
IDS = torch.tensor([[2, 5, 9, 3], [2, 7, 3, 0]])


def logits(model):
    with torch.no_grad():
        return model.eval()(IDS, attention_mask=(IDS > 0).long()).logits


@pytest.mark.parametrize("layer", [None, 0])
@pytest.mark.parametrize("tagged", [False, True])
def test_a_kept_classifier_comes_back(checkpoint, tmp_path, layer, tagged):
    model = classifiers.classifier(checkpoint, 3, 0, 0.1, tagged, layer, "sigmoid")
    folder = tmp_path / "kept"
    classifiers.save_classifier(model, checkpoint, folder, NAMES)
    found = classifiers.saved_classifier(folder, NAMES, tagged)
    assert isinstance(found, Fused) == (layer is not None) and not found.training
    torch.testing.assert_close(logits(found), logits(model), rtol=1e-4, atol=1e-6)
    assert loading.tokenizer(folder).get_vocab() == loading.tokenizer(checkpoint).get_vocab()
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    with pytest.raises(SaltError, match="kept is there already: give a new folder"):
        classifiers.save_classifier(model, checkpoint, folder, NAMES)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("fusion.json", lambda data: data[:5]),
        ("fusion.json", lambda data: b"[" * 100_000),
        ("fusion.json", lambda data: b'{"layer": "0", "gate": "sigmoid"}'),
        ("fusion.safetensors", lambda data: data[:99]),
    ],
)
def test_a_damaged_fusion_is_an_error(checkpoint, tmp_path, name, damage):
    model = classifiers.classifier(checkpoint, 3, 0, 0.1, False, 0, "sigmoid")
    classifiers.save_classifier(model, checkpoint, tmp_path / "kept", NAMES)
    (tmp_path / "kept" / "README.md").unlink()  # which has its digest
    path = tmp_path / "kept" / name
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(SaltError):
        classifiers.saved_classifier(tmp_path / "kept", NAMES, False)


def test_other_labels_than_the_kept_ones_are_an_error(checkpoint, tmp_path):
    model = classifiers.classifier(checkpoint, 3, 0, 0.1)
    classifiers.save_classifier(model, checkpoint, tmp_path / "kept", NAMES)
    for names in (NAMES[::-1], NAMES[:2], ("a", "b", "c")):
        with pytest.raises(SaltError, match="a classifier of no, perhaps, yes, expected one of"):
            classifiers.saved_classifier(tmp_path / "kept", names, False)


def test_what_was_left_half_kept_is_kept_again(checkpoint, tmp_path):
    (tmp_path / "kept.part").mkdir()
    (tmp_path / "kept.part" / "torn").write_text("")
    model = classifiers.classifier(checkpoint, 3, 0, 0.1)
    classifiers.save_classifier(model, checkpoint, tmp_path / "kept", NAMES)
    assert not (tmp_path / "kept" / "torn").exists() and not (tmp_path / "kept.part").exists()


def test_an_encoder_whose_configuration_knows_no_decoder_is_trained(tmp_path):
    config = DebertaV2Config(
        vocab_size=9000, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=64, type_vocab_size=2,
    )  # fmt: skip
    assert not hasattr(config, "is_decoder")
    DebertaV2ForMaskedLM(config).save_pretrained(tmp_path)
    model = classifiers.classifier(tmp_path, 3, 0, 0.0)
    ids = torch.arange(5, 41).reshape(4, 9)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    model(**inputs, labels=torch.tensor([0, 1, 2, 0])).loss.backward()
    assert model.classifier.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("tagged", [False, True])
@pytest.mark.parametrize("kind", ["distilbert", "modernbert", "electra"])
def test_families_with_other_names_for_dropout_and_without_segments(kind, tagged, tmp_path):
    ends = ["pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"]
    size = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2}
    size |= {"num_hidden_layers": 1, "vocab_size": 50}
    torch.manual_seed(0)
    model = {
        "distilbert": lambda: DistilBertModel(
            DistilBertConfig(vocab_size=50, n_layers=1, n_heads=2, dim=16, hidden_dim=16)
        ),
        "modernbert": lambda: ModernBertModel(ModernBertConfig(**size, **dict.fromkeys(ends, 0))),
        "electra": lambda: ElectraModel(ElectraConfig(embedding_size=8, **size)),
    }[kind]()
    model.save_pretrained(tmp_path)
    made = classifiers.classifier(tmp_path, 3, 0, 0.25, tagged)
    rates = {module.p for module in made.modules() if isinstance(module, torch.nn.Dropout)}
    assert 0.25 in rates
    ids = torch.tensor([[1, 7, 9, 2]])
    named = {"attention_mask": torch.ones_like(ids), "token_type_ids": torch.zeros_like(ids)}
    vectors = made.get_input_embeddings()(ids)
    found = made(
        inputs_embeds=vectors, labels=torch.ones_like(ids) if tagged else ids[:, 0], **named
    )
    found.loss.backward()
    assert found.logits.shape == ((1, 4, 3) if tagged else (1, 3))
    assert made.eval()(ids, **named).logits.shape == found.logits.shape
    copied = copy.deepcopy(made)
    for weight in made.parameters():
        torch.nn.init.zeros_(weight)
    assert copied(ids, **named).logits.abs().sum() > 0  # its own, not the first one's

"""What a model can't be used for is said from its configuration, before anything of it is read."""

import pytest
import torch
from transformers import (
    BertConfig,
    BertModel,
    FNetConfig,
    XLMConfig,
    XLMWithLMHeadModel,
    XmodConfig,
)

import salt_lib as salt
from salt_lib.data.examples import Pairs
from salt_lib.errors import SaltError
from salt_lib.models import architectures, classifiers, loading
from salt_lib.models.architectures import SENTENCES, TOKENS, USES, refusal
from salt_lib.pretraining.continued import Continuation, go_on
from salt_lib.salt.prepared import prepare
from salt_lib.salt.substitutions import write_predictions

PAIRS = Pairs(["a goat"], ["a river"], [0])
CALLS = {
    "distillation": (
        lambda path: loading.masked_lm(path),
        lambda path: salt.distill(path, ["a goat"], texts=path / "no texts"),
        lambda path: write_predictions(path, PAIRS, {}, path / "predictions.parquet"),
        lambda path: salt.train(path, {"train": PAIRS, "dev": PAIRS, "test": {}}, "salt"),
    ),
    SENTENCES: (
        lambda path: classifiers.classifier(path, 2, 0, 0.0),
        lambda path: prepare(path, 2, PAIRS, PAIRS, {}),
        lambda path: salt.train(path, {"train": PAIRS, "dev": PAIRS, "test": {}}, "baseline"),
    ),
    TOKENS: (lambda path: classifiers.classifier(path, 2, 0, 0.0, tagged=True),),
    "pretraining": (lambda path: go_on(path, {}, path / "out", Continuation()),),
}


@pytest.mark.parametrize("use", USES)
def test_a_folder_with_nothing_but_a_configuration_is_refused(use, tmp_path):
    XmodConfig().save_pretrained(tmp_path)
    for call in CALLS[use]:
        with pytest.raises(SaltError, match=f"no {use} with a model of the type 'xmod': .*Take a"):
            call(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_why_not():
    assert refusal(BertConfig(), SENTENCES) == ""
    assert "padding as if it were text" in refusal(FNetConfig(), TOKENS)


def test_segments_are_told_to_those_who_know_them():
    """XLM would add the words with the numbers 0 and 1 to its words."""
    size = {"emb_dim": 16, "n_layers": 1, "n_heads": 2, "vocab_size": 50}
    xlm = XLMWithLMHeadModel(XLMConfig(**size)).eval()
    ids = torch.tensor([[5, 6, 7]])
    with torch.inference_mode():
        plain = xlm(ids).logits
        assert not torch.allclose(xlm(ids, token_type_ids=ids * 0 + 1).logits, plain, atol=1e-3)
    assert not architectures.reads_segments(xlm, xlm.config)
    size = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16}
    bert = BertModel(BertConfig(num_hidden_layers=1, **size))
    assert architectures.reads_segments(bert, bert.config)
    assert not architectures.reads_segments(bert, BertConfig(type_vocab_size=1))

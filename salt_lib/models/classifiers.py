"""Classifiers: an encoder with a fresh head, kept in a folder once it is trained, and found again.

Chapter: Training over 15 seeds.
"""

import json
import shutil
import types
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch.nn.functional import scaled_dot_product_attention
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PreTrainedModel,
)

from ..errors import SaltError
from ..files import write_json
from . import cards
from .architectures import SENTENCES, TOKENS, reads_segments
from .fusion import BERT_LIKE, Fused
from .loading import _load, check, resolve, tokenizer
from .weights import save_tensors

Classifier = PreTrainedModel | Fused
# What the families call their rates of dropout; each has some of them.
DROPOUTS = (
    *("hidden_dropout_prob", "attention_probs_dropout_prob"),  # BERT and its kin
    *("dropout", "attention_dropout", "seq_classif_dropout"),  # DistilBERT, XLM
    *("embedding_dropout", "mlp_dropout"),  # ModernBERT
)
FUSION = "fusion.safetensors"  # the fusion's weights beside a kept classifier's


def classifier(
    source: str | Path,
    labels: int,
    seed: int,
    dropout: float,
    tagged: bool = False,
    layer: int | None = None,
    gate: str = "literal",
) -> Classifier:
    """The model with a fresh classification head whose weights depend on ``seed`` alone.

    tagged: whether it classifies tokens, not sentences. layer: a lower one that the head reads
    fused with the last (`fusion.Fused`), through ``gate``. Where the head reads the last layer's
    first position alone (`fusion.BERT_LIKE`), that layer computes no other: ``last_hidden_state``
    has length 1, the logits are what they would be.
    """
    check(source, TOKENS if tagged else SENTENCES)
    torch.manual_seed(seed)
    known = _load(AutoConfig, source)
    rates = {name: dropout for name in DROPOUTS if hasattr(known, name)}
    model = _load(
        AutoModelForTokenClassification if tagged else AutoModelForSequenceClassification,
        source,
        num_labels=labels,
        use_safetensors=True,
        **rates,
    )
    _without_segments(model)
    if layer is not None:
        return Fused(model, layer, gate)
    if tagged:
        return model
    plain = model.config._attn_implementation in ("eager", "sdpa") and not getattr(
        model.config, "is_decoder", False
    )
    if model.config.model_type in BERT_LIKE and plain:
        last = model.base_model.encoder.layer[-1]
        # Bound to the layer: weights keep their names, and a saved model is a plain one.
        last.forward = types.MethodType(_first_position, last)
    return model


def save_classifier(
    model: Classifier,
    source: str | Path,
    folder: str | Path,
    names: Sequence[str],
    placement: str = "first",
) -> None:
    """Keep a fine-tuned `classifier` of the checkpoint ``source`` in a folder, all or nothing.

    names: the labels in the order of their ids. placement: of the tags that it was trained on
    (`encoding.encode`), so that they are read where they were. Raises SaltError where there is such
    a folder.
    """
    folder = Path(folder)
    if folder.exists():
        raise SaltError(f"{folder} is there already: give a new folder for the model")
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    inner = model.model if isinstance(model, Fused) else model
    inner.config.id2label = dict(enumerate(names))
    inner.config.label2id = {name: i for i, name in enumerate(names)}
    inner.config.tag_placement = placement
    inner.save_pretrained(part)
    tokenizer(source).save_pretrained(part)
    if isinstance(model, Fused):
        save_tensors(part / FUSION, model.fusion.state_dict())
        write_json(part / "fusion.json", {"layer": model.layer, "gate": model.gate})
    cards.seal(part, f"# A classifier of {', '.join(names)}\n\nMade by `salt_lib`.\n")
    part.rename(folder)


def saved_classifier(folder: str | Path, names: Sequence[str], tagged: bool):
    """What `save_classifier` has kept, or transformers' own, ready to predict.

    Raises SaltError where its labels are others than ``names``, or in another order.
    """
    path, auto = resolve(folder), AutoModelForSequenceClassification
    model = _load(AutoModelForTokenClassification if tagged else auto, path, use_safetensors=True)
    labels = [model.config.id2label[i] for i in range(model.config.num_labels)]
    if labels != list(names):
        raise SaltError(
            f"{folder}: a classifier of {', '.join(map(str, labels))}, expected one of "
            f"{', '.join(names)}; give one that was fine-tuned for this task "
            "(`salt train --save FOLDER`)"
        )
    if (path / FUSION).exists():
        try:
            about = json.loads((path / "fusion.json").read_text(encoding="utf-8"))
            model = Fused(model, about["layer"], about["gate"])
            model.fusion.load_state_dict(load_file(path / FUSION))
        except (
            OSError,
            ValueError,
            LookupError,
            TypeError,
            RuntimeError,
            SafetensorError,
        ) as error:
            raise SaltError(
                f"{path}: its fusion can't be read ({type(error).__name__}: {error}); it was "
                "damaged: train it again (`salt train --save FOLDER`)"
            ) from error
    else:
        _without_segments(model)
    return model.eval()


def _without_segments(model: PreTrainedModel) -> None:
    """Let a model that knows no segments, such as DistilBERT's, be called as one that does."""
    if not reads_segments(model, model.config):
        # A hook and no other forward, which a copy of the model would share with it.
        model.register_forward_pre_hook(_dropping_segments, with_kwargs=True)


def _dropping_segments(model, arguments: tuple, named: dict) -> tuple[tuple, dict]:
    return arguments, {name: value for name, value in named.items() if name != "token_type_ids"}


def _first_position(layer, hidden, attention_mask=None, *_, **__) -> torch.Tensor:
    """A BERT layer's output at the first position alone: (batch, 1, width).

    Keys and values come from every position, but only one query, and so one pass through the
    feed-forward block instead of one a token: most of the layer's work is not done.
    """
    attention = layer.attention.self

    def heads(states: torch.Tensor) -> torch.Tensor:
        return states.view(*states.shape[:2], -1, attention.attention_head_size).transpose(1, 2)

    first = hidden[:, :1]
    mixed = scaled_dot_product_attention(
        heads(attention.query(first)),
        heads(attention.key(hidden)),
        heads(attention.value(hidden)),
        attn_mask=None if attention_mask is None else attention_mask[..., :1, :],
        dropout_p=attention.dropout.p if layer.training else 0.0,
    )
    attended = layer.attention.output(mixed.transpose(1, 2).flatten(2), first)
    return layer.output(layer.intermediate(attended), attended)

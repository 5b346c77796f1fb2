"""What can be done with a model of an architecture, known from its configuration alone.

`loading.check` asks here before weights are loaded or anything is computed. Whether the answers are
right is tried on every architecture of transformers with a masked-language head by
``python -m benchmarks.architectures``.

Chapter: Reproduce, change, extend.
"""

import inspect
from collections.abc import Mapping

import torch
from transformers import (
    MODEL_FOR_MASKED_LM_MAPPING,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
    MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING,
    PretrainedConfig,
)

# What is done with a model → transformers' classes for it, and what they are called in messages.
DISTILLATION, PRETRAINING = "distillation", "pretraining"
SENTENCES, TOKENS = "training on sentences", "training on tokens"
USES: Mapping[str, tuple[Mapping, str]] = {
    DISTILLATION: (MODEL_FOR_MASKED_LM_MAPPING, "masked-language head"),
    SENTENCES: (MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING, "sentence classifier"),
    TOKENS: (MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING, "token classifier"),
    PRETRAINING: (MODEL_FOR_MASKED_LM_MAPPING, "masked-language head"),
}
_NO_VECTORS = "its classifier takes no vectors in the place of tokens, which mixup needs"
# Model type → use → why not, of what neither configuration nor signatures tell.
_REFUSED: Mapping[str, Mapping[str, str]] = {
    "esm": dict.fromkeys(
        [SENTENCES, TOKENS], "its classifiers leave out positions where they are given vectors"
    ),
    "esmc": dict.fromkeys([SENTENCES, TOKENS], _NO_VECTORS),
    "ibert": dict.fromkeys(
        [SENTENCES, TOKENS], "its word embeddings are quantized, and can't be mixed"
    ),
    "longformer": {SENTENCES: _NO_VECTORS},
    "mobilebert": dict.fromkeys(
        [DISTILLATION, PRETRAINING], "its last layer is put together from two matrices"
    ),
    "perceiver": dict.fromkeys(USES, "it reads bytes, and has no layer for a vocabulary of words"),
    "tapas": dict.fromkeys(USES, "it reads tables with their rows and columns, not sentences"),
    "xmod": dict.fromkeys(
        USES, "it reads each language through layers of its own, and isn't told which one it reads"
    ),
}


def refusal(config: PretrainedConfig, use: str) -> str:
    """Why a model of a configuration can't be used so; empty where it can."""
    classes, name = USES[use]
    if config.is_encoder_decoder:
        return "it is an encoder-decoder, and reads a sentence twice"
    if reason := _REFUSED.get(config.model_type, {}).get(use):
        return reason
    if type(config) not in classes:
        return f"transformers has no {name} of this type"
    takes = inspect.signature(classes[type(config)].forward).parameters
    if "attention_mask" not in takes:
        return "it reads padding as if it were text, so a sentence's scores hang on its batch"
    if use in (SENTENCES, TOKENS) and "inputs_embeds" not in takes:
        return _NO_VECTORS
    return ""


def reads_segments(module: torch.nn.Module, config: PretrainedConfig) -> bool:
    """Whether a model, or a part of it, tells the sentences of a pair apart by segment ids.

    Its signature alone doesn't say so: XLM takes them for words to be added.
    """
    known = "token_type_ids" in inspect.signature(module.forward).parameters
    return known and (getattr(config, "type_vocab_size", 0) or 0) > 1

"""What a masked-language model's decoder reads and is, of any family.

Chapter: Distillation.
"""

import copy
from collections.abc import Iterator

import torch
from torch.nn.functional import linear
from transformers import PreTrainedModel

from ..errors import SaltError


class _Reached(Exception):
    """The decoder's input is there: what the decoder would compute of it is not needed."""


def decoder_input(model: PreTrainedModel, *arguments, **inputs) -> torch.Tensor:
    """The hidden states that the model's last layer turns into logits: (batch, length, width).

    arguments, inputs: of the model. The logits themselves, most of the work where the vocabulary is
    large, are not computed. Raises SaltError for a model that doesn't say which layer it is.
    """
    layer = model.get_output_embeddings()
    if layer is None:
        raise _unknown(model)
    given: list[torch.Tensor] = []

    def reached(module, arguments):
        given.append(arguments[0])
        raise _Reached

    hook = layer.register_forward_pre_hook(reached)
    try:
        model(*arguments, **inputs)
    except _Reached:
        pass
    finally:
        hook.remove()
    if not given:
        raise _unknown(model)
    return given[0]


def decoder(model: PreTrainedModel) -> torch.nn.Module:
    """The linear layer from `decoder_input` to logits over the whole vocabulary.

    It shares its weight (vocabulary, width), and its bias, with the model, where ESM and others
    keep the bias beside the layer. Raises SaltError where no such layer gives the model's own
    logits.
    """
    layer = model.get_output_embeddings()
    if not isinstance(layer, torch.nn.Linear):
        raise _unknown(model)
    ids = torch.arange(4, device=model.device)[None]
    inputs = {"attention_mask": torch.ones_like(ids)}
    with torch.inference_mode():
        states = decoder_input(model, ids, **inputs)
        logits = model(ids, **inputs).logits
    for bias in _biases(model, layer):
        if states.shape[-1] != layer.in_features or logits.shape[-1] != layer.out_features:
            break
        with torch.inference_mode():
            same = torch.allclose(linear(states, layer.weight, bias), logits, atol=1e-4)
        if same:
            made = copy.copy(layer)
            made._parameters = {"weight": layer.get_parameter("weight"), "bias": bias}
            return made
    raise _unknown(model)


def _biases(model: PreTrainedModel, layer: torch.nn.Linear) -> Iterator[torch.nn.Parameter | None]:
    """What may be the decoder's bias, the likeliest first."""
    if layer.bias is not None:
        yield layer.bias
        return
    # One of zeros agrees as well as none at all, but is there to be trained.
    yield from (w for w in model.parameters() if w.shape == (layer.out_features,))
    yield None


def _unknown(model: PreTrainedModel) -> SaltError:
    return SaltError(
        f"{type(model).__name__} has no linear layer at its end that makes its logits, its "
        "decoder; take a model such as bert-base-multilingual-cased or xlm-roberta-base"
    )

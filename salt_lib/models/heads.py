"""What a masked-language model's decoder reads, of any family.

Chapter: Distillation.
"""

import torch
from transformers import PreTrainedModel

from ..errors import SaltError


class _Reached(Exception):
    """The decoder's input is there: what the decoder would compute of it is not needed."""


def decoder_input(model: PreTrainedModel, *arguments, **inputs) -> torch.Tensor:
    """The hidden states that the model's last layer turns into logits: (batch, length, width).

    arguments, inputs: of the model. The logits themselves, most of the work where the vocabulary is
    large, are not computed. Raises SaltError for a model that doesn't say which layer it is.
    """
    decoder = model.get_output_embeddings()
    if decoder is None:
        raise SaltError(
            f"{type(model).__name__} does not say which of its layers is the decoder; take a model "
            "such as bert-base-multilingual-cased or xlm-roberta-base"
        )
    given: list[torch.Tensor] = []

    def reached(module, arguments):
        given.append(arguments[0])
        raise _Reached

    hook = decoder.register_forward_pre_hook(reached)
    try:
        model(*arguments, **inputs)
    except _Reached:
        pass
    finally:
        hook.remove()
    return given[0]

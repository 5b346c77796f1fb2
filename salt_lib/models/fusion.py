"""Heads that fuse the encoder's last layer with one lower layer by attention: AIF and DLFA.

Chen et al. (2022) draw both as convolutions of kernel size 1 with batch normalisation. What their
poster leaves open is an option here or said: how padding is treated (it is no part of any mean,
neither the pooling's nor the normalisation's), the reduction, and the *gate*. Read literally AIF
returns its input times a sigmoid, so the "weights" that DLFA mixes the layers with are unbounded;
with the sigmoid alone it is the attentional feature fusion of Dai et al. (2021).

`Fused` puts it between a model's encoder and its classifier. Batch statistics are those of what is
computed at a time: with micro-batches, or on several devices, each part has its own.

Chapter: Feature aggregation.
"""

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput, TokenClassifierOutput

from ..errors import SaltError, unknown

BERT_LIKE = ("bert", "roberta", "xlm-roberta")
GATES = ("literal", "sigmoid")
REDUCTION = 4


class Branch(nn.Module):
    """E → E/r → E, each a product and a batch normalisation, with a ReLU between (Chen et al.).

    A convolution of kernel size 1 is one linear map at every position, which is how it is written.
    """

    def __init__(self, width: int, inner: int):
        super().__init__()
        self.squeeze, self.squeezed = nn.Linear(width, inner), nn.BatchNorm1d(inner)
        self.expand, self.expanded = nn.Linear(inner, width), nn.BatchNorm1d(width)

    def forward(self, rows: Tensor) -> Tensor:
        """rows: (n, E), all of them real; returns (n, E)."""
        if self.training and len(rows) < 2:
            raise SaltError(
                "a batch of one sentence has no batch statistics to normalise by: take batches of "
                "two or more (an epoch's last one counts too), or the evaluation mode"
            )
        return self.expanded(self.expand(torch.relu(self.squeezed(self.squeeze(rows)))))


class AttentionalInformationFusion(nn.Module):
    """AIF: W ⊙ σ(global(W) ⊕ local(W)), ⊕ a broadcast sum (Chen et al. 2022).

    The global branch sees each sentence's mean, the local one each token. gate: "literal" as above,
    "sigmoid" without the factor W. Raises SaltError for another gate or a reduction that leaves
    nothing.
    """

    def __init__(self, width: int, reduction: int = REDUCTION, gate: str = "literal"):
        super().__init__()
        if gate not in GATES:
            raise unknown("gate", gate, GATES)
        if not 1 <= reduction <= width:
            raise SaltError(f"reduction {reduction}: it is from 1 to the width, {width}")
        self.gate = gate
        self.everywhere = Branch(width, width // reduction)
        self.here = Branch(width, width // reduction)

    def forward(self, states: Tensor, inside: Tensor) -> Tensor:
        """states: (B, T, E). inside: (B, T), False at padding. Returns (B, T, E), 0 at padding."""
        inside = inside.bool()
        tokens = states[inside]
        counts = inside.sum(dim=1)
        mean = (states * inside[..., None]).sum(dim=1) / counts[:, None]
        attention = self.here(tokens) + self.everywhere(mean).repeat_interleave(counts, dim=0)
        weights = torch.sigmoid(attention)
        if self.gate == "literal":
            weights = tokens * weights
        return torch.zeros_like(states).masked_scatter(inside[..., None], weights.to(states.dtype))


class DoubleLayerFeatureAggregation(nn.Module):
    """DLFA: L = L₁ ⊙ A + L₂ ⊙ (1 − A) with A = AIF((L₁ ⊕ L₂) / 2) (Chen et al. 2022).

    L₁ is the chosen lower layer, L₂ the last one. reduction, gate: see
    `AttentionalInformationFusion`.
    """

    def __init__(self, width: int, reduction: int = REDUCTION, gate: str = "literal"):
        super().__init__()
        self.fusion = AttentionalInformationFusion(width, reduction, gate)

    def weights(self, lower: Tensor, last: Tensor, inside: Tensor) -> Tensor:
        """How much of the lower layer is taken, (B, T, E): in (0, 1) with the sigmoid gate."""
        return self.fusion((lower + last) / 2, inside)

    def forward(self, lower: Tensor, last: Tensor, inside: Tensor) -> Tensor:
        """lower, last: (B, T, E). inside: (B, T), False at padding. Returns (B, T, E)."""
        share = self.weights(lower, last, inside)
        return lower * share + last * (1 - share)


class Fused(nn.Module):
    """A sentence or token classifier whose head reads the fusion of two layers, not the last one.

    model: of transformers, with a head for sentences (BERT's pooler and all) or for tokens. layer:
    the lower one, 0 for the embeddings, 1 for the first layer's output and so on; its weights and
    those of the head stay ``model``'s. It is called as ``model`` is. Raises SaltError for a layer
    that the encoder lacks or that is its last, and for a model whose head isn't known.
    """

    def __init__(self, model: PreTrainedModel, layer: int, gate: str = "literal"):
        super().__init__()
        last = model.config.num_hidden_layers
        if not 0 <= layer < last:
            raise SaltError(
                f"layer {layer} can't be fused with the last of this encoder, {last}: it has the "
                f"lower layers 0 (the embeddings) to {last - 1}"
            )
        if model.config.model_type not in BERT_LIKE or not hasattr(model, "classifier"):
            raise SaltError(
                f"{type(model).__name__} has no classifier that we know how to give fused layers: "
                f"take one of {', '.join(BERT_LIKE)}"
            )
        self.model, self.layer, self.gate = model, layer, gate
        self.fusion = DoubleLayerFeatureAggregation(model.config.hidden_size, gate=gate)

    @property
    def config(self):
        """The model's configuration."""
        return self.model.config

    def get_input_embeddings(self) -> nn.Module:
        """The table of word embeddings, where mixup takes its vectors."""
        return self.model.get_input_embeddings()

    def layers(self, input_ids=None, attention_mask=None, **inputs) -> tuple[Tensor, Tensor]:
        """The outputs of the lower and of the last layer: (B, T, E) each."""
        states = self.model.base_model(
            input_ids, attention_mask=attention_mask, output_hidden_states=True, **inputs
        ).hidden_states
        return states[self.layer], states[-1]

    def forward(self, input_ids=None, attention_mask=None, labels=None, **inputs):
        """As the model's own; attention_mask (B, T) is needed, for padding is no part of means."""
        lower, last = self.layers(input_ids, attention_mask, **inputs)
        fused = self.fusion(lower, last, attention_mask)
        pooler = getattr(self.model.base_model, "pooler", None)
        if pooler is not None:
            fused = pooler(fused)
        if hasattr(self.model, "dropout"):  # XLM-R's head for sentences has its own, and a pooler
            fused = self.model.get_submodule("dropout")(fused)
        logits = self.model.get_submodule("classifier")(fused)
        loss = None
        if labels is not None:
            loss = nn.functional.cross_entropy(logits.flatten(0, -2), labels.flatten())
        output = SequenceClassifierOutput if logits.dim() == 2 else TokenClassifierOutput
        return output(loss=loss, logits=logits)

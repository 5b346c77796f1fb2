"""Heads that fuse the encoder's last layer with one lower layer by attention: AIF and DLFA.

Chen et al. (2022) draw both as convolutions of kernel size 1 with batch normalisation. What their
poster leaves open is an option here or said: how padding is treated (it is no part of any mean,
neither the pooling's nor the normalisation's), the reduction, and the *gate*. Read literally AIF
returns its input times a sigmoid, so the "weights" that DLFA mixes the layers with are unbounded;
with the sigmoid alone it is the attentional feature fusion of Dai et al. (2021).

No method of the study uses them yet. Chapter: Zero-shot transfer, and what SALT claims (DLFA's
figures).
"""

import torch
from torch import Tensor, nn

from .errors import SaltError, unknown

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

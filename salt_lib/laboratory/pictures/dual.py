"""The dual encoder: a picture tower and a text tower whose vectors meet in one space.

The text tower is a checkpoint's encoder, the mean of its last layer's tokens and a linear map; the
picture tower is a small convolutional network that is trained from scratch. Both give vectors of
length 1, and are trained by the symmetric InfoNCE loss (Radford et al. 2021, CLIP).

Chapter: Pictures.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from ...errors import SaltError
from ...models import loading
from ...models.encoding import Encoded, positions
from ...salt.augment import mixup

DIM = 128
SCALE = 14.3  # the first inverse temperature, 1 / 0.07 as in CLIP
MOST = 100.0  # and its greatest


class PictureTower(nn.Module):
    """(batch, 48, 48, 3) uint8 → (batch, `DIM`) of length 1."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 24, 5, stride=2, padding=2),
            nn.BatchNorm2d(24),
            nn.ReLU(),
            nn.Conv2d(24, 48, 3, stride=2, padding=1),
            nn.BatchNorm2d(48),
            nn.ReLU(),
            nn.Conv2d(48, 64, 3, stride=2, padding=1),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.Flatten(),  # not a mean: where a thing stands says whether it acts
        )
        self.project = nn.Linear(64 * 6 * 6, DIM)

    def forward(self, rasters: Tensor) -> Tensor:
        pixels = rasters.permute(0, 3, 1, 2).float() / 127.5 - 1
        return normalize(self.project(self.features(pixels)), dim=1)


class TextTower(nn.Module):
    """Token embeddings → (batch, `DIM`) of length 1; the checkpoint's encoder and a linear map."""

    def __init__(self, checkpoint: str | Path):
        super().__init__()
        self.encoder: nn.Module = loading.masked_lm(checkpoint).base_model
        width = self.words.weight.shape[1]
        self.project = nn.Linear(width, DIM)

    @property
    def words(self) -> nn.Embedding:
        """The table of word embeddings."""
        return self.encoder.get_submodule("embeddings.word_embeddings")  # type: ignore[return-value]

    def forward(self, vectors: Tensor, inside: Tensor) -> Tensor:
        hidden = self.encoder(inputs_embeds=vectors, attention_mask=inside).last_hidden_state
        mask = inside[..., None].to(hidden.dtype)
        return normalize(self.project((hidden * mask).sum(1) / mask.sum(1)), dim=1)

    def read(
        self,
        data: Encoded,
        ids: Tensor,
        rows: Tensor,
        drawn: Tensor | None = None,
        ratio: Tensor | None = None,
    ) -> Tensor:
        """The vectors of some rows of ``data`` with the token ids ``ids``.

        drawn, ratio: what their embeddings are mixed with, and the weights; see `loop.Batch`.
        """
        at, inside = positions(data, rows)
        vectors = self.words(ids[at].where(inside, 0))
        if drawn is not None and ratio is not None:
            vectors = mixup(vectors, self.words(drawn[at].where(inside, 0)), ratio)
        return self(vectors, inside)

    @torch.inference_mode()
    def vectors(self, data: Encoded, size: int = 256) -> Tensor:
        """The vectors of all captions, (n, `DIM`)."""
        self.eval()
        parts = torch.arange(len(data)).split(size)
        found = torch.cat([self.read(data, data.ids, rows) for rows in parts])
        self.train()
        return found


def info_nce(pictures: Tensor, texts: Tensor, scale: Tensor, facts: Tensor) -> Tensor:
    """The mean of the cross-entropies picture → text and text → picture over a batch.

    pictures, texts: (batch, dim), row by row of one fact each. scale: the inverse temperature.
    facts: (batch,) the facts' numbers; another row of the same fact is no distractor and is left
    out. Raises SaltError for batches that don't fit together.
    """
    if pictures.shape != texts.shape or len(pictures) != len(facts):
        raise SaltError(
            f"{tuple(pictures.shape)} pictures, {tuple(texts.shape)} texts and {len(facts)} facts "
            "are no batch"
        )
    logits = scale * pictures @ texts.T
    same = (facts[:, None] == facts) & ~torch.eye(len(facts), dtype=torch.bool)
    logits = logits.masked_fill(same, -torch.inf)
    target = torch.arange(len(facts))
    return (cross_entropy(logits, target) + cross_entropy(logits.T, target)) / 2


def distillation(students: Tensor, teachers: Tensor) -> Tensor:
    """The mean squared distance of vectors to their teacher's, both (batch, dim).

    A caption in any language shall have the vector that the teacher has for the English one
    (Reimers and Gurevych 2020; of CLIP's text tower, Carlsson et al. 2022).
    """
    return (students - teachers).square().sum(dim=1).mean()

"""The picture tower of a world, trained once on English captions, and what it sees.

Picture tower and text tower are trained together from scratch and from the world's checkpoint.
Then the picture tower is locked (as in LiT, Zhai et al. 2022): every condition trains a text tower
anew, from the checkpoint, against the same picture vectors. The English text tower of this first
training is the teacher of the conditions that are taught.

What a tower gives lies under ``$SALT_CACHE_DIR`` or ``cache``, as the distilled predictions do.

Chapter: Pictures.
"""

from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from ...digests import digest, sources
from ...errors import SaltError
from ...files import alone, folder
from ...languages import SOURCE
from ...models import loading
from ...models.encoding import Encoded, encode
from ...models.weights import save_tensors
from ...training.loop import batches, pace
from ..checkpoints import checkpoint, files_of
from ..descent import descend
from ..minibabel import pictures
from ..minibabel.facts import FIELDS, inventory
from . import captions
from .dual import MOST, SCALE, PictureTower, TextTower, info_nce

VARIANTS = 2  # pictures of each training fact
EPOCHS, BATCH = 8, 128
PICTURE_RATE, TEXT_RATE, SCALE_RATE = 2e-3, 1e-3, 1e-2
SEED = 0
PROBED = ("agent", "patient", "agent color", "patient color", "agent count", "patient count")


class Views(NamedTuple):
    """What a trained picture tower makes of a world's pictures, and its teacher of captions.

    train: (facts, variants, dim), dev, test: (facts, dim). teacher: (facts, dim), the English text
    tower's vectors of the training captions.
    """

    train: Tensor
    dev: Tensor
    test: Tensor
    teacher: Tensor


@cache
def encoded(world: int, split: str, language: str) -> Encoded:
    """The captions of a split in a language, in the tokens of the world's checkpoint, a row each.

    Raises SaltError where one is longer than the model reads: it would take two rows.
    """
    told = captions.captions(world, split, language)
    rows = encode(loading.tokenizer(checkpoint(world)), told)
    if len(rows) != len(told):
        longest: list[str] = max(told.words, key=len)
        raise SaltError(
            f"{split} captions in {language!r}: one has more tokens than the model reads, such as "
            f"{' '.join(longest)!r}; no fact may lose its row"
        )
    return rows


def views_path(world: int) -> Path:
    """Where a world's views lie, whether they are made or not."""
    source = checkpoint(world)
    made_of = (*files_of(source), captions.SIZES, EPOCHS, torch.__version__, version("pillow"))
    root = folder("SALT_CACHE_DIR", "cache")
    return root / f"pictures-{source.name}-{digest(*made_of, sources(__name__))[:16]}.safetensors"


def views(world: int) -> Views:
    """A world's picture vectors; the tower is trained now if that wasn't done yet."""
    path = views_path(world)
    if not path.exists():
        with alone(path, f"the picture tower {path}"):
            if not path.exists():  # or another process has made it meanwhile
                save_tensors(path, _made(world)._asdict())
    return Views(**load_file(path))


def _made(world: int) -> Views:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as everywhere: with more the last bits depend on how many
    try:
        rasters = torch.from_numpy(captions.rasters(world, "train", VARIANTS))
        tower, texts = train_towers(checkpoint(world), rasters, encoded(world, "train", SOURCE))
        seen = see(tower, rasters.flatten(0, 1)).unflatten(0, rasters.shape[:2])
        dev, test = (
            see(tower, torch.from_numpy(captions.rasters(world, split)[:, 0]))
            for split in ("dev", "test")
        )
        return Views(seen, dev, test, texts.vectors(encoded(world, "train", SOURCE)))
    finally:
        torch.set_num_threads(threads)


def train_towers(
    source: str | Path,
    rasters: Tensor,
    data: Encoded,
    *,
    epochs: int = EPOCHS,
    batch: int = BATCH,
    seed: int = SEED,
) -> tuple[PictureTower, TextTower]:
    """Train both towers from scratch and from a checkpoint on pictures and their captions.

    rasters: (facts, variants, 48, 48, 3) uint8; data: a caption of each fact. Raises SaltError
    when the loss is no longer a number.
    """
    torch.manual_seed(seed)
    tower, texts = PictureTower(), TextTower(source)
    scale = nn.Parameter(torch.tensor(SCALE).log())
    order = torch.Generator().manual_seed(seed)
    rates = (PICTURE_RATE, TEXT_RATE, SCALE_RATE)
    parts = (list(tower.parameters()), list(texts.parameters()), [scale])
    groups = [{"params": part, "lr": rate} for part, rate in zip(parts, rates, strict=True)]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01, fused=True)
    steps, step = epochs * -(-len(data) // batch), 0
    for _ in range(epochs):
        for rows in batches(data.lengths, batch, order):
            step += 1
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * pace(step, steps, 0.1)
            which = torch.randint(rasters.shape[1], rows.shape, generator=order)
            read = texts.read(data, data.ids, rows)
            loss = info_nce(tower(rasters[rows, which]), read, scale.exp().clamp(max=MOST), rows)
            descend(loss, tower, optimizer, "the towers", step)
    return tower, texts


@torch.inference_mode()
def see(tower: PictureTower, rasters: Tensor, size: int = 250) -> Tensor:
    """The vectors (n, dim) of pictures (n, 48, 48, 3)."""
    tower.eval()
    return torch.cat([tower(part) for part in rasters.split(size)])


def probe(seen: Views, world: int) -> dict[str, dict[str, float]]:
    """What a linear classifier reads off picture vectors: `PROBED` → accuracy, and commonest.

    It learns from one picture of each training fact and is asked on dev; commonest: the accuracy of
    always saying the commonest value. So a failure of the pictures would be seen. What no dev fact
    says, or the training facts in one way alone, is left out.
    """
    told = {}
    for what in PROBED:
        train, dev = (probed(captions.facts(world, split), what) for split in ("train", "dev"))
        known, asked = train >= 0, dev >= 0
        if not asked.any() or len(np.unique(train[known])) < 2:
            continue
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
        model.fit(seen.train[:, 0].numpy()[known], train[known])
        right = model.score(seen.dev.numpy()[asked], dev[asked])
        common = np.bincount(train[known]).argmax()
        told[what] = {
            "accuracy": round(float(right), 4),
            "commonest": round(float((dev[asked] == common).mean()), 4),
        }
    return told


def probed(facts: np.ndarray, what: str) -> np.ndarray:
    """(n,) what a probe shall read in facts (n, 12): a class, −1 where nothing is said.

    what: one of `PROBED`. A color is read where an adjective is one; a count of one is said by no
    number.
    """
    role, _, part = what.partition(" ")
    column = {"": role, "color": f"{role}_adjective", "count": f"{role}_number"}[part]
    values = facts[:, FIELDS[column]].astype(np.int64)
    if part == "color":
        named = [i for i, v in enumerate(inventory()[column]) if v in pictures.COLORS]
        return np.where(np.isin(values, named), values, -1)
    if part == "count":
        return np.where(facts[:, FIELDS[role]] < 0, -1, values + 1)
    return values

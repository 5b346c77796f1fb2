"""A cell's encoder: the world's checkpoint, pretrained on with the cell's second batches.

Made once, and resumable; an ordinary checkpoint with the world's tokenizer.

Chapter: Bitext.
"""

import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from ...digests import digest, read_checked, sources, write_checked
from ...errors import SaltError
from ...files import alone, folder
from ...models import cards, loading
from ...models.loading import to_device
from ...pretraining.data import Text, epoch_pairs
from ...pretraining.loop import State, new_optimizer, rates, seconds_of, write_checkpoint
from ...pretraining.model import gone_on_with, losses
from ...pretraining.recipe import Recipe
from ...salt.vocabulary import words_by_language
from ..alignment import alignment
from ..checkpoints import checkpoint
from ..descent import descend
from ..intermediate.steps import Steps, full_batches
from ..minibabel.facts import World
from . import stored
from .cells import Cell, made_of, recipe
from .links import Bitext, quality
from .objectives import TLM, loss

PARTS = ("masked_word_loss", "next_sentence_loss", "second_loss")
Second = Bitext | None  # None: text alone


def path_of(world: int, row: Cell, how: Recipe | None = None, device: str = "cpu") -> Path:
    """The folder of a cell's encoder, whether it is made or not.

    It lies under ``$SALT_CACHE_DIR`` or ``cache``; its name carries a digest of all that it depends
    on, so a stale one is never read.
    """
    about = [made_of(world, row), asdict(how or recipe()), device, torch.__version__]
    root = folder("SALT_CACHE_DIR", "cache") / "bitext"
    return root / f"world-{world}-{row.name}-{digest(*about, sources(__name__))[:16]}"


def pretrain(
    world: int,
    row: Cell,
    how: Recipe | None = None,
    device: str = "cpu",
    out: str | Path | None = None,
    progress: bool = False,
) -> Path:
    """Make a cell's encoder unless it is there; returns its folder, by default `path_of` it.

    how: by default `cells.recipe`. device: "cpu" or "cuda". Interrupted, the same call goes on from
    the last evaluation; of several processes one makes it, and the others wait. Raises SaltError
    for links without the aligner, and a loss that is no number.
    """
    how = how or recipe()
    out = Path(out) if out else path_of(world, row, how, device)
    if not (out / "README.md").exists():
        with alone(out, f"the encoder {out}"):
            if not (out / "README.md").exists():  # or another process has made it meanwhile
                threads = torch.get_num_threads()
                torch.set_num_threads(1)  # as everywhere: with more the last bits are others
                try:
                    _pretrain(world, row, how, device, out, progress)
                finally:
                    torch.set_num_threads(threads)
    return out


def _pretrain(world: int, row: Cell, how: Recipe, device: str, out: Path, progress: bool) -> None:
    text, _ = stored.texts(world, how.documents)
    second = None if row.objective is None else stored.bitext(world, row)
    source = checkpoint(world)
    tokenizer: Any = loading.tokenizer(source)
    words = words_by_language(source)
    model = to_device(gone_on_with(source), device)
    origin = {"world": world, "cell": asdict(row), "recipe": asdict(how)}
    optimizer, state = new_optimizer(model, how), State(out / "resume", origin)
    curve = state.load(model, optimizer)
    for found in steps(model, optimizer, text, second, row.objective, how, world, curve, progress):
        curve.append(found)
        if found["step"] == how.steps:
            model.eval()
            found["alignment"] = alignment(model, tokenizer, words, World(world))
        state.save(model, optimizer, curve)
    write_checkpoint(out, model, tokenizer, words)
    about: dict[str, Any] = {**origin, "device": device, "torch": torch.__version__}
    about["tokens"] = tokens(text, second, row.objective, how, world)
    if second is not None and bool((second.link >= 0).any()):
        about["links"] = quality(second, tokenizer)
    write_checked(out / "curve.json", {**about, "curve": curve})
    cards.seal(out, "# A small BERT\n\nPretrained on by `salt_lib`; see `curve.json`.\n")
    state.remove()


def steps(
    model,
    optimizer: torch.optim.AdamW,
    text: Text,
    second: Second,
    objective: str | None,
    how: Recipe,
    seed: int,
    curve: list[dict] | None = None,
    progress: bool = False,
) -> Iterator[dict]:
    """Train a model in place, gone on from a ``curve``; gives a row of it at each evaluation.

    Monolingual batches are those of all cells; what is drawn depends on seed and step alone. A row
    has step, seconds and the mean of each of `PARTS` since the last.
    """
    done = curve[-1]["step"] if curve else 0
    device = str(model.device.type)
    on_device = replace(
        text,
        ids=text.ids.to(device),
        length=text.length.to(device),
        pieces=[p.to(device) for p in text.pieces],
    )
    ours, theirs = batches(text, second, how, seed)
    rows = None if second is None else second.to(device)
    generator, sums = torch.Generator(device), torch.zeros(len(PARTS), device=device)
    started, last = time.time(), done
    model.train()
    for step in tqdm(range(done, how.steps), disable=not progress, desc=objective or "text"):
        for group, rate in zip(optimizer.param_groups, rates(how, step), strict=True):
            group["lr"] = rate
        generator.manual_seed(seed * 1_000_003 + step)
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            both = losses(model, on_device, ours[step].to(device), how, generator)
            chosen = theirs[step].to(device)
            if objective is None or rows is None:
                more = losses(model, on_device, chosen, how, generator)[0]
            else:
                more = loss(objective, model, rows.rows(chosen), on_device, how, generator)
        total = both[0] + how.next_sentence * both[1] + more
        descend(total, model, optimizer, f"the pretraining, seed {seed}", step + 1, how.clip)
        sums += torch.stack([*both, more]).detach()
        if (step + 1) % how.evaluate_every == 0 or step + 1 == how.steps:
            means = (sums / (step + 1 - last)).tolist()
            told = {name: round(value, 4) for name, value in zip(PARTS, means, strict=True)}
            yield {"step": step + 1, **told, "seconds": round(time.time() - started, 1)}
            sums.zero_()
            last = step + 1
            model.train()


def batches(
    text: Text, second: Second, how: Recipe, seed: int
) -> tuple[list[Tensor], list[Tensor]]:
    """Of each step the monolingual pairs (batch, 3), and the second batch: numbers of pairs
    (batch,), or without any, more monolingual pairs. SaltError: too little text for a batch."""
    alone: list[np.ndarray] = []
    epoch = 0
    while len(alone) < 2 * how.steps:
        more = epoch_pairs(text, seed, epoch, how.batch, how.neighbours)
        if not more:
            raise SaltError(
                f"too little text for batches of {how.batch} pairs of sentences; give more "
                "documents"
            )
        alone, epoch = alone + more, epoch + 1
    ours = [torch.from_numpy(one) for one in alone[: 2 * how.steps]]
    if second is None:
        return ours[: how.steps], ours[how.steps :]
    dice = torch.Generator().manual_seed(seed)
    plan = Steps(how.steps, how.batch, how.learning_rate)
    return ours[: how.steps], list(full_batches(second.length.sum(dim=0), plan, dice))


def tokens(
    text: Text, second: Second, objective: str | None, how: Recipe, seed: int
) -> dict[str, int]:
    """How many tokens are read, [CLS] and [SEP] among them: monolingual, and in second batches."""
    ours, theirs = batches(text, second, how, seed)

    def read(pairs: list[Tensor]) -> int:
        each = torch.cat(pairs)
        return int((text.length[each[:, 0]] + text.length[each[:, 1]] + 3).sum())

    if second is None:
        return {"monolingual": read(ours), "second": read(theirs)}
    rows = torch.cat(theirs)
    marks = 3 if objective == TLM else 4  # of a pair read as one, of two sentences
    return {
        "monolingual": read(ours),
        "second": int(second.length[:, rows].sum()) + marks * len(rows),
    }


@torch.no_grad()
def held_out_loss(model: nn.Module, world: int, how: Recipe, count: int = 40) -> float:
    """The masked-word loss on held-out monolingual text, the mean of ``count`` batches."""
    _, held = stored.texts(world, how.documents)
    pairs = epoch_pairs(held, world, 0, how.batch, how.neighbours)[:count]
    generator = torch.Generator().manual_seed(world)
    model.eval()
    found = [losses(model, held, torch.from_numpy(one), how, generator)[0] for one in pairs]
    return float(torch.stack(found).mean())


def told(made: str | Path) -> dict:
    """What an encoder's pretraining says of itself: steps, seconds, losses, alignment (language →
    share), tokens, device, and with links how good they are (`links.quality`)."""
    about = read_checked(Path(made) / "curve.json")
    last = about["curve"][-1]
    return {
        "steps": last["step"],
        "seconds": seconds_of(about["curve"]),
        **{name: last[name] for name in PARTS},
        "alignment": {code: round(share, 4) for code, share in last["alignment"].items()},
        "tokens": about["tokens"],
        "device": about["device"],
        "links": about.get("links", {}),
    }

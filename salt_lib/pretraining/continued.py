"""Masked-language training that goes on: a head for an encoder that has none, or more of one.

Any BERT-like encoder and monolingual text will do. What an encoder lacks of a masked-language head
begins at random, its decoder tied to the word embeddings; embeddings and lower layers may stay as
they are. Batches hold sentences of one language and of like length, and languages with little text
come more often than their share. On a processor most of the time would go into the softmax over a
large vocabulary: there the right entries of a batch compete with each other and with a sample,
corrected for how often each is expected among them.

Source: masked words, Devlin et al. (2019); smoothed language shares, Conneau & Lample (2019);
sampled softmax, Jean et al. (2015). Chapter: On real text.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm import tqdm
from transformers import PreTrainedModel

from ..digests import digest, write_checked
from ..errors import SaltError
from ..models import cards, loading
from ..models.architectures import PRETRAINING
from ..models.heads import decoder, decoder_input
from ..training.loop import pace
from .loop import State

HELD_OUT = 200  # sentences of each language that are never trained on
LEAST = 8  # pieces of a sentence worth training on
SHARPNESS = 0.5  # languages are drawn as their number of sentences to this power


@dataclass(frozen=True)
class Continuation:
    """How a masked-language training goes on.

    steps: of the optimiser, head_steps of them with the head alone. frozen: lower layers that stay
    as they are, and with them the embeddings where it is not 0. batch: sentences. longest: pieces
    of a sentence. mask_rate: share of pieces to predict; of these 80 % are hidden, 10 % replaced,
    10 % left. sample: vocabulary entries that compete with the right ones, None for all.
    """

    steps: int = 2_000
    head_steps: int = 200
    frozen: int = 0
    batch: int = 32
    longest: int = 64
    learning_rate: float = 1e-4
    head_learning_rate: float = 1e-3
    warmup: float = 0.05
    weight_decay: float = 0.01
    clip: float = 1.0
    mask_rate: float = 0.2
    sample: int | None = None
    evaluate_every: int = 200

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "longest", "evaluate_every"):
            if getattr(self, name) < 1:
                raise SaltError(f"{name} {getattr(self, name)}: must be at least 1")
        if not 0 < self.mask_rate < 1:
            raise SaltError(f"mask_rate {self.mask_rate}: must be a share between 0 and 1")
        if self.sample is not None and self.sample < 2:
            raise SaltError(f"sample {self.sample}: at least two entries must compete")


def go_on(
    source: str | Path,
    texts: Mapping[str, Sequence[str]],
    out: str | Path,
    recipe: Continuation,
    seed: int = 0,
    *,
    device: str | None = None,
    resume: bool = True,
    progress: bool = True,
) -> dict:
    """Train a model's masked-language head, and what of its encoder is not frozen, on text.

    source: a folder or hub name. texts: language → sentences; of each the last `HELD_OUT` are for
    the evaluation. Writes an ordinary checkpoint folder, with ``curve.json``: at each evaluation
    the loss, and held-out loss and accuracy of masked pieces by language. Interrupted, the same
    call goes on. Returns the curve's last row. Raises SaltError for a language without enough text,
    a model that can have no such head, more frozen layers than it has, and a loss that is no
    number.
    """
    out = Path(out)
    if out.exists() and not (out / "resume").exists() and any(out.iterdir()):
        raise SaltError(f"{out} is there already: give a new folder for the model")
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    loading.check(source, PRETRAINING)
    tokenizer, mask = loading.tokenizer(source), loading.mask_token(source)
    torch.manual_seed(seed)
    model = loading.to_device(with_head(source), device)
    last = decoder(model)
    rows = {code: _rows(tokenizer, code, lines, recipe.longest) for code, lines in texts.items()}
    held = {code: sentences[-HELD_OUT:] for code, sentences in rows.items()}
    trained = {code: sentences[:-HELD_OUT] for code, sentences in rows.items()}
    head, upper = parts(model, recipe.frozen)
    optimizer = torch.optim.AdamW(
        [{"params": head}, {"params": upper}], weight_decay=recipe.weight_decay, fused=True
    )
    made_of = {
        "recipe": asdict(recipe),
        "seed": seed,
        "model": loading.identity(source),
        "text": digest(sorted((code, list(lines)) for code, lines in texts.items())),
    }
    state = State(out / "resume", made_of)
    curve = state.load(model, optimizer) if resume else []
    step = done = curve[-1]["step"] if curve else 0
    pieces = Pieces(trained, len(tokenizer), set(tokenizer.all_special_ids), mask, recipe, device)
    total, started = torch.zeros((), device=device), time.time()
    bar = tqdm(total=recipe.steps, initial=step, disable=not progress, desc="pretrain")
    model.train()
    while step < recipe.steps:
        for group, rate in zip(optimizer.param_groups, rates(recipe, step), strict=True):
            group["lr"] = rate
        for weight in upper:
            # A head without weights of its own (all are the encoder's) can't go first.
            weight.requires_grad_(step >= recipe.head_steps or not head)
        torch.manual_seed(seed * 1_000_003 + step)  # of the dropout
        batch = pieces.batch(seed, step)
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            loss = masked_loss(model, last, batch, pieces)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(head + upper, recipe.clip)
        optimizer.step()
        total += loss.detach()
        step += 1
        bar.update()
        if step % recipe.evaluate_every == 0 or step == recipe.steps:
            mean = float(total) / (step - done)
            if not math.isfinite(mean):
                raise SaltError(f"the training diverged before step {step}; lower learning_rate")
            seconds = round(time.time() - started, 1)
            row = {"step": step, "loss": round(mean, 4), "seconds": seconds}
            curve.append(row | {"held_out": evaluated(model, last, held, pieces)})
            state.save(model, optimizer, curve)
            bar.set_postfix(loss=f"{mean:.2f}")
            total.zero_()
            done = step
    bar.close()
    for weight in model.parameters():
        weight.requires_grad_(True)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    write_checked(out / "curve.json", {**made_of, "device": device, "curve": curve})
    cards.seal(out, "# A model trained on\n\nMade by `salt_lib`; how stands in `curve.json`.\n")
    state.remove()
    return curve[-1]


def with_head(source: str | Path) -> PreTrainedModel:
    """The model with a masked-language head; what the checkpoint lacks of one is random, its
    decoder tied to the word embeddings. SaltError: encoder weights are missing, or none can be."""
    model, about = loading.language_model(source)
    prefix = f"{model.base_model_prefix}."
    lacking = [name for name in about["missing_keys"] if name.startswith(prefix)]
    if lacking:
        raise SaltError(
            f"{source}: {', '.join(sorted(lacking)[:3])} are not in the checkpoint: it is no whole "
            "encoder. Give the pretrained model itself"
        )
    model.tie_weights()
    return model


def parts(model: PreTrainedModel, frozen: int) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The weights of the head, and those of the encoder that are trained; all others stay.

    frozen: so many lower layers, and the embeddings with them where it is not 0. SaltError: the
    encoder has fewer layers, or none that we find, or its layers are no list.
    """
    base = model.base_model
    lists = [module for module in base.modules() if isinstance(module, nn.ModuleList)]
    layers = lists[0] if lists else None
    if layers is None or not 0 <= frozen <= len(layers):
        count = 0 if layers is None else len(layers)
        raise SaltError(f"{frozen} frozen layers: this encoder has {count}")
    in_layers = set(layers.parameters())
    if frozen and any(w not in in_layers for other in lists for w in other.parameters()):
        raise SaltError(
            f"{frozen} frozen layers: {type(model).__name__} keeps the parts of a layer, or of "
            "several stacks of them, in lists of their own; give frozen=0"
        )
    inner = list(base.parameters())
    head = [w for w in model.parameters() if not any(w is other for other in inner)]
    upper = inner
    if frozen:
        above = [w for layer in list(layers)[frozen:] for w in layer.parameters()]
        upper = [w for w in inner if any(w is other for other in above)]
    for weight in inner:
        weight.requires_grad_(any(weight is other for other in upper))
    return head, upper


def rates(recipe: Continuation, step: int) -> tuple[float, float]:
    """The learning rates of head and encoder: each a linear rise, then a linear fall."""

    encoder = 0.0
    if step >= recipe.head_steps:
        steps = max(1, recipe.steps - recipe.head_steps)
        encoder = recipe.learning_rate * pace(step - recipe.head_steps + 1, steps, recipe.warmup)
    return recipe.head_learning_rate * pace(step + 1, recipe.steps, recipe.warmup), encoder


@dataclass(frozen=True)
class Masked:
    """A batch: ids and mask of what is read (batch, length), where masked, and what stood there."""

    ids: Tensor
    inside: Tensor
    chosen: Tensor
    target: Tensor


class Pieces:
    """Draws batches, and the entries that compete.

    rows: language → sentences as arrays of ids with the special tokens around. special: ids that
    are never masked.
    """

    def __init__(
        self,
        rows: Mapping[str, list[np.ndarray]],
        vocabulary: int,
        special: set[int],
        mask: int,
        recipe: Continuation,
        device: str,
    ):
        self.vocabulary, self.mask, self.recipe, self.device = vocabulary, mask, recipe, device
        self.special = np.array(sorted(special))
        self.codes = list(rows)
        # By length, so that a batch is a window of like lengths.
        self.rows = {code: sorted(sentences, key=len) for code, sentences in rows.items()}
        sizes = np.array([len(self.rows[code]) for code in self.codes], dtype=float)
        self.shares = sizes**SHARPNESS / (sizes**SHARPNESS).sum()
        self.own = {
            code: np.setdiff1d(np.unique(np.concatenate(found)), self.special)
            for code, found in self.rows.items()
        }
        counts = np.bincount(
            np.concatenate([row for found in self.rows.values() for row in found]),
            minlength=vocabulary,
        )
        # A bit for what never occurs, so that its embedding is pushed away as well.
        self.unigram = (counts + 0.1) / (counts + 0.1).sum()
        self.drawn = self.unigram**0.75 / (self.unigram**0.75).sum()

    def batch(self, seed: int, step: int) -> Masked:
        """The batch of a step, which depends on seed and step alone."""
        dice = np.random.default_rng([seed, step])
        code = self.codes[dice.choice(len(self.codes), p=self.shares)]
        found = self.rows[code]
        low = int(dice.integers(max(1, len(found) - self.recipe.batch + 1)))
        return self.masked(found[low : low + self.recipe.batch], code, dice)

    def masked(
        self, sentences: Sequence[np.ndarray], code: str, dice: np.random.Generator
    ) -> Masked:
        """Sentences with some of their pieces hidden, at least one."""
        longest = max(map(len, sentences))
        ids = np.zeros((len(sentences), longest), dtype=np.int64)
        inside = np.zeros(ids.shape, dtype=bool)
        for i, row in enumerate(sentences):
            ids[i, : len(row)], inside[i, : len(row)] = row, True
        free = inside & ~np.isin(ids, self.special)
        chosen = free & (dice.random(ids.shape) < self.recipe.mask_rate)
        if not chosen.any():
            chosen[tuple(np.argwhere(free)[0])] = True
        way, other = dice.random(ids.shape), dice.choice(self.own[code], ids.shape)
        hidden = np.where(way < 0.8, self.mask, np.where(way < 0.9, other, ids))
        read = np.where(chosen, hidden, ids)
        return Masked(
            *(torch.from_numpy(x).to(self.device) for x in (read, inside, chosen, ids[chosen]))
        )

    def competing(self, target: Tensor, dice: np.random.Generator) -> tuple[Tensor, Tensor]:
        """The entries of a sampled softmax, first the distinct targets in order, and the log of
        the probability with which each is among them: (entries,) each."""
        right = torch.unique(target)
        count = self.recipe.sample or 0
        drawn = dice.choice(self.vocabulary, count, p=self.drawn)
        more = np.setdiff1d(drawn, right.cpu().numpy())
        entries = torch.cat([right, torch.from_numpy(more).to(right.device)])
        # Missed by all n targets, which come as the text does, and by all `count` draws.
        as_text, as_drawn = (
            torch.log1p(-torch.from_numpy(p).to(right.device)[entries])
            for p in (self.unigram, self.drawn)
        )
        missed = len(target) * as_text + count * as_drawn
        return entries, torch.log(-torch.expm1(missed)).float()


def masked_loss(model: PreTrainedModel, last: nn.Module, batch: Masked, pieces: Pieces) -> Tensor:
    """The mean loss over the hidden pieces of a batch. last: the model's `heads.decoder`."""
    states = _states(model, batch)
    if pieces.recipe.sample is None:
        return cross_entropy(last(states).float(), batch.target)
    dice = np.random.default_rng([int(batch.target.sum()), len(batch.target)])
    entries, often = pieces.competing(batch.target, dice)
    logits = states @ last.get_parameter("weight")[entries].T
    if last.bias is not None:
        logits = logits + last.get_parameter("bias")[entries]
    place = torch.searchsorted(entries[: len(torch.unique(batch.target))], batch.target)
    return cross_entropy(logits.float() - often, place)


@torch.inference_mode()
def evaluated(
    model: PreTrainedModel,
    last: nn.Module,
    held: Mapping[str, list[np.ndarray]],
    pieces: Pieces,
) -> dict[str, dict[str, float]]:
    """Language → loss and accuracy on masked pieces of held-out sentences, over all entries.

    last: the model's `heads.decoder`.
    """
    model.eval()
    found = {}
    for code, rows in held.items():
        rows = sorted(rows, key=len)
        loss = right = count = 0.0
        for low in range(0, len(rows), pieces.recipe.batch):
            dice = np.random.default_rng([0, low])
            batch = pieces.masked(rows[low : low + pieces.recipe.batch], code, dice)
            logits = last(_states(model, batch)).float()
            loss += float(cross_entropy(logits, batch.target, reduction="sum"))
            right += int((logits.argmax(dim=1) == batch.target).sum())
            count += len(batch.target)
        found[code] = {"loss": round(loss / count, 4), "accuracy": round(right / count, 4)}
    model.train()
    return found


def _states(model: PreTrainedModel, batch: Masked) -> Tensor:
    """What the decoder reads at the hidden pieces: (hidden pieces, width)."""
    return decoder_input(model, batch.ids, attention_mask=batch.inside.long())[batch.chosen]


def _rows(tokenizer, code: str, lines: Sequence[str], longest: int) -> list[np.ndarray]:
    """A language's sentences as ids; those of fewer than `LEAST` pieces are left out."""
    if not lines:
        raise SaltError(f"{code!r} has no text: give its file some sentences or leave it out")
    limit = min(longest, tokenizer.model_max_length)
    encoded = tokenizer(list(lines), truncation=True, max_length=limit)["input_ids"]
    rows = [np.array(row) for row in encoded if len(row) >= LEAST]
    if len(rows) <= HELD_OUT:
        raise SaltError(
            f"{code!r} has only {len(rows)} sentences of {LEAST} pieces or more, and {HELD_OUT} "
            "are kept for evaluation: give more text or leave the language out"
        )
    return rows

"""The pretraining: from monolingual text to a tokenizer and a small BERT, interruptible.

Chapter: The laboratory.
"""

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn
from tqdm import tqdm
from transformers import BertForPreTraining, PreTrainedTokenizerFast

from ..digests import content, digest, read_checked, write_checked
from ..errors import SaltError
from ..files import write_json, write_text
from ..models import cards
from ..models.loading import to_device
from ..models.weights import save_tensors
from ..salt.vocabulary import count_words, language_words
from ..training.state import optimizer_state, restore_optimizer
from .data import Text, epoch_pairs, tokenize
from .model import TIED, losses, new_model
from .recipe import Recipe
from .wordpiece import train_tokenizer

Documents = dict[str, list[list[str]]]  # language → documents → sentences
Look = Callable[[nn.Module, PreTrainedTokenizerFast, dict[str, dict[str, int]]], dict]


def pretrain_on(
    texts: Documents,
    out: str | Path,
    recipe: Recipe,
    seed: int = 0,
    *,
    punctuation: bool = False,
    look: Look | None = None,
    resume: bool = True,
    device: str | None = None,
    progress: bool = True,
) -> dict:
    """Make a tokenizer and a small BERT from any monolingual text; returns the last curve row.

    texts: language → documents of equally many sentences (two or more). punctuation: whether marks
    are words of their own. look: called with model, tokenizer and the languages' words at each
    evaluation; what it returns goes into the curve.

    Writes tokenizer.json, config.json, model.safetensors, vocabulary.json (the monolingual counts),
    curve.json and a model card with the digests of these into ``out``. Interrupted, the same call
    goes on from the last evaluation (folder ``resume/``, removed at the end). The same seed on the
    same machine and device gives the same checkpoint.

    Raises SaltError for an empty corpus, documents of unequal length, text too short for a batch,
    what another recipe left in ``resume/``, and a loss that is no number.
    """
    out = Path(out)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    lines = check(texts)
    tokenizer = train_tokenizer(lines, recipe.vocabulary, punctuation)
    words = language_words({code: count_words(lines[code]) for code in lines})
    text = tokenize(tokenizer, texts)
    model = to_device(new_model(recipe, len(tokenizer), seed), device)
    optimizer = new_optimizer(model, recipe)
    pieces = digest(sorted(tokenizer.get_vocab()))
    made_of = {"recipe": asdict(recipe), "seed": seed, "pieces": pieces}
    state = State(out / "resume", made_of)
    curve = state.load(model, optimizer) if resume else []
    step = curve[-1]["step"] if curve else 0
    batches = _batches(text, seed, recipe, step)
    on_device = replace(
        text,
        ids=text.ids.to(device),
        length=text.length.to(device),
        pieces=[p.to(device) for p in text.pieces],
    )
    generator, sums = torch.Generator(device), torch.zeros(2, device=device)
    started, done = time.time(), step
    label = f"pretrain, seed {seed}"
    bar = tqdm(total=recipe.steps, initial=step, disable=not progress, desc=label)
    model.train()
    while step < recipe.steps:
        for group, rate in zip(optimizer.param_groups, rates(recipe, step), strict=True):
            group["lr"] = rate
        generator.manual_seed(seed * 1_000_003 + step)
        pairs = torch.from_numpy(next(batches)).to(device)
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            both = losses(model, on_device, pairs, recipe, generator)
        optimizer.zero_grad(set_to_none=True)
        (both[0] + recipe.next_sentence * both[1]).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
        optimizer.step()
        sums += torch.stack(both).detach()
        step += 1
        bar.update()
        if step % recipe.evaluate_every == 0 or step == recipe.steps:
            curve.append(_row(step, sums / (step - done), time.time() - started))
            if look:
                model.eval()
                curve[-1] |= look(model, tokenizer, words)
                model.train()
            bar.set_postfix(mlm=f"{curve[-1]['masked_word_loss']:.2f}")
            state.save(model, optimizer, curve)
            sums.zero_()
            done = step
    bar.close()
    write_checkpoint(out, model, tokenizer, words)
    about = {"seed": seed, "recipe": asdict(recipe), "device": device, "torch": torch.__version__}
    write_checked(out / "curve.json", {**about, "curve": curve})
    cards.seal(out, "# A small BERT\n\nPretrained by `salt_lib`; how stands in `curve.json`.\n")
    state.remove()
    return curve[-1]


def check(texts: Documents) -> dict[str, list[str]]:
    """Language → its sentences; SaltError for an empty corpus or documents of unequal length."""
    lines = {code: [s for d in docs for s in d] for code, docs in texts.items()}
    empty = [code for code, sentences in lines.items() if not sentences]
    if empty or not lines:
        raise SaltError(f"an empty corpus: no sentence in {', '.join(empty) or 'any language'}")
    size = len(next(iter(texts.values()))[0])
    uneven = [code for code, docs in texts.items() if any(len(d) != size for d in docs)]
    if uneven:
        raise SaltError(
            f"documents of unequal length in {', '.join(uneven)}: all need {size} sentences"
        )
    return lines


def new_optimizer(model: BertForPreTraining, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW with the word embeddings, each seldom in a batch, in a group of their own."""
    words = model.bert.embeddings.word_embeddings.weight
    others = [p for p in model.parameters() if p is not words]
    groups: list[dict[str, Any]] = [{"params": [words]}, {"params": others}]
    return torch.optim.AdamW(
        groups,
        weight_decay=recipe.weight_decay,
        betas=(0.9, 0.98),
        fused=True,
    )


def rates(recipe: Recipe, step: int) -> tuple[float, float]:
    """The learning rates of word embeddings and of the rest: a linear rise, then a linear fall."""
    warm = max(1, int(recipe.warmup * recipe.steps))
    fall = max(0.0, (recipe.steps - step) / max(1, recipe.steps - warm))
    share = min((step + 1) / warm, fall)
    return recipe.word_learning_rate * share, recipe.learning_rate * share


def _batches(text: Text, seed: int, recipe: Recipe, done: int) -> Iterator[np.ndarray]:
    """The batches after those that are done, epoch after epoch, without end."""
    per_epoch = len(epoch_pairs(text, seed, 0, recipe.batch, recipe.neighbours))
    if not per_epoch:
        pairs = len(text.length) // text.document * (text.document - 1)
        raise SaltError(
            f"too little text: {pairs} pairs of sentences make no batches of {recipe.batch}; give "
            "more text, documents of two or more sentences, or a smaller batch"
        )

    def endless() -> Iterator[np.ndarray]:
        epoch, skipped = divmod(done, per_epoch)
        while True:
            batches = epoch_pairs(text, seed, epoch, recipe.batch, recipe.neighbours)
            yield from batches[skipped:]
            epoch, skipped = epoch + 1, 0

    return endless()


def _row(step: int, means: torch.Tensor, seconds: float) -> dict[str, Any]:
    masked_word, next_sentence = means.tolist()
    if not np.isfinite(masked_word + next_sentence):
        raise SaltError(f"pretraining diverged before step {step}; lower learning_rate")
    return {
        "step": step,
        "masked_word_loss": round(masked_word, 4),
        "next_sentence_loss": round(next_sentence, 4),
        "seconds": round(seconds, 3),
    }


def seconds_of(curve: list[dict]) -> float:
    """The seconds of a whole pretraining by its curve, however often it was interrupted.

    Whoever goes on after an interruption counts from 0 again.
    """
    seconds = before = 0.0
    for row in curve:
        seconds += row["seconds"] - (before if row["seconds"] >= before else 0.0)
        before = row["seconds"]
    return round(seconds, 3)


class State:
    """What an interrupted pretraining goes on from, in a folder of its own.

    made_of: recipe, seed and text; a state of anything else is an error. A damaged one is none,
    with a warning.
    """

    def __init__(self, folder: Path, made_of: dict):
        self.folder, self.made_of = folder, made_of

    def load(self, model: nn.Module, optimizer: torch.optim.AdamW) -> list[dict]:
        """Put model and optimizer where they were; returns the curve until then, maybe empty."""
        if not (self.folder / "curve.json").exists():
            return []
        try:
            saved = read_checked(self.folder / "curve.json")
            damaged = [n for n, d in saved["digests"].items() if content(self.folder / n) != d]
        except (SaltError, OSError, KeyError) as error:
            damaged = [str(error)]
        if damaged:
            warnings.warn(
                f"{self.folder}: damaged ({', '.join(damaged)}); the pretraining begins again",
                stacklevel=3,
            )
            return []
        if {key: saved.get(key) for key in self.made_of} != self.made_of:
            raise SaltError(
                f"{self.folder}: left by another recipe, seed or text; remove it or choose another "
                "folder"
            )
        model.load_state_dict(load_file(self.folder / f"model-{saved['step']}.safetensors"))
        kept = load_file(self.folder / f"optimizer-{saved['step']}.safetensors")
        restore_optimizer(optimizer, list(model.parameters()), kept)
        return saved["curve"]

    def save(self, model: nn.Module, optimizer: torch.optim.AdamW, curve: list[dict]) -> None:
        """Keep where the pretraining is; what was kept before goes once this is whole."""
        step = curve[-1]["step"]
        save_tensors(self.folder / f"model-{step}.safetensors", model.state_dict())
        kept = optimizer_state(optimizer, list(model.parameters()))
        save_tensors(self.folder / f"optimizer-{step}.safetensors", kept)
        files = (f"model-{step}.safetensors", f"optimizer-{step}.safetensors")
        digests = {name: content(self.folder / name) for name in files}
        note = {**self.made_of, "step": step, "curve": curve, "digests": digests}
        write_checked(self.folder / "curve.json", note)
        for old in self.folder.glob("*.safetensors"):
            if not old.stem.endswith(f"-{step}"):
                old.unlink()

    def remove(self) -> None:
        """The pretraining is over."""
        for left in self.folder.glob("*"):
            left.unlink()
        self.folder.rmdir()


def write_checkpoint(
    out: Path,
    model: BertForPreTraining,
    tokenizer: PreTrainedTokenizerFast,
    words: dict[str, dict[str, int]],
) -> None:
    """Write a pretrained model as transformers loads it, with its languages' words beside it."""
    tokenizer.save_pretrained(out)
    write_json(out / "vocabulary.json", words)
    model.config.architectures = ["BertForPreTraining"]
    write_text(out / "config.json", model.config.to_json_string())
    state = {name: value for name, value in model.state_dict().items() if name != TIED}
    save_tensors(out / "model.safetensors", state)

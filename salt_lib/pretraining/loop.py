"""How the tiny mBERT is made: WordPiece, then masked words and next sentences, in 17 languages.

The text is monolingual and never parallel (`minibabel.corpora`). As in BERT (Devlin et al. 2019) a
share of the tokens is predicted, and whether the second sentence follows the first; both are always
in one language. Beside the checkpoint stands a curve of both losses and of the *alignment* per
language: how often the unmasked prediction, restricted to a language, is a true translation. The
curve is only looked at; no lexicon enters the training.

Chapter: The laboratory.
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from tqdm import tqdm
from transformers import BertConfig, BertForPreTraining

from ..errors import SaltError
from ..files import write_json, write_through
from ..models.weights import save_tensors
from ..salt.vocabulary import count_words, language_words
from ..training.state import optimizer_state, restore_optimizer
from .data import Text, assemble, draw_noise, epoch_pairs, mask_tokens, tokenize
from .wordpiece import MAX_LENGTH, train_tokenizer


@dataclass(frozen=True)
class Recipe:
    """What a pretraining is made of; every number was chosen in the tuning world."""

    vocabulary: int = 10_000
    hidden: int = 80
    layers: int = 2
    heads: int = 2
    intermediate: int = 320
    activation: str = "relu"
    dropout: float = 0.0
    init: float = 0.1  # standard deviation of the first weights
    mimetic: bool = True  # whether the first layer begins as a comparison
    documents: int = 16_000
    steps: int = 34_000
    batch: int = 64
    learning_rate: float = 2e-3
    word_learning_rate: float = 6e-3  # of the word embeddings, each seldom in a batch
    warmup: float = 0.05
    weight_decay: float = 0.01
    clip: float = 1.0
    mask_rate: float = 0.4
    keep: float = 0.1  # of the chosen tokens: left as they are
    random: float = 0.1  # of the chosen tokens: replaced by another of the language
    next_sentence: float = 1.0  # weight of its loss
    neighbours: float = 0.5  # of sentences that don't follow: from the neighbouring document
    softmax: str = "language"  # masked words compete with their "language"'s words, or with "all"
    evaluate_every: int = 1000


def _compare(bert) -> None:
    """Let the first layer begin as a comparison (mimetic initialisation, Trockman & Kolter 2023).

    Its keys start as its queries, so a token attends to tokens like itself; what it reads there is
    subtracted, so only what has no like elsewhere stays. Word embeddings outweigh those of position
    and segment.
    """
    layer = bert.encoder.layer[0]
    attention, output = layer.attention.self, layer.attention.output.dense
    with torch.no_grad():
        attention.query.weight *= 1.5
        attention.key.load_state_dict(attention.query.state_dict())
        torch.nn.init.orthogonal_(attention.value.weight)
        output.weight.copy_(-attention.value.weight.T)
        for where in (bert.embeddings.position_embeddings, bert.embeddings.token_type_embeddings):
            where.weight *= 0.3


def losses(model, text: Text, pairs: torch.Tensor, recipe: Recipe, generator: torch.Generator):
    """Masked-word and next-sentence loss of one batch; logits are made for chosen tokens only.

    With ``softmax="language"`` a masked word competes with the pieces of its own language, as in
    the multilingual language models of Wada & Iwata (2018): the network then needn't tell the
    languages apart by its hidden states.
    """
    ids, segments, attention = assemble(text, pairs)
    bounds = torch.tensor([high for _, high in text.start.values()], device=ids.device)
    language = torch.bucketize(pairs[:, 0].contiguous(), bounds, right=True)
    noise = draw_noise(text, language, ids.shape[1], generator)
    inputs, chosen = mask_tokens(
        ids, noise, recipe.mask_rate, recipe.keep, recipe.random, generator
    )
    output = model.bert(inputs, attention_mask=attention, token_type_ids=segments)
    entropy = torch.nn.functional.cross_entropy
    follows = entropy(model.cls.seq_relationship(output.pooler_output).float(), 1 - pairs[:, 2])
    head = model.cls.predictions
    hidden, target = output.last_hidden_state[chosen], ids[chosen]
    if recipe.softmax == "all":
        return entropy(head(hidden).float(), target), follows
    hidden = head.transform(hidden)
    language = language[:, None].expand_as(ids)[chosen]
    order = language.argsort(stable=True)
    hidden, target, language = hidden[order], target[order], language[order]
    found, count = torch.unique_consecutive(language, return_counts=True)
    count = count.tolist()
    pieces = [text.pieces[code] for code in found.tolist()]
    sizes = [len(own) for own in pieces]
    every = torch.cat(pieces)  # gathered at once: each gather's gradient is as large as the table
    weight, bias = head.decoder.weight[every].split(sizes), head.decoder.bias[every].split(sizes)
    total = hidden.new_zeros(())
    for own, w, b, h, t in zip(
        pieces, weight, bias, hidden.split(count), target.split(count), strict=True
    ):
        right = torch.searchsorted(own, t)
        total = total + entropy(torch.addmm(b, h, w.T).float(), right, reduction="sum")
    return total / len(target), follows


def pretrain_on(
    texts: dict[str, list[list[str]]],
    out: str | Path,
    recipe: Recipe,
    seed: int = 0,
    punctuation: bool = False,
    look: Callable[..., dict] | None = None,
    resume: bool = True,
    device: str | None = None,
    progress: bool = True,
) -> dict:
    """Make a tokenizer and a small BERT from any monolingual text; returns the last curve row.

    texts: language → documents of equally many sentences (two or more). look: called with model,
    tokenizer and the languages' words at each evaluation; what it returns goes into the curve.
    Writes tokenizer.json, config.json, model.safetensors, vocabulary.json (the monolingual counts)
    and curve.json into ``out``. Interrupted, the same call goes on from the last evaluation (folder
    ``resume/``, removed at the end). The same seed on the same machine and device gives the same
    checkpoint.
    """
    out = Path(out)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(seed)
    lines = {code: [s for d in docs for s in d] for code, docs in texts.items()}
    empty = [code for code, found in lines.items() if not found]
    if empty or not lines:
        raise SaltError(f"an empty corpus: no sentence in {', '.join(empty) or 'any language'}")
    size = len(next(iter(texts.values()))[0])
    uneven = [code for code, docs in texts.items() if any(len(d) != size for d in docs)]
    if uneven:
        raise SaltError(
            f"documents of unequal length in {', '.join(uneven)}: all need {size} sentences"
        )
    tokenizer = train_tokenizer(lines, recipe.vocabulary, punctuation)
    own = language_words({code: count_words(lines[code]) for code in lines})
    text = tokenize(tokenizer, texts)
    per_epoch = len(epoch_pairs(text, seed, 0, recipe.batch, recipe.neighbours))
    if not per_epoch:
        pairs = len(text.length) // size * (size - 1)
        raise SaltError(
            f"too little text: {pairs} pairs of sentences make no batches of {recipe.batch}; give "
            "more text, documents of two or more sentences, or a smaller batch"
        )
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.hidden,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        intermediate_size=recipe.intermediate,
        hidden_act=recipe.activation,
        hidden_dropout_prob=recipe.dropout,
        attention_probs_dropout_prob=recipe.dropout,
        max_position_embeddings=MAX_LENGTH,
        initializer_range=recipe.init,
    )
    model = BertForPreTraining(config)
    if recipe.mimetic:
        _compare(model.bert)
    model.to(device)
    parameters = list(model.parameters())
    words = model.bert.embeddings.word_embeddings.weight
    others = [p for p in parameters if p is not words]
    optimizer = torch.optim.AdamW(
        [{"params": [words]}, {"params": others}],
        weight_decay=recipe.weight_decay,
        betas=(0.9, 0.98),
        fused=True,
    )
    peaks = (recipe.word_learning_rate, recipe.learning_rate)
    warm = max(1, int(recipe.warmup * recipe.steps))
    rate = lambda s: min((s + 1) / warm, max(0.0, (recipe.steps - s) / max(1, recipe.steps - warm)))  # noqa: E731
    curve, step = [], 0
    pieces = sha256("\n".join(sorted(tokenizer.get_vocab())).encode()).hexdigest()
    made_of = {"recipe": asdict(recipe), "seed": seed, "pieces": pieces}
    kept = out / "resume"
    if resume and (kept / "curve.json").exists():
        saved = json.loads((kept / "curve.json").read_text())
        if {key: saved.get(key) for key in made_of} != made_of:
            raise SaltError(
                f"{kept}: left by another recipe, seed or text; remove it or choose another folder"
            )
        model.load_state_dict(load_file(kept / f"model-{saved['step']}.safetensors"))
        restore_optimizer(
            optimizer, parameters, load_file(kept / f"optimizer-{saved['step']}.safetensors")
        )
        curve, step = saved["curve"], saved["step"]
    cpu_text = replace(text)
    text = replace(
        text,
        ids=text.ids.to(device),
        length=text.length.to(device),
        pieces=[p.to(device) for p in text.pieces],
    )
    generator = torch.Generator(device)
    bar = tqdm(
        total=recipe.steps, initial=step, disable=not progress, desc=f"pretrain, seed {seed}"
    )
    started, sums = time.time(), torch.zeros(2, device=device)
    model.train()
    while step < recipe.steps:
        batches = epoch_pairs(cpu_text, seed, step // per_epoch, recipe.batch, recipe.neighbours)
        for pairs in batches[step % per_epoch :]:
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * rate(step)
            generator.manual_seed(seed * 1_000_003 + step)
            with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
                found = losses(model, text, torch.from_numpy(pairs).to(device), recipe, generator)
            loss = found[0] + recipe.next_sentence * found[1]
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, recipe.clip)
            optimizer.step()
            sums += torch.stack(found).detach()
            step += 1
            bar.update()
            if step % recipe.evaluate_every == 0 or step == recipe.steps:
                model.eval()
                done = step - (curve[-1]["step"] if curve else 0)
                mlm, nsp = (sums / done).tolist()
                if not np.isfinite(mlm + nsp):
                    raise SaltError(f"pretraining diverged before step {step}; lower learning_rate")
                row = {
                    "step": step,
                    "masked_word_loss": round(mlm, 4),
                    "next_sentence_loss": round(nsp, 4),
                    "seconds": round(time.time() - started, 1),
                }
                if look:
                    row |= look(model, tokenizer, own)
                curve.append(row)
                sums.zero_()
                bar.set_postfix(mlm=f"{mlm:.2f}", nsp=f"{nsp:.2f}")
                model.train()
                save_tensors(kept / f"model-{step}.safetensors", model.state_dict())
                save_tensors(
                    kept / f"optimizer-{step}.safetensors", optimizer_state(optimizer, parameters)
                )
                write_json(kept / "curve.json", {**made_of, "step": step, "curve": curve})
                for old in kept.glob("*.safetensors"):
                    if not old.stem.endswith(f"-{step}"):
                        old.unlink()
            if step == recipe.steps:
                break
    bar.close()
    tokenizer.save_pretrained(out)
    write_json(out / "vocabulary.json", own)
    config.architectures = ["BertForPreTraining"]
    write_through(out / "config.json", lambda p: p.write_text(config.to_json_string()) and None)
    state = model.state_dict()
    state = {k: v for k, v in state.items() if k != "cls.predictions.decoder.weight"}
    save_tensors(out / "model.safetensors", state)
    write_json(
        out / "curve.json",
        {
            "seed": seed,
            "recipe": asdict(recipe),
            "device": device,
            "torch": torch.__version__,
            "curve": curve,
        },
    )
    for left in kept.glob("*"):
        left.unlink()
    kept.rmdir()
    return curve[-1]

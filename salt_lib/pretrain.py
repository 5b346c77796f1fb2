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
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from tqdm import tqdm
from transformers import BertConfig, BertForPreTraining, PreTrainedTokenizerFast

from .errors import SaltError
from .files import write_json, write_through
from .languages import LANGUAGES, SOURCE
from .minibabel import corpora
from .minibabel.facts import FIELDS, PARTITIONS, World, readable, sample_in
from .minibabel.grammar import words
from .minibabel.lexicon import concept_of, concepts_of_form, lexicon
from .vocabulary import count_words, language_words, piece_ids

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PAD, UNK, CLS, SEP, MASK = range(5)
MAX_LENGTH = 64
SMOOTHING = 0.3


@dataclass(frozen=True)
class Recipe:
    """What a pretraining is made of; every number was chosen in the tuning world."""

    vocabulary: int = 10_000
    hidden: int = 96
    layers: int = 3
    heads: int = 4
    intermediate: int = 384
    dropout: float = 0.0
    documents: int = corpora.DOCUMENTS
    steps: int = 12_000
    batch: int = 512
    learning_rate: float = 3e-3
    warmup: float = 0.05
    weight_decay: float = 0.01
    clip: float = 1.0
    mask_rate: float = 0.4
    keep: float = 0.1  # of the chosen tokens: left as they are
    random: float = 0.1  # of the chosen tokens: replaced by any token
    next_sentence: float = 1.0  # weight of its loss
    softmax: str = "language"  # masked words compete with their "language"'s words, or with "all"
    evaluate_every: int = 500


def train_tokenizer(lines: dict[str, list[str]], size: int) -> PreTrainedTokenizerFast:
    """A cased WordPiece that keeps accents and splits at spaces only, from text by language.

    As in mBERT every language's words count by the power `SMOOTHING` of its size, or a small
    corpus would be split to pieces. ``size`` merges are learned; the stepping stones among them
    that no text uses any more (on the way to "hospital": "hosp") are then dropped, so the
    vocabulary ends smaller.
    """
    largest = max(map(len, lines.values()))
    sample = (s for code in lines for s in lines[code] * _repeats(len(lines[code]), largest))
    trained = _wordpiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=SPECIAL, continuing_subword_prefix="##", show_progress=False
    )
    trained.train_from_iterator(sample, trainer)
    distinct = sorted({word for code in lines for s in lines[code] for word in s.split()})
    encoded = trained.encode_batch(distinct)
    used = {piece for e in encoded for piece in e.tokens} - set(SPECIAL)
    vocabulary = {piece: i for i, piece in enumerate([*SPECIAL, *sorted(used)])}
    tokenizer = _wordpiece(vocabulary)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", SEP), ("[CLS]", CLS))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=MAX_LENGTH,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def _repeats(size: int, largest: int) -> int:
    return max(1, round((largest / size) ** (1 - SMOOTHING)))


def _wordpiece(vocabulary: dict[str, int] | None = None) -> Tokenizer:
    model = models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=60)
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer


@dataclass
class Text:
    """The tokenized corpora: sentence i is ``ids[i, :length[i]]``, three in a row are a document."""

    ids: torch.Tensor  # (sentences, longest), int16
    length: torch.Tensor  # (sentences,)
    start: dict[str, tuple[int, int]]  # language → its sentences' range
    pieces: list[torch.Tensor]  # the pieces that each language's text uses, in the order of start


def tokenize(tokenizer, texts: dict[str, list[list[str]]]) -> Text:
    """Tokenize every language's documents; see `Text`."""
    rows, start, pieces = [], {}, []
    for code, documents in texts.items():
        flat = [sentence for document in documents for sentence in document]
        encoded = tokenizer.backend_tokenizer.encode_batch(flat, add_special_tokens=False)
        start[code] = (len(rows), len(rows) + len(flat))
        rows += [e.ids for e in encoded]
        pieces.append(torch.tensor(sorted({i for e in encoded for i in e.ids})))
    length = torch.tensor([len(row) for row in rows])
    limit = (MAX_LENGTH - 3) // 2
    ids = torch.zeros(len(rows), limit, dtype=torch.int16)
    for i, row in enumerate(rows):
        ids[i, : min(len(row), limit)] = torch.tensor(row[:limit])
    return Text(ids, length.clamp(max=limit), start, pieces)


def epoch_pairs(text: Text, seed: int, epoch: int, batch: int) -> list[np.ndarray]:
    """One pass over the text as batches of (first, second, follows): each (batch, 3) int64.

    Half of the pairs are two consecutive sentences of a document, half a sentence and one from
    another document of its language. A batch holds pairs of like length.
    """
    rng = np.random.default_rng([seed, 4, epoch])
    count = corpora.SENTENCES
    pairs = []
    for low, high in text.start.values():
        first = np.arange(low, high)
        first = first[(first - low) % count < count - 1]
        follows = rng.random(len(first)) < 0.5
        other = rng.integers(low, high, size=len(first))
        same = (other - low) // count == (first - low) // count
        follows |= same
        pairs.append(np.stack([first, np.where(follows, first + 1, other), follows], axis=1))
    pairs = rng.permutation(np.concatenate(pairs))
    length = text.length.numpy()
    batches = []
    for low in range(0, len(pairs), batch * 50):
        pool = pairs[low : low + batch * 50]
        pool = pool[np.argsort(length[pool[:, 0]] + length[pool[:, 1]], kind="stable")]
        batches += [pool[i : i + batch] for i in range(0, len(pool), batch)]
    order = rng.permutation(len(batches))
    return [batches[i] for i in order if len(batches[i]) == batch]


def assemble(text: Text, pairs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """[CLS] first [SEP] second [SEP] for pairs (batch, 2): ids, segments, mask, (batch, length)."""
    first, second = pairs[:, 0], pairs[:, 1]
    a, b = text.length[first][:, None], text.length[second][:, None]
    total = a + b + 3
    t = torch.arange(int(total.max()), device=pairs.device)[None]
    limit = text.ids.shape[1] - 1
    from_a = text.ids[first].long().gather(1, (t - 1).clamp(0, limit).expand(len(pairs), -1))
    from_b = text.ids[second].long().gather(1, (t - a - 2).clamp(0, limit))
    ids = torch.where(t <= a, from_a, from_b)
    ids = torch.where((t == a + 1) | (t == total - 1), SEP, ids)
    ids = torch.where(t == 0, CLS, ids)
    inside = t < total
    return torch.where(inside, ids, PAD), ((t > a + 1) & inside).long(), inside.long()


def mask_tokens(ids: torch.Tensor, recipe: Recipe, size: int, generator: torch.Generator):
    """Choose what is predicted and hide it: (inputs, chosen), both (batch, length)."""
    dice = torch.rand((3, *ids.shape), generator=generator, device=ids.device)
    chosen = (dice[0] < recipe.mask_rate) & (ids >= len(SPECIAL))
    noise = (dice[2] * (size - len(SPECIAL))).long() + len(SPECIAL)
    hidden = torch.where(dice[1] < recipe.random, noise, MASK)
    hidden = torch.where(dice[1] > 1 - recipe.keep, ids, hidden)
    return torch.where(chosen, hidden, ids), chosen


def losses(model, text: Text, pairs: torch.Tensor, recipe: Recipe, generator: torch.Generator):
    """Masked-word and next-sentence loss of one batch; logits are made for chosen tokens only.

    With ``softmax="language"`` a masked word competes with the pieces of its own language, as in
    the multilingual language models of Wada & Iwata (2018): the network then needn't tell the
    languages apart by its hidden states.
    """
    ids, segments, attention = assemble(text, pairs)
    inputs, chosen = mask_tokens(ids, recipe, model.config.vocab_size, generator)
    output = model.bert(inputs, attention_mask=attention, token_type_ids=segments)
    entropy = torch.nn.functional.cross_entropy
    follows = entropy(model.cls.seq_relationship(output.pooler_output).float(), 1 - pairs[:, 2])
    head = model.cls.predictions
    hidden, target = output.last_hidden_state[chosen], ids[chosen]
    if recipe.softmax == "all":
        return entropy(head(hidden).float(), target), follows
    hidden = head.transform(hidden)
    bounds = torch.tensor([high for _, high in text.start.values()], device=ids.device)
    language = torch.bucketize(pairs[:, 0].contiguous(), bounds, right=True)
    language = language[:, None].expand_as(ids)[chosen]
    order = language.argsort(stable=True)
    hidden, target, language = hidden[order], target[order], language[order]
    found, count = torch.unique_consecutive(language, return_counts=True)
    total = hidden.new_zeros(())
    for code, h, t in zip(found.tolist(), hidden.split(count.tolist()), target.split(count.tolist()), strict=True):
        own = text.pieces[code]
        logits = h @ head.decoder.weight[own].T + head.decoder.bias[own]
        total = total + entropy(logits.float(), torch.searchsorted(own, t), reduction="sum")
    return total / len(target), follows


@torch.no_grad()
def alignment(model, tokenizer, own: dict[str, dict[str, int]], world: World, count: int = 400):
    """Language → share of English content tokens whose unmasked, restricted prediction is right.

    Right: the commonest prediction among the language's whole words is a form of the same concept.
    Tokens whose own form is also the language's are left out (they need no translation). Uses
    ``count`` facts of the "dev" partition.
    """
    rng = np.random.default_rng([world.seed, 5])
    facts = sample_in(world, rng, np.full(count, PARTITIONS.index("dev")))
    facts = [readable(row) for row in facts]
    sentences = [words(fact, SOURCE) for fact in facts]
    pieces = tokenizer.get_vocab()
    entry = {i: piece for piece, i in pieces.items()}
    device = model.device
    encoded = [[CLS, *(pieces.get(w, UNK) for w in s), SEP] for s in sentences]
    width = max(map(len, encoded))
    ids = torch.tensor([row + [PAD] * (width - len(row)) for row in encoded], device=device)
    hidden = model.bert(ids, attention_mask=(ids != PAD).long()).last_hidden_state
    content = {w for w, c in concept_of().items() if lexicon()[c].kind != "function"}
    known = torch.tensor([entry[i] in content for i in range(len(entry))], device=device)
    at = known[ids]
    source = [entry[i] for i in ids[at].tolist()]
    logits = model.cls.predictions(hidden[at]).float()
    scores = {}
    for code in own:
        if code == SOURCE:
            continue
        candidates = torch.tensor(piece_ids(own[code], pieces), device=device)
        best = candidates[logits[:, candidates].argmax(dim=1)].tolist()
        truth = concepts_of_form(code)
        judged = [
            concept_of()[word] in truth.get(entry[i], ())
            for word, i in zip(source, best, strict=True)
            if word not in truth
        ]
        scores[code] = float(np.mean(judged))
    return scores


def _save(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    # Tied weights share memory, which safetensors refuses: every tensor gets its own.
    own = {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}
    write_through(path, lambda temporary: save_file(own, str(temporary)))


def _state(optimizer: torch.optim.AdamW, parameters: list) -> dict[str, torch.Tensor]:
    """AdamW's moments by parameter number, so that a pretraining resumes without a pickle."""
    return {
        f"{i}.{key}": torch.as_tensor(value)
        for i, p in enumerate(parameters)
        for key, value in optimizer.state[p].items()
    }


def _restore(optimizer: torch.optim.AdamW, parameters: list, state: dict) -> None:
    for name, value in state.items():
        i, key = name.split(".")
        p = parameters[int(i)]
        optimizer.state[p][key] = value.to("cpu" if key == "step" else p.device)


def pretrain(
    world: int,
    out: str | Path,
    recipe: Recipe | None = None,
    resume: bool = True,
    device: str | None = None,
    progress: bool = True,
) -> dict:
    """Make world ``world``'s tokenizer and tiny mBERT in folder ``out``; returns the last curve row.

    Writes tokenizer.json, config.json, model.safetensors, vocabulary.json (the monolingual counts),
    curve.json. Interrupted, the same call goes on from the last evaluation (folder ``resume/``,
    removed at the end). The same seed on the same machine and device gives the same checkpoint.
    """
    recipe = recipe or Recipe()
    out = Path(out)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(world)
    universe = World(world)
    texts = {
        code: corpora.texts(universe, code, int(recipe.documents * item.share))
        for code, item in LANGUAGES.items()
    }
    lines = {code: [s for d in docs for s in d] for code, docs in texts.items()}
    tokenizer = train_tokenizer(lines, recipe.vocabulary)
    own = language_words({code: count_words(lines[code]) for code in lines})
    text = tokenize(tokenizer, texts)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.hidden,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        intermediate_size=recipe.intermediate,
        hidden_dropout_prob=recipe.dropout,
        attention_probs_dropout_prob=recipe.dropout,
        max_position_embeddings=MAX_LENGTH,
    )
    model = BertForPreTraining(config).to(device)
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(
        parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, betas=(0.9, 0.98)
    )
    warm = max(1, int(recipe.warmup * recipe.steps))
    rate = lambda s: min((s + 1) / warm, max(0.0, (recipe.steps - s) / (recipe.steps - warm)))  # noqa: E731
    curve, step = [], 0
    kept = out / "resume"
    if resume and (kept / "curve.json").exists():
        saved = json.loads((kept / "curve.json").read_text())
        if saved["recipe"] != asdict(recipe) or saved["world"] != world:
            raise SaltError(f"{kept}: left by another recipe or world; remove it or choose another folder")
        model.load_state_dict(load_file(kept / f"model-{saved['step']}.safetensors"))
        _restore(optimizer, parameters, load_file(kept / f"optimizer-{saved['step']}.safetensors"))
        curve, step = saved["curve"], saved["step"]
    cpu_text = replace(text)
    text = replace(
        text,
        ids=text.ids.to(device),
        length=text.length.to(device),
        pieces=[p.to(device) for p in text.pieces],
    )
    generator = torch.Generator(device)
    bar = tqdm(total=recipe.steps, initial=step, disable=not progress, desc=f"pretrain world {world}")
    started, sums = time.time(), torch.zeros(2, device=device)
    per_epoch = len(epoch_pairs(cpu_text, world, 0, recipe.batch))
    model.train()
    while step < recipe.steps:
        batches = epoch_pairs(cpu_text, world, step // per_epoch, recipe.batch)
        for pairs in batches[step % per_epoch :]:
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * rate(step)
            generator.manual_seed(world * 1_000_003 + step)
            with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
                found = losses(
                    model, text, torch.from_numpy(pairs).to(device), recipe, generator
                )
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
                    "alignment": alignment(model, tokenizer, own, universe),
                    "seconds": round(time.time() - started, 1),
                }
                curve.append(row)
                sums.zero_()
                bar.set_postfix(
                    mlm=f"{mlm:.2f}", nsp=f"{nsp:.2f}", align=f"{np.mean(list(row['alignment'].values())):.2f}"
                )
                model.train()
                _save(kept / f"model-{step}.safetensors", model.state_dict())
                _save(kept / f"optimizer-{step}.safetensors", _state(optimizer, parameters))
                saved = {"recipe": asdict(recipe), "world": world, "step": step, "curve": curve}
                write_json(kept / "curve.json", saved)
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
    _save(out / "model.safetensors", state)
    write_json(
        out / "curve.json",
        {"world": world, "recipe": asdict(recipe), "device": device, "torch": torch.__version__, "curve": curve},
    )
    for left in kept.glob("*"):
        left.unlink()
    kept.rmdir()
    return curve[-1]

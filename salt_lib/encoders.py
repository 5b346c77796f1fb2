"""Tokenizer and model: the laboratory's tiny mBERT, a local folder, or a name on the hub.

Chapters: The laboratory; Training.
"""

import json
import os
import shutil
import types
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError
from safetensors.torch import load_file
from torch.nn.functional import scaled_dot_product_attention
from transformers import (
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from .errors import SaltError
from .files import digest, write_json
from .heads import BERT_LIKE, Fused
from .resume import save_tensors
from .tasks import Tagged

SHIPPED = Path(__file__).parent / "checkpoints"
FUSION = "fusion.safetensors"  # the fusion's weights beside a kept classifier's
IGNORE = -100  # the label of what has none: torch's cross-entropy leaves it out
PIECE = 2048  # pairs that are tokenized at a time: a multiple of the batches of distillation


def checkpoint_name(world: int, layers: int | None = None) -> str:
    """What the folder of a world's checkpoint, or of a sibling with so many layers, is called."""
    return f"world-{world}" if layers is None else f"world-{world}-layers-{layers}"


def checkpoint(world: int, layers: int | None = None) -> Path:
    """The folder of a world's checkpoint: shipped, or made by `salt pretrain`.

    layers: of a sibling that differs in their number alone; it has the same tokenizer. Looks in
    ``$SALT_CHECKPOINTS_DIR`` (default ``checkpoints/``), then in the package.
    Raises SaltError naming the command that makes a missing one.
    """
    made = Path(os.environ.get("SALT_CHECKPOINTS_DIR", "checkpoints"))
    for root in (made, SHIPPED):
        folder = root / checkpoint_name(world, layers)
        if (folder / "model.safetensors").exists():
            return folder
    worlds = sorted(
        p.name.removeprefix("world-") for r in (made, SHIPPED) for p in r.glob("world-*")
    )
    more, option = ("", "") if layers is None else (f" of {layers} layers", f" --layers {layers}")
    raise SaltError(
        f"no checkpoint{more} for world {world!r} (there: {', '.join(worlds) or 'none'}); make it "
        f"with `salt pretrain --world {world}{option}`"
    )


@contextmanager
def _quiet():
    """Keep transformers from reporting, at every load, that a new head is new."""
    verbosity = logging.get_verbosity()
    bars = logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


@cache
def resolve(source: str | Path) -> Path:
    """The folder of a checkpoint: a local one as it is, a hub name's in the cache.

    A name is looked up on the hub once, and what is missing is downloaded: JSON files, tokenizer
    and safetensors, never a pickle or code. With the hub out of reach the cached files serve. The
    folder of a hub name is called after its revision. Raises SaltError where there is neither.
    """
    path = Path(source)
    if path.is_dir():
        return path
    wanted = ["*.json", "*.txt", "*.model", "*.safetensors"]
    try:
        with _quiet():
            return Path(snapshot_download(str(source), allow_patterns=wanted, etag_timeout=10))
    except (OSError, HFValidationError) as error:  # the hub's errors, and a name that can be none
        reason = str(error).splitlines()[0].rstrip(".")
        raise SaltError(
            f"{source}: no such folder, and no model of this name in the cache or on the hub "
            f"({reason}). Give the folder of a model; where the hub can be reached, `hf download "
            f"{source} --local-dir FOLDER` makes one"
        ) from error


def _load(auto, source: str | Path, **options):
    try:
        # Never remote code, never a pickle: a checkpoint from the hub is data, not a program.
        with _quiet():
            return auto.from_pretrained(
                str(resolve(source)), local_files_only=True, trust_remote_code=False, **options
            )
    except SaltError:
        raise
    except (
        Exception
    ) as error:  # transformers raises many kinds: OSError, ValueError, SafetensorError
        raise SaltError(
            f"{source}: can't be loaded as a checkpoint ({type(error).__name__}: {error}); it is "
            "missing, truncated or of another kind: config.json, tokenizer.json and "
            "model.safetensors belong to it. Fetch or make it again (`salt pretrain`)"
        ) from error


@cache
def tokenizer(source: str | Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a checkpoint folder or hub name. SaltError: it is none of the fast kind."""
    found = _load(AutoTokenizer, source)
    if not found.is_fast:
        raise SaltError(
            f"{source}: its tokenizer can't tell which words its pieces belong to; give a folder "
            "with a tokenizer.json (the fast kind)"
        )
    return found


def mask_token(source: str | Path) -> int:
    """The id of the tokenizer's mask token. SaltError: it has none."""
    found = tokenizer(source).mask_token_id
    if found is None:
        raise SaltError(
            f"{source}: its tokenizer has no mask token, so no token can be hidden while it is "
            "predicted; take a masked language model's, or predict unmasked"
        )
    return found


def masked_lm(source: str | Path) -> PreTrainedModel:
    """The model with its masked-language head, in evaluation mode.

    Raises SaltError for a checkpoint without such a head, or of a model that can have none.
    """
    options = {"use_safetensors": True, "output_loading_info": True}
    model, told = _load(AutoModelForMaskedLM, source, **options)
    if lacking := sorted(told["missing_keys"]):
        raise SaltError(
            f"{source}: its masked-language head is not in the checkpoint, {', '.join(lacking)} "
            "would be random: it was saved by another task. Give the pretrained model itself"
        )
    return model.eval()


def identity(source: str | Path) -> str:
    """12 hex digits that stand for a checkpoint's weights, configuration and tokenizer."""
    return digest(
        path
        for path in sorted(resolve(source).glob("*"))
        if path.suffix == ".safetensors" or path.name in ("config.json", "tokenizer.json")
    )


def classifier(
    source: str | Path,
    labels: int,
    seed: int,
    dropout: float,
    tagged: bool = False,
    layer: int | None = None,
    gate: str = "literal",
) -> PreTrainedModel | Fused:
    """The model with a fresh classification head whose weights depend on ``seed`` alone.

    tagged: whether it classifies tokens, not sentences. layer: a lower one that the head reads
    fused with the last (`heads.Fused`), through ``gate``. Where the head reads the last layer's
    first position alone (`heads.BERT_LIKE`), that layer computes no other: ``last_hidden_state``
    has length 1, the logits are what they would be.
    """
    torch.manual_seed(seed)
    model = _load(
        AutoModelForTokenClassification if tagged else AutoModelForSequenceClassification,
        source,
        num_labels=labels,
        use_safetensors=True,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    if layer is not None:
        return Fused(model, layer, gate)
    if tagged:
        return model
    plain = model.config._attn_implementation in ("eager", "sdpa") and not model.config.is_decoder
    if model.config.model_type in BERT_LIKE and plain:
        last = model.base_model.encoder.layer[-1]
        # Bound to the layer: weights keep their names, and a saved model is a plain one.
        last.forward = types.MethodType(_first_position, last)
    return model


def save_classifier(
    model: PreTrainedModel | Fused, source: str | Path, folder: str | Path, names: Sequence[str]
) -> None:
    """Keep a fine-tuned `classifier` of the checkpoint ``source`` in a folder, all or nothing.

    names: the labels in the order of their ids. Raises SaltError where there is such a folder.
    """
    folder = Path(folder)
    if folder.exists():
        raise SaltError(f"{folder} is there already: give a new folder for the model")
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    own = model.model if isinstance(model, Fused) else model
    own.config.id2label = dict(enumerate(names))
    own.config.label2id = {name: i for i, name in enumerate(names)}
    own.save_pretrained(part)
    tokenizer(source).save_pretrained(part)
    if isinstance(model, Fused):
        save_tensors(part / FUSION, model.fusion.state_dict())
        write_json(part / "fusion.json", {"layer": model.layer, "gate": model.gate})
    part.rename(folder)


def saved_classifier(folder: str | Path, names: Sequence[str], tagged: bool):
    """What `save_classifier` has kept, or transformers' own, ready to predict.

    Raises SaltError where its labels are others than ``names``, or in another order.
    """
    path, auto = resolve(folder), AutoModelForSequenceClassification
    model = _load(AutoModelForTokenClassification if tagged else auto, path, use_safetensors=True)
    found = [model.config.id2label[i] for i in range(model.config.num_labels)]
    if found != list(names):
        raise SaltError(
            f"{folder}: a classifier of {', '.join(map(str, found))}, where {', '.join(names)} are "
            "due; give one that was fine-tuned for this task (`salt train --save FOLDER`)"
        )
    if (path / FUSION).exists():
        about = json.loads((path / "fusion.json").read_text(encoding="utf-8"))
        model = Fused(model, about["layer"], about["gate"])
        model.fusion.load_state_dict(load_file(path / FUSION))
    return model.eval()


def _first_position(layer, hidden, attention_mask=None, *_, **__) -> torch.Tensor:
    """A BERT layer's output at the first position alone: (batch, 1, width).

    Keys and values come from every position, but only one query, and so one pass through the
    feed-forward block instead of one a token: most of the layer's work is not done.
    """
    attention = layer.attention.self

    def heads(states: torch.Tensor) -> torch.Tensor:
        return states.view(*states.shape[:2], -1, attention.attention_head_size).transpose(1, 2)

    first = hidden[:, :1]
    mixed = scaled_dot_product_attention(
        heads(attention.query(first)),
        heads(attention.key(hidden)),
        heads(attention.value(hidden)),
        attn_mask=None if attention_mask is None else attention_mask[..., :1, :],
        dropout_p=attention.dropout.p if layer.training else 0.0,
    )
    attended = layer.attention.output(mixed.transpose(1, 2).flatten(2), first)
    return layer.output(layer.intermediate(attended), attended)


@dataclass(frozen=True)
class Encoded:
    """Tokenized pairs, [CLS] first [SEP] second [SEP], as flat arrays of unequal rows.

    ids, segments: tensors of token and segment ids, row by row. start: (n + 1,) where rows begin.
    whole: mask of tokens that are complete words. labels: (n,).

    Tagged sentences, [CLS] sentence [SEP], have a label for every token instead, (tokens,): the
    tag's at the first piece of a word, `IGNORE` elsewhere. tags: the names of label ids, empty for
    pairs. sentence: (n,) which sentence a row belongs to; one that is too long takes several rows.
    """

    ids: torch.Tensor
    segments: torch.Tensor
    whole: torch.Tensor
    start: torch.Tensor
    labels: torch.Tensor
    tags: tuple[str, ...] = ()
    sentence: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.start) - 1

    def part(self, low: int, high: int) -> "Encoded":
        """Rows ``low`` to ``high`` of tagged sentences."""
        at = slice(int(self.start[low]), int(self.start[min(high, len(self))]))
        flat = (self.ids[at], self.segments[at], self.whole[at])
        start = self.start[low : high + 1] - self.start[low]
        return Encoded(*flat, start, self.labels[at], self.tags, self.sentence[low:high])

    @property
    def lengths(self) -> torch.Tensor:
        """(n,) tokens in each row."""
        return self.start[1:] - self.start[:-1]

    def row(self, i: int) -> torch.Tensor:
        """The token ids of one example."""
        return self.ids[self.start[i] : self.start[i + 1]]


def encode(
    tokenizer: PreTrainedTokenizerBase, pairs, truncate: bool = False, longest: int | None = None
) -> Encoded:
    """Tokenize sentence pairs (`tasks.Pairs`), or tagged sentences (`tasks.Tagged`).

    A pair longer than ``longest`` tokens, by default what the model can read, is an error naming
    it, or, with ``truncate``, cut at the end of its longer sentence. A tagged sentence goes on in
    another row instead, so that no tag is lost. No pair or sentence at all is an error as well.
    """
    if isinstance(pairs, Tagged):
        return _encode_tagged(tokenizer, pairs, longest)
    pieces = list(encode_pieces(tokenizer, pairs, truncate, longest))
    lengths = torch.cat([piece.lengths for piece in pieces])
    start = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])
    ids, segments, whole, labels = (
        torch.cat([getattr(piece, name) for piece in pieces])
        for name in ("ids", "segments", "whole", "labels")
    )
    return Encoded(ids, segments, whole, start, labels)


def encode_pieces(
    tokenizer: PreTrainedTokenizerBase, pairs, truncate: bool = False, longest: int | None = None
) -> Iterator[Encoded]:
    """As `encode`, `PIECE` pairs at a time: what the tokenizer tells of a pair takes memory."""
    if not len(pairs):
        raise SaltError("no sentence pairs to encode: the data set is empty")
    for low in range(0, len(pairs), PIECE):
        yield _encode(tokenizer, pairs, low, truncate, longest)


def _encode(tokenizer, pairs, low: int, truncate: bool, longest: int | None) -> Encoded:
    limit = min(longest or tokenizer.model_max_length, tokenizer.model_max_length)
    first, second = (part[low : low + PIECE] for part in (pairs.first, pairs.second))
    found = tokenizer(
        first,
        second,
        add_special_tokens=True,
        truncation="longest_first" if truncate else False,
        max_length=limit if truncate else None,
        return_token_type_ids=True,
    )
    lengths = [len(row) for row in found["input_ids"]]
    for i, length in enumerate(lengths):
        if length > limit:
            raise SaltError(
                f"pair {low + i} has {length} tokens, the model reads {limit}: "
                f"{first[i][:60]!r} …; shorten it or pass truncate=True"
            )
    whole = []
    for encoding, texts in zip(found.encodings, zip(first, second, strict=True), strict=True):
        keys = list(zip(encoding.word_ids, encoding.sequence_ids, strict=True))
        counts = Counter(keys)
        marks = [key[0] is not None and counts[key] == 1 for key in keys]
        if truncate and len(keys) == limit:
            # A sentence may have been cut inside a word, whose first piece then stands alone.
            for side, text in enumerate(texts):
                last = max((t for t, key in enumerate(keys) if key[1] == side), default=0)
                if text[encoding.offsets[last][1] :][:1].strip():
                    marks[last] = False
        whole += marks
    return Encoded(
        torch.tensor([i for row in found["input_ids"] for i in row], dtype=torch.int64),
        torch.tensor([i for row in found["token_type_ids"] for i in row], dtype=torch.int64),
        torch.tensor(whole, dtype=torch.bool),
        torch.tensor([0, *lengths], dtype=torch.int64).cumsum(0),
        torch.tensor(pairs.labels[low : low + PIECE], dtype=torch.int64),
    )


def _encode_tagged(tokenizer, data: Tagged, longest: int | None) -> Encoded:
    if not len(data):
        raise SaltError("no sentences to encode: the data set is empty")
    limit = min(longest or tokenizer.model_max_length, tokenizer.model_max_length)
    room = limit - tokenizer.num_special_tokens_to_add()
    distinct = list(dict.fromkeys(word for words in data.words for word in words))
    pieces = tokenizer(distinct, add_special_tokens=False)["input_ids"]
    length = {word: len(found) for word, found in zip(distinct, pieces, strict=True)}
    rows, labels, sentence = [], [], []
    for number, (words, own) in enumerate(zip(data.words, data.labels, strict=True)):
        used = room  # so that the first word opens a row
        for word, label in zip(words, own, strict=True):
            if used + (length[word] or 1) > room or not sentence or sentence[-1] != number:
                rows.append([])
                labels.append([])
                sentence.append(number)
                used = 0
            used += length[word] or 1
            # A word of which the tokenizer leaves nothing would take its tag with it.
            rows[-1].append(word if length[word] else tokenizer.unk_token)
            labels[-1].append(label)
    found = tokenizer(rows, is_split_into_words=True, truncation=True, max_length=limit)
    whole, flat = [], []
    for encoding, own in zip(found.encodings, labels, strict=True):
        counts, last = Counter(encoding.word_ids), None
        for word in encoding.word_ids:
            whole.append(word is not None and counts[word] == 1)
            flat.append(IGNORE if word is None or word == last else own[word])
            last = word
    ids = torch.tensor([i for row in found["input_ids"] for i in row], dtype=torch.int64)
    return Encoded(
        ids,
        torch.zeros_like(ids),
        torch.tensor(whole, dtype=torch.bool),
        torch.tensor([0, *map(len, found["input_ids"])], dtype=torch.int64).cumsum(0),
        torch.tensor(flat, dtype=torch.int64),
        data.names,
        torch.tensor(sentence, dtype=torch.int64),
    )


def positions(encoded: Encoded, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Where the tokens of ``rows`` stand in the flat arrays, and which are tokens: no padding.

    Both (batch, longest); the first holds some valid number at padding too.
    """
    start, end = encoded.start[rows], encoded.start[rows + 1]
    at = start[:, None] + torch.arange(int((end - start).max()))
    return at.clamp(max=len(encoded.ids) - 1), at < end[:, None]


def batch(encoded: Encoded, rows: torch.Tensor, flat: torch.Tensor, fill: int = 0) -> torch.Tensor:
    """Rows of a flat per-token tensor as one padded (batch, longest) tensor."""
    at, inside = positions(encoded, rows)
    return torch.where(inside, flat[at], fill)


def words_by_language(source: str | Path) -> dict[str, dict[str, int]]:
    """Language → word → monolingual count, as saved beside a checkpoint (vocabulary.json)."""
    path = Path(source) / "vocabulary.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SaltError(
            f"{path}: can't be read ({error}); it holds the words of each language by count, see "
            "salt_lib.vocabulary"
        ) from error

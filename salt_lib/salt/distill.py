"""Distillation: word translations out of the model's own masked-language head.

For every whole word of the English training data and every target language the head's prediction
is restricted to that language's whole words (SALT, §offline; the paper's first modification). The
word is *not* masked, so the model sees what it translates (our reading of the second). The best
prediction is kept if its probability among that language's words reaches a threshold. In the source
language the same, without the word itself and with a threshold of its own, gives synonyms.

This module knows nothing of the world's truth; `salt_lib.laboratory.quality` judges what it finds.

Chapter: Distillation.
"""

import copy
import inspect
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute
import torch
from tqdm import tqdm
from transformers import PreTrainedModel

from ..errors import SaltError
from ..languages import SOURCE
from ..models.architectures import reads_segments
from ..models.encoding import Encoded, batch
from ..models.heads import decoder, decoder_input
from .predictions import SCHEMA


def restricted_best(
    logits: torch.Tensor, candidates: torch.Tensor, exclude: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The best candidate for each row and its probability among the candidates.

    logits: (n, k), of the candidates alone. candidates: (k,) vocabulary ids. exclude: (n,) ids that
    may not be predicted in their row. Returns token ids (n,) and probabilities (n,) in [0, 1].
    """
    allowed = logits.float()
    if exclude is not None:
        allowed = allowed.masked_fill(candidates[None] == exclude[:, None], -torch.inf)
    probability, best = allowed.softmax(dim=1).max(dim=1)
    return candidates[best], probability


def head(model: PreTrainedModel) -> torch.nn.Module:
    """The part of a model that turns hidden states into logits over its vocabulary.

    BERT and its kin call it ``cls``, RoBERTa and XLM-R ``lm_head``. Of any other (DistilBERT,
    ModernBERT, ESM) it is the decoder alone (`heads.decoder`). Raises SaltError for a model without
    one.
    """
    module = _bert_like(model)
    return _Last(decoder(model)) if module is None else module


def _bert_like(model: PreTrainedModel) -> torch.nn.Module | None:
    module = getattr(model, "cls", None) or getattr(model, "lm_head", None)
    # BERT's, without the next-sentence head beside it.
    module = getattr(module, "predictions", module)
    takes = inspect.signature(model.base_model.forward).parameters
    return module if hasattr(module, "decoder") and "token_type_ids" in takes else None


class _Last(torch.nn.Module):
    """A model's decoder alone, from hidden states to logits."""

    def __init__(self, decoder: torch.nn.Module):
        super().__init__()
        self.decoder = decoder

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.decoder(hidden)


def narrowed(full: torch.nn.Module, words: torch.Tensor) -> torch.nn.Module:
    """A `head` that scores the vocabulary ids ``words`` (k,) alone: logits (n, k), in their order.

    It shares all weights but the last, of which it copies the rows for ``words``.
    """
    whole = full.get_submodule("decoder")
    last = copy.copy(whole)
    last._parameters = {
        name: None if weight is None else torch.nn.Parameter(weight[words], requires_grad=False)
        for name, weight in whole._parameters.items()
    }
    narrow = copy.copy(full)
    narrow._modules = {**full._modules, "decoder": last}
    return narrow


def eligible(encoded: Encoded, words: torch.Tensor) -> torch.Tensor:
    """Mask (tokens,) of what may be replaced: complete words that are among ``words`` (k,) ids."""
    known = torch.zeros(int(max(encoded.ids.max(), words.max())) + 1, dtype=torch.bool)
    known[words] = True  # a table, for torch.isin would sort all tokens, in many times their memory
    return encoded.whole & known[encoded.ids]


@torch.inference_mode()
def predict(
    model: PreTrainedModel,
    encoded: Encoded,
    vocabularies: Mapping[str, np.ndarray],
    *,
    mask_token: int | None = None,
    source: str = SOURCE,
    batch_size: int = 64,
    progress: bool = False,
) -> Iterator[pa.RecordBatch]:
    """Stream the best restricted prediction for every eligible token and language.

    Eligible: complete words of the source language's vocabulary; pieces of split words and special
    tokens never are. Predictions equal to the token itself are left out (they replace nothing).
    vocabularies: language → ids of its whole words, the source language among them.
    mask_token: give the id of [MASK] to hide each token while it is predicted (one pass a token).
    Yields record batches of `SCHEMA`, in the order of the examples; memory does not grow with them.
    model: any that `head` knows; SaltError otherwise.
    """
    full = head(model)
    if source not in vocabularies:
        raise SaltError(f"no vocabulary for the source language {source!r}")
    candidates = {
        code: torch.as_tensor(ids, device=model.device) for code, ids in vocabularies.items()
    }
    empty = [code for code, ids in vocabularies.items() if len(ids) == 0]
    if empty:
        raise SaltError(
            f"no whole word in the vocabulary of {', '.join(empty)}: nothing to predict"
        )
    scores = narrowed(full, torch.cat(list(candidates.values())))
    sizes = [len(ids) for ids in candidates.values()]
    may = eligible(encoded, candidates[source].cpu())
    starts = range(0, len(encoded), batch_size)
    for low in tqdm(starts, desc="distil", unit="batch", disable=not progress):
        rows = torch.arange(low, min(low + batch_size, len(encoded)))
        ids = batch(encoded, rows, encoded.ids).to(model.device)
        segments = batch(encoded, rows, encoded.segments).to(model.device)
        inside = batch(encoded, rows, torch.ones_like(encoded.ids)).to(model.device)
        chosen = batch(encoded, rows, may, fill=False).to(model.device)
        example, position = chosen.nonzero(as_tuple=True)
        if not len(example):
            continue
        token = ids[example, position]
        if mask_token is None:
            logits = scores(_hidden(model, ids, segments, inside, example, position))
        else:
            logits = torch.cat(
                [
                    scores(_masked(model, ids[e], segments[e], inside[e], p, mask_token))
                    for e, p in zip(
                        example.split(batch_size * 4), position.split(batch_size * 4), strict=True
                    )
                ]
            )
        parts = []
        for (code, ids_of), logits_of in zip(
            candidates.items(), logits.split(sizes, dim=1), strict=True
        ):
            exclude = token if code == source else None
            best, probability = restricted_best(logits_of, ids_of, exclude)
            keep = best != token
            parts.append(
                pa.record_batch(
                    [
                        pa.array((example[keep].cpu() + low).numpy(), pa.int32()),
                        pa.array(position[keep].cpu().numpy(), pa.int16()),
                        pa.array([code] * int(keep.sum()), pa.string()),
                        pa.array(best[keep].cpu().numpy(), pa.int32()),
                        pa.array(token[keep].cpu().numpy(), pa.int32()),
                        pa.array(probability[keep].cpu().numpy(), pa.float32()),
                    ],
                    schema=SCHEMA,
                )
            )
        yield from parts


def predict_pieces(
    model: PreTrainedModel,
    pieces: Iterable[Encoded],
    vocabularies: Mapping[str, np.ndarray],
    *,
    first: int = 0,
    progress: bool = False,
    **options,
) -> Iterator[pa.RecordBatch]:
    """`predict` for data that come in pieces (`encoding.encode_pieces`), numbered on and on.

    Only one piece is in memory at a time, whatever their number. first: the number of the first
    example. options: as for `predict`.
    """
    for piece in tqdm(pieces, desc="distil", unit="piece", disable=not progress):
        for records in predict(model, piece, vocabularies, **options):
            example = pa.compute.add(records["example"], pa.scalar(first, pa.int32()))
            yield records.set_column(0, SCHEMA.field("example"), example)
        first += len(piece)


def _hidden(model, ids, segments, inside, example, position) -> torch.Tensor:
    """What the `head` reads, at these places: (n, width)."""
    bert_like = _bert_like(model) is not None
    reader = model.base_model if bert_like else model
    named = {"attention_mask": inside}
    if reads_segments(reader, model.config):
        named["token_type_ids"] = segments
    if bert_like:
        return reader(ids, **named).last_hidden_state[example, position]
    return decoder_input(model, ids, **named)[example, position]


def _masked(model, ids, segments, inside, position, mask_token: int) -> torch.Tensor:
    here = torch.arange(len(ids), device=ids.device)
    ids = ids.clone()
    ids[here, position] = mask_token
    return _hidden(model, ids, segments, inside, here, position)

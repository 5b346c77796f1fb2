"""What a laboratory task's tokens may become: the kept predictions, a control, the true dictionary.

Chapters: Distillation; Ablations and controls.
"""

from functools import cache

import numpy as np
import pandas as pd
import torch

from ..languages import SOURCE
from ..models import loading
from ..salt import predictions
from ..salt.augment import NOTHING, Options, options
from ..salt.controls import replacements
from ..salt.distill import eligible
from ..salt.methods import Method
from ..salt.vocabulary import words_by_language
from ..training.config import Config
from .checkpoints import checkpoint
from .minibabel.lexicon import concept_of, forms
from .predictions import encoded, predictions_path, vocabularies
from .tasks import task


def for_method(
    world: int, name: str, method: Method, config: Config, layers: int | None = None
) -> Options:
    """A method's options, with a configuration's thresholds; none for one that doesn't substitute.

    layers: of the deeper model that predicts, see `checkpoints.checkpoint`.
    """
    if method.substitutions is None:
        return NOTHING
    thresholds = (config.threshold, config.synonym_threshold)
    return choices(world, name, method.substitutions, method.synonyms, *thresholds, layers)


@cache
def choices(
    world: int,
    name: str,
    kind: str,
    synonyms: bool,
    threshold: float,
    synonym_threshold: float,
    layers: int | None = None,
) -> Options:
    """The options of a task's training tokens; kind as in `methods.Method.substitutions`."""
    if kind == "dictionary":
        kept = _dictionary(world, name)
    else:
        kept = _kept(world, name, kind == "masked", threshold, synonym_threshold, layers)
    if not synonyms:
        kept = kept[kept["language"] != SOURCE].reset_index(drop=True)
    folder = checkpoint(world)
    pieces, counts = loading.tokenizer(folder).get_vocab(), words_by_language(folder)
    tokens = replacements(kind, kept, counts, pieces, world)
    return options(encoded(world, name, "train", SOURCE), kept["example"], kept["position"], tokens)


@cache
def _kept(
    world: int, name: str, masked: bool, threshold: float, synonyms: float, layers: int | None
) -> pd.DataFrame:
    path = predictions_path(world, name, masked, layers=layers)
    return predictions.read_kept(path, threshold, synonyms)


def _dictionary(world: int, name: str) -> pd.DataFrame:
    """True one-piece translations and synonyms of every eligible token, as a predictions table."""
    data = encoded(world, name, "train", SOURCE)
    tokenizer = loading.tokenizer(checkpoint(world))
    pieces = tokenizer.get_vocab()
    word_of = {i: piece for piece, i in pieces.items()}
    vocabulary = torch.as_tensor(vocabularies(world, task(name).languages)[SOURCE])
    at = torch.nonzero(eligible(data, vocabulary))[:, 0].numpy()
    example = np.searchsorted(data.start.numpy(), at, side="right") - 1
    table = pd.DataFrame(
        {
            "example": example,
            "position": at - data.start.numpy()[example],
            "source": data.ids.numpy()[at],
        }
    )
    rows = []
    for token in np.unique(table["source"]):
        word = word_of[token]
        if word not in concept_of():
            continue
        for code in task(name).languages:
            if code == SOURCE:
                substitutes = [
                    w for w, c in concept_of().items() if c == concept_of()[word] and w != word
                ]
            else:
                substitutes = [forms(code)[word]]
            rows += [(token, code, pieces[w]) for w in substitutes if w in pieces and w != word]
    meanings = pd.DataFrame(rows, columns=["source", "language", "token"])
    return table.merge(meanings, on="source").assign(probability=1.0)

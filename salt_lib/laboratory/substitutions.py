"""What a laboratory task's tokens may become: the kept predictions, a control, the true dictionary.

Chapters: Distillation; Ablations and controls.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd
import torch

from ..languages import SOURCE
from ..models import loading
from ..models.encoding import Encoded
from ..salt import predictions
from ..salt.augment import NOTHING, Options, options
from ..salt.controls import replacements
from ..salt.distill import eligible
from ..salt.methods import Method
from ..salt.vocabulary import words_by_language
from ..training.config import Config
from .checkpoints import checkpoint
from .minibabel.lexicon import concept_of, forms, lexicon
from .predictions import encoded, predictions_path, vocabularies
from .tasks import WORLD_TASKS, task

FUNCTION, OTHER = "function", "other"  # kinds of English words, beside noun, verb, adjective


def for_method(
    world: int, name: str, method: Method, config: Config, layers: int | None = None
) -> Options:
    """A method's options, with a configuration's thresholds; none for one that doesn't substitute.

    layers: of the deeper model that predicts, see `checkpoints.checkpoint`.
    """
    if method.substitutions is None:
        return NOTHING
    thresholds = (config.threshold, config.synonym_threshold)
    kind, synonyms, words = method.substitutions, method.synonyms, method.words
    return choices(world, name, kind, synonyms, *thresholds, layers, words)


@cache
def choices(
    world: int,
    name: str,
    kind: str,
    synonyms: bool,
    threshold: float,
    synonym_threshold: float,
    layers: int | None = None,
    words: str | None = None,
) -> Options:
    """The options of a task's training tokens; kind and words as in `methods.Method`."""
    if kind == "dictionary":
        data = encoded(world, name, "train", SOURCE)
        kept = true_translations(world, data, task(name).languages)
    else:
        kept = _kept(world, name, kind == "masked", threshold, synonym_threshold, layers)
    if not synonyms:
        kept = kept[kept["language"] != SOURCE].reset_index(drop=True)
    folder = checkpoint(world)
    pieces, counts = loading.tokenizer(folder).get_vocab(), words_by_language(folder)
    kinds = word_kinds(kept, pieces)
    chosen = np.ones(len(kept), dtype=bool)
    if words:
        chosen &= (kinds == FUNCTION) == (words == FUNCTION)
    if name in WORLD_TASKS:
        # A function word has no synonym: nearly all that is predicted for one is its opposite
        # (in, near). Of content words nine in ten are right at the same probability.
        chosen &= (kinds != FUNCTION) | (kept["language"] != SOURCE).to_numpy()
    kept, kinds = kept[chosen].reset_index(drop=True), kinds[chosen]
    mask = loading.mask_token(folder) if kind == "mask" else None
    tokens = replacements(kind, kept, counts, pieces, world, kinds=kinds, mask=mask)
    return options(encoded(world, name, "train", SOURCE), kept["example"], kept["position"], tokens)


def word_kinds(kept: pd.DataFrame, pieces: dict[str, int]) -> np.ndarray:
    """(kept,) what the lexicon calls each English word: noun, function, …; a name is OTHER."""
    kinds = np.full(max(pieces.values()) + 1, OTHER, dtype=object)
    for word, concept in concept_of().items():
        if word in pieces:
            kinds[pieces[word]] = lexicon()[concept].kind
    return kinds[kept["source"].to_numpy()]


@cache
def _kept(
    world: int, name: str, masked: bool, threshold: float, synonyms: float, layers: int | None
) -> pd.DataFrame:
    path = predictions_path(world, name, masked, layers=layers)
    return predictions.read_kept(path, threshold, synonyms)


def true_translations(world: int, data: Encoded, languages: Sequence[str]) -> pd.DataFrame:
    """True one-piece translations, and synonyms, of every eligible token of English ``data``.

    As a table of predictions with the probability 1.
    """
    pieces = loading.tokenizer(checkpoint(world)).get_vocab()
    word_of = {i: piece for piece, i in pieces.items()}
    vocabulary = torch.as_tensor(vocabularies(world, tuple(languages))[SOURCE])
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
        for code in languages:
            if code == SOURCE:
                substitutes = [
                    w for w, c in concept_of().items() if c == concept_of()[word] and w != word
                ]
            else:
                substitutes = [forms(code)[word]]
            rows += [(token, code, pieces[w]) for w in substitutes if w in pieces and w != word]
    meanings = pd.DataFrame(rows, columns=["source", "language", "token"])
    return table.merge(meanings, on="source").assign(probability=1.0)

"""What the runs of a task share, made once and handed on: tokens, labels, what may be replaced.

`prepare` makes it of a checkpoint and data, `Prepared.substituting` adds what a method substitutes,
and training (`salt_lib.training`) takes it from there, for the laboratory as for real data.

Chapter: Training over 15 seeds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from ..data.examples import Pairs, Tagged
from ..errors import SaltError
from ..models import loading
from ..models.architectures import SENTENCES, TOKENS
from ..models.encoding import Encoded, encode
from ..models.words import surface
from .augment import NOTHING, Options, options
from .controls import replacements
from .function_words import FUNCTION_WORDS


@dataclass(frozen=True)
class Prepared:
    """A checkpoint and a task's data in its tokens.

    checkpoint: folder or hub name of the encoder. labels: how many there are. train, dev: English.
    tests: language → test set. words: language → whole word → count, of the encoder's vocabulary.
    choices: what each training token may become. translated: the training data in all languages,
    one after the other, for a method with ``translate``.
    """

    checkpoint: str | Path
    labels: int
    train: Encoded
    dev: Encoded
    tests: Mapping[str, Encoded]
    words: Mapping[str, Mapping[str, int]]
    choices: Options = NOTHING
    translated: Encoded | None = None

    def substituting(
        self, kind: str, kept: pd.DataFrame, seed: int = 0, words: str | None = None
    ) -> "Prepared":
        """With what its tokens may become.

        kind, words: the method's ``substitutions`` and ``words`` (`methods.Method`). kept: of
        `predictions.select`, made on ``train``. seed: of the deranged control. Here a word is of
        the kind "function" or "content", by `function_words.FUNCTION_WORDS`.
        """
        pieces = loading.tokenizer(self.checkpoint).get_vocab()
        kinds = self._kinds(kept, pieces)
        if words:
            kept = kept[kinds == words].reset_index(drop=True)
            kinds = kinds[kinds == words]
        mask = loading.mask_token(self.checkpoint) if kind == "mask" else None
        tokens = replacements(kind, kept, self.words, pieces, seed, kinds=kinds, mask=mask)
        made = options(self.train, kept["example"], kept["position"], tokens)
        return replace(self, choices=made)

    @staticmethod
    def _kinds(kept: pd.DataFrame, pieces: Mapping[str, int]) -> np.ndarray:
        """(kept,) the kind of the English word that each substitution replaces."""
        function, written = np.zeros(max(pieces.values()) + 1, dtype=bool), surface(pieces)
        for piece, number in pieces.items():
            function[number] = written(piece).lower() in FUNCTION_WORDS
        return np.where(function[kept["source"].to_numpy()], "function", "content")


def prepare(
    checkpoint: str | Path,
    labels: Sequence[str] | int,
    train: Pairs | Tagged,
    dev: Pairs | Tagged,
    tests: Mapping[str, Pairs | Tagged],
    words: Mapping[str, Mapping[str, int]] | None = None,
    *,
    longest: int | None = None,
    placement: str = "first",
) -> Prepared:
    """Tokenize a task's data for an encoder.

    labels: their names, or how many there are. words: as `whole_words.whole_words` gives them,
    needed for the random control. longest: cut pairs at so many tokens, by default at what the
    model reads. placement: of tags, see `encoding.encode`. Raises SaltError for data without rows
    or with a label that isn't there, and a model that can't be trained on them.
    """
    loading.check(checkpoint, TOKENS if isinstance(train, Tagged) else SENTENCES)
    count = labels if isinstance(labels, int) else len(labels)
    for name, data in {"train": train, "dev": dev, **tests}.items():
        used = data.labels
        if isinstance(data, Tagged):
            used = [label for row in data.labels for label in row]
        if not len(data) or not set(used) <= set(range(count)):
            raise SaltError(f"{name}: no pairs, or a label outside 0 to {count - 1}")
    tokenizer = loading.tokenizer(checkpoint)
    how = (True, longest, placement)
    return Prepared(
        checkpoint,
        count,
        encode(tokenizer, train, *how),
        encode(tokenizer, dev, *how),
        {code: encode(tokenizer, test, *how) for code, test in tests.items()},
        words or {},
    )

"""What any checkpoint substitutes in English sentences, judged by any truth.

Chapter: Distillation.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import torch

from ..data.examples import Pairs, Tagged
from ..errors import SaltError
from ..languages import SOURCE
from ..models import loading
from ..models.encoding import encode
from . import distill, pair_rules, quality
from .predictions import no_predictions
from .vocabulary import piece_ids
from .word_rules import RULES, Rules


def judge_checkpoint(
    checkpoint: str | Path,
    data: Pairs | Tagged,
    words: Mapping[str, Mapping[str, int]],
    truth: quality.Truth,
    rules: Rules = RULES,
    *,
    masked: bool = False,
    device: str | torch.device = "cpu",
    progress: bool = False,
) -> pd.DataFrame:
    """Predict a substitution for every English word of ``data`` and judge it, see `quality.judge`.

    words: language → entry → count, English among them, as `whole_words.whole_words` gives them.
    rules: those for pairs are applied to the predictions; what they leave out counts as not
    predicted. masked: hide each word while it is predicted. Raises SaltError as `distill.predict`,
    and where no word of the data is an English one of ``words``.
    """
    tokenizer = loading.tokenizer(checkpoint)
    model = loading.to_device(loading.masked_lm(checkpoint), device)
    pieces, encoded = tokenizer.get_vocab(), encode(tokenizer, data, True)
    ids = {code: piece_ids(counts, pieces) for code, counts in words.items()}
    mask = loading.mask_token(checkpoint) if masked else None
    parts = [
        part.to_pandas()
        for part in distill.predict(model, encoded, ids, mask_token=mask, progress=progress)
    ]
    if not parts:
        raise SaltError(
            f"none of the words of these sentences is among the {len(words[SOURCE])} known English "
            "ones; give English sentences, or more English text to count words in"
        )
    table = pd.concat([no_predictions(), *parts], ignore_index=True)
    opposites = pair_rules.coordinated(pair_rules.sentences_of(data))
    kept = pair_rules.kept_pairs(table, encoded, pieces, words, rules, opposites)
    eligible = distill.eligible(encoded, torch.as_tensor(ids[SOURCE]))
    return quality.judge(kept, encoded, pieces, truth, eligible, list(words))

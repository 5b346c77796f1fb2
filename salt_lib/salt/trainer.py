"""SALT inside somebody else's training script, such as one with Hugging Face's `Trainer`.

`CodeSwitchCollator` goes around the script's data collator, `EmbeddingMixup` onto its model; the
script itself stays as it is. Both find a row of the data again by its token ids, so that nothing
has to travel with the batches, and both do what `salt_lib.training` does.

Chapter: Reproduce, change, extend.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import embedding
from transformers import PreTrainedModel

from ..errors import SaltError
from ..models.encoding import Encoded
from .augment import code_switch, draw_ratio, mixup, options


class Substitutions:
    """What each token of a tokenized data set may become.

    rows: the token ids of every example, with special tokens and without padding, as a tokenizer
    gives them. kept: the substitutions of `predictions.select`, made on the same rows in the same
    order (`substitutions.write_predictions` makes them). Raises SaltError for a substitution
    outside the rows.
    """

    def __init__(self, rows: Iterable[Sequence[int]], kept: pd.DataFrame):
        rows = [list(row) for row in rows]
        lengths = torch.tensor([len(row) for row in rows])
        ids = torch.tensor([i for row in rows for i in row])
        start = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])
        example, position = kept["example"].to_numpy(), kept["position"].to_numpy()
        outside = (example < 0) | (example >= len(rows)) | (position < 0)
        if outside.any() or (position >= lengths.numpy()[example]).any():
            raise SaltError(
                "substitutions stand outside the rows: they were made for other data or with "
                "another tokenizer; make them on these rows with substitutions.write_predictions"
            )
        zeros = torch.zeros(len(rows), dtype=torch.int64)
        self.data = Encoded(ids, torch.zeros_like(ids), ids >= 0, start, zeros)
        self.options = options(self.data, example, position, kept[["token"]])
        self._row = {tuple(row): i for i, row in enumerate(rows)}

    def switch(self, instance_rate: float, token_rate: float, generator: torch.Generator) -> Tensor:
        """The flat ids of the data, code-switched once (`augment.code_switch`).

        From then on a row is found by these ids too.
        """
        switched = code_switch(self.data, self.options, instance_rate, token_rate, generator)
        for i in range(len(self.data)):
            row = tuple(switched[self.data.start[i] : self.data.start[i + 1]].tolist())
            self._row.setdefault(row, i)
        return switched

    def find(self, row: Sequence[int]) -> slice:
        """Where a row's tokens stand in the flat arrays. SaltError: it is none of the data set."""
        number = self._row.get(tuple(row))
        if number is None:
            raise SaltError(
                f"a training row of {len(row)} tokens, {list(row)[:8]} …, is none of those that "
                "the substitutions were made for: give Substitutions the same rows, tokenized alike"
            )
        return slice(int(self.data.start[number]), int(self.data.start[number + 1]))


class CodeSwitchCollator:
    """A data collator that hands on code-switched rows, SALT's offline part.

    collator: what makes a batch of the rows. Which rows are switched, and how, is drawn once, here,
    from ``seed``. A feature is a mapping with ``input_ids``; all others pass unchanged.
    """

    def __init__(
        self,
        collator: Callable,
        substitutions: Substitutions,
        instance_rate: float = 0.5,
        token_rate: float = 0.3,
        seed: int = 0,
    ):
        self.collator, self.substitutions = collator, substitutions
        generator = torch.Generator().manual_seed(seed)
        self.switched = substitutions.switch(instance_rate, token_rate, generator)

    def __call__(self, features: Sequence[Mapping]):
        """A batch, by the collator that was given."""
        return self.collator([{**f, "input_ids": self._row(f["input_ids"])} for f in features])

    def _row(self, ids) -> list[int]:
        return self.switched[self.substitutions.find(torch.as_tensor(ids).tolist())].tolist()


class EmbeddingMixup:
    """SALT's online part: mixes the model's word embeddings while it is trained.

    Acts on ``model.get_input_embeddings()`` wherever the model is in training mode; evaluation is
    left alone. ratio: "vector" or "scalar" weights (`augment.draw_ratio`), drawn anew for every row
    and step from ``seed``. `remove` takes it off again. A row that is none of the substitutions'
    data is a SaltError, for it would go unmixed and nobody would notice.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        substitutions: Substitutions,
        ratio: str = "vector",
        seed: int = 0,
    ):
        self.model, self.substitutions, self.ratio = model, substitutions, ratio
        self.padding = model.config.pad_token_id
        self.generator = torch.Generator().manual_seed(seed)
        self._hook = model.get_input_embeddings().register_forward_hook(self._mix)

    def remove(self) -> None:
        """Take the mixing off the model."""
        self._hook.remove()

    def _mix(self, module, arguments, output: Tensor) -> Tensor | None:
        if not (self.model.training and torch.is_grad_enabled()):
            return None
        ids = arguments[0].detach().cpu()
        drawn = ids.clone()
        known = self.substitutions
        for row, inside in enumerate(ids != self.padding):
            row_ids = ids[row, inside]
            at = known.find(row_ids.tolist())
            flat = torch.arange(at.start, at.stop)
            drawn[row, inside] = known.options.draw(flat, row_ids, self.generator)
        other = embedding(drawn.to(output.device), module.weight, module.padding_idx)
        ratio = draw_ratio(self.ratio, len(ids), output.shape[-1], self.generator)
        return mixup(output, other, ratio.to(output))

"""SALT inside somebody else's training script, such as one with Hugging Face's `Trainer`.

`CodeSwitch` and `EmbeddingMixup` go onto its model; the script itself stays as it is, its collator
and its evaluation with it. Both act on training steps alone and find a row of the data again by its
token ids, so that nothing has to travel with the batches; both do what `salt_lib.training` does.

Chapter: Reproduce, change, extend.
"""

import warnings
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.hooks import RemovableHandle
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..data.examples import Tagged
from ..errors import SaltError
from ..models.encoding import Encoded, encode
from .augment import code_switch, draw_ratio, mixup, options


class Substitutions:
    """What each token of a tokenized data set may become.

    rows: the token ids of every example, with special tokens, as a tokenizer gives them: lists,
    arrays or tensors, padded at the end or not. kept: the substitutions of `predictions.select`,
    made on the same rows in the same order (`substitutions.write_predictions` makes them). Raises
    SaltError for a substitution outside the rows, and naming the first row that has another token
    where one was predicted.
    """

    def __init__(self, rows: Iterable[Sequence[int]], kept: pd.DataFrame):
        listed: list[list[int]] = [np.asarray(row).tolist() for row in rows]
        self._check(listed, kept)
        lengths = torch.tensor([len(row) for row in listed])
        ids = torch.tensor([i for row in listed for i in row])
        start = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])
        zeros = torch.zeros(len(listed), dtype=torch.int64)
        self.data = Encoded(ids, torch.zeros_like(ids), ids >= 0, start, zeros)
        example, position = kept["example"].to_numpy(), kept["position"].to_numpy()
        self.options = options(self.data, example, position, kept[["token"]])
        self._row = {tuple(row): i for i, row in enumerate(listed)}
        self._rows, self._kept = listed, kept
        self._unpadded: dict[int | None, Substitutions] = {}

    @classmethod
    def of_tagged(
        cls,
        rows: Iterable[Sequence[int]],
        kept: pd.DataFrame,
        tokenizer: PreTrainedTokenizerBase,
        data: Tagged,
        longest: int | None = None,
    ) -> "Substitutions":
        """The same for tagged sentences, one a row, that a script cuts where they are too long.

        The predictions were made of all words (`substitutions.write_predictions`), a long sentence
        going on in another row. What stands beyond the end of ``rows`` is left out, with a warning
        that counts it. kept, rows: see the class. tokenizer, data, longest: those of the
        predictions. Raises SaltError naming the first row that is another sentence.
        """
        made = encode(tokenizer, data, True, longest, "mean")  # which numbers the words
        cls._check([made.row(i).tolist() for i in range(len(made))], kept)
        listed: list[list[int]] = [np.asarray(row).tolist() for row in rows]
        if len(listed) != len(data):
            raise SaltError(f"{len(listed)} rows of {len(data)} tagged sentences: give one of each")
        ends = ("cls", "sep", "bos", "eos", "pad")
        around = {getattr(tokenizer, f"{name}_token_id") for name in ends}
        # A word of which the tokenizer leaves nothing is read as unknown there, and missing here.
        words = [word for sentence in data.words for word in sentence]
        pieces = tokenizer(words, add_special_tokens=False)["input_ids"] if words else []
        written = torch.tensor([bool(own) for own in pieces])
        flat = ((made.word >= 0) & written[made.word]).nonzero().flatten()
        sentence = torch.repeat_interleave(made.sentence, made.lengths)[flat]
        counts = torch.bincount(sentence, minlength=len(data)).tolist()
        place = torch.full((len(made.ids), 2), -1)
        cut = 0
        for number, (row, own) in enumerate(zip(listed, flat.split(counts), strict=True)):
            inner = [at for at, token in enumerate(row) if token not in around]
            if made.ids[own[: len(inner)]].tolist() != [row[at] for at in inner]:
                raise SaltError(
                    f"row {number} is not the beginning of sentence {number}, "
                    f"{' '.join(data.words[number])[:60]!r}: give the same sentences in the same "
                    "order, with one tokenizer (is_split_into_words=True)"
                )
            place[own[: len(inner)]] = torch.tensor([[number, at] for at in inner]).view(-1, 2)
            cut += len(inner) < len(own)
        at = made.start.numpy()[kept["example"].to_numpy()] + kept["position"].to_numpy()
        example, position = place.numpy()[at].T
        read = example >= 0
        if cut:
            reached = place[flat][:, 0] >= 0
            lost = len(made.word[flat].unique()) - len(made.word[flat][reached].unique())
            warnings.warn(
                f"{cut} of {len(data)} sentences are cut: {lost} words with their tags and "
                f"{(~read).sum()} of {len(kept)} substitutions are left out. A larger max_length "
                "keeps them",
                stacklevel=2,
            )
        moved = kept.assign(example=example, position=position)[read].reset_index(drop=True)
        return cls(listed, moved)

    @staticmethod
    def _check(rows: list[list[int]], kept: pd.DataFrame) -> None:
        why = (
            "the substitutions were made for other data, for pairs the other way round or with "
            "another tokenizer; make them on these rows with substitutions.write_predictions"
        )
        if "source" not in kept.columns:
            raise SaltError(
                "the substitutions don't say for which tokens they were predicted (column "
                "'source'): give those of predictions.select, as they were read"
            )
        places = zip(kept["example"].tolist(), kept["position"].tolist(), strict=True)
        for (example, position), source in zip(places, kept["source"].tolist(), strict=True):
            if not 0 <= example < len(rows) or not 0 <= position < len(rows[example]):
                raise SaltError(
                    f"row {example} of {len(rows)}: a substitution at position {position} stands "
                    f"outside the rows: {why}"
                )
            if rows[example][position] != source:
                raise SaltError(
                    f"row {example} has the token {rows[example][position]} at position "
                    f"{position}, where a substitution was predicted for {source}: {why}. Padding "
                    "belongs at the end of a row, and a pair is cut as it was for them. Tagged "
                    "sentences go on in another row where they are too long: if yours are cut, "
                    "make this with Substitutions.of_tagged"
                )

    def unpadded(self, padding: int | None) -> "Substitutions":
        """The same for rows without the token ``padding``: itself where no row has it."""
        if padding not in self._unpadded:
            bare = [[i for i in row if i != padding] for row in self._rows]
            same = bare == self._rows
            self._unpadded[padding] = self if same else Substitutions(bare, self._kept)
        return self._unpadded[padding]

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
                f"a training row of {len(row)} tokens, {list(row)[:8]} …, is not among those that "
                "the substitutions were made for: give Substitutions the same rows, tokenized the "
                "same way"
            )
        return slice(int(self.data.start[number]), int(self.data.start[number + 1]))


class _OnModel:
    """Something that acts on a model's training steps, and on nothing else that it does."""

    _hook: RemovableHandle

    def __init__(self, model: PreTrainedModel, substitutions: Substitutions):
        self.model, self.padding = model, model.config.pad_token_id
        self.substitutions = substitutions.unpadded(self.padding)

    @property
    def training(self) -> bool:
        """Whether what the model computes now is a training step."""
        return self.model.training and torch.is_grad_enabled()

    def inside(self, row: Tensor) -> Tensor:
        """Mask of a row's tokens that are no padding."""
        return (
            torch.ones_like(row, dtype=torch.bool) if self.padding is None else row != self.padding
        )

    def remove(self) -> None:
        """Take it off the model."""
        self._hook.remove()


class CodeSwitch(_OnModel):
    """SALT's offline part: the model is trained on code-switched rows.

    Which rows are switched, and how, is drawn once, here, from ``seed``, so that an interrupted
    training goes on with the same. Acts on the ``input_ids`` that ``model`` gets in training mode,
    whatever collator made the batch; evaluation, of training rows too, is left alone. A row that is
    none of the substitutions' data is a SaltError, for it would go unswitched and nobody would
    notice.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        substitutions: Substitutions,
        instance_rate: float = 0.5,
        token_rate: float = 0.3,
        seed: int = 0,
    ):
        super().__init__(model, substitutions)
        generator = torch.Generator().manual_seed(seed)
        self.switched = self.substitutions.switch(instance_rate, token_rate, generator)
        self._hook = model.register_forward_pre_hook(self._switch, with_kwargs=True)

    def _switch(self, module, arguments: tuple, named: dict) -> tuple[tuple, dict] | None:
        if not self.training:
            return None
        if "input_ids" in named:
            return arguments, {**named, "input_ids": self._rows(named["input_ids"])}
        return (self._rows(arguments[0]), *arguments[1:]), named

    def _rows(self, ids: Tensor) -> Tensor:
        switched = ids.detach().cpu().clone()
        for row in switched:
            inside = self.inside(row)
            row[inside] = self.switched[self.substitutions.find(row[inside].tolist())]
        return switched.to(ids.device)


class EmbeddingMixup(_OnModel):
    """SALT's online part: mixes the model's word embeddings while it is trained.

    Acts on ``model.get_input_embeddings()`` wherever the model is in training mode; evaluation is
    left alone. ratio: "vector" or "scalar" weights (`augment.draw_ratio`), drawn anew for every row
    and step from ``seed`` and from torch's global generator: what keeps that state, as `Trainer`'s
    checkpoints do, goes on with the same draws. A row that is none of the substitutions' data is a
    SaltError, for it would go unmixed and nobody would notice.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        substitutions: Substitutions,
        ratio: str = "vector",
        seed: int = 0,
    ):
        super().__init__(model, substitutions)
        self.ratio, self.seed = ratio, seed
        self._hook = model.get_input_embeddings().register_forward_hook(self._mix)

    def _mix(self, module, arguments, output: Tensor) -> Tensor | None:
        if not self.training:
            return None
        # A generator of our own would begin anew where a training goes on from a checkpoint.
        step = int(torch.randint(1 << 40, ()))
        dice = torch.Generator().manual_seed((self.seed * 1_000_003 + step) % (1 << 63))
        ids = arguments[0].detach().cpu()
        drawn = ids.clone()
        known = self.substitutions
        for row, row_ids in zip(drawn, ids, strict=True):
            inside = self.inside(row_ids)
            at = known.find(row_ids[inside].tolist())
            flat = torch.arange(at.start, at.stop)
            row[inside] = known.options.draw(flat, row_ids[inside], dice)
        # As the module itself would look them up: some scale what they find.
        other = module.forward(drawn.to(output.device))
        ratio = draw_ratio(self.ratio, len(ids), output.shape[-1], dice)
        return mixup(output, other, ratio.to(output))

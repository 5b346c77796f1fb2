"""Tasks on captions: hidden words, paraphrase, and which picture a caption belongs to.

All train the encoder of the checkpoint on the same tellings, in the same order and number of steps.
Matching and paraphrase have one model and one loss, the symmetric InfoNCE of the study of pictures,
over a batch of whole pairs, so that the hardest wrong answer of each caption is its partner's: what
is matched is the vector that a locked picture tower made of a picture, or the fact's other telling.

Chapter: Intermediate tasks.
"""

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ...errors import SaltError, unknown
from ...models import loading
from ...models.encoding import Encoded, positions
from ...pretraining.data import mask_tokens
from ..minibabel.facts import NUMBERS
from ..minibabel.lexicon import forms
from ..pictures.dual import MOST, SCALE, TextTower, info_nce
from .steps import passes
from .tellings import LANGUAGES, Tellings

PICTURES = ("own", "shuffled", "blank")  # what is shown: the fact's, another's, always the same
MASK_RATE, KEEP, RANDOM = 0.4, 0.1, 0.1  # as in the checkpoint's pretraining


def shown(vectors: Tensor, kind: str, seed: int) -> Tensor:
    """The picture vectors (n, variants, dim) that stand for n facts, of their own of that shape.

    kind: "own"; "shuffled", by a permutation over the facts that a seed draws and that lets no fact
    keep its own; "blank", the mean of all for every fact, so that none tells anything. Raises
    SaltError for another kind, and fewer than two facts to shuffle.
    """
    if kind not in PICTURES:
        raise unknown("kind of pictures", kind, PICTURES)
    if kind == "own":
        return vectors
    if kind == "blank":
        return vectors.mean(dim=(0, 1)).expand_as(vectors)
    if len(vectors) < 2:
        raise SaltError(f"{len(vectors)} picture: to shuffle them there must be two")
    order = torch.randperm(len(vectors), generator=torch.Generator().manual_seed(seed + 5_000_011))
    # In a circle through all of them each fact gets the next one's.
    return vectors[order.roll(-1)[order.argsort()]]


class Presented(NamedTuple):
    """What is shown, in order, (n,) each: facts, partners side by side; which telling of each is
    read, the other being its second view; and which drawing of its picture."""

    fact: Tensor
    telling: Tensor
    variant: Tensor

    def part(self, pairs: Tensor) -> "Presented":
        """The facts of some pairs, by their numbers in this order."""
        at = torch.stack([2 * pairs, 2 * pairs + 1], dim=1).ravel()
        return Presented(*(of[at] for of in self))


def presented(facts: int, count: int, variants: int, seed: int) -> Presented:
    """``count`` presentations of ``facts`` facts in pairs, the same for every task of a seed."""
    dice = torch.Generator().manual_seed(seed)
    pair = passes(facts // 2, count // 2, dice)
    fact = torch.stack([2 * pair, 2 * pair + 1], dim=1).ravel()
    telling = torch.randint(2, fact.shape, generator=dice)
    return Presented(fact, telling, torch.randint(variants, fact.shape, generator=dice))


class Matcher(TextTower):
    """A text tower with its inverse temperature."""

    def __init__(self, checkpoint: str | Path, seed: int):
        torch.manual_seed(seed)
        super().__init__(checkpoint)
        self.scale = nn.Parameter(torch.tensor(SCALE).log())

    def tell(self, told: Tellings, fact: Tensor, telling: Tensor) -> Tensor:
        """The vectors (batch, dim) of tellings."""
        return self.read(told.single, told.single.ids, 2 * fact + telling)

    def loss(self, told: Tellings, now: Presented, pictures: Tensor | None) -> Tensor:
        """Of a batch of whole pairs. pictures: of all facts, None for the other telling's vector.

        Raises SaltError for a fact without a picture.
        """
        texts = self.tell(told, now.fact, now.telling)
        if pictures is None:
            others = self.tell(told, now.fact, 1 - now.telling)
        elif len(pictures) != len(told):
            raise SaltError(f"{len(told)} facts, {len(pictures)} of them with a picture")
        else:
            others = pictures[now.fact, now.variant]
        return info_nce(others, texts, self.scale.exp().clamp(max=MOST), now.fact)


@torch.inference_mode()
def matched(model: Matcher, told: Tellings, pictures: Tensor | None = None) -> float:
    """The share of facts whose first telling is nearer to their own picture (n, dim), or second
    telling, than to their partner's; of equals half count. Chance is 0.5."""
    model.eval()
    every = torch.arange(len(told))
    texts = model.tell(told, every, torch.zeros_like(every))
    others = model.tell(told, every, torch.ones_like(every)) if pictures is None else pictures
    return choice_of_two((texts * others).sum(1), (texts * others[every ^ 1]).sum(1))


def choice_of_two(own: Tensor, other: Tensor) -> float:
    """The share of (n,) similarities that are greater than the other's; of equals half count."""
    return float(((own > other).double() + (own == other).double() / 2).mean())


@cache
def pieces(source: Path) -> Tensor:
    """(languages, vocabulary) which entries the words of captions in each language are made of."""
    tokenizer = loading.tokenizer(source)
    found = torch.zeros(len(LANGUAGES), len(tokenizer), dtype=torch.bool)
    for row, code in zip(found, LANGUAGES, strict=True):
        every = [*dict.fromkeys(forms(code).values()), *NUMBERS]
        for ids in tokenizer(every, add_special_tokens=False)["input_ids"]:
            row[ids] = True
    return found


def hidden_words(
    model: nn.Module, data: Encoded, rows: Tensor, allowed: Tensor, dice: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Predict hidden pieces of some rows: logits (hidden, vocabulary) and the pieces (hidden,).

    allowed: (batch, vocabulary) the pieces of each row's language. As in pretraining, a hidden
    piece competes with those of its own language, and some are replaced by one of them.
    """
    at, inside = positions(data, rows)
    ids = data.ids[at].where(inside, 0)
    noise = torch.multinomial(allowed.float(), ids.shape[1], replacement=True, generator=dice)
    inputs, chosen = mask_tokens(ids, noise, MASK_RATE, KEEP, RANDOM, dice)
    base: Any = model.base_model
    states = base(inputs, attention_mask=inside).last_hidden_state[chosen]
    logits = model.get_submodule("cls")(states)
    language = torch.arange(len(rows))[:, None].expand_as(ids)[chosen]
    return logits.masked_fill(~allowed[language], -torch.inf), ids[chosen]


def hidden_loss(
    model: nn.Module, told: Tellings, now: Presented, allowed: Tensor, dice: torch.Generator
) -> Tensor:
    """The mean cross-entropy of the hidden pieces of a batch; allowed: (languages, vocabulary)."""
    language = torch.as_tensor(told.language)[now.fact]
    rows = 2 * now.fact + now.telling
    return cross_entropy(*hidden_words(model, told.single, rows, allowed[language], dice))


@torch.inference_mode()
def guessed(model: nn.Module, told: Tellings, allowed: Tensor) -> float:
    """The share of hidden pieces that are guessed in all first tellings, hidden by one seed."""
    model.eval()
    every = torch.arange(len(told))
    dice = torch.Generator().manual_seed(0)
    language = torch.as_tensor(told.language)
    logits, right = hidden_words(model, told.single, 2 * every, allowed[language], dice)
    return float((logits.argmax(1) == right).double().mean())

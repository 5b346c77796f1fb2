"""Examples of `mini-paws-x` and `mini-pos` in the languages of `mini-xnli`, and draws of them.

Each language has a stock of its own facts of the training split: no example has a translation among
those of other languages. `mini-paws-x` itself has seven languages, all of them with much text; here
its pairs are said in the fifteen of `mini-xnli`. A draw is a number: the same number gives the same
order of each stock, so that few examples are among many and conditions pair up.

Chapter: Intermediate tasks.
"""

from dataclasses import replace
from functools import cache

import torch
from torch import Tensor

from ...data.examples import Pairs, Tagged, tag
from ...errors import SaltError, unknown
from ...languages import SOURCE, XNLI_LANGUAGES, language
from ...models import loading
from ...models.encoding import IGNORE, Encoded, encode
from ..checkpoints import checkpoint
from ..minibabel import views
from ..minibabel.facts import World
from ..minibabel.grammar import sentence, tagged

LANGUAGES = XNLI_LANGUAGES
TASKS = ("mini-paws-x", "mini-pos")
STOCK = 1_500  # examples of each language
GROUP = 4  # pairs of one group of facts, which stay in one language
SHARES = ("equal", "pooled", "English")


def amounts(stock: int | None = None) -> Tensor:
    """(languages,) how many examples of each are in the pool: as its share of pretraining text."""
    size = stock or STOCK
    return torch.tensor([round(size * language(code).share) for code in LANGUAGES])


@cache
def stock(world: int, name: str, spoken: str) -> Encoded:
    """Every language's examples in the tokens of the world's checkpoint: row `STOCK` l + i is
    example i of language l.

    spoken: "all" in their languages, "en" the same facts in English. Raises SaltError for another
    task.
    """
    if name not in TASKS:
        raise unknown("intermediate task", name, TASKS)
    codes = [code if spoken == "all" else SOURCE for code in LANGUAGES for _ in range(STOCK)]
    rows: Pairs | Tagged
    if name == "mini-pos":
        told = views.told(World(world), "train", len(codes), names=False)
        spoken_as = [tagged(t.fact, c, t.fronted) for t, c in zip(told, codes, strict=True)]
        words = [([t.word for t in one], views.parts_of_speech(one)) for one in spoken_as]
        rows = tag(words, views.POS_LABELS)
    else:
        pairs = views.paraphrase_pairs(World(world), "train", -(-len(codes) // GROUP))
        told_pairs = list(zip(pairs[: len(codes)], codes, strict=True))
        rows = Pairs(
            [sentence(p.first, c) for p, c in told_pairs],
            [sentence(p.second, c, p.second_fronted) for p, c in told_pairs],
            [p.label for p, _ in told_pairs],
        )
    found = encode(loading.tokenizer(checkpoint(world)), rows)
    if len(found) != len(codes):
        raise SaltError(f"{name}: a sentence has more tokens than the model reads")
    return found


def orders(draw: int, stock: int) -> Tensor:
    """(languages, stock) the numbers of each language's examples in the order of a draw."""
    dice = torch.Generator().manual_seed(draw + 7_000_003)
    return torch.stack([torch.randperm(stock, generator=dice) for _ in LANGUAGES])


def drawn(shares: str, count: int, draw: int, stock: int | None = None) -> Tensor:
    """(languages × count,) rows of a stock.

    shares: "equal", ``count`` of each language; "pooled", as many in all, at random out of a pool
    in which languages have the `amounts` of their text; "English", the rows of "equal", to be said
    in English. Of one draw fewer are among more. Raises SaltError for other shares, and for more
    than there are.
    """
    size = stock or STOCK
    if shares not in SHARES:
        raise unknown("shares of the languages", shares, SHARES)
    held = amounts(size)
    most = size if shares != "pooled" else int(held.sum()) // len(LANGUAGES)
    if not 1 <= count <= most:
        raise SaltError(
            f"{count} examples a language: there are {most} to draw from ({shares}), and one is "
            "the least"
        )
    numbered = orders(draw, size) + size * torch.arange(len(LANGUAGES))[:, None]
    if shares != "pooled":
        return numbered[:, :count].ravel()
    pool = torch.cat([row[:many] for row, many in zip(numbered, held.tolist(), strict=True)])
    dice = torch.Generator().manual_seed(draw + 8_000_009)
    return pool[torch.randperm(len(pool), generator=dice)][: count * len(LANGUAGES)]


def languages_of(rows: Tensor, stock: int | None = None) -> Tensor:
    """Index into `LANGUAGES` of each row of a stock."""
    return rows // (stock or STOCK)


def shuffled(data: Encoded, rows: Tensor, languages: Tensor, seed: int) -> Encoded:
    """The data with the labels of some rows permuted within each language: pairs' labels, or the
    tags of words. How often a language has each label stays the same."""
    labels, dice = data.labels.clone(), torch.Generator().manual_seed(seed + 9_000_011)
    for code in languages.unique().tolist():
        at = rows[languages == code]
        if data.tags:
            spans = [torch.arange(int(data.start[i]), int(data.start[i + 1])) for i in at.tolist()]
            at = torch.cat(spans)
            at = at[data.labels[at] != IGNORE]
        labels[at] = data.labels[at[torch.randperm(len(at), generator=dice)]]
    return replace(data, labels=labels)

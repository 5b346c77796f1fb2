"""What a batch of bitext is learned by: translation language modelling, exchanged words, or a
contrast between linked states.

All of them also predict hidden pieces, each among the pieces of its own language, as pretraining
does (`pretraining.model`). "masked" does nothing else: the same sentences, each for itself.

Chapter: Bitext.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from ...errors import unknown
from ...pretraining.data import Text, draw_noise, mask_tokens
from ...pretraining.model import among_own
from ...pretraining.recipe import Recipe
from ...pretraining.wordpiece import CLS, PAD, SEP
from .links import NUMBERS, WAYS, Bitext

TLM, EXCHANGE, CONTRASTIVE = OBJECTIVES = ("tlm", "exchange", "contrastive")
MASKED = "masked"  # their common part alone, on sentences that are read apart
TEMPERATURE = 0.1  # of the contrast, over cosines


def loss(
    objective: str,
    model,
    batch: Bitext,
    text: Text,
    recipe: Recipe,
    generator: torch.Generator,
) -> Tensor:
    """The loss of a batch of pairs: that of the hidden pieces, and with links theirs, each with
    weight 1. text: whose ``pieces`` each language has. SaltError: an unknown objective."""
    if objective == TLM:
        ids, language, segments = together(batch)
    elif objective in (MASKED, *OBJECTIVES):
        ids, language = apart(batch)
        segments = torch.zeros_like(ids)
    else:
        raise unknown("objective", objective, (MASKED, *OBJECTIVES))
    noise = draw_noise(text, language.flatten(), 1, generator).view_as(ids)
    inputs, chosen = mask_tokens(
        ids, noise, recipe.mask_rate, recipe.keep, recipe.random, generator
    )
    attention = (ids != PAD).long()
    output = model.bert(inputs, attention_mask=attention, token_type_ids=segments)
    states, head = output.last_hidden_state, model.cls.predictions
    total = among_own(head, states[chosen], language[chosen], ids[chosen], text.pieces)
    if objective == EXCHANGE:
        total = total + exchange(head, states, batch, ids, language, chosen, text.pieces)
    elif objective == CONTRASTIVE:
        total = total + contrast(states, batch, ids, chosen)
    return total


def together(batch: Bitext) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs read as one, [CLS] English [SEP] other [SEP]: ids, language of each piece, segments,
    all (pairs, length). Special tokens and padding are English, which nobody asks."""
    first, second = batch.length[0][:, None], batch.length[1][:, None]
    total = first + second + 3
    place = torch.arange(int(total.max()), device=batch.ids.device)[None].expand(len(batch), -1)
    limit = batch.ids.shape[2] - 1
    at = ((place - 1).clamp(0, limit), (place - first - 2).clamp(0, limit))

    def laid_out(values: Tensor, special: tuple[int, int, int]) -> Tensor:
        one, other = (values[side].long().gather(1, at[side]) for side in (0, 1))
        found = torch.where(place <= first, one, other)
        found = torch.where((place == first + 1) | (place == total - 1), special[1], found)
        found = torch.where(place == 0, special[0], found)
        return torch.where(place < total, found, special[2])

    english = NUMBERS["en"]
    segments = ((place > first + 1) & (place < total)).long()
    return laid_out(batch.ids, (CLS, SEP, PAD)), laid_out(batch.language, (english,) * 3), segments


def apart(batch: Bitext) -> tuple[Tensor, Tensor]:
    """Sentences read alone, [CLS] sentence [SEP], first all English ones, then all others: ids and
    the language of each piece, both (2 × pairs, length)."""
    length = batch.length.flatten()
    longest = int(length.max())
    ids = torch.full((len(length), longest + 2), PAD, device=batch.ids.device)
    language = torch.full_like(ids, NUMBERS["en"])
    ids[:, 1:-1] = batch.ids.flatten(0, 1)[:, :longest]
    language[:, 1:-1] = batch.language.flatten(0, 1)[:, :longest]
    ids[:, 0] = CLS
    ids.scatter_(1, (length + 1)[:, None], SEP)
    return ids, language


def linked_places(batch: Bitext, side: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of each link its row and place in what `apart` gives, on one side and on the other."""
    links = batch.linked()
    rows = (links[:, 0], links[:, 0] + len(batch))
    places = (links[:, 1] + 1, links[:, 2] + 1)  # after [CLS]
    return rows[side], places[side], rows[1 - side], places[1 - side]


def exchange(
    head,
    states: Tensor,
    batch: Bitext,
    ids: Tensor,
    language: Tensor,
    chosen: Tensor,
    pieces: Sequence[Tensor],
) -> Tensor:
    """Each linked piece that isn't hidden predicts its partner among the pieces of the partner's
    language (WEAM's kind, Yang et al. 2021), in both directions; the mean over all. 0 without any.

    states: (2 × pairs, length, width), ids, language and chosen (hidden ones): as of `apart`.
    """
    found: list[tuple[Tensor, ...]] = []
    for side, _ in WAYS:
        row, place, other_row, other_place = linked_places(batch, side)
        seen = ~chosen[row, place]
        at, partner = (row[seen], place[seen]), (other_row[seen], other_place[seen])
        found.append((states[at], language[partner], ids[partner]))
    hidden, codes, targets = (torch.cat(parts) for parts in zip(*found, strict=True))
    return among_own(head, hidden, codes, targets, pieces) if len(targets) else states.sum() * 0


def contrast(states: Tensor, batch: Bitext, ids: Tensor, chosen: Tensor) -> Tensor:
    """The states of linked pieces attract each other (AMBER's kind, Hu et al. 2021; XLM-Align's,
    Chi et al. 2021): `info_nce` over the batch's links of which neither piece is hidden. 0 without
    two such links. Arguments as of `exchange`."""
    row, place, other_row, other_place = linked_places(batch, 0)
    seen = ~chosen[row, place] & ~chosen[other_row, other_place]
    at, partner = (row[seen], place[seen]), (other_row[seen], other_place[seen])
    if len(at[0]) < 2:
        return states.sum() * 0
    return info_nce(states[at].float(), states[partner].float(), ids[at], ids[partner])


def info_nce(
    one: Tensor, other: Tensor, one_piece: Tensor, other_piece: Tensor, scale: float = TEMPERATURE
) -> Tensor:
    """Symmetric InfoNCE (van den Oord et al. 2018) of states (links, width), row by row.

    one_piece, other_piece: (links,) pieces. Links with a piece in common are no negatives of each
    other: what stands for one meaning in two languages must not be pushed apart.
    """
    cosines = normalize(one, dim=1) @ normalize(other, dim=1).T / scale
    alike = (one_piece[:, None] == one_piece) | (other_piece[:, None] == other_piece)
    own = torch.eye(len(one), dtype=torch.bool, device=one.device)
    cosines = cosines.masked_fill(alike & ~own, -torch.inf)
    right = torch.arange(len(one), device=one.device)
    return (cross_entropy(cosines, right) + cross_entropy(cosines.T, right)) / 2

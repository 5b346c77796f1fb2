"""What the language model is trained on: pairs of sentences, packed, with words to predict.

Chapter: The laboratory.
"""

from dataclasses import dataclass

import numpy as np
import torch

from .wordpiece import CLS, MASK, MAX_LENGTH, PAD, SEP, SPECIAL


@dataclass
class Text:
    """The tokenized corpora: sentence i is ``ids[i, :length[i]]``, a few in a row a document."""

    ids: torch.Tensor  # (sentences, longest), int16, or int32 for a large vocabulary
    length: torch.Tensor  # (sentences,)
    start: dict[str, tuple[int, int]]  # language → its sentences' range
    document: int  # sentences in a document
    pieces: list[torch.Tensor]  # the pieces that each language's text uses, in the order of start


def tokenize(tokenizer, texts: dict[str, list[list[str]]]) -> Text:
    """Tokenize every language's documents; see `Text`."""
    rows: list[list[int]] = []
    start, pieces = {}, []
    for code, documents in texts.items():
        flat = [sentence for document in documents for sentence in document]
        encoded = tokenizer(flat, add_special_tokens=False).encodings
        start[code] = (len(rows), len(rows) + len(flat))
        rows += [e.ids for e in encoded]
        pieces.append(torch.tensor(sorted({i for e in encoded for i in e.ids})))
    length = torch.tensor([len(row) for row in rows])
    limit = (MAX_LENGTH - 3) // 2
    small = len(tokenizer) <= torch.iinfo(torch.int16).max
    ids = torch.zeros(len(rows), limit, dtype=torch.int16 if small else torch.int32)
    for i, row in enumerate(rows):
        ids[i, : min(len(row), limit)] = torch.tensor(row[:limit])
    document = len(next(iter(texts.values()))[0])
    return Text(ids, length.clamp(max=limit), start, document, pieces)


def epoch_pairs(
    text: Text, seed: int, epoch: int, batch: int, neighbours: float = 0.0
) -> list[np.ndarray]:
    """One pass over the text as batches of (first, second, follows): each (batch, 3) int64.

    Half of the pairs are two consecutive sentences of a document, half a sentence and one from
    another document of its language: in a share ``neighbours`` of them the neighbouring document,
    likely on a like subject. A batch holds pairs of like length.
    """
    rng = np.random.default_rng([seed, 4, epoch])
    count = text.document
    by_language = []
    for low, high in text.start.values():
        first = np.arange(low, high)
        first = first[(first - low) % count < count - 1]
        follows = rng.random(len(first)) < 0.5
        other = rng.integers(low, high, size=len(first))
        place = (first + 1 - low) % count  # the sentence that would follow, in the document beside
        beside = low + ((first - low) // count ^ 1) * count + place
        near = (rng.random(len(first)) < neighbours) & (beside < high)
        other = np.where(near, beside, other)
        same = (other - low) // count == (first - low) // count
        follows |= same
        by_language.append(np.stack([first, np.where(follows, first + 1, other), follows], axis=1))
    pairs = rng.permutation(np.concatenate(by_language))
    length = text.length.numpy()
    batches = []
    for low in range(0, len(pairs), batch * 50):
        pool = pairs[low : low + batch * 50]
        pool = pool[np.argsort(length[pool[:, 0]] + length[pool[:, 1]], kind="stable")]
        batches += [pool[i : i + batch] for i in range(0, len(pool), batch)]
    order = rng.permutation(len(batches))
    return [batches[i] for i in order if len(batches[i]) == batch]


def assemble(text: Text, pairs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """[CLS] first [SEP] second [SEP] for pairs (batch, 2): ids, segments, mask, (batch, length)."""
    first, second = pairs[:, 0], pairs[:, 1]
    a, b = text.length[first][:, None], text.length[second][:, None]
    total = a + b + 3
    t = torch.arange(int(total.max()), device=pairs.device)[None]
    limit = text.ids.shape[1] - 1
    from_a = text.ids[first].long().gather(1, (t - 1).clamp(0, limit).expand(len(pairs), -1))
    from_b = text.ids[second].long().gather(1, (t - a - 2).clamp(0, limit))
    ids = torch.where(t <= a, from_a, from_b)
    ids = torch.where((t == a + 1) | (t == total - 1), SEP, ids)
    ids = torch.where(t == 0, CLS, ids)
    inside = t < total
    return torch.where(inside, ids, PAD), ((t > a + 1) & inside).long(), inside.long()


def draw_noise(text: Text, language: torch.Tensor, length: int, generator: torch.Generator):
    """(batch, length) pieces, each any that occurs in the row's language; language: (batch,)."""
    size = torch.tensor([len(pieces) for pieces in text.pieces], device=language.device)[language]
    table = torch.nn.utils.rnn.pad_sequence(text.pieces, batch_first=True)
    dice = torch.rand(len(language), length, generator=generator, device=language.device)
    return table[language[:, None], (dice * size[:, None]).long()]


def mask_tokens(
    ids: torch.Tensor,
    noise: torch.Tensor,
    rate: float,
    keep: float,
    random: float,
    generator: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Choose what is predicted and hide it: (inputs, chosen), both (batch, length).

    A share ``rate`` of the tokens is chosen (special ones never); of the chosen, ``keep`` stay as
    they are, ``random`` become what stands in ``noise`` (batch, length), the rest [MASK].
    """
    dice = torch.rand((2, *ids.shape), generator=generator, device=ids.device)
    chosen = (dice[0] < rate) & (ids >= len(SPECIAL))
    hidden = torch.where(dice[1] < random, noise, MASK)
    hidden = torch.where(dice[1] > 1 - keep, ids, hidden)
    return torch.where(chosen, hidden, ids), chosen

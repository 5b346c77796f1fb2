"""The model: a checkpoint's encoder reads the question, a small transformer writes the program.

The decoder is the same for every encoder and starts from scratch (Vaswani et al. 2017, with the
norms before the sublayers); it attends to all of the encoder's last states. Two other readers check
the data: "bag" gives the decoder the words' embeddings without order or context, "blind" one vector
that is the same for all questions.

Chapter: Programs.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ...errors import SaltError, unknown
from ...models import loading
from ...models.encoding import Encoded, positions
from ...salt.augment import mixup
from .language import vocabulary

READERS = ("encoder", "bag", "blind")
DIM, LAYERS, HEADS = 64, 2, 4  # of the decoder
LONGEST = 48  # words of a program, its end among them
PAD, START, END = range(3)
SPECIAL = ("[PAD]", "[START]", "[END]")
ENTRIES = (*SPECIAL, *vocabulary())
NUMBER = {word: i for i, word in enumerate(ENTRIES)}


class Parser(nn.Module):
    """Token embeddings of questions → programs.

    reader: of `READERS`. Raises SaltError for another one.
    """

    def __init__(self, checkpoint: str | Path, reader: str = "encoder"):
        super().__init__()
        if reader not in READERS:
            raise unknown("reader", reader, READERS)
        self.reader = reader
        base: nn.Module = loading.masked_lm(checkpoint).base_model
        self.words: nn.Embedding = base.get_submodule("embeddings.word_embeddings")  # type: ignore[assignment]
        self.encoder = base if reader == "encoder" else None
        self.blind = nn.Parameter(torch.zeros(1, 1, DIM))
        self.project = nn.Linear(self.words.weight.shape[1], DIM)
        self.entries = nn.Embedding(len(ENTRIES), DIM)
        self.places = nn.Embedding(LONGEST, DIM)
        for table in (self.entries, self.places):
            nn.init.normal_(table.weight, std=DIM**-0.5)
        layer = nn.TransformerDecoderLayer(
            DIM, HEADS, 4 * DIM, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.decoder = nn.TransformerDecoder(layer, LAYERS, nn.LayerNorm(DIM))
        self.scores = nn.Linear(DIM, len(ENTRIES))

    def read(
        self,
        data: Encoded,
        ids: Tensor,
        rows: Tensor,
        drawn: Tensor | None = None,
        ratio: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """What is known of some questions: memory (batch, length, `DIM`), and where it is (mask).

        ids: the data's token ids, some of them switched. drawn, ratio: what their embeddings are
        mixed with, and the weights; see `loop.Batch`.
        """
        if self.reader == "blind":
            return self.blind.expand(len(rows), 1, DIM), torch.ones(len(rows), 1, dtype=torch.bool)
        at, inside = positions(data, rows)
        vectors = self.words(ids[at].where(inside, 0))
        if drawn is not None and ratio is not None:
            vectors = mixup(vectors, self.words(drawn[at].where(inside, 0)), ratio)
        if self.encoder is not None:
            vectors = self.encoder(inputs_embeds=vectors, attention_mask=inside).last_hidden_state
        return self.project(vectors), inside

    def forward(self, memory: Tensor, inside: Tensor, said: Tensor) -> Tensor:
        """Scores (batch, words, entries) of what comes after each word of ``said``."""
        length = said.shape[1]
        vectors = self.entries(said) + self.places.weight[:length]
        later = torch.ones(length, length, dtype=torch.bool).triu(1)
        hidden = self.decoder(vectors, memory, tgt_mask=later, memory_key_padding_mask=~inside)
        return self.scores(hidden)


def targets(programs, rows: Tensor) -> Tensor:
    """(batch, longest) entries of some programs: `START`, the words, `END`, then `PAD`.

    programs: words of each. Raises SaltError for a word that programs don't have, and one that is
    too long.
    """
    lists = []
    for row in rows.tolist():
        words = programs[row]
        if len(words) >= LONGEST:
            raise SaltError(f"a program of {len(words)} words: {LONGEST - 1} are the most")
        if odd := [word for word in words if word not in NUMBER]:
            raise unknown("word of a program", odd[0], ENTRIES)
        lists.append(torch.tensor([START, *(NUMBER[word] for word in words), END]))
    return nn.utils.rnn.pad_sequence(lists, batch_first=True, padding_value=PAD)


def loss(scores: Tensor, wanted: Tensor) -> Tensor:
    """The mean cross-entropy over the words of a batch, padding left out.

    scores: (batch, words, entries) after each word; wanted: (batch, words + 1), of `targets`.
    """
    return cross_entropy(scores.flatten(0, 1), wanted[:, 1:].flatten(), ignore_index=PAD)


@torch.inference_mode()
def beam(model: Parser, memory: Tensor, inside: Tensor, width: int = 1) -> list[list[str]]:
    """The programs that a beam of ``width`` finds, the words of each; 1 is greedy decoding.

    Nothing is forbidden: what is written may be no program. A path's score is the sum of its words'
    log-probabilities; an unfinished path of `LONGEST` words ends there. Raises SaltError for a beam
    without width.
    """
    if width < 1:
        raise SaltError(f"a beam of width {width}: 1 is the least")
    count = len(memory)
    said = torch.full((count, 1, 1), START)
    score = torch.zeros(count, 1)
    ended = torch.zeros(count, 1, dtype=torch.bool)
    open_ = torch.arange(count)  # the questions whose best path has not ended
    found: list[list[str]] = [[] for _ in range(count)]
    while len(open_):
        paths = said.shape[1]
        flat, at = said.flatten(0, 1), open_.repeat_interleave(paths)
        after = model(memory[at], inside[at], flat)[:, -1].log_softmax(dim=1)
        after[:, [PAD, START]] = -torch.inf  # no words of a program
        after = after.unflatten(0, (len(open_), paths))
        stay = torch.full_like(after, -torch.inf)
        stay[..., PAD] = 0.0  # an ended path goes on as it is
        total = score[..., None] + torch.where(ended[..., None], stay, after)
        score, best = total.flatten(1).topk(min(width, total[0].numel()), dim=1)
        path, entry = best // len(ENTRIES), best % len(ENTRIES)
        said = said.gather(1, path[..., None].expand(-1, -1, said.shape[2]))
        said = torch.cat([said, entry[..., None]], dim=2)
        ended = ended.gather(1, path) | (entry == END)
        done = ended[:, 0] | (said.shape[2] > LONGEST - 1)
        for i in done.nonzero()[:, 0].tolist():
            words = said[i, 0, 1:].tolist()
            found[int(open_[i])] = [ENTRIES[w] for w in words if w not in (END, PAD)]
        said, score, ended, open_ = said[~done], score[~done], ended[~done], open_[~done]
    return found

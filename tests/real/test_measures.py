"""What a run keeps of its test items adds up to its scores, and is counted by hand here."""

import numpy as np
import pytest
import torch
from torch import nn
from transformers.modeling_outputs import TokenClassifierOutput

from salt_lib.models.encoding import IGNORE, Encoded
from salt_lib.real import measures
from salt_lib.study.packing import unpacked
from salt_lib.training import evaluate


@pytest.mark.parametrize(
    ("gold", "tags", "counts"),
    [
        (["B-PER", "I-PER", "O", "B-LOC"], ["B-PER", "I-PER", "O", "O"], (2, 1, 1)),
        (["B-PER", "I-PER"], ["B-PER", "O"], (1, 1, 0)),  # half a name is none
        (["O", "O"], ["O", "B-LOC"], (0, 1, 0)),
        (["NOUN", "VERB"], ["NOUN", "NOUN"], (2, 1, 0)),  # a run of equal tags is one chunk
    ],
)
@pytest.mark.filterwarnings("ignore:.*seems not to be NE tag")
def test_chunks_of_a_sentence(gold, tags, counts):
    assert measures.chunk_counts(gold, tags) == counts


class Answers(nn.Module):
    """Answers each row, or each token, with the logits that stand in a table by its first id."""

    def __init__(self, table):
        super().__init__()
        self.table = nn.Parameter(torch.as_tensor(table, dtype=torch.float), requires_grad=False)
        self.config = type("Config", (), {"num_labels": self.table.shape[-1]})

    def forward(self, ids, attention_mask=None, token_type_ids=None):
        logits = self.table[ids]
        return TokenClassifierOutput(logits=logits if self.tagged else logits[:, 0])


def encoded(ids, labels, lengths, tags=()):
    """Rows of these lengths; tagged sentences where there are ``tags``, a row each."""
    return Encoded(
        ids=torch.tensor(ids),
        segments=torch.zeros(len(ids), dtype=torch.long),
        whole=torch.ones(len(ids), dtype=torch.bool),
        start=torch.tensor([0, *lengths]).cumsum(0),
        labels=torch.tensor(labels),
        tags=tuple(tags),
        sentence=torch.arange(len(lengths) if tags else 0),
    )


def kept_of(model, test):
    return measures.measured({"de": evaluate.outputs(model, test)}, {"de": test})["de"]


@pytest.mark.filterwarnings("error")
def test_parts_of_speech_are_counted_without_a_warning():
    model = Answers([[9, 0], [0, 9]])
    model.tagged = True
    kept = kept_of(model, encoded([0, 1, 1], [0, 1, 0], [1, 2], ["NOUN", "VERB"]))
    assert unpacked(kept["right"]).tolist() == [1, 0]


@pytest.mark.filterwarnings("ignore:.*seems not to be NE tag")
def test_tags_are_counted_sentence_by_sentence_and_add_up_to_f1():
    tags = ("O", "B-PER", "B-LOC")
    model = Answers([[9, 0, 0], [0, 9, 0], [0, 0, 9]])
    model.tagged = True
    test = encoded([1, 0, 2, 1, 1], [1, 1, 2, IGNORE, 1], [2, 3], tags)
    kept = kept_of(model, test)
    counts = {key: unpacked(text).tolist() for key, text in kept.items()}
    assert counts == {"gold": [2, 2], "predicted": [1, 2], "right": [1, 2]}
    assert evaluate.score(model, test) == pytest.approx(2 * 3 / (4 + 3))


def test_pairs_are_judged_as_answered_and_balanced_by_the_other_half():
    """The model answers label 0 always; a bias from the other half's logits parts the two."""
    model = Answers([[5.0, 4.9], [5.0, 1.0]])
    model.tagged = False
    ids, labels = [0, 0, 1, 1] * 4, [1, 1, 0, 0] * 4  # row by row
    test = encoded(ids, labels, [1] * 16)
    kept = kept_of(model, test)
    assert kept["shares"] == [1.0, 0.0]
    assert unpacked(kept["right"]).tolist() == [0, 0, 1, 1] * 4
    assert unpacked(kept["balanced"]).tolist() == [1] * 16
    assert np.mean(unpacked(kept["right"])) == evaluate.score(model, test) == 0.5


def test_no_item_is_balanced_by_itself():
    """The halves lean to opposite labels: a bias of its own would set each right, the other's
    makes it lean more."""
    model = Answers([[3.0, 0.0], [1.0, 0.0], [0.0, 3.0], [0.0, 1.0]])
    model.tagged = False
    test = encoded([0, 2, 1, 3] * 4, [0, 1, 1, 0] * 4, [1] * 16)
    kept = kept_of(model, test)
    assert unpacked(kept["right"]).tolist() == [1, 1, 0, 0] * 4
    assert unpacked(kept["balanced"]).tolist() == [1, 1, 0, 0] * 4

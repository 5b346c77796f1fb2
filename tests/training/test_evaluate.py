"""Scores by hand: accuracy of pairs, F1 of names and of parts of speech."""

from types import SimpleNamespace

import pytest
import torch
from seqeval.metrics import f1_score
from small import tokenizer_of

from salt_lib.data.examples import tag
from salt_lib.models.encoding import Encoded, encode
from salt_lib.training import evaluate
from salt_lib.training.device import Compute

# "ab" is two pieces; "cd" is one; "x" is unknown.
TOKENIZER = tokenizer_of("a", "##b", "cd")
NAMES = ("O", "B-PER", "I-PER")


class Model(torch.nn.Module):
    """Says of a pair its first token modulo three."""

    config = SimpleNamespace(num_labels=3)

    def forward(self, ids, attention_mask, token_type_ids):
        assert not self.training
        assert attention_mask.sum() == (ids > 0).sum()
        return SimpleNamespace(logits=torch.nn.functional.one_hot(ids[:, 0] % 3, 3).float())


IDS = torch.arange(1, 31)
START = torch.tensor([0, 1, 3, 6, 10, 15, 21, 30])


def pairs(labels):
    return Encoded(IDS, IDS * 0, IDS > 0, START, labels)


def test_accuracy_counts_the_highest_logits():
    right = IDS[START[:-1]] % 3
    for wrong in (0, 2, 7):
        labels = torch.where(torch.arange(7) < wrong, (right + 1) % 3, right)
        for size in (1, 3, 128):
            found = evaluate.score(Model().train(), pairs(labels), size)
            assert found == (7 - wrong) / 7


def test_predicted_labels_stand_in_the_order_of_the_rows():
    right = IDS[START[:-1]] % 3
    for size in (1, 3, 128):
        assert evaluate.predicted(Model(), pairs(right * 0), size).tolist() == right.tolist()


class Logits(Model):
    """Says a pair's first and last token, and how long it is."""

    def forward(self, ids, attention_mask, token_type_ids):
        assert not self.training
        size = attention_mask.sum(dim=1)
        last = ids.gather(1, size[:, None] - 1)[:, 0]
        return SimpleNamespace(logits=torch.stack([ids[:, 0], last, size], dim=1).float())


def test_logits_stand_in_the_order_of_the_rows():
    lengths = START[1:] - START[:-1]
    by_hand = torch.stack([IDS[START[:-1]], IDS[START[1:] - 1], lengths], dim=1).float()
    for size in (1, 3, 128):
        found = evaluate.logits(Logits().train(), pairs(lengths * 0), size)
        assert torch.equal(found, by_hand) and found.shape == (7, 3)
    parts = []
    for rank in range(3):
        compute = Compute()
        compute.rank, compute.processes = rank, 3
        parts.append(evaluate.logits(Logits(), pairs(lengths * 0), 2, compute=compute))
    assert torch.equal(sum(parts), by_hand)  # each process has some of the rows, and no row twice


def test_several_processes_share_the_rows():
    right, parts = IDS[START[:-1]] % 3, []
    for rank in range(3):
        compute = Compute()
        compute.rank, compute.processes = rank, 3
        parts.append(evaluate.predicted(Model(), pairs(right), 2, compute=compute))
    assert torch.equal(sum(parts), right) and all((part != right).any() for part in parts)


class Says(torch.nn.Module):
    """A classifier of tokens that answers a fixed label for each token id."""

    def __init__(self, answers: dict[int, int], labels: int):
        super().__init__()
        self.answers, self.labels = answers, labels

    def forward(self, ids, attention_mask=None, token_type_ids=None):
        logits = torch.zeros(*ids.shape, self.labels)
        for token, label in self.answers.items():
            logits[ids == token, label] = 1.0
        return type("Output", (), {"logits": logits})


def test_f1_by_hand():
    gold = [(["ab", "cd", "x"], ["B-PER", "I-PER", "O"]), (["cd", "ab"], ["O", "B-PER"])]
    found = encode(TOKENIZER, tag(gold, NAMES))
    a, b, cd = TOKENIZER.convert_tokens_to_ids(["a", "##b", "cd"])
    # "ab" is a name, "cd" goes on with it: right in the first sentence. In the second "cd" opens
    # one that is none, and "ab" follows as another. What is said of "##b" doesn't count.
    model = Says({a: 1, b: 0, cd: 2}, 3)
    # Names found: (0, 0-1), (1, 0), (1, 1); true: (0, 0-1), (1, 1). 2 of 3 found, 2 of 2 there.
    assert evaluate.score(model, found) == pytest.approx(2 * (2 / 3) * 1 / (2 / 3 + 1))
    assert evaluate.score(model, found) == evaluate.score(model, found, batch_size=1)
    assert evaluate.score(Says({}, 3), found) == 0.0
    told = [["B-PER", "I-PER", "O"], ["I-PER", "B-PER"]]
    assert evaluate.score(model, found) == f1_score([tags for _, tags in gold], told)


def test_f1_of_parts_of_speech_takes_runs_for_names(recwarn):
    # DET | NOUN NOUN | VERB against DET | NOUN | VERB VERB: one of three runs is found.
    gold, found = [["DET", "NOUN", "NOUN", "VERB"]], [["DET", "NOUN", "VERB", "VERB"]]
    assert evaluate.tag_f1(gold, found) == pytest.approx(1 / 3)
    assert not recwarn.list


def test_precision_and_recall_stand_beside_f1(recwarn):
    gold, found = [["B-PER", "O", "B-LOC"]], [["B-PER", "O", "O"]]
    assert evaluate.tag_scores(gold, found) == {
        "f1": pytest.approx(2 / 3),
        "precision": 1.0,
        "recall": 0.5,
    }
    assert evaluate.tag_scores([["O"]], [["O"]])["f1"] == 0.0 and not recwarn.list


def test_the_share_of_labels_that_agree():
    assert evaluate.accuracy_of(["a", "b", "c", "d"], ["a", "b", "d", "c"]) == 0.5
    with pytest.raises(ValueError):
        evaluate.accuracy_of(["a"], ["a", "b"])

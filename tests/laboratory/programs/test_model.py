"""The loss, the decoding and the readers of the model that writes programs."""

import itertools
import math

import pytest
import torch

from salt_lib.errors import SaltError
from salt_lib.laboratory.programs import model
from salt_lib.laboratory.programs.model import END, ENTRIES, NUMBER, PAD, START, Parser, beam


@pytest.fixture(scope="module")
def parser(questions):
    torch.manual_seed(0)
    return Parser(questions.checkpoint).eval()


def test_targets_start_and_end_and_are_padded():
    found = model.targets([["any"], ["any", "where", "dog"]], torch.tensor([1, 0]))
    any_, where, dog = (NUMBER[word] for word in ("any", "where", "dog"))
    assert found.tolist() == [[START, any_, where, dog, END], [START, any_, END, PAD, PAD]]
    with pytest.raises(SaltError, match="unknown word of a program 'dogs'"):
        model.targets([["dogs"]], torch.tensor([0]))
    with pytest.raises(SaltError, match="of 96 words"):
        model.targets([["dog"] * 96], torch.tensor([0]))


def test_the_loss_is_the_mean_cross_entropy_of_words_without_padding():
    wanted = torch.tensor([[START, 5, END], [START, END, PAD]])
    scores = torch.zeros(2, 2, len(ENTRIES))
    assert model.loss(scores, wanted).item() == pytest.approx(math.log(len(ENTRIES)))
    scores[0, 0, 5] = math.log(3)  # probability 3 / (n + 2)
    scores[1, 1, 7] = 50.0  # after the end: no matter
    n = len(ENTRIES)
    by_hand = (2 * math.log(n) + math.log((n + 2) / 3)) / 3
    assert model.loss(scores, wanted).item() == pytest.approx(by_hand, rel=1e-5)


class Scripted:
    """Scores that depend on the words so far alone; a table of words → next → probability."""

    def __init__(self, table):
        self.table = table

    def __call__(self, memory, inside, said):
        scores = torch.full((*said.shape, len(ENTRIES)), -1e9)
        for row, words in enumerate(said.tolist()):
            for word, share in self.table.get(tuple(words[1:]), {END: 1.0}).items():
                scores[row, -1, word] = math.log(share)
        return scores


A, B = 10, 11
# Greedy goes to A (0.6) and then needs 0.6 × 0.4; B and its only end is likelier, 0.4 × 1.
TABLE = {
    (): {A: 0.6, B: 0.4},
    (A,): {A: 0.4, B: 0.3, END: 0.3},
    (B,): {END: 1.0},
    (A, A): {END: 1.0},
    (A, B): {END: 1.0},
}
NOTHING = torch.zeros(2, 1, model.DIM), torch.ones(2, 1, dtype=torch.bool)


def test_greedy_takes_the_likeliest_word_and_a_beam_the_likeliest_path():
    assert beam(Scripted(TABLE), *NOTHING) == [[ENTRIES[A], ENTRIES[A]]] * 2
    assert beam(Scripted(TABLE), *NOTHING, width=2) == [[ENTRIES[B]]] * 2


def test_a_wide_beam_finds_the_best_of_all_paths(parser, questions):
    """Against all programs of at most two words, scored one by one."""
    memory, inside = parser.read(
        questions.encoded("dev", "en"), questions.encoded("dev", "en").ids, torch.arange(2)
    )
    few = [NUMBER[word] for word in ("any", "where", "dog")]

    class Short:
        def __call__(self, memory, inside, said):
            scores = parser(memory, inside, said)
            allowed = torch.full_like(scores, -1e9)
            allowed[..., [*few, END]] = 0.0
            if said.shape[1] == 3:
                allowed[..., few] = -1e9  # two words, then the end
            return scores + allowed

    paths = [p for n in range(3) for p in itertools.product(few, repeat=n)]
    for row in range(2):
        best, most = None, -math.inf
        for path in paths:
            said = torch.tensor([[START, *path]])
            one = memory[row : row + 1], inside[row : row + 1]
            total = 0.0
            for length in range(1, said.shape[1] + 1):
                scores = Short()(*one, said[:, :length])[0, -1].log_softmax(0)
                after = said[0, length] if length < said.shape[1] else END
                total += float(scores[after].detach())
            if total > most:
                best, most = path, total
        found = beam(Short(), memory[row : row + 1], inside[row : row + 1], width=20)
        assert found == [[ENTRIES[w] for w in best]]


def test_what_never_ends_is_cut(monkeypatch):
    class Endless:
        def __call__(self, memory, inside, said):
            scores = torch.zeros(*said.shape, len(ENTRIES))
            scores[..., A] = 9.0
            return scores

    for width in (1, 3):
        found = beam(Endless(), *NOTHING, width=width)
        assert [len(words) for words in found] == [model.LONGEST - 1] * 2
    with pytest.raises(SaltError, match="width 0"):
        beam(Endless(), *NOTHING, width=0)


def test_a_word_does_not_see_those_after_it(parser, questions):
    rows = questions.encoded("dev", "en")
    known = parser.read(rows, rows.ids, torch.arange(3))
    said = torch.randint(3, len(ENTRIES), (3, 6), generator=torch.Generator().manual_seed(0))
    other = said.clone()
    other[:, 4:] = A
    with torch.inference_mode():
        one, two = parser(*known, said), parser(*known, other)
    assert torch.allclose(one[:, :4], two[:, :4], atol=1e-5)
    assert not torch.allclose(one[:, 4:], two[:, 4:], atol=1e-3)


def test_padding_of_the_question_is_not_read(parser, questions):
    rows = questions.encoded("dev", "en")
    short = int(rows.lengths.argmin())
    alone = parser.read(rows, rows.ids, torch.tensor([short]))
    among = parser.read(rows, rows.ids, torch.tensor([short, int(rows.lengths.argmax())]))
    said = torch.tensor([[START, A, B]])
    with torch.inference_mode():
        one = parser(*alone, said)
        two = parser(among[0][:1], among[1][:1], said)
    assert torch.allclose(one, two, atol=1e-4)


def test_a_bag_has_no_order_and_the_blind_see_nothing(questions):
    rows = questions.encoded("dev", "en")
    said = torch.tensor([[START, A, B]])
    turned = rows.ids.clone()
    first = slice(int(rows.start[0]), int(rows.start[1]))
    turned[first] = turned[first].flip(0)
    for reader, same in (("bag", True), ("blind", True), ("encoder", False)):
        torch.manual_seed(0)
        made = Parser(questions.checkpoint, reader).eval()
        with torch.inference_mode():
            one, two = (
                made(*made.read(rows, ids, torch.tensor([0])), said) for ids in (rows.ids, turned)
            )
            other = made(*made.read(rows, rows.ids, torch.tensor([1])), said)
        assert torch.allclose(one, two, atol=1e-4) == same, reader
        assert torch.allclose(one, other, atol=1e-4) == (reader == "blind"), reader
    with pytest.raises(SaltError, match="unknown reader 'deaf'; known: encoder, bag, blind"):
        Parser(questions.checkpoint, "deaf")

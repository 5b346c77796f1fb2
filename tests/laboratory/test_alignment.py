"""Alignment is the share of words whose prediction is a true translation."""

from types import SimpleNamespace

import torch

from salt_lib.laboratory.alignment import alignment
from salt_lib.laboratory.minibabel.facts import World
from salt_lib.laboratory.minibabel.lexicon import concept_of, forms
from salt_lib.models import loading
from salt_lib.salt.vocabulary import words_by_language


def test_alignment_counts_true_translations(tiny):
    """A model that reads a dictionary is right always; one that reads a wrong one, never."""
    folder = tiny / "world-0"
    tokenizer, own = loading.tokenizer(folder), words_by_language(folder)
    pieces, size = tokenizer.get_vocab(), len(tokenizer)
    entry = {i: piece for piece, i in pieces.items()}
    table = torch.zeros(size, size)
    known = {w: c for w, c in concept_of().items() if w in pieces}
    codes = ("de", "sw", "ja")
    wanted = {code: dict(own[code]) for code in codes}
    for word in known:
        for code in codes:
            if forms(code)[word] in pieces:
                table[pieces[word], pieces[forms(code)[word]]] = 1.0
                wanted[code][forms(code)[word]] = 10

    def model(table):
        def bert(ids, attention_mask):
            return SimpleNamespace(last_hidden_state=torch.nn.functional.one_hot(ids, size).float())

        cls = SimpleNamespace(predictions=lambda hidden: hidden @ table)
        return SimpleNamespace(bert=bert, cls=cls, device=torch.device("cpu"))

    vocabulary = {code: {w: n for w, n in wanted[code].items()} for code in codes}
    right = alignment(model(table), tokenizer, {**vocabulary, "en": own["en"]}, World(0), 60)
    wrong = alignment(model(-table), tokenizer, vocabulary, World(0), 60)
    assert set(right) == set(codes)
    assert max(wrong.values()) < 0.1 and min(right.values()) > 0.3
    assert entry[0] == "[PAD]"

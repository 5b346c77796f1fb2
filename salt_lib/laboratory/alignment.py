"""Alignment: does the language model translate a word, though nobody taught it to?

It is looked at while the model is made and decides nothing there: no lexicon enters the training.

Chapter: The laboratory.
"""

import numpy as np
import torch

from ..languages import SOURCE
from ..pretraining.wordpiece import CLS, PAD, SEP, UNK
from ..salt.vocabulary import piece_ids
from .minibabel.facts import EDITION, PARTITIONS, World, readable, sample_in
from .minibabel.grammar import words
from .minibabel.lexicon import concept_of, concepts_of_form, lexicon


@torch.no_grad()
def alignment(
    model, tokenizer, word_counts: dict[str, dict[str, int]], world: World, count: int = 400
):
    """Language → share of English content tokens whose unmasked, restricted prediction is right.

    Right: the commonest prediction among the language's whole words is a form of the same concept.
    Tokens whose own form is also the language's are left out (they need no translation). Uses
    ``count`` facts of the "dev" partition.
    """
    rng = np.random.default_rng([EDITION, world.seed, 5])
    facts = sample_in(world, rng, np.full(count, PARTITIONS.index("dev")))
    sentences = [words(readable(row), SOURCE) for row in facts]
    pieces = tokenizer.get_vocab()
    entry = {i: piece for piece, i in pieces.items()}
    device = model.device
    encoded = [[CLS, *(pieces.get(w, UNK) for w in s), SEP] for s in sentences]
    width = max(map(len, encoded))
    ids = torch.tensor([row + [PAD] * (width - len(row)) for row in encoded], device=device)
    hidden = model.bert(ids, attention_mask=(ids != PAD).long()).last_hidden_state
    content = {w for w, c in concept_of().items() if lexicon()[c].kind != "function"}
    known = torch.tensor([entry[i] in content for i in range(len(entry))], device=device)
    at = known[ids]
    source = [entry[i] for i in ids[at].tolist()]
    logits = model.cls.predictions(hidden[at]).float()
    scores = {}
    for code in word_counts:
        if code == SOURCE:
            continue
        candidates = torch.tensor(piece_ids(word_counts[code], pieces), device=device)
        best = candidates[logits[:, candidates].argmax(dim=1)].tolist()
        truth = concepts_of_form(code)
        judged = [
            concept_of()[word] in truth.get(entry[i], ())
            for word, i in zip(source, best, strict=True)
            if word not in truth
        ]
        scores[code] = float(np.mean(judged))
    return scores

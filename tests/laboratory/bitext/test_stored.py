"""What the pretrainings of a world share is made once, and is the same for all of them."""

from dataclasses import replace

import torch
from small_bitext import HOW, TLM, WORLD

from salt_lib.laboratory.bitext import links, stored
from salt_lib.laboratory.checkpoints import checkpoint
from salt_lib.models import loading


def test_the_competing_pieces_are_all_that_a_language_says():
    own = stored.pieces(loading.tokenizer(checkpoint(WORLD)))
    text, _ = stored.texts(WORLD, HOW.documents)
    for (low, high), pieces in zip(text.start.values(), own, strict=True):
        said = torch.unique(text.ids[low:high])
        assert set(said.tolist()) - {0} <= set(pieces.tolist())
    second = stored.bitext(WORLD, TLM)
    for side, pair in ((1, number) for number in torch.unique(second.pair).tolist()):
        said = second.ids[side, second.pair == pair].unique().tolist()
        assert set(said) - {0} <= set(own[pair].tolist())


def test_pairs_are_made_once(monkeypatch):
    found = stored.bitext(WORLD, TLM)
    monkeypatch.setattr(stored, "made", None)  # would fail
    again = stored.bitext(WORLD, TLM)
    assert torch.equal(found.ids, again.ids) and isinstance(again, links.Bitext)
    assert (found.link == links.NONE).all()  # translation language modelling reads no links


def test_other_pairs_have_files_of_their_own(cache):
    stored.bitext(WORLD, TLM)
    before = set((cache / "bitext").glob("*.safetensors"))
    fewer = stored.bitext(WORLD, replace(TLM, pairs=110))
    after = set((cache / "bitext").glob("*.safetensors"))
    assert len(fewer) == 110 and len(after - before) == 1 and before < after

"""A condition trains on the examples that it says, chosen without a look at another dev set."""

from dataclasses import replace

import pytest
import small
import torch

from salt_lib.laboratory.intermediate import conditions, examples, on_examples
from salt_lib.laboratory.intermediate.conditions import CONDITIONS
from salt_lib.laboratory.intermediate.steps import Steps

HOW = Steps(10, 8, 1e-3)
W = small.WORLD


@pytest.fixture(scope="module", autouse=True)
def made(laboratory):
    with pytest.MonkeyPatch.context() as patch:
        small.shrink_intermediate(patch.setattr)
        for name in examples.TASKS:
            patch.setitem(conditions.STEPS, name, HOW)
        yield
    small.forget()


def row(name, **changes):
    return replace(CONDITIONS[name], count=6, **changes)


def test_random_rows_are_the_draw_s():
    found = on_examples.rows_of(W, row("mini-pos-equal-100"), 2)
    assert torch.equal(found, examples.drawn("equal", 6, 2))
    found = on_examples.rows_of(W, row("mini-pos-pooled-100"), 2)
    assert torch.equal(found, examples.drawn("pooled", 6, 2))


def test_chosen_rows_are_of_the_draw_s_candidates_in_equal_shares():
    candidates = set(examples.drawn("equal", on_examples.CANDIDATES, 1).tolist())
    found = {}
    for choice in ("uncertain", "k-centre", "gradient"):
        rows = on_examples.rows_of(W, row(f"mini-paws-x-{choice}-100"), 1)
        assert set(rows.tolist()) <= candidates and len(rows.unique()) == 90
        assert torch.bincount(examples.languages_of(rows)).tolist() == [6] * 15
        found[choice] = rows.tolist()
    assert found["uncertain"] != found["k-centre"]
    told = on_examples.scouted(W, "mini-paws-x", 1)
    at = examples.drawn("equal", on_examples.CANDIDATES, 1).view(15, -1)
    first = at[0][told[0].uncertainty.argmax()]
    assert int(first) == found["uncertain"][0]


def test_what_is_trained_on_is_what_the_condition_says(monkeypatch):
    seen, plain = {}, on_examples.fitted

    def fitted(world, name, data, rows, seed, how):
        seen[now] = data, rows
        return plain(world, name, data, rows, seed, how)

    monkeypatch.setattr(on_examples, "fitted", fitted)
    for now in ("mini-pos-equal-100", "mini-pos-English-100", "mini-pos-labels-100"):
        found = on_examples.train_on_examples(W, row(now), 0, 0, HOW)
        assert found.about["examples"] == 90 and 0 <= found.about["dev"] <= 1
        assert "pooler.dense.weight" not in found.weights
    (plain_data, rows), (english, same), (mixed, also) = seen.values()
    assert torch.equal(rows, same) and torch.equal(rows, also)
    assert plain_data is examples.stock(W, "mini-pos", "all")
    assert english is examples.stock(W, "mini-pos", "en")
    assert torch.equal(mixed.ids, plain_data.ids)
    assert not torch.equal(mixed.labels, plain_data.labels)


def test_no_dev_set_but_the_english_one_is_read(monkeypatch):
    asked, plain = [], on_examples.encoded
    monkeypatch.setattr(
        on_examples, "encoded", lambda *given: asked.append(given[2:]) or plain(*given)
    )
    on_examples.train_on_examples(W, row("mini-paws-x-uncertain-100"), 0, 0, HOW)
    assert asked == [("dev", "en")]

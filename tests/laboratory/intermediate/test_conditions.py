"""The conditions are rows of data, and each has an identity of its own."""

from dataclasses import replace

import pytest
import small

from salt_lib.errors import SaltError
from salt_lib.laboratory.intermediate import conditions
from salt_lib.laboratory.intermediate.conditions import CONDITIONS, Condition, Intermediate
from salt_lib.salt.methods import method

SETUP = Intermediate(small.WORLD)


def test_every_task_has_its_controls():
    captions = [row for row in CONDITIONS.values() if row.on_captions]
    full = {(r.task, r.pictures, r.spoken) for r in captions if r.facts == conditions.FACTS[-1]}
    kinds = [("masked-text", "own"), ("paraphrase", "own")]
    kinds += [("matching", pictures) for pictures in ("own", "shuffled", "blank")]
    assert full == {(*kind, spoken) for kind in kinds for spoken in ("en", "all")}
    sizes = {(row.task, row.facts) for row in captions if row.facts < conditions.FACTS[-1]}
    assert len(sizes) == 3 * 2 and len(captions) == 10 + 6
    for name in ("mini-paws-x", "mini-pos"):
        rows = [row for row in CONDITIONS.values() if row.task == name]
        assert {r.count for r in rows if r.shares == "pooled"} == {10, 50, 100, 500, 1000}
        assert {r.choice for r in rows} == {"random", "uncertain", "k-centre", "gradient"}
        assert sum(r.shuffled for r in rows) == sum(r.shares == "English" for r in rows) == 1
    assert conditions.BEST in CONDITIONS and CONDITIONS["none"].task is None


def test_conditions_that_are_compared_take_equal_steps_of_equal_size():
    steps = conditions.STEPS
    assert len({(steps[t].steps, steps[t].batch) for t in conditions.CAPTION_TASKS}) == 1
    assert steps["matching"] == steps["paraphrase"]  # the picture is all that differs
    assert len({(steps[t].steps, steps[t].batch) for t in ("mini-paws-x", "mini-pos")}) == 1
    # So many that every one of the most examples is seen.
    assert steps["mini-pos"].steps * steps["mini-pos"].batch >= 15 * conditions.COUNTS[-1]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("task", "mini-ner"),
        ("spoken", "de"),
        ("pictures", "none"),
        ("shares", "fair"),
        ("choice", "longest"),
    ],
)
def test_a_row_of_what_there_is_not_is_an_error(field, value):
    with pytest.raises(SaltError, match=f"unknown .* '{value}'; known"):
        Condition("a", "b", **{field: value})


def test_an_unknown_condition_or_method_is_an_error():
    with pytest.raises(SaltError, match="unknown condition 'some'; known: none, masked-text-en"):
        SETUP.check("some", method("baseline"))
    with pytest.raises(SaltError, match="method 'mixup': mini-xnli is fine-tuned with baseline or"):
        SETUP.check("none", method("mixup"))
    SETUP.check("matching-all", method("salt"))


def test_no_two_conditions_have_one_identity(monkeypatch):
    found = [repr(sorted(SETUP.identity(name).items())) for name in CONDITIONS]
    assert len(set(found)) == len(found)
    before = SETUP.identity("matching-all")
    assert "captions" in before and "stock" not in before
    changed = replace(conditions.STEPS["matching"], learning_rate=1.0)
    monkeypatch.setitem(conditions.STEPS, "matching", changed)
    assert SETUP.identity("matching-all") != before
    assert SETUP.identity("masked-text-all")["steps"]["learning_rate"] < 1.0
    assert SETUP.identity("mini-pos-equal-10")["stock"] == 1500

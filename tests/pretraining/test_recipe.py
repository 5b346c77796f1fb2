"""A recipe is a value; the default one made the checkpoint that ships."""

import json
from dataclasses import FrozenInstanceError, asdict, replace

import pytest

from salt_lib.files import RECORDED
from salt_lib.laboratory.checkpoints import SHIPPED
from salt_lib.laboratory.deeper import LAYERS
from salt_lib.pretraining.recipe import Recipe


def test_a_recipe_is_a_value():
    assert Recipe() == Recipe(steps=34_000) != Recipe(steps=1)
    with pytest.raises(FrozenInstanceError):
        Recipe().steps = 3


@pytest.mark.parametrize(("name", "layers"), [("world-0", 2), ("world-0-layers-6", LAYERS)])
def test_the_shipped_checkpoints_were_made_by_it(name, layers):
    curve = json.loads((SHIPPED / name / "curve.json").read_text(encoding="utf-8"))
    assert curve["recipe"] == asdict(replace(Recipe(), layers=layers)) and curve["seed"] == 0
    assert curve["curve"][-1]["step"] == Recipe().steps


def test_what_was_chosen_is_on_record():
    tried = json.loads((RECORDED / "tuning.json").read_text(encoding="utf-8"))["pretraining"]
    assert asdict(Recipe()) in [row["recipe"] for row in tried if row["finished"]]

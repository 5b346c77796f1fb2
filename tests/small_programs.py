"""What tests of programs share: a small recipe, few documents and questions."""

from salt_lib.laboratory.programs import data, run
from salt_lib.pretraining.recipe import Recipe

RECIPE = Recipe(
    steps=6,
    batch=16,
    hidden=32,
    layers=1,
    heads=2,
    intermediate=64,
    vocabulary=2000,
    evaluate_every=3,
)
DOCUMENTS = {"en": 120, "de": 120, "sw": 120}
SIZES = {"train": 140, "dev": 21, "test": 28}
CACHED = (data.questions, data.asked, data.programs, data.judges, run._encoded)

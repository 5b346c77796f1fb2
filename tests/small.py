"""The laboratory in a size that tests can afford: few pairs, and a checkpoint made in seconds.

A module and not a fixture, so that worker processes can shrink their laboratory as well.
"""

import os
from dataclasses import replace
from hashlib import sha256

import pytest
import torch
from tokenizers import processors
from transformers import PreTrainedTokenizerFast

from salt_lib.laboratory import predictions, substitutions, tasks
from salt_lib.laboratory import run as laboratory_run
from salt_lib.laboratory.intermediate import examples, matching, on_examples, tellings
from salt_lib.laboratory.pictures import captions, towers
from salt_lib.laboratory.pictures import run as pictures_run
from salt_lib.laboratory.setup import Laboratory
from salt_lib.models import classifiers
from salt_lib.models.encoding import Encoded
from salt_lib.pretraining import wordpiece
from salt_lib.pretraining.recipe import Recipe
from salt_lib.salt import controls
from salt_lib.salt.augment import Options
from salt_lib.salt.methods import method as method_by_name
from salt_lib.salt.prepared import Prepared
from salt_lib.training import loop
from salt_lib.training.config import Config

WORLD = 0
SETUP = Laboratory(WORLD)
NAME = "mini-xnli"
GROUPS = {
    "mini-xnli": {"train": 60, "dev": 15, "test": 15},
    "mini-paws-x": {"train": 40, "dev": 12, "test": 12},
    "mini-nli": {"train": 60, "dev": 15, "test": 15},
    "mini-paraphrase": {"train": 40, "dev": 12, "test": 12},
}
SENTENCES = {"train": 24, "dev": 12, "test": 12}
CAPTIONS = {"train": 96, "dev": 12, "test": 12}
# Text enough that every language has some whole words that it uses often, and so timid a training
# that predictions stay as varied as the first weights: a step further all are the commonest word.
RECIPE = Recipe(
    documents=300,
    steps=20,
    batch=32,
    hidden=32,
    layers=1,
    heads=2,
    intermediate=64,
    vocabulary=8000,
    learning_rate=5e-4,
    evaluate_every=10,
)
# So young a model is sure of nothing: every prediction is kept.
CONFIG = Config(epochs=2, threshold=0.0, synonym_threshold=0.0)
CACHED = (
    tasks.facts,
    tasks.load,
    predictions.encoded,
    predictions.vocabularies,
    substitutions._kept,
    substitutions.choices,
    laboratory_run.translations,
    captions.facts,
    captions.captions,
    towers.encoded,
    pictures_run._choices,
    pictures_run.translations,
    tellings.paired,
    tellings.tellings,
    tellings.held_out,
    matching.pieces,
    examples.stock,
    on_examples.scouted,
)


def shrink(setitem, setattr_):
    """Make the tasks and the random control small; the arguments are monkeypatch's methods."""
    for table in (tasks.PAIR_TASKS, tasks.WORLD_TASKS):
        for name in list(table):
            setitem(table, name, replace(table[name], groups=GROUPS[name]))
    for name, item in list(tasks.TAG_TASKS.items()):
        setitem(tasks.TAG_TASKS, name, replace(item, groups=SENTENCES))
    setattr_(captions, "SIZES", CAPTIONS)
    setattr_(controls, "NEIGHBOURS", 5)
    forget()


def shrink_intermediate(setattr_):
    """Make what intermediate tasks read small, in a small laboratory."""
    setattr_(captions, "SIZES", {**CAPTIONS, "train": 400})  # enough that some are neighbours
    setattr_(towers, "EPOCHS", 1)
    setattr_(examples, "STOCK", 40)
    setattr_(on_examples, "CANDIDATES", 20)
    forget()


def forget():
    """Empty the caches, which would hold what another size or folder has put there."""
    for function in CACHED:
        function.cache_clear()


def encoded(split: str, task: str = NAME, language: str = "en") -> Encoded:
    """A split of a task in a language, tokenized."""
    return predictions.encoded(WORLD, task, split, language)


def captioned(split: str = "dev", language: str = "en") -> Encoded:
    """The captions of a split in a language, tokenized."""
    return towers.encoded(WORLD, split, language)


def options_of(method: str, task: str = NAME, config: Config = CONFIG) -> Options:
    """What a task's training tokens may become by a method."""
    return substitutions.for_method(WORLD, task, method_by_name(method), config)


def prepared(
    method: str = "baseline", task: str = NAME, config: Config = CONFIG, **changes
) -> Prepared:
    """What the runs of a method share, with ``changes``."""
    found = laboratory_run.prepared(SETUP, task, method_by_name(method), config)
    return replace(found, **changes)


def fit(
    method: str = "baseline",
    seed: int = 0,
    config: Config = CONFIG,
    ready: Prepared | None = None,
    model=None,
    **options,
):
    """`loop.fit` on a new classifier, or on ``model``: the model, and (dev scores, epoch)."""
    row = method_by_name(method)
    ready = ready or prepared(method, config=config)
    model = model or classifiers.classifier(
        ready.checkpoint, ready.labels, seed, config.dropout, tagged=bool(ready.train.tags)
    )
    return model, loop.fit(model, ready, row, config, seed, **options)


def run(method: str, seed: int, task: str = NAME) -> dict:
    """`run.train`, for a process of its own too, which finds the folders in the environment.

    weights: a digest of the trained model's, for scores of few pairs may agree by chance.
    """
    made, plain = [], classifiers.classifier

    def classifier(*arguments, **more):
        made.append(plain(*arguments, **more))
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        shrink(patch.setitem, patch.setattr)
        patch.setattr(classifiers, "classifier", classifier)
        found = laboratory_run.train(SETUP, task, method, seed, CONFIG)
    weights = b"".join(w.numpy().tobytes() for w in made[0].state_dict().values())
    return {**found, "weights": sha256(weights).hexdigest(), "process": os.getpid()}


def without_time(run: dict) -> dict:
    """What is the same of a run wherever it is made."""
    return {key: value for key, value in run.items() if key not in ("seconds", "process")}


def same(one: dict, two: dict) -> bool:
    """Whether two models' weights are equal to the last bit."""
    return all(torch.equal(a, b) for a, b in zip(one.values(), two.values(), strict=True))


def tokenizer_of(*pieces: str) -> PreTrainedTokenizerFast:
    """A tokenizer like the laboratory's whose vocabulary is the special tokens and ``pieces``."""
    vocabulary = {piece: i for i, piece in enumerate([*wordpiece.SPECIAL, *pieces])}
    made = wordpiece._wordpiece(vocabulary, False)
    made.post_processor = processors.BertProcessing(
        ("[SEP]", wordpiece.SEP), ("[CLS]", wordpiece.CLS)
    )
    names = {f"{name.strip('[]').lower()}_token": name for name in wordpiece.SPECIAL}
    limit = wordpiece.MAX_LENGTH
    return PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=limit, **names)

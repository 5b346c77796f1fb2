"""The laboratory in a size that tests can afford: few pairs, and a checkpoint made in seconds.

A module and not a fixture, so that worker processes can shrink their laboratory as well.
"""

import os
from dataclasses import replace

from tokenizers import processors
from transformers import PreTrainedTokenizerFast

from salt_lib import substitutions, tasks, train, wordpiece
from salt_lib.pretrain import Recipe

WORLD = 0
GROUPS = {
    "mini-xnli": {"train": 60, "dev": 15, "test": 15},
    "mini-paws-x": {"train": 40, "dev": 12, "test": 12},
}
# Short training, but text enough that every language has some whole words that it uses often.
RECIPE = Recipe(
    documents=300,
    steps=20,
    batch=32,
    hidden=32,
    layers=1,
    heads=2,
    intermediate=64,
    vocabulary=8000,
    evaluate_every=10,
)
# So young a model is sure of nothing: every prediction is kept.
CONFIG = train.Config(epochs=2, threshold=0.0, synonym_threshold=0.0)
CACHED = (
    tasks.facts,
    tasks.load,
    substitutions.encoded,
    substitutions.vocabularies,
    substitutions._kept,
    substitutions.choices,
)


def shrink(setitem, setattr_):
    """Make the tasks and the random control small; the arguments are monkeypatch's methods."""
    for name, groups in GROUPS.items():
        setitem(tasks.TASKS, name, replace(tasks.TASKS[name], groups=groups))
    setattr_(substitutions, "NEIGHBOURS", 5)
    forget()


def forget():
    """Empty the caches, which would hold what another size or folder has put there."""
    for function in CACHED:
        function.cache_clear()


def run(method: str, seed: int, task: str = "mini-xnli") -> dict:
    """`train.run` in a process of its own, which finds the folders in the environment."""
    shrink(dict.__setitem__, setattr)
    found = train.run(WORLD, task, method, seed, CONFIG)
    return {**found, "process": os.getpid()}


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

"""The laboratory's runs: world, task and method in, scores per language out.

Chapter: Training over 15 seeds.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from ..data.examples import Pairs, Tagged
from ..languages import SOURCE
from ..models import loading
from ..models.encoding import Encoded, encode
from ..salt.methods import Method
from ..salt.methods import method as method_by_name
from ..salt.prepared import Prepared
from ..salt.vocabulary import words_by_language
from ..training.config import Config
from ..training.run import train_and_score
from . import measures
from .checkpoints import checkpoint
from .predictions import encoded, predictions_path
from .setup import Laboratory
from .substitutions import for_method
from .tasks import WORLD_TASKS, load, task

if TYPE_CHECKING:
    from ..study.grid import Job


def prepared(
    setup: Laboratory, name: str, method: Method, config: Config, scored: str = "test"
) -> Prepared:
    """What the runs of a task and a method share. scored: the split that all languages are tested
    on, "dev" for tuning."""
    spec, world = task(name), setup.world
    return Prepared(
        setup.checkpoint,
        len(spec.labels),
        train=encoded(world, name, "train", SOURCE),
        dev=encoded(world, name, "dev", SOURCE),
        tests={code: encoded(world, name, scored, code) for code in spec.languages},
        words=words_by_language(checkpoint(world)),
        choices=for_method(world, name, method, config, setup.layers),
        translated=translations(world, name) if method.translate else None,
    )


@cache
def translations(world: int, name: str) -> Encoded:
    """The training data in all of a task's languages, one language after the other."""
    parts = [load(name, "train", code, world) for code in task(name).languages]
    pairs = [part for part in parts if isinstance(part, Pairs)]
    tagged = [part for part in parts if isinstance(part, Tagged)]
    joined: Pairs | Tagged = Pairs(
        [sentence for part in pairs for sentence in part.first],
        [sentence for part in pairs for sentence in part.second],
        [label for part in pairs for label in part.labels],
    )
    if tagged:
        joined = Tagged(
            [words for part in tagged for words in part.words],
            [labels for part in tagged for labels in part.labels],
            tagged[0].names,
        )
    return encode(loading.tokenizer(checkpoint(world)), joined)


def train(
    setup: Laboratory, name: str, method: str, seed: int, config: Config | None = None
) -> dict:
    """Train and evaluate one run; see `training.run.train_and_score` for what is returned.

    config: by default the setup's for this task. A run of `tasks.WORLD_TASKS` has ``measures`` as
    well (`measures.everything`).
    """
    row, config = method_by_name(method), config or setup.config(name, method)
    ready = prepared(setup, name, row, config)
    if name not in WORLD_TASKS:
        return train_and_score(ready, row, config, seed)
    watched = measures.watcher(setup.world, name)

    def measure(model, _) -> dict:
        return measures.everything(model, watched, setup.world, name)

    return train_and_score(ready, row, config, seed, monitor=watched, measure=measure)


def prepare(job: Job[Laboratory]) -> None:
    """Make what a method's runs share (the distilled predictions) before workers start."""
    row = method_by_name(job.spec.method)
    if row.substitutions not in (None, "dictionary"):
        masked, layers = row.substitutions == "masked", job.setup.layers
        predictions_path(job.spec.world, job.spec.task, masked, progress=True, layers=layers)


def run(job: Job[Laboratory]) -> dict:
    """Make a study's run."""
    return train(job.setup, job.spec.task, job.spec.method, job.spec.seed)

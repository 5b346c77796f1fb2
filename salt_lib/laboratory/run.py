"""One run: one task, one method, one seed, from the checkpoint to per-language scores.

Everything random depends on the seed alone, and a run uses one thread, so the same run gives the
same scores to the last bit. The order of the data, the classifier's first weights and the dropout
are the same for every method of a seed: runs pair up.

Chapter: Training.
"""

from ..data.examples import Pairs, Tagged
from ..languages import SOURCE
from ..models import loading
from ..models.encoding import Encoded, encode
from ..salt.methods import method as method_by_name
from ..training.config import Config
from ..training.run import train_and_score
from . import checkpoints, substitutions
from .tasks import load
from .tasks import task as task_by_name

CONFIGS = {
    "mini-xnli": Config(),
    "mini-paws-x": Config(epochs=3),
    "mini-ner": Config(epochs=10, batch=16),
    "mini-pos": Config(epochs=10, batch=16, learning_rate=2e-3),
}


def _translations(world: int, name: str) -> Encoded:
    """The training pairs in all of the task's languages, one language after the other."""
    said = [load(name, "train", code, world) for code in task_by_name(name).languages]
    if task_by_name(name).tagged:
        joined = Tagged(
            [w for p in said for w in p.words], [r for p in said for r in p.labels], said[0].names
        )
        return encode(loading.tokenizer(checkpoints.checkpoint(world)), joined)
    joined = Pairs(
        [s for p in said for s in p.first],
        [s for p in said for s in p.second],
        [label for p in said for label in p.labels],
    )
    return encode(loading.tokenizer(checkpoints.checkpoint(world)), joined)


def prepare(world: int, task: str, method: str, layers: int | None = None) -> None:
    """Make what a method's runs share (the distilled predictions) before workers start."""
    row = method_by_name(method)
    if row.substitutions not in (None, "dictionary"):
        masked = row.substitutions == "masked"
        substitutions.predictions_path(world, task, masked, progress=True, layers=layers)


def run(
    world: int,
    task: str,
    method: str,
    seed: int,
    config: Config | None = None,
    layers: int | None = None,
) -> dict:
    """Train and evaluate one run in the laboratory; see the module's words on determinism.

    layers: of the sibling checkpoint, see `checkpoints.checkpoint`. Returns scores (language → test
    score in [0, 1], see `evaluate.score`), dev (English dev score per epoch), epoch (the chosen
    one, from 0), seconds and config.
    """
    spec = task_by_name(task)
    config = config or CONFIGS[spec.name]
    row = method_by_name(method)
    return train_and_score(
        checkpoints.checkpoint(world, layers),
        row,
        config,
        seed,
        labels=len(spec.labels),
        data=substitutions.encoded(world, task, "train", SOURCE),
        dev=substitutions.encoded(world, task, "dev", SOURCE),
        tests={code: substitutions.encoded(world, task, "test", code) for code in spec.languages},
        choices=substitutions.for_method(world, task, row, config, layers),
        translations=_translations(world, task) if row.translate else None,
    )

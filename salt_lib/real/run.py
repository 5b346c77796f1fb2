"""The runs on real data: distil once, prepare, fine-tune, score; interrupted, they go on.

Chapter: At paper scale.
"""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..data import benchmarks
from ..data.examples import Pairs, Tagged
from ..digests import digest, sources
from ..errors import SaltError
from ..files import alone
from ..models import classifiers, loading
from ..models.architectures import DISTILLATION, SENTENCES, TOKENS
from ..salt import substitutions
from ..salt.methods import Method
from ..salt.methods import method as method_by_name
from ..salt.pair_rules import coordinated, kept_pairs, sentences_of
from ..salt.prepared import Prepared
from ..salt.prepared import prepare as prepare_data
from ..salt.word_rules import RULES
from ..training.device import Accelerated
from ..training.progress import Monitor
from ..training.run import Measure, train_and_score
from ..training.stacked import train_and_score_stacked
from ..training.state import Saved
from .measures import measured
from .setup import Setup, read, words

if TYPE_CHECKING:
    from ..study.grid import Job


def predictions(
    setup: Setup, task: str, row: Method, root: str | Path, compute: Accelerated
) -> Path:
    """The file of the predictions that a method needs, made if it is missing.

    They lie in ``<root>/substitutions``; their names carry a digest of what they depend on.
    """
    kind, about = substitutions.kind_of(row), setup.identity(task)
    made_of = {k: about[k] for k in ("weights", "texts", "minimum", "share", "rules", "max_length")}
    made_of |= {"train": about["data"]["train"], "languages": setup.codes(task)}
    made_of["sources"] = sources(substitutions.__name__)
    name = f"{task}-{kind}-{digest(sorted(made_of.items()))[:12]}"
    path = Path(root) / "substitutions" / f"{name}.parquet"
    if compute.first and not path.exists():
        substitutions.write_predictions(
            setup.model,
            read(setup, task)["train"],
            words(setup, task),
            path,
            masked=kind == "masked",
            progress=True,
            longest=setup.max_length,
            device=compute.device,
        )
    compute.wait()
    return path


def compute_of(setup: Setup) -> Accelerated:
    """Where a setup's runs compute."""
    return Accelerated(setup.device, setup.precision, setup.micro_batch)


def prepared(
    setup: Setup, task: str, row: Method, root: str | Path, compute: Accelerated
) -> Prepared:
    """What the runs of a task and a method share."""
    data = read(setup, task)
    _check(setup, data["train"], row)
    tests: dict[str, Pairs | Tagged] = {
        name.removeprefix("test-"): test for name, test in data.items() if "test-" in name
    }
    word_counts = words(setup, task) if row.substitutions else {}
    ready = prepare_data(
        setup.model,
        benchmarks.task(task).labels,
        data["train"],
        data["dev"],
        tests,
        word_counts,
        longest=setup.max_length,
        placement=setup.placement,
    )
    if not row.substitutions:
        return ready
    path, config = predictions(setup, task, row, root, compute), setup.training
    thresholds = (config.threshold, config.synonym_threshold)
    kept = substitutions.kept_predictions(path, data["train"], row, *thresholds)
    pieces = loading.tokenizer(setup.model).get_vocab()
    opposites = coordinated(sentences_of(data["train"]))
    kept = kept_pairs(kept, ready.train, pieces, word_counts, RULES, opposites)
    return ready.substituting(row.substitutions, kept, words=row.words)


def prepare(job: Job[Setup]) -> None:
    """Distil what a method's runs share, before they start."""
    setup, row = job.setup, method_by_name(job.spec.method)
    _check(setup, read(setup, job.spec.task)["train"], row)
    if row.substitutions:
        predictions(setup, job.spec.task, row, job.root, compute_of(setup))


def _check(setup: Setup, train: Pairs | Tagged, row: Method) -> None:
    """Raise SaltError for a model that can't do what a method needs, before words are counted."""
    loading.check(setup.model, TOKENS if isinstance(train, Tagged) else SENTENCES)
    if row.substitutions:
        loading.check(setup.model, DISTILLATION)


def run_stacked(jobs: list[Job[Setup]], compute: Accelerated | None = None) -> list[dict]:
    """Train several seeds of a task and a method at once, see `training.stacked`."""
    setup, spec = jobs[0].setup, jobs[0].spec
    row, compute = method_by_name(spec.method), compute or compute_of(setup)
    ready = prepared(setup, spec.task, row, jobs[0].root, compute)
    seeds = [job.spec.seed for job in jobs]
    return train_and_score_stacked(
        ready, row, setup.training, seeds, compute=compute, threads=None, measure=_measure(ready)
    )


def run(
    job: Job[Setup], compute: Accelerated | None = None, save: str | Path | None = None
) -> dict:
    """Train and evaluate one run; see `training.run.train_and_score` for what is returned.

    save: a new folder for the trained model (`classifiers.save_classifier`). While it goes on its
    state lies beside the file it will have, ``seed-NN.state``, and its log ``seed-NN.log.jsonl``;
    killed, the same call goes on where it was. SaltError: another process makes this run.
    """
    setup, spec = job.setup, job.spec
    if spec.world != 0:
        raise SaltError(f"world {spec.world}: at the paper's scale there is one, 0")
    if save and Path(save).exists():
        raise SaltError(f"{save} is there already: give a new folder for the model")
    row, compute = method_by_name(spec.method), compute or compute_of(setup)
    ready = prepared(setup, spec.task, row, job.root, compute)
    about = {"run": [spec.task, spec.method, spec.seed], "fingerprint": job.fingerprint}
    board = setup.tensorboard and Path(setup.tensorboard) / spec.task / spec.method / job.path.stem
    monitor = Monitor(
        Saved(job.path.with_suffix(".state"), about),
        job.path.with_suffix(".log.jsonl"),
        board if compute.first else None,
        progress=setup.progress,
        every=setup.save_every,
    )
    names = benchmarks.task(spec.task).labels
    keep = partial(
        classifiers.save_classifier,
        source=setup.model,
        folder=save or "",
        names=names,
        placement=setup.placement,
    )
    # Two trainings of one run would write one state.
    lock = alone(job.path, str(spec), wait=False) if compute.first else nullcontext()
    with lock:
        return train_and_score(
            ready,
            row,
            setup.training,
            spec.seed,
            compute=compute,
            monitor=monitor,
            threads=None,
            keep=keep if save else None,
            measure=_measure(ready),
        )


def _measure(ready: Prepared) -> Measure:
    return lambda _, said: measured(said, ready.tests)

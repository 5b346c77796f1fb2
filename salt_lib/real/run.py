"""The study at the paper's scale: the same steps on a real model and real data.

A `Setup` says what differs from the laboratory: the model, where the data lies, the training
recipe (XTREME's), and what the machine can do. `run` and `prepare` are for `grid.execute` what
`run.run` and `run.prepare` are in the laboratory. There is one world here: 0.

Chapter: At paper scale.
"""

from functools import partial
from pathlib import Path

from ..data import benchmarks
from ..errors import SaltError
from ..models import classifiers
from ..salt.methods import Method
from ..salt.methods import method as method_by_name
from ..study import provenance
from ..study.store import run_path
from ..training import finetune
from ..training.device import Accelerated
from ..training.progress import Watch
from ..training.state import Saved
from .setup import Setup, read, words

# What predictions depend on besides: other edits shall not cost their making again.
DISTILLING = ("encoders.py", "vocabulary.py", "wholewords.py", "distill.py", "finetune.py")


def predictions(
    setup: Setup, task: str, row: Method, root: str | Path, place: Accelerated
) -> tuple[Path, dict]:
    """The file of the predictions that a method needs, and the languages' words; made if missing.

    They lie in ``<root>/substitutions``; their names carry a digest of what they depend on.
    """
    kind = "masked" if row.substitutions == "masked" else "distilled"
    about = setup.identity(task)
    made_of = {k: about[k] for k in ("weights", "texts", "minimum", "share", "max_length")}
    made_of |= {"train": about["data"]["train"], "languages": setup.codes(task)}
    made_of["sources"] = provenance.sources(provenance.PACKAGE, DISTILLING)
    name = f"{task}-{kind}-{finetune.digest(sorted(made_of.items()))}"
    path = Path(root) / "substitutions" / f"{name}.parquet"
    own = words(setup, task)
    if place.first and not path.exists():
        data = read(setup, task)["train"]
        finetune.write_predictions(
            setup.model,
            data,
            own,
            path,
            masked=kind == "masked",
            progress=True,
            longest=setup.max_length,
            device=place.device,
        )
    place.wait()
    return path, own


def prepare(world: int, task: str, method: str, *, setup: Setup, root: str | Path) -> None:
    """Distil what a method's runs share, before they start."""
    row = method_by_name(method)
    finetune.check_method(row)
    read(setup, task)
    if row.substitutions:
        predictions(setup, task, row, root, place_of(setup))


def place_of(setup: Setup) -> Accelerated:
    """Where a setup's runs compute."""
    return Accelerated(setup.device, setup.precision, setup.micro_batch)


def run(
    world: int,
    task: str,
    method: str,
    seed: int,
    *,
    setup: Setup,
    root: str | Path,
    place: Accelerated | None = None,
    save: str | Path | None = None,
) -> dict:
    """Train and evaluate one run; returns what `run.run` does.

    save: a new folder for the trained model (`classifiers.save_classifier`). While it goes on its
    state lies beside the file it will have, ``seed-NN.state``, and its log ``seed-NN.log.jsonl``;
    killed, the same call goes on where it was.
    """
    if world != 0:
        raise SaltError(f"world {world}: at the paper's scale there is one, 0")
    row, data, place = method_by_name(method), read(setup, task), place or place_of(setup)
    labels = benchmarks.task(task).labels
    if save and Path(save).exists():
        raise SaltError(f"{save} is there already: give a new folder for the model")
    path, own = None, None
    if row.substitutions:
        path, own = predictions(setup, task, row, root, place)
    target = run_path(root, world, task, method, seed)
    about = {
        "run": [task, method, seed],
        "fingerprint": provenance.fingerprint(world, task, method, setup=setup),
    }
    saved = Saved(target.with_suffix(".state"), about)
    board = setup.tensorboard and Path(setup.tensorboard) / task / method / target.stem
    watch = Watch(
        saved,
        target.with_suffix(".log.jsonl"),
        board if place.first else None,
        progress=setup.progress,
        every=setup.save_every,
    )
    return finetune.finetune(
        setup.model,
        row,
        data["train"],
        data["dev"],
        {name.removeprefix("test-"): pairs for name, pairs in data.items() if "test-" in name},
        len(labels),
        seed,
        setup.training,
        path,
        own,
        longest=setup.max_length,
        place=place,
        watch=watch,
        threads=None,
        keep=save
        and partial(classifiers.save_classifier, source=setup.model, folder=save, names=labels),
    )

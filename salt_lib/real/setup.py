"""The study at the paper's scale: the same steps on a real model and real data.

A `Setup` says what differs from the laboratory: the model, where the data lies, the training
recipe (XTREME's), and what the machine can do. There is one world here: 0.

Chapter: At paper scale.
"""

import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin

from ..data import benchmarks, tables
from ..data.examples import Pairs, Tagged, tag
from ..digests import digest
from ..errors import SaltError, unknown
from ..files import readable
from ..languages import SOURCE
from ..models import loading
from ..models.encoding import PLACEMENTS
from ..salt.methods import Method
from ..salt.segmenting import installed
from ..salt.substitutions import check_method
from ..salt.whole_words import MINIMUM, SHARE, whole_words
from ..salt.word_rules import RULES
from ..training.config import Config
from ..training.device import DEVICES, PRECISIONS
from ..training.progress import SAVE_EVERY

TASKS = ("xnli", "paws-x")
TESTED = ("test", "dev")
# Hu et al. (2020), XTREME's scripts: AdamW, no warm-up, no weight decay, five epochs for both
# tasks. Thresholds and rates are the laboratory's: the paper doesn't give its own.
RECIPE = Config(
    epochs=5, batch=32, learning_rate=2e-5, warmup=0.0, weight_decay=0.0, clip=1.0, dropout=0.1
)


@dataclass(frozen=True)
class Setup:
    """One study at the paper's scale.

    model: a folder, or a name on the hub. data: "hub", or a folder (`benchmarks.load`). texts: a
    folder of ``<language>.txt``, from which the languages' words are counted; without it the
    unlabelled sentences of the dev sets are. languages: those scored, all of the task by default.
    train_rows, test_rows: at most so many of a file's rows, evenly spaced through it; all by
    default (dev has as many as test). tested: which files are the test sets, "test", or "dev" where
    there are no others; every other row of English dev then chooses the epoch, and the rest are the
    test set. minimum, share: see `whole_words`. max_length: tokens of a
    pair. placement: where the tag of a word in several pieces stands, see `encoding.encode`;
    XTREME's is "first", but see the chapter. training: how it is trained.

    The rest changes no result but in its last digits: precision ("bf16" or "fp32"), device,
    micro_batch (rows at a time), save_every (steps between two states), tensorboard (a folder),
    gpus_per_run (of a cluster: 0.5 puts two runs on a card), progress (whether a run shows its
    steps).
    """

    model: str = "bert-base-multilingual-cased"
    data: str = "hub"
    texts: str | None = None
    languages: tuple[str, ...] = ()
    train_rows: int | None = None
    test_rows: int | None = None
    tested: str = "test"
    minimum: int = MINIMUM
    share: float = SHARE
    max_length: int = 128
    placement: str = "first"
    training: Config = RECIPE
    precision: str = "bf16"
    device: str = "auto"
    micro_batch: int | None = None
    save_every: int = SAVE_EVERY
    tensorboard: str | None = None
    gpus_per_run: float = 0.0
    progress: bool = False
    runner = "salt_lib.real.run:run"

    def codes(self, task: str) -> tuple[str, ...]:
        """The languages that a task is scored in, English first.

        Of ``languages`` those that the task has; SaltError: one that no task has, or none is left.
        """
        known = benchmarks.task(task).languages
        every = {code for name in benchmarks.BENCHMARKS for code in benchmarks.task(name).languages}
        for code in self.languages:
            if code not in every:
                raise unknown("language", code, sorted(every))
        chosen = [code for code in self.languages or known if code in known and code != SOURCE]
        if not chosen:
            raise SaltError(f"{task} has none of the languages {', '.join(self.languages)}")
        return (SOURCE, *chosen)

    def check(self, task: str, method: Method) -> None:
        """Raise SaltError for a task that is unknown or a method that only the laboratory has."""
        benchmarks.task(task)
        check_method(method)

    def identity(self, task: str) -> dict:
        """All that decides the scores of a task's runs, as JSON; files by their content."""
        return _identity(self, task)


def read_setup(path: str | Path | None = None, **changes) -> Setup:
    """The setup in a TOML file (without one the default), with ``changes`` that are not None.

    Every value is checked here: what a training can't be made with is said before one starts.

    The file has `Setup`'s fields by name, and those of `config.Config` in a table ``[training]``.
    Folders are relative to the file, those in ``changes`` to where one is. Raises SaltError naming
    the file and the key.
    """
    table: dict = {}
    if path is not None:
        try:
            table = tomllib.loads(readable(path).read_text(encoding="utf-8-sig"))
        except (OSError, ValueError, RecursionError) as error:
            raise SaltError(f"{path}: no setup, a TOML file ({error})") from error
    training = _typed(table.pop("training", {}), RECIPE, f"{path}, [training]")
    setup = replace(_typed(table, Setup(), str(path)), training=training)
    where = f"{path}, " if path is not None else ""
    in_range(training, f"{where}[training]")
    in_range(setup, f"{path}" if path is not None else "the setup")
    base = Path(path).parent if path is not None else Path()
    setup = _placed(setup, base)
    given = {name: value for name, value in changes.items() if value is not None}
    setup = _placed(replace(setup, **given), Path())
    for name, known in (
        ("precision", PRECISIONS),
        ("device", DEVICES),
        ("placement", PLACEMENTS),
        ("tested", TESTED),
    ):
        if getattr(setup, name) not in known:
            raise unknown(name, getattr(setup, name), known)
    return setup


_POSITIVE, _SHARE = (0.0, math.inf), (0.0, 1.0)
# Name → (least, most) of a setup's numbers; those of `_OPEN` may not be the least itself.
_RANGES: dict[str, tuple[float, float]] = {
    "epochs": (1, math.inf),
    "batch": (1, math.inf),
    "micro_batch": (1, math.inf),
    "minimum": (1, math.inf),
    "max_length": (8, math.inf),
    "save_every": (1, math.inf),
    "gpus_per_run": _POSITIVE,
    "learning_rate": _POSITIVE,
    "weight_decay": _POSITIVE,
    "clip": _POSITIVE,
    "warmup": _SHARE,
    "dropout": _SHARE,
    "share": _SHARE,
    "threshold": _SHARE,
    "synonym_threshold": _SHARE,
}
_OPEN = ("learning_rate", "clip")


def in_range(given: Setup | Config, where: str) -> None:
    """Raise SaltError naming the key and its value where a number is none that can be."""
    for name, (least, most) in _RANGES.items():
        value = getattr(given, name, None)
        if value is None:
            continue
        bad = not math.isfinite(value) or not least <= value <= most
        if bad or (name in _OPEN and value == least):
            bounds = f"from {least:g} to {most:g}" if most < math.inf else f"of at least {least:g}"
            if name in _OPEN:
                bounds = "above 0"
            extra = "; 1e9 clips nothing" if name == "clip" else ""
            raise SaltError(f"{where}: {name} = {value}, expected a number {bounds}{extra}")


def _placed(setup: Setup, base: Path) -> Setup:
    """The setup with its folders named from the root: a cluster's workers start anywhere."""
    folders: dict[str, Any] = {}
    for name in ("model", "data", "texts", "tensorboard"):
        value = getattr(setup, name)
        if value and (name == "tensorboard" or (base / value).exists()):
            folders[name] = str((base / value).absolute())
    return replace(setup, **folders)


def _typed(given: object, default, where: str):
    """``default`` with the values that are ``given``; SaltError for a wrong name or type."""
    if not isinstance(given, Mapping):
        raise SaltError(f"{where}: expected a table of names and values")
    known = {item.name: item for item in fields(default) if item.name != "training"}
    values = {}
    for name, value in given.items():
        if name not in known:
            raise SaltError(f"{where}: {unknown('key', name, known)}")
        kind = known[name].type
        kinds = tuple(get_origin(one) or one for one in get_args(kind) or (kind,))
        if get_origin(kind) is tuple:
            good = isinstance(value, list) and all(isinstance(item, str) for item in value)
        else:
            good = type(value) in kinds or (float in kinds and type(value) is int)
        if not good:
            expected = getattr(kind, "__name__", str(kind))
            raise SaltError(f"{where}: {name} = {value!r} is no {expected}")
        values[name] = tuple(value) if isinstance(value, list) else value
    try:
        return replace(default, **values)
    except SaltError as error:
        raise SaltError(f"{where}: {error}") from error


def with_data(setup: Setup, tasks: Iterable[str], available: bool) -> Setup:
    """The setup, if its data has all languages of these tasks; or else only those that it has.

    A task needs a test set in each, and without ``texts`` a dev set as well. Raises SaltError
    naming those that lack, and those that are there, where ``available`` is false.
    """
    lacking: dict[str, list[str]] = {}
    splits = (setup.tested,) if setup.texts else tuple(dict.fromkeys(("dev", setup.tested)))
    for task in tasks:
        there = set(benchmarks.languages(task, setup.tested, setup.data))
        for split in splits:
            there &= set(benchmarks.languages(task, split, setup.data))
        if missing := [code for code in setup.codes(task) if code not in there]:
            lacking[task] = missing
            if not available:
                raise SaltError(
                    f"{setup.data}: {task} lacks files ({', '.join(splits)}) in "
                    f"{', '.join(missing)}; there: {', '.join(sorted(there)) or 'none'}. Go on "
                    "with these: --available, or languages = [...] in the setup"
                    + ("" if setup.texts else "; with texts = FOLDER no dev files are needed")
                )
    if not lacking:
        return setup
    gone = {code for codes in lacking.values() for code in codes}
    kept = {code for task in tasks for code in setup.codes(task)} - gone - {SOURCE}
    if not kept:
        raise SaltError(f"{setup.data}: no language but {SOURCE} has all files of the tasks")
    return replace(setup, languages=tuple(sorted(kept)))


@cache
def read(setup: Setup, task: str) -> dict[str, Pairs | Tagged]:
    """The data of a task: "train" and "dev" in English, "test-<language>" in each language."""
    data = {split: _load(setup, task, split, SOURCE) for split in ("train", "dev")}
    for code in setup.codes(task):
        data[f"test-{code}"] = _load(setup, task, "test", code)
    return data


def _load(setup: Setup, task: str, split: str, code: str) -> Pairs | Tagged:
    file = setup.tested if split == "test" else split
    data = benchmarks.load(task, file, code, setup.data)
    rows = data if isinstance(data, Pairs) else tag(data, benchmarks.task(task).labels)
    if setup.tested == file == "dev" and code == SOURCE:  # parted: one row for each, by turns
        rows = rows.take(range(split == "test", len(rows), 2))
    most = setup.train_rows if split == "train" else setup.test_rows
    if most is None or most >= len(rows):
        return rows
    return rows.take([number * len(rows) // most for number in range(most)])


@cache
def _identity(setup: Setup, task: str) -> dict:
    weights = loading.identity(setup.model)
    if setup.texts is None:
        text = digest(sorted(_dev_texts(setup, task).items()))
    else:
        text = digest(*sorted(Path(setup.texts).glob("*.txt")))
    return {
        "model": Path(setup.model).name,
        "weights": weights,
        "data": {name: digest(pairs) for name, pairs in read(setup, task).items()},
        "texts": text,
        "minimum": setup.minimum,
        "share": setup.share,
        "rules": {**asdict(RULES), "segmenters": installed()},
        "max_length": setup.max_length,
        "placement": setup.placement,
        "precision": setup.precision,
        "training": asdict(setup.training),
    }


@cache
def _dev_texts(setup: Setup, task: str) -> dict[str, list[str]]:
    return benchmarks.texts(task, setup.data, setup.codes(task))


@cache
def words(setup: Setup, task: str) -> dict[str, dict[str, int]]:
    """Language → whole words of the model's vocabulary, with counts (see `Setup`)."""
    texts = tables.read_texts(setup.texts) if setup.texts else _dev_texts(setup, task)
    codes = setup.codes(task)
    return whole_words(setup.model, texts, setup.minimum, setup.share, codes, RULES)

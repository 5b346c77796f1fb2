"""Accidents and hostile input, by the hundred: ``python -m benchmarks.faults --trials 300``.

Files that are read back are cut off at every byte and get flipped bits; readers and commands get
what no program would write; a study, a distillation and a training are killed at random moments and
started again. Whatever happens must be an error that says what is wrong (`SaltError`), a damaged
file that is set aside, or the very same result. A failure is any other exception, another number
without a word, or a hang. Draws depend on ``--seed`` alone.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import torch
from tqdm import tqdm
from typer.testing import CliRunner

from salt_lib import digests
from salt_lib.cli import main as commands
from salt_lib.data import dictionaries, parquet, tables, xtreme
from salt_lib.errors import SaltError
from salt_lib.laboratory.checkpoints import SHIPPED
from salt_lib.models import cards, classifiers
from salt_lib.real.setup import read_setup
from salt_lib.salt import predictions, user_tables, vocabulary
from salt_lib.salt.methods import method
from salt_lib.salt.prepared import prepare as prepare_data
from salt_lib.study import frozen, store
from salt_lib.study.grid import Job, Workers, execute, grid
from salt_lib.training.config import Config
from salt_lib.training.loop import fit
from salt_lib.training.progress import Monitor
from salt_lib.training.state import Saved

PATIENCE = 30  # seconds that a trial may take
LABELS = xtreme.PAIR_LABELS["xnli"]


class Failed(Exception):
    """A trial that ended as it must not."""


class Hang(BaseException):
    """A trial that did not end; no ``except Exception`` shall swallow it."""


@contextlib.contextmanager
def patience() -> Iterator[None]:
    """Raise `Hang` in what takes longer than `PATIENCE`."""

    def late(*_):
        raise Hang

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


# Files that are written, trusted and read back


@dataclass(frozen=True)
class Kind:
    """A kind of file: how one is made in a folder, and what reading it gives.

    read: may raise SaltError, or return None for a file that is set aside.
    """

    make: Callable[[Path], Path]
    read: Callable[[Path], Any]


def a_run(seed: int) -> dict:
    """A run that took no time."""
    return {
        "scores": {"en": 0.9, "de": round(0.5 + seed / 100, 2)},
        "dev": [0.8, 0.9],
        "epoch": 1,
        "seconds": 0.0,
        "config": {},
    }


def _make_run(folder: Path) -> Path:
    about = {"world": 0, "task": "mini-xnli", "method": "salt", "seed": 3, "fingerprint": "f"}
    return store.write_run(folder, {**about, **a_run(3)})


def _make_table(folder: Path) -> Path:
    head = {"command": "salt study", "commit": "c", "date": "2026-01-02", "hardware": "h"}
    keys = {"world": 0, "task": "mini-xnli", "method": "salt"}
    frozen.write_table(folder / "t.json", head, [{**keys, "seed": s, **a_run(s)} for s in range(3)])
    return folder / "t.json"


def _make_state(folder: Path) -> Path:
    draw = torch.Generator().manual_seed(0)
    tensors = {"a": torch.rand(8, generator=draw), "b": torch.rand(3, 3, generator=draw)}
    Saved(folder, 1).save(4, {"step": 4, "scores": [0.5]}, model=tensors)
    return folder / "state.json"


def _read_state(path: Path) -> object:
    loaded = Saved(path.parent, 1).load()
    if loaded is None:
        return None
    numbers, groups = loaded
    return numbers, {n: {k: v.tolist() for k, v in g.items()} for n, g in groups.items()}


def _records(first: int, count: int = 40) -> pa.RecordBatch:
    numbers = range(first, first + count)
    columns = [
        pa.array(values, field.type)
        for values, field in zip(
            (
                numbers,
                [n % 9 for n in numbers],
                [("de", "sw", "en")[n % 3] for n in numbers],
                [n % 97 for n in numbers],
                [n % 31 for n in numbers],
                [n % 100 / 100 for n in numbers],
            ),
            predictions.SCHEMA,
            strict=True,
        )
    ]
    return pa.record_batch(columns, schema=predictions.SCHEMA)


def _make_predictions(folder: Path) -> Path:
    path = folder / "p.parquet"
    predictions.save(path, iter([_records(0), _records(40)]), {"model": "m"})
    return path


def _make_checkpoint(folder: Path) -> Path:
    (folder / "model.safetensors").write_bytes(bytes(range(256)))
    (folder / "config.json").write_text('{"layers": 2}\n')
    cards.seal(folder, "# A model\n")
    return folder / "model.safetensors"


def _read_checkpoint(path: Path) -> bytes:
    cards.check(path.parent)
    return path.read_bytes()


def _make_curve(folder: Path) -> Path:
    digests.write_checked(folder / "curve.json", {"curve": [{"step": 4, "loss": 0.123}]})
    return folder / "curve.json"


def _read_card(path: Path) -> bytes:
    """Of a damaged card only that the model is still the one that it was."""
    cards.check(path.parent)
    return (path.parent / "model.safetensors").read_bytes()


KINDS = {
    "run": Kind(_make_run, store.read_run),
    "frozen table": Kind(_make_table, lambda path: frozen.read_table(path).runs),
    "state": Kind(_make_state, _read_state),
    "state's tensors": Kind(
        lambda folder: _make_state(folder).with_name("model-4.safetensors"), _read_state
    ),
    "predictions": Kind(_make_predictions, lambda p: predictions.read_all(p).to_dict("list")),
    "weights": Kind(_make_checkpoint, _read_checkpoint),
    "model card": Kind(lambda folder: _make_checkpoint(folder).with_name("README.md"), _read_card),
    "curve": Kind(_make_curve, digests.read_checked),
}


class Whole:
    """A whole file of each kind, made once."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.values: dict[str, tuple[Path, object]] = {}

    def of(self, name: str) -> tuple[Path, object]:
        """The file and what it says."""
        if name not in self.values:
            folder = self.folder / name.replace(" ", "-")
            folder.mkdir(parents=True)
            path = KINDS[name].make(folder)
            self.values[name] = path, KINDS[name].read(path)
        return self.values[name]


def damaged(name: str, whole: Whole, folder: Path, damage: Callable[[bytes], bytes]) -> None:
    """Copy a file, damage it, read it. Failed: another value comes back, without a word."""
    path, expected = whole.of(name)
    place = whole.folder / name.replace(" ", "-")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(place, folder)
    copy = folder / path.relative_to(place)
    copy.write_bytes(damage(path.read_bytes()))
    try:
        found = KINDS[name].read(copy)
    except SaltError:
        return
    if found is not None and not _same(found, expected):
        raise Failed("another value, silently")


def _same(found: object, expected: object) -> bool:
    """Equal, but for a key more, as where the bit hit the name of the checksum."""
    if isinstance(found, dict) and isinstance(expected, dict):
        return all(key in found and found[key] == value for key, value in expected.items())
    return found == expected


def flip(data: bytes, draw: random.Random) -> bytes:
    """The same with one bit of one byte flipped."""
    place = draw.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << draw.randrange(8)]) + data[place + 1 :]


# What no program would write


def _jsonl() -> bytes:
    rows = [{"premise": f"A goat {n}.", "hypothesis": "It is old.", "label": n} for n in range(4)]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _parquet() -> bytes:
    sink = pa.BufferOutputStream()
    pd.DataFrame(
        {"premise": ["A goat."] * 4, "hypothesis": ["Old."] * 4, "label": [0] * 4}
    ).to_parquet(sink, index=False)
    return sink.getvalue().to_pybytes()


WELL = {
    ".jsonl": _jsonl(),
    ".csv": b'premise,hypothesis,label\n"A goat, old.",It is old.,1\nA hill.,It is small.,0\n',
    ".tsv": b"premise\thypothesis\tlabel\nA goat.\tIt is old.\t1\nA hill.\tIt is small.\t0\n",
    ".parquet": _parquet(),
    "pairs": "A goat.\tIt is old.\tneutral\nEin Bär.\tEr ist alt.\tentailment\n".encode(),
    "tags": b"en:Berlin\tB-LOC\nen:is\tO\n\nen:Ann\tB-PER\n",
    ".toml": b'model = "m"\nlanguages = ["de"]\nminimum = 9\n[training]\nepochs = 2\nclip = 1.0\n',
    "dictionary": b"en\ttranslation\ngoat\tZiege\nhill\tBerg\n",
    "words": b'{"en": {"goat": 3}, "de": {"Ziege": 2}}',
}
PIECES = (
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r", b"\n\n", b"\t", b'"', b"'"),
    *(b"null", b"NaN", b"1e999", b"-1", b"9" * 5000, b"[" * 3000, b'{"a":' * 3000, b"{}", b"[]"),
    *(b"true", b"\\ud800", b"\xe2\x80\xa8", b"\x1f\x8b", b"PAR1", b"=", b"#", b"]]", b"inf", b"\\"),
)


def malformed(data: bytes, draw: random.Random) -> bytes:
    """The same, and something done to it."""
    for _ in range(draw.randint(1, 3)):
        place = draw.randrange(len(data) + 1)
        end = min(len(data), place + draw.randint(0, 12))
        way = draw.randrange(6)
        if way == 0:
            data = data[:place]
        elif way == 1 and data:
            data = flip(data, draw)
        elif way == 2:
            data = data[:place] + draw.choice(PIECES) + data[place:]
        elif way == 3:
            data = data[:place] + draw.choice(PIECES) + data[end:]
        elif way == 4:
            data = data[:place] + data[end:]
        else:
            data = data[:place] + data[place:end] * 3 + data[end:]
    return data


def _read_dictionary(path: Path) -> object:
    path.rename(path.with_name("en-de.tsv"))
    return dictionaries.read_dictionaries(path.parent)


def _read_words(path: Path) -> object:
    path.rename(path.with_name("vocabulary.json"))
    user_tables.read_vocabulary(path.with_name("vocabulary.json"))
    return vocabulary.words_by_language(path.parent)


def _all_rows(path: Path) -> list:
    return [row for rows in tables.read_rows(path, ["premise"]) for row in rows]


READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "rows of .jsonl": (".jsonl", _all_rows),
    "rows of .csv": (".csv", _all_rows),
    "rows of .tsv": (".tsv", _all_rows),
    "rows of .parquet": (".parquet", _all_rows),
    "pairs of .parquet": (
        ".parquet",
        lambda path: parquet.read_pairs([path], ("premise", "hypothesis", "label"), ("0", "1")),
    ),
    "XTREME's pairs": ("pairs", lambda path: xtreme.read_pairs(path, LABELS)),
    "XTREME's tags": ("tags", xtreme.read_tags),
    "XTREME's texts": ("pairs", xtreme.read_texts),
    "XTREME's tokens": ("tags", xtreme.read_tokens),
    "setup": (".toml", read_setup),
    "dictionary": ("dictionary", _read_dictionary),
    "vocabulary": ("words", _read_words),
}


def misread(name: str, folder: Path, draw: random.Random) -> None:
    """Give a reader what it can't expect: it may raise SaltError, and nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    well, read = READERS[name]
    path = folder / (f"dev-en{well}" if well.startswith(".") else "dev-en.tsv")
    path.write_bytes(malformed(WELL[well], draw))
    with contextlib.suppress(SaltError):
        read(path)


def _command(name: str, folder: Path, draw: random.Random) -> list[str]:
    """A command's words, with a malformed file among them."""

    def put(what: str, kind: str) -> str:
        (folder / what).parent.mkdir(parents=True, exist_ok=True)
        (folder / what).write_bytes(malformed(WELL[kind], draw))
        return str(folder / what)

    suffix = draw.choice([".jsonl", ".csv", ".tsv", ".parquet"])
    if name == "augment":
        pairs = folder / "pairs.tsv"
        pairs.write_text(
            "word\tlanguage\tsubstitute\tprobability\tcount\ngoat\tde\tZiege\t0.99\t3\n"
        )
        chosen = put("table" + suffix, suffix)
        options = ["--text-columns", "premise,hypothesis", "--output", str(folder / ("o" + suffix))]
        return [name, "--input", chosen, "--substitutions", str(pairs), *options]
    if name == "augment by pairs":
        (folder / "table.csv").write_bytes(WELL[".csv"])
        pairs = put("pairs" + suffix, suffix)
        options = ["--text-columns", "premise", "--output", str(folder / "o.csv")]
        return ["augment", "--input", str(folder / "table.csv"), "--substitutions", pairs, *options]
    if name == "score":
        (folder / "gold").mkdir()
        (folder / "gold" / "test-en.tsv").write_bytes(WELL["pairs"])
        put("made/test-en.tsv", "pairs")
        return [
            name,
            "--task",
            "xnli",
            "--gold",
            f"{folder}/gold",
            "--predictions",
            f"{folder}/made",
        ]
    if name == "results of the paper's scale":
        path = _make_run(folder / "runs")
        path.write_bytes(malformed(path.read_bytes(), draw))
        return ["results", "--scale", "paper", "--runs-dir", str(folder / "runs")]
    if name == "vocabulary":
        put("texts/de.txt", "pairs")
        return [name, "--model", str(SHIPPED / "world-0"), "--texts", str(folder / "texts")]
    return ["plan", "--setup", put("s.toml", ".toml"), "--data", str(folder), "--seeds", "0"]


COMMANDS = (
    "augment",
    "augment by pairs",
    "score",
    "results of the paper's scale",
    "vocabulary",
    "plan",
)


def mistreat(name: str, folder: Path, draw: random.Random) -> None:
    """Give a command a malformed file. Failed: it ends in a traceback."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shown = CliRunner().invoke(commands.app, _command(name, folder, draw))
    if shown.exception and not isinstance(shown.exception, SystemExit):
        raise shown.exception


# Kills


@dataclass(frozen=True)
class Setup:
    """A study whose runs take no time."""

    runner: str = "benchmarks.faults:run"

    def check(self, task: str, row: object) -> None:
        """Any task will do."""

    def identity(self, task: str) -> dict:
        """Nothing decides."""
        return {"task": task}


def prepare(job: Job) -> None:
    """Nothing is shared."""


def run(job: Job) -> dict:
    """A run of the study that is killed."""
    time.sleep(0.02)
    return a_run(job.spec.seed)


def _study(folder: Path) -> object:
    setup = Setup()
    specs = grid(0, ["mini-xnli"], ["baseline", "salt"], range(4), setup.check)
    execute(specs, folder, setup, Workers(jobs=1), progress=False)
    return {(r["method"], r["seed"]): r["scores"] for r in store.stored(folder, 0)}


def _distillation(folder: Path) -> object:
    def part(number: int) -> Callable[[], Iterator[pa.RecordBatch]]:
        def records() -> Iterator[pa.RecordBatch]:
            time.sleep(0.02)
            yield _records(100 * number)

        return records

    predictions.save_in_parts(folder / "p.parquet", map(part, range(6)), {"model": "m"})
    return predictions.read_all(folder / "p.parquet").to_dict("list")


def _training(folder: Path) -> object:
    # A training is killed in processes that share nothing with this one but the data.
    model = classifiers.classifier(SHIPPED / "world-0", 2, 0, 0.1)
    config = Config(epochs=2, batch=8)
    monitor = Monitor(Saved(folder / "state", 1), folder / "log.jsonl", every=2)
    scores, epoch = fit(model, _data(), method("baseline"), config, 0, monitor=monitor)
    weights = {name: value.tolist() for name, value in model.state_dict().items()}
    return scores, epoch, digests.checksum(weights)


def _data():
    draw = random.Random(0)
    words = sorted(vocabulary.words_by_language(SHIPPED / "world-0")["en"])

    def pairs(count: int):
        def lines():
            return [" ".join(draw.choices(words, k=5)) for _ in range(count)]

        return xtreme.Pairs(lines(), lines(), [draw.randrange(2) for _ in range(count)])

    return prepare_data(SHIPPED / "world-0", 2, pairs(48), pairs(16), {}, {})


KILLED: dict[str, Callable[[Path], object]] = {
    "study": _study,
    "distillation": _distillation,
    "training": _training,
}


def forked(work: Callable[[], object], limit: float | None = None) -> int:
    """Do it in a process of its own, which is killed after ``limit`` seconds; its exit status."""
    process = os.fork()
    if process == 0:
        status = 1
        try:
            warnings.simplefilter("ignore")
            work()
            status = 0
        finally:
            os._exit(status)
    end = time.monotonic() + (PATIENCE if limit is None else limit)
    while time.monotonic() < end:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return -signal.SIGKILL


class Undisturbed:
    """What each of `KILLED` comes to, and how long it takes."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.known: dict[str, tuple[object, float]] = {}

    def of(self, name: str) -> tuple[object, float]:
        """The result and the seconds."""
        if name not in self.known:
            KILLED[name](self.folder / name / "first")  # what is imported on the way is no work
            start = time.monotonic()
            found = KILLED[name](self.folder / name / "second")
            self.known[name] = found, time.monotonic() - start
        return self.known[name]


def killed(name: str, folder: Path, draw: random.Random, undisturbed: Undisturbed) -> None:
    """Kill it once or more, and let it go on. Failed: the end is another."""
    expected, seconds = undisturbed.of(name)
    shutil.rmtree(folder, ignore_errors=True)
    for _ in range(draw.randint(1, 3)):
        status = forked(lambda: KILLED[name](folder), draw.uniform(0, seconds))
        if status not in (0, -signal.SIGKILL):
            raise Failed(f"ended with {status} when it was taken up again")
    if KILLED[name](folder) != expected:
        raise Failed("another result after a kill")


# The campaign


def trials(folder: Path, count: int, seed: int) -> Iterator[tuple[str, Callable[[], None]]]:
    """(its kind, what to do) of every trial: all truncations, and of the rest ``count``."""
    whole = Whole(folder.with_name("whole"))
    for name in KINDS:
        for size in range(whole.of(name)[0].stat().st_size):
            yield (
                f"truncated {name}",
                lambda n=name, s=size: damaged(n, whole, folder, lambda d: d[:s]),
            )
    undisturbed = Undisturbed(folder.with_name("undisturbed"))
    for number in range(count):
        draw = random.Random(f"{seed} {number}")
        way = number % 8
        if way < 2:
            name = draw.choice(list(KINDS))
            yield (
                f"flipped {name}",
                lambda n=name, d=draw: damaged(n, whole, folder, lambda b: flip(b, d)),
            )
        elif way < 5:
            name = draw.choice(list(READERS))
            yield f"malformed {name}", lambda n=name, d=draw: misread(n, folder, d)
        elif way < 7:
            name = draw.choice(COMMANDS)
            yield f"salt {name}", lambda n=name, d=draw: mistreat(n, folder, d)
        else:
            name = draw.choice(list(KILLED))
            yield (
                f"killed {name}",
                lambda n=name, d=draw: killed(n, folder, d, undisturbed),
            )


def campaign(count: int, seed: int, only: str = "") -> tuple[Counter, dict[str, list[str]]]:
    """The trials of each kind, and what failed: kind → "number: what was seen"."""
    made: Counter = Counter()
    failures: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bar = tqdm(trials(Path(place) / "trial", count, seed), unit="trial", disable=None)
        for number, (kind, trial) in enumerate(bar):
            if only not in kind:
                continue
            made[kind] += 1
            try:
                with patience():
                    trial()
            except Hang:
                failures.setdefault(kind, []).append(f"{number}: hangs")
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                seen = str(error).partition("\n")[0][:200]
                failures.setdefault(kind, []).append(f"{number}: {type(error).__name__}: {seen}")
    return made, failures


def main() -> None:
    """Run the campaign, print what failed; the exit status says whether anything did."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--trials", type=int, default=300, help="besides every truncation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="kinds whose name holds this")
    given = parser.parse_args()
    torch.set_num_threads(1)  # processes are forked
    made, failures = campaign(given.trials, given.seed, given.only)
    print(f"{'trials of':<40}{'trials':>8}{'failures':>10}")
    for kind, number in sorted(made.items()):
        print(f"{kind:<40}{number:>8}{len(failures.get(kind, [])):>10}")
    for kind, seen in sorted(failures.items()):
        for line in seen[:5]:
            print(f"{kind}: {line}")
    print(f"{sum(made.values())} trials, {sum(map(len, failures.values()))} failures")
    raise SystemExit(bool(failures))


if __name__ == "__main__":
    main()

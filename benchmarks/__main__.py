"""Measure everything, side by side, and write it down: ``make bench`` or ``python -m benchmarks``.

Sides take turns, each measurement in a process of its own, and medians are compared. What is
finished is kept in ``cache/benchmarks.json`` as long as library and machine are the same: stopped,
the same command goes on.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from salt_lib.digests import digest, read_checked, sources, write_checked
from salt_lib.errors import SaltError
from salt_lib.study import provenance

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "cache" / "benchmarks.json"
RECORDED = ROOT / "salt_lib" / "recorded" / "benchmarks.json"
STUDY_RUNS = 150


def measure(name: str, **options) -> dict:
    """What ``python -m benchmarks.measure`` prints for this."""
    command = [sys.executable, "-m", "benchmarks.measure", name, json.dumps(options)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SaltError(f"benchmark {name} {options} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def in_turn(sides: dict[str, Callable[[int], dict]], repeats: int) -> dict[str, list[dict]]:
    """Each side's results, one of each side a round."""
    found: dict[str, list[dict]] = {name: [] for name in sides}
    for repeat in range(repeats):
        for name, side in sides.items():
            found[name].append(side(repeat))
    return found


def median(found: list[dict], value: Callable[[dict], float]) -> float:
    """The median of a value of several results."""
    return statistics.median(value(one) for one in found)


def training() -> dict:
    """One laboratory run, ours against `Trainer`, each with one thread and two; three seeds."""
    found = in_turn(
        {
            f"{side}, {threads}": lambda seed, side=side, threads=threads: measure(
                "training", side=side, seed=seed, threads=threads
            )
            for side in ("salt_lib", "Trainer")
            for threads in (1, 2)
        },
        3,
    )
    rates = {side: median(f, lambda r: r["examples"] / r["train_s"]) for side, f in found.items()}
    ours, other = (max(rates[f"{side}, {n}"] for n in (1, 2)) for side in ("salt_lib", "Trainer"))
    return {
        "unit": "examples/s",
        "ours": ours,
        "other": other,
        "ratio": ours / other,
        "rates": rates,
        "one_thread_ratio": rates["salt_lib, 1"] / rates["Trainer, 1"],
        "runs": found,
    }


def distillation() -> dict:
    """The training data's tokens into all languages: ours, the plain loop and the pipeline."""
    found = in_turn(
        {
            "salt_lib": lambda _: measure("distillation", side="salt_lib"),
            "plain loop": lambda _: measure("distillation", side="plain loop", pairs=300),
            "fill-mask": lambda _: measure("distillation", side="fill-mask", pairs=2),
        },
        3,
    )
    rates = {side: median(f, lambda r: r["tokens"] / r["seconds"]) for side, f in found.items()}
    return {
        "unit": "tokens/s",
        "ours": rates["salt_lib"],
        "other": rates["plain loop"],
        "ratio": rates["salt_lib"] / rates["plain loop"],
        "fill_mask": rates["fill-mask"],
        "fill_mask_ratio": rates["salt_lib"] / rates["fill-mask"],
        "runs": found,
    }


def step() -> dict:
    """A SALT epoch against a plain one of the same loop."""
    found = measure("steps")
    seconds = {
        name: statistics.median(times) for name, times in found.items() if name != "peak_bytes"
    }
    return {
        "unit": "s/epoch",
        "ours": seconds["salt"],
        "other": seconds["baseline"],
        "ratio": seconds["salt"] / seconds["baseline"],
        "runs": found,
    }


def headline() -> dict:
    """The main study from nothing on two workers, against `Trainer` extrapolated from six runs."""
    ours = measure("headline", jobs=2)
    other = measure("trainer_runs", runs=6, jobs=2)
    seconds = other["seconds"] / other["runs"] * STUDY_RUNS
    return {
        "unit": "min",
        "ours": ours["seconds"] / 60,
        "other": seconds / 60,
        "ratio": seconds / ours["seconds"],
        "runs": {"salt_lib": ours, "Trainer": other},
    }


def scaling() -> dict:
    """Twenty runs by one worker and by two."""
    part = {"seeds": 5, "methods": "baseline,salt"}
    found = in_turn(
        {
            "two": lambda _: measure("headline", jobs=2, **part),
            "one": lambda _: measure("headline", jobs=1, **part),
        },
        1,
    )
    seconds = {name: median(f, lambda r: r["seconds"]) for name, f in found.items()}
    return {
        "unit": "s",
        "ours": seconds["two"],
        "other": seconds["one"],
        "ratio": seconds["one"] / seconds["two"],
        "runs": found,
    }


def memory() -> dict:
    """Peak memory: distillation at once and ten times the data; a run of ours and of `Trainer`."""
    found = {
        "once": measure("distillation", side="salt_lib"),
        "ten times": measure("distillation", side="salt_lib", times=10),
        "salt_lib": measure("training", side="salt_lib", seed=0, epochs=1),
        "Trainer": measure("training", side="Trainer", seed=0, epochs=1),
    }
    peak = {name: one["peak_bytes"] / 2**20 for name, one in found.items()}
    return {
        "unit": "MiB",
        "ours": peak["ten times"],
        "other": peak["once"],
        "ratio": peak["ten times"] / peak["once"],
        "worker": peak["salt_lib"],
        "trainer": peak["Trainer"],
        "runs": found,
    }


def arithmetic() -> dict:
    """Floating-point operations per second of training, as a share of a large product's."""
    found = measure("arithmetic")
    rate = found["flops"] / found["seconds"]
    return {
        "unit": "GFLOP/s",
        "ours": rate / 1e9,
        "other": found["product_flops_per_s"] / 1e9,
        "ratio": rate / found["product_flops_per_s"],
        "runs": found,
    }


BENCHMARKS = {
    f.__name__: f for f in (training, distillation, step, scaling, memory, arithmetic, headline)
}


def key() -> str:
    """What results depend on: the library, these programs and the machine."""
    ours = sorted(Path(__file__).parent.glob("*.py"))
    library = sources("salt_lib.laboratory.study"), sources("salt_lib.laboratory.run")
    return digest(*library, *ours, provenance.hardware(), provenance.versions())


def kept() -> dict:
    """Finished benchmarks of this library on this machine."""
    try:
        found = read_checked(KEPT)
    except SaltError:
        return {}
    return found["rows"] if found.get("key") == key() else {}


def table(rows: dict[str, dict]) -> str:
    """The results as text."""
    lines = [f"{'benchmark':<14}{'ours':>12}{'other':>12}  {'unit':<12}{'ratio':>8}"]
    for name, row in rows.items():
        lines.append(
            f"{name:<14}{row['ours']:>12,.1f}{row['other']:>12,.1f}  {row['unit']:<12}"
            f"{row['ratio']:>8.2f}"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure what is asked for and not kept; record when all of it is there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--force", action="store_true", help="measure finished ones again")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(BENCHMARKS):
        parser.error(
            f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}"
        )
    rows = kept()
    names = asked.names or list(BENCHMARKS)
    for name in tqdm([n for n in names if asked.force or n not in rows], unit="benchmark"):
        rows[name] = {"what": BENCHMARKS[name].__doc__, **BENCHMARKS[name]()}
        write_checked(KEPT, {"key": key(), "rows": rows})
    rows = {name: rows[name] for name in BENCHMARKS if name in rows}
    print(table(rows))
    if len(rows) == len(BENCHMARKS):
        head = provenance.origin("make bench")
        write_checked(RECORDED, {**head, "rows": rows})
        print(f"written to {RECORDED.relative_to(ROOT)}")


if __name__ == "__main__":
    try:
        main()
    except SaltError as error:
        sys.exit(f"benchmarks: {error}")
    except KeyboardInterrupt:
        sys.exit("benchmarks: interrupted; what was finished is kept, the same command goes on")

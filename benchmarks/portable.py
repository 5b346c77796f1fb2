"""Do settings make processors agree, and at what cost? ``python -m benchmarks.portable``.

A short training of the laboratory (an epoch of the baseline on mini-xnli, one thread), each time in
a process of its own with other settings of ATen, MKL, oneDNN and the C library: as it comes, as on
processors with fewer instructions, and pinned to what all of these know (`PINNED`). Seconds
are of the processor, so that other work on the machine counts little. What a setting can't show is
another *maker*: MKL asks for it, and here only instructions can be taken away.

Result: ``recorded/portable.json``.
"""

import argparse
import hashlib
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch

import salt_lib
from salt_lib import files
from salt_lib.digests import write_checked
from salt_lib.laboratory import tasks
from salt_lib.laboratory.checkpoints import checkpoint
from salt_lib.languages import SOURCE
from salt_lib.models import classifiers
from salt_lib.salt.methods import method
from salt_lib.salt.prepared import prepare as prepared
from salt_lib.study import provenance
from salt_lib.training.loop import fit

RECORDED = files.RECORDED / "portable.json"
TASK, WORLD, SEED = "mini-xnli", 0, 0
# The same instructions in every library that chooses them by the processor: AVX2, which all makers
# have had for ten years, and what the oldest have.
PINNED = {
    "AVX2": salt_lib.PINNED,  # SALT_PORTABLE=1
    "SSE": {
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_CBWR": "COMPATIBLE",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
    },
}
TUNABLES = "glibc.cpu.hwcaps="
# What a processor lacks, as its libraries see it.
AVX2 = {"MKL_ENABLE_INSTRUCTIONS": "AVX2", "GLIBC_TUNABLES": TUNABLES + "-AVX512F,-AVX512VL"}
SSE = {"MKL_ENABLE_INSTRUCTIONS": "SSE4_2", "GLIBC_TUNABLES": TUNABLES + "-AVX2,-FMA,-AVX512F"}
WITHOUT = {"AVX-512": {}, "AVX2": AVX2, "SSE 4.2": SSE}
ATEN = {"AVX-512": "avx512", "AVX2": "avx2", "SSE 4.2": "default"}
ONEDNN = {"AVX-512": "AVX512_CORE", "AVX2": "AVX2", "SSE 4.2": "SSE41"}


def settings() -> dict[str, dict[str, str]]:
    """What is tried: name → environment."""
    plain = {
        f"as it comes, {name}": {
            **lacking,
            "ATEN_CPU_CAPABILITY": ATEN[name],
            "ONEDNN_MAX_CPU_ISA": ONEDNN[name],
        }
        for name, lacking in WITHOUT.items()
    }
    pinned = {
        f"{pin} everywhere, {name}": {**lacking, **PINNED[pin]}
        for pin in PINNED
        for name, lacking in WITHOUT.items()
        if (pin, name) != ("AVX2", "SSE 4.2")
    }
    return {**plain, "ATen alone AVX2": {"ATEN_CPU_CAPABILITY": "avx2"}, **pinned}


def prepare(path: Path) -> None:
    """Make the data once for all; the file lives as long as this command."""
    row, config = method("baseline"), replace(tasks.CONFIGS[TASK], epochs=1)
    train, dev = (tasks.load(TASK, split, SOURCE, WORLD) for split in ("train", "dev"))
    ready = prepared(checkpoint(WORLD), tasks.task(TASK).labels, train, dev, {}, {})
    path.write_bytes(pickle.dumps((ready, row, config)))


def train(path: Path) -> dict:
    """In a process of its own: the epoch, and what came out of it."""
    torch.set_num_threads(1)
    ready, row, config = pickle.loads(path.read_bytes())
    labels = len(tasks.task(TASK).labels)
    model = classifiers.classifier(checkpoint(WORLD), labels, SEED, config.dropout)
    start = time.process_time()
    scores, _ = fit(model, ready, row, config, SEED)
    seconds = time.process_time() - start
    weights = hashlib.sha256()
    for tensor in model.state_dict().values():
        weights.update(tensor.numpy().tobytes())
    return {
        "seconds": round(seconds, 2),
        "weights": weights.hexdigest()[:16],
        "dev": scores[0],
        "capability": provenance.capability(),
    }


def measured(environment: dict[str, str], path: Path, repeats: int) -> dict:
    """The best time of some processes with these settings, and what all of them came to."""
    cleared = {k: v for k, v in os.environ.items() if k not in {*PINNED["SSE"], *AVX2}}
    rows = []
    for _ in range(repeats):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.portable", "--train", str(path)],
            env={**cleared, **environment, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
        rows.append(json.loads(done.stdout.splitlines()[-1]))
    if len({row["weights"] for row in rows}) > 1:
        raise RuntimeError(f"{environment}: not the same weights each time")
    return {**rows[0], "seconds": min(row["seconds"] for row in rows), "settings": environment}


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.portable", description=__doc__)
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--repeats", type=int, default=2)
    given = parser.parse_args()
    if given.train:
        print(json.dumps(train(given.train)))
        return
    tried = settings()
    rows: dict[str, dict] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "prepared"
        prepare(path)
        for name, environment in tried.items():
            row = rows[name] = measured(environment, path, given.repeats)
            row["ratio"] = round(row["seconds"] / next(iter(rows.values()))["seconds"], 3)
            told = f"{row['weights']:>18}{row['seconds']:>8.2f} s{row['ratio']:>7.2f}"
            print(f"{name:<36}{told}", flush=True)
    head = provenance.origin("python -m benchmarks.portable")
    write_checked(RECORDED, {**head, "task": TASK, "repeats": given.repeats, "rows": rows})


if __name__ == "__main__":
    main()

"""Runs per hour, the seeds of a method stacked against one after the other.

``python -m benchmarks.stacked``: fine-tuning on some pairs of the laboratory, by default of its
tiny mBERT; ``--model FOLDER`` takes any encoder. On whatever device there is.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace

import torch

from salt_lib.data.examples import Pairs
from salt_lib.laboratory import tasks
from salt_lib.laboratory.checkpoints import checkpoint
from salt_lib.languages import SOURCE
from salt_lib.salt.methods import method
from salt_lib.salt.prepared import prepare
from salt_lib.study.provenance import hardware
from salt_lib.training.config import Config
from salt_lib.training.device import Accelerated
from salt_lib.training.run import train_and_score
from salt_lib.training.stacked import train_and_score_stacked


def main(arguments: Sequence[str] | None = None) -> None:
    """Train both ways and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", help="folder or hub name  [the laboratory's tiny mBERT]")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1_600)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="fp32")
    given = parser.parse_args(arguments)
    pairs = tasks.load("mini-xnli", "train", SOURCE)
    assert isinstance(pairs, Pairs)
    few, dev = pairs[: given.rows], pairs[given.rows : given.rows + 100]
    ready = prepare(given.model or checkpoint(0), tasks.task("mini-xnli").labels, few, dev, {})
    compute = Accelerated(given.device, given.precision)
    config, row, seeds = (
        replace(Config(), epochs=1, dropout=0.0),
        method("baseline"),
        range(given.seeds),
    )
    train_and_score(ready, row, replace(config, learning_rate=0.0), 0, compute=compute)  # warm
    began = time.perf_counter()
    for seed in seeds:
        train_and_score(ready, row, config, seed, compute=compute)
    alone = time.perf_counter() - began
    began = time.perf_counter()
    train_and_score_stacked(ready, row, config, seeds, compute=compute)
    together = time.perf_counter() - began
    where = torch.cuda.get_device_name() if compute.device.type == "cuda" else hardware()
    print(f"{where}, {given.seeds} seeds, {given.rows} pairs each")
    print(f"one after the other: {3600 * given.seeds / alone:,.0f} runs an hour")
    print(f"stacked:             {3600 * given.seeds / together:,.0f} runs an hour")
    print(f"ratio:               {alone / together:.2f}")


if __name__ == "__main__":
    main()

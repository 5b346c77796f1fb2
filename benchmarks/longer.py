"""Was the deeper model trained too short for SALT? ``python -m benchmarks.longer``.

A look after the fact: in the aggregation study, with two epochs, SALT is below the baseline on
mini-xnli, where with the tiny mBERT and five epochs it is above. So both are run here with the
laboratory's five epochs, on the sweep's seeds. It decides nothing in the study. Result:
``recorded/aggregation-longer.json``.
"""

from dataclasses import asdict

import numpy as np
from joblib import Parallel, delayed
from tqdm import tqdm

from salt_lib import files
from salt_lib.digests import write_checked
from salt_lib.laboratory.aggregation import SWEEP_SEEDS
from salt_lib.laboratory.deeper import LAYERS
from salt_lib.laboratory.predictions import predictions_path
from salt_lib.laboratory.run import train
from salt_lib.laboratory.setup import Laboratory
from salt_lib.laboratory.tasks import CONFIGS
from salt_lib.languages import SOURCE
from salt_lib.study import provenance

RECORDED = files.RECORDED / "aggregation-longer.json"
TASK, METHODS = "mini-xnli", ("baseline", "salt")


def one(method: str, seed: int) -> dict:
    """A run with the laboratory's configuration on the deeper model."""
    found = train(Laboratory(0, LAYERS), TASK, method, seed, CONFIGS[TASK])
    targets = [value for code, value in found["scores"].items() if code != SOURCE]
    return {
        "method": method,
        "seed": seed,
        "english": found["scores"][SOURCE],
        "zero_shot": float(np.mean(targets)),
        "dev": found["dev"],
        "seconds": round(found["seconds"], 1),
    }


def main() -> None:
    """Run and record."""
    predictions_path(0, TASK, layers=LAYERS)
    wanted = [(method, seed) for seed in SWEEP_SEEDS for method in METHODS]
    runs = Parallel(n_jobs=2, return_as="generator")(delayed(one)(*key) for key in wanted)
    write_checked(
        RECORDED,
        {
            **provenance.origin("python -m benchmarks.longer"),
            "task": TASK,
            "layers": LAYERS,
            "configuration": asdict(CONFIGS[TASK]),
            "rows": list(tqdm(runs, total=len(wanted), unit="run")),
        },
    )


if __name__ == "__main__":
    main()

"""What a newcomer does with the installed wheel, in a folder that knows nothing of the checkout.

Run by `make wheel` with the Python of an otherwise empty environment.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

import salt_lib as salt
from salt_lib.laboratory.checkpoints import checkpoint
from salt_lib.laboratory.tasks import load

COMMANDS = (
    "--version",
    "results --json",
    "results --scale aggregation --json",
    "results --scale paper --json",
    "world --language sw --facts 2",
    "vocabulary --help",
)


def table(split: str, language: str, rows: int) -> pd.DataFrame:
    """Some pairs of the laboratory as a table of the user's."""
    pairs = load("mini-xnli", split, language)[:rows]
    names = ["entailment", "neutral", "contradiction"]
    columns = {"premise": pairs.first, "hypothesis": pairs.second}
    return pd.DataFrame({**columns, "label": [names[label] for label in pairs.labels]})


def main() -> None:
    """The README's lines, and every command that needs no hour."""
    here = Path(salt.__file__).resolve()
    assert "site-packages" in here.parts, f"not the installed wheel but {here}"
    assert (here.parent / "py.typed").exists() and salt.__version__ != "0+unknown"
    model, train = checkpoint(0), table("train", "en", 300)
    sentences = list(zip(train["premise"], train["hypothesis"], strict=True))
    data = {
        "train": train,
        "dev": table("dev", "en", 60),
        "test": {code: table("test", code, 60) for code in ("en", "de", "sw")},
    }
    config = salt.Config(epochs=1)

    pairs = salt.distill(model, sentences, languages=["de", "sw"])
    switched = salt.augment(train, pairs, text_columns=["premise", "hypothesis"], seed=0)
    results = [
        salt.train(model, data, method=method, seed=seed, config=config, device="cpu")
        for method in ("baseline", "salt")
        for seed in (0, 1)
    ]
    comparison = salt.compare(results, "salt", "baseline")

    assert set(pairs["language"]) == {"en", "de", "sw"} and len(switched) == len(train)
    assert (switched["premise"] != train["premise"]).any()
    assert all(set(result["scores"]) == {"en", "de", "sw"} for result in results)
    assert comparison.n == 2
    print(pairs.head(3).to_string(index=False))
    for command in COMMANDS:
        done = subprocess.run(
            [sys.executable, "-m", "salt_lib", *command.split()], capture_output=True, text=True
        )
        assert done.returncode == 0, f"salt {command}: {done.stderr}"
        assert done.stdout.strip(), f"salt {command} prints nothing"
    print(f"the wheel works: {len(COMMANDS)} commands, {len(pairs)} pairs of words")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        import os

        os.chdir(folder)
        main()

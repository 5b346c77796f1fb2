"""A training step at mBERT's shape, ours and `Trainer`'s: ``python -m benchmarks.paper``.

178 million parameters and 119,547 vocabulary entries cost what they cost with random weights too,
so no download is needed. The pairs are XNLI's own English ones (``$SALT_XTREME_DIR``), cut into
pieces by a WordPiece tokenizer made of the files' text. Each side has a process of its own; sides
take turns, and the best of each counts. On the processor a few steps are measured, on a GPU more.
Result:
``recorded/paper-speed.json``.
"""

import json
import logging
import resource
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm
from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

from salt_lib.data import xtreme
from salt_lib.data.examples import Pairs
from salt_lib.digests import write_checked
from salt_lib.errors import SaltError
from salt_lib.models import classifiers, encoding, loading
from salt_lib.real import setup
from salt_lib.real.plan import now
from salt_lib.salt.augment import NOTHING, Options, options
from salt_lib.salt.methods import method
from salt_lib.salt.prepared import Prepared
from salt_lib.study import provenance
from salt_lib.training.config import Config
from salt_lib.training.device import Accelerated
from salt_lib.training.loop import batches, fit

from . import rivals

ROOT = Path(__file__).parents[1]
RECORDED = ROOT / "salt_lib" / "recorded" / "paper-speed.json"
VOCABULARY = 119_547  # mBERT's; the tokenizer made here has fewer, which costs nothing less
SIDES = ("plain", "SALT", "Trainer")
ROUNDS = 2
STEPS = {"cpu": 8, "cuda": 200}
LONGEST = 128


def read(code: str) -> Pairs:
    """XNLI's dev pairs in a language."""
    path = xtreme.folder() / "xnli" / f"dev-{code}.tsv"
    return xtreme.read_pairs(path, xtreme.PAIR_LABELS["xnli"])


def make(folder: Path) -> None:
    """A model folder in mBERT's shape: random weights, a tokenizer of the real files' text."""
    lines = []
    for path in sorted((xtreme.folder() / "xnli").glob("dev-*.tsv")):
        pairs = read(path.stem.removeprefix("dev-"))
        lines += pairs.first + pairs.second
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=30_000, special_tokens=special, show_progress=False
    )
    made.train_from_iterator(lines, trainer)
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = {f"{name.strip('[]').lower()}_token": name for name in special}
    PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=512, **names).save_pretrained(
        folder
    )
    torch.manual_seed(0)
    BertForMaskedLM(BertConfig(vocab_size=VOCABULARY)).save_pretrained(folder)


def sample(steps: int, config: Config) -> Pairs:
    """English XNLI pairs for so many steps, drawn."""
    data = read("en")
    dice = torch.Generator().manual_seed(0)
    rows = torch.randint(len(data), (steps * config.batch,), generator=dice).tolist()
    return data.take(rows)


def stand_ins(encoded: encoding.Encoded) -> Options:
    """Two substitutions for every whole word, any: what they are costs nothing."""
    at = encoded.whole.nonzero()[:, 0].repeat_interleave(2)
    example = torch.searchsorted(encoded.start, at, right=True) - 1
    tokens = torch.randint(1000, 20_000, (len(at), 1), generator=torch.Generator().manual_seed(0))
    return options(encoded, example, at - encoded.start[example], tokens)


def measure(folder: str, side: str, precision: str, steps: int) -> dict:
    """An epoch of so many steps of one side, after one that isn't timed; in this process.

    tokens, padded: of the epoch, without and with padding.
    """
    config, compute = replace(setup.RECIPE, epochs=1), Accelerated("auto", precision)
    data, few = sample(steps, config), sample(2, config)
    tokenizer = loading.tokenizer(folder)
    encoded, warm, one = (
        encoding.encode(tokenizer, pairs, True, LONGEST) for pairs in (data, few, few[:1])
    )
    on_gpu = compute.device.type == "cuda"
    found = {"tokens": len(encoded.ids), "padded": padded(encoded, config), "steps": steps}
    model = trainer = None
    for pairs, part in ((few, warm), (data, encoded)):
        del model, trainer  # or there would be two in memory
        model = trainer = None
        if side == "Trainer":
            trainer = rivals.trainer(
                Path(folder), tokenizer, pairs, 3, config, 0, precision, LONGEST, on_gpu
            )
            began = now(compute)
            trainer.train()
        else:
            row = method("salt" if side == "SALT" else "baseline")
            choices = stand_ins(part) if row.substitutions else NOTHING
            ready = Prepared(folder, 3, part, one, {}, {}, choices)
            model = classifiers.classifier(folder, 3, 0, config.dropout)
            began = now(compute)
            fit(model, ready, row, config, 0, compute=compute)
        found["seconds"] = now(compute) - began
    found["peak_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if on_gpu:
        found["peak_bytes"] = torch.cuda.max_memory_allocated(compute.device)
    return found


def padded(encoded: encoding.Encoded, config: Config) -> int:
    """Tokens of an epoch's batches with their padding."""
    dice = torch.Generator().manual_seed(0)
    dealt = batches(encoded.lengths, config.batch, dice)
    return sum(int(encoded.lengths[rows].max()) * len(rows) for rows in dealt)


def arithmetic(folder: str, precision: str) -> dict:
    """Operations of plain training a (padded) token, and what the device does in a large product.

    Counted in matrix products and attention of two steps; the product is of 4096³ numbers in the
    same precision, the best of five.
    """
    config, compute = replace(setup.RECIPE, epochs=1), Accelerated("auto", precision)
    few = encoding.encode(loading.tokenizer(folder), sample(2, config), True, LONGEST)
    row, model = method("baseline"), classifiers.classifier(folder, 3, 0, config.dropout)
    with FlopCounterMode(display=False) as counter:
        fit(model, Prepared(folder, 3, few, few, {}, {}), row, config, 0, compute=compute)
    scored = padded_all(few)
    size, kind = 4096, torch.bfloat16 if precision == "bf16" else torch.float32
    left, right = (torch.rand(size, size, device=compute.device).to(kind) for _ in range(2))
    times = []
    for _ in range(5):
        began = now(compute)
        left @ right
        times.append(now(compute) - began)
    # A training step is a forward pass and two backward ones; scoring is one forward pass.
    total, ran = counter.get_total_flops(), padded(few, config)
    return {
        "flops_per_token": total / (ran + scored / 3),
        "product_flops_per_s": 2 * size**3 / min(times),
        "device": torch.cuda.get_device_name(compute.device)
        if compute.device.type == "cuda"
        else provenance.hardware(),
    }


def padded_all(encoded: encoding.Encoded) -> int:
    """Tokens of one pass over all rows in one batch, as scoring takes them."""
    return int(encoded.lengths.max()) * len(encoded)


def child(name: str, *arguments) -> dict:
    """What ``python -m benchmarks.paper NAME ...`` prints."""
    command = [sys.executable, "-m", "benchmarks.paper", name, json.dumps(arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SaltError(f"{name} {arguments} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure all sides in turn, in bfloat16 and, on the processor, in float32 too; record it."""
    kind = "cuda" if torch.cuda.is_available() else "cpu"
    precisions = ("bf16",) if kind == "cuda" else ("fp32", "bf16")
    found: dict[str, dict] = {p: {side: [] for side in SIDES} for p in precisions}
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        turns = [(p, side) for p in precisions for _ in range(ROUNDS) for side in SIDES]
        for precision, side in tqdm(turns, unit="measurement"):
            done = child("measure", folder, side, precision, STEPS[kind])
            found[precision][side].append(done)
        about = {p: child("arithmetic", folder, p) for p in precisions}
    rows = {}
    for precision, sides in found.items():
        # The best: whatever else the machine does can only slow a side down.
        rates = {s: max(r["tokens"] / r["seconds"] for r in f) for s, f in sides.items()}
        plain = sides["plain"][0]
        rate = (
            rates["plain"] * plain["padded"] / plain["tokens"] * about[precision]["flops_per_token"]
        )
        rows[precision] = {
            **about[precision],
            "tokens_per_s": rates,
            "share_of_product": rate / about[precision]["product_flops_per_s"],
            "peak_bytes": {s: max(r["peak_bytes"] for r in f) for s, f in sides.items()},
            "runs": sides,
        }
    head = provenance.origin("python -m benchmarks.paper")
    write_checked(RECORDED, {**head, "kind": kind, "steps": STEPS[kind], "rows": rows})
    for precision, row in rows.items():
        rates = ", ".join(f"{s} {r:,.0f}" for s, r in row["tokens_per_s"].items())
        print(f"{precision}: tokens/s {rates}; {row['share_of_product']:.0%} of a product's rate")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        logging.disable(logging.WARNING)
        print(
            json.dumps(
                {"measure": measure, "arithmetic": arithmetic}[sys.argv[1]](
                    *json.loads(sys.argv[2])
                )
            )
        )
    else:
        try:
            main()
        except SaltError as error:
            sys.exit(f"benchmarks: {error}")

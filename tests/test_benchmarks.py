"""The rivals do the same work as ours, and what was measured is kept and shown."""

import json
import subprocess
import sys

import pytest
import small
import torch

from benchmarks import __main__ as bench
from benchmarks import measure, paper, rivals
from salt_lib.laboratory import checkpoints, tasks
from salt_lib.laboratory.predictions import vocabularies
from salt_lib.models import classifiers, loading
from salt_lib.salt import distill
from salt_lib.training import config as training_config

pytestmark = pytest.mark.usefixtures("laboratory")


@pytest.fixture(scope="module")
def parts(laboratory):
    folder = checkpoints.checkpoint(0)
    words = vocabularies(0, tasks.task("mini-xnli").languages)
    return folder, loading.tokenizer(folder), loading.masked_lm(folder), words


def test_the_plain_loop_finds_what_distillation_finds(parts):
    _, _, model, words = parts
    data = small.encoded("train")
    eligible = distill.eligible(data, torch.as_tensor(words["en"]))
    theirs = {row[:4]: row[4] for row in rivals.plain_loop(model, data, words, eligible)}
    ours = {}
    for batch in distill.predict(model, data, words):
        for row in batch.to_pylist():
            key = (row["example"], row["position"], row["language"], row["token"])
            ours[key] = row["probability"]
    assert len(ours) > 1000
    # Two candidates may be so close that rounding chooses.
    common = ours.keys() & theirs.keys()
    assert len(common) > 0.99 * max(len(ours), len(theirs))
    for key in common:
        assert theirs[key] == pytest.approx(ours[key], rel=1e-3)


def test_the_pipeline_answers_in_every_language(parts):
    _, tokenizer, model, words = parts
    entry = {i: piece for piece, i in tokenizer.get_vocab().items()}
    allowed = {code: [entry[i] for i in words[code].tolist()] for code in ("de", "ur")}
    ((german, urdu),) = rivals.fill_mask(model, tokenizer, ["the [MASK] see"], allowed)
    assert german in allowed["de"] and urdu in allowed["ur"]


def test_trainer_starts_where_ours_does_and_learns(parts):
    folder, tokenizer, _, _ = parts
    data = tasks.load("mini-xnli", "train", "en", 0)
    config = training_config.Config(epochs=2)
    trainer = rivals.trainer(folder, tokenizer, data, 3, config, 4)
    ours = classifiers.classifier(folder, 3, 4, 0.0)
    before = trainer.model.bert.state_dict()
    assert all(
        torch.equal(before[k], v) for k, v in ours.bert.state_dict().items() if "pooler" not in k
    )
    weights = trainer.model.classifier.weight.clone()
    trainer.train()
    assert trainer.state.global_step == 2 * -(-len(data) // 32)
    assert not torch.equal(weights, trainer.model.classifier.weight)
    assert 0 <= rivals.trainer_accuracy(trainer, tokenizer, data) <= 1


def test_a_machine_without_datasets_measures_all_the_same(parts):
    """`Trainer`'s side of the paper's step, in a process where the package can't be imported."""
    script = """
import sys
sys.modules["datasets"] = None
from benchmarks import paper
from salt_lib.data.examples import Pairs
from salt_lib.models import loading
from salt_lib.training.config import Config
data = Pairs(["the dog sees", "a cat", "the old river sleeps"] * 4, ["a dog"] * 12, [0, 1, 2] * 4)
tokenizer, config = loading.tokenizer(sys.argv[1]), Config(epochs=1, batch=4)
rival = paper.rivals.trainer(sys.argv[1], tokenizer, data, 3, config, 0, longest=9)
rival.train()
lengths = [len(row["input_ids"]) for row in rival.train_dataset]
print(rival.state.global_step, min(lengths), max(lengths))
"""
    command = [sys.executable, "-c", script, str(parts[0])]
    done = subprocess.run(command, cwd=paper.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "3 7 9"


def test_both_sides_are_measured_alike():
    found = [measure.training(side, 0, epochs=1) for side in ("salt_lib", "Trainer")]
    assert found[0].keys() == found[1].keys()
    assert (
        found[0]["examples"]
        == found[1]["examples"]
        == len(tasks.load("mini-xnli", "train", "en", 0))
    )
    for one in found:
        assert one["train_s"] > 0 and 0 <= one["zero_shot"] <= 1


@pytest.mark.parametrize("side", ["salt_lib", "plain loop", "fill-mask"])
def test_distillation_is_measured(side):
    found = measure.distillation(side, pairs=0 if side != "fill-mask" else 1)
    assert found["tokens"] > 3 and found["seconds"] > 0


def test_ten_times_the_data_is_ten_times_the_tokens():
    once, ten = (measure.distillation("salt_lib", times=times)["tokens"] for times in (1, 10))
    assert ten == 10 * once


def test_arithmetic_counts_forward_and_backward():
    found = measure.arithmetic(repeats=1)
    assert found["flops"] > 1e7 and found["seconds"] > 0
    assert any("addmm" in name for name in found["counted"])
    assert any(name == "aten.mm" for name in found["counted"])  # of the backward pass
    assert sum(found["shares"].values()) == pytest.approx(1)


ROW = {"ours": 2.0, "other": 1.0, "ratio": 2.0, "unit": "s"}


def test_what_is_finished_is_kept_until_something_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "KEPT", tmp_path / "kept.json")
    assert bench.kept() == {}
    (tmp_path / "kept.json").write_text(json.dumps({"key": bench.key(), "rows": {"step": ROW}}))
    assert bench.kept() == {"step": ROW}
    monkeypatch.setattr(bench.provenance, "hardware", lambda: "another machine")
    assert bench.kept() == {}
    (tmp_path / "kept.json").write_text("{")
    assert bench.kept() == {}


def test_the_record_is_written_when_all_is_measured(tmp_path, monkeypatch, capsys):
    measured = []
    monkeypatch.setattr(bench, "KEPT", tmp_path / "kept.json")
    monkeypatch.setattr(bench, "RECORDED", bench.ROOT / "salt_lib" / "recorded" / "none.json")
    written = {}
    monkeypatch.setattr(
        bench, "write_checked", lambda path, value: written.update({path.name: value})
    )
    monkeypatch.setattr(
        bench,
        "BENCHMARKS",
        {name: lambda name=name: measured.append(name) or ROW for name in ("one", "two")},
    )
    monkeypatch.setattr(sys, "argv", ["benchmarks", "two"])
    bench.main()
    assert measured == ["two"] and "none.json" not in written
    monkeypatch.setattr(bench, "kept", lambda: written["kept.json"]["rows"])
    monkeypatch.setattr(sys, "argv", ["benchmarks"])
    bench.main()
    assert measured == ["two", "one"]
    assert set(written["none.json"]["rows"]) == {"one", "two"}
    assert written["none.json"]["hardware"] and "2.00" in capsys.readouterr().out


def test_a_failing_measurement_says_why():
    with pytest.raises(bench.SaltError, match="benchmark training .*failed"):
        bench.measure("training", nonsense=1)

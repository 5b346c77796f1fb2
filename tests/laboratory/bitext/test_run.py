"""A run fine-tunes a cell's encoder on each task and says all that its study needs."""

import numpy as np
import pytest
from small_bitext import WORLD

from salt_lib.data.examples import Pairs
from salt_lib.laboratory.bitext import encoders, pairs, run
from salt_lib.laboratory.bitext.cells import FACTS, Bitexts
from salt_lib.laboratory.checkpoints import checkpoint
from salt_lib.laboratory.tasks import task
from salt_lib.models import loading
from salt_lib.models.encoding import encode
from salt_lib.salt import predictions
from salt_lib.salt.prepared import Prepared
from salt_lib.study.grid import Job, Spec


@pytest.fixture
def trained(monkeypatch):
    """What would be trained, instead of training it, on few pairs that stand for every task."""
    calls = []
    said = pairs.english(WORLD, 40, np.random.default_rng(0))
    rows = encode(loading.tokenizer(checkpoint(WORLD)), Pairs(said[:20], said[20:], [0] * 20))

    def prepared(setup, name, method, config, scored="test"):
        tests = dict.fromkeys(task(name).languages, rows)
        return Prepared(setup.checkpoint, 3, rows, rows, tests, {})

    monkeypatch.setattr(run, "prepared", prepared)

    def train(data, method, config, seed):
        calls.append((data, method.name, config, seed))
        scores = {code: 0.1 * len(calls) for code in data.tests}
        return {
            "scores": scores,
            "dev": [0.5],
            "epoch": 0,
            "seconds": 2.0,
            "config": {"n": len(calls)},
        }

    monkeypatch.setattr(run, "train_and_score", train)
    return calls


def test_every_task_is_fine_tuned_from_the_cell_s_own_checkpoint(trained, small_encoder):
    found = run.train(small_encoder, WORLD, "baseline", 3)
    assert list(found["measures"]["tasks"]) == ["mini-xnli", "mini-paws-x", "mini-ner", "mini-pos"]
    assert all(data.checkpoint == small_encoder for data, *_ in trained)
    assert {seed for *_, seed in trained} == {3}
    assert found["scores"] == found["measures"]["tasks"]["mini-xnli"] and found["seconds"] == 8
    assert found["config"]["mini-pos"] == {"n": 4}


def test_salt_substitutes_what_the_cell_s_own_checkpoint_distils(trained, small_encoder):
    found = run.train(small_encoder, WORLD, "salt", 0, ("mini-xnli",))
    (data, name, config, _), *more = trained
    assert name == "salt" and not more and list(found["config"]) == ["mini-xnli"]
    path = run.predictions_path(small_encoder, WORLD)
    kept = predictions.read_kept(path, config.threshold, config.synonym_threshold)
    assert int(data.choices.count.sum()) == len(kept) > 0 and small_encoder.name in path.name


def test_a_study_s_run_tells_of_retrieval_and_pretraining(
    trained, small_encoder, monkeypatch, tmp_path
):
    monkeypatch.setattr(encoders, "pretrain", lambda world, row, device: small_encoder)
    monkeypatch.setattr(run, "tatoeba", lambda *arguments: {"de": arguments[-1] / 1000})
    job = Job(Spec(WORLD, "tlm-100k", "baseline", 1), tmp_path, Bitexts(WORLD))
    run.prepare(job)
    told = run.run(job)["measures"]
    assert told["retrieval"] == {"de": FACTS / 1000}
    assert told["pretraining"] == encoders.told(small_encoder) and len(told["tasks"]) == 4

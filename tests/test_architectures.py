"""The table of architectures says what is: what it calls possible is done here, and compared."""

import json

import pytest
import transformers

from benchmarks import architectures
from benchmarks.architectures import KINDS, RECORDED, refused, tried

TABLE = json.loads(RECORDED.read_text(encoding="utf-8"))
# One of each kind of head, of segments and of dropout; all are tried by the benchmark.
SAMPLE = (
    *("bert", "albert", "convbert", "deberta-v2", "distilbert", "electra", "esm", "eurobert"),
    *("gte", "mobilebert", "modernbert", "modernvbert", "neomme", "xlm"),
)


@pytest.fixture(autouse=True)
def quiet():
    transformers.logging.disable_progress_bar()
    yield
    transformers.logging.enable_progress_bar()


def test_every_architecture_is_in_the_table():
    assert TABLE["transformers"] == transformers.__version__, f"run {TABLE['command']}"
    assert set(TABLE["architectures"]) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_table_refuses_is_refused(kind, tmp_path):
    row = TABLE["architectures"][kind]
    assert refused(kind, tmp_path) == {use: row[use] for use in architectures.TRIALS}
    assert architectures.fast(kind) == row["fast tokenizer"]


@pytest.mark.parametrize("kind", SAMPLE)
def test_what_the_table_calls_possible_is_done(kind):
    assert tried(kind) == TABLE["architectures"][kind]


def test_a_wrong_result_is_seen(tmp_path, monkeypatch):
    """ESM reads vectors without positions: not refused, its training would go wrong silently."""
    monkeypatch.setattr(architectures.architectures, "_REFUSED", {})
    folder = architectures.write("esm", tmp_path)
    with pytest.raises(AssertionError, match="loss: .* where the model itself gives"):
        architectures.TRIALS["training on tokens"](folder)

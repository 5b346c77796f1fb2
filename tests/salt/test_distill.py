"""Distillation predicts what it should, where it should, and in a memory that does not grow."""

import errno
import json
import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from small import tokenizer_of

from salt_lib.data.examples import Pairs
from salt_lib.errors import SaltError
from salt_lib.models import encoding, loading
from salt_lib.models.encoding import encode
from salt_lib.salt import distill
from salt_lib.salt import predictions as salt_predictions
from salt_lib.salt import vocabulary as salt_vocabulary

WORDS = ["dog", "cat", "hound", "Hund", "Katze", "Tier", "Hotel", "##mat", "chien", "chat"]
TOKENIZER = tokenizer_of(*WORDS)
IDS = TOKENIZER.get_vocab()
MASK = IDS["[MASK]"]


def log(*probabilities):
    return torch.tensor([probabilities]).log()


class Stub(torch.nn.Module):
    """A language model whose logits at a position are a table's row for the token that it reads."""

    device = torch.device("cpu")

    def __init__(self, table):
        super().__init__()
        self.table, self.read = table, []
        self.base_model = _Base(self)
        self.cls = _Head(len(table))


class _Head(torch.nn.Module):
    """Hands on what it is given, as logits."""

    def __init__(self, size):
        super().__init__()
        self.decoder = torch.nn.Linear(size, size, bias=False)
        torch.nn.init.eye_(self.decoder.weight)

    def forward(self, hidden):
        return self.decoder(hidden)


class _Base(torch.nn.Module):
    def __init__(self, owner):
        super().__init__()
        self.owner = [owner]  # in a list, or torch would see a circle of modules

    def forward(self, input_ids, attention_mask=None, token_type_ids=None):
        (owner,) = self.owner
        owner.read.append((input_ids, attention_mask, token_type_ids))
        return SimpleNamespace(last_hidden_state=owner.table[input_ids])


def stub(**wanted):
    """Reads a word, predicts the given words with the given weights, all others with weight 1."""
    table = torch.zeros(len(IDS), len(IDS))
    for word, weights in wanted.items():
        for other, weight in weights.items():
            table[IDS[word.replace("MASK", "[MASK]")], IDS[other]] = math.log(weight)
    return Stub(table)


def vocabulary(**words):
    return {code: np.array(sorted(IDS[w] for w in own.split())) for code, own in words.items()}


OWN = vocabulary(en="dog cat hound Hotel", de="Hund Katze Tier Hotel", fr="chien chat")
DATA = encode(TOKENIZER, Pairs(["dog catmat", "hound"], ["cat", "Hotel chien"], [0, 1]))


def predictions(model, vocabularies=OWN, data=DATA, **options):
    batches = list(distill.predict(model, data, vocabularies, **options))
    return pa.Table.from_batches(batches, salt_predictions.SCHEMA).to_pandas(), batches


def places(found):
    return {*zip(found["example"], found["position"], strict=True)}


def test_the_best_of_the_candidates_and_its_share_among_them():
    # Probabilities 0.1, 0.2, 0.3, 0.4; among the candidates 1 and 2 that is 0.4 and 0.6.
    token, probability = distill.restricted_best(log(0.2, 0.3), torch.tensor([1, 2]))
    assert token.tolist() == [2] and probability.item() == pytest.approx(0.6)
    logits = torch.cat([log(0.1, 0.4), log(0.5, 0.1)])
    token, probability = distill.restricted_best(logits, torch.tensor([0, 3]))
    assert token.tolist() == [3, 0] and probability.tolist() == pytest.approx([4 / 5, 5 / 6])


def test_a_row_may_exclude_a_token():
    logits = torch.cat([log(0.2, 0.3, 0.4)] * 3)
    exclude = torch.tensor([3, 2, 0])
    token, probability = distill.restricted_best(logits, torch.tensor([1, 2, 3]), exclude)
    assert token.tolist() == [2, 3, 3]
    assert probability.tolist() == pytest.approx([3 / 5, 4 / 6, 4 / 9])


def test_half_precision_logits_give_full_precision_probabilities():
    half = log(0.5, 0.5).to(torch.bfloat16)
    assert distill.restricted_best(half, torch.tensor([0, 1]))[1].dtype == torch.float32


def test_predictions_are_exact():
    model = stub(
        dog={"Hund": 8, "chien": 3, "cat": 4, "hound": 18, "dog": 99},
        cat={"Katze": 16, "Tier": 2, "chat": 9},
        hound={"Hund": 1.5, "Tier": 2, "chien": 5},
        Hotel={"Hotel": 50},
    )
    found, _ = predictions(model)
    told = {
        (e, p, code): (TOKENIZER.convert_ids_to_tokens(int(t)), pytest.approx(q, rel=1e-5))
        for e, p, code, t, q in found.itertuples(index=False)
    }
    assert told == {
        (0, 1, "de"): ("Hund", 8 / 11),
        (0, 1, "fr"): ("chien", 3 / 4),
        (0, 1, "en"): ("hound", 18 / 23),  # dog itself is no synonym of dog
        (0, 5, "de"): ("Katze", 16 / 20),
        (0, 5, "fr"): ("chat", 9 / 10),
        (0, 5, "en"): ("dog", 1 / 3),
        (1, 1, "de"): ("Tier", 2 / 5.5),
        (1, 1, "fr"): ("chien", 5 / 6),
        (1, 1, "en"): ("dog", 1 / 3),
        (1, 3, "fr"): ("chien", 1 / 2),
        (1, 3, "en"): ("dog", 1 / 3),
        # (1, 3, "de") would be Hotel itself, which replaces nothing.
    }


def test_pieces_special_tokens_and_other_languages_words_are_never_replaced():
    # [CLS] dog cat ##mat [SEP] cat [SEP] and [CLS] hound [SEP] Hotel chien [SEP]
    found, _ = predictions(stub())
    assert places(found) == {(0, 1), (0, 5), (1, 1), (1, 3)}
    only = {**OWN, "en": OWN["en"][:1]}
    found, _ = predictions(stub(), only)
    assert places(found) == {(0, 1)}
    assert set(found["language"]) == {"de", "fr"}  # a lone word has no synonym


def test_the_model_sees_the_pair_as_it_is():
    model = stub()
    predictions(model)
    ((ids, attention, segments),) = model.read
    assert ids[0].tolist() == DATA.row(0).tolist()
    assert attention.tolist() == [[1] * 7, [1] * 6 + [0]]
    assert segments.tolist() == [[0, 0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1, 0]]


def test_masked_every_token_is_hidden_alone():
    model = stub(dog={"Hund": 50}, MASK={"Katze": 9, "chat": 4, "hound": 5, "dog": 70})
    plain, _ = predictions(model)
    model.read.clear()
    masked, _ = predictions(model, mask_token=MASK)
    hidden = []
    for ids, _, _ in model.read:
        for seen in ids.tolist():
            assert seen.count(MASK) == 1
            at = seen.index(MASK)
            example = next(
                e
                for e in (0, 1)
                if [i for k, i in enumerate(DATA.row(e).tolist()) if k != at]
                == [i for k, i in enumerate(seen[: len(DATA.row(e))]) if k != at]
            )
            hidden.append((example, at))
    assert hidden == [(0, 1), (0, 5), (1, 1), (1, 3)]

    def at(table, position, code):
        found = table[(table["position"] == position) & (table["language"] == code)]
        return TOKENIZER.convert_ids_to_tokens(found[found["example"] == 0]["token"].tolist())

    assert at(plain, 1, "de") == ["Hund"] and at(masked, 1, "de") == ["Katze"]
    assert at(masked, 1, "en") == ["hound"]  # excluded, although it can't be seen
    assert at(masked, 5, "en") == ["dog"]
    hit = masked[(masked["position"] == 1) & (masked["language"] == "fr")]
    assert hit["probability"].iloc[0] == pytest.approx(4 / 5)


def test_batches_do_not_matter():
    pairs = Pairs(["dog cat", "cat", "hound dog cat", "Hotel", "cat"] * 4, ["dog"] * 20, [0] * 20)
    data = encode(TOKENIZER, pairs)
    model = stub(dog={"Hund": 8}, cat={"Katze": 3, "hound": 2}, MASK={"Tier": 7})

    def table(**options):
        found, batches = predictions(model, data=data, **options)
        assert [b.column("example")[0].as_py() for b in batches] == sorted(
            b.column("example")[0].as_py() for b in batches
        )
        return found.sort_values(["example", "position", "language"], ignore_index=True)

    for mask in (None, MASK):
        one, small, large = (table(batch_size=n, mask_token=mask) for n in (1, 3, 64))
        pd.testing.assert_frame_equal(one, small)
        pd.testing.assert_frame_equal(one, large)


def test_examples_without_eligible_tokens_are_passed_over():
    data = encode(TOKENIZER, Pairs(["Hund", "dog"], ["Katze", "cat"], [0, 0]))
    found, _ = predictions(stub(), data=data, batch_size=1)
    assert set(found["example"]) == {1}


def test_wrong_vocabularies():
    with pytest.raises(SaltError, match="no vocabulary for the source language 'en'"):
        predictions(stub(), vocabulary(de="Hund"))
    with pytest.raises(SaltError, match="no whole word in the vocabulary of sw, ur"):
        predictions(stub(), {**OWN, "sw": np.array([], int), "ur": np.array([], int)})


def test_a_real_model(laboratory):
    """The stub's interface is that of the shipped model, and its whole logits give the same."""
    folder = laboratory / "world-0"
    model, tokenizer = loading.masked_lm(folder), loading.tokenizer(folder)
    pieces = tokenizer.get_vocab()
    counts = salt_vocabulary.words_by_language(folder)
    own = {c: np.array(sorted(pieces[w] for w in counts[c] if w in pieces)) for c in ("en", "de")}
    data = encode(tokenizer, Pairs(["the dog see 3 cat"], ["the old dog"], [0]))
    found, _ = predictions(model, own, data)
    with torch.inference_mode():
        logits = model(data.ids[None], token_type_ids=data.segments[None]).logits[0]
    assert len(found) > 3
    for row in found.itertuples(index=False):
        candidates = torch.tensor(own[row.language])
        exclude = data.ids[[row.position]] if row.language == "en" else None
        allowed = logits[[row.position]][:, candidates]
        token, probability = distill.restricted_best(allowed, candidates, exclude)
        assert token.item() == row.token
        assert probability.item() == pytest.approx(row.probability, rel=1e-3)


def test_pieces_are_numbered_on_and_on(monkeypatch):
    model = stub(dog={"Hund": 8}, cat={"Katze": 16}, hound={"Hund": 1.5})
    pairs = Pairs(["dog", "cat dog", "hound"], ["cat", "dog", "Hotel chien"], [0, 1, 0])
    at_once, _ = predictions(model, data=encode(TOKENIZER, pairs))
    monkeypatch.setattr(encoding, "PIECE", 2)
    pieces = list(encoding.encode_pieces(TOKENIZER, pairs))
    assert [len(piece) for piece in pieces] == [2, 1]
    batches = list(distill.predict_pieces(model, pieces, OWN))
    found = pa.Table.from_batches(batches, salt_predictions.SCHEMA).to_pandas()
    order = ["example", "position", "language"]
    pd.testing.assert_frame_equal(
        found.sort_values(order, ignore_index=True), at_once.sort_values(order, ignore_index=True)
    )
    assert set(found["example"]) == {0, 1, 2}
    nothing = encoding.encode_pieces(TOKENIZER, Pairs([], [], []))
    with pytest.raises(SaltError, match="the data set is empty"):
        list(distill.predict_pieces(model, nothing, OWN))


TABLE = pd.DataFrame(
    {
        "example": np.array([0, 0, 1], np.int32),
        "position": np.array([1, 2, 7], np.int16),
        "language": ["de", "en", "sw"],
        "token": np.array([11, 12, 13], np.int32),
        "probability": np.array([0.25, 0.875, 1.0], np.float32),
    }
)


def batches_of(table):
    return iter(
        pa.Table.from_pandas(table, salt_predictions.SCHEMA, preserve_index=False).to_batches()
    )


def test_a_table_comes_back_from_parquet(tmp_path):
    path = tmp_path / "folder" / "substitutions.parquet"
    salt_predictions.save(path, batches_of(TABLE), {"world": 0, "kind": "masked"})
    pd.testing.assert_frame_equal(salt_predictions.load(path), TABLE, check_dtype=False)
    assert [str(t) for t in salt_predictions.load(path).dtypes.drop("language")] == [
        "int32",
        "int16",
        "int32",
        "float32",
    ]
    about = pq.read_schema(path).metadata
    assert about[b"world"] == b"0" and about[b"kind"] == b"masked"
    salt_predictions.save(path, iter([]), {})
    assert (
        salt_predictions.load(path).empty
        and [*salt_predictions.load(path)] == salt_predictions.SCHEMA.names
    )
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_no_damaged_byte_goes_unnoticed(tmp_path):
    path = tmp_path / "a.parquet"
    salt_predictions.save(path, batches_of(pd.concat([TABLE] * 20, ignore_index=True)), {})
    whole, data = salt_predictions.load(path), path.read_bytes()
    for i in [*range(0, len(data), 61), len(data) - 6]:
        path.write_bytes(data[:i] + bytes([data[i] ^ 16]) + data[i + 1 :])
        try:
            found = salt_predictions.load(path)
        except SaltError as error:
            assert str(path) in str(error)
        else:
            pd.testing.assert_frame_equal(found, whole)  # some bytes mean nothing


@pytest.mark.parametrize("keep", [0, 3, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_an_error(tmp_path, keep):
    path = tmp_path / "a.parquet"
    salt_predictions.save(path, batches_of(TABLE), {})
    data = path.read_bytes()
    path.write_bytes(data[: keep if isinstance(keep, int) else int(keep * len(data))])
    with pytest.raises(SaltError, match="a.parquet: not a readable Parquet .*`salt distill`"):
        salt_predictions.load(path)


def test_what_is_no_table_of_ours_is_an_error(tmp_path):
    path = tmp_path / "a.parquet"
    for what in (path, tmp_path):
        with pytest.raises(SaltError, match="not a readable Parquet file"):
            salt_predictions.load(what)
    path.write_text("example,position\n")
    with pytest.raises(SaltError, match="not a readable Parquet file"):
        salt_predictions.load(path)
    for foreign in (
        TABLE.rename(columns={"token": "word"}),
        TABLE.astype({"token": str}),
        TABLE.assign(more=1),
    ):
        foreign.to_parquet(path, index=False)
        with pytest.raises(SaltError, match="has the columns example .*written by `salt distill`"):
            salt_predictions.load(path)


def test_a_full_disk_loses_nothing(tmp_path, monkeypatch):
    path = tmp_path / "a.parquet"
    salt_predictions.save(path, batches_of(TABLE), {})
    before = path.read_bytes()

    def full(self, *_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(SaltError, match="a.parquet: can't be written .No space left"):
        salt_predictions.save(path, batches_of(TABLE), {})
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["a.parquet"]


def test_a_failing_prediction_leaves_no_file(tmp_path):
    def failing():
        yield from batches_of(TABLE)
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        salt_predictions.save(tmp_path / "a.parquet", failing(), {})
    assert not list(tmp_path.iterdir())


def test_thresholds_keep_what_reaches_them():
    def kept(threshold, synonym_threshold):
        found = salt_predictions.select(TABLE, threshold, synonym_threshold)
        assert found.index.tolist() == list(range(len(found)))
        return found["language"].tolist()

    assert kept(0.0, 0.0) == ["de", "en", "sw"]
    assert kept(0.25, 0.95) == ["de", "sw"]
    assert kept(0.26, 0.875) == ["en", "sw"]
    assert kept(1.0, 1.0) == ["sw"]
    assert salt_predictions.select(TABLE, 0.5, 0.5, source="de")["language"].tolist() == [
        "en",
        "sw",
    ]


@pytest.mark.parametrize("wrong", [-0.1, 1.1, 50, float("nan")])
def test_a_threshold_is_a_probability(wrong):
    with pytest.raises(SaltError, match="^threshold .* is no probability"):
        salt_predictions.select(TABLE, wrong, 0.5)
    with pytest.raises(SaltError, match="^synonym_threshold .* is no probability"):
        salt_predictions.select(TABLE, 0.5, wrong)


MEASURE = """
import json, os, resource, sys
import numpy as np, torch
torch.set_num_threads(1)
sys.path.insert(0, sys.argv[1])
from test_distill import Stub
from salt_lib import distill
from salt_lib.models.loading import Encoded

LENGTH, SIZE = 20, 2000
model = Stub(torch.randn(SIZE, SIZE, generator=torch.Generator().manual_seed(0)))
own = {f"l{i}": np.arange(300 + 100 * i, 400 + 100 * i) for i in range(14)}
own["en"] = np.arange(5, 300)

def data(n):
    ids = torch.randint(5, 300, (n * LENGTH,), generator=torch.Generator().manual_seed(1))
    whole = torch.ones_like(ids, dtype=torch.bool)
    start, labels = torch.arange(n + 1) * LENGTH, torch.zeros(n, dtype=torch.int64)
    return Encoded(ids, torch.zeros_like(ids), whole, start, labels)

def peak(n, collect=False):
    "Megabytes by which a process of its own grows at most while it distils n examples."
    read, write = os.pipe()
    if not os.fork():
        usage = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        before = usage()
        model.read = type("Nothing", (), {"append": lambda self, item: None})()
        batches = distill.predict(model, data(n), own)
        distill.save(sys.argv[2], iter(list(batches)) if collect else batches, {})
        os.write(write, json.dumps([before, usage()]).encode())
        os._exit(0)
    os.wait()
    return json.loads(os.read(read, 999))

print(json.dumps([peak(600), peak(6000), peak(6000, collect=True)]))
"""


def test_memory_does_not_grow_with_the_data(tmp_path):
    """Peak memory at ten times the data is at most 1.1 times as much, all that is loaded included;
    what distilling adds to that stays the same."""
    command = [sys.executable, "-c", MEASURE, str(Path(__file__).parent), str(tmp_path / "a")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    once, tenfold, collected = json.loads(done.stdout)  # [before, at most] in MB
    assert tenfold[1] <= 1.1 * once[1]

    def grown(before_and_peak):
        return before_and_peak[1] - before_and_peak[0]

    limit = 1.3 * grown(once) + 20  # what the system gives and takes back varies a little
    assert grown(tenfold) <= limit < grown(collected)
    assert pq.ParquetFile(tmp_path / "a").metadata.num_rows > 6000 * 20 * 14

"""Distillation predicts what it should, where it should, and in a memory that does not grow."""

import json
import math
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import paper_world
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from places import environment
from small import tokenizer_of
from stub_model import Stub
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForPreTraining,
    DistilBertConfig,
    DistilBertForMaskedLM,
    ElectraConfig,
    ElectraForMaskedLM,
    ModernBertConfig,
    ModernBertForMaskedLM,
    RobertaConfig,
    RobertaForMaskedLM,
)

from salt_lib.data import xtreme
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
        for e, p, code, t, _, q in found.itertuples(index=False)
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


def test_a_language_without_words_is_an_error():
    with pytest.raises(SaltError, match="no vocabulary for the source language 'en'"):
        predictions(stub(), vocabulary(de="Hund"))
    with pytest.raises(SaltError, match="no whole word in the vocabulary of sw, ur"):
        predictions(stub(), {**OWN, "sw": np.array([], int), "ur": np.array([], int)})


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


# Real models


def test_a_real_model_predicts_as_its_whole_logits_say(laboratory):
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


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    """Pairs, and a tokenizer as a hub's model has it."""
    data = paper_world.write_data(tmp_path_factory.mktemp("world") / "data")
    lines = paper_world.texts(data)
    pairs = xtreme.read_pairs(data / "xnli" / "train-en.tsv", xtreme.PAIR_LABELS["xnli"])
    return paper_world.wordpiece(lines, paper_world.PIECES), pairs


ENDS = dict.fromkeys(["pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id"], 0)
ENDS |= {"sep_token_id": 0}
KINDS = ["bert", "bert-with-next-sentence", "roberta", "electra", "distilbert", "modernbert"]


@pytest.mark.parametrize("kind", KINDS)
def test_distillation_finds_the_head_whatever_it_is_called(kind, bert):
    tokenizer, train = bert
    torch.manual_seed(0)
    sizes = {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    sizes |= {"vocab_size": len(tokenizer), "hidden_size": 16}
    model = {
        "bert": lambda: BertForMaskedLM(BertConfig(**sizes)),
        "bert-with-next-sentence": lambda: BertForPreTraining(BertConfig(**sizes)),
        "roberta": lambda: RobertaForMaskedLM(RobertaConfig(type_vocab_size=2, **sizes)),
        "electra": lambda: ElectraForMaskedLM(ElectraConfig(embedding_size=8, **sizes)),
        "distilbert": lambda: DistilBertForMaskedLM(
            DistilBertConfig(
                vocab_size=len(tokenizer), n_layers=1, n_heads=2, dim=16, hidden_dim=16
            )
        ),
        "modernbert": lambda: ModernBertForMaskedLM(ModernBertConfig(**sizes, **ENDS)),
    }[kind]().eval()
    data = encoding.encode(tokenizer, train)
    vocabulary = {"en": torch.arange(10, len(tokenizer)).numpy()}
    first = next(distill.predict(model, data, vocabulary, batch_size=1))
    row = data.row(0)[None]
    with torch.inference_mode():
        segments = {"token_type_ids": data.segments[: len(row[0])][None]}
        output = model(row, **({} if kind in ("distilbert", "modernbert") else segments))
    logits = getattr(output, "logits", None)
    logits = output.prediction_logits if logits is None else logits
    at = torch.tensor(first["position"].to_pylist())
    best, probability = distill.restricted_best(
        logits[0, at, 10:], torch.arange(10, len(tokenizer)), row[0, at]
    )
    assert first["token"].to_pylist() == best.tolist()
    assert first["probability"].to_pylist() == pytest.approx(probability.tolist(), rel=1e-5)


def test_distillation_refuses_a_model_whose_head_is_more_than_it_seems(bert):
    """Its last layer alone does not give its logits: better no substitutions than wrong ones."""
    sizes = {"n_layers": 1, "n_heads": 2, "dim": 16, "hidden_dim": 16}
    model = DistilBertForMaskedLM(DistilBertConfig(vocab_size=500, **sizes)).eval()
    plain = model.forward
    model.forward = lambda *a, **named: SimpleNamespace(logits=2 * plain(*a, **named).logits)
    tokenizer, train = bert
    data = encoding.encode(tokenizer, train)
    with pytest.raises(SaltError, match="DistilBertForMaskedLM has no linear layer"):
        next(distill.predict(model, data, {"en": torch.arange(10, 20).numpy()}))
    model.vocab_projector = torch.nn.Linear(16, 16)
    with pytest.raises(SaltError, match="DistilBertForMaskedLM has no linear layer"):
        distill.head(model)


# Memory


MEASURE = """
import json, os, resource, sys
import numpy as np, torch
torch.set_num_threads(1)
from stub_model import Stub
from salt_lib.models.encoding import Encoded
from salt_lib.salt import distill, predictions

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
        predictions.save(sys.argv[1], iter(list(batches)) if collect else batches, {})
        os.write(write, json.dumps([before, usage()]).encode())
        os._exit(0)
    os.wait()
    return json.loads(os.read(read, 999))

print(json.dumps([peak(300), peak(3000), peak(3000, collect=True)]))
"""


def test_memory_does_not_grow_with_the_data(tmp_path):
    """Peak memory at ten times the data is at most 1.1 times as much, all that is loaded included;
    what distilling adds to that stays the same."""
    command = [sys.executable, "-c", MEASURE, str(tmp_path / "a")]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    once, tenfold, collected = json.loads(done.stdout)  # [before, at most] in MB
    assert tenfold[1] <= 1.1 * once[1]

    def grown(before_and_peak):
        return before_and_peak[1] - before_and_peak[0]

    limit = 1.3 * grown(once) + 20  # what the system gives and takes back varies a little
    assert grown(tenfold) <= limit < grown(collected)
    assert pq.ParquetFile(tmp_path / "a").metadata.num_rows > 3000 * 20 * 14

"""Probes: what is planted in states is found, and what isn't there is not."""

import numpy as np
import pandas as pd
import pytest
import small
import torch
from small import WORLD

from salt_lib.data.examples import tag
from salt_lib.laboratory import checkpoints, probes, tasks
from salt_lib.languages import language
from salt_lib.models import classifiers, loading
from salt_lib.models.encoding import IGNORE, encode

TOKENIZER = small.tokenizer_of("a", "##b", "cd")


@pytest.fixture(scope="module")
def small_laboratory(laboratory):
    return laboratory


def test_means_leave_special_tokens_out():
    data = encode(TOKENIZER, tag([(["ab", "cd"], ["O", "O"]), (["cd"], ["O"])], ("O",)))
    hidden = np.arange(len(data.ids), dtype=np.float32)[:, None] ** 2
    means = probes.sentence_means(hidden, data)
    assert means[:, 0].tolist() == [(1 + 4 + 9) / 3, 36.0]  # tokens 1 to 3, and 6
    states, labels = probes.words(hidden, data)
    assert states[:, 0].tolist() == [1.0, 9.0, 36.0] and labels.tolist() == [0, 0, 0]


def test_language_identity_finds_an_offset_and_nothing_without_one():
    rng = np.random.default_rng(0)
    codes = ("en", "de", "sw", "th")
    alike = {code: rng.normal(size=(200, 8)) for code in codes}
    apart = {code: m + 8 * np.eye(8)[i] for i, (code, m) in enumerate(alike.items())}
    assert probes.language_identity(apart) > 0.99
    assert probes.language_identity(alike) == pytest.approx(0.25, abs=0.08)


def test_part_of_speech_carries_over_where_the_states_do():
    rng = np.random.default_rng(1)
    labels = rng.integers(3, size=300)
    states = 4 * np.eye(6)[labels] + rng.normal(size=(300, 6))
    found = probes.part_of_speech(
        (states, labels), {"same": (states, labels), "turned": (states[:, ::-1], labels)}
    )
    assert found["same"] > 0.95 and found["turned"] < 0.5


def test_retrieval_by_hand_and_its_centring():
    one = np.eye(4)
    assert probes.retrieval(one, one + 50.0) == 1.0  # a language's offset counts for nothing
    assert probes.retrieval(one, np.roll(one, 1, axis=0)) == 0.0
    half = one[[0, 1, 3, 2]]
    assert probes.retrieval(one, half) == 0.5


def test_pairs_and_the_family_test():
    codes = ("de", "en", "es", "fr", "hi", "ur", "bg", "ru", "th", "zh")
    rng = np.random.default_rng(2)
    common = rng.normal(size=(40, 16))
    own = {language(c).family: rng.normal(size=(40, 16)) for c in codes}
    means = {
        c: common + 3 * own[language(c).family] + 0.5 * rng.normal(size=(40, 16)) for c in codes
    }
    table = probes.pairs(means)
    assert len(table) == 45 and table["family"].sum() == 4
    assert set(table[table["family"]]["one"]) == {"de", "es", "hi", "bg"}
    row = table[(table["one"] == "es") & (table["other"] == "fr")].iloc[0]
    assert row["family"] and not row["order"]  # French negates after the verb
    advantage, p = probes.family_test(table, 499)
    assert advantage > 0.2 and p < 0.01
    flat = table.assign(retrieval=rng.random(len(table)))
    assert probes.family_test(flat, 499)[1] > 0.05


def test_states_are_the_models_layer_by_layer(small_laboratory):
    model = loading.masked_lm(checkpoints.checkpoint(WORLD))
    data = small.encoded("test", "mini-pos", "sw")
    layers = probes.states(model, data)
    assert len(layers) == model.config.num_hidden_layers + 1
    row = data.row(3)[None]
    with torch.no_grad():
        said = model.base_model(row, output_hidden_states=True).hidden_states
    for found, own in zip(layers, said, strict=True):
        assert np.allclose(found[data.start[3] : data.start[4]], own[0], atol=1e-5)
    codes = tasks.task("mini-pos").languages
    parts = {
        split: {c: small.encoded(s, "mini-pos", c) for c in codes}
        for split, s in (("train", "dev"), ("test", "test"))
    }
    table, couples = probes.survey(model, parts)
    assert isinstance(table, pd.DataFrame) and len(table) == 2 * len(codes)
    assert table[table["language"] != "en"].notna().all(axis=None)
    assert len(couples) == 2 * 105


def test_how_much_comes_from_below(small_laboratory):
    folder = checkpoints.checkpoint(WORLD)
    data = small.encoded("test", "mini-pos")
    model = classifiers.classifier(folder, 9, 0, 0.0, True, 0, "sigmoid")
    for bias, wanted in ((-50.0, 0.0), (50.0, 1.0)):
        for branch in (model.fusion.fusion.everywhere, model.fusion.fusion.here):
            torch.nn.init.zeros_(branch.expanded.weight)
            torch.nn.init.constant_(branch.expanded.bias, bias)
        share = probes.lower_share(model, data)
        assert torch.allclose(share, torch.full_like(share, wanted), atol=1e-6)
    names = tasks.task("mini-pos").labels
    table = probes.shares(model, {"en": data}, names)
    counts = dict(zip(table["kind"], table["tokens"], strict=True))
    assert counts["[CLS]"] == counts["[SEP]"] == len(data)
    assert counts["NOUN"] == int((data.labels == names.index("NOUN")).sum())
    pieces = int((data.labels == IGNORE).sum()) - 2 * len(data)
    assert sum(counts.values()) == len(data.ids) - pieces

"""What is recorded of the gates is what the models that are trained for it do."""

import pandas as pd
import pytest

from salt_lib.laboratory import aggregation, gates, probes
from salt_lib.laboratory.tasks import TAG_TASKS, task


def test_the_mean_is_over_tagged_words_alone():
    shares = pd.DataFrame(
        {
            "language": ["en", "en", "de", "de"],
            "kind": ["NOUN", "[CLS]", "VERB", "[SEP]"],
            "share": [0.2, 0.9, 0.5, 0.0],
            "tokens": [3, 100, 1, 100],
        }
    )
    assert gates.mean_share(shares) == pytest.approx((3 * 0.2 + 0.5) / 4)


def test_all_models_are_trained_and_what_they_do_is_read_back(tmp_path, monkeypatch):
    """With a stand-in for the models: whose words, at which layer, and for how long."""
    asked = []

    def fused(name, layer, epochs=None):
        asked.append((name, layer, epochs))
        return name, layer

    def shares(model, parts, names):
        name, layer = model
        assert set(parts) == set(task(name).languages)
        return pd.DataFrame(
            {"language": ["en"], "kind": [names[0]], "share": [layer / 10], "tokens": [2]}
        )

    def lower_share(model, data):
        return (data.ids == data.ids[0]).float() * model[1] / 10  # [CLS] is a row's first token

    monkeypatch.setattr(gates, "fused", fused)
    monkeypatch.setattr(probes, "shares", shares)
    monkeypatch.setattr(probes, "lower_share", lower_share)
    layers = {"mini-ner": 1, "mini-pos": 3, "mini-xnli": 2, "mini-paws-x": 4}
    gates.record(layers, tmp_path / "gates.json")
    found = gates.read(tmp_path / "gates.json")
    wanted = [(name, layer, None) for name in TAG_TASKS for layer in range(6)]
    assert asked == [*wanted, ("mini-xnli", 2, 1), ("mini-paws-x", 4, 1)]
    assert found.layers == layers
    assert found.by_layer["mini-pos"] == {layer: layer / 10 for layer in range(6)}
    assert found.words["mini-ner"]["share"].tolist() == [0.1]
    assert set(found.first["mini-paws-x"]) == set(task("mini-paws-x").languages)
    assert found.first["mini-xnli"]["sw"] == pytest.approx(0.2)


def test_what_ships_is_of_the_layers_that_the_study_chose():
    found = gates.read()
    study = aggregation.results(aggregation.aggregation_study())
    assert found.layers == {name: aggregation.chosen(study.runs)[name] for name in found.layers}
    for name, shares in found.words.items():
        assert gates.mean_share(shares) == pytest.approx(
            found.by_layer[name][found.layers[name]], abs=1e-3
        )

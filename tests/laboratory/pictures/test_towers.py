"""A tower learns what a picture shows, is made once, and a probe reads it."""

import numpy as np
import pytest
import small
import torch

from salt_lib.data.examples import Tagged
from salt_lib.errors import SaltError
from salt_lib.laboratory.minibabel.facts import FIELDS, inventory
from salt_lib.laboratory.pictures import captions, retrieval, towers


@pytest.fixture(scope="module")
def made(laboratory):
    """World 0's small views, of a tower that had two epochs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(towers, "EPOCHS", 2)
        yield towers.views(small.WORLD), towers.views_path(small.WORLD)


def test_views_have_a_vector_of_length_one_for_each_picture(made):
    seen, path = made
    sizes = captions.SIZES
    assert seen.train.shape[:2] == (sizes["train"], towers.VARIANTS)
    assert len(seen.dev) == sizes["dev"] and len(seen.test) == sizes["test"]
    assert seen.teacher.shape == seen.train[:, 0].shape
    for vectors in seen:
        norms = vectors.norm(dim=-1)
        assert torch.allclose(norms, torch.ones_like(norms), atol=1e-5)
    assert path.exists()


def test_a_tower_is_made_once_and_again_for_other_captions(made, monkeypatch):
    seen, path = made
    monkeypatch.setattr(towers, "EPOCHS", 2)
    monkeypatch.setattr(towers, "_made", None)  # would fail
    assert all(torch.equal(*pair) for pair in zip(seen, towers.views(small.WORLD), strict=True))
    monkeypatch.setattr(towers, "EPOCHS", 3)
    assert towers.views_path(small.WORLD) != path


def test_both_towers_learn_which_caption_is_of_which_picture(laboratory):
    rasters = torch.from_numpy(captions.rasters(small.WORLD, "train", 1))
    data = small.captioned("train")
    found = {}
    for epochs in (1, 25):
        tower, texts = towers.train_towers(
            small.SETUP.checkpoint, rasters, data, epochs=epochs, batch=24
        )
        seen = towers.see(tower, rasters[:, 0])
        told = retrieval.measures(seen, texts.vectors(data))
        found[epochs] = retrieval.both_ways(told)
    assert found[25] > 0.5 > found[1]


def test_a_training_without_a_number_is_said(laboratory, monkeypatch):
    rasters = torch.from_numpy(captions.rasters(small.WORLD, "dev", 1))
    monkeypatch.setattr(towers, "info_nce", lambda *_: torch.tensor(float("nan")))
    with pytest.raises(
        SaltError, match="the towers: the loss is nan in step 1; lower the learning rate"
    ):
        towers.train_towers(small.SETUP.checkpoint, rasters, small.captioned(), epochs=1)


def test_a_caption_that_would_take_two_rows_is_an_error(laboratory, monkeypatch):
    long = ["dog"] * 70
    told = Tagged([["dog"], long], [[0], [0] * 70], ("caption",))
    monkeypatch.setattr(captions, "captions", lambda world, split, language: told)
    with pytest.raises(
        SaltError, match="test captions in 'sw': one has more tokens than the model"
    ):
        towers.encoded.__wrapped__(small.WORLD, "test", "sw")


def fact(**said):
    row = np.full(len(FIELDS), -1, dtype=np.int16)
    for column, value in said.items():
        row[FIELDS[column]] = inventory()[column].index(value)
    return row


def test_a_probe_is_asked_for_what_the_fact_says():
    rows = np.stack(
        [
            fact(agent="dog", agent_adjective="red", agent_number="3"),
            fact(agent="cat", agent_adjective="big", patient="egg", patient_number="2"),
        ]
    )
    dog, cat, egg = (inventory()["agent"].index(n) for n in ("dog", "cat", "egg"))
    red = inventory()["agent_adjective"].index("red")
    for what, expected in (
        ("agent", [dog, cat]),
        ("patient", [-1, egg]),
        ("agent color", [red, -1]),
        ("patient color", [-1, -1]),
        ("agent count", [2, 0]),  # no number: one
        ("patient count", [-1, 1]),
    ):
        assert towers.probed(rows, what).tolist() == expected, what


def test_a_probe_reads_what_is_there_and_not_what_is_not(monkeypatch):
    """Vectors that are the agent's number and noise: the agent is read, the patient is not."""
    dice = np.random.default_rng(0)
    nouns = dice.integers(0, 4, size=(2, 300, 2))
    tables = {}
    for split, pair in zip(("train", "dev"), nouns, strict=True):
        rows = np.full((300, len(FIELDS)), -1, dtype=np.int16)
        rows[:, [FIELDS["agent"], FIELDS["patient"]]] = pair
        tables[split] = rows
    monkeypatch.setattr(captions, "facts", lambda world, split: tables[split])
    monkeypatch.setattr(towers, "PROBED", ("agent", "patient"))

    def vectors(pair):
        noise = dice.normal(0, 0.1, (300, 3))
        return torch.from_numpy(np.hstack([np.eye(4)[pair[:, 0]], noise])).float()

    seen = towers.Views(vectors(nouns[0])[:, None], vectors(nouns[1]), None, None)
    told = towers.probe(seen, 0)
    assert told["agent"]["accuracy"] > 0.95 and told["patient"]["accuracy"] < 0.4
    assert all(0.15 < row["commonest"] < 0.4 for row in told.values())

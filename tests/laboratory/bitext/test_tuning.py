"""The rate is chosen by held-out text alone, and what was tried is kept."""

import pytest
import torch

from salt_lib.laboratory.bitext import cells, tuning
from salt_lib.languages import LANGUAGES


@pytest.fixture
def tried(monkeypatch, tmp_path):
    made = []

    def pretrain(world, row, how):
        made.append((world, row.name, how.learning_rate, how.steps))
        return tmp_path

    monkeypatch.setattr(tuning.encoders, "pretrain", pretrain)
    monkeypatch.setattr(tuning, "gone_on_with", lambda path: torch.nn.Identity())
    losses = {5e-4: 2.2, 1e-3: 2.1, 2e-3: 2.3}
    monkeypatch.setattr(
        tuning.encoders, "held_out_loss", lambda model, world, how: losses[how.learning_rate]
    )
    told = {
        "steps": 5,
        "masked_word_loss": 2.0,
        "seconds": 1.0,
        "alignment": dict.fromkeys(LANGUAGES, 1),
    }
    monkeypatch.setattr(tuning.encoders, "told", lambda path: told)
    return made


def test_the_lowest_held_out_loss_decides(tried, tmp_path):
    path = tmp_path / "tuning.json"
    assert tuning.tune(path) == 1e-3
    assert [rate for _, _, rate, _ in tried] == list(cells.RATES)
    assert {(world, name, steps) for world, name, _, steps in tried} == {(100, "none", 3125)}
    record = tuning.recorded(path)
    assert record["chosen"] == 1e-3 and record["world"] == 100
    assert [one["held_out"] for one in record["trials"]] == [2.2, 2.1, 2.3]
    assert "alignment" not in record["trials"][0]  # the lexicon has no say
    tried.clear()
    assert tuning.tune(path) == 1e-3 and not tried  # nothing is tried twice


def test_of_equals_the_first_and_without_a_record_nothing(tmp_path):
    same = [{"learning_rate": rate, "held_out": 2.0} for rate in (5e-4, 1e-3)]
    assert tuning.chosen(same) == 5e-4
    assert tuning.recorded(tmp_path / "none.json") == {"trials": []}


def test_the_study_uses_what_was_chosen():
    record = tuning.recorded()
    if record["trials"]:
        assert record["chosen"] == cells.RATE == tuning.chosen(record["trials"])

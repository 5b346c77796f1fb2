"""A configuration is a value, and its defaults are those that were chosen in the tuning world."""

import json
from dataclasses import FrozenInstanceError, replace

import pytest

from salt_lib.errors import SaltError
from salt_lib.files import RECORDED
from salt_lib.laboratory import deeper, tasks
from salt_lib.training.config import Config


def test_a_configuration_is_a_value():
    one, two = Config(), Config(epochs=5)
    assert one == two and hash(one) == hash(two) and one != replace(one, batch=16)
    with pytest.raises(FrozenInstanceError):
        one.epochs = 3


@pytest.mark.parametrize(
    ("name", "configurations"),
    [("tuning.json", tasks.CONFIGS), ("aggregation-tuning.json", deeper.CONFIGS)],
)
def test_what_was_chosen_is_on_record(name, configurations):
    chosen = json.loads((RECORDED / name).read_text(encoding="utf-8"))["chosen"]
    assert {"mini-xnli", "mini-paws-x"} <= set(chosen)
    for task, recorded in chosen.items():
        assert configurations[task] == Config(**recorded)  # what came later changes nothing


def test_what_was_added_later_is_off_by_default():
    assert (Config().noise, Config().select) == (0.0, "dev")


def test_noise_is_not_negative_and_the_chosen_epoch_is_a_known_one():
    assert replace(Config(), noise=2.5).noise == 2.5
    with pytest.raises(SaltError, match="noise -0.1: a standard deviation is not negative"):
        replace(Config(), noise=-0.1)
    assert replace(Config(), select="last").select == "last"
    with pytest.raises(SaltError, match="unknown select 'best'; known: dev, last"):
        replace(Config(), select="best")


@pytest.mark.parametrize("name", ["instance_rate", "token_rate", "mix_rate", "until"])
@pytest.mark.parametrize("value", [-0.1, 1.5])
def test_a_share_lies_between_0_and_1(name, value):
    with pytest.raises(SaltError, match=f"{name} {value}"):
        replace(Config(), **{name: value})

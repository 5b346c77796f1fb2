"""The picture of SALT's steps shows what SALT does to a sentence, and marks what is wrong."""

import re

import pandas as pd
import pytest
import torch
from drawn import Closed

from salt_lib.errors import SaltError
from salt_lib.laboratory import tasks
from salt_lib.laboratory.checkpoints import checkpoint
from salt_lib.laboratory.predictions import encoded, predictions_path
from salt_lib.laboratory.substitutions import for_method
from salt_lib.models import loading
from salt_lib.plots import steps
from salt_lib.plots.steps import Journey, Substitute
from salt_lib.salt.augment import code_switch
from salt_lib.salt.methods import METHODS
from salt_lib.salt.predictions import read_kept

TASK = "mini-xnli"
RIGHT = Substitute("Wolf", "de", 0.96, True)
WRONG = Substitute("川<b>", "ja", 0.91, False)
ARABIC = Substitute("ذئب", "ar", 0.97, True)


def picture(**changes):
    fields = {
        "words": ["the", "wolf", "sees", "Omar"],
        "asked": 1,
        "answers": [ARABIC, RIGHT, WRONG],
        "languages": 14,
        "switched": {1: WRONG, 0: RIGHT},
        "mixed": ARABIC,
        "ratio": [0.25, 0.5, 0.0],
    }
    return steps.picture(Journey(**{**fields, **changes}))


def test_it_is_closed_escaped_and_in_every_direction():
    shown = picture()
    Closed(shown)
    assert "川&lt;b&gt;" in shown and "川<b>" not in shown
    assert 'dir="rtl"' in shown and 'lang="ja"' in shown
    assert shown.count('<section class="step">') == 3


def test_right_and_wrong_are_told_apart():
    shown = picture()
    boxes = re.findall(r'<span class="token (\w+)"><span[^>]*>([^<]*)', shown)
    kinds = {}
    for kind, word in boxes:
        kinds.setdefault(word, set()).add(kind)
    assert kinds["川&lt;b&gt;"] == {"wrong"} and kinds["Wolf"] == {"switched"}
    assert kinds["Omar"] == {"plain"} and "mixed" in kinds["wolf"]


def test_a_mix_has_a_share_for_every_dimension():
    shown = picture()
    strips = re.findall(r'aria-label="([^"]*)"[^>]*>((?:<i style="opacity: [0-9.]+"></i>)+)', shown)
    said, squares = zip(*strips, strict=True)
    assert said == ("on average 25% of its vector", "on average 75% of its vector")
    shares = [[float(x) for x in re.findall("opacity: ([0-9.]+)", strip)] for strip in squares]
    assert shares == [[0.25, 0.5, 0.0], [0.75, 0.5, 1.0]]


@pytest.mark.parametrize(
    ("count", "text"), [(3, "in 3 of 14 languages."), (9, "in 9 of 14 languages; 5 of them are")]
)
def test_it_says_how_many_languages_are_sure(count, text):
    answers = [Substitute(f"w{i}", "de", 0.9, True) for i in range(count)]
    shown = picture(answers=answers)
    assert text in shown and shown.count("German 90%") == min(count, steps.ANSWERS)


@pytest.fixture(scope="module")
def world():
    """World 0's training data, what SALT keeps there, and its entries."""
    config, data = tasks.CONFIGS[TASK], encoded(0, TASK, "train", "en")
    kept = read_kept(predictions_path(0, TASK), config.threshold, config.synonym_threshold)
    pieces = loading.tokenizer(checkpoint(0)).get_vocab()
    return config, data, kept, {i: piece for piece, i in pieces.items()}


def test_the_sentence_is_salt_s_own(world):
    config, data, kept, entry = world
    of = steps.journey(data, kept, 0, TASK, config, entry)
    dice = torch.Generator().manual_seed(0)
    options = for_method(0, TASK, METHODS["salt"], config)
    after = code_switch(data, options, config.instance_rate, config.token_rate, dice)
    words = [entry[i] for i in data.ids.tolist()]
    starts = [
        i for i in data.start.tolist()[:-1] if words[i + 1 : i + 1 + len(of.words)] == of.words
    ]
    switched = [
        {
            n: entry[int(after[i + 1 + n])]
            for n in range(len(of.words))
            if after[i + 1 + n] != data.ids[i + 1 + n]
        }
        for i in starts
    ]
    assert {n: one.word for n, one in of.switched.items()} in switched
    assert of.asked in of.switched and len(of.switched) > 1 and len(of.answers) >= steps.FEWEST
    assert of.mixed == of.answers[0] and of.languages == 14
    assert len(of.ratio) == steps.DIMENSIONS and 0 <= min(of.ratio) < max(of.ratio) <= 1
    sure = [one.probability for one in of.answers]
    assert sure == sorted(sure, reverse=True) and min(sure) >= config.threshold
    Closed(steps.picture(of))


def test_where_nothing_is_kept_there_is_no_sentence(world):
    config, data, kept, entry = world
    with pytest.raises(SaltError, match="no training sentence has a content word"):
        steps.journey(data, pd.DataFrame(kept[:0]), 0, TASK, config, entry)

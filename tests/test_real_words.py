"""The measurement of the rules for real words: its parts on invented words, its record as it is."""

import json

import pandas as pd
import pytest

from benchmarks import real_words
from salt_lib.salt.word_rules import RULES

JUDGED = pd.DataFrame(
    [
        ("de", 0.95, "goat", "Ziege", "right", True),
        ("de", 0.75, "goat", "Lampe", "other", True),
        ("de", float("nan"), "lamp", "", "none", True),
        ("sw", 0.55, "goat", "mbuzi", "right", True),
        ("en", 0.95, "goat", "goats", "inflection", True),
        ("en", 0.55, "big", "large", "right", True),
    ],
    columns=["language", "probability", "word", "substitute", "verdict", "content"],
)


def test_a_row_has_means_over_the_targets_and_each_language():
    low, middle, high = real_words.row(JUDGED)
    assert low["by_language"] == {"de": [0.5, 0.6667, 2], "sw": [1.0, 1.0, 1]}
    assert low["precision"]["content"] == 0.75 and low["pooled_precision"] == 0.6667
    assert middle["by_language"]["sw"] == [None, 0.0, 0] and middle["kept"] == 2
    assert high["precision"]["content"] == 1.0 and high["coverage"]["content"] == 0.1667


def test_synonyms_are_english_alone():
    low, _, high = real_words.synonyms(JUDGED)
    assert low["right"] == low["inflection"] == 0.5 and low["coverage"] == 1.0
    assert high["kept"] == 1 and high["inflection"] == 1.0


def test_what_was_read_is_counted_and_added(tmp_path):
    table, output = tmp_path / "read.tsv", tmp_path / "out.json"
    table.write_text(
        "language\tword\tsubstitute\tright\nhi\tchild\tx\tyes\nhi\tdog\ty\tno\nde\tman\tz\tyes\n"
    )
    output.write_text('{"command": "c"}')
    real_words.main(["--reading", str(table), "--output", str(output)])
    found = json.loads(output.read_text())
    assert found["command"] == "c" and (found["reading"]["read"], found["reading"]["right"]) == (
        3,
        2,
    )
    assert found["reading"]["by_language"] == {"hi": [1, 2], "de": [1, 1]}
    with pytest.raises(SystemExit):
        real_words.main([])


def test_every_variant_changes_one_rule():
    assert real_words.VARIANTS["all rules"] == RULES
    assert len(set(real_words.VARIANTS.values())) == len(real_words.VARIANTS)


def test_the_record_has_every_variant_and_says_where_it_is_from():
    found = json.loads(real_words.RECORDED.read_bytes())
    assert set(found["variants"]) == set(real_words.VARIANTS)
    assert {"command", "commit", "date", "hardware", "model", "pairs", "reading"} <= set(found)
    assert found["reading"]["read"] == len(found["reading"]["pairs"]) > 50
    thresholds = [row["threshold"] for row in found["variants"]["all rules"]["forms"]]
    assert thresholds == [0.5, 0.7, 0.9]

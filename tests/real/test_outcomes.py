"""The outcome on real tasks is the protocol's: seeds pair up, items are drawn, nothing early."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from salt_lib.errors import SaltError
from salt_lib.files import write_json
from salt_lib.real import outcomes
from salt_lib.study.packing import packed, unpacked

CODES = ("en", "de", "th", "zh")
GAINS = {"baseline": 0, "salt": 4, "salt-random-kind": 1}


def paired_run(method, seed):
    """Of 40 pairs, right in some; more of them when its answers are balanced."""
    measures, scores = {}, {}
    for code in CODES:
        right = np.arange(40) < 20 + GAINS[method] + seed % 3
        measures[code] = {
            "right": packed(right),
            "balanced": packed(np.arange(40) < 24 + seed % (2 + GAINS[method])),
            "shares": [0.5, 0.25, 0.25],
        }
        scores[code] = float(right.mean())
    return {"scores": scores, "measures": measures}


def tagged_run(method, seed, first):
    """Of 40 sentences with 10 chunks each, right in some."""
    dice = np.random.default_rng([seed, 3])
    measures, scores = {}, {}
    for code in CODES:
        level = 5 - 3 * (first and code in ("th", "zh"))
        right = np.clip(level + dice.integers(-1, 2, 40), 0, 10)
        right[: GAINS[method] * 4 + seed % (1 + GAINS[method])] += 1
        counts = {"gold": np.full(40, 10), "predicted": np.full(40, 10), "right": right}
        measures[code] = {key: packed(value) for key, value in counts.items()}
        scores[code] = float(right.sum() / 400)
    return {"scores": scores, "measures": measures}


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """Both tables, whole."""
    monkeypatch.setattr(outcomes, "RECORDED", tmp_path)
    for name, plan in outcomes.PLAN.items():
        rows = [
            {
                **{
                    "world": 0,
                    "task": name.split("-")[0],
                    "method": method,
                    "seed": seed,
                    "dev": [0.9],
                },
                **{"epoch": 0, "seconds": 1.0},
                **(
                    paired_run(method, seed)
                    if name == "xnli"
                    else tagged_run(method, seed, name.endswith("-first"))
                ),
            }
            for method, count in plan.items()
            for seed in range(count)
        ]
        head = {"command": "salt study", "commit": "c" * 40, "date": "2026-01-02"}
        write_json(tmp_path / "real" / f"{name}.json", {**head, "hardware": "a", "rows": rows})
    return tmp_path / "real"


def drop(path):
    table = json.loads(path.read_text())
    table["rows"].pop()
    write_json(path, table)


def test_the_gain_is_the_mean_over_seeds_of_the_average_over_languages(recorded):
    of = outcomes.part("udpos")
    assert of.complete and (of.made, of.planned) == (18, 18)
    codes = outcomes.targets(of)
    assert codes == ["de", "th", "zh"]
    test = outcomes.gain(of, "salt", "baseline", codes)
    by_hand = [
        np.mean(
            [of.runs["salt"][s]["scores"][c] - of.runs["baseline"][s]["scores"][c] for c in codes]
        )
        for s in range(6)
    ]
    assert test.n == 6 and test.difference == pytest.approx(np.mean(by_hand)) != 0
    ours = outcomes.scores(of, "salt", codes).mean(axis=1)
    theirs = outcomes.scores(of, "salt-random-kind", codes).mean(axis=1)
    control = outcomes.gain(of, "salt", "salt-random-kind", codes)
    assert control.p == pytest.approx(stats.ttest_rel(ours, theirs).pvalue, nan_ok=True)


def test_seeds_and_sentences_are_drawn_anew(recorded):
    of = outcomes.part("udpos")
    codes = outcomes.targets(of)
    low, high = outcomes.resampled(of, "salt", "baseline", codes)
    mean = outcomes.gain(of, "salt", "baseline", codes).difference
    assert low < mean < high and outcomes.resampled(of, "salt", "baseline", codes) == (low, high)
    # Seeds differ by little here: the width is that of the sentences, of which 18 of 40 gained.
    share = 18 / 40
    spread = np.sqrt(share * (1 - share) / 40) / 10 / np.sqrt(len(codes))
    assert (high - low) / (2 * 1.96 * spread) == pytest.approx(1, abs=0.15)
    assert outcomes.resampled(of, "salt", "salt", codes) == (0.0, 0.0)


def test_pairs_are_drawn_as_well():
    right = {0: [1, 1, 0, 1], 1: [1, 0, 0, 1]}
    rows = {
        s: {"scores": {"en": 0, "de": 0}, "measures": {"de": {"right": packed(r)}}}
        for s, r in right.items()
    }
    of = outcomes.Part("udpos", {"baseline": rows}, {})
    counts = outcomes._counts(of, "baseline", "de", 2)
    assert outcomes._score(counts @ np.ones(4)).tolist() == [0.75, 0.5]
    assert unpacked(rows[0]["measures"]["de"]["right"]).tolist() == right[0]


def test_where_a_tag_stands_is_compared_seed_by_seed(recorded):
    lettered, first = outcomes.part("udpos"), outcomes.part("udpos-first")
    placed = outcomes.placed(lettered, first, ["zh"])
    assert placed.n == 6 and placed.difference == pytest.approx(3 / 10)
    assert outcomes.placed(lettered, first, ["de"]).difference == 0
    rows = outcomes.placed_by_language(lettered, first)
    assert list(rows) == list(CODES) and rows["zh"]["difference"] == placed.difference
    assert np.isnan(rows["de"]["p_holm"])  # no spread, no test
    owed = outcomes.misplaced(lettered, first, "salt", ["de", "th", "zh"])
    assert owed.shape == (6,) and owed == pytest.approx(np.zeros(6), abs=1e-12)
    gains = outcomes.gains_by_language(lettered, "salt")
    assert list(gains) == list(CODES)
    assert (
        gains["th"]["difference"] == outcomes.gain(lettered, "salt", "baseline", ["th"]).difference
    )


@pytest.mark.parametrize("name", outcomes.PLAN)
def test_nothing_is_tested_before_all_runs_are_there(recorded, name):
    drop(recorded / f"{name}.json")
    of = outcomes.part(name)
    assert not of.complete and of.made == of.planned - 1
    for ask in (outcomes.gain, outcomes.resampled):
        with pytest.raises(SaltError, match=f"{name}: {of.made} of {of.planned} runs are made"):
            ask(of, "salt", "baseline", ["de"])
    (tables,) = [tables for tables in outcomes.TASKS.values() if name in tables]
    assert not set(outcomes.complete()) & {w for w, t in outcomes.TASKS.items() if t == tables}
    if len(tables) == 2:
        with pytest.raises(SaltError, match="allows no test before all are"):
            outcomes.placed(*map(outcomes.part, tables), ["de"])


def test_a_task_is_complete_with_all_of_its_tables(recorded):
    assert list(outcomes.complete()) == list(outcomes.TASKS)
    drop(recorded / "udpos-first.json")
    found = outcomes.complete()
    assert list(found) == ["names", "inference"]
    assert [of.name for of in found["names"]] == ["panx", "panx-first"]


def test_pairs_are_compared_as_answered_and_balanced(recorded):
    of = outcomes.part("xnli")
    codes = outcomes.targets(of)
    assert (of.metric, outcomes.part("panx").metric) == ("accuracy", "F1")
    plain = outcomes.gain(of, "salt", "baseline", codes)
    balanced = outcomes.gain(of, "salt", "baseline", codes, balanced=True)
    assert plain.difference == pytest.approx(4 / 40)
    by_hand = [seed % 6 - seed % 2 for seed in range(6)]  # more pairs right, each in 40
    assert balanced.difference == pytest.approx(np.mean(by_hand) / 40)
    found = outcomes.findings(of, "inference")
    assert [said.split(" is ")[0] for _, said in found] == [
        "SALT's accuracy on inference, the mean over 3 languages,",
        "SALT's accuracy on inference, the mean over 3 languages,",
        "SALT's accuracy on inference in English",
        "SALT's label-balanced accuracy on inference, the mean over 3 languages,",
    ]
    assert f"{100 * balanced.difference:.2f} points" in found[-1][1]
    assert len(outcomes.findings(outcomes.part("udpos"), "parts of speech")) == 3


def test_a_table_that_is_not_there_has_no_run(tmp_path, monkeypatch):
    monkeypatch.setattr(outcomes, "RECORDED", tmp_path)
    assert all(of.made == 0 and not of.complete for of in outcomes.parts().values())


def test_every_table_has_its_committed_setup():
    from salt_lib.real.setup import read_setup
    from salt_lib.study.provenance import CHECKOUT

    setups = {name: read_setup(CHECKOUT / "studies" / f"{name}.toml") for name in outcomes.PLAN}
    for lettered, first in (tables for tables in outcomes.TASKS.values() if len(tables) == 2):
        assert setups[lettered].placement == "lettered" and setups[first].placement == "first"
        assert replace(setups[first], placement="lettered") == setups[lettered]
        assert outcomes.PLAN[first].items() <= outcomes.PLAN[lettered].items()
    for name, setup in setups.items():
        text = (CHECKOUT / "studies" / f"{name}.toml").read_text()
        assert f"--methods {','.join(outcomes.PLAN[name])} --seeds 0-5" in text.replace("\n#  ", "")
        assert f"recorded/real/{name}.json" in text
        assert setup.train_rows == (17032 if outcomes.Part(name, {}, {}).pairs else 3000)

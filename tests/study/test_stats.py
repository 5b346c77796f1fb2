"""Golden values by hand and by SciPy; where there is nothing to test with, the answer says so."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from salt_lib.errors import SaltError
from salt_lib.study.stats import (
    Comparison,
    compare,
    holm,
    scores_array,
    smallest_detectable_effect,
    summarise,
    zero_shot_average,
)

# Differences 0.02, 0.04, 0.01, 0.05: mean 0.03, squared deviations (1 + 1 + 4 + 4) · 10⁻⁴ = 0.001.
A = np.array([0.72, 0.75, 0.74, 0.79])
B = np.array([0.70, 0.71, 0.73, 0.74])
TESTS = ("t", "p", "d_z", "ci_low", "ci_high", "smallest_detectable")


def paper_sized(seeds=15, seed=1):
    """Two arrays as the study has them: a gain of about a point, sd of differences about one."""
    noise = np.random.default_rng(seed)
    base = 0.78 + 0.01 * noise.standard_normal(seeds)
    return base + 0.012 + 0.01 * noise.standard_normal(seeds), base


def long(runs, world=0):
    """The long frame of {(task, method): {language: scores by seed}}."""
    rows = [
        (world, task, method, seed, language, score)
        for (task, method), scores in runs.items()
        for language, column in scores.items()
        for seed, score in enumerate(column)
    ]
    return pd.DataFrame(rows, columns=["world", "task", "method", "seed", "language", "score"])


def study(seeds=6, methods=("baseline", "salt", "mixup", "salt-random"), tasks=("nli", "paws")):
    noise = np.random.default_rng(7)
    gain = {"salt": 0.02, "mixup": 0.01, "salt-random": -0.05}
    return long(
        {
            (task, method): {
                code: level + gain.get(method, 0) + 0.01 * noise.standard_normal(seeds)
                for code, level in (("sw", 0.5), ("en", 0.9), ("de", 0.7))
            }
            for task in tasks
            for method in methods
        }
    )


# --- compare ---


def test_compare_by_hand():
    result = compare(A, B)
    assert result.n == 4
    assert (result.mean, result.baseline_mean) == pytest.approx((0.75, 0.72))
    assert result.difference == pytest.approx(0.03)
    assert result.sd == pytest.approx(math.sqrt(0.001 / 3))  # 0.018257
    # t = 0.03 / (sd / √4) = 0.03 / 0.0091287; d_z = 0.03 / 0.018257 = t / √4.
    assert result.t == pytest.approx(3.286335, abs=1e-6)
    assert result.d_z == pytest.approx(1.643168, abs=1e-6)
    # Student's t with 3 degrees of freedom has a closed form, with x = t / √3, x² = 3.6.
    x = math.sqrt(3.6)
    assert result.p == pytest.approx(1 - 2 / math.pi * (math.atan(x) + x / (1 + 3.6)))
    # Variances 0.0026 / 3 and 0.001 / 3, each over 4: standard error √0.0003, t = 0.03 / √0.0003.
    assert result.welch_t == pytest.approx(math.sqrt(3))
    # Welch–Satterthwaite: 3 · 0.0003² / ((0.0026 / 12)² + (0.001 / 12)²) = 5.0103 degrees.
    assert result.welch_p == pytest.approx(2 * scipy_stats.t.sf(math.sqrt(3), 5.010309), abs=1e-7)


def test_compare_two_seeds_by_hand():
    # Differences 0.01, 0.03: t = 0.02 / 0.01 = 2; with one degree of freedom t is Cauchy.
    result = compare([0.51, 0.63], [0.50, 0.60])
    assert result.t == pytest.approx(2)
    assert result.p == pytest.approx(1 - 2 / math.pi * math.atan(2))
    # Resampled means are 0.01, 0.02, 0.03 in 25, 50, 25 % of cases.
    assert (result.ci_low, result.ci_high) == pytest.approx((0.01, 0.03))
    wide = compare([0.51, 0.63], [0.50, 0.60], alpha=0.6)  # the 30th and 70th percentile
    assert (wide.ci_low, wide.ci_high) == pytest.approx((0.02, 0.02))


def test_compare_is_scipy():
    a, b = paper_sized()
    result = compare(a, b, seed=3)
    paired, welch = scipy_stats.ttest_rel(a, b), scipy_stats.ttest_ind(a, b, equal_var=False)
    assert (result.t, result.p) == pytest.approx((paired.statistic, paired.pvalue), rel=1e-12)
    assert (result.welch_t, result.welch_p) == pytest.approx(
        (welch.statistic, welch.pvalue), rel=1e-12
    )
    interval = scipy_stats.bootstrap(
        (a - b,), np.mean, n_resamples=9999, method="percentile", rng=np.random.default_rng(3)
    ).confidence_interval
    assert (result.ci_low, result.ci_high) == tuple(interval)
    # The same interval from scratch, up to the noise of resampling.
    draws = np.random.default_rng(0).choice(a - b, (20000, 15)).mean(axis=1)
    expected = np.quantile(draws, [0.025, 0.975])
    assert (result.ci_low, result.ci_high) == pytest.approx(expected, abs=4e-4)
    assert result.smallest_detectable == smallest_detectable_effect(result.sd, 15, 0.05, 0.8)


def test_compare_is_antisymmetric():
    forth, back = compare(A, B), compare(B, A)
    assert (back.t, back.welch_t, back.difference) == pytest.approx(
        (-forth.t, -forth.welch_t, -forth.difference)
    )
    assert (back.p, back.welch_p) == pytest.approx((forth.p, forth.welch_p))


def test_compare_pairs_by_position():
    assert compare(A, B[::-1]).p > 2 * compare(A, B).p
    assert compare(A, B[::-1]).welch_p == pytest.approx(compare(A, B).welch_p)


def test_bootstrap_depends_on_the_seed_alone():
    a, b = paper_sized()
    np.random.seed(1)  # the global state must not matter
    first = compare(a, b, seed=5)
    np.random.seed(2)
    assert compare(a, b, seed=5) == first
    other = compare(a, b, seed=6)
    assert (other.ci_low, other.ci_high) != (first.ci_low, first.ci_high)
    assert other.p == first.p


def test_identical_scores_have_no_paired_test():
    result = compare(A, A)
    assert (result.difference, result.sd) == (0, 0)
    assert all(math.isnan(getattr(result, name)) for name in TESTS)
    # The seeds vary, so Welch's test does have something to go by.
    assert (result.welch_t, result.welch_p) == (0, 1)


@pytest.mark.filterwarnings("error")
def test_constant_difference_has_no_paired_test():
    # In floating point these differences are not all equal, so the formula would give t ≈ 10¹⁵.
    b = np.array([0.1, 0.5, 0.7, 0.85])
    a = b + 0.1
    assert np.ptp(a - b) > 0
    result = compare(a, b)
    assert result.difference == pytest.approx(0.1)
    assert result.sd == 0
    assert all(math.isnan(getattr(result, name)) for name in TESTS)
    assert 0 < result.welch_p < 1


@pytest.mark.filterwarnings("error")
def test_no_spread_at_all_has_no_test():
    result = compare([0.8, 0.8, 0.8], [0.7, 0.7, 0.7])
    assert result.difference == pytest.approx(0.1)
    assert all(math.isnan(getattr(result, name)) for name in (*TESTS, "welch_t", "welch_p"))


@pytest.mark.filterwarnings("error")
def test_a_spread_of_one_example_in_5010_is_tested():
    a = np.full(15, 0.7)
    a[3] += 1 / 5010
    # Mean 1 / 15, sd 1 / √15 examples and fourteen zeros: t = d_z · √15 = 1 for either test.
    result = compare(a, np.full(15, 0.7))
    assert (result.t, result.welch_t) == pytest.approx((1, 1))
    assert result.p == pytest.approx(2 * scipy_stats.t.sf(1, 14))
    assert result.welch_p == pytest.approx(result.p)


@pytest.mark.parametrize(
    ("a", "b", "says"),
    [
        ([0.7], [0.6], "1 seed.*at least two"),
        ([], [], "empty"),
        ([0.7, 0.8], [0.6], "2 scores against 1"),
        ([0.7, np.nan], [0.6, 0.6], "nan or outside.*nan"),
        ([0.7, 0.8], [0.6, np.inf], "baseline scores.*inf"),
        ([70.0, 80.0], [60.0, 61.0], "outside.*70.0"),
        ([0.7, -0.1], [0.6, 0.6], "outside.*-0.1"),
        ([[0.7, 0.8]], [[0.6, 0.6]], "1-dimensional"),
    ],
)
def test_compare_refuses(a, b, says):
    with pytest.raises(SaltError, match=says):
        compare(a, b)


# --- zero-shot average ---


def test_zero_shot_average_leaves_the_source_out():
    scores = [[0.9, 0.5, 0.7], [0.8, 0.2, 0.4]]
    assert zero_shot_average(scores, ["en", "sw", "de"]) == pytest.approx([0.6, 0.3])
    assert zero_shot_average(scores, ["sw", "en", "de"], "de") == pytest.approx([0.7, 0.5])


@pytest.mark.parametrize(
    ("scores", "languages", "says"),
    [
        ([[0.9, 0.5]], ["eng", "sw"], "'en' and others needed.*'eng'"),  # a misspelt source
        ([[0.9]], ["en"], "'en' and others needed"),
        ([[0.9, 0.5]], ["en", "sw", "de"], "2 columns"),
        ([[0.9, 0.5]], ["en", "en"], "2 columns"),
        ([[0.9, np.nan]], ["en", "sw"], "nan"),
        ([[0.9, 5.0]], ["en", "sw"], "outside"),
        ([0.9, 0.5], ["en", "sw"], "2-dimensional"),
    ],
)
def test_zero_shot_average_refuses(scores, languages, says):
    with pytest.raises(SaltError, match=says):
        zero_shot_average(scores, languages)


# --- Holm ---


def test_holm_textbook():
    # Sorted: 0.005 · 4 = 0.02, 0.01 · 3 = 0.03, 0.03 · 2 = 0.06, 0.04 · 1 = 0.04, not below 0.06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_of_none_of_one_and_of_equals():
    assert holm([0.6, 0.7]) == pytest.approx([1, 1])
    assert holm([0.04]) == pytest.approx([0.04])
    assert holm([]).shape == (0,)
    assert holm([0.02, 0.02]) == pytest.approx([0.04, 0.04])


def test_holm_does_not_count_nan():
    adjusted = holm([np.nan, 0.01, 0.04, np.nan, 0.03, 0.005])
    assert adjusted == pytest.approx([np.nan, 0.03, 0.06, np.nan, 0.06, 0.02], nan_ok=True)
    assert np.isnan(holm([np.nan, np.nan])).all()


@pytest.mark.parametrize("p", [[0.1, 1.2], [-0.01]])
def test_holm_refuses(p):
    with pytest.raises(SaltError, match="outside"):
        holm(p)


# --- smallest detectable effect ---


@pytest.mark.parametrize(
    ("n", "d"),
    # Of a paired t-test, two-sided, alpha 0.05, power 0.8. Tables of sample sizes (Cohen 1988;
    # G*Power) give n = 34 for d = 0.5 and n = 15 for d = 0.8: the first n whose effect is below.
    [(15, 0.7780), (34, 0.4950), (33, 0.5030), (14, 0.8101), (2, 11.5499)],
)
def test_smallest_detectable_known(n, d):
    assert smallest_detectable_effect(1, n) == pytest.approx(d, abs=5e-5)


@pytest.mark.parametrize(("n", "alpha", "power"), [(2, 0.05, 0.8), (15, 0.05, 0.8), (5, 0.3, 0.4)])
def test_smallest_detectable_by_simulation(n, alpha, power):
    # The last has a low power for its alpha, where the far tail rejects too.
    sd, repeats = 0.02, 40000
    effect = smallest_detectable_effect(sd, n, alpha, power)
    draws = np.random.default_rng(0).normal(effect, sd, (repeats, n))
    t = draws.mean(axis=1) / (draws.std(axis=1, ddof=1) / math.sqrt(n))
    found = np.mean(np.abs(t) > scipy_stats.t.isf(alpha / 2, n - 1))
    assert found == pytest.approx(power, abs=4 * math.sqrt(power * (1 - power) / repeats))


def test_smallest_detectable_scales_with_sd():
    one = smallest_detectable_effect(1, 15)
    assert smallest_detectable_effect(0.01, 15) == pytest.approx(0.01 * one)
    assert smallest_detectable_effect(0, 15) == 0


@pytest.mark.parametrize(
    ("sd", "n", "alpha", "power"),
    [
        (1, 1, 0.05, 0.8),
        (-1, 15, 0.05, 0.8),
        (np.nan, 15, 0.05, 0.8),
        (1, 15, 0, 0.8),
        (1, 15, 0.05, 1),
        (1, 15, 0.5, 0.4),
    ],
)
def test_smallest_detectable_refuses(sd, n, alpha, power):
    with pytest.raises(SaltError, match="n ≥ 2"):
        smallest_detectable_effect(sd, n, alpha, power)


# --- scores_array ---


def test_scores_array_orders_seeds_and_languages():
    frame = long({("nli", "salt"): {"sw": [0.1, 0.2, 0.3], "en": [0.7, 0.8, 0.9]}})
    frame["seed"] += 8  # 8, 9, 10: as text, 10 would come first
    expected = [[0.1, 0.7], [0.2, 0.8], [0.3, 0.9]]  # not the alphabet's order
    for order in (frame, frame[::-1], frame.sample(frac=1, random_state=1)):
        seeds, scores = scores_array(order, "nli", "salt", ["sw", "en"])
        assert seeds == [8, 9, 10]
        assert scores.tolist() == expected
    assert scores_array(frame, "nli", "salt", ["sw"])[1].shape == (3, 1)


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (
            lambda f: f.drop(f.index[(f.seed == 4) & (f.language == "de")]),
            "seed 4 lacks de; .*4 --f",
        ),
        (
            lambda f: f[f.language != "de"],
            "seed 0 lacks de; seed 1 lacks de; .*0,1,2,3,4,5 --force",
        ),
        (lambda f: pd.concat([f, f[(f.seed == 2) & (f.language == "sw")]]), "twice: seed 2 sw"),
        (
            lambda f: f.assign(score=f.score.where(f.seed != 3)),
            r"nan.*seed 3 sw \(nan\).*--seeds 3 ",
        ),
        (lambda f: f.assign(score=f.score * 100), r"outside.*and 13 more.*--seeds 0,1,2,3,4,5 "),
        (lambda f: f.assign(score=f.score.astype(str).where(f.seed != 3, "x")), r"seed 3 sw \(x\)"),
        (lambda f: f[f.method != "salt"], "no runs of 'salt' on 'nli'.*--tasks nli --methods salt"),
        (lambda f: f[:0], "no results yet; run: salt study"),
        (lambda f: f.drop(columns="seed"), r"lack the columns \['seed'\]"),
        (lambda f: pd.concat([f, f.assign(world=1)]), r"worlds \[0, 1\]"),
    ],
)
def test_scores_array_refuses(break_it, says):
    with pytest.raises(SaltError, match=says):
        scores_array(break_it(study()), "nli", "salt", ["sw", "en", "de"])


# --- summarise ---


def test_summary_agrees_with_its_parts():
    frame = study()
    summary = summarise(frame)
    assert list(summary) == ["nli", "paws", "primary"]
    assert list(summary["nli"]) == ["baseline", "salt", "mixup", "salt-random"]
    languages = ["de", "en", "sw"]
    row = summary["paws"]["mixup"]
    assert row["seeds"] == [0, 1, 2, 3, 4, 5]
    assert list(row["languages"]) == languages
    assert row["note"] is None
    _, a = scores_array(frame, "paws", "mixup", languages)
    _, b = scores_array(frame, "paws", "baseline", languages)
    parts = {
        "average_all": (a.mean(axis=1), b.mean(axis=1)),
        "average_zero_shot": (a[:, [0, 2]].mean(axis=1), b[:, [0, 2]].mean(axis=1)),
        "english": (a[:, 1], b[:, 1]),
    }
    for part, (ours, theirs) in parts.items():
        assert row[part]["mean"] == pytest.approx(ours.mean())
        assert row[part]["sd"] == pytest.approx(np.std(ours, ddof=1))
        expected = compare(ours, theirs)
        for name in Comparison.__dataclass_fields__:
            assert row[part]["comparison"][name] == pytest.approx(getattr(expected, name))
    p = [scipy_stats.ttest_rel(a[:, k], b[:, k]).pvalue for k in range(3)]
    for k, code in enumerate(languages):
        cell = row["languages"][code]
        assert cell["mean"] == pytest.approx(a[:, k].mean())
        assert cell["sd"] == pytest.approx(a[:, k].std(ddof=1))
        assert cell["difference"] == pytest.approx((a - b)[:, k].mean())
        assert cell["p"] == pytest.approx(p[k])
        assert cell["p_holm"] == pytest.approx(holm(p)[k])


def test_a_summary_corrects_within_its_families():
    summary = summarise(study())
    zero_shot = {
        task: {name: row["average_zero_shot"]["comparison"] for name, row in summary[task].items()}
        for task in ("nli", "paws")
    }
    primary = summary["primary"]
    p = [primary[task]["p"] for task in ("nli", "paws")]
    low, high = sorted(p)
    for task in ("nli", "paws"):
        assert primary[task]["holm_over"] == ["nli", "paws"]
        own = 2 * low if primary[task]["p"] == low else max(2 * low, high)
        assert primary[task]["p_holm"] == pytest.approx(own)
        salt = zero_shot[task]["salt"]
        assert {**salt, "holm_over": ["nli", "paws"]} == primary[task]
        assert salt["family"] == "primary"
        # SALT is not part of the secondary family on the zero-shot average ...
        others = [zero_shot[task][name] for name in ("mixup", "salt-random")]
        assert [test["family"] for test in others] == ["secondary"] * 2
        adjusted = holm([test["p"] for test in others])
        assert [test["p_holm"] for test in others] == pytest.approx(adjusted)
        # ... and is on the others.
        methods = ("salt", "mixup", "salt-random")
        english = [summary[task][name]["english"]["comparison"] for name in methods]
        adjusted = holm([test["p"] for test in english])
        assert [test["p_holm"] for test in english] == pytest.approx(adjusted)


def test_summary_of_one_task_and_another_baseline():
    one = summarise(study(tasks=("nli",)))["primary"]
    assert one["nli"]["p_holm"] == one["nli"]["p"]
    assert one["nli"]["holm_over"] == ["nli"]
    other = summarise(study(), baseline="salt-random")
    assert other["primary"] == {}
    test = other["nli"]["salt"]["average_zero_shot"]["comparison"]
    assert test["family"] == "secondary"
    assert test["difference"] > 0.05
    assert next(iter(other["nli"])) == "salt-random"
    assert summarise(study(methods=("baseline", "mixup")))["primary"] == {}


def test_summary_of_the_baseline_itself():
    row = summarise(study())["nli"]["baseline"]
    assert row["average_all"]["comparison"] is None
    assert row["average_all"]["sd"] > 0
    assert (row["languages"]["sw"]["p"], row["languages"]["sw"]["p_holm"]) == (None, None)
    assert row["note"] is None


def test_summary_does_not_depend_on_the_order_of_rows():
    frame = study()
    shuffled = frame.sample(frac=1, random_state=3)
    assert summarise(shuffled) == summarise(frame)


def test_summary_is_json():
    for frame in (study(), study(seeds=1), study().assign(score=0.5)):
        summary = summarise(frame)
        assert json.loads(json.dumps(summary, allow_nan=False)) == summary


@pytest.mark.filterwarnings("error")
def test_summary_of_one_seed_has_means_and_a_note():
    summary = summarise(study(seeds=1))
    row = summary["nli"]["salt"]
    assert row["seeds"] == [0]
    assert "one seed" in row["note"] and "at least two" in row["note"]
    test = row["average_zero_shot"]["comparison"]
    assert test["difference"] == pytest.approx(test["mean"] - test["baseline_mean"])
    assert test["n"] == 1
    empty = ("sd", *TESTS, "welch_t", "welch_p", "p_holm")
    assert [test[name] for name in empty] == [None] * len(empty)
    cell = row["languages"]["sw"]
    assert (cell["sd"], cell["p"], cell["p_holm"]) == (None, None, None)
    assert summary["primary"]["nli"]["p"] is None
    assert summary["primary"]["nli"]["holm_over"] == []
    assert "one seed" in summary["nli"]["baseline"]["note"]


def test_summary_of_differences_without_spread():
    scores = {"en": [0.9, 0.8, 0.85], "sw": [0.5, 0.6, 0.4], "de": [0.7, 0.6, 0.8]}
    ours = {**scores, "sw": [0.55, 0.6, 0.5]}
    row = summarise(long({("nli", "baseline"): scores, ("nli", "salt"): ours}))["nli"]["salt"]
    assert row["note"].endswith("no test: de, en, english")
    assert row["languages"]["de"]["p"] is None
    # One test is left, so there is nothing to correct for.
    assert row["languages"]["sw"]["p_holm"] == row["languages"]["sw"]["p"] > 0
    assert row["english"]["comparison"]["p"] is None
    assert row["average_all"]["comparison"]["p"] > 0


@pytest.mark.parametrize(
    ("method", "seeds", "lacks"), [("salt", [3, 4], "salt"), ("baseline", [1], "baseline")]
)
def test_summary_refuses_unequal_seeds(method, seeds, lacks):
    frame = study().assign(world=2)
    frame = frame[~((frame.task == "paws") & (frame.method == method) & frame.seed.isin(seeds))]
    listed = ",".join(map(str, seeds))
    command = f"salt study --world 2 --tasks paws --methods {lacks} --seeds {listed}$"
    with pytest.raises(SaltError, match=f"paws.*'{lacks}' lacks {listed}; run: {command}"):
        summarise(frame)


def test_summary_refuses_what_it_cannot_compare():
    frame = study()
    with pytest.raises(SaltError, match="no runs of 'baseline' on 'nli'; run: salt study"):
        summarise(frame[frame.method != "baseline"])
    with pytest.raises(SaltError, match=r"source language 'en', only \['de', 'sw'\]"):
        summarise(frame[frame.language != "en"])
    with pytest.raises(SaltError, match="salt: seed 0 lacks sw"):
        summarise(frame[(frame.method != "salt") | (frame.language != "sw")])
    with pytest.raises(SaltError, match="no results yet"):
        summarise(frame[:0])
    with pytest.raises(SaltError, match=r"worlds \[0, 1\]"):
        summarise(pd.concat([frame, frame.assign(world=1)]))

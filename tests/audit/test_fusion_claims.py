"""The rules for the claims on DLFA: made-up results in, the verdict that they deserve out."""

import numpy as np
import pandas as pd
import pytest

from salt_lib.audit import claims, fusion_claims
from salt_lib.audit.fusion_claims import MIXED_LAYERS, SEEN, SOME
from salt_lib.languages import language

TASKS = ("mini-xnli", "mini-paws-x", "mini-ner", "mini-pos")
CODES = ("en", "de", "es", "fr", "bg", "ru", "hi", "ur", "th", "zh")


def survey(retrieval, pos_own, identity):
    """One row a layer and language; each argument: a value for each of seven layers."""
    rows = [
        (layer, code, 0.5, own, np.nan if code == "en" else found, which)
        for layer, (found, own, which) in enumerate(zip(retrieval, pos_own, identity, strict=True))
        for code in ("en", "de", "sw")
    ]
    columns = ["layer", "language", "pos", "pos_own", "retrieval", "identity"]
    return pd.DataFrame(rows, columns=columns)


UP, DOWN = np.linspace(0.1, 0.9, 7), np.linspace(0.9, 0.1, 7)


def sweep(best, gain):
    """Layers 0 to 5 and the baseline, five seeds: the task's best layer gains ``gain``."""
    rng, rows = np.random.default_rng(0), []
    for task in TASKS:
        for seed in range(5):
            for layer in range(-1, 6):
                value = 0.6 + rng.normal(0, 0.002) + gain[task] * (layer == best[task])
                rows.append((task, layer, seed, 0.9, value))
    return pd.DataFrame(rows, columns=["task", "layer", "seed", "english", "zero_shot"])


def fused_tests(**differences):
    """Tests of dlfa against the baseline: task → (difference, Holm p)."""
    rows = [
        (task.replace("_", "-"), "dlfa", "baseline", difference, p)
        for task, (difference, p) in differences.items()
    ]
    return pd.DataFrame(rows, columns=["task", "method", "against", "difference", "p_holm"])


def couples(within):
    """Retrieval of every two languages at layers 0 and 1, ``within`` better in a family."""
    rng, rows = np.random.default_rng(1), []
    for layer in (0, 1):
        for i, one in enumerate(CODES):
            for other in CODES[i + 1 :]:
                family = language(one).family == language(other).family
                value = 0.5 + within * family + rng.normal(0, 0.01)
                rows.append((one, other, family, True, value, layer))
    return pd.DataFrame(rows, columns=["one", "other", "family", "order", "retrieval", "layer"])


BEST = dict.fromkeys(TASKS, 2)
GAIN = dict.fromkeys(TASKS, 0.02)
HIGHER, LOWER, SAME = (0.02, 0.001), (-0.02, 0.001), (0.01, 0.2)


def audit(tests=None, swept=None, probed=None, pairs=None):
    tests = tests if tests is not None else fused_tests(mini_ner=SAME)
    swept = swept if swept is not None else sweep(BEST, GAIN)
    probed = probed if probed is not None else survey(UP, UP, UP)
    pairs = pairs if pairs is not None else couples(0.2)
    return fusion_claims.audit(tests, swept, probed, pairs)


@pytest.mark.parametrize(
    ("retrieval", "pos_own", "identity", "verdict"),
    [
        (DOWN, UP, UP, SEEN),
        (UP, DOWN, DOWN, claims.OPPOSITE),
        (UP, UP, DOWN, MIXED_LAYERS),
        (DOWN, UP, DOWN, MIXED_LAYERS),
        (UP, UP, UP, MIXED_LAYERS),
    ],
)
def test_lower_layers_share_and_upper_ones_structure(retrieval, pos_own, identity, verdict):
    assert audit(probed=survey(retrieval, pos_own, identity))["D1"].verdict == verdict


@pytest.mark.parametrize(
    ("rows", "adds", "everywhere"),
    [
        ([HIGHER] * 4, SEEN, SEEN),
        ([HIGHER, SAME, SAME, SAME], SOME, claims.UNSEEN),
        ([SAME] * 4, claims.UNSEEN, claims.UNSEEN),
        ([HIGHER, LOWER, SAME, SAME], claims.MIXED, claims.UNSEEN),
        ([SAME, LOWER, SAME, SAME], claims.OPPOSITE, claims.UNSEEN),
    ],
)
def test_what_the_fusion_adds(rows, adds, everywhere):
    found = audit(fused_tests(**dict(zip((t.replace("-", "_") for t in TASKS), rows, strict=True))))
    assert found["D2"].verdict == adds and found["D5"].verdict == everywhere
    assert "mini-paws-x" in found["D2"].measured


def test_one_to_three_points():
    assert audit()["D6"].verdict == SEEN
    part = GAIN | {"mini-pos": 0.08, "mini-ner": 0.0}
    assert audit(swept=sweep(BEST, part))["D6"].verdict == SOME
    none = dict.fromkeys(TASKS, 0.08)
    assert audit(swept=sweep(BEST, none))["D6"].verdict == claims.UNSEEN


def test_the_best_layer_differs():
    same = audit()["D7"]
    assert same.verdict == claims.UNSEEN and same.measured.count("the same") == 4
    differs = dict(zip(TASKS, (0, 1, 3, 5), strict=True))
    assert audit(swept=sweep(differs, dict.fromkeys(TASKS, 0.05)))["D7"].verdict == SEEN
    one = BEST | {"mini-pos": 4}
    assert audit(swept=sweep(one, dict.fromkeys(TASKS, 0.05)))["D7"].verdict == SOME


def test_families_count_where_they_are_nearer():
    assert audit()["D9"].verdict == SEEN
    assert audit(pairs=couples(0.0))["D9"].verdict == claims.UNSEEN


def test_every_claim_on_dlfa_has_an_entry():
    found = audit()
    named = [n for n in claims.statements(claims.read()).index if n[0] == "D"]
    assert sorted(found) == sorted(named)
    assert list(found) == sorted(found, key=lambda name: int(name[1:]))
    assert {found[name].verdict for name in fusion_claims.DESIGN} == {claims.BUILT}

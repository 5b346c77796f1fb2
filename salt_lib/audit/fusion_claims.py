"""The reports' claims on DLFA, each judged by the aggregation study or by the probes.

The rules were written down before the study's deeper model had been looked at: for every claim what
would be "seen here". Where a claim is a description of the method there is nothing to test.

Chapters: Feature aggregation; Claim audit.
"""

import numpy as np
import pandas as pd

from ..laboratory.probes import family_test
from ..study import stats
from ..study.wording import ALPHA, HIGHER, p_value, points, verdict
from .claims import BUILT, OPPOSITE, SEEN, UNMEASURED, UNSEEN, Finding, outcome

PAGES = ("notebooks/09_aggregation.md",)
SOME = "seen here in part"
MIXED_LAYERS = "neither confirmed nor reversed"
DESIGN = ("D4", "D10", "D11", "D13", "D14", "D15")
# The claim's "1 to 3 points".
LEAST, MOST = 0.01, 0.03


def peaks(survey: pd.DataFrame) -> dict[str, int]:
    """Probe → the layer where it is highest, over the target languages (identity: over all)."""
    targets = survey[survey["language"] != "en"].groupby("layer")
    lines = {
        "retrieval": targets["retrieval"].mean(),
        "pos": targets["pos"].mean(),
        "pos_own": targets["pos_own"].mean(),
        "identity": survey.groupby("layer")["identity"].first(),
    }
    return {name: int(line.idxmax()) for name, line in lines.items()}


def best_layers(swept: pd.DataFrame) -> dict[str, int]:
    """Task → the oracle's layer: the highest mean zero-shot average of the sweep."""
    means = swept[swept["layer"] >= 0].groupby(["task", "layer"])["zero_shot"].mean()
    return {
        task: int(means[task].idxmax()) for task in dict.fromkeys(means.index.get_level_values(0))
    }


def best_gains(swept: pd.DataFrame) -> dict[str, float]:
    """Task → the oracle layer's mean gain over the baseline in zero-shot average, in [−1, 1].

    The best of several is picked by what it is reported with, which favours the claim.
    """
    means = swept.groupby(["task", "layer"])["zero_shot"].mean()
    return {
        task: float(means[task, layer] - means[task, -1])
        for task, layer in best_layers(swept).items()
    }


def own_layer_tests(swept: pd.DataFrame) -> pd.DataFrame:
    """Does a task's own best layer beat the one that is best over all tasks? One row a task.

    Columns: task, own, common, difference (of zero-shot averages, paired by seed), p, p_holm; p is
    nan where the two are one layer. The own layer is picked by these same scores, which favours
    the claim that tasks differ.
    """
    layers = swept[swept["layer"] >= 0]
    base = swept[swept["layer"] < 0].groupby("task")["zero_shot"].mean()
    gain = layers["zero_shot"] - layers["task"].map(base)
    common = int(gain.groupby(layers["layer"]).mean().idxmax())
    rows = []
    for task, best in best_layers(swept).items():
        scores = layers[layers["task"] == task].pivot(
            index="seed", columns="layer", values="zero_shot"
        )
        test = stats.compare(scores[best].to_numpy(), scores[common].to_numpy())
        rows.append((task, best, common, test.difference, test.p))
    tests = pd.DataFrame(rows, columns=["task", "own", "common", "difference", "p"])
    return tests.assign(p_holm=stats.holm(tests["p"]))


def family_tests(couples: pd.DataFrame, shuffles: int = 9999) -> pd.DataFrame:
    """`probes.family_test` at each layer, with Holm's correction: layer, advantage, p, p_holm.

    Of pairs with the same word order alone ("same_order": mean retrieval within families less that
    across them): languages of a family resemble each other in the laboratory's grammar as well.
    """
    rows = []
    for layer, table in couples.groupby("layer"):
        advantage, p = family_test(table, shuffles)
        same = table[table["order"]]
        means = same.groupby("family")["retrieval"].mean()
        rows.append(
            (layer, advantage, p, float(means.get(True, np.nan) - means.get(False, np.nan)))
        )
    tests = pd.DataFrame(rows, columns=["layer", "advantage", "p", "same_order"])
    return tests.assign(p_holm=stats.holm(tests["p"]))


def audit(
    tests: pd.DataFrame, swept: pd.DataFrame, survey: pd.DataFrame, couples: pd.DataFrame
) -> dict[str, Finding]:
    """Statement → `Finding` for the statements on DLFA in ``recorded/claims.tsv``.

    tests: `aggregation.comparisons`. swept: `aggregation.sweep`. survey, couples:
    `probes.survey`.
    """
    top, last = peaks(survey), int(survey["layer"].max())
    below = {name: layer < last / 2 for name, layer in top.items()}
    shared, structure = below["retrieval"], not below["pos_own"] and not below["identity"]
    layers = MIXED_LAYERS
    if shared and structure:
        layers = SEEN
    elif not shared and below["pos_own"] and below["identity"]:
        layers = OPPOSITE
    fused = tests[(tests["method"] == "dlfa") & (tests["against"] == "baseline")]
    verdicts = {row["task"]: verdict(row) for row in fused.to_dict("records")}
    measured = ", ".join(
        f"{row['task']} {points(row['difference'], '')} ({verdicts[row['task']]})"
        for row in fused.to_dict("records")
    )
    gains = best_gains(swept)
    between = [LEAST <= gain <= MOST for gain in gains.values()]
    layer_tests = own_layer_tests(swept)
    differs = (layer_tests["p_holm"] <= ALPHA).to_numpy()
    families = family_tests(couples)
    alike = (families["p_holm"] <= ALPHA).to_numpy() & (families["advantage"] > 0).to_numpy()
    end = families.iloc[-1]
    findings = {
        "D1": Finding(
            f"retrieval of translations is best at layer {top['retrieval']}, language identity at "
            f"{top['identity']}, part of speech within a language at {top['pos_own']} (of 0 to "
            f"{last})",
            layers,
            PAGES,
        ),
        "D2": Finding(measured, outcome(verdicts.values(), SOME), PAGES),
        "D5": Finding("see D2", _all(verdicts.values()), PAGES),
        "D6": Finding(
            "the best layer in hindsight, five seeds: "
            + ", ".join(f"{task} {points(gain, '')}" for task, gain in gains.items()),
            SEEN if all(between) else SOME if any(between) else UNSEEN,
            PAGES,
        ),
        "D7": Finding(
            "own best layer against the common best: "
            + ", ".join(
                f"{row.task} {row.own} against {row.common} "
                f"({'the same' if row.own == row.common else p_value(row.p_holm, 'Holm p')})"
                for row in layer_tests.itertuples()
            ),
            SEEN if sum(differs) > 1 else SOME if any(differs) else UNSEEN,
            PAGES,
        ),
        "D9": Finding(
            f"retrieval between languages of a family is {points(end['advantage'])} above that "
            f"between others in the last layer ({p_value(end['p_holm'], 'Holm p')}); of languages "
            f"with the same word order {points(end['same_order'])}",
            SEEN if all(alike) else SOME if any(alike) else UNSEEN,
            PAGES,
        ),
    }
    findings |= {name: Finding("see the module", BUILT, PAGES) for name in DESIGN}
    for name in ("D3", "D8", "D12"):
        findings[name] = Finding("no measurement could say so", UNMEASURED, PAGES)
    return dict(sorted(findings.items(), key=lambda item: int(item[0][1:])))


def _all(verdicts) -> str:
    verdicts = list(verdicts)
    return SEEN if all(v == HIGHER for v in verdicts) else UNSEEN

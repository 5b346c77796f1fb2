"""The claim audit: what has been said of SALT and DLFA, and what became of it here.

``recorded/claims.tsv`` holds all 59 claims of the reports that this study started from, each with
its report's number, the flag and the confidence given there, and a statement in our own words; rows
that say the same share a statement. A description of the method is "built as described": there is
nothing to test in it, though its effect may be measured. A result is judged by our tests alone.

Chapter: Claim audit.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..errors import SaltError
from ..files import RECORDED
from ..laboratory import outcomes as worlds
from ..laboratory.study import TASKS
from ..study.wording import HIGHER, LOWER, number, p_value, points, verdict
from . import review

CLAIMS = RECORDED / "claims.tsv"
COLUMNS = ("number", "report", "statement", "flag", "confidence", "claim")
FLAGS = ("verified", "unverified")
SEEN, PARTLY, UNSEEN, OPPOSITE, MIXED = (
    "seen here",
    "seen here on one task of two",
    "not seen here",
    "the opposite seen here",
    "not the same on all tasks",
)
BUILT, CONTRADICTORY, UNMEASURED = "built as described", "contradictory", "not measured"
# Why each of these can't stand as it is. The published figures are those of the first chapter.
CONTRADICTIONS = {
    "S9": "the same 69.8 is over 15 seeds in two reports and over 15 languages in two others",
    "S10": "69.8 − 67.8 is a gain of 2.0, where S1 has 1.4; and 67.8 is what XTREME lists for "
    "mBERT in a single language",
    "S11": "66.8 without a baseline to it; S12 says what is doubtful about “without English”",
    "S12": "66.8 − 65.4 is S1's gain of 1.4, which is for all 15 languages, and 65.4 is XTREME's "
    "average of mBERT over all of them: “without English” is probably wrong",
}


@dataclass(frozen=True)
class Finding:
    """What was measured for a statement, the verdict, and the pages where it stands."""

    measured: str
    verdict: str
    pages: tuple[str, ...] = ()


def read(path: str | Path = CLAIMS) -> pd.DataFrame:
    """All claims, one row each: see `COLUMNS`. SaltError names the line of a malformed one."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            lines = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except OSError as error:
        raise SaltError(
            f"{path}: the claims can't be read ({error.strerror or error}); they come with the "
            "checkout: restore them with 'git checkout'"
        ) from error
    if not lines or tuple(lines[0]) != COLUMNS:
        raise SaltError(f"{path}, line 1: the columns are not {', '.join(COLUMNS)}")
    rows = []
    for at, line in enumerate(lines[1:], start=2):
        try:
            number, report, statement, flag, confidence, claim = line
            if flag not in FLAGS or not claim:
                raise ValueError(f"{flag!r} is no flag" if claim else "no claim")
            rows.append((int(number), int(report), statement, flag, float(confidence), claim))
        except ValueError as error:
            raise SaltError(f"{path}, line {at}: {error}") from error
    return pd.DataFrame(rows, columns=list(COLUMNS))


def statements(claims: pd.DataFrame) -> pd.DataFrame:
    """The distinct statements, indexed by their name: S1, S2, … on SALT, then D1, … on DLFA.

    Columns: claim, flag (of all its rows: "verified" or "unverified"), low, high (range of the
    confidences), count (rows), reports (their numbers). SaltError: rows of one statement that
    differ in claim or flag.
    """
    groups = claims.groupby("statement", sort=False)
    for name, rows in groups:
        for column in ("claim", "flag"):
            if rows[column].nunique() > 1:
                raise SaltError(f"the rows of statement {name} differ in {column}")
    table = groups.agg(
        claim=("claim", "first"),
        flag=("flag", "first"),
        low=("confidence", "min"),
        high=("confidence", "max"),
        count=("number", "size"),
        reports=("report", lambda numbers: tuple(sorted(set(numbers)))),
    )
    return table.loc[sorted(table.index, key=lambda name: (name[0] != "S", int(name[1:])))]


def outcome(verdicts: Iterable[str], partly: str = PARTLY) -> str:
    """What the verdicts of the tests, one per task, make of a claimed gain.

    partly: what a gain on some of the tasks is called.
    """
    verdicts = list(verdicts)
    up, down = verdicts.count(HIGHER), verdicts.count(LOWER)
    if up and down:
        return MIXED
    if up:
        return SEEN if up == len(verdicts) else partly
    return OPPOSITE if down else UNSEEN


def audit(main: Mapping, parts: Mapping, quality: Mapping[str, float]) -> dict[str, Finding]:
    """Statement → `Finding`, for every statement in ``recorded/claims.tsv``.

    main: `stats.summarise` of the five methods against the baseline. parts: `stats.summarise` of
    SALT's variants against SALT. quality: precision and coverage in [0, 1] of the distilled
    substitutions, averaged over mini-xnli's targets.
    """
    results, ablations = "notebooks/06_results.md", "notebooks/07_ablations.md"
    distilling, augmenting = "notebooks/03_distillation.md", "notebooks/04_augmentation.md"
    history = "book/history.md"
    primary = outcome(verdict(main["primary"][task]) for task in TASKS)
    pages: tuple[str, ...] = (results, history)
    over_worlds = ""
    if found := _over_worlds():  # the checkpoint is the unit: with several, they decide
        over_worlds, primary = found
        pages = ("notebooks/10_worlds.md", *pages)
    rate = (
        f"precision {100 * quality['precision']:.0f}% at coverage {100 * quality['coverage']:.0f}%"
    )
    findings = {
        "S1": Finding(
            f"{over_worlds}zero-shot average: {_tests(main, 'salt')}; average of all languages: "
            f"{_tests(main, 'salt', 'average_all')}. {_elsewhere()}",
            primary,
            pages,
        ),
        "S2": Finding(rate, BUILT, (distilling,)),
        "S3": Finding("see S2", BUILT, (distilling,)),
        "S4": Finding(
            f"code-switching alone against the baseline: {_tests(main, 'code-switch')}",
            BUILT,
            (augmenting, results),
        ),
        "S5": Finding(
            f"without synonyms against SALT: {_tests(parts, 'salt-no-synonyms')}",
            BUILT,
            (ablations,),
        ),
        "S6": Finding(
            f"mixup alone against the baseline: {_tests(main, 'mixup')}",
            BUILT,
            (augmenting, results),
        ),
        "S7": Finding(
            f"one number for the vector, against SALT: {_tests(parts, 'salt-scalar-r')}",
            BUILT,
            (augmenting, ablations),
        ),
        "S8": Finding("its effect alone was not measured", BUILT, (augmenting,)),
        "S13": Finding(
            f"{over_worlds}{_tests(main, 'salt', words=False)}. {_elsewhere()}", primary, pages
        ),
    }
    findings |= {
        name: Finding(why, CONTRADICTORY, ("notebooks/01_transfer.md",))
        for name, why in CONTRADICTIONS.items()
    }
    names = statements(read()).index
    return {name: findings.get(name, Finding("nothing was measured", UNMEASURED)) for name in names}


def _over_worlds() -> tuple[str, str] | None:
    """The primary outcome over worlds in words and its verdict; None before all runs are there."""
    if (test := worlds.primary()) is None:
        return None
    word = verdict({"difference": test.mean, "p": test.p}, "p")
    said = f"over {len(test.effects)} worlds {worlds.PRIMARY} {points(test.mean, '')} ({word}, t = "
    return f"{said}{number(test.t)}, {p_value(test.p)}); in world 0, ", outcome([word])


def _elsewhere() -> str:
    """The same comparison in a second world and on the deeper model; no full stop at the end."""
    test = review.deeper()
    return (
        f"{review.second_world()} On the deeper model of world 0, {review.TASK} "
        f"{points(test['difference'], '')} ({verdict(test)})"
    )


def _tests(
    summary: Mapping, method: str, part: str = "average_zero_shot", words: bool = True
) -> str:
    """The difference and the verdict for each task, as text."""
    shown = []
    for task in TASKS:
        test = summary[task][method][part]["comparison"]
        end = verdict(test)
        if not words:
            end = f"t = {number(test['t'])}, {p_value(test['p_holm'], 'Holm p')}"
        shown.append(f"{task} {points(test['difference'], '')} ({end})")
    return ", ".join(shown)

"""What was found when the study was attacked: in a review, and with the deeper model.

The numbers of the review stand in ``recorded/review.json``. They were typed from its report and
have no recorded runs behind them, so every page that shows one says so. Those of the deeper model
are tests on its recorded runs.

Chapters: How this result came about; Claim audit.
"""

from dataclasses import dataclass
from pathlib import Path

from ..digests import read_checked
from ..errors import SaltError
from ..files import RECORDED
from ..laboratory import aggregation, outcomes
from ..study.wording import finding, p_value, points

TASK = "mini-xnli"


@dataclass(frozen=True)
class Attack:
    """What was asked, and what was measured, in words."""

    what: str
    measured: str


def read(path: str | Path = RECORDED / "review.json") -> tuple[str, dict[str, Attack]]:
    """Where the review's numbers come from, and its attacks by name. SaltError: no such file."""
    try:
        told = read_checked(path)
        attacks = {
            name: Attack(row["what"], _minus(row["measured"].format(**row["numbers"])))
            for name, row in told["rows"].items()
        }
        return told["source"], attacks
    except (SaltError, KeyError) as error:
        raise SaltError(f"{path}: not the findings of the review ({error!r})") from error


def number(attack: str, name: str, path: str | Path = RECORDED / "review.json") -> float:
    """One number of an attack, as it was typed: points, percent or a p-value."""
    return read_checked(path)["rows"][attack]["numbers"][name]


def deeper() -> dict:
    """SALT against the baseline on the deeper model: a test of `aggregation.comparisons`."""
    fusion = aggregation.results(aggregation.aggregation_study())
    tests = aggregation.comparisons(
        aggregation.main(fusion.runs, aggregation.chosen(fusion.runs))
    ).to_dict("records")
    wanted = (TASK, "salt", "baseline")
    return next(t for t in tests if (t["task"], t["method"], t["against"]) == wanted)


def second_world() -> str:
    """One sentence on the second world (Markdown); it says that no runs are recorded."""
    gain, p = (number("second-world", name) for name in ("difference", "p"))
    return (
        f"In a second world the same comparison on `{TASK}` gave {points(gain / 100)} "
        f"({p_value(p)}; {read()[0]})."
    )


def in_its_own_world() -> str:
    """What is left of the gain in world 0 on other items and with balanced answers (Markdown)."""
    fresh, left, least = (
        points(number(attack, "difference" if name is None else name) / 100)
        for attack, name in (("fresh-items", None), ("balanced", None), ("balanced", "fresh"))
    )
    return (
        f"On fresh items of the same generator SALT's gain on `{TASK}` was {fresh}, and part of it "
        f"is more answers of “entailment”: with balanced answers {left} are left, and {least} on "
        f"the fresh items ({read()[0]})."
    )


def elsewhere() -> str:
    """What SALT's gain came to over worlds, until all are there in a second one, and on the deeper
    model (Markdown)."""
    than = finding(f"On the deeper model SALT's zero-shot average on `{TASK}`", deeper())
    return f"{outcomes.told() if outcomes.finished() else second_world()} {than}"


def _minus(text: str) -> str:
    """With real minus signs before numbers."""
    for digit in "0123456789":
        text = text.replace(f" -{digit}", f" −{digit}")
    return text

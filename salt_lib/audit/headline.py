"""What page one says came out: for SALT and against it, each decided by a test.

The study over worlds speaks as soon as all its runs are there; until then the laboratory's one
world does, beside what was found against it. The study on real text joins when it is complete.

Chapter: SALT in a small world (the first page).
"""

from dataclasses import dataclass

from ..laboratory import outcomes as over_worlds
from ..laboratory.study import laboratory_study
from ..real import outcomes as on_real
from ..study import stats
from ..study.wording import HIGHER, SAME, finding, listing, verdict
from . import review

TASK = "mini-xnli"


@dataclass(frozen=True)
class Found:
    """A finding: in which study, whether it speaks for SALT, and a sentence in Markdown."""

    where: str
    speaks_for: bool
    said: str


def findings() -> list[Found]:
    """What the complete studies found, by their frozen tables; of world 0 by this machine's runs
    where there are some."""
    found = _over_worlds() if over_worlds.finished() else _in_world_0()
    for what, (main, *_) in on_real.complete().items():
        rows = on_real.findings(main, what)
        found += [Found("On real text", good, said) for good, said in rows]
    return found


def told() -> str:
    """The findings as two lists in Markdown, what the place of a tag is worth, and what is open."""
    found, lines = findings(), []
    for side, wanted in (("for", True), ("against", False)):
        lines.append(f"**What speaks {side} SALT**\n")
        lines += [f"- *{f.where}.* {f.said}" for f in found if f.speaks_for is wanted] or [
            "- nothing"
        ]
        lines.append("")
    real = on_real.complete()
    placed = [
        on_real.about_tags(tables[0], tables[1], what)
        for what, tables in real.items()
        if not tables[0].pairs
    ]
    if placed:
        lines.append(
            f"**Found on the way.** {' '.join(placed)} [](real.md) shows it language by language.\n"
        )
    unknown = []
    if not over_worlds.finished():
        unknown.append(
            "over [many worlds](../notebooks/10_worlds.md), whose [protocol](protocol.md) is fixed "
            "and whose runs are being made"
        )
    if lacking := [what for what in on_real.TASKS if what not in real]:
        studies = "studies are" if len(lacking) > 1 else "study is"
        unknown.append(f"[on real text](real.md), whose {studies} not complete: {listing(lacking)}")
    if unknown:
        lines.append(f"**What is not known yet.** Whether this holds {', and '.join(unknown)}.")
    return "\n".join(lines)


def _over_worlds() -> list[Found]:
    parts = over_worlds.parts()
    units = over_worlds.complete(parts)
    rows = over_worlds.findings(over_worlds.summary(parts), units)
    return [Found(f"Over {len(units)} worlds", good, f"{said}.") for good, said in rows]


def _in_world_0() -> list[Found]:
    summary = stats.summarise(laboratory_study().results().frame)
    asked = [
        (f"On `{task}`, SALT's zero-shot average", test, {HIGHER})
        for task, test in summary["primary"].items()
    ]
    english = summary[TASK]["salt"]["english"]["comparison"]
    asked.append((f"In English, SALT's accuracy on `{TASK}`", english, {HIGHER, SAME}))
    found = [
        Found("In one world", verdict(test) in speaks_for, finding(what, test))
        for what, test, speaks_for in asked
    ]
    return [*found, Found("Elsewhere", False, review.elsewhere())]

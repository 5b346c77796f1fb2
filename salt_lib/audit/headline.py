"""What page one says came out: for SALT and against it, each decided by a test.

The study over worlds speaks as soon as all its runs are there; until then the laboratory's one
world does, beside what was found against it. The study on real text joins when it is complete.

Chapter: SALT in a small world (the first page).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ..laboratory import outcomes as over_worlds
from ..laboratory.study import laboratory_study
from ..real import outcomes as on_real
from ..salt.methods import METHODS
from ..study import stats
from ..study.wording import ALPHA, HIGHER, LOWER, SAME, finding, listing, verdict
from . import review

TASK = "mini-xnli"
AS_RANDOM = "higher, and so are random words"


@dataclass(frozen=True)
class Found:
    """A finding: in which study, whether it speaks for SALT, and a sentence in Markdown.

    speaks_for: None where it speaks for neither side.
    """

    where: str
    speaks_for: bool | None
    said: str


def findings() -> list[Found]:
    """What the complete studies found, by their frozen tables; of world 0 by this machine's runs
    where there are some."""
    found = _over_worlds() if over_worlds.finished() else _in_world_0()
    for what, (main, *_) in on_real.complete().items():
        rows = on_real.findings(main, what)
        found += [Found("On real text", good, said) for good, said in rows]
    return found


def can_judge(summary: Mapping, task: str) -> bool:
    """Whether true translations help on a task: one that doesn't see them can't judge SALT's.

    summary: `stats.summarise` of all methods against the baseline.
    """
    return verdict(summary[task]["dictionary"]["average_zero_shot"]["comparison"]) == HIGHER


def told() -> str:
    """What came out in a sentence, the findings as lists in Markdown, what the place of a tag is
    worth, and what is open."""
    found, lines = findings(), [in_short(), ""]
    for heading, wanted in (
        ("What speaks for SALT", True),
        ("What speaks against SALT", False),
        ("What speaks for neither", None),
    ):
        said = [f"- *{f.where}.* {f.said}" for f in found if f.speaks_for is wanted]
        lines += [f"**{heading}**\n", *(said or ["- nothing"]), ""]
    real = on_real.complete()
    placed = [
        on_real.about_tags(tables[0], tables[1], what)
        for what, tables in real.items()
        if not tables[0].pairs
    ]
    if placed:
        lines.append(
            "**Found on the way.** Models tag a word at its first piece. In Chinese, Japanese or "
            "Thai that is often a bare mark, the same for every word. "
            f"{' '.join(placed)} [](real.md) shows it language by language.\n"
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


def in_short() -> str:
    """In a sentence where SALT is better than the baseline and where it isn't; what follows."""
    found = _verdicts()
    said = [
        f"{how} {listing(where)}"
        for how, word in (
            ("better", HIGHER),
            ("better, but no more than with random words of the same kind,", AS_RANDOM),
            ("not distinguishable", SAME),
            ("worse", LOWER),
        )
        if (where := [name for name, one in found.items() if one == word])
    ]
    helped = sum(word == HIGHER for word in found.values())
    if helped == len(found):
        so = "It helps wherever it was tried."
    elif helped:
        so = "So nothing here shows that it helps in general."
    else:
        so = "So nothing here shows that it helps."
    return f"Against the same model without it, SALT is {'; '.join(said)}. **{so}**"


def _verdicts() -> Mapping[str, str]:
    """Where SALT was tested against the baseline → what the test says."""
    if (primary := over_worlds.primary()) is not None:
        words = {"difference": primary.mean, "p": primary.p}
        found = {f"over {len(primary.effects)} worlds": verdict(words, "p")}
    else:
        main = stats.summarise(laboratory_study().results().frame)["primary"][TASK]
        again = review.number("second-world", "p") <= ALPHA
        change = HIGHER if review.number("second-world", "difference") > 0 else LOWER
        found = {
            f"on `{TASK}` in one world": verdict(main),
            "on the same task in a second world": change if again else SAME,
            "with a deeper model": verdict(review.deeper()),
        }
    for what, (main, *_) in on_real.complete().items():
        codes = on_real.targets(main)
        word, control = (
            verdict(on_real.gain(main, "salt", against, codes), "p")
            for against in ("baseline", "salt-random-kind")
        )
        found[f"on {what} in real text"] = (
            AS_RANDOM if word == HIGHER and control != HIGHER else word
        )
    return found


def _over_worlds() -> list[Found]:
    parts = over_worlds.parts()
    units = over_worlds.complete(parts)
    rows = over_worlds.findings(over_worlds.summary(parts), units)
    return [Found(f"Over {len(units)} worlds", good, f"{said}.") for good, said in rows]


def _in_world_0() -> list[Found]:
    study = laboratory_study()
    summary = stats.summarise(study.results().frame)
    reference = stats.summarise(study.results(METHODS).frame)
    found = []
    for task, test in summary["primary"].items():
        good: bool | None = verdict(test) == HIGHER
        said = finding(f"On `{task}`, SALT's zero-shot average", test, detectable=False)
        if not can_judge(reference, task):
            good = None
            said += " True translations don't help there either, so the task can't judge SALT."
        found.append(Found("In one world", good, said))
    english = summary[TASK]["salt"]["english"]["comparison"]
    same = verdict(english) == SAME
    said = finding(f"In English, SALT's accuracy on `{TASK}`", english, detectable=False)
    found.append(Found("In one world", None if same else verdict(english) == HIGHER, said))
    against = [("In one world", review.in_its_own_world()), ("Elsewhere", review.elsewhere())]
    return [*found, *(Found(where, False, said) for where, said in against)]

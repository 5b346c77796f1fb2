"""The table of methods. A method is data: what it substitutes, and how it augments with it.

Chapters: Augmentation; Ablations and controls.
"""

from dataclasses import dataclass

from .errors import unknown


@dataclass(frozen=True)
class Method:
    """One row of the study.

    substitutions: where they come from, None for none: "distilled" (unmasked), "masked" (each token
    hidden while predicted), "random" (the distilled positions and languages, each draw a fresh word
    of like frequency), "deranged" (the distilled dictionary, fixedly permuted), "dictionary" (the
    world's true translations). synonyms: whether substitutions in English take part.
    code_switch: the offline part. mixup: the online part, None, "vector" or "scalar" weights.
    translate: train on true translations of the data instead.
    """

    name: str
    label: str
    substitutions: str | None = None
    synonyms: bool = True
    code_switch: bool = False
    mixup: str | None = None
    translate: bool = False


_ROWS = (
    Method("baseline", "English only"),
    Method("code-switch", "offline part of SALT alone", "distilled", code_switch=True),
    Method("mixup", "online part of SALT alone", "distilled", mixup="vector"),
    Method("salt", "code-switching and mixup", "distilled", code_switch=True, mixup="vector"),
    Method(
        "salt-random",
        "control: SALT with random words of like frequency",
        "random",
        code_switch=True,
        mixup="vector",
    ),
    Method(
        "salt-masked", "tokens hidden while predicted", "masked", code_switch=True, mixup="vector"
    ),
    Method(
        "salt-no-synonyms",
        "without English synonyms",
        "distilled",
        synonyms=False,
        code_switch=True,
        mixup="vector",
    ),
    Method(
        "salt-scalar-r",
        "one mixing weight per instance",
        "distilled",
        code_switch=True,
        mixup="scalar",
    ),
    Method(
        "salt-deranged",
        "control: the distilled dictionary, permuted",
        "deranged",
        code_switch=True,
        mixup="vector",
    ),
    Method(
        "dictionary",
        "reference: SALT with true translations",
        "dictionary",
        code_switch=True,
        mixup="vector",
    ),
    Method("translate-train", "upper reference: true translations of the data", translate=True),
)
METHODS = {row.name: row for row in _ROWS}
MAIN = ("baseline", "code-switch", "mixup", "salt", "salt-random")
ABLATIONS = tuple(name for name in METHODS if name not in MAIN)


def method(name: str) -> Method:
    """The method of this name; SaltError lists the known ones otherwise."""
    if name not in METHODS:
        raise unknown("method", name, METHODS)
    return METHODS[name]

"""The table of methods. A method is data: what it substitutes, and how it augments with it.

Chapters: Augmentation; Ablations and controls; Feature aggregation (layers).
"""

import re
from dataclasses import dataclass, replace

from ..errors import SaltError, unknown


@dataclass(frozen=True)
class Method:
    """One row of the study.

    substitutions: where they come from, None for none: "distilled" (unmasked), "masked" (each token
    hidden while predicted), "random" (the distilled positions and languages, each draw a fresh word
    of like frequency), "deranged" (the distilled dictionary, fixedly permuted), "dictionary" (the
    world's true translations), "random-kind" (as "random", among the words that are distilled for
    the same kind of English word), "mask" (the distilled positions, each hidden). synonyms: whether
    substitutions in English take part. words: which English words are substituted, "content",
    "function", or None for both. code_switch: the offline part. mixup: the online part, None,
    "vector" or "scalar" weights. smooth: noise is added to every word embedding. translate: train
    on true translations of the data instead. layer: the lower layer that the
    classifier reads fused with the last one, None for the last one alone; gate: how (see `fusion`).
    """

    name: str
    label: str
    substitutions: str | None = None
    synonyms: bool = True
    words: str | None = None
    code_switch: bool = False
    mixup: str | None = None
    smooth: bool = False
    translate: bool = False
    layer: int | None = None
    gate: str = "literal"


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
# What the study over worlds has besides: the same method on a kind of words, controls that keep the
# kind of word or hide it, and rivals that need no more than SALT does.
_WORLD_ROWS = (
    Method(
        "salt-content",
        "content words alone",
        "distilled",
        words="content",
        code_switch=True,
        mixup="vector",
    ),
    Method(
        "salt-function",
        "function words alone",
        "distilled",
        words="function",
        code_switch=True,
        mixup="vector",
    ),
    Method(
        "salt-random-kind",
        "control: SALT with random words of the same kind",
        "random-kind",
        code_switch=True,
        mixup="vector",
    ),
    Method(
        "salt-hidden",
        "control: SALT with [MASK] in the place of its words",
        "mask",
        code_switch=True,
        mixup="vector",
    ),
    Method(
        "scalar-mixup", "rival: mixup with one weight, as in SCOPA", "distilled", mixup="scalar"
    ),
    Method("smoothed", "rival: noise on every word embedding, as in Robust-XLT", smooth=True),
)
WORLD_METHODS = {row.name: row for row in _WORLD_ROWS}
MAIN = ("baseline", "code-switch", "mixup", "salt", "salt-random")
ABLATIONS = tuple(name for name in METHODS if name not in MAIN)


def dlfa(layer: int, row: Method = METHODS["baseline"], gate: str = "literal") -> Method:
    """A row whose classifier reads ``layer`` fused with the last one (DLFA, Chen et al. 2022).

    row: what it does besides; "salt" gives ``salt+dlfa-<layer>``. gate: see `fusion`.
    """
    before = "" if row.name == "baseline" else f"{row.name}+"
    after = "" if gate == "literal" else f"-{gate}"
    label = f"layer {layer} fused with the last, {gate} gate"
    label = label if row.name == "baseline" else f"{row.label}; {label}"
    return replace(row, name=f"{before}dlfa-{layer}{after}", label=label, layer=layer, gate=gate)


def method(name: str) -> Method:
    """The method of this name: a row of the table, or one of `dlfa`'s (``dlfa-3``,
    ``salt+dlfa-3``, ``dlfa-3-sigmoid``); SaltError lists the known ones otherwise."""
    if row := METHODS.get(name) or WORLD_METHODS.get(name):
        return row
    if match := re.fullmatch(r"(?:(.+)\+)?dlfa-(\d+)(?:-(sigmoid))?", name):
        inner, layer, gate = match.groups()
        return dlfa(int(layer), method(inner or "baseline"), gate or "literal")
    raise SaltError(
        f"{unknown('method', name, [*METHODS, *WORLD_METHODS])}; dlfa-<layer> and "
        "<method>+dlfa-<layer> fuse a lower layer"
    )

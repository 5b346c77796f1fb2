"""Real tasks behind one schema: XNLI, PAWS-X, PAN-X and UDPOS, from files or from the hub.

A source is ``"hub"`` or a folder: XTREME's layout (`salt_lib.data.xtreme`), a clone of a hub
repository, or a folder of such clones (`salt_lib.data.hub`). Whatever the source, a task has the
same labels in the same order, and the rows keep their order. A number of rows that is not the
published one is a warning, with both numbers.

The repositories are ``facebook/xnli`` and ``google-research-datasets/paws-x``, and
``google/xtreme`` for PAN-X and UDPOS; a clone of the last serves for the other two as well.
Configurations, columns, class names and counts are those of the dataset cards. We have read the
cards, not the data: that the Parquet files agree with them is what the checks here are for.

**The sources do not say quite the same**, whoever compares scores should know:

- *PAWS-X* has rows where the text is ``NS``, a translator's mark for "no sentence". They are in
  XTREME's files and on the hub and count in published scores, so they stay. Rows with an empty
  text, which the machine-translated training sets have, are left out with a warning.
- *PAWS-X in google/xtreme* lacks rows (English training: 49,175 of 49,401): it was made with a
  reader that took quotation marks for quoting. Prefer ``google-research-datasets/paws-x``.
- *XTREME's scripts* write XNLI and PAWS-X as CSV does: a text with quotation marks comes out in
  quotation marks, its own doubled. They stay, as in XTREME's own experiments; the hub's texts are
  free of them.
- *UDPOS on the hub* is UD 2.5 with words split as the treebanks split them; XTREME's scripts join
  them again (French ``de le``: ``du``), and later versions take UD 2.7. The hub's script chose
  treebanks by a part of their name, so Greek has Ancient Greek in it (28,152 training sentences,
  where the modern treebank has 1,662), and French, Chinese, German and Russian their old or
  neighbouring languages in the same way. The counts are the hub's; XTREME's are not published by
  language, so such files are not checked. The tag ``_`` (none given) is an error: neither script
  should let it through, but we have seen no UDPOS file.

Source: Hu et al. (2020), XTREME, with its scripts. Chapter: At paper scale.
"""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import SaltError, unknown
from ..languages import PAWSX_LANGUAGES, SOURCE, XNLI_LANGUAGES
from . import hub, xtreme
from .examples import SPLITS, Pairs
from .hub import HUB, Layout


@dataclass(frozen=True)
class RealTask:
    """A real task: its languages (ISO 639-1), its labels in the order of their ids.

    kind: "pairs" of sentences with a label each, or "tags", sentences with a tag for each token.
    counts: language → split → the published number of rows; what is not there is not published.
    """

    name: str
    kind: str
    languages: tuple[str, ...]
    labels: tuple[str, ...]
    counts: Mapping[str, Mapping[str, int]]

    @property
    def targets(self) -> tuple[str, ...]:
        """The zero-shot languages: all but English."""
        return tuple(code for code in self.languages if code != SOURCE)


def _counts(languages: Iterable[str], *numbers: int) -> dict[str, dict[str, int]]:
    return {code: dict(zip(SPLITS, numbers, strict=True)) for code in languages}


# PAN-X: sentences to train on, and as many again in dev as in test.
_PANX = {
    code: {"train": train, "dev": test, "test": test}
    for train, test, codes in (
        (20_000, 10_000, "ar bg de el en es fa fi fr he hu id it ja ko nl pt ru th tr vi zh"),
        (20_000, 1_000, "ms ur"),
        (15_000, 10_000, "et"),
        (15_000, 1_000, "ta"),
        (10_000, 10_000, "eu ka"),
        (10_000, 1_000, "bn ml tl"),
        (5_000, 1_000, "af hi mr"),
        (1_000, 1_000, "kk sw te"),
        (100, 100, "jv my yo"),
    )
    for code in codes.split()
}
# UDPOS on the hub: code, the name of its configuration, sentences in train, dev and test.
_UDPOS_TABLE = """
af Afrikaans  1315   194   425
ar Arabic     6075   909   1680
bg Bulgarian  8907   1115  1116
de German     166849 19233 22458
el Greek      28152  2559  2809
en English    21253  3974  5440
es Spanish    28492  3054  3147
et Estonian   25749  3125  3760
eu Basque     5396   1798  1799
fa Persian    4798   599   600
fi Finnish    27198  3239  4422
fr French     47308  5979  9465
he Hebrew     5241   484   491
hi Hindi      13304  1659  2684
hu Hungarian  910    441   449
id Indonesian 4477   559   1557
it Italian    29685  2278  3518
ja Japanese   7125   511   2372
kk Kazakh     31     -     1047
ko Korean     27410  3016  4276
mr Marathi    373    46    47
nl Dutch      18051  1394  1471
pt Portuguese 17992  1770  2681
ru Russian    67435  9960  11336
ta Tamil      400    80    120
te Telugu     1051   131   146
th Thai       -      -     1000
tl Tagalog    -      -     55
tr Turkish    3664   988   4785
ur Urdu       4043   552   535
vi Vietnamese 1400   800   800
yo Yoruba     -      -     100
zh Chinese    18998  3038  5528
"""
_UDPOS_ROWS = [row.split() for row in _UDPOS_TABLE.strip().splitlines()]
_UDPOS = {
    code: {s: int(n) for s, n in zip(SPLITS, numbers, strict=True) if n != "-"}
    for code, _, *numbers in _UDPOS_ROWS
}

BENCHMARKS = {
    item.name: item
    for item in (
        RealTask(
            "xnli",
            "pairs",
            XNLI_LANGUAGES,
            xtreme.PAIR_LABELS["xnli"],
            _counts(XNLI_LANGUAGES, 392_702, 2_490, 5_010),
        ),
        RealTask(
            "paws-x",
            "pairs",
            PAWSX_LANGUAGES,
            xtreme.PAIR_LABELS["paws-x"],
            _counts(PAWSX_LANGUAGES, 49_401, 2_000, 2_000),
        ),
        RealTask("pan-x", "tags", tuple(sorted(_PANX)), xtreme.TAGS, _PANX),
        RealTask("udpos", "tags", tuple(_UDPOS), xtreme.UPOS_TAGS, _UDPOS),
    )
}
# Task → where the hub has it, the first choice first.
LAYOUTS = {
    "xnli": (
        Layout(
            "facebook/xnli",
            {code: code for code in XNLI_LANGUAGES},
            ("premise", "hypothesis", "label"),
        ),
        Layout(
            "google/xtreme",
            {code: "XNLI" for code in XNLI_LANGUAGES},
            ("sentence1", "sentence2", "gold_label"),
            "language",
        ),
    ),
    "paws-x": (
        Layout(
            "google-research-datasets/paws-x",
            {code: code for code in PAWSX_LANGUAGES},
            ("sentence1", "sentence2", "label"),
        ),
        Layout(
            "google/xtreme",
            {code: f"PAWS-X.{code}" for code in PAWSX_LANGUAGES},
            ("sentence1", "sentence2", "label"),
        ),
    ),
    "pan-x": (
        Layout("google/xtreme", {c: f"PAN-X.{c}" for c in sorted(_PANX)}, ("tokens", "ner_tags")),
    ),
    "udpos": (
        Layout(
            "google/xtreme",
            {code: f"udpos.{name}" for code, name, *_ in _UDPOS_ROWS},
            ("tokens", "pos_tags"),
        ),
    ),
}
_warned: set[tuple[str, ...]] = set()


def task(name: str) -> RealTask:
    """The real task of this name; SaltError lists the known ones otherwise."""
    if name not in BENCHMARKS:
        raise unknown("task", name, BENCHMARKS)
    return BENCHMARKS[name]


def load(
    name: str, split: str, language: str, source: str | Path
) -> Pairs | list[tuple[list[str], list[str]]]:
    """One split of a task in one language, all rows in their order.

    source: "hub" or a folder, see the module. Returns `Pairs` for a task of pairs, and (tokens,
    tags) of each sentence for a task of tags. Warns, once for each split, language and source,
    where the number of rows is not the published one and where rows without text were left out.
    Raises SaltError for an unknown task, split or language, a language that the source lacks (with
    those it has), a folder of another kind, files that can't be read, labels that are none of the
    task's, and where the hub can't be reached.
    """
    row = _checked(name, split)
    if language not in row.languages:
        raise unknown(f"language of {name}", language, row.languages)
    found_in = _open(name, source)
    if isinstance(found_in, Path):
        data = _read_xtreme(row, split, language, found_in)
        count = len(data)
    else:
        data, count = found_in.read(language, split, row.labels)
    what = f"{name}, {split} split in {language!r}, from {found_in}"
    key = (name, split, language, str(found_in))
    if not len(data):
        raise SaltError(f"{what}: no rows with text; fetch the data again")
    published = row.counts[language].get(split)
    if isinstance(found_in, Path) and name == "udpos":
        published = None  # the hub's, of other sentences
    if published not in (None, count):
        _warn(key, "count", f"{what}: {count:,} rows, where {published:,} are published")
    if len(data) < count:
        _warn(key, "empty", f"{what}: {count - len(data):,} rows without text were left out")
    return data


def languages(name: str, split: str, source: str | Path) -> list[str]:
    """The task's languages that have this split in the source, sorted.

    Raises SaltError as `load` does. On the hub the dataset card tells.
    """
    row, found_in = _checked(name, split), _open(name, source)
    if isinstance(found_in, Path):
        there = xtreme.languages(found_in, name, split)
        if odd := [code for code in there if code not in row.languages]:
            files = ", ".join(f"{split}-{code}.tsv" for code in odd)
            key = (name, split, "", str(found_in))
            _warn(key, "codes", f"{name}: {files} left out, for {name} has no such language")
        return [code for code in there if code in row.languages]
    return found_in.languages(split)


def texts(
    name: str, source: str | Path, languages: Iterable[str], split: str = "dev"
) -> dict[str, list[str]]:
    """Language → its sentences, without labels: unlabelled text, to count a vocabulary in.

    Both texts of each pair, the first texts before the second; of a tagged sentence the tokens with
    spaces between. Raises SaltError as `load` does.
    """
    sentences = {}
    for code in languages:
        data = load(name, split, code, source)
        sentences[code] = (
            [*data.first, *data.second]
            if isinstance(data, Pairs)
            else [" ".join(tokens) for tokens, _ in data]
        )
    return sentences


def _checked(name: str, split: str) -> RealTask:
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    return task(name)


def _open(name: str, source: str | Path) -> Path | hub.Clone:
    """The folder where the source is one in XTREME's layout with this task, else the clone."""
    if source != HUB:
        source = Path(source).expanduser()
        if not source.is_dir():
            raise SaltError(f"{source} is no folder; give one, or {HUB!r}")
        if any((source / xtreme.FOLDERS[name]).glob("*-*.tsv")):
            return source
    clone = hub.find(LAYOUTS[name], source)
    if clone is None:
        there = sorted(
            path.name for path in Path(source).iterdir() if not path.name.startswith(".")
        )
        wanted = " or ".join(layout.repository for layout in LAYOUTS[name])
        raise SaltError(
            f"{source}: no {name} there; it should hold {xtreme.FOLDERS[name]}/dev-en.tsv and so "
            f"on (XTREME's layout), or be or hold a clone of {wanted} (README.md, Parquet files); "
            f"there: {', '.join(there[:12]) or 'nothing'}{', …' if len(there) > 12 else ''}"
        )
    return clone


def _read_xtreme(
    row: RealTask, split: str, language: str, folder: Path
) -> Pairs | list[tuple[list[str], list[str]]]:
    path = folder / xtreme.FOLDERS[row.name] / f"{split}-{language}.tsv"
    if not path.is_file():
        there = xtreme.languages(folder, row.name, split)
        raise SaltError(
            f"no {row.name} {split} file in {language!r}: {path} is missing; languages there: "
            f"{', '.join(there) or 'none'}"
        )
    read = xtreme.read_pairs if row.kind == "pairs" else xtreme.read_tags
    return read(path, row.labels)


def _warn(key: tuple[str, ...], kind: str, message: str) -> None:
    if (*key, kind) not in _warned:
        _warned.add((*key, kind))
        warnings.warn(message, stacklevel=3)

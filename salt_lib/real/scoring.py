"""Scores of files of predictions, as XTREME's own evaluator computes them.

Accuracy for XNLI and PAWS-X; for PAN-X and UDPOS the micro F1, precision and recall of seqeval, all
in percent, and their plain means over the languages, English among them. Parts of speech are no
IOB2, and what seqeval makes of them is XTREME's score all the same: it reads a tag's first letter
as its prefix and the rest as a kind, and takes a run of equal tags for one chunk. So in version
1.2.2 CCONJ and SCONJ are one kind, no two tags with S ever join, and an X at the end is no chunk.

Up to version 0.0.13 the kind of a tag without a hyphen was the whole tag, so that CCONJ and SCONJ
are two, and an X is a chunk anywhere; names in IOB2 score alike. XTREME names no version; its own
test (`evaluate_test.py`) expects an F1 of 70.2175 on its invented files, which is the older
reading, where 1.2.2 gives 70.3981. We give what the installed one says, and the older reading on
request (``legacy``).

Source: `evaluate.py` of Hu et al. (2020), XTREME. Chapter: At paper scale.
"""

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..data import benchmarks, xtreme
from ..data.xtreme import FOLDERS
from ..errors import SaltError, unknown
from ..training.evaluate import accuracy_of, tag_scores

# XTREME's names for the tasks, which the folders have, and this library's.
NAMES = {folder: task for task, folder in FOLDERS.items()} | {task: task for task in FOLDERS}


def score(
    task: str,
    gold: str | Path,
    predictions: str | Path,
    languages: Sequence[str] = (),
    legacy: bool = False,
) -> dict[str, dict[str, float]]:
    """Metric → language → score in percent, in ``languages``, by default all with a gold file.

    task: XTREME's name or ours. gold: ``test-<language>.tsv``, of labels alone (XTREME's label
    files) or of texts with labels. predictions: files of the same names, one label or tag a line.
    legacy: read tags as seqeval did up to 0.0.13; SaltError for a task without tags.
    Both folders hold the files, or a folder ``xnli``, ``pawsx``, ``panx`` or ``udpos`` with them.
    The average is `average`. Predictions in a language without gold are left out with a warning.
    Raises SaltError, naming file and line: no gold files, predictions that lack a language, a label
    that is none of the task's, and numbers of labels or of a sentence's tags that differ.
    """
    if task not in NAMES:
        raise unknown("task", task, NAMES)
    name = NAMES[task]
    if legacy and benchmarks.task(name).kind == "pairs":
        raise SaltError(f"{task} has no tags: the older seqeval scores only panx and udpos")
    wanted, given = _files(gold, name, "gold"), _files(predictions, name, "predictions")
    for code in languages:
        if code not in wanted:
            raise unknown("language with a gold file", code, wanted)
    wanted = {code: wanted[code] for code in languages or wanted}
    for code, path in wanted.items():
        if code not in given:
            there = next(iter(given.values())).parent
            raise SaltError(
                f"the predictions lack {code!r}: there is {path}, but no {there / path.name}; to "
                f"score only the others: --languages {','.join(sorted(set(given) & set(wanted)))}"
            )
    if more := sorted(set(given) - set(wanted)):
        warnings.warn(
            f"not scored, because they have no gold file: {', '.join(more)}", stacklevel=2
        )
    scores: dict[str, dict[str, float]] = {}
    for code, path in wanted.items():
        one = _score(name, path, given[code], legacy)
        for metric, value in one.items():
            scores.setdefault(metric, {})[code] = 100 * value
    return scores


def average(scores: dict[str, float]) -> float:
    """The mean over the languages, English among them, as XTREME takes it."""
    return sum(scores.values()) / len(scores)


def missing(task: str, languages: Iterable[str]) -> list[str]:
    """XTREME's languages of a task that are not among these: without them it gives no average."""
    return sorted(set(benchmarks.task(NAMES[task]).languages) - set(languages))


def _files(folder: str | Path, task: str, what: str) -> dict[str, Path]:
    """Language → file, from the folder or the task's folder in it."""
    folder = Path(folder)
    for root in (folder / FOLDERS[task], folder):
        files = {p.stem.removeprefix("test-"): p for p in sorted(root.glob("test-*.tsv"))}
        if files:
            return files
    raise SaltError(
        f"{folder}: no {what}; it should hold test-<language>.tsv or a folder {FOLDERS[task]} with "
        "such files"
    )


def _score(task: str, gold: Path, predictions: Path, legacy: bool) -> dict[str, float]:
    row = benchmarks.task(task)
    if row.kind == "pairs":
        return _score_labels(gold, predictions, row.labels)
    return _score_tags(gold, predictions, row.labels, legacy)


def _score_labels(gold: Path, predictions: Path, known: tuple[str, ...]) -> dict[str, float]:
    wanted, given = (_labels(path, known) for path in (gold, predictions))
    if len(wanted) != len(given):
        raise SaltError(
            f"{predictions}: {len(given)} labels, but {gold} has {len(wanted)}; predict every "
            "row, in order"
        )
    return {"accuracy": accuracy_of(wanted, given)}


def _score_tags(
    gold: Path, predictions: Path, known: tuple[str, ...], legacy: bool
) -> dict[str, float]:
    wanted, given = (_tags(path, known) for path in (gold, predictions))
    for (line, tags), (at, predicted) in zip(wanted, given, strict=False):
        if len(tags) != len(predicted):
            raise SaltError(
                f"{predictions}, line {at}: a sentence of {len(predicted)} tags, where the one of "
                f"{gold}, line {line}, has {len(tags)}"
            )
    if len(wanted) != len(given):
        shorter, longer = sorted((wanted, given), key=len)
        path = gold if longer is wanted else predictions
        raise SaltError(
            f"{predictions}: {len(given)} sentences, but {gold} has {len(wanted)}; the first "
            f"without a counterpart begins in {path}, line {longer[len(shorter)][0]}"
        )
    read = _legacy if legacy else list
    return tag_scores([read(tags) for _, tags in wanted], [read(tags) for _, tags in given])


def _legacy(tags: list[str]) -> list[str]:
    """Tags in which seqeval 1.2.2 sees the prefixes and kinds that 0.0.13 saw: NOUN as N-NOUN."""
    return [f"{tag[0]}-{tag.rsplit('-', 1)[-1]}" for tag in tags]


def _labels(path: Path, known: tuple[str, ...]) -> list[str]:
    """The last column of every line."""
    labels = []
    for number, line in xtreme.lines(path):
        label = line.split("\t")[-1].strip()
        if label not in known:
            raise SaltError(f"{path}, line {number}: {unknown('label', label, known)}")
        labels.append(label)
    if not labels:
        raise SaltError(f"{path}: no labels in it")
    return labels


def _tags(path: Path, known: tuple[str, ...]) -> list[tuple[int, list[str]]]:
    """(line where it begins, tags) of every sentence: the last columns, a blank line between."""
    sentences: list[tuple[int, list[str]]] = []
    inside = False
    for number, line in xtreme.lines(path):
        if not line.strip():
            inside = False
            continue
        tag = line.split("\t")[-1].strip()
        if tag not in known:
            raise SaltError(f"{path}, line {number}: {unknown('tag', tag, known)}")
        if not inside:
            sentences.append((number, []))
        inside = True
        sentences[-1][1].append(tag)
    if not sentences:
        raise SaltError(f"{path}: no tags in it")
    return sentences

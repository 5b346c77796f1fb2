"""Real task files in XTREME's folder layout: XNLI, PAWS-X, PAN-X and UDPOS.

``<folder>/{xnli,pawsx}/<split>-<language>.tsv`` holds one pair a line, first text, second text and
label, tab-separated, no header and **no quoting**: a quotation mark is a character like any other,
so a CSV reader with its defaults would join rows and lose some. ``<folder>/{panx,udpos}/...`` holds
one token and its tag a line and a blank line after each sentence. Every row is kept, in order.

XTREME's own scripts write the test files **without labels**; such a file is an error here. The hub
has the labels: `salt_lib.data.benchmarks`, which is also the way to load a task from such a folder.

Source: the download scripts of Hu et al. (2020), XTREME. Chapter: Reproduce, change, extend.
"""

import os
import warnings
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path

from ..errors import SaltError
from ..files import readable
from .examples import Pairs

FOLDER_VARIABLE = "SALT_XTREME_DIR"
FOLDERS = {"xnli": "xnli", "paws-x": "pawsx", "pan-x": "panx", "udpos": "udpos"}
PAIR_LABELS = {
    "xnli": ("entailment", "neutral", "contradiction"),
    "paws-x": ("0", "1"),
}
TAGS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
# Universal Dependencies' parts of speech.
UPOS_TAGS = (
    *("ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN"),
    *("PUNCT", "SCONJ", "SYM", "VERB", "X"),
)


def folder() -> Path:
    """The folder that holds ``xnli``, ``pawsx``, ``panx`` and ``udpos``, or some of them.

    ``$SALT_XTREME_DIR`` where it is set, else ``../shared/xtreme`` beside the checkout. Raises
    SaltError where there is no such folder.
    """
    named = os.environ.get(FOLDER_VARIABLE)
    path = Path(named) if named else Path(__file__).parents[3] / "shared" / "xtreme"
    if not path.is_dir():
        where = f"{FOLDER_VARIABLE} names {path}, which is no folder"
        if not named:
            where = f"{FOLDER_VARIABLE} is not set and ../shared/xtreme is not there"
        raise SaltError(
            f"no XTREME files: {where}; set {FOLDER_VARIABLE} to the folder that holds "
            f"{', '.join(FOLDERS.values())}"
        )
    return path


def languages(root: str | Path, task: str, split: str) -> list[str]:
    """The languages whose file of this task and split is in the folder ``root``, sorted."""
    paths = (Path(root) / FOLDERS[task]).glob(f"{split}-*.tsv")
    return sorted(path.stem.removeprefix(f"{split}-") for path in paths)


def read_pairs(path: str | Path, labels: tuple[str, ...], strict: bool = False) -> Pairs:
    """The sentence pairs of one file, in its order.

    labels: the label strings; a pair's label is its string's place among them. Rows with an empty
    text are left out with a warning that counts them, as of the hub's files, or are an error where
    ``strict``. XNLI's machine-translated training sets say "contradictory" for "contradiction",
    which is read as that. Raises SaltError, with file, line and reason, for a row without exactly
    three columns, a label outside ``labels`` or bytes that are not UTF-8, and for a file without
    rows.
    """
    pairs = Pairs([], [], [])
    empty: list[int] = []
    renamed = 0
    for number, line in lines(path):
        columns = line.split("\t")
        if len(columns) != 3:
            raise _columns(path, number, len(columns), 3)
        first, second, label = columns
        if not first.strip() or not second.strip():
            if strict:
                raise _malformed(path, number, "an empty text")
            empty.append(number)
            continue
        if label == "contradictory" and "contradiction" in labels:
            label, renamed = "contradiction", renamed + 1
        if label not in labels:
            raise _malformed(path, number, f"label {label!r} is none of {', '.join(labels)}")
        pairs.first.append(first)
        pairs.second.append(second)
        pairs.labels.append(labels.index(label))
    if not pairs.labels:
        raise SaltError(f"{path}: no rows; download the file again")
    if empty:
        warnings.warn(
            f"{path}: {len(empty)} rows with an empty text were left out, the first in line "
            f"{empty[0]}",
            stacklevel=2,
        )
    if renamed:
        warnings.warn(
            f"{path}: {renamed} labels 'contradictory' are read as 'contradiction'", stacklevel=2
        )
    return pairs


def read_tags(
    path: str | Path, labels: tuple[str, ...] = TAGS
) -> list[tuple[list[str], list[str]]]:
    """The tagged sentences of one file, in its order: (tokens, tags) of equal length.

    labels: the tags that may occur, PAN-X's by default. WikiAnn, which PAN-X is made from, writes
    each token with its language before it (``de:Berlin``); XTREME's scripts take that off. Both
    are read: with PAN-X's tags, the prefix, known from the file's name, is removed where *every*
    token of the file carries it, so that a token that happens to begin so stays whole. Raises
    SaltError, with file, line and reason, for a row without exactly two columns, an empty token or
    an unknown tag, and for a file without rows.
    """
    sentences: list[tuple[list[str], list[str]]] = []
    tokens: list[str] = []
    tags: list[str] = []
    for number, line in lines(path):
        if line:
            columns = line.split("\t")
            if len(columns) != 2:
                raise _columns(path, number, len(columns), 2)
            token, tag = columns
            if not token.strip():
                raise _malformed(path, number, "an empty token")
            if tag not in labels:
                raise _malformed(path, number, f"tag {tag!r} is none of {', '.join(labels)}")
            tokens.append(token)
            tags.append(tag)
        elif tokens:
            sentences.append((tokens, tags))
            tokens, tags = [], []
    if tokens:
        sentences.append((tokens, tags))
    if not sentences:
        raise SaltError(f"{path}: no rows; download the file again")
    prefix = Path(path).stem.rpartition("-")[2] + ":"
    if labels == TAGS and all(t.startswith(prefix) for tokens, _ in sentences for t in tokens):
        sentences = [([t.removeprefix(prefix) for t in tokens], tags) for tokens, tags in sentences]
    return sentences


def read_texts(path: str | Path) -> Pairs:
    """The sentence pairs of one file with or without labels, label ids all 0.

    XTREME's own test files have none. Raises SaltError as `read_pairs` does.
    """
    pairs = Pairs([], [], [])
    for number, line in lines(path):
        columns = line.split("\t")
        if len(columns) not in (2, 3):
            raise _malformed(path, number, f"{len(columns)} columns, expected 2 or 3")
        if not columns[0].strip() or not columns[1].strip():
            raise _malformed(path, number, "an empty text")
        pairs.first.append(columns[0])
        pairs.second.append(columns[1])
        pairs.labels.append(0)
    if not pairs.labels:
        raise SaltError(f"{path}: no rows; download the file again")
    return pairs


def read_tokens(path: str | Path) -> list[list[str]]:
    """The sentences of one file of tokens with or without tags, as words.

    XTREME's own test files have no tags. Raises SaltError as `read_tags` does.
    """
    sentences: list[list[str]] = [[]]
    for number, line in lines(path):
        columns = line.split("\t")
        if len(columns) > 2:
            raise _malformed(path, number, f"{len(columns)} columns, expected 1 or 2")
        if not line:
            sentences.append([])
        elif columns[0].strip():
            sentences[-1].append(columns[0])
        else:
            raise _malformed(path, number, "an empty token")
    if rows := [words for words in sentences if words]:
        return rows
    raise SaltError(f"{path}: no rows; download the file again")


def lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """Each line with its number from 1, without its end.

    Only a line feed ends a line: a text may hold characters (U+2028, U+0085) at which
    ``str.splitlines`` would cut too.
    """
    try:
        data = readable(path).read_bytes().removeprefix(BOM_UTF8)
    except OSError as error:
        raise SaltError(f"{path}: can't be read ({error.strerror or error})") from error
    rows = data.split(b"\n")
    if not rows[-1]:
        rows.pop()
    for number, row in enumerate(rows, start=1):
        try:
            yield number, row.removesuffix(b"\r").decode("utf-8")
        except UnicodeDecodeError as error:
            raise _malformed(path, number, f"not UTF-8 ({error.reason})") from error


def _columns(path: str | Path, number: int, count: int, due: int) -> SaltError:
    reason = f"{count} columns, expected {due}"
    if count == due - 1:
        reason += " (XTREME's scripts write test files without labels; the hub's files have them)"
    return _malformed(path, number, reason)


def _malformed(path: str | Path, number: int, reason: str) -> SaltError:
    return SaltError(f"{path}, line {number}: {reason}; mend the line or download the file again")

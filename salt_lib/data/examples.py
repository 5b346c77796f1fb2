"""Sentence pairs and tagged sentences: the rows of every task, whatever they come from.

Chapters: The laboratory; Reproduce, change, extend (real files).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import SaltError, unknown

SPLITS = ("train", "dev", "test")
PIECE = 2048  # rows that are read or tokenized at a time: a multiple of distillation's batches


@dataclass(frozen=True)
class Pairs:
    """Sentence pairs and their label ids: three lists of one length."""

    first: list[str]
    second: list[str]
    labels: list[int]

    def __post_init__(self):
        if not len(self.first) == len(self.second) == len(self.labels):
            raise SaltError(
                f"pairs of unequal length: {len(self.first)} first sentences, "
                f"{len(self.second)} second, {len(self.labels)} labels"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: slice) -> "Pairs":
        return Pairs(self.first[rows], self.second[rows], self.labels[rows])

    def take(self, rows: Iterable[int]) -> "Pairs":
        """The pairs of these numbers, in this order."""
        rows = list(rows)
        first, second = ([column[i] for i in rows] for column in (self.first, self.second))
        return Pairs(first, second, [self.labels[i] for i in rows])


@dataclass(frozen=True)
class Tagged:
    """Sentences as words, with a label id for each word. names: the labels in the order of ids."""

    words: list[list[str]]
    labels: list[list[int]]
    names: tuple[str, ...]

    def __post_init__(self):
        if len(self.words) != len(self.labels):
            raise SaltError(f"{len(self.words)} sentences, {len(self.labels)} rows of tags")
        for number, (words, labels) in enumerate(zip(self.words, self.labels, strict=True)):
            if len(words) != len(labels):
                raise SaltError(
                    f"sentence {number} has {len(words)} words and {len(labels)} tags: "
                    f"{' '.join(words)[:60]!r}"
                )

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, rows: slice) -> "Tagged":
        return Tagged(self.words[rows], self.labels[rows], self.names)

    def take(self, rows: Iterable[int]) -> "Tagged":
        """The sentences of these numbers, in this order."""
        rows = list(rows)
        return Tagged([self.words[i] for i in rows], [self.labels[i] for i in rows], self.names)


def tag(sentences: Iterable[tuple[list[str], list[str]]], names: tuple[str, ...]) -> Tagged:
    """Sentences with tags as strings (as `xtreme.read_tags` gives them) as `Tagged`.

    Raises SaltError for a tag outside ``names``, and where words and tags differ in number.
    """
    words, labels = [], []
    for number, (tokens, tags) in enumerate(sentences):
        if odd := [name for name in tags if name not in names]:
            raise SaltError(f"sentence {number}: {unknown('tag', odd[0], names)}")
        words.append(tokens)
        labels.append([names.index(name) for name in tags])
    return Tagged(words, labels, names)

"""Data sets as the hub has them: a repository with a dataset card and Parquet files.

A clone is such a repository in a local folder. The hub itself is read in the same way, as a clone
that lies in the hub's own cache and fetches the files that it is asked for; without a network, what
was fetched before can be read again. Of a data set with many languages only the files of one split
of one language are read, so a clone need not be whole.

Which files these are stands in the card, README.md, under ``configs``. A clone whose card does not
say has a folder for each configuration, and the files' names tell the split, as in `datasets`
(``de/validation-00000-of-00001.parquet``).

Chapter: At paper scale.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..errors import SaltError
from . import parquet

HUB = "hub"
# The words for a split in cards and file names, the hub's own first.
SPLIT_WORDS = {
    "train": ("train", "training"),
    "dev": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}


@dataclass(frozen=True)
class Layout:
    """Where a repository keeps a task.

    configs: language → name of its configuration. columns: the two texts and the label, or tokens
    and tags. language: the column that tells the language, where one configuration has them all.
    """

    repository: str
    configs: Mapping[str, str]
    columns: tuple[str, ...]
    language: str | None = None


@dataclass(frozen=True)
class Clone:
    """A repository in the folder ``path`` and where it keeps the task.

    remote: the folder is the hub's cache, what is missing is fetched.
    """

    path: Path
    layout: Layout
    remote: bool = False

    def __str__(self) -> str:
        return f"{self.layout.repository} on the hub" if self.remote else str(self.path)

    def languages(self, split: str) -> list[str]:
        """The languages that have this split, sorted; on the hub, those that the card names."""
        configs = self.layout.configs
        if self.layout.language and not self.remote:
            # One configuration for all: the rows tell.
            files = _files(self.path, next(iter(configs.values())), split)
            codes = {code for file in files for code in parquet.values(file, self.layout.language)}
            return sorted(codes & set(configs))
        if self.remote:
            declared = _configs(self.path)
            return sorted(c for c, n in configs.items() if _patterns(declared.get(n), split)[0])
        return sorted(code for code, name in configs.items() if _files(self.path, name, split))

    def files(self, language: str, split: str) -> list[Path]:
        """The Parquet files of one split of one language, fetched where need be.

        Raises SaltError, with the languages that are there, where there are none.
        """
        config = self.layout.configs[language]
        path = self.path
        if self.remote and (wanted := _patterns(_configs(path).get(config), split)[0]):
            path = fetch(self.layout.repository, wanted)
        files = _files(path, config, split)
        if not files:
            raise SaltError(
                f"{self}: no Parquet files of the {split} split in {language!r} (configuration "
                f"{config!r}); languages there: {', '.join(self.languages(split)) or 'none'}"
            )
        return files

    def read(self, language: str, split: str, labels: tuple[str, ...]) -> tuple:
        """The rows and how many there were, as `parquet.read_pairs` or `parquet.read_tags`."""
        layout, config = self.layout, self.layout.configs[language]
        return (parquet.read_pairs if len(layout.columns) == 3 else parquet.read_tags)(
            self.files(language, split),
            layout.columns,
            labels,
            _class_names(self.path, config, layout.columns[-1]),
            (layout.language, language) if layout.language else None,
        )


def find(layouts: Sequence[Layout], source: str | Path) -> Clone | None:
    """The first clone in ``source`` that fits a layout, in the layouts' order; None for none.

    source: "hub", a clone, or a folder that holds clones. Raises SaltError where the hub can't be
    reached or a dataset card can't be read.
    """
    if source == HUB:
        return Clone(fetch(layouts[0].repository, ["README.md"]), layouts[0], remote=True)
    source = Path(source)
    inside = sorted(p for p in source.iterdir() if p.is_dir() and not p.name.startswith("."))
    clones = [source] if _is_clone(source) else [path for path in inside if _is_clone(path)]
    for layout in layouts:
        fits = {path: _fits(path, layout) for path in clones}
        for sure in (True, None):
            for path, answer in fits.items():
                if answer is sure:
                    return Clone(path, layout)
    return None


def fetch(repository: str, patterns: list[str]) -> Path:
    """The folder of the hub's cache with the files of a data set that match; see `find`."""
    from huggingface_hub import snapshot_download

    try:
        folder = snapshot_download(repository, repo_type="dataset", allow_patterns=patterns)
        # Without a network the cache's folder comes back, whatever is in it.
        if any(file for pattern in patterns for file in Path(folder).glob(pattern)):
            return Path(folder)
        reason = f"no {', '.join(patterns)} there or in the cache"
    except Exception as error:  # httpx, OSError and the hub's own kinds
        reason = f"{type(error).__name__}: {parquet.one_line(error)}"
    name = repository.rpartition("/")[2]
    raise SaltError(
        f"{repository} can't be had from the hub ({reason}); where there is a network, run `hf "
        f"download {repository} --repo-type dataset --local-dir {name}`, bring the folder {name} "
        "here and give it as the source"
    )


def _is_clone(path: Path) -> bool:
    if _card(path).get("configs") or _card(path).get("dataset_info"):
        return True
    return any(f for p in ("*.parquet", "*/*.parquet") for f in path.glob(p))


def _fits(path: Path, layout: Layout) -> bool | None:
    """Whether the clone has a configuration of the layout and, in it, one of its text columns.

    XNLI's and PAWS-X's configurations have the same names, so the names alone do not tell. None
    where no file can be read: then loading it says what is wrong.
    """
    declared = _configs(path)
    names = [n for n in layout.configs.values() if n in declared or (path / n).is_dir()]
    if not names:
        return False
    columns = [field["name"] for field in _fields(path, names[0])]
    files = iter([file for split in SPLIT_WORDS for file in _files(path, names[0], split)])
    while not columns and (file := next(files, None)):
        try:
            columns = parquet.schema(file).names
        except SaltError:
            continue
    return not set(columns).isdisjoint(layout.columns[:-1]) if columns else None


def _files(path: Path, config: str, split: str) -> list[Path]:
    """The Parquet files in the clone that belong to this split of this configuration, sorted."""
    entry = _configs(path).get(config)
    if entry is None:
        if not (path / config).is_dir():
            return []
        entry = {"data_dir": config}
    patterns, by_name = _patterns(entry, split)
    try:
        candidates = {file for pattern in patterns for file in path.glob(pattern)}
        inside = Path(os.path.abspath(path))
        if outside := [f for f in candidates if inside not in Path(os.path.abspath(f)).parents]:
            raise ValueError(f"{outside[0]} lies outside the repository")
    except (ValueError, NotImplementedError) as error:
        raise SaltError(f"{path / 'README.md'}: data_files {patterns}: {error}") from error
    word = rf"(^|[-._ 0-9/])({'|'.join(SPLIT_WORDS[split])})([-._ 0-9/]|$)"
    return sorted(
        file
        for file in candidates
        if file.suffix == ".parquet"
        and (not by_name or re.search(word, file.relative_to(path).as_posix()))
    )


def _patterns(entry: Mapping | None, split: str) -> tuple[list[str], bool]:
    """The card's patterns for the split's files; whether the names tell which of them are its."""
    if entry is None:
        return [], False
    folder = f"{entry['data_dir'].strip('/')}/" if entry.get("data_dir") else ""
    data = entry.get("data_files") or ["**/*.parquet"]
    items = data if isinstance(data, list) else [data]
    if isinstance(items[0], Mapping):
        paths = [item["path"] for item in items if item["split"] in SPLIT_WORDS[split]]
        return [
            folder + pattern
            for path in paths
            for pattern in (path if isinstance(path, list) else [path])
        ], False
    return [folder + pattern for pattern in items], True


def _configs(path: Path) -> dict[str, Mapping]:
    """Configuration → what the card says of its files."""
    entries = _card(path).get("configs") or []
    # Cards of old had a plain list of names.
    return {entry["config_name"]: entry for entry in entries if isinstance(entry, Mapping)}


def _fields(path: Path, config: str) -> list[Mapping]:
    """The features of a configuration, as far as the card has them."""
    infos = _card(path).get("dataset_info") or []
    for info in infos if isinstance(infos, list) else [infos]:
        if info.get("config_name", config) == config:
            return info.get("features") or []
    return []


def _class_names(path: Path, config: str, column: str) -> list[str] | None:
    """The names of a column's classes, in the order of their ids, if the card has them."""
    for field in _fields(path, config):
        if field["name"] == column:
            kind = field.get("dtype") or field.get("sequence") or field.get("list")
            names = kind.get("class_label", {}).get("names") if isinstance(kind, Mapping) else None
            if isinstance(names, Mapping):
                return [str(names[key]) for key in sorted(names, key=int)]
            return names and [str(name) for name in names]
    return None


def _card(path: Path) -> Mapping:
    card = path / "README.md"
    return _parsed(card, card.stat().st_mtime_ns) if card.is_file() else {}


@lru_cache(maxsize=16)
def _parsed(card: Path, changed: int) -> Mapping:
    """The metadata at the top of a dataset card; ``changed`` keeps the cache honest."""
    from huggingface_hub import metadata_load

    try:
        return metadata_load(card) or {}
    except Exception as error:  # yaml's kinds, OSError, UnicodeDecodeError
        raise SaltError(
            f"{card}: the metadata at the top can't be read ({parquet.one_line(error)}); fetch the "
            "file again"
        ) from error

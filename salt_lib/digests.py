"""What a result depends on, in digits: values, the content of files, and the sources behind it.

Files of results hold a checksum of all else that they say, so that no flipped bit is taken for a
number. Those of before there were checksums have none, and are taken as they are.

A module's sources are the module itself and all of ours that it imports, directly or not, as syntax
trees without comments and docstrings: no wording makes a result stale, and no module that a result
passes through is forgotten. Rows of a table count where they are used, one by one, not as a table.

Chapter: How the code is laid out.
"""

import ast
import hashlib
import importlib.util
import json
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from .errors import SaltError
from .files import write_json

PACKAGE = Path(__file__).parent
# They say what is wrong, write files and make digests: no number comes from them.
NEUTRAL = ("errors", "files", "digests")
# Tables whose rows are part of what is digested beside the sources (`study.provenance`).
TABLES = {
    "salt.methods": ("_ROWS", "_WORLD_ROWS", "MAIN"),
    "laboratory.tasks": ("PAIR_TASKS", "WORLD_TASKS", "TAG_TASKS", "CONFIGS", "METHOD_CONFIGS"),
    "laboratory.deeper": ("CONFIGS",),
    "laboratory.pictures.conditions": ("_ROWS",),
    "laboratory.intermediate.conditions": ("_ROWS", "STEPS", "BEST"),
    "laboratory.bitext.cells": ("_ROWS", "CELLS"),
    "laboratory.programs.cells": ("SIZES", "GRID", "CONTROLS", "CELLS", "HELD_OUT"),
}


def digest(*parts: object) -> str:
    """SHA-256, in hex, of values by their ``repr`` and of files (each a `Path`) by their content.

    Of a file its name counts as well, but not the folder that it lies in.
    """
    hasher = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            text = f"{part.name}\0{content(part)}"
        else:
            text = repr(part)
        hasher.update(f"{len(text)}\0{text}".encode())
    return hasher.hexdigest()


def content(path: Path) -> str:
    """SHA-256, in hex, of what a file holds."""
    stat = path.stat()
    return _content(path, stat.st_size, stat.st_mtime_ns)


@cache
def _content(path: Path, size: int, changed: int) -> str:
    # Size and time are the cache's key only: a file may be made anew while a notebook is open.
    hasher = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 22):
            hasher.update(block)
    return hasher.hexdigest()


def checksum(value: object) -> str:
    """SHA-256, in hex, of a value as it stands in a JSON file, whatever the order of its keys."""
    return digest(json.dumps(value, sort_keys=True, allow_nan=False))


def checked(value: Any) -> dict[str, Any]:
    """A JSON object without its checksum. ValueError: it is none, or its checksum is another."""
    if not isinstance(value, dict):
        raise ValueError("not an object")
    rest = {key: item for key, item in value.items() if key != "checksum"}
    if "checksum" in value and value["checksum"] != checksum(rest):
        raise ValueError("its checksum does not match: it was damaged or edited")
    return rest


def read_checked(path: str | Path) -> dict[str, Any]:
    """What `write_checked` wrote. SaltError: it can't be read, or isn't what was written."""
    try:
        return checked(json.loads(Path(path).read_bytes()))
    except OSError as error:
        raise SaltError(f"{path}: can't be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise SaltError(
            f"{path}: not as it was written ({error}); restore it ('git checkout' for what ships "
            "with the package), or make it again"
        ) from error


def write_checked(path: str | Path, value: object) -> None:
    """Write a JSON object with its checksum, atomically; see `files.write_json` for errors."""
    rest = json.loads(json.dumps(value, allow_nan=False))
    write_json(path, {**rest, "checksum": checksum(rest)})


@cache
def sources(module: str, package: Path = PACKAGE) -> str:
    """SHA-256, in hex, of the code that ``module`` (``salt_lib.laboratory.run``) runs through.

    Read once per process, for a process goes on with the modules that it has loaded. package: the
    folder of ``salt_lib``.
    """
    hasher = hashlib.sha256()
    for name, path in sorted(modules(module, package).items()):
        tree = ast.parse(path.read_bytes())
        code = ast.unparse(_bare(tree, TABLES.get(name, ())))
        hasher.update(f"{name}\0{len(code)}\0{code}".encode())
        for data in _data(tree, path):
            text = data.read_bytes().replace(b"\r\n", b"\n")
            hasher.update(f"{data.name}\0{len(text)}\0".encode() + text)
    return hasher.hexdigest()


def modules(module: str, package: Path = PACKAGE) -> dict[str, Path]:
    """Name → file of ``module`` and of all of ours that it imports; names lack ``salt_lib.``."""
    files: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        inner = name.removeprefix("salt_lib.")
        if inner in files or inner in NEUTRAL:
            continue
        path = _file(inner, package) if name.startswith("salt_lib.") else _foreign(name)
        files[inner] = path
        waiting += [f"salt_lib.{n}" for n in imports(ast.parse(path.read_bytes()), inner, package)]
    return files


def imports(tree: ast.AST, module: str, package: Path = PACKAGE) -> Iterator[str]:
    """The modules of ours that a module's tree imports, at its top or anywhere, for running.

    Imports for type checkers alone (``if TYPE_CHECKING``) are none.
    """
    for node in _running(tree):
        if not isinstance(node, ast.ImportFrom):
            continue
        base = (node.module or "").split(".") if node.module else []
        if node.level:
            base = module.split(".")[: -node.level] + base
        elif base[:1] == ["salt_lib"]:
            base = base[1:]
        else:
            continue
        for alias in node.names:
            inner = ".".join([*base, alias.name])
            if _file(inner, package).is_file():
                yield inner
            elif base and _file(".".join(base), package).is_file():
                yield ".".join(base)


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those for type checkers alone."""
    for child in ast.iter_child_nodes(tree):
        for node in _for_running(child):
            yield node
            yield from _running(node)


def _for_running(node: ast.AST) -> list[ast.AST]:
    """The node itself; of an ``if TYPE_CHECKING`` what runs in its place."""
    if isinstance(node, ast.If) and ast.unparse(node.test).split(".")[-1] == "TYPE_CHECKING":
        return [*node.orelse]
    return [node]


def _file(name: str, package: Path) -> Path:
    return package.joinpath(*name.split(".")).with_suffix(".py")


def _foreign(name: str) -> Path:
    """The file of a runner that is no part of the library."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin) if spec and spec.origin else Path(name)


def _bare(tree: ast.Module, tables: Collection[str]) -> ast.Module:
    """The tree without docstrings, what is for type checkers, and the assignments to ``tables``.

    Annotations of functions go; those of a class's fields stay, for they make a dataclass.
    """
    for node in ast.walk(tree):
        for name in ("body", "orelse"):
            if isinstance(inner := getattr(node, name, None), list):
                setattr(node, name, [one for child in inner for one in _for_running(child)])
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
    tree.body = [node for node in tree.body if _assigned(node) not in tables]
    return tree


def _assigned(node: ast.stmt) -> str | None:
    """The name that a statement gives a value, annotated or not."""
    target = None
    if isinstance(node, ast.Assign):
        target = node.targets[0]
    if isinstance(node, ast.AnnAssign):
        target = node.target
    return target.id if isinstance(target, ast.Name) else None


def _data(tree: ast.Module, path: Path) -> list[Path]:
    """The tables beside a module that it names: ``lexicon.tsv``."""
    named = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.endswith(".tsv")
    }
    return [file for name in sorted(named) if (file := path.parent / name).is_file()]

"""Provenance: the fingerprint changes with what can change a score, and with nothing else."""

import ast
import shutil

import pytest

from salt_lib import files
from salt_lib.laboratory import checkpoints
from salt_lib.study import provenance

SHARED = {"errors", "files"}  # say and write things, and change no score


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package, with a checkpoint for world 7, and its fingerprint anew each time."""
    monkeypatch.setenv("SALT_CHECKPOINTS_DIR", str(tmp_path / "checkpoints"))
    copy = tmp_path / "salt_lib"
    shutil.copytree(
        provenance.PACKAGE, copy, ignore=shutil.ignore_patterns("checkpoints", "__pycache__")
    )
    for name in ("model.safetensors", "README.md"):
        files.write_bytes(copy / "checkpoints" / "world-7" / name, b"as made")

    def now():
        provenance.sources.cache_clear()
        return provenance.fingerprint(7, "mini-xnli", "salt", copy)

    yield copy, now
    provenance.sources.cache_clear()


def append(path, text=b"\n# changed\n"):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes((path.read_bytes() if path.exists() else b"") + text)


def test_the_fingerprint_changes_with_what_influences_a_run(package):
    copy, now = package
    seen = {now()}
    for name in ("train.py", "languages.py", "minibabel/facts.py", "minibabel/lexicon.tsv"):
        append(copy / name)
        seen.add(now())
    append(copy / "minibabel" / "new.py")
    seen.add(now())
    append(copy / "checkpoints" / "world-7" / "model.safetensors")
    seen.add(now())
    (copy / "checkpoints" / "world-7" / "model.safetensors").unlink()
    seen.add(now())
    seen.add(provenance.fingerprint(8, "mini-xnli", "salt", copy))
    seen.add(provenance.fingerprint(7, "mini-paws-x", "salt", copy))
    seen.add(provenance.fingerprint(7, "mini-xnli", "mixup", copy))
    assert len(seen) == 11


def test_the_fingerprint_hashes_the_checkpoint_that_a_run_would_load(package, monkeypatch):
    copy, now = package
    monkeypatch.setattr(checkpoints, "SHIPPED", copy / "checkpoints")
    shipped, made = copy / "checkpoints" / "world-7", copy.parent / "checkpoints" / "world-7"
    alone = now()
    assert checkpoints.checkpoint(7) == shipped
    shutil.copytree(shipped, made)
    append(made / "model.safetensors", b"another")
    assert checkpoints.checkpoint(7) == made and now() != alone
    both = now()
    shutil.rmtree(shipped)
    assert now() == both
    shutil.move(made, shipped)
    assert checkpoints.checkpoint(7) == shipped and now() == both  # where it lies does not matter


def test_the_fingerprint_of_a_library_version(package, monkeypatch):
    _, now = package
    before = now()
    monkeypatch.setattr(provenance, "versions", lambda: {"torch": "0.1"})
    assert now() != before


def test_the_fingerprint_ignores_what_influences_no_run(package):
    copy, now = package
    before = now()
    for name in ("plots/results.py", "plots/__init__.py", "stats.py", "runs.py", "study.py"):
        append(copy / name)
    append(copy / "pretrain.py")
    append(copy / "checkpoints" / "world-7" / "README.md")
    append(copy / "checkpoints" / "world-8" / "model.safetensors")
    languages = copy / "languages.py"
    languages.write_bytes(languages.read_bytes().replace(b"\n", b"\r\n"))
    assert now() == before


def test_no_influence_is_forgotten():
    """A module that a listed module imports is listed too."""
    listed, strangers = set(), set()
    for pattern in provenance.INFLUENCES:
        found = list(provenance.PACKAGE.glob(pattern))
        assert found, f"{pattern} matches no file"
        listed |= set(found)
    for path in (path for path in listed if path.suffix == ".py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not node.level:
                continue
            base = path.parents[node.level - 1]
            parts = (node.module or "").split(".") if node.module else []
            base = base.joinpath(*parts)
            names = [base.with_suffix(".py")] if base.with_suffix(".py").exists() else []
            names = names or [base / f"{alias.name}.py" for alias in node.names]
            strangers |= {
                f"{path.name} imports {name.stem}"
                for name in names
                if name.exists() and name not in listed and name.stem not in SHARED
            }
    assert not strangers


def test_sources_are_read_once_per_process(tmp_path):
    append(tmp_path / "train.py")
    before = provenance.fingerprint(0, "mini-xnli", "salt", tmp_path)
    append(tmp_path / "train.py")
    assert provenance.fingerprint(0, "mini-xnli", "salt", tmp_path) == before

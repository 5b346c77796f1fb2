"""pyproject.toml, the lock, environment.yml and the rest of the shell say the same."""

import ast
import importlib
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = CONFIG["project"]
EXTRAS = PROJECT["optional-dependencies"]
BASE = [Requirement(line) for line in PROJECT["dependencies"]]
DIRECT = BASE + [Requirement(line) for lines in EXTRAS.values() for line in lines]
# Neither the book nor a recorded study of the laboratory uses them, they are large, and two have to
# be built where they are installed.
UNLOCKED = {Requirement(line).name for extra in ("segment", "lemmas") for line in EXTRAS[extra]}
MODULES = {
    "PIL": "pillow",
    "huggingface_hub": "huggingface-hub",
    "tensorboardX": "tensorboardx",
    "sklearn": "scikit-learn",
    "thot": "sil-thot",
    "yaml": "pyyaml",
}


def locked() -> dict[str, Version]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {
        canonicalize_name(pin.name): Version(str(pin.specifier).removeprefix("==")) for pin in pins
    }


def imported(path: Path, top_level: bool) -> set[str]:
    """The packages that a module imports, at its top level or anywhere."""
    tree = ast.parse(path.read_text())
    found = set()
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.partition(".")[0])
    return {name for name in found - sys.stdlib_module_names if name != "salt_lib"}


def test_the_lock_is_exact_lines_and_nothing_else():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    exact = [line.partition(" ; ")[0] for line in pins]  # a marker says where there is no wheel
    assert all(re.fullmatch(r"[a-z0-9-]+==[A-Za-z0-9.]+", line) for line in exact)
    assert [line for line in pins if ";" in line] == [
        "sil-thot==3.5.3 ; sys_platform != 'linux' or platform_machine != 'aarch64'"
    ]
    assert pins == sorted(pins) and len(locked()) == len(pins)
    assert not {"pip", "setuptools", "wheel"} & locked().keys()


def test_the_large_extras_are_not_locked():
    assert not UNLOCKED & locked().keys() and len(UNLOCKED) == 5


@pytest.mark.parametrize(
    "requirement",
    [requirement for requirement in DIRECT if requirement.name not in UNLOCKED],
    ids=lambda requirement: requirement.name,
)
def test_every_direct_dependency_is_locked_within_its_bounds(requirement):
    version = locked()[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(version)


def test_the_book_is_pinned_and_torch_in_the_lock_alone():
    assert str(locked()["torch"]) == "2.13.0"
    assert str(locked()["jupyter-book"]) == "1.0.4.post1"
    asked = {requirement.name: str(requirement.specifier) for requirement in DIRECT}
    assert asked["jupyter-book"] == "==1.0.4.post1" and asked["torch"].startswith(">=")


@pytest.mark.parametrize("path", sorted((ROOT / "salt_lib").rglob("*.py")), ids=lambda p: p.name)
def test_what_the_library_imports_is_declared(path):
    base, declared = ({canonicalize_name(r.name) for r in rs} for rs in (BASE, DIRECT))
    assert {MODULES.get(name, name) for name in imported(path, top_level=True)} <= base
    assert {MODULES.get(name, name) for name in imported(path, top_level=False)} <= declared


def test_the_salt_command_is_there():
    module, _, name = PROJECT["scripts"]["salt"].partition(":")
    assert callable(getattr(importlib.import_module(module), name))


def test_conda_and_binder_install_the_lock_and_this_checkout():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *conda, pip = environment["dependencies"]
    assert pip == {"pip": ["-r requirements.lock", "-e ."]}
    assert set(conda) == {"python=3.11", "pip"}


def test_python_versions_agree():
    assert PROJECT["requires-python"] == ">=3.11"
    assert CONFIG["tool"]["ruff"]["target-version"] == "py311"
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "book.yml").read_text())
    setup = [step for step in workflow["jobs"]["build"]["steps"] if "setup-python" in str(step)]
    assert setup[0]["with"]["python-version"] == "3.11"
    assert "(3, 11)" in (ROOT / "Makefile").read_text()


def test_pre_commit_runs_the_lock_s_ruff():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert config["repos"][0]["rev"] == f"v{locked()['ruff']}"


def test_citation_names_the_version_and_licence():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert citation["repository-code"] == PROJECT["urls"]["Repository"]

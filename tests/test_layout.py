"""Every module has its tests in the mirrored place, and imports point one way."""

import ast
from graphlib import TopologicalSorter

import pytest
from places import TESTS

from salt_lib.digests import PACKAGE, imports

PATHS = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
# By what a module is called; a package's own file is its ``__init__``.
MODULES = {name: path for name, path in PATHS.items() if not path.stem.startswith("__")}
PACKAGES = {name: path for name, path in PATHS.items() if path.stem == "__init__"}
# From left to right: a module imports those of its own place, and those to the left.
ORDER = (
    *("errors", "files", "digests", "languages", "data", "models", "salt", "training"),
    *("pretraining", "study", "laboratory real", "audit", "plots", "api", "cli", "__main__"),
)
PLACE = {name: place for place, names in enumerate(ORDER) for name in names.split()}
# Of the library as a whole, or of what stands beside it.
OTHERS = {
    *("architectures", "benchmarks", "book", "environment", "faults", "history", "layout", "make"),
    *("panx", "real_words", "tokenizers"),
}


def tree(path):
    return ast.parse(path.read_bytes())


def imported(name):
    return set(imports(tree(PATHS[name]), name))


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_its_test_file(name):
    *folders, module = name.split(".")
    assert TESTS.joinpath(*folders, f"test_{module}.py").is_file()


def test_every_test_file_has_its_module():
    found = set()
    for path in TESTS.rglob("test_*.py"):
        *folders, file = path.relative_to(TESTS).with_suffix("").parts
        if folders[:1] != ["browser"]:
            found.add(".".join([*folders, file.removeprefix("test_")]))
    assert found - set(MODULES) == OTHERS


def test_every_package_has_its_place():
    assert {name.split(".")[0] for name in PATHS} - {"__init__"} == set(PLACE)


@pytest.mark.parametrize("name", PATHS)
def test_imports_point_one_way(name):
    own = name.split(".")[0]
    for other in imported(name):
        top = other.split(".")[0]
        left = PLACE[top] < PLACE.get(own, len(ORDER))
        assert top == own or left, f"{name} imports {other}"


def test_real_data_and_the_laboratory_know_nothing_of_each_other():
    for name in PATHS:
        tops = {other.split(".")[0] for other in imported(name)}
        if name.startswith("real."):
            assert "laboratory" not in tops, name
        if name.startswith("laboratory."):
            assert "real" not in tops, name


def test_no_module_imports_itself_by_way_of_others():
    graph = {name: imported(name) for name in MODULES}
    order = list(TopologicalSorter(graph).static_order())  # CycleError names a circle
    assert set(order) == set(MODULES)


@pytest.mark.parametrize("name", PATHS)
def test_what_is_ours_is_imported_by_from(name):
    """Which is what digests look for (`salt_lib.digests.imports`)."""
    for node in ast.walk(tree(PATHS[name])):
        if isinstance(node, ast.Import):
            assert not [alias for alias in node.names if alias.name.startswith("salt_lib")]


@pytest.mark.parametrize("name", [name for name in PACKAGES if name != "__init__"])
def test_a_package_says_what_it_is_and_holds_nothing_itself(name):
    body = tree(PACKAGES[name]).body
    assert len(body) == 1 and ast.get_docstring(ast.Module(body, []))


@pytest.mark.parametrize("name", MODULES)
def test_no_text_is_read_behind_a_tokenizer_s_back(name):
    """What lies behind it pads and cuts as it was last told to, by whoever used it."""
    named = [n.attr for n in ast.walk(tree(PATHS[name])) if isinstance(n, ast.Attribute)]
    assert "backend_tokenizer" not in named or not {"encode", "encode_batch"} & set(named)

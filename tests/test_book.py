"""When the book is built, and that its pages, settings and modules fit together."""

import ast
import doctest
import importlib.util
import os
import pydoc
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest
import yaml
from jupyter_cache import get_cache
from myst_nb.core.read import myst_nb_reader_plugin
from pybtex.database import parse_file
from sphinx_external_toc.parsing import parse_toc_yaml

from salt_lib.plots import house

ROOT = Path(__file__).parents[1]
PAGES = list(parse_toc_yaml(ROOT / "_toc.yml"))
API = [page for page in PAGES if page.startswith("book/api")]
TEXTS = {page: (ROOT / page).read_text() for page in PAGES}
# Title → text of each page.
TITLES = {re.search(r"^# (.*)", text, re.MULTILINE)[1]: text for text in TEXTS.values()}
# Stands in for Jupyter Book: a page that counts the builds, or a failure where a cell is broken.
BUILDER = """
import pathlib, sys
if "broken" in pathlib.Path("notebooks/01_x.md").read_text():
    sys.exit(1)
page = pathlib.Path("_build/html/index.html")
page.parent.mkdir(parents=True)
page.write_text("")
with open("builds", "a") as file:
    file.write(".")
"""


def load_build():
    spec = importlib.util.spec_from_file_location("build", ROOT / "book" / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    monkeypatch.delenv("SALT_RUNS_DIR", raising=False)
    files = [
        "salt_lib/train.py",
        "notebooks/01_x.md",
        "book/a.md",
        "salt_lib/recorded/a.json",
        "_toc.yml",
    ]
    for name in [*files, "runs/world-0/seed-00.json", "requirements.lock"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("one")
    (tmp_path / "salt_lib" / "__init__.py").write_text("")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def build(checkout) -> tuple[int, int]:
    """The exit status of a build, and how many have been made so far."""
    status = load_build().build(checkout, [sys.executable, "-c", BUILDER])
    count = checkout / "builds"
    return status, len(count.read_text()) if count.exists() else 0


def test_another_clones_library_does_not_make_the_pages(
    checkout, tmp_path_factory, capsys, monkeypatch
):
    other = tmp_path_factory.mktemp("other") / "salt_lib"
    other.mkdir()
    (other / "__init__.py").write_text("")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(other.parent), str(checkout)]))
    assert build(checkout) == (2, 0)
    told = capsys.readouterr().err
    assert str(other) in told and "not by this checkout's salt_lib" in told


def test_the_kernel_is_the_python_that_builds_whatever_the_users_is(
    checkout, tmp_path, monkeypatch
):
    foreign = tmp_path / "foreign" / "kernels" / "python3"
    foreign.mkdir(parents=True)
    (foreign / "kernel.json").write_text('{"argv": ["/another/python"], "display_name": "x"}')
    monkeypatch.setenv("JUPYTER_PATH", str(foreign.parents[1]))
    code = "from jupyter_client.kernelspec import get_kernel_spec as s; print(s('python3').argv[0])"
    variables = load_build().environment(checkout)
    done = subprocess.run(
        [sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == sys.executable


def test_the_pages_look_alike_whatever_the_users_matplotlibrc_says(checkout, tmp_path, monkeypatch):
    (tmp_path / "matplotlibrc").write_text("legend.fontsize: 30\naxes.edgecolor: red\n")
    monkeypatch.setenv("MATPLOTLIBRC", str(tmp_path / "matplotlibrc"))
    variables = load_build().environment(checkout)
    code = (
        "import matplotlib as m; print(m.rcParams['legend.fontsize'], m.rcParams['axes.edgecolor'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["11.0", "#6E6E6E"] and not done.stderr


def test_a_build_that_can_t_be_removed_is_said(checkout, capsys, monkeypatch):
    (checkout / "_build").mkdir()
    module = load_build()
    monkeypatch.setattr(module.shutil, "rmtree", lambda *_, **__: None)  # another user's
    assert module.build(checkout, [sys.executable, "-c", BUILDER]) == 2
    assert "is it another user's" in capsys.readouterr().err


def test_a_text_that_is_older_than_its_outputs_opens():
    """As after a pull, or out of a zip: by default JupyterLab would refuse it."""
    config = jupytext.config.load_jupytext_config(str(ROOT / "notebooks" / "01_transfer.md"))
    assert config.outdated_text_notebook_margin == float("inf")


def test_a_second_build_with_nothing_changed_does_nothing(checkout, capsys):
    assert build(checkout) == (0, 1)
    assert build(checkout) == (0, 1)
    assert "nothing has changed" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name",
    [
        "salt_lib/train.py",
        "notebooks/01_x.md",
        "book/a.md",
        "salt_lib/recorded/a.json",
        "runs/world-0/seed-00.json",
        "requirements.lock",
        "_toc.yml",
        "salt_lib/new.py",
    ],
)
def test_any_source_that_changes_rebuilds_all(checkout, name):
    build(checkout)
    leftover = checkout / "_build" / ".jupyter_cache"
    leftover.mkdir()
    (checkout / name).write_text("two")
    assert build(checkout) == (0, 2)
    assert not leftover.exists()


def test_what_tools_leave_behind_changes_nothing(checkout):
    build(checkout)
    for name in ["salt_lib/__pycache__/a.pyc", "notebooks/01_x.ipynb", "book/.a.swp"]:
        (checkout / name).parent.mkdir(exist_ok=True)
        (checkout / name).write_text("")
    assert build(checkout) == (0, 1)


def test_a_failed_build_fails_the_second_time_too(checkout):
    assert build(checkout) == (0, 1)
    (checkout / "notebooks" / "01_x.md").write_text("broken")
    assert build(checkout) == (1, 1)
    assert build(checkout) == (1, 1)
    (checkout / "notebooks" / "01_x.md").write_text("one")
    assert build(checkout) == (0, 2)


def test_a_build_that_was_cut_off_is_made_again(checkout):
    build(checkout)
    (checkout / "_build" / "finished").unlink()
    assert build(checkout) == (0, 2)


def test_pages_read_the_runs_of_the_variable_or_the_checkout(checkout, monkeypatch):
    module = load_build()
    assert module.environment(checkout)["SALT_RUNS_DIR"] == str(checkout / "runs")
    monkeypatch.setenv("SALT_RUNS_DIR", str(checkout / "elsewhere"))
    assert module.runs(checkout) == checkout / "elsewhere"


def test_pages_read_the_cache_and_the_checkpoints_of_the_checkout(checkout, monkeypatch):
    monkeypatch.delenv("SALT_CACHE_DIR", raising=False)
    monkeypatch.setenv("SALT_CHECKPOINTS_DIR", str(checkout / "elsewhere"))
    found = load_build().environment(checkout)
    assert found["SALT_CACHE_DIR"] == str(checkout / "cache")
    assert found["SALT_CHECKPOINTS_DIR"] == str(checkout / "elsewhere")


NOTEBOOK = """---
kernelspec:
  name: python3
  display_name: Python 3
---

# A page

```{{code-cell}} ipython3
import os
{line}
```
"""


def test_notebooks_are_executed_side_by_side_into_the_cache(tmp_path):
    module = load_build()
    lines = ("print(os.environ['SAID'], os.environ['OMP_NUM_THREADS'])", "1 / 0")
    paths = [tmp_path / name for name in ("good.md", "bad.md")]
    for path, line in zip(paths, lines, strict=True):
        path.write_text(NOTEBOOK.format(line=line))
    before = dict(os.environ)
    module.execute(tmp_path / "cache", paths, 2, 60, os.environ | {"SAID": "hello"})
    assert dict(os.environ) == before
    cache = get_cache(tmp_path / "cache")
    good, bad = (myst_nb_reader_plugin(str(path)) for path in paths)
    _, merged = cache.merge_match_into_notebook(good)
    assert merged.cells[-1].outputs[0].text == "hello 1\n"
    with pytest.raises(KeyError):
        cache.match_cache_notebook(bad)


def test_pages_with_cells_are_executed_the_largest_first():
    found = load_build().pages(ROOT)
    assert {path.name for path in found} >= {path.name for path in ROOT.glob("notebooks/*.md")}
    assert ROOT / "book" / "bibliography.md" not in found
    sizes = [len(path.read_text()) for path in found]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_there_with_its_extension(page):
    assert page.endswith(".md") and (ROOT / page).is_file()


def test_every_notebook_is_a_page():
    assert {p for p in PAGES if p.startswith("notebooks/")} == {
        f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.md")
    }


def test_the_api_pages_have_every_package_and_module_from_the_ground_up():
    said = "".join((ROOT / page).read_text() for page in API)
    named = re.findall(r"automodule:: salt_lib\.(\S+)", said)
    # Of the command line the package alone: it has its own help.
    modules = {name for name, _ in house.modules() if house.room_of(name) != "cli"}
    assert sorted(named) == sorted(modules | set(house.contents()))
    floors = [house.ROOMS.index(house.room_of(name)) for name in named[2:]]
    assert named[:2] == ["api", "cli"] and floors == sorted(floors)


def test_every_package_has_a_page_and_an_example_that_says_what_it_prints():
    """Modules that stand alone have their page together; of the command line there is the help."""
    pages = {Path(page).stem: (ROOT / page).read_text() for page in API}
    for name in house.contents():
        if "." not in name and name in {*house.GROUND, "api", "cli"}:
            continue
        assert f"automodule:: salt_lib.{name}\n" in pages[name.split(".")[-1]]
        found = doctest.testmod(importlib.import_module(f"salt_lib.{name}"))
        assert found.attempted >= 3 and not found.failed, name
        examples = [
            line for line in house.contents()[name].splitlines() if line[:3] in (">>>", "...")
        ]
        assert max(map(len, examples)) <= 78, name  # no block scrolls sideways at 1280 pixels


def test_every_module_names_a_chapter_that_there_is():
    for name, path in house.modules():
        chapters = house.chapters(ast.get_docstring(ast.parse(path.read_text())) or "")
        assert chapters and set(chapters) <= {*TITLES, "all of them"}, (name, chapters)


def test_chapters_and_packages_name_each_other():
    for name, docstring in house.contents().items():
        chapters = house.chapters(docstring)
        assert chapters and set(chapters) <= {*TITLES, "all of them"}, (name, chapters)
        for chapter in set(chapters) - {"all of them"}:
            line = re.search(r"^\*Packages?: .*?\*$", TITLES[chapter], re.DOTALL | re.MULTILINE)
            assert line and f"salt_lib.{name}`" in line[0], (name, chapter)


def test_settings_that_a_reader_would_miss():
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    assert config["only_build_toc_files"] is True
    assert config["execute"]["execute_notebooks"] == "force"
    assert config["execute"]["raise_on_error"] and not config["execute"]["allow_errors"]
    assert config["sphinx"]["recursive_update"] is True
    assert config["sphinx"]["config"]["html_css_files"] == ["custom.css", "notebook.css"]
    assert config["launch_buttons"]["binderhub_url"]


ROLE = re.compile(r"\{(glue:\w+|cite(:\w)?|mod|func|class|attr|data|numref|ref|doc|sub|eval)\}`")
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.md"))
BIBLIOGRAPHY = parse_file(str(ROOT / "book" / "references.bib")).entries


def names_of(entry) -> str:
    """How the text cites a work: "Holm", "Wu and Dredze", "Wang et al."."""
    people = entry.persons.get("author") or entry.persons["editor"]
    names = [" ".join(str(name) for name in person.rich_last_names) for person in people]
    return " and ".join(names) if len(names) < 3 else f"{names[0]} et al."


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.name)
def test_a_notebook_reads_the_same_where_there_are_no_roles(path):
    """In JupyterLab a role stays raw, a link without a text is nothing, and code is not removed."""
    cells = jupytext.read(path).cells
    for cell in cells:
        text = cell.source
        if cell.cell_type == "markdown" or "Markdown(" in text:
            assert not ROLE.search(text), text
            assert not re.search(r"\[\]\(|^```\{|^:::", text, re.MULTILINE), text
            # A number before a dot at the beginning of a line is a list's.
            assert not re.search(r"^\s*\{[^{}]+\}[.)](\s|$)", text, re.MULTILINE), text
        tags = set(cell.metadata.get("tags", []))
        assert not tags & {"remove-cell", "remove-input"}
        hidden = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        assert hidden == bool(tags & {"hide-input", "hide-cell"}), text
        if cell.cell_type == "code" and not hidden:  # no block scrolls sideways at 1280 pixels
            assert max(map(len, text.splitlines())) <= 78, text
    first = next(c.source for c in cells if c.cell_type == "code" and "import" in c.source)
    assert "display(sheet())" in first


@pytest.mark.parametrize("page", [page for page in PAGES if "{code-cell}" in TEXTS[page]])
def test_what_a_page_imports_from_the_library_is_there(page):
    code = "\n".join(re.findall(r"```{code-cell}[^\n]*\n(.*?)\n```", TEXTS[page], re.DOTALL))
    named = re.findall(r"^ *from (salt_lib[\w.]*) import (\([^)]*\)|[^\n]*)", code, re.MULTILINE)
    assert named
    for module, names in named:
        for name in re.findall(r"(\w+)(?: as \w+)?(?:,|\)|\n|$)", names):
            assert pydoc.locate(f"{module}.{name}") is not None, f"{page}: {module}.{name}"


def test_notebooks_use_what_they_import():
    for path in NOTEBOOKS:
        code = [c.source for c in jupytext.read(path).cells if c.cell_type == "code"]
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "ruff",
                "check",
                "--select",
                "F",
                "--output-format",
                "concise",
                "-",
            ],
            input="\n".join(code),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{path.name}: {done.stdout}"


def test_notebooks_cite_what_the_bibliography_has():
    works = {
        entry.fields.get("url") or f"https://doi.org/{entry.fields['doi']}": entry
        for entry in BIBLIOGRAPHY.values()
    }
    cited = 0
    for path in NOTEBOOKS:
        text = path.read_text()
        for said, address in re.findall(r"\[([^\]]*?\(?\d{4}\)?)\]\((http[^)]*)\)", text):
            entry = works[address]
            assert said.replace("(", "").replace(")", "") == (
                f"{names_of(entry)} {entry.fields['year']}"
            )
            cited += 1
    assert cited > 30


def test_the_library_s_names_in_notebooks_are_there():
    for path in NOTEBOOKS:
        for name in set(re.findall(r"`(salt_lib(?:\.\w+)+)`", path.read_text())):
            assert pydoc.locate(name) is not None, f"{path.name}: {name}"


def test_names_of_the_library_link_to_the_reference(tmp_path):
    (tmp_path / "conf.py").write_text("extensions = ['api_links']\n")
    (tmp_path / "index.rst").write_text(
        "Page\n====\n\n``salt_lib.a``, ``salt_lib.b``, ``salt``\n\n.. py:module:: salt_lib.a\n"
    )
    subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", str(tmp_path), str(tmp_path / "out")],
        env=os.environ | {"PYTHONPATH": str(ROOT / "book" / "_ext")},
        check=True,
    )
    links = re.findall(
        r'<a [^>]*href="#module-salt_lib\.(\w)"[^>]*><code',
        (tmp_path / "out" / "index.html").read_text(),
    )
    assert links == ["a"]


TOLD = '''
from typing import NamedTuple
from numpy.typing import ArrayLike


class Two(NamedTuple):
    """A name and a number."""

    name: str
    number: int


def told(ids: list, low: int, high: int, other: ArrayLike) -> float:
    """How far; a sum.

    ids: the tokens, (n,),
    in order. low, high: from where; to where. Returns a length. Raises
    SaltError for no: tokens.

    >>> told(low: 1)
    """
'''


def test_what_a_docstring_tells_of_parameters_becomes_a_list(tmp_path):
    (tmp_path / "conf.py").write_text(
        "extensions = ['sphinx.ext.autodoc', 'parameters']\nautodoc_typehints = 'description'\n"
        "autodoc_typehints_format = 'short'\n"
    )
    (tmp_path / "index.rst").write_text("Page\n====\n\n.. automodule:: told\n   :members:\n")
    (tmp_path / "told.py").write_text(TOLD)
    out, path = tmp_path / "out", (str(ROOT / "book" / "_ext"), str(tmp_path))
    subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "text", str(tmp_path), str(out)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path)},
        check=True,
    )
    text = " ".join((out / "index.txt").read_text().split())
    for said in (
        "How far; a sum.",
        "* **ids** (*list*) -- the tokens, (n,), in order.",
        "* **low** (*int*) -- from where; to where.",
        "* **high** (*int*) -- from where; to where.",
        "* **other** (*ArrayLike*)",
        "Returns: a length.",
        "Raises: **salt_lib.errors.SaltError** -- for no: tokens.",
        "Return type: float",
        ">>> told(low: 1)",
    ):
        assert said in text, (said, text)
    assert "* **number** (*int*)" in text and "Alias for field" not in text


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.name)
def test_saving_a_notebook_in_jupyterlab_changes_nothing_else(path):
    """The text is as jupytext writes it: an edit shows in a diff as that edit alone."""
    text = path.read_text()
    header = "---\n".join(text.split("---\n", 2)[:2])
    written = jupytext.writes(jupytext.reads(text, fmt="md:myst"), fmt="md:myst")
    assert written.split("---\n", 2)[2] == text.split("---\n", 2)[2]
    assert "display_name: Python 3 (ipykernel)" in header  # as ipykernel calls itself
    assert "jupytext_version" not in header

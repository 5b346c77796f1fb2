"""The map is drawn from the sources, and an import that points up is found."""

import pytest
from drawn import check
from matplotlib.patches import FancyArrowPatch

from salt_lib.plots import house, style

FILES = {
    "__init__.py": '"""A tiny library."""\n',
    "__main__.py": "from .cli.main import app\n",
    "errors.py": "class SaltError(Exception):\n    pass\n",
    "data/__init__.py": '"""Rows.\n\nChapter: At paper scale.\n"""\n',
    "data/examples.py": "from ..errors import SaltError\n",
    "models/__init__.py": '"""Models."""\n',
    "models/loading.py": "from ..data import examples\nfrom ..data.examples import SaltError\n",
    "models/fusion.py": "from . import loading\nfrom ..data.examples import SaltError\n",
    "laboratory/__init__.py": (
        '"""A world.\n\nChapters: The laboratory; Feature aggregation\n(tags).\n"""\n'
    ),
    "laboratory/minibabel/__init__.py": '"""Facts."""\n',
    "laboratory/minibabel/facts.py": "from ...errors import SaltError\n",
    "laboratory/run.py": (
        "from typing import TYPE_CHECKING\n"
        "from .minibabel.facts import SaltError\n"
        "if TYPE_CHECKING:\n    from ..plots import style\n"
        "def later():\n    from ..models.loading import examples\n"
    ),
    "cli/__init__.py": "",
    "cli/main.py": "from salt_lib.laboratory import run\n",
}


@pytest.fixture
def tiny(tmp_path):
    package = tmp_path / "salt_lib"
    for name, text in FILES.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    return package


def test_rooms_are_counted(tiny):
    rooms = house.rooms(tiny)
    assert rooms["models"] == house.Room(2, 4)
    assert rooms["laboratory"].modules == 2  # that of its inner package among them
    assert rooms["cli"].modules == 2 and rooms["ground"] == house.Room(1, 2)
    assert set(rooms) == {"ground", "data", "models", "laboratory", "cli"}


def test_arrows_are_the_imports_between_rooms(tiny):
    assert house.arrows(tiny) == {
        ("data", "ground"): 1,
        ("models", "data"): 2,  # two modules, one of which imports twice
        ("laboratory", "ground"): 1,
        ("laboratory", "models"): 1,  # inside a function; what is for type checkers is none
        ("cli", "laboratory"): 1,
    }
    assert house.against(house.arrows(tiny)) == []


@pytest.mark.parametrize(
    ("file", "line", "arrow"),
    [
        ("data/examples.py", "from ..models import loading", ("data", "models")),
        ("errors.py", "from .cli.main import app", ("ground", "cli")),
        ("laboratory/run.py", "from ..real.run import one", ("laboratory", "real")),
        ("models/fusion.py", "from ..attic import old", ("models", "attic")),
    ],
)
def test_an_arrow_that_points_up_aside_or_nowhere_is_found(tiny, file, line, arrow):
    for name in ("real/run.py", "attic/old.py"):
        (tiny / name).parent.mkdir()
        (tiny / name).write_text("one = 1\n")
    (tiny / file).write_text(FILES[file] + line + "\n")
    assert house.against(house.arrows(tiny)) == [arrow]


def test_no_import_of_the_library_points_up():
    assert house.against(house.arrows()) == []
    assert set(house.rooms()) == set(house.ROOMS)


def test_the_real_side_knows_nothing_of_the_laboratory():
    found = house.arrows()
    assert found["laboratory", "salt"] and found["real", "salt"]
    assert not found["real", "laboratory"] and not found["laboratory", "real"]


def test_what_docstrings_say_of_chapters(tiny):
    contents = house.contents(tiny)
    names = ["errors", "data", "models", "laboratory", "laboratory.minibabel", "cli"]
    assert list(contents) == names
    assert house.chapters(contents["data"]) == ["At paper scale"]
    assert house.chapters(contents["laboratory"]) == ["The laboratory", "Feature aggregation"]
    assert house.chapters(contents["models"]) == []
    assert house.chapters("A source. Chapter: Zero-shot transfer, and what SALT claims.") == [
        "Zero-shot transfer, and what SALT claims"
    ]


def test_the_house_is_drawn(tiny):
    _, ax = style.figure(4)
    assert house.house(ax, tiny) is ax
    texts = [text.get_text() for text in ax.texts]
    assert texts[::2] == [
        "errors, files, digests, languages",
        "data",
        "models",
        "laboratory",
        "cli",
    ]
    assert texts[1] == "1 module, 2 lines" and texts[5] == "2 modules, 4 lines"
    assert sum(isinstance(patch, FancyArrowPatch) for patch in ax.patches) == 5


def test_it_is_legible_on_a_phone():
    figure, ax = style.figure(7.8)
    house.house(ax)
    check(figure)

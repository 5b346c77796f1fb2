"""A digest changes with what can change a number, and with nothing else, in both directions."""

import ast
import importlib
import json
import random
import shutil
import subprocess
import sys

import pytest
from places import ROOT, environment

from salt_lib import digests
from salt_lib.digests import digest, imports, modules, sources
from salt_lib.errors import SaltError
from salt_lib.files import RECORDED
from salt_lib.laboratory.checkpoints import SHIPPED

LABORATORY = "salt_lib.laboratory.run"
REAL = "salt_lib.real.run"
# Whose digests are part of the names of the files of predictions.
PREDICTIONS = ("salt_lib.laboratory.predictions", "salt_lib.salt.substitutions")
RUNNERS = (LABORATORY, REAL)
RECORDS = sorted(
    [
        *RECORDED.rglob("*.json"),
        *SHIPPED.glob("*/curve.json"),
        *(ROOT / "checkpoints").glob("*/curve.json"),
    ]
)


# Values and files


def test_values_count_one_by_one():
    assert digest("a", "b") == digest("a", "b") and len(digest()) == 64
    seen = {digest(*parts) for parts in (("a", "b"), ("ab",), ("b", "a"), (("a", "b"),), ("a",))}
    assert len(seen) == 5 and digest(1) != digest("1") != digest(1.0)


def test_what_is_written_with_a_checksum_comes_back(tmp_path):
    value = {"b": [1, 2.5, None], "a": "แพะ", "n": {2: 1, 10: (1 / 3,)}}
    digests.write_checked(tmp_path / "a.json", value)
    assert digests.read_checked(tmp_path / "a.json") == json.loads(json.dumps(value))
    (tmp_path / "old.json").write_text(json.dumps(value))  # of before there were checksums
    assert digests.read_checked(tmp_path / "old.json") == json.loads(json.dumps(value))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[1]", "not an object"),
        ("{", "not as it was written"),
        ("[" * 100_000, "not as it was written"),
        ('{"a": 1, "checksum": "0"}', "its checksum does not match"),
        ('{"a": 1, "checksum": null}', "its checksum does not match"),
        ('{"a": NaN, "checksum": "0"}', "not as it was written"),
    ],
)
def test_what_has_another_checksum_or_is_no_object_is_an_error(tmp_path, text, reason):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(SaltError, match=f"a.json: .*{reason}"):
        digests.read_checked(tmp_path / "a.json")


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(SaltError, match="none.json: can't be read .No such file"):
        digests.read_checked(tmp_path / "none.json")


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.parent.name + "/" + path.name)
def test_every_committed_record_is_intact(path):
    """One that was copied from elsewhere gets its checksum by `digests.write_checked`."""
    told = json.loads(path.read_bytes())
    assert told.pop("checksum") == digests.checksum(told)
    assert digests.read_checked(path) == told


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.parent.name + "/" + path.name)
def test_a_flipped_bit_or_another_digit_is_an_error_or_the_same_value(tmp_path, path):
    data, draw, errors = path.read_bytes(), random.Random(path.name), 0
    told = digests.read_checked(path)
    digits = [i for i, byte in enumerate(data) if chr(byte).isdecimal()]
    places = [(i, data[i] ^ 1 << draw.randrange(8)) for i in draw.sample(range(len(data)), 8)]
    places += [(i, ord(str((int(chr(data[i])) + 1) % 10))) for i in draw.sample(digits, 8)]
    for place, byte in places:
        (tmp_path / "a.json").write_bytes(data[:place] + bytes([byte]) + data[place + 1 :])
        try:
            found = digests.read_checked(tmp_path / "a.json")
            found = {key: found.get(key) for key in told}  # the key "checksum" itself may be hit
            assert found == told, place
        except SaltError:
            errors += 1
    assert errors > 8


def test_a_file_counts_by_its_name_and_content_and_not_by_its_place(tmp_path):
    one, two = tmp_path / "one" / "a.txt", tmp_path / "two" / "a.txt"
    for path in (one, two):
        path.parent.mkdir()
        path.write_text("text")
    before = digest(one)
    assert digest(two) == before != digest("text")
    assert digest(two.rename(tmp_path / "b.txt")) != before
    one.write_text("another text")
    changed = digest(one)
    assert changed != before
    one.write_text("text")
    assert digest(one) == before  # read anew whenever size or time has changed


# Sources


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A copy of the package's sources."""
    copy = tmp_path_factory.mktemp("copy") / "salt_lib"
    left = shutil.ignore_patterns("shipped", "recorded", "__pycache__")
    return shutil.copytree(digests.PACKAGE, copy, ignore=left)


def anew(module, package):
    """The digest, of what the files hold now."""
    return sources.__wrapped__(module, package)


def changes(package, edits, *runners):
    """Whether each runner's digest is another with the edits (file → its new text) than before."""
    # In the cache, for the files are as they were after every edit.
    before = [sources(runner, package) for runner in runners]
    kept = {package / name: (package / name).read_bytes() for name in edits}
    try:
        for name, text in edits.items():
            assert text.encode() != kept[package / name], name
            (package / name).write_bytes(text.encode())
        now = [anew(runner, package) for runner in runners]
        return [one != two for one, two in zip(now, before, strict=True)]
    finally:
        for path, data in kept.items():
            path.write_bytes(data)


def edited(package, name, old, new):
    text = (package / name).read_text(encoding="utf-8")
    assert old in text, f"{name} has no {old!r}"
    return {name: text.replace(old, new, 1)}


# File, what stands there, what shall stand there instead; and whose numbers it can change.
NUMBERS = {
    "a word more in the vocabulary": ("salt/vocabulary.py", "if word in pieces", "if True"),
    "pieces": ("models/encoding.py", "IGNORE = -100", "IGNORE = -101"),
    "distillation": ("salt/distill.py", ".softmax(dim=1)", ".sigmoid()"),
    "languages": ("languages.py", 'SOURCE = "en"', 'SOURCE = "de"'),
    "the reader": ("salt/predictions.py", ">= needed", "> needed"),
    "the loader": ("models/loading.py", "model.eval()", "model.train()"),
}
TRAINING = {
    "the loop": ("training/loop.py", "1_000_003", "1_000_004"),
    "the order": ("training/loop.py", "size * 20", "size * 30"),
    "switching": ("salt/augment.py", "chosen[row] & hit", "chosen[row] | hit"),
    "a control": ("salt/controls.py", "NEIGHBOURS = 20", "NEIGHBOURS = 21"),
    "the score": ("training/evaluate.py", 'average="micro"', 'average="macro"'),
    "a classifier": ("models/classifiers.py", "manual_seed(seed)", "manual_seed(seed + 1)"),
    "a fusion": ("models/fusion.py", "REDUCTION = 4", "REDUCTION = 2"),
    "the noise": ("training/loop.py", "scale * batch.noise", "2 * scale * batch.noise"),
    "a setting's default": ("training/config.py", "batch: int = 32", "batch: int = 16"),
}
WORLDS = {
    "a form": ("laboratory/minibabel/lexicon.tsv", "\t", "\tx"),
    "a fact": ("laboratory/minibabel/facts.py", "EDITION = ", "EDITION = 1 + "),
    "a view": ("laboratory/minibabel/views.py", "NLI_LABELS = (", 'NLI_LABELS = ("x", '),
    "the second test set": ("laboratory/tasks.py", "new[:count]", "new[:1]"),
    "a task's sentences": ("laboratory/tasks.py", "p.second_fronted", "not p.second_fronted"),
}


@pytest.mark.parametrize("edit", NUMBERS.values(), ids=NUMBERS)
def test_what_changes_a_prediction_makes_predictions_and_runs_stale(package, edit):
    assert all(changes(package, edited(package, *edit), *RUNNERS, *PREDICTIONS))


@pytest.mark.parametrize("edit", TRAINING.values(), ids=TRAINING)
def test_what_changes_a_training_makes_all_runs_stale(package, edit):
    assert all(changes(package, edited(package, *edit), *RUNNERS))


@pytest.mark.parametrize("edit", WORLDS.values(), ids=WORLDS)
def test_what_changes_the_world_makes_the_laboratory_s_runs_stale_alone(package, edit):
    asked = (LABORATORY, PREDICTIONS[0], REAL, PREDICTIONS[1])
    assert changes(package, edited(package, *edit), *asked) == [True, True, False, False]


@pytest.mark.parametrize(
    ("edit", "real"),
    [
        (("laboratory/measures.py", "PEEKED = 100", "PEEKED = 50"), False),
        (("study/balance.py", "ROUNDS = 400", "ROUNDS = 4"), True),
    ],
)
def test_what_is_measured_makes_runs_stale_and_no_predictions(package, edit, real):
    asked = (LABORATORY, PREDICTIONS[0], REAL, PREDICTIONS[1])
    assert changes(package, edited(package, *edit), *asked) == [True, False, real, False]


@pytest.mark.parametrize("name", ["laboratory/outcomes.py", "laboratory/worlds.py"])
def test_how_the_study_over_worlds_is_planned_and_judged_is_no_source(name):
    assert name.removesuffix(".py").replace("/", ".") not in modules(LABORATORY)


@pytest.mark.parametrize("name", ["real/run.py", "real/setup.py", "data/benchmarks.py"])
def test_what_only_real_runs_pass_through_leaves_the_laboratory_s_fresh(package, name):
    text = (package / name).read_text(encoding="utf-8")
    edit = {name: f"{text}\nMORE = 1\n"}
    assert changes(package, edit, REAL, LABORATORY) == [True, False]


def test_a_real_run_has_no_source_in_the_laboratory():
    found = set(modules(REAL))
    assert not [name for name in found if name.startswith("laboratory")]
    assert {"real.setup", "training.loop", "salt.distill", "data.benchmarks"} <= found
    assert not [name for name in modules(LABORATORY) if name.startswith("real")]
    assert not [n for n in modules(PREDICTIONS[1]) if n.startswith(("training", "real"))]


def test_an_edit_that_is_undone_leaves_the_runs_fresh(package):
    before = anew(LABORATORY, package)
    (edit,) = edited(package, *NUMBERS["pieces"]).items()
    path, text = package / edit[0], (package / edit[0]).read_text(encoding="utf-8")
    path.write_text(edit[1], encoding="utf-8")
    assert anew(LABORATORY, package) != before
    path.write_text(text, encoding="utf-8")
    assert anew(LABORATORY, package) == before


LITTLE = {
    "a/run.py": "from ..b import first\nfrom . import beside\nNAME = 'table.tsv'\n",
    "a/beside.py": "from ..top import THING\n",
    "a/unused.py": "from ..b import second\n",
    "a/table.tsv": "a\tb\n",
    "a/unnamed.tsv": "a\tb\n",
    "b/first.py": "def late():\n    from .third import THING\n    return THING\n",
    "b/second.py": "SECOND = 2\n",
    "b/third.py": "from ..errors import SaltError\nTHING = 3\n",
    "top.py": "from .b import first\nTHING = 1\n",  # round in a circle
    "errors.py": "from .b import second\n",
}


@pytest.fixture(scope="module")
def little(tmp_path_factory):
    """A package of a few lines."""
    folder = tmp_path_factory.mktemp("little") / "salt_lib"
    for name, text in LITTLE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_all_that_is_imported_counts_directly_or_not_early_or_late(little):
    assert set(modules("salt_lib.a.run", little)) == {
        *("a.run", "a.beside", "b.first", "b.third", "top"),
    }
    counts = {
        name
        for name, text in LITTLE.items()
        if changes(little, {name: text + "MORE = 1\n"}, "salt_lib.a.run") == [True]
    }
    assert counts == {
        *("a/run.py", "a/beside.py", "b/first.py", "b/third.py", "top.py", "a/table.tsv"),
    }


NEUTRAL = {
    "a comment": lambda text: "# said\n" + text.replace("\n\n\n", "\n\n\n# more\n", 1) + "# end\n",
    "white space": lambda text: text.replace("\n\n", "\n\n\n"),
    "Windows' line ends": lambda text: text.replace("\n", "\r\n"),
    "a docstring": lambda text: text.replace('"""', '"""In other words: ', 1),
}


@pytest.mark.parametrize("change", NEUTRAL.values(), ids=NEUTRAL)
def test_no_wording_makes_a_run_stale(package, change):
    """In any module of the package."""
    edits = {}
    for path in package.rglob("*.py"):
        text = path.read_bytes().decode()
        if text.strip() and change(text) != text:
            edits[path.relative_to(package).as_posix()] = change(text)
    assert len(edits) > 60
    assert not any(changes(package, edits, *RUNNERS, *PREDICTIONS))


def test_docstrings_of_functions_and_classes_are_wording_too(package):
    def reworded(text):
        tree = ast.parse(text)
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
                node.body[0].value.value = "Said otherwise."
        return ast.unparse(tree)

    edits = {
        path.relative_to(package).as_posix(): reworded(path.read_text(encoding="utf-8"))
        for path in package.rglob("*.py")
        if path.read_text(encoding="utf-8").strip()
    }
    assert not any(changes(package, edits, *RUNNERS, *PREDICTIONS))


def test_a_functions_types_are_wording_and_those_of_fields_are_not(package):
    edit = edited(package, "salt/methods.py", "def dlfa(layer: int", "def dlfa(layer: float")
    assert changes(package, edit, *RUNNERS) == [False, False]
    edit = edited(package, "salt/methods.py", "_ROWS = (", "_ROWS: tuple = (")
    assert changes(package, edit, *RUNNERS) == [False, False]
    edit = edited(package, "training/config.py", "epochs: int = 5", "epochs = 5")
    assert changes(package, edit, *RUNNERS) == [True, True]


def test_line_ends_of_a_table_are_no_content(package):
    name = "laboratory/minibabel/lexicon.tsv"
    text = (package / name).read_text(encoding="utf-8")
    assert changes(package, {name: text.replace("\n", "\r\n")}, LABORATORY) == [False]
    assert changes(package, {name: text + "\n"}, LABORATORY, REAL) == [True, False]


def test_a_string_that_is_no_docstring_counts(package):
    name = "salt/augment.py"
    text = (package / name).read_text(encoding="utf-8")
    assert changes(package, {name: f'{text}\nSAID = """words"""\n'}, LABORATORY) == [True]


# Rows of a table count where they are used (`study.provenance`), not with the sources.
ROWS = {
    "a method": ("salt/methods.py", '"mixup", "online', '"mixup", "wholly online'),
    "another method": ("salt/methods.py", "synonyms=False", "synonyms=True"),
    "a method over worlds": ("salt/methods.py", '"distilled", mixup="scalar"', '"random"'),
    "the main methods": ("salt/methods.py", 'MAIN = ("baseline", ', "MAIN = ("),
    "a task": ("laboratory/tasks.py", '"train": 2400', '"train": 2401'),
    "a task over worlds": ("laboratory/tasks.py", '"train": 9600', '"train": 9601'),
    "what was chosen for a method": (
        *("laboratory/tasks.py", "METHOD_CONFIGS: dict[str, dict[str, Any]] = {"),
        'METHOD_CONFIGS: dict[str, dict[str, Any]] = {"x": {}, ',
    ),
    "a tagging task": ("laboratory/tasks.py", '"train": 100', '"train": 101'),
    "a task's configuration": ("laboratory/tasks.py", "Config(epochs=3)", "Config(epochs=4)"),
    "one of the deeper model": ("laboratory/deeper.py", "Config(epochs=2)", "Config(epochs=4)"),
}


@pytest.mark.parametrize("edit", ROWS.values(), ids=ROWS)
def test_a_row_of_a_table_is_no_source(package, edit):
    assert not any(changes(package, edited(package, *edit), *RUNNERS, *PREDICTIONS))


def test_what_is_made_of_a_table_is_a_source(package):
    edit = edited(package, "salt/methods.py", 'before = "" if', 'before = "+" if')
    assert changes(package, edit, *RUNNERS) == [True, True]
    edit = edited(package, "salt/methods.py", "synonyms: bool = True", "synonyms: bool = False")
    assert changes(package, edit, *RUNNERS) == [True, True]


def test_the_modules_that_only_speak_and_write_are_no_sources():
    for runner in RUNNERS:
        assert not {*digests.NEUTRAL} & {*modules(runner)}
    assert {*digests.NEUTRAL} == {"errors", "files", "digests"}


# What is imported


LOADED = """
import importlib, json, sys
for name in sys.argv[1:]:
    for own in [m for m in sys.modules if m.partition(".")[0] == "salt_lib"]:
        del sys.modules[own]
    importlib.import_module(name)
    print(json.dumps([m for m in sys.modules if m.startswith("salt_lib.")]))
"""


def test_no_module_that_a_process_loads_is_forgotten():
    """Seen from the other side: what Python itself has imported once a runner is there."""
    asked = (*RUNNERS, *PREDICTIONS)
    command = [sys.executable, "-c", LOADED, *asked]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    packages = {path.parent for path in digests.PACKAGE.rglob("__init__.py")}
    packages = {".".join(path.relative_to(digests.PACKAGE).parts) for path in packages}
    for runner, line in zip(asked, done.stdout.splitlines(), strict=True):
        loaded = {name.removeprefix("salt_lib.") for name in json.loads(line)}
        assert loaded - packages - {*digests.NEUTRAL} == {*modules(runner)}, runner


TREE = """
from __future__ import annotations
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
import typing as t
from ..languages import SOURCE
from ..models import loading, encoding as pieces
from . import deeper
from .setup import Laboratory as L
from salt_lib.training.loop import fit
from salt_lib import files
if TYPE_CHECKING:
    from ..study.grid import Job
if t.TYPE_CHECKING:
    from ..study import store
else:
    from ..salt import distill
if not TYPE_CHECKING:
    from ..salt import augment

def late():
    from .minibabel import views
"""


def test_imports_are_those_for_running_wherever_they_stand():
    found = set(imports(ast.parse(TREE), "laboratory.invented"))
    assert found == {
        *("languages", "models.loading", "models.encoding", "laboratory.deeper"),
        *("laboratory.setup", "training.loop", "files", "salt.distill", "salt.augment"),
        "laboratory.minibabel.views",
    }


def test_an_import_for_type_checkers_alone_is_none(package):
    name = "laboratory/run.py"
    text = (package / name).read_text(encoding="utf-8")
    assert "if TYPE_CHECKING:" in text and "study.grid" not in modules(LABORATORY)
    more = text.replace(
        "if TYPE_CHECKING:\n", "if TYPE_CHECKING:\n    from ..study.store import read_run\n", 1
    )
    assert changes(package, {name: more}, LABORATORY) == [False]
    real = text + "\nfrom ..study.store import read_run\n"
    assert changes(package, {name: real}, LABORATORY) == [True]


# A runner of somebody else's


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    """A runner outside of the package that imports a part of it."""
    path = tmp_path / "my_runner.py"
    path.write_text("from salt_lib.salt.vocabulary import piece_ids\n\n\ndef run(job): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield path
    sources.cache_clear()


def test_a_runner_outside_of_the_package_has_sources(foreign, package):
    assert modules("my_runner") == {
        "my_runner": foreign,
        "salt.vocabulary": digests.PACKAGE / "salt" / "vocabulary.py",
    }
    before = anew("my_runner", package)
    foreign.write_text("# said\n" + foreign.read_text())
    assert anew("my_runner", package) == before
    edit = edited(package, *NUMBERS["a word more in the vocabulary"])
    sources.cache_clear()
    assert changes(package, edit, "my_runner") == [True]
    assert changes(package, edited(package, *NUMBERS["distillation"]), "my_runner") == [False]
    foreign.write_text(foreign.read_text() + "MORE = 1\n")
    assert anew("my_runner", package) != before


def test_a_runner_in_a_package_of_its_own_has_sources():
    assert modules("fake_runs")["fake_runs"] == ROOT / "tests" / "fake_runs.py"
    assert "models.loading" in modules("benchmarks.panx")


def test_sources_are_read_once_per_process(foreign):
    before = sources("my_runner")
    foreign.write_text("MORE = 1\n")
    assert sources("my_runner") == before

"""A setup says all that differs from the laboratory, and only that makes a run stale."""

import json
import shutil
from dataclasses import fields, replace
from pathlib import Path

import paper_world as small
import pytest
from places import ROOT

from salt_lib.data import benchmarks
from salt_lib.data.examples import Pairs
from salt_lib.errors import SaltError
from salt_lib.models import loading
from salt_lib.real import setup as real_setup
from salt_lib.salt.methods import METHODS, method
from salt_lib.study.provenance import fingerprint

pytestmark = pytest.mark.filterwarnings("ignore:.*rows, where .* are published")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return small.write_data(tmp_path_factory.mktemp("world") / "data")


@pytest.fixture(scope="module")
def bert(data):
    folder = data.parent / "one-bert"
    return small.setup(small.write_model(folder, "bert", small.texts(data)), data)


# The file


def write_setup(folder, text):
    path = folder / "paper.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_sets_what_it_names_and_leaves_the_rest(tmp_path):
    (tmp_path / "mbert").mkdir()
    path = write_setup(
        tmp_path,
        'model = "mbert"\ndata = "hub"\nlanguages = ["de", "fr"]\ngpus_per_run = 0.5\n'
        "[training]\nepochs = 2\nlearning_rate = 3e-5\n",
    )
    found = real_setup.read_setup(path, device="cpu", model=None)
    assert found.model == str(tmp_path / "mbert") and found.data == "hub" and found.device == "cpu"
    assert found.training == replace(real_setup.RECIPE, epochs=2, learning_rate=3e-5)
    assert found.codes("xnli") == ("en", "de", "fr") and found.gpus_per_run == 0.5
    assert real_setup.read_setup() == real_setup.Setup()


def test_folders_are_named_from_the_root(tmp_path, monkeypatch):
    (tmp_path / "study" / "mbert").mkdir(parents=True)
    (tmp_path / "study" / "paper.toml").write_text('model = "mbert"\ntensorboard = "boards"\n')
    (tmp_path / "own").mkdir()
    monkeypatch.chdir(tmp_path)
    found = real_setup.read_setup("study/paper.toml", data="own")
    assert found.model == str(tmp_path / "study" / "mbert") and found.data == str(tmp_path / "own")
    assert found.tensorboard == str(tmp_path / "study" / "boards")
    assert real_setup.read_setup("study/paper.toml", model="own").model == str(tmp_path / "own")


def test_xtreme_s_recipe_is_the_default():
    setup = real_setup.Setup()
    recipe = setup.training
    assert (recipe.learning_rate, recipe.batch, recipe.epochs, recipe.clip) == (2e-5, 32, 5, 1.0)
    assert (recipe.warmup, recipe.weight_decay) == (0.0, 0.0) and setup.max_length == 128


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model = ", "paper.toml: no setup, a TOML file"),
        ("model = " + "[" * 5000, "paper.toml: no setup, a TOML file"),
        ("mdel = 'x'", "paper.toml: unknown key 'mdel'; known: model, data"),
        ("[training]\nepoch = 3", r"\[training\]: unknown key 'epoch'; known: epochs"),
        ("[training]\nepochs = 'three'", "epochs = 'three' is no int"),
        ("max_length = 1.5", "max_length = 1.5 is no int"),
        ("micro_batch = true", "micro_batch = True is no int"),
        ("languages = 'de'", r"languages = 'de' is no tuple"),
        ("training = 3", r"\[training\]: expected a table"),
        ("precision = 'fp16'", "unknown precision 'fp16'; known: fp32, bf16"),
        ("device = 'tpu'", "unknown device 'tpu'; known: auto, cpu, cuda"),
    ],
)
def test_a_wrong_setup_file_says_where(tmp_path, text, message):
    with pytest.raises(SaltError, match=message):
        real_setup.read_setup(write_setup(tmp_path, text))


@pytest.mark.parametrize(
    "text",
    [
        *("epochs = 0", "batch = -1", "learning_rate = nan", "learning_rate = 0", "clip = inf"),
        *("warmup = 1.5", "dropout = -0.1", "weight_decay = -1", "threshold = 7"),
        *("synonym_threshold = nan", "instance_rate = 2", "mix_rate = -1"),
    ],
)
def test_a_training_that_can_t_be_is_said_before_it_begins(tmp_path, text):
    path = write_setup(tmp_path, f"[training]\n{text}\n")
    with pytest.raises(SaltError, match=rf"paper.toml, \[training\].*{text.split()[0]}"):
        real_setup.read_setup(path)


@pytest.mark.parametrize(
    "text", ["max_length = 0", "save_every = 0", "micro_batch = 0", "minimum = 0", "share = nan"]
)
def test_so_are_the_setups_other_numbers(tmp_path, text):
    with pytest.raises(SaltError, match=f"paper.toml: {text.split()[0]} = "):
        real_setup.read_setup(write_setup(tmp_path, text))


def test_languages_that_no_task_has_are_errors(bert):
    with pytest.raises(SaltError, match="unknown language 'xx'; known: af, ar"):
        replace(bert, languages=("xx",)).codes("xnli")
    with pytest.raises(SaltError, match="paws-x has none of the languages th"):
        replace(bert, languages=("th",)).codes("paws-x")


def test_the_shown_setup_is_the_default():
    path = ROOT / "book" / "paper" / "paper.toml"
    assert real_setup.read_setup(path) == real_setup.Setup()
    named = {
        line.lstrip("# ").partition(" =")[0]
        for line in path.read_text().splitlines()
        if " = " in line
    }
    own = {f.name for f in fields(real_setup.Setup)} - {"training", "progress"}
    assert named == own | {f.name for f in fields(real_setup.RECIPE)}


def test_it_has_the_methods_that_need_no_laboratory(bert):
    refused = []
    for name, row in METHODS.items():
        try:
            bert.check("xnli", row)
        except SaltError as error:
            assert "only the laboratory has" in str(error)
            refused.append(name)
    assert refused == ["dictionary", "translate-train"]
    bert.check("pan-x", method("salt+dlfa-3"))
    with pytest.raises(SaltError, match="unknown task 'mini-xnli'; known: xnli, paws-x, pan-x"):
        bert.check("mini-xnli", METHODS["salt"])


# What it is made of


def print_(setup, task="xnli", name="salt"):
    return fingerprint(setup, 0, task, name)


def test_what_decides_a_score_makes_runs_stale(bert):
    changes = [
        {"max_length": 20},
        {"minimum": 3},
        {"share": 0.3},
        {"precision": "bf16"},
        {"languages": ("de",)},
        {"training": replace(bert.training, epochs=3)},
        {"training": replace(bert.training, threshold=0.5)},
    ]
    seen = [print_(bert), *(print_(replace(bert, **change)) for change in changes)]
    assert len(set(seen)) == len(changes) + 1
    assert print_(bert, "paws-x") not in seen and print_(bert, name="baseline") not in seen


def test_what_changes_no_score_makes_no_run_stale(bert):
    for change in (
        {"micro_batch": 8},
        {"save_every": 3},
        {"device": "auto"},
        {"tensorboard": "boards"},
        {"gpus_per_run": 0.5},
        {"progress": True},
    ):
        assert print_(replace(bert, **change)) == print_(bert), change


@pytest.mark.parametrize("name", ["train-en", "dev-en", "test-de", "dev-th"])
def test_other_data_make_runs_stale(bert, data, tmp_path, name):
    """A file of its task, or one that its words are counted in."""
    copy = shutil.copytree(data, tmp_path / "data")
    setup = replace(bert, data=str(copy))
    assert print_(setup) == print_(bert)
    path = copy / "xnli" / f"{name}.tsv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[1:] + lines[:1]), encoding="utf-8")
    real_setup.read.cache_clear()
    real_setup._identity.cache_clear()
    real_setup._dev_texts.cache_clear()
    assert print_(setup) != print_(bert) and print_(setup, "paws-x") == print_(bert, "paws-x")


def test_other_texts_make_runs_stale(bert, tmp_path):
    def texts(folder, text):
        (tmp_path / folder).mkdir()
        for code in ("en", "de", "th"):
            (tmp_path / folder / f"{code}.txt").write_text(text, encoding="utf-8")
        return replace(bert, texts=str(tmp_path / folder))

    one, two, other = texts("a", "goat"), texts("b", "goat"), texts("c", "lamp")
    assert print_(one) == print_(two) != print_(other) and print_(one) != print_(bert)


def test_a_folder_somewhere_else_is_the_same_model(bert, tmp_path):
    moved = tmp_path / Path(bert.model).name
    shutil.copytree(bert.model, moved)
    assert replace(bert, model=str(moved)).identity("xnli") == bert.identity("xnli")
    config = json.loads((moved / "config.json").read_text())
    (moved / "config.json").write_text(json.dumps({**config, "layer_norm_eps": 1e-9}))
    assert loading.identity(str(moved)) != loading.identity(bert.model)


# What it reads


def test_data_are_read_once_in_every_language(bert):
    found = real_setup.read(bert, "xnli")
    assert list(found) == ["train", "dev", "test-en", "test-de", "test-th"]
    assert {name: len(pairs) for name, pairs in found.items()} == {
        "train": 96,
        "dev": 48,
        "test-en": 36,
        "test-de": 36,
        "test-th": 36,
    }
    assert all(isinstance(pairs, Pairs) for pairs in found.values())
    assert real_setup.read(bert, "xnli") is found


def test_fewer_rows_are_spaced_through_the_file(bert):
    every = real_setup.read(bert, "xnli")
    few = replace(bert, train_rows=4, test_rows=5)
    found = real_setup.read(few, "xnli")
    count = len(every["train"])
    assert found["train"] == every["train"].take([n * count // 4 for n in range(4)])
    assert {len(found[name]) for name in found if name != "train"} == {5}
    assert real_setup.read(replace(bert, train_rows=10**6), "xnli") == every
    assert few.identity("xnli")["data"] != bert.identity("xnli")["data"]


def test_where_there_are_no_test_sets_dev_is_parted(bert):
    every, half = real_setup.read(bert, "xnli"), replace(bert, tested="dev")
    found = real_setup.read(half, "xnli")
    dev, count = every["dev"], len(every["dev"])
    assert found["dev"] == dev.take(range(0, count, 2))
    assert found["test-en"] == dev.take(range(1, count, 2))
    german = benchmarks.load("xnli", "dev", "de", half.data)
    assert found["test-de"] == german and found["train"] == every["train"]
    assert half.identity("xnli")["data"] != bert.identity("xnli")["data"]
    with pytest.raises(SaltError, match="unknown tested .train"):
        real_setup.read_setup(tested="train")


def test_words_are_counted_in_the_dev_sets_or_in_one_s_own_texts(bert, tmp_path):
    words = real_setup.words(bert, "xnli")
    assert set(words) == {"en", "de", "th"} and {*words["de"]} <= {*small.WORDS["de"].split()}
    for code, text in {"en": "goat lamp", "de": "Lampe", "th": "แพะ"}.items():
        (tmp_path / f"{code}.txt").write_text(f"{text}\n" * 9, encoding="utf-8")
    with pytest.warns(UserWarning, match="few whole words|fewer than"):
        own = real_setup.words(replace(bert, texts=str(tmp_path)), "xnli")
    assert own["de"] == {"Lampe": 9} and own["en"] == {"goat": 9, "lamp": 9}


def test_a_missing_language_is_named(bert):
    setup = replace(bert, languages=("ur",))
    with pytest.raises(SaltError, match="no xnli test file in 'ur'.*there: de, en, sw, th"):
        real_setup.read(setup, "xnli")
    with pytest.raises(SaltError, match="no xnli dev file in 'ur'.*there: de, en, sw, th"):
        setup.identity("xnli")


def test_languages_that_the_data_lack_are_said_before_all_else_or_left_out(bert, data, tmp_path):
    wanted = replace(bert, languages=("de", "sw", "th", "fr"))
    with pytest.raises(
        SaltError, match="xnli lacks files .* in fr; there: de, en, sw, th.*--avail"
    ):
        real_setup.with_data(wanted, ["xnli"], False)
    assert real_setup.with_data(wanted, ["xnli"], True).codes("xnli") == ("en", "de", "sw", "th")
    assert real_setup.with_data(bert, ["xnli"], False) == bert
    with pytest.raises(SaltError, match="no language but en"):
        real_setup.with_data(replace(bert, languages=("fr",)), ["xnli"], True)

"""From a training at the paper's scale to files of predictions: labels, order, missing labels."""

import random
from dataclasses import replace

import paper_world as small
import pytest
from typer.testing import CliRunner

from salt_lib.cli.main import app
from salt_lib.data import benchmarks, xtreme
from salt_lib.errors import SaltError
from salt_lib.models import classifiers, encoding, loading
from salt_lib.models.fusion import Fused
from salt_lib.real import predict
from salt_lib.real import run as real_run
from salt_lib.study import grid
from salt_lib.training.device import Accelerated
from salt_lib.training.evaluate import predicted, tag_f1

pytestmark = pytest.mark.filterwarnings("ignore:.*rows, where .* are published")
NAMES = {"en": "Olga Pedro", "de": "Ulrike Horst", "sw": "Asha Juma", "th": "มานี ปิติ"}


def write_tags(root, tagged=True):
    """PAN-X-like files: sentences of `paper_world`, a name at a place of its own."""
    (root / "panx").mkdir(parents=True)
    for code in small.LANGUAGES:
        for split, count in (("train", 64), ("dev", 24), ("test", 18)):
            if split == "train" and code != "en":
                continue
            dice, blocks = random.Random(f"panx {code} {split}"), []
            for _ in range(count):
                words = [(word, "O") for word in dice.choices(small.WORDS[code].split(), k=4)]
                first, last = NAMES[code].split()
                words[dice.randrange(4) :] = [(first, "B-PER"), (last, "I-PER")]
                lines = [f"{w}\t{t}" if tagged or split != "test" else w for w, t in words]
                blocks.append("".join(f"{line}\n" for line in lines))
            text = "\n".join(blocks)
            (root / "panx" / f"{split}-{code}.tsv").write_text(text, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Data with four tasks' files, and the setups' model made of their text."""
    root = write_tags(small.write_data(tmp_path_factory.mktemp("data")))
    folder = tmp_path_factory.mktemp("model") / "bert"
    made = small.write_model(folder, "bert", small.texts(root) + list(NAMES.values()))
    training = replace(small.TRAINING, epochs=12, learning_rate=3e-3, batch=16)
    return root, small.setup(made, root, languages=("de", "sw", "th"), training=training)


@pytest.fixture(scope="module", params=["salt", "salt+dlfa-1"])
def trained(request, world, tmp_path_factory):
    """One run of PAN-X, its model kept; returns method, run, folder."""
    _, setup = world
    folder = tmp_path_factory.mktemp("kept") / "names"
    arguments = {"setup": setup, "root": folder.parent / "runs", "save": folder}
    return request.param, real_run.run(0, "pan-x", request.param, 0, **arguments), folder


def test_what_is_written_scores_what_the_run_scored(world, trained, tmp_path):
    root, setup = world
    name, run, folder = trained
    assert run["dev"][run["epoch"]] > 0.3 and set(run["scores"]) == set(small.LANGUAGES)
    model = classifiers.saved_classifier(folder, xtreme.TAGS, tagged=True)
    assert isinstance(model, Fused) == ("dlfa" in name)
    written = predict.predict("pan-x", folder, root, tmp_path, longest=setup.max_length)
    assert [path.name for path in written] == [f"test-{c}.tsv" for c in ("de", "en", "sw", "th")]
    for code in small.LANGUAGES:
        gold = benchmarks.load("pan-x", "test", code, root)
        path = tmp_path / "panx" / f"test-{code}.tsv"
        blocks = path.read_text(encoding="utf-8").split("\n\n")
        found = [block.split() for block in blocks]
        assert [len(tags) for tags in found] == [len(words) for words, _ in gold]
        score = tag_f1([tags for _, tags in gold], found)
        assert score == pytest.approx(run["scores"][code])


def test_files_without_labels_give_the_same(world, trained, tmp_path):
    root, folder = write_tags(tmp_path / "bare", tagged=False), trained[2]
    with pytest.raises(SaltError, match="line 1: 1 columns where 2 are due"):
        benchmarks.load("pan-x", "test", "en", root)
    one, other = (
        predict.predict("pan-x", folder, data, tmp_path / name, ["en"])[0].read_text()
        for data, name in ((root, "a"), (world[0], "b"))
    )
    assert one == other and "B-PER" in one


def test_pairs(world, tmp_path):
    root, setup = world
    folder = tmp_path / "pairs"
    compute = Accelerated("cpu")
    run = real_run.run(0, "xnli", "dlfa-0", 1, setup=setup, root=tmp_path, compute=compute, save=folder)
    bare = tmp_path / "bare" / "xnli"
    bare.mkdir(parents=True)
    text = (root / "xnli" / "test-sw.tsv").read_text(encoding="utf-8")
    lines = [line.rpartition("\t")[0] for line in text.splitlines()]
    (bare / "test-sw.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (path,) = predict.predict("xnli", folder, bare.parent, tmp_path / "out")
    found = path.read_text().split()
    gold = [line.split("\t")[2] for line in text.splitlines()]
    right = sum(a == b for a, b in zip(found, gold, strict=True)) / len(gold)
    assert right == pytest.approx(run["scores"]["sw"])
    model = classifiers.saved_classifier(folder, xtreme.PAIR_LABELS["xnli"], tagged=False)
    data = encoding.encode(loading.tokenizer(folder), xtreme.read_texts(bare / "test-sw.tsv"))
    assert predicted(model, data).tolist() == [
        xtreme.PAIR_LABELS["xnli"].index(label) for label in found
    ]
    with pytest.raises(SaltError, match="there already: give a new folder"):
        real_run.run(0, "xnli", "dlfa-0", 1, setup=setup, root=tmp_path, save=folder)
    with pytest.raises(SaltError, match="a classifier of entailment, neutral, contradiction, wh"):
        predict.predict("paws-x", folder, root, tmp_path / "out")


def test_bad_input(world, trained, tmp_path):
    root, folder = world[0], trained[2]
    with pytest.raises(SaltError, match="no pan-x test set in xx; there: de, en, sw, th"):
        predict.predict("pan-x", folder, root, tmp_path, ["xx"])
    path = tmp_path / "test-en.tsv"
    for text, message in (
        ("a\tb\tc\n", "line 1: 3 columns where 1 or 2 are due"),
        ("a\n\tO\n", "line 2: an empty token"),
        ("\n\n", "no rows"),
    ):
        path.write_text(text)
        with pytest.raises(SaltError, match=message):
            xtreme.read_tokens(path)
    for text, message in (("a\tb\tc\td\n", "line 1: 4 columns"), ("a\t \n", "line 1: an empty")):
        path.write_text(text)
        with pytest.raises(SaltError, match=message):
            xtreme.read_texts(path)


def test_the_command(world, trained, tmp_path):
    arguments = ["--task", "pan-x", "--model", str(trained[2]), "--data", str(world[0])]
    more = ["--languages", "sw,de", "--out", str(tmp_path), "--device", "cpu"]
    said = CliRunner().invoke(app, ["predict", *arguments, *more])
    assert said.exit_code == 0, said.output
    assert said.output.split() == [
        str(tmp_path / "panx" / f"test-{code}.tsv") for code in ("sw", "de")
    ]


def test_results_show_tasks_and_methods_that_the_paper_has_not(world, tmp_path):
    specs = grid.grid(0, ["pan-x"], ["baseline", "dlfa-0"], [0, 1], known=benchmarks.task)
    options = {"jobs": 1, "progress": False, "runner": "salt_lib.real.setup:run", "setup": world[1]}
    assert grid.execute(specs, tmp_path, **options) == specs
    arguments = ["results", "--scale", "paper", "--runs-dir", str(tmp_path)]
    said = CliRunner().invoke(app, arguments).output
    assert "pan-x: F1 in %" in said and "baseline: 2 seeds, English" in said
    assert "dlfa-0: 2 seeds" in said and "against the baseline" in said

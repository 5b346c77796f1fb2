"""From a training at the paper's scale to files of predictions: labels, order, missing labels."""

import random
from dataclasses import replace

import paper_world as small
import pytest

from salt_lib.data import benchmarks, xtreme
from salt_lib.errors import SaltError
from salt_lib.models import classifiers, encoding, loading
from salt_lib.models.fusion import Fused
from salt_lib.real import predict
from salt_lib.real import run as real_run
from salt_lib.salt.methods import method
from salt_lib.study.grid import Job, Spec, Workers, execute, grid
from salt_lib.study.results import collected
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
    job = Job(Spec(0, "pan-x", request.param, 0), folder.parent / "runs", setup)
    return request.param, real_run.run(job, save=folder), folder


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
    with pytest.raises(SaltError, match="line 1: 1 columns, expected 2"):
        benchmarks.load("pan-x", "test", "en", root)
    one, other = (
        predict.predict("pan-x", folder, data, tmp_path / name, ["en"])[0].read_text()
        for data, name in ((root, "a"), (world[0], "b"))
    )
    assert one == other and "B-PER" in one


def test_labels_of_pairs_are_written_with_and_without_gold(world, tmp_path):
    root, setup = world
    folder = tmp_path / "pairs"
    job = Job(Spec(0, "xnli", "dlfa-0", 1), tmp_path, setup)
    run = real_run.run(job, Accelerated("cpu"), folder)
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
        real_run.run(job, save=folder)
    with pytest.raises(SaltError, match="a classifier of entailment, neutral, contradiction, ex"):
        predict.predict("paws-x", folder, root, tmp_path / "out")


def test_a_language_that_is_not_there_lists_those_that_are(world, trained, tmp_path):
    with pytest.raises(SaltError, match="no pan-x test set in xx; there: de, en, sw, th"):
        predict.predict("pan-x", trained[2], world[0], tmp_path, ["xx"])
    assert not list(tmp_path.iterdir())


def test_runs_of_tags_are_collected_as_those_of_pairs(world, tmp_path):
    setup = world[1]
    specs = grid(0, ["pan-x"], ["baseline", "dlfa-0"], [0, 1], setup.check)
    assert execute(specs, tmp_path, setup, Workers(jobs=1), progress=False) == specs
    frame = collected(tmp_path).frame
    assert set(frame["method"]) == {"baseline", "dlfa-0"} and len(frame) == 2 * 2 * 4


@pytest.mark.parametrize("placement", ["lettered", "mean"])
def test_tags_are_read_where_they_were_trained(placement, world, tmp_path):
    """A model of XLM-R's kind, whose words are often a bare mark and a piece."""
    root, setup = world
    made = small.write_model(
        tmp_path / "model", "xlm-roberta", small.texts(root) + list(NAMES.values())
    )
    setup = replace(setup, model=str(made), placement=placement)
    ready = {
        one: real_run.prepared(
            replace(setup, placement=one),
            "pan-x",
            method("baseline"),
            tmp_path,
            Accelerated("cpu", "fp32"),
        )
        for one in ("first", placement)
    }
    if placement == "lettered":
        assert not ready["first"].train.labels.equal(ready[placement].train.labels)
    run = real_run.run(
        Job(Spec(0, "pan-x", "baseline", 0), tmp_path / "runs", setup), save=tmp_path / "kept"
    )
    assert run["dev"][run["epoch"]] > 0.3
    predict.predict("pan-x", tmp_path / "kept", root, tmp_path / "out", longest=setup.max_length)
    for code in small.LANGUAGES:
        gold = benchmarks.load("pan-x", "test", code, root)
        text = (tmp_path / "out" / "panx" / f"test-{code}.tsv").read_text(encoding="utf-8")
        score = tag_f1([tags for _, tags in gold], [block.split() for block in text.split("\n\n")])
        assert score == pytest.approx(run["scores"][code])

"""`salt plan` prices every real task, and lines of results show what nobody has run as open."""

import json
import re
import shutil
import subprocess
import sys

import paper_world
import pytest
import yaml
from cli.test_main import salt
from places import FIXTURES, ROOT, environment
from real import test_own_files, test_predict
from real.test_scoring import GOLD, SAID
from real.test_scoring import write as write_scored

from salt_lib.cli import real
from salt_lib.data import xtreme
from salt_lib.laboratory.checkpoints import checkpoint
from salt_lib.real import own_files
from salt_lib.study.frozen import read_table
from salt_lib.study.packing import unpacked


@pytest.fixture
def names(tmp_path):
    """PAN-X in English and Swahili, text with words of the tiny mBERT, and options for a setup."""
    shutil.copytree(FIXTURES / "xtreme" / "panx", tmp_path / "data" / "panx")
    for split in ("train", "test"):
        for code in ("en", "sw"):
            source = tmp_path / "data" / "panx" / f"dev-{code}.tsv"
            shutil.copy(source, source.with_name(f"{split}-{code}.tsv"))
    (tmp_path / "texts").mkdir()
    for code, words in {"en": "the dog and the cat", "sw": "mbwa na paka"}.items():
        (tmp_path / "texts" / f"{code}.txt").write_text(f"{words}\n" * 9)
    setup = tmp_path / "setup.toml"
    setup.write_text('texts = "texts"\nlanguages = ["sw"]\nprecision = "fp32"\ndevice = "cpu"\n')
    return ["--setup", setup, "--model", checkpoint(0), "--data", tmp_path / "data"]


@pytest.mark.filterwarnings("ignore")
def test_a_task_of_tags_is_planned_like_one_of_pairs(names):
    shown = salt("plan", "--tasks", "pan-x", *names, "--seeds", "0", "--steps", 2, "--json")
    assert shown.exit_code == 0, shown.output
    told = json.loads(shown.stdout)
    assert {row["task"] for row in told["runs"]} == {"pan-x"} and told["device_hours"] > 0
    assert told["measured"]["pan-x"]["mixup_step"] > 0


@pytest.mark.filterwarnings("ignore")
def test_a_plan_names_the_method_that_the_scale_can_not_have(names):
    options = ["--tasks", "pan-x", *names, "--seeds", "0", "--steps", 2]
    shown = salt("plan", *options, "--methods", "baseline,dictionary")
    assert shown.exit_code == 2 and "only the laboratory has" in shown.stderr
    told = json.loads(salt("plan", *options, "--methods", "all", "--json").stdout)
    methods = {row["method"] for row in told["runs"]}
    assert "salt-masked" in methods and not {"dictionary", "translate-train"} & methods


def test_a_plan_is_of_the_papers_scale_alone():
    shown = salt("plan", "--scale", "laboratory")
    assert shown.exit_code == 2 and "only the paper's scale can be planned" in shown.stderr


def test_a_line_of_results_leaves_open_what_nobody_has_run():
    row = {"language": "sw", "published": 50.4, "baseline": None, "salt": (0.5, 0.01)}
    row |= {"difference": None, "p_holm": None, "published_gain": 1.4}
    text = real.row_text(row).split()
    assert text == ["sw", "50.4", "…", "50.00", "±", "1.00", "…", "…", "+1.4"]


def test_a_method_is_told_with_its_test_where_there_is_one():
    average = {"mean": 0.61, "comparison": {"difference": 0.012, "p_holm": 0.03}}
    row = {"seeds": [0, 1], "english": {"mean": 0.8}, "average_zero_shot": average}
    assert real.method_text("salt", row) == (
        "salt: 2 seeds, English 80.00, zero-shot average 61.00, +1.20 against the baseline "
        "(Holm p 0.0300)"
    )
    average["comparison"] = None
    assert real.method_text("baseline", row).endswith("zero-shot average 61.00")


# Small models, from the plan to the results


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    """The folders of invented data and of a model that is made of their text."""
    data = paper_world.write_data(tmp_path_factory.mktemp("world") / "data")
    return data, paper_world.write_model(data.parent / "bert", "bert", paper_world.texts(data))


@pytest.fixture
def setup(bert, tmp_path):
    """A file that says how the small model is trained on it."""
    path = tmp_path / "paper.toml"
    path.write_text(f"""
model = "{bert[1]}"
data = "{bert[0]}"
languages = ["de", "th"]
minimum = 2
max_length = 48
precision = "fp32"
device = "cpu"
[training]
epochs = 1
threshold = 0.0
synonym_threshold = 0.0
""")
    return path


@pytest.mark.filterwarnings("ignore:.*rows, where .* are published")
def test_from_the_plan_to_the_results(bert, setup, tmp_path):
    root = tmp_path / "runs"
    common = ("--scale", "paper", "--setup", setup, "--tasks", "xnli")
    done = salt("plan", *common, "--seeds", "0-2", "--steps", 2)
    assert done.exit_code == 0, done.output
    assert "15 runs of" in done.output and "1: " in done.output and "16: " in done.output
    told = json.loads(salt("plan", *common, "--seeds", "0-2", "--steps", 2, "--json").stdout)
    assert {"device_hours", "wall_clock_hours", "measured", "runs"} <= set(told)
    assert set(told["wall_clock_hours"]) == {"1", "4", "16"}
    shown = salt("vocabulary", "--setup", setup, "--language", "th", "--json")
    frequent = json.loads(shown.stdout)["most_frequent"]["th"]
    assert {*frequent} <= {*paper_world.WORDS["th"].split()}
    assert salt("vocabulary", "--model", bert[1]).exit_code == 2
    empty = salt("results", "--scale", "paper", "--runs-dir", root)
    assert "no runs at paper scale" in empty.output and empty.output.count("…") == 26 * 4
    study = ("study", *common, "--methods", "baseline,salt", "--runs-dir", root, "--seeds", "0-1")
    done = salt(*study)
    assert done.exit_code == 0 and "4 made now, 0 were there" in done.output
    train = ("train", "--task", "xnli", "--method", "salt", "--seed", 2, "--setup", setup)
    made = salt(*train, "--runs-dir", root)
    assert made.exit_code == 0 and "seed-02.json: " in made.output, made.output
    assert "is there already" in salt(*train, "--runs-dir", root).output
    done = salt("results", "--scale", "paper", "--runs-dir", root)
    assert "82.1" in done.output and "1 runs wait" in done.output
    assert "baseline: 2 seeds" in done.output
    rows = json.loads(salt("results", "--scale", "paper", "--runs-dir", root, "--json").stdout)
    german = next(row for row in rows["slots"]["xnli"] if row["language"] == "de")
    assert german["published"] == 71.1 and german["baseline"] is not None
    assert salt("plan", "--scale", "laboratory").exit_code == 2
    wrong = salt("study", "--scale", "papr")
    assert wrong.exit_code == 2
    assert (
        "unknown scale 'papr'; known: laboratory, worlds, pictures, intermediate, programs, "
        "bitext, aggregation, paper" in wrong.output
    )


@pytest.mark.filterwarnings("ignore:.*rows, where .* are published")
def test_a_study_is_recorded_bit_by_bit(setup, tmp_path):
    """Runs in the table are not made again, wherever they were made."""
    table = tmp_path / "table.json"

    def study(seeds, root):
        common = ("--scale", "paper", "--setup", setup, "--tasks", "xnli", "--methods", "baseline")
        done = salt("study", *common, "--seeds", seeds, "--runs-dir", root, "--record", table)
        assert done.exit_code == 0, done.output
        return done.stdout

    assert f"{table} has 1 of them" in study("0", tmp_path / "here")
    assert "1 made now, 1 were there" in study("0-1", tmp_path / "there")
    assert "0 made now, 2 were there" in study("0-1", tmp_path / "nowhere")
    held = read_table(table)
    assert [run["seed"] for run in held.runs] == [0, 1] and held.origin["planned"] == 2
    for run in held.runs:
        right = {code: unpacked(row["right"]).mean() for code, row in run["measures"].items()}
        assert right == pytest.approx(run["scores"])
    wrong = salt("study", "--record", table)
    assert wrong.exit_code == 2 and "study --record goes with --scale paper" in wrong.stderr


def test_two_processes_make_one_run(setup, tmp_path):
    command = "-m torch.distributed.run --standalone --nproc_per_node 2 -m salt_lib train"
    command += f" --task xnli --method salt --setup {setup} --runs-dir {tmp_path / 'runs'}"
    done = subprocess.run(
        [sys.executable, *command.split()],
        env=environment(OMP_NUM_THREADS="1"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("seed-00.json: ") == 1
    (path,) = (tmp_path / "runs").rglob("seed-*.json")
    assert path.name == "seed-00.json"
    assert len(list((tmp_path / "runs" / "substitutions").iterdir())) == 1


@pytest.mark.filterwarnings("ignore:.*rows, where .* are published")
def test_names_from_a_trained_model_to_their_score(tmp_path):
    """Trained and kept, its predictions written, and scored as the run itself was."""
    data = test_predict.write_tags(paper_world.write_data(tmp_path / "data"))
    lines = paper_world.texts(data) + list(test_predict.NAMES.values())
    model = paper_world.write_model(tmp_path / "bert", "bert", lines)
    setup = tmp_path / "names.toml"
    setup.write_text(
        'languages = ["de", "sw", "th"]\nminimum = 2\nprecision = "fp32"\ndevice = "cpu"\n'
        "[training]\nepochs = 8\nlearning_rate = 3e-3\nbatch = 16\n"
    )
    options = ("--setup", setup, "--model", model, "--data", data, "--runs-dir", tmp_path / "runs")
    for method in ("baseline", "dlfa-0"):
        for seed in (0, 1):
            made = salt("train", "--task", "pan-x", "--method", method, "--seed", seed, *options,
                        "--save", tmp_path / f"{method}-{seed}")  # fmt: skip
            assert made.exit_code == 0, made.output
    out = tmp_path / "predictions"
    given = ("--task", "pan-x", "--model", tmp_path / "dlfa-0-1", "--data", data, "--out", out)
    said = salt("predict", *given, "--languages", "sw,de", "--device", "cpu")
    assert said.exit_code == 0, said.output
    assert said.output.split() == [str(out / "panx" / f"test-{code}.tsv") for code in ("sw", "de")]
    (tmp_path / "gold").mkdir()
    for code in ("sw", "de"):
        shutil.copy(data / "panx" / f"test-{code}.tsv", tmp_path / "gold")
    scored = json.loads(
        salt(
            "score", "--task", "panx", "--gold", tmp_path / "gold", "--predictions", out, "--json"
        ).stdout
    )
    run = json.loads(next((tmp_path / "runs").rglob("dlfa-0/seed-01.json")).read_text())
    for code in ("sw", "de"):
        assert scored["scores"]["f1"][code] == pytest.approx(100 * run["scores"][code])
    shown = salt("results", "--scale", "paper", "--runs-dir", tmp_path / "runs").output
    assert "pan-x: F1 in %" in shown and "baseline: 2 seeds, English" in shown
    assert "dlfa-0: 2 seeds" in shown and "against the baseline" in shown


def test_scores_of_files_are_shown(tmp_path):
    gold, said = write_scored(tmp_path / "gold", **GOLD), write_scored(tmp_path / "said", **SAID)
    arguments = ["score", "--task", "panx", "--gold", str(gold), "--predictions", str(said)]
    shown = salt(*arguments)
    assert shown.exit_code == 0, shown.output
    lines = [line.split() for line in shown.output.splitlines()]
    assert " ".join(lines[-1][:8]) == "not XTREME's average, which also includes these: af,"
    assert lines[:-1] == [
        ["language", "f1", "precision", "recall"],
        ["en", "100.00", "100.00", "100.00"],
        ["sw", "57.14", "50.00", "66.67"],
        ["average", "78.57", "75.00", "83.33"],
    ]
    found = json.loads(salt(*arguments, "--json").output)
    assert found["average"]["f1"] == pytest.approx(78.5714, abs=1e-4)
    assert found["seqeval_legacy"] is False
    # The last of two tags is an X, and not found: a chunk to seqeval's older versions alone.
    for folder, text in ((gold, "DET\nX\n"), (said, "DET\nNOUN\n")):
        write_scored(folder, en=text, sw=text)
    arguments[2] = "udpos"
    for older, recall in (([], 100.0), (["--seqeval-legacy"], 50.0)):
        found = json.loads(salt(*arguments, *older, "--json").output)
        assert found["average"]["recall"] == recall and found["seqeval_legacy"] is bool(older)


def test_own_files_show_scores_and_what_to_expect(tmp_path, monkeypatch):
    data = test_own_files.write_data(tmp_path / "data")
    monkeypatch.setattr(own_files, "RECIPE", test_own_files.RECIPE)
    monkeypatch.setattr(own_files, "CONFIG", test_own_files.CONFIG)
    out = tmp_path / "out"
    arguments = ["own", "--data", data, "--out", out, "--languages", "de,sw,en,de"]
    shown = salt(*arguments, "--methods", "baseline")
    assert shown.exit_code == 0 and "Near chance was expected" in shown.stdout
    first = json.loads((out / "result.json").read_text())
    score = first["methods"]["baseline"]["scores"]["sw"]
    assert f"sw             60   6.09{100 * score:>18.2f}\n" in shown.stdout
    assert "substitutions kept" not in shown.stdout
    told = json.loads(salt(*arguments, "--threshold", "0.9", "--json").stdout)
    assert told["methods"]["baseline"] == first["methods"]["baseline"]
    assert told["checkpoint_reused"] and not first["checkpoint_reused"]
    assert told["config"]["synonym_threshold"] == told["config"]["threshold"] == 0.9
    monkeypatch.setenv(xtreme.FOLDER_VARIABLE, str(data))
    shown = salt("own", "--out", out, "--languages", "xx")
    assert shown.exit_code == 2 and "'xx'; known: de, en, sw" in shown.stderr


# What the chapter shows

SHOWN = ROOT / "book" / "paper"


def command_options(text):
    """The options of the `salt study` in a text."""
    return set(re.findall(r"--[a-z-]+", text[text.index("salt study") :]))


def test_the_shown_launchers_say_what_the_command_knows():
    script = (SHOWN / "study.sbatch").read_text()
    subprocess.run(["bash", "-n", SHOWN / "study.sbatch"], check=True)
    job = yaml.safe_load((SHOWN / "rayjob.yaml").read_text())
    known = set(re.findall(r"--[a-z-]+", salt("study", "--help").output))
    for text in (script, job["spec"]["entrypoint"]):
        assert command_options(text) <= known and "--backend ray" in text
    cluster = job["spec"]["rayClusterSpec"]
    (workers,) = cluster["workerGroupSpecs"]
    containers = [
        group["template"]["spec"]["containers"][0] for group in (cluster["headGroupSpec"], workers)
    ]
    assert containers[0]["image"] == containers[1]["image"]
    assert containers[1]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert all(c["volumeMounts"][0]["mountPath"] == "/shared" for c in containers)

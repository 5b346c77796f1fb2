"""The paper's scale on small models: the whole path, both tokenizer families, real text too."""

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import paper_world as small
import pytest
import torch
import yaml
from safetensors.torch import load_file
from transformers import BertConfig, BertModel
from typer.testing import CliRunner

from salt_lib.cli import main as cli
from salt_lib.data import benchmarks, xtreme
from salt_lib.errors import SaltError
from salt_lib.models import encoding, loading
from salt_lib.real import plan, published
from salt_lib.real import run as real_run
from salt_lib.real import setup as real_setup
from salt_lib.salt import predictions
from salt_lib.salt.methods import MAIN
from salt_lib.study import grid as study_grid
from salt_lib.study import provenance, stats, store

RUNNER = "salt_lib.real.setup:run"
pytestmark = pytest.mark.filterwarnings("ignore:.*rows, where .* are published")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return small.write_data(tmp_path_factory.mktemp("world") / "data")


@pytest.fixture(scope="module", params=small.FAMILIES)
def setup(request, data):
    folder = data.parent / request.param
    return small.setup(small.write_model(folder, request.param, small.texts(data)), data)


@pytest.fixture(scope="module")
def bert(data):
    folder = data.parent / "one-bert"
    return small.setup(small.write_model(folder, "bert", small.texts(data)), data)


def execute(specs, root, setup, **options):
    options = {"jobs": 1, "progress": False, "runner": RUNNER} | options
    return study_grid.execute(specs, root, setup=setup, **options)


def grid(methods=("baseline", "salt"), seeds=(0,), tasks=("xnli",)):
    return study_grid.grid(0, tasks, methods, seeds, known=benchmarks.task)


def scores(root, seed=0, method="salt", task="xnli"):
    return store.read_run(store.run_path(root, 0, task, method, seed))["scores"]


def _absent() -> bool:
    try:
        return not (xtreme.folder() / "xnli" / "dev-th.tsv").exists()
    except SaltError:
        return True


# The whole path


def test_the_whole_path(setup, tmp_path, monkeypatch):
    monkeypatch.setattr("salt_lib.salt.controls.NEIGHBOURS", 5)  # the control needs more words
    specs = grid(MAIN, (0, 1), ("xnli", "paws-x"))
    assert execute(specs, tmp_path, setup) == specs
    assert execute(specs, tmp_path, setup) == []
    frame = store.collected(tmp_path)
    assert len(frame) == 2 * len(MAIN) * (3 + 2)  # xnli: en, de, th; paws-x: en, de
    assert {*frame["method"]} == {*MAIN} and {*frame["language"]} == {"en", "de", "th"}
    summary = stats.summarise(frame)
    assert set(summary["primary"]) == {"xnli", "paws-x"}
    files = sorted(path.name for path in (tmp_path / "substitutions").iterdir())
    assert len(files) == 2 and not list(tmp_path.rglob("*.state"))
    rows = [json.loads(line) for line in open(next(tmp_path.rglob("seed-00.log.jsonl")))]
    assert [row["epoch"] for row in rows if "dev" in row] == [1, 2]


def test_substitutes_are_whole_words_of_their_language(setup, tmp_path):
    real_run.prepare(0, "xnli", "salt", setup=setup, root=tmp_path)
    (path,) = (tmp_path / "substitutions").iterdir()
    entries = loading.tokenizer(setup.model).convert_ids_to_tokens
    found = predictions.load(path)
    assert set(found["language"]) == {"en", "de", "th"}
    for code, own in found.groupby("language"):
        words = {word.lstrip("▁") for word in entries(own["token"].unique().tolist())}
        assert words <= {*small.WORDS[code].split()} | {"แม่น้ํา"}  # as NFKC has it
    source = real_setup.read(setup, "xnli")["train"]
    encoded = encoding.encode(loading.tokenizer(setup.model), source, True, setup.max_length)
    at = encoded.start[found["example"].to_numpy(copy=True)] + torch.as_tensor(
        found["position"].to_numpy(copy=True)
    )
    assert encoded.whole[at].all()


def test_pairs_are_cut_at_the_setup_s_length(bert, tmp_path):
    short = replace(bert, max_length=9)
    real_run.prepare(0, "xnli", "salt", setup=short, root=tmp_path)
    assert predictions.load(next((tmp_path / "substitutions").iterdir()))["position"].max() < 9


def test_a_prepared_file_is_made_once_and_anew_for_other_words_or_code(bert, tmp_path, monkeypatch):
    for setup, count in ((bert, 1), (bert, 1), (replace(bert, minimum=20), 2)):
        real_run.prepare(0, "xnli", "salt", setup=setup, root=tmp_path)
        assert len(list((tmp_path / "substitutions").iterdir())) == count
    monkeypatch.setattr(provenance, "sources", lambda package, patterns: f"edited {patterns}")
    real_run.prepare(0, "xnli", "salt", setup=bert, root=tmp_path)
    assert len(list((tmp_path / "substitutions").iterdir())) == 3


@pytest.mark.skipif(_absent(), reason="no XTREME files: set SALT_XTREME_DIR")
@pytest.mark.parametrize("family", small.FAMILIES)
def test_the_whole_path_on_real_text(family, tmp_path):
    """XNLI's real dev pairs, the English ones parted in two, the German and Thai ones as text."""
    real = xtreme.folder() / "xnli"
    here = tmp_path / "data" / "xnli"
    here.mkdir(parents=True)
    lines = (real / "dev-en.tsv").read_text(encoding="utf-8").splitlines(keepends=True)
    (here / "train-en.tsv").write_text("".join(lines[:600]), encoding="utf-8")
    (here / "dev-en.tsv").write_text("".join(lines[-300:]), encoding="utf-8")
    for code in ("de", "th"):
        shutil.copy(real / f"dev-{code}.tsv", here)
    for code in ("en", "de", "th"):
        lines = (real / f"test-{code}.tsv").read_text(encoding="utf-8").splitlines(keepends=True)
        (here / f"test-{code}.tsv").write_text("".join(lines[:300]), encoding="utf-8")
    model = small.write_model(
        tmp_path / family, family, small.texts(tmp_path / "data"), pieces=8000
    )
    setup = small.setup(model, tmp_path / "data", minimum=5, max_length=64)
    specs = grid(("baseline", "salt", "salt-random"))
    assert execute(specs, tmp_path / "runs", setup) == specs
    words = real_setup.words(setup, "xnli")
    german = {word.lstrip("▁") for word in words["de"]}
    assert {"und", "nicht"} <= german and "the" not in german
    assert all(any("\u0e00" <= letter <= "\u0e7f" for letter in word) for word in words["th"])
    kept = predictions.count(next((tmp_path / "runs" / "substitutions").iterdir()), 0.0, 0.0)
    assert min(row["kept"] for row in kept.values()) > 500


# Where it runs, and how it goes on


def test_what_changes_no_score_makes_no_run_stale(bert, tmp_path):
    execute(grid(), tmp_path, bert)
    other = replace(bert, micro_batch=8, save_every=3, device="auto", progress=False)
    assert execute(grid(), tmp_path, other) == []
    assert len(execute(grid(), tmp_path, replace(bert, max_length=20))) == 2


def test_a_folder_somewhere_else_is_the_same_model(bert, tmp_path):
    moved = tmp_path / Path(bert.model).name
    shutil.copytree(bert.model, moved)
    assert replace(bert, model=str(moved)).identity("xnli") == bert.identity("xnli")
    config = json.loads((moved / "config.json").read_text())
    (moved / "config.json").write_text(json.dumps({**config, "layer_norm_eps": 1e-9}))
    assert loading.identity(str(moved)) != loading.identity(bert.model)


SCRIPT = """
import os, signal, sys
sys.path.insert(0, sys.argv[4])
from pathlib import Path
from dataclasses import replace
import paper_world as small
from salt_lib import paper, study, sources, watch
step = monitor.Monitor.step
def deadly(self, now, *rest):
    step(self, now, *rest)
    if now == 4:
        os.kill(os.getpid(), signal.SIGKILL)
monitor.Monitor.step = deadly
setup = replace(small.setup(Path(sys.argv[1]), Path(sys.argv[2])), save_every=1)
setup = replace(setup, training=replace(setup.training, dropout=0.1))
study.execute(study.grid(0, ["xnli"], ["salt"], [0], known=sources.task), sys.argv[3], jobs=1,
              progress=False, runner="salt_lib.real.setup:run", setup=setup)
"""


def test_a_run_killed_by_kill_9_goes_on_to_the_same_scores(bert, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    root, tests = tmp_path / "killed", str(Path(__file__).parent)
    command = [sys.executable, str(script), bert.model, bert.data, str(root), tests]
    environment = {**os.environ, "PYTHONPATH": str(Path(tests).parent)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    target = store.run_path(root, 0, "xnli", "salt", 0)
    state = target.with_suffix(".state")
    assert json.loads((state / "state.json").read_bytes())["numbers"]["step"] == 4
    assert {path.suffix for path in state.iterdir()} == {".json", ".safetensors"}
    assert load_file(next(state.glob("optimizer-*"))) and not target.exists()
    training = replace(bert.training, dropout=0.1)
    setup = replace(bert, save_every=1, training=training)
    execute(grid(("salt",)), root, setup)
    execute(grid(("salt",)), tmp_path / "whole", setup)
    killed, whole = (
        store.read_run(store.run_path(r, 0, "xnli", "salt", 0)) for r in (root, tmp_path / "whole")
    )
    assert all(killed[key] == whole[key] for key in ("scores", "dev", "epoch", "fingerprint"))
    assert not state.exists()


def test_two_processes_make_one_run(bert, data, tmp_path):
    path = write_setup(tmp_path, TOML.format(model=bert.model, data=data))
    command = "-m torch.distributed.run --standalone --nproc_per_node 2 -m salt_lib.cli.main train"
    command += f" --task xnli --method salt --setup {path} --runs-dir {tmp_path / 'runs'}"
    environment = {**os.environ, "PYTHONPATH": str(provenance.CHECKOUT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *command.split()], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("seed-00.json: ") == 1
    (found,) = store.collected(tmp_path / "runs")["seed"].unique()
    assert found == 0 and len(list((tmp_path / "runs" / "substitutions").iterdir())) == 1


# Its settings

TOML = """
model = "{model}"
data = "{data}"
languages = ["de", "th"]
minimum = 2
max_length = 48
precision = "fp32"
device = "cpu"
[training]
epochs = 1
threshold = 0.0
synonym_threshold = 0.0
"""


def write_setup(folder, text):
    path = folder / "paper.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_setup_file(tmp_path):
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
    recipe = real_setup.Setup().training
    assert (recipe.learning_rate, recipe.batch, recipe.epochs, recipe.clip) == (2e-5, 32, 5, 1.0)
    assert (recipe.warmup, recipe.weight_decay) == (
        0.0,
        0.0,
    ) and real_setup.Setup().max_length == 128


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model = ", "paper.toml: no setup, a TOML file"),
        ("mdel = 'x'", "paper.toml: unknown key 'mdel'; known: model, data"),
        ("[training]\nepoch = 3", r"\[training\]: unknown key 'epoch'; known: epochs"),
        ("[training]\nepochs = 'three'", "epochs = 'three' is no int"),
        ("max_length = 1.5", "max_length = 1.5 is no int"),
        ("micro_batch = true", "micro_batch = True is no int"),
        ("languages = 'de'", r"languages = 'de' is no tuple"),
        ("training = 3", r"\[training\]: a table"),
        ("precision = 'fp16'", "unknown precision 'fp16'; known: fp32, bf16"),
        ("device = 'tpu'", "unknown device 'tpu'; known: auto, cpu, cuda"),
    ],
)
def test_a_wrong_setup_file_says_where(tmp_path, text, message):
    with pytest.raises(SaltError, match=message):
        real_setup.read_setup(write_setup(tmp_path, text))


def test_wrong_languages(bert):
    with pytest.raises(SaltError, match="unknown language 'xx'; known: af, ar"):
        replace(bert, languages=("xx",)).codes("xnli")
    with pytest.raises(SaltError, match="paws-x has none of the languages th"):
        replace(bert, languages=("th",)).codes("paws-x")


# Bad input


def failing(setup, tmp_path, methods=("baseline",)):
    with pytest.raises(study_grid.RunsFailed) as caught:
        execute(grid(methods), tmp_path, setup)
    return str(caught.value)


def test_a_model_without_a_masked_language_head(bert, tmp_path):
    folder = tmp_path / "classifier"
    shutil.copytree(bert.model, folder)
    config = BertConfig.from_pretrained(bert.model)
    BertModel(config).save_pretrained(folder)
    setup = replace(bert, model=str(folder))
    told = failing(setup, tmp_path / "runs", ("baseline", "salt"))
    assert "masked-language head is not in the checkpoint, cls." in told
    assert "xnli, salt" in told and "xnli, baseline" not in told  # the baseline needs none
    assert len(store.collected(tmp_path / "runs")) == 3


def test_a_tokenizer_without_a_mask_token(bert, tmp_path):
    folder = tmp_path / "maskless"
    shutil.copytree(bert.model, folder)
    told = json.loads((folder / "tokenizer_config.json").read_text())
    told.pop("mask_token")
    (folder / "tokenizer_config.json").write_text(json.dumps(told))
    setup = replace(bert, model=str(folder))
    assert "no mask token" in failing(setup, tmp_path / "runs", ("salt-masked",))
    assert execute(grid(("salt",)), tmp_path / "runs", setup)  # which hides nothing


def test_pickled_weights_are_not_loaded(bert, tmp_path):
    folder = tmp_path / "pickled"
    shutil.copytree(bert.model, folder)
    (folder / "model.safetensors").unlink()
    torch.save(loading.masked_lm(bert.model).state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(SaltError, match="can't be loaded.*model.safetensors belong"):
        loading.masked_lm(str(folder))


def test_a_missing_model_says_how_to_get_one(bert, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    began = time.monotonic()
    with pytest.raises(SaltError, match="no such folder.*hf download no/model --local-dir FOLDER"):
        replace(bert, model="no/model").identity("xnli")
    assert time.monotonic() - began < 20


def test_a_name_in_the_cache_needs_no_hub(bert, tmp_path):
    """A cache as the hub's library lays it out, in a process of its own."""
    snapshot = tmp_path / "hub" / "models--some--bert" / "snapshots" / ("0" * 40)
    shutil.copytree(bert.model, snapshot)
    refs = snapshot.parents[1] / "refs"
    refs.mkdir()
    (refs / "main").write_text("0" * 40)
    code = "from salt_lib import encoders; print(type(encoders.masked_lm('some/bert')).__name__)"
    environment = {
        **os.environ,
        "HF_HUB_CACHE": str(tmp_path / "hub"),
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert done.stdout.strip() == "BertForMaskedLM", done.stderr[-1000:]


def test_methods_that_need_the_laboratory(bert, tmp_path):
    assert "only the laboratory has" in failing(bert, tmp_path, ("dictionary", "translate-train"))
    with pytest.raises(SaltError, match="world 3: at the paper's scale there is one"):
        real_run.run(3, "xnli", "baseline", 0, setup=bert, root=tmp_path)


def test_a_missing_language_is_named(bert, tmp_path):
    setup = replace(bert, languages=("ur",))
    with pytest.raises(SaltError, match="no xnli test file in 'ur'.*there: de, en, sw, th"):
        execute(grid(), tmp_path, setup)


# What it costs


def test_a_plan_is_arithmetic(bert, monkeypatch):
    cost = plan.Costs(2.0, 3.0, 0.01, 0.1, 40.0, None, "a machine")
    specs = grid(("baseline", "salt", "salt-masked"), range(3))
    found = plan.hours(bert, specs, {"xnli": cost})
    steps = 2 * 3  # epochs, of 96 pairs in batches of 32
    scored = 2 * 48 + 3 * 36
    plain, mixed = (steps * s + scored * 0.1 for s in (2.0, 3.0))
    assert found["runs"]["xnli", "baseline"]["hours"] == pytest.approx(plain / 3600)
    assert found["runs"]["xnli", "salt"] == {
        "runs": 3,
        "steps": steps,
        "hours": pytest.approx(mixed / 3600),
    }
    once = 2 * 96 * 0.01 / 3600  # masked and not
    assert sum(found["distil"].values()) == pytest.approx(once)
    assert found["total"] == pytest.approx(3 * (plain + 2 * mixed) / 3600 + once)
    assert found["wall"][1] == pytest.approx(found["total"])
    assert found["wall"][16] == pytest.approx(mixed / 3600 + once)


@pytest.mark.parametrize(
    ("each", "devices", "last"), [([3, 3, 2, 2, 2], 2, 7), ([5, 1, 1], 4, 5), ([], 2, 0)]
)
def test_the_last_device_is_done(each, devices, last):
    assert plan.makespan(each, devices) == last


def test_what_is_measured_is_positive(bert):
    found = plan.measure(bert, "xnli", steps=2)
    assert min(found.plain_step, found.mixup_step, found.distil_pair, found.score_pair) > 0
    assert 5 < found.length < 40 and found.memory is None and "cores" in found.device


# The command line


def salt(*arguments):
    return CliRunner().invoke(cli.app, [str(a) for a in arguments])


def test_the_commands(bert, data, tmp_path, monkeypatch):
    path = write_setup(tmp_path, TOML.format(model=bert.model, data=data))
    root = tmp_path / "runs"
    common = ("--scale", "paper", "--setup", path, "--tasks", "xnli")
    done = salt("plan", *common, "--seeds", "0-2", "--steps", 2)
    assert done.exit_code == 0, done.output
    assert "15 runs of" in done.output and "1: " in done.output and "16: " in done.output
    done = salt("plan", *common, "--seeds", "0-2", "--steps", 2, "--json")
    told = json.loads(done.stdout)
    assert {"device_hours", "wall_clock_hours", "measured", "runs"} <= set(told)
    assert set(told["wall_clock_hours"]) == {"1", "4", "16"}
    shown = salt("vocabulary", "--setup", path, "--language", "th", "--json")
    assert {*json.loads(shown.stdout)["most_frequent"]["th"]} <= {*small.WORDS["th"].split()}
    assert salt("vocabulary", "--model", bert.model).exit_code == 2
    empty = salt("results", "--scale", "paper", "--runs-dir", root)
    assert "no runs at the paper's scale" in empty.output and empty.output.count("…") == 26 * 4
    study_ = ("study", *common, "--methods", "baseline,salt", "--runs-dir", root)
    done = salt(*study_, "--seeds", "0-1")
    assert done.exit_code == 0 and "4 made now, 0 were there" in done.output
    made = salt(
        *("train", "--task", "xnli", "--method", "salt", "--seed", 2),
        *("--setup", path, "--runs-dir", root),
    )
    assert made.exit_code == 0 and "seed-02.json: " in made.output, made.output
    assert (
        "is there already"
        in salt(
            *("train", "--task", "xnli", "--method", "salt", "--seed", 2),
            *("--setup", path, "--runs-dir", root),
        ).output
    )
    done = salt("results", "--scale", "paper", "--runs-dir", root)
    assert "82.1" in done.output and "1 runs wait" in done.output
    assert f"{100 * scores(root)['en']:.2f}" in done.output or "baseline: 2 seeds" in done.output
    rows = json.loads(salt("results", "--scale", "paper", "--runs-dir", root, "--json").stdout)
    german = next(row for row in rows["slots"]["xnli"] if row["language"] == "de")
    assert german["published"] == 71.1 and german["baseline"] is not None
    assert salt("plan", "--scale", "laboratory").exit_code == 2
    wrong = salt("study", "--scale", "papr")
    assert (
        wrong.exit_code == 2
        and "unknown scale 'papr'; known: laboratory, aggregation, paper" in wrong.output
    )


def test_slots_are_empty_until_somebody_runs_it():
    slots = published.slots({})
    assert [len(rows) for rows in slots.values()] == [17, 9]
    rows = {row["language"]: row for row in slots["xnli"]}
    assert rows["sw"]["published"] == 50.4 and rows["sw"]["baseline"] is None
    assert rows["zero-shot average"]["published_gain"] == 1.4
    assert rows["average of all"]["published"] == 65.4


# What the chapter shows

SHOWN = provenance.CHECKOUT / "book" / "paper"


def test_the_shown_setup_is_the_default():
    assert real_setup.read_setup(SHOWN / "paper.toml") == real_setup.Setup()
    lines = (SHOWN / "paper.toml").read_text().splitlines()
    named = {line.lstrip("# ").partition(" =")[0] for line in lines if " = " in line}
    fields = {f.name for f in dataclasses.fields(real_setup.Setup)} - {"training", "progress"}
    assert named == fields | {f.name for f in dataclasses.fields(real_setup.RECIPE)}


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

"""The paper's scale on small models: the whole path, both tokenizer families, real text too."""

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import paper_world as small
import pytest
import torch
from places import environment
from safetensors.torch import load_file
from transformers import BertConfig, BertModel

from salt_lib.data import xtreme
from salt_lib.errors import SaltError
from salt_lib.files import alone
from salt_lib.models import encoding, loading
from salt_lib.real import run as real_run
from salt_lib.real import setup as real_setup
from salt_lib.salt import predictions
from salt_lib.salt.methods import MAIN, METHODS
from salt_lib.study import grid as study_grid
from salt_lib.study import stats, store
from salt_lib.study.grid import Job, Spec, Workers
from salt_lib.study.results import collected, key_of
from salt_lib.training.device import Accelerated

pytestmark = pytest.mark.filterwarnings("ignore:.*rows, where .* are published")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return small.write_data(tmp_path_factory.mktemp("world") / "data")


@pytest.fixture(scope="module")
def bert(data):
    folder = data.parent / "one-bert"
    return small.setup(small.write_model(folder, "bert", small.texts(data)), data)


@pytest.fixture(scope="module", params=small.FAMILIES)
def setup(request, data):
    folder = data.parent / request.param
    return small.setup(small.write_model(folder, request.param, small.texts(data)), data)


def execute(specs, root, setup):
    return study_grid.execute(specs, root, setup, Workers(jobs=1), progress=False)


def grid(setup, methods=("baseline", "salt"), seeds=(0,), tasks=("xnli",)):
    return study_grid.grid(0, tasks, methods, seeds, setup.check)


def job(setup, root, method="salt", seed=0, world=0):
    return Job(Spec(world, "xnli", method, seed), root, setup)


def _absent() -> bool:
    try:
        return not (xtreme.folder() / "xnli" / "dev-th.tsv").exists()
    except SaltError:
        return True


# The whole path


def test_every_main_method_runs_on_both_tasks(setup, tmp_path, monkeypatch):
    monkeypatch.setattr("salt_lib.salt.controls.NEIGHBOURS", 5)  # the control needs more words
    specs = grid(setup, MAIN, (0, 1), ("xnli", "paws-x"))
    assert execute(specs, tmp_path, setup) == specs
    assert execute(specs, tmp_path, setup) == []
    frame = collected(tmp_path).frame
    assert len(frame) == 2 * len(MAIN) * (3 + 2)  # xnli: en, de, th; paws-x: en, de
    assert {*frame["method"]} == {*MAIN} and {*frame["language"]} == {"en", "de", "th"}
    summary = stats.summarise(frame)
    assert set(summary["primary"]) == {"xnli", "paws-x"}
    files = sorted(path.name for path in (tmp_path / "substitutions").iterdir())
    assert len(files) == 2 and not list(tmp_path.rglob("*.state"))
    rows = [json.loads(line) for line in open(next(tmp_path.rglob("seed-00.log.jsonl")))]
    assert [row["epoch"] for row in rows if "dev" in row] == [1, 2]


def test_seeds_can_be_trained_at_once(setup, tmp_path):
    setup = replace(setup, training=replace(setup.training, dropout=0.0))
    specs = grid(setup, ("baseline", "salt"), range(3))
    stacked = Workers(stacked=2)
    made = study_grid.execute(specs, tmp_path / "at-once", setup, stacked, progress=False)
    assert made == specs and execute(specs, tmp_path / "alone", setup) == specs
    at_once, alone = (
        {key_of(run): run for run in collected(tmp_path / name).runs}
        for name in ("at-once", "alone")
    )
    assert [at_once["xnli", "salt", seed]["stacked"] for seed in range(3)] == [2, 2, 1]
    assert "stacked" not in alone["xnli", "salt", 0]
    for key, run in alone.items():
        assert at_once[key]["fingerprint"] == run["fingerprint"]
        assert at_once[key]["scores"] == pytest.approx(run["scores"], abs=0.12)  # of 36 pairs
        assert at_once[key]["dev"] == pytest.approx(run["dev"], abs=0.12)
    assert study_grid.execute(specs, tmp_path / "at-once", setup, stacked, progress=False) == []


def test_what_can_not_be_stacked_fails_and_the_rest_is_made(bert, tmp_path):
    specs = grid(bert, ("dlfa-1", "baseline"), (0, 1))
    with pytest.raises(study_grid.RunsFailed, match="fused layers can't be stacked"):
        study_grid.execute(specs, tmp_path, bert, Workers(stacked=2), progress=False)
    assert {run["method"] for run in collected(tmp_path).runs} == {"baseline"}
    with pytest.raises(SaltError, match="2 stacked seeds.*leave --backend out"):
        Workers("ray", stacked=2)


def test_substitutes_are_whole_words_of_their_language(setup, tmp_path):
    real_run.prepare(job(setup, tmp_path))
    (path,) = (tmp_path / "substitutions").iterdir()
    entries = loading.tokenizer(setup.model).convert_ids_to_tokens
    found = predictions.read_all(path)
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
    real_run.prepare(job(replace(bert, max_length=9), tmp_path))
    assert predictions.read_all(next((tmp_path / "substitutions").iterdir()))["position"].max() < 9


def test_a_prepared_file_is_made_once_and_anew_for_other_words_or_code(bert, tmp_path, monkeypatch):
    for setup, count in ((bert, 1), (bert, 1), (replace(bert, minimum=20), 2)):
        real_run.prepare(job(setup, tmp_path))
        assert len(list((tmp_path / "substitutions").iterdir())) == count
    real_run.prepare(job(bert, tmp_path, "mixup"))  # which shares it
    real_run.prepare(job(bert, tmp_path, "baseline"))  # which needs none
    assert len(list((tmp_path / "substitutions").iterdir())) == 2
    monkeypatch.setattr(real_run, "sources", lambda module: f"edited {module}")
    real_run.prepare(job(bert, tmp_path))
    assert len(list((tmp_path / "substitutions").iterdir())) == 3


def test_two_trainings_of_one_run_do_not_meet(bert, tmp_path):
    """They would write one state, and one of them would find the other's files gone."""
    one = job(bert, tmp_path, "baseline")
    with alone(one.path, "it"):
        with pytest.raises(
            SaltError, match="xnli, baseline, seed 0 .*: process .* is working on it"
        ):
            real_run.run(one)


def test_runs_share_tokens_words_and_predictions(bert, tmp_path):
    compute = Accelerated("cpu")
    plain = real_run.prepared(bert, "xnli", METHODS["baseline"], tmp_path, compute)
    assert list(plain.tests) == ["en", "de", "th"] and plain.labels == 3
    assert not plain.words and not len(plain.choices.count) and not list(tmp_path.iterdir())
    salt = real_run.prepared(bert, "xnli", METHODS["salt"], tmp_path, compute)
    assert set(salt.words) == {"en", "de", "th"} and (salt.choices.count > 0).any()
    (path,) = (tmp_path / "substitutions").iterdir()
    assert len(salt.choices.tokens) == len(predictions.read_all(path))


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
    specs = grid(setup, ("baseline", "salt", "salt-random"))
    assert execute(specs, tmp_path / "runs", setup) == specs
    words = real_setup.words(setup, "xnli")
    german = {word.lstrip("▁") for word in words["de"]}
    assert {"und", "nicht"} <= german and "the" not in german
    assert all(any("\u0e00" <= letter <= "\u0e7f" for letter in word) for word in words["th"])
    kept = predictions.count(next((tmp_path / "runs" / "substitutions").iterdir()), 0.0, 0.0)
    assert min(row["kept"] for row in kept.values()) > 500


# How it goes on


def test_a_finished_run_is_not_made_again_on_another_device(bert, tmp_path):
    specs = grid(bert)
    execute(specs, tmp_path, bert)
    other = replace(bert, micro_batch=8, save_every=3, device="auto", progress=False)
    assert execute(specs, tmp_path, other) == []
    assert len(execute(specs, tmp_path, replace(bert, max_length=20))) == 2


SCRIPT = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
import paper_world as small
from salt_lib.study.grid import Workers, execute, grid
from salt_lib.training.progress import Monitor
step = Monitor.step
def deadly(self, now, *rest):
    step(self, now, *rest)
    if now == 4:
        os.kill(os.getpid(), signal.SIGKILL)
Monitor.step = deadly
model, data, root = map(Path, sys.argv[1:])
setup = replace(small.setup(model, data), save_every=1)
setup = replace(setup, training=replace(setup.training, dropout=0.1))
execute(grid(0, ["xnli"], ["salt"], [0], setup.check), root, setup, Workers(jobs=1), progress=False)
"""


def test_a_run_killed_by_kill_9_goes_on_to_the_same_scores(bert, tmp_path):
    root = tmp_path / "killed"
    command = [sys.executable, "-c", SCRIPT, bert.model, bert.data, str(root)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    target = store.run_path(root, 0, "xnli", "salt", 0)
    state = target.with_suffix(".state")
    assert json.loads((state / "state.json").read_bytes())["numbers"]["step"] == 4
    assert {path.suffix for path in state.iterdir()} == {".json", ".safetensors"}
    assert load_file(next(state.glob("optimizer-*"))) and not target.exists()
    setup = replace(bert, save_every=1, training=replace(bert.training, dropout=0.1))
    for folder in (root, tmp_path / "whole"):
        execute(grid(setup, ("salt",)), folder, setup)
    killed, whole = (
        store.read_run(store.run_path(r, 0, "xnli", "salt", 0)) for r in (root, tmp_path / "whole")
    )
    assert all(killed[key] == whole[key] for key in ("scores", "dev", "epoch", "fingerprint"))
    assert not state.exists()


def test_another_world_and_a_folder_that_is_there_are_errors(bert, tmp_path):
    with pytest.raises(SaltError, match="world 3: at the paper's scale there is one"):
        real_run.run(job(bert, tmp_path, "baseline", world=3))
    with pytest.raises(SaltError, match="is there already: give a new folder for the model"):
        real_run.run(job(bert, tmp_path), save=tmp_path)
    assert not list(tmp_path.iterdir())


# Bad input


def failing(setup, tmp_path, methods=("baseline",)):
    with pytest.raises(study_grid.RunsFailed) as caught:
        execute(grid(setup, methods), tmp_path, setup)
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
    assert len(collected(tmp_path / "runs").frame) == 3


def test_a_tokenizer_without_a_mask_token(bert, tmp_path):
    folder = tmp_path / "maskless"
    shutil.copytree(bert.model, folder)
    told = json.loads((folder / "tokenizer_config.json").read_text())
    told.pop("mask_token")
    (folder / "tokenizer_config.json").write_text(json.dumps(told))
    setup = replace(bert, model=str(folder))
    assert "no mask token" in failing(setup, tmp_path / "runs", ("salt-masked",))
    assert execute(grid(setup, ("salt",)), tmp_path / "runs", setup)  # which hides nothing


def test_methods_that_need_the_laboratory_are_refused_before_anything_runs(bert):
    for name in ("dictionary", "translate-train"):
        with pytest.raises(SaltError, match=f"'{name}' needs what only the laboratory has"):
            grid(bert, (name,))


def test_a_missing_language_is_named(bert, tmp_path):
    setup = replace(bert, languages=("ur",))
    with pytest.raises(SaltError, match="no xnli test file in 'ur'.*there: de, en, sw, th"):
        execute(grid(setup), tmp_path, setup)

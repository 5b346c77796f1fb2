"""`salt plan` prices every real task, and lines of results show what nobody has run as open."""

import json
import shutil
from pathlib import Path

import pytest
from cli.test_main import salt

from salt_lib.cli import real
from salt_lib.laboratory.checkpoints import checkpoint

FIXTURES = Path(__file__).parents[1] / "fixtures" / "xtreme"


@pytest.fixture
def names(tmp_path):
    """PAN-X in English and Swahili, text with words of the tiny mBERT, and options for a setup."""
    shutil.copytree(FIXTURES / "panx", tmp_path / "data" / "panx")
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
    assert shown.exit_code == 2 and "only the paper's scale is planned" in shown.stderr


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

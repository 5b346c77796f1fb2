"""`salt world` and `salt pretrain`: the laboratory's parts from the command line."""

import json
import re
from dataclasses import replace

from cli.test_main import salt

from salt_lib.laboratory import pretraining
from salt_lib.pretraining.recipe import Recipe


def test_world_prints_sentences_beside_their_english():
    shown = salt("world", "--language", "sw", "--facts", "5")
    blocks = shown.stdout.strip().split("\n\n")
    assert shown.exit_code == 0 and len(blocks) == len(set(blocks)) == 5
    assert all(re.fullmatch("sw  .+\nen  .+", block) for block in blocks)
    told = json.loads(salt("world", "--language", "sw", "--facts", "5", "--json").stdout)
    assert [f"sw  {row['sw']}\nen  {row['en']}" for row in told["sentences"]] == blocks
    assert len(json.loads(salt("world", "--facts", "1", "--json").stdout)["sentences"]) == 1


def test_pretrain_says_where_the_checkpoint_is(tmp_path, monkeypatch):
    asked = []

    def make(world, out, **options):
        asked.append((world, out, options))
        return {"step": 7, "alignment": {"de": 0.5, "sw": 0.3}}

    monkeypatch.setattr(pretraining, "pretrain", make)
    monkeypatch.setenv("SALT_CHECKPOINTS_DIR", str(tmp_path))
    shown = salt("pretrain", "--world", 1, "--steps", 7, "--device", "cpu", "--no-resume")
    world, out, options = asked[0]
    assert (world, out) == (1, tmp_path / "world-1")
    assert options.pop("recipe") == replace(Recipe(), steps=7)
    assert options == {"resume": False, "device": "cpu"}
    assert shown.stdout == f"{out}: 7 steps, mean alignment 40.0%\n"
    salt("pretrain", "--out", tmp_path / "x")
    assert asked[1][:2] == (0, tmp_path / "x")
    assert asked[1][2] == {"recipe": Recipe(), "resume": True, "device": None}

"""The study of bitext is its protocol's, and its tables grow."""

import pytest
import torch
from fake_runs import made

from salt_lib.errors import SaltError
from salt_lib.laboratory.bitext import study
from salt_lib.laboratory.bitext.cells import CELLS, SALTED, Bitexts
from salt_lib.study import provenance, store
from salt_lib.study.frozen import read_table

RUNS = 5 * (17 + 7)


@pytest.mark.parametrize("world", [0, 1, 5, 100, -1])
def test_a_world_that_the_protocol_lacks_is_an_error(world):
    with pytest.raises(SaltError, match=f"world {world}: the study of bitext has worlds 2, 3, 4"):
        study.bitext_study(world)


def test_a_device_that_is_not_there_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SaltError, match="device 'cuda': this machine has cpu"):
        study.bitext_study(2, tmp_path, "cuda")
    assert study.bitext_study(2, tmp_path, "auto").setup == Bitexts(2, "cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert study.bitext_study(2, tmp_path, "auto").setup == Bitexts(2, "cuda")
    assert study.bitext_study(2, tmp_path).setup == Bitexts(2, "cpu")


def test_every_cell_has_five_seeds_and_some_have_salt():
    specs = study.planned(3)
    assert len(specs) == len(set(specs)) == RUNS and {s.world for s in specs} == {3}
    assert [s.task for s in specs[:17]] == list(CELLS)  # makes every encoder
    assert [s.task for s in specs[17:24]] == list(SALTED)
    assert {s.method for s in specs[17:24]} == {"salt"} and {s.seed for s in specs[:24]} == {0}
    for spec in specs:
        Bitexts(3).check(spec.task, provenance.method_by_name(spec.method))


def test_a_study_has_its_folder_its_command_and_its_table(tmp_path):
    part = study.bitext_study(2, tmp_path)
    assert part.root == tmp_path / "bitext" and part.world == 2
    assert part.command == "salt study --scale bitext --world 2"
    assert part.table.parts[-2:] == ("bitext", "world-2.json")


def test_a_table_grows(tmp_path, monkeypatch):
    monkeypatch.setattr(study, "RECORDED", tmp_path / "recorded")
    part = study.bitext_study(2, tmp_path / "runs")
    assert len(study.missing(part)) == RUNS and study.freeze(part) == (0, RUNS)
    for name, method in (("exchange-100k", "salt"), ("none", "baseline")):
        key = {"world": 2, "task": name, "method": method, "seed": 0}
        print_ = provenance.fingerprint(part.setup, 2, name, method)
        more = {"fingerprint": print_, "measures": {"of": name}}
        store.write_run(part.root, {**made(0), **more, **key})
    assert study.freeze(part) == (2, RUNS) and len(study.missing(part)) == RUNS - 2
    runs = read_table(part.table).runs
    assert [run["measures"]["of"] for run in runs] == ["none", "exchange-100k"]

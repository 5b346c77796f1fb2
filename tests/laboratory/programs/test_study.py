"""The study of programs is its protocol's, and its tables grow."""

import pytest
import torch
from fake_runs import made

from salt_lib.errors import SaltError
from salt_lib.laboratory.programs import study
from salt_lib.laboratory.programs.cells import CELLS, GRID, Programs
from salt_lib.study import provenance, store
from salt_lib.study.frozen import read_table


@pytest.mark.parametrize("world", [0, 1, 5, 100, -1])
def test_a_world_that_the_protocol_lacks_is_an_error(world):
    with pytest.raises(SaltError, match=f"world {world}: the study of programs has worlds 2, 3, 4"):
        study.programs_study(world)


def test_a_device_that_is_not_there_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SaltError, match="device 'cuda': this machine has cpu"):
        study.programs_study(2, tmp_path, "cuda")
    assert study.programs_study(2, tmp_path, "auto").setup == Programs(2, "cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert study.programs_study(2, tmp_path, "cuda").setup == Programs(2, "cuda")
    assert study.programs_study(2, tmp_path, "auto").setup == Programs(2, "cuda")
    assert study.programs_study(2, tmp_path).setup == Programs(2, "cpu")


def test_all_cells_have_a_run_and_those_of_the_grid_one_with_salt():
    specs = study.planned(3)
    assert len(specs) == len(set(specs)) == 34 and {s.world for s in specs} == {3}
    # An encoder is made by the first of its runs: with SALT they come after all of those.
    assert [s.task for s in specs[:18]] == list(CELLS)
    assert {s.method for s in specs[:18]} == {"baseline"}
    assert [s.task for s in specs[18:]] == [one.name for one in GRID]
    assert {s.method for s in specs[18:]} == {"salt"}


def test_a_study_has_its_folder_its_command_and_its_table(tmp_path, monkeypatch):
    part = study.programs_study(2, tmp_path)
    assert part.root == tmp_path / "programs" and part.world == 2
    assert part.command == "salt study --scale programs --world 2"
    assert part.table.parts[-2:] == ("programs", "world-2.json")
    assert set(part.specs()) >= set(study.planned(2))


def test_a_table_grows(tmp_path, monkeypatch):
    monkeypatch.setattr(study, "RECORDED", tmp_path / "recorded")
    part = study.programs_study(2, tmp_path / "runs")
    assert len(study.missing(part)) == 34 and study.freeze(part) == (0, 34)
    for name, method in (("0.6M-poor-1", "baseline"), ("0.3M-poor-4", "salt")):
        key = {"world": 2, "task": name, "method": method, "seed": 0}
        print_ = provenance.fingerprint(part.setup, 2, name, method)
        more = {"fingerprint": print_, "measures": {"of": name}}
        store.write_run(part.root, {**made(0), **more, **key})
    assert study.freeze(part) == (2, 34) and len(study.missing(part)) == 32
    assert [run["measures"]["of"] for run in read_table(part.table).runs] == [
        "0.6M-poor-1",
        "0.3M-poor-4",
    ]

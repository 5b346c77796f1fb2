"""Cells are rows: their text, their steps, their size; what decides a run is known."""

from dataclasses import asdict, replace

import pytest

from salt_lib.errors import SaltError
from salt_lib.laboratory.programs import cells
from salt_lib.laboratory.programs.cells import CELLS, CONTROLS, GRID, HELD_OUT, SIZES, Cell
from salt_lib.languages import LANGUAGES
from salt_lib.pretraining.model import new_model
from salt_lib.pretraining.recipe import Recipe
from salt_lib.salt.methods import method


def test_the_grid_has_every_amount_in_every_size_and_the_controls_their_counterparts():
    assert len(CELLS) == 16 + 2 and len(GRID) == 16
    for name, one in CELLS.items():
        assert one.name == name and cells.cell(name) == one
    for one in CONTROLS:
        assert Cell(one.size, one.rich) in GRID
    with pytest.raises(SaltError, match="unknown cell '9M-poor-1'; known: 0.3M-poor-0.25"):
        cells.cell("9M-poor-1")


def test_one_cell_of_each_size_and_amount_is_held_out():
    held = [CELLS[name] for name in HELD_OUT]
    assert {one.size.name for one in held} == set(SIZES)
    assert {one.poor for one in held} == set(cells.AMOUNTS) and all(c in GRID for c in held)


def test_today_s_text_is_the_laboratory_s_and_only_the_poor_languages_get_more():
    now, much = (CELLS[f"0.6M-poor-{a}"].documents for a in ("1", "16"))
    for code in cells.SPOKEN:
        assert now[code] == round(Recipe().documents * LANGUAGES[code].share)
        assert much[code] == now[code] * (16 if code in cells.POOR else 1)
    assert all(LANGUAGES[code].share == 0.25 for code in cells.POOR)
    assert CELLS["0.6M-poor-0.25"].documents["sw"] == 1_000


def test_a_control_has_the_documents_steps_and_model_of_its_counterpart():
    for one in CONTROLS:
        other = Cell(one.size, one.rich)
        assert abs(sum(one.documents.values()) - sum(other.documents.values())) <= 3
        assert one.recipe == other.recipe
        now = Cell(one.size).documents
        for code in cells.SPOKEN:
            more = one.documents[code] - now[code]
            assert (more > 0) == (code in cells.RICH)


def test_every_text_is_read_equally_often_and_cells_of_one_amount_take_equal_steps():
    for one in GRID:
        pairs = 2 * sum(one.documents.values())
        read = one.recipe.steps * one.recipe.batch / pairs
        assert read == pytest.approx(cells.PASSES, rel=1e-3)
    for amount in cells.AMOUNTS:
        assert len({Cell(size, amount).recipe.steps for size in SIZES.values()}) == 1


def test_a_size_is_about_what_its_name_says():
    pieces = 2_000
    for size in SIZES.values():
        recipe = Cell(size).recipe
        made = new_model(recipe, pieces, 0).bert
        without = sum(p.numel() for name, p in made.named_parameters() if "pooler" not in name)
        assert cells.parameters(size, pieces) == without
        assert without / 1e6 == pytest.approx(float(size.name.rstrip("M")), rel=0.15)
        assert recipe.hidden % recipe.heads == 0
    assert len({size.hidden for size in SIZES.values()}) == 4
    assert len({size.layers for size in SIZES.values()}) == 3


def test_the_smallest_has_the_laboratory_s_settings_and_wider_ones_smaller_steps():
    usual, small = Recipe(), Cell(SIZES["0.3M"]).recipe
    same = ("hidden", "layers", "heads", "intermediate", "init", "learning_rate")
    assert all(getattr(small, name) == getattr(usual, name) for name in same)
    rates = [Cell(size).recipe.learning_rate for size in SIZES.values()]
    assert rates == sorted(rates, reverse=True)


def test_other_methods_and_tasks_are_errors():
    setup = cells.Programs()
    setup.check("0.6M-poor-1", method("salt"))
    with pytest.raises(SaltError, match="baseline, salt, not 'mixup'"):
        setup.check("0.6M-poor-1", method("mixup"))
    with pytest.raises(SaltError, match="unknown cell"):
        setup.check("captions", method("salt"))


def test_what_decides_a_run_is_in_its_identity_and_in_the_encoder_s_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("SALT_CACHE_DIR", str(tmp_path))
    setup = cells.Programs(2)
    told = [setup.identity(name) for name in CELLS]
    assert len({repr(one) for one in told}) == len(CELLS)
    assert told[0] == cells.Programs(2, "cuda").identity(next(iter(CELLS)))
    before = cells.encoder_path(2, GRID[0])
    assert before.parent == tmp_path / "programs" and before.name.startswith("world-2-0.3M-poor")
    paths = {cells.encoder_path(w, one, d) for w in (2, 3) for one in GRID for d in ("cpu", "cuda")}
    assert len(paths) == 2 * 16 * 2
    monkeypatch.setattr(cells, "PASSES", 2.0)
    assert cells.encoder_path(2, GRID[0]) != before
    assert setup.identity(GRID[0].name) != told[0]
    monkeypatch.setattr(cells, "CONFIG", replace(cells.CONFIG, epochs=99))
    assert setup.identity(GRID[0].name)["training"] == asdict(cells.CONFIG)

"""The cells are the protocol's, and take equal steps."""

import pytest

from salt_lib.errors import SaltError
from salt_lib.laboratory.bitext import cells
from salt_lib.laboratory.bitext.cells import CELLS, Bitexts, Cell
from salt_lib.salt.methods import method


def test_seventeen_cells():
    assert list(CELLS)[:4] == ["none", "masked-100k", "tlm-1k", "exchange-1k"]
    assert list(CELLS)[-6:] == [
        "tlm-shuffled", "exchange-shuffled", "contrastive-shuffled",
        "tlm-distilled", "exchange-distilled", "contrastive-distilled",
    ]  # fmt: skip
    assert len(CELLS) == 17 and all(name == row.name for name, row in CELLS.items())
    assert CELLS["exchange-10k"] == Cell("exchange", "bitext", 10_000)
    assert len({row.label for row in CELLS.values()}) == 17
    assert cells.BEST == "exchange-100k"
    assert cells.SALTED == (
        "none", "tlm-100k", "exchange-100k", "contrastive-100k",
        "tlm-distilled", "exchange-distilled", "contrastive-distilled",
    )  # fmt: skip


def test_steps_are_one_pass_of_the_most_pairs():
    how = cells.recipe()
    assert how.steps * how.batch == 100_000 and how.batch == 32
    assert how.word_learning_rate == 3 * how.learning_rate and cells.RATE in cells.RATES
    assert cells.recipe(1.0).learning_rate == 1.0


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"objective": "weam"}, "unknown objective 'weam'; known: None, masked, tlm"),
        ({"source": "web"}, "unknown source of pairs 'web'; known: bitext, shuffled, distilled"),
    ],
)
def test_a_cell_that_there_is_not(row, message):
    with pytest.raises(SaltError, match=message):
        Cell(**row)


def test_which_runs_there_are():
    setup = Bitexts(2)
    setup.check("tlm-1k", method("baseline"))
    setup.check("none", method("salt"))
    with pytest.raises(SaltError, match="unknown cell 'all'; known: none, masked-100k"):
        setup.check("all", method("baseline"))
    for name, how in (("tlm-1k", "salt"), ("none", "mixup")):
        with pytest.raises(SaltError, match=f"method '{how}' in cell '{name}'"):
            setup.check(name, method(how))


def test_what_a_run_depends_on():
    setup = Bitexts(0)
    base = setup.identity("exchange-100k")
    assert base["weights"] == setup.identity("none")["weights"]
    assert set(base["tasks"]) == {"mini-xnli", "mini-paws-x", "mini-ner", "mini-pos"}
    assert base["aligner"] == cells.aligner() and "aligner" not in setup.identity("tlm-100k")
    assert setup.identity("tlm-distilled")["threshold"] == 0.9
    assert "temperature" in setup.identity("contrastive-1k")
    assert setup.identity("tlm-1k") != setup.identity("tlm-10k")


def test_an_aligner_that_is_not_installed(monkeypatch):
    def none(name):
        raise cells.PackageNotFoundError(name)

    monkeypatch.setattr(cells, "version", none)
    assert cells.aligner() == "not installed"

"""What the commands share: names, seeds, numbers as text, and warnings as lines."""

import warnings

import pytest

from salt_lib.cli import console
from salt_lib.errors import SaltError
from salt_lib.salt.methods import MAIN, METHODS


def test_names_are_parted_by_commas():
    assert console.names(" a, b ,,c") == ["a", "b", "c"] and console.names(" ,") == []


def test_groups_of_methods_stand_for_their_members():
    assert console.known_methods("main,dictionary") == [*MAIN, "dictionary"]
    assert console.known_methods("all") == list(METHODS)
    assert console.known_methods("all,x", lambda: ["baseline"]) == ["baseline", "x"]


def test_seeds_are_numbers_and_ranges():
    assert console.known_seeds("0-2,7") == [0, 1, 2, 7]
    for wrong in ("3-1", "-1", "a", "1-2-3"):
        with pytest.raises(SaltError, match="is not a seed; write 0-14 or 0,3,5"):
            console.known_seeds(wrong)


def test_shares_are_shown_as_per_cent():
    assert [console.percent(v) for v in (0.5, None)] == ["50.00", "–"]
    assert console.percent(0.0123, "+") == "+1.23"


def test_a_warning_of_ours_is_a_line_and_a_foreign_one_keeps_its_place(capsys):
    console._show("few words", UserWarning, console.__file__, 3)
    console._show("old call", DeprecationWarning, "elsewhere.py", 3)
    ours, foreign = capsys.readouterr().err.splitlines()[:2]
    assert ours == "salt: few words" and foreign.startswith("elsewhere.py:3: DeprecationWarning")
    assert warnings.showwarning is not None

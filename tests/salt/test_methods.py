"""A method is a row of a table, and rows that are compared differ in one thing."""

from dataclasses import replace

import pytest

from salt_lib.errors import SaltError
from salt_lib.salt.methods import ABLATIONS, MAIN, METHODS, WORLD_METHODS, dlfa, method


def test_the_table_of_methods():
    assert set(MAIN) | set(ABLATIONS) == set(METHODS) and not set(MAIN) & set(ABLATIONS)
    assert MAIN == ("baseline", "code-switch", "mixup", "salt", "salt-random")
    for name, row in METHODS.items():
        assert row.name == name and row.label and method(name) is row
        assert (row.substitutions is not None) == (row.code_switch or row.mixup is not None)
    salt = METHODS["salt"]
    for name in ("salt-random", "salt-masked", "salt-deranged", "dictionary"):
        other = METHODS[name]
        assert (other.code_switch, other.mixup, other.synonyms) == (True, "vector", True)
        assert other.substitutions != salt.substitutions
    assert METHODS["salt-no-synonyms"] == replace(
        salt, name="salt-no-synonyms", label=METHODS["salt-no-synonyms"].label, synonyms=False
    )
    with pytest.raises(SaltError, match="unknown method 'slat'; known: baseline"):
        method("slat")


def test_what_the_study_over_worlds_has_besides():
    salt = METHODS["salt"]
    assert set(WORLD_METHODS) == {
        *("salt-content", "salt-function", "salt-random-kind", "salt-hidden"),
        *("scalar-mixup", "smoothed"),
    }
    assert not set(WORLD_METHODS) & set(METHODS) and not set(WORLD_METHODS) & {*MAIN, *ABLATIONS}

    def but_for(name, **changes):
        return replace(salt, name=name, label=WORLD_METHODS[name].label, **changes)

    for name, changes in {
        "salt-content": {"words": "content"},
        "salt-function": {"words": "function"},
        "salt-random-kind": {"substitutions": "random-kind"},
        "salt-hidden": {"substitutions": "mask"},
        "scalar-mixup": {"code_switch": False, "mixup": "scalar"},
    }.items():
        assert method(name) is WORLD_METHODS[name] == but_for(name, **changes)
    smoothed = method("smoothed")
    baseline = replace(METHODS["baseline"], name="smoothed", label=smoothed.label)
    assert smoothed == replace(baseline, smooth=True)
    assert not any(row.smooth or row.words for row in METHODS.values())
    with pytest.raises(SaltError, match="unknown method 'slat'; known: .*salt-hidden, .*smoothed"):
        method("slat")
    assert method("salt-hidden+dlfa-1").substitutions == "mask"


def test_rows_of_the_table():
    assert dlfa(3) == method("dlfa-3") and dlfa(3).layer == 3 and dlfa(3).substitutions is None
    both = method("salt+dlfa-2-sigmoid")
    assert both == dlfa(2, METHODS["salt"], "sigmoid") and both.mixup == "vector"
    assert (
        replace(both, name="salt", label=METHODS["salt"].label, layer=None, gate="literal")
        == (METHODS["salt"])
    )
    for name in ("dlfa", "dlfa-x", "nix+dlfa-1", "dlfa-1-relu", "dlfa--1"):
        with pytest.raises(SaltError, match="unknown method"):
            method(name)

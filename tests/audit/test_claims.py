"""All 59 claims are there, in other words, and none is called more than it is."""

import hashlib
import re

import pytest
from invented import frame, world_tables
from places import ROOT

from salt_lib.audit import claims
from salt_lib.errors import SaltError
from salt_lib.laboratory import outcomes, worlds
from salt_lib.salt.methods import METHODS
from salt_lib.study import stats

# SHA-256, 12 digits each, of every run of six words in the claims as the reports have them: the
# sentences themselves are not ours to print.
SIXES = set((ROOT / "tests" / "fixtures" / "claim_sixes.txt").read_text().split())
QUALITY = {"precision": 0.8, "coverage": 0.31}


def sixes(text):
    words = re.findall(r"[^\W_]+", text.lower())
    for i in range(max(1, len(words) - 5)):
        six = " ".join(words[i : i + 6])
        if hashlib.sha256(six.encode()).hexdigest()[:12] in SIXES:
            yield six


def audit(gain):
    main = stats.summarise(frame(gain))
    every = frame(gain, METHODS)
    parts = stats.summarise(every[every["method"] != "baseline"], baseline="salt")
    return claims.audit(main, parts, QUALITY)


def test_all_claims_are_there():
    rows = claims.read()
    assert rows["number"].tolist() == list(range(1, 60))
    assert rows["report"].value_counts().sort_index().tolist() == [11, 10, 10, 11, 17]
    assert rows["flag"].value_counts().to_dict() == {"verified": 46, "unverified": 13}
    assert rows["confidence"].between(0, 1).all()
    assert rows["confidence"].sum() == pytest.approx(11.59, abs=0.005)


def test_no_claim_is_quoted():
    assert len(SIXES) > 300
    known = "".join(p.read_text() for p in ROOT.glob("salt_lib/recorded/claims.tsv"))
    assert not list(sixes(known))
    pages = [*ROOT.glob("notebooks/*.md"), *ROOT.glob("book/*.md"), *ROOT.glob("salt_lib/**/*.py")]
    found = {p.name: list(sixes(p.read_text())) for p in [*pages, ROOT / "README.md"]}
    assert not {name: quoted for name, quoted in found.items() if quoted}


def test_rows_that_say_the_same_are_one_statement():
    found = claims.statements(claims.read())
    assert found.index.tolist() == [f"S{i}" for i in range(1, 14)] + [f"D{i}" for i in range(1, 16)]
    assert found["count"].sum() == 59
    assert found.loc["S1", ["flag", "low", "high", "count"]].tolist() == ["verified", 0.19, 0.19, 4]
    assert found.loc["S10", "reports"] == (1, 2) and found.loc["S9", "reports"] == (0, 3)
    assert (found.loc[["S5", *claims.CONTRADICTIONS], "flag"] == "unverified").all()
    assert (found.filter(like="D", axis=0)["reports"] == (4,)).all()


@pytest.mark.parametrize(
    ("verdicts", "word"),
    [
        (["higher", "higher"], claims.SEEN),
        (["higher", "not distinguishable"], claims.PARTLY),
        (["not distinguishable", "not testable"], claims.UNSEEN),
        (["lower", "not distinguishable"], claims.OPPOSITE),
        (["higher", "lower"], claims.MIXED),
    ],
)
def test_what_the_tests_make_of_a_claim(verdicts, word):
    assert claims.outcome(verdicts) == word


@pytest.mark.parametrize(
    ("gain", "word"), [(0.02, claims.SEEN), (0, claims.UNSEEN), (-0.02, claims.OPPOSITE)]
)
def test_every_statement_has_a_finding_and_results_follow_the_tests(
    gain, word, tmp_path, monkeypatch
):
    monkeypatch.setattr(worlds, "RECORDED", tmp_path)
    found = audit(gain)
    assert list(found) == claims.statements(claims.read()).index.tolist()
    assert found["S1"].verdict == found["S13"].verdict == word
    assert all((ROOT / page).is_file() for item in found.values() for page in item.pages)
    assert "precision 80% at coverage 31%" in found["S2"].measured


def test_over_worlds_the_checkpoint_is_the_unit(tmp_path, monkeypatch):
    monkeypatch.setattr(worlds, "RECORDED", tmp_path)
    world_tables()
    parts = outcomes.parts()
    mean = outcomes.summary(parts).iloc[0]["mean"]
    found = audit(-0.02)  # what world 0 says then decides nothing
    for name in ("S1", "S13"):
        assert found[name].verdict == claims.SEEN
        assert f"over 6 worlds mini-nli {100 * mean:+.2f} (higher" in found[name].measured
        assert found[name].pages[0] == "notebooks/10_worlds.md"
    (tmp_path / "worlds" / "world-2.json").unlink()
    assert audit(-0.02)["S1"].verdict == claims.OPPOSITE


def test_what_cannot_be_judged_is_not_judged():
    for found in (audit(0.02), audit(0)):
        for name in ("S9", "S10", "S11", "S12"):
            assert found[name].verdict == claims.CONTRADICTORY
        for name, item in found.items():
            assert (item.verdict == claims.UNMEASURED) == (name[0] == "D")


def test_a_malformed_file_is_an_error_that_names_the_line(tmp_path):
    head = "\t".join(claims.COLUMNS)
    with pytest.raises(SaltError, match="git checkout"):
        claims.read(tmp_path / "none.tsv")
    for text, message in (
        ("", "line 1: the columns"),
        (f"{head}\n1\t0\tS1\tmaybe\t0.1\tA claim", "line 2: 'maybe' is no flag"),
        (f"{head}\n1\t0\tS1\tverified\t0.1\t", "line 2: no claim"),
        (f"{head}\n1\t0\tS1\tverified", "line 2: not enough values"),
        (f"{head}\n1\t0\tS1\tverified\tx\tA claim", "line 2: could not convert"),
    ):
        (tmp_path / "claims.tsv").write_text(text)
        with pytest.raises(SaltError, match=message):
            claims.read(tmp_path / "claims.tsv")
    rows = claims.read()
    rows.loc[0, "claim"] = "Something else"
    with pytest.raises(SaltError, match="the rows of statement S1 differ in claim"):
        claims.statements(rows)

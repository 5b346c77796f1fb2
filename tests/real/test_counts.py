"""What the study on real text is given is counted in what its runs get."""

from dataclasses import replace

import paper_world as small
import pytest
import xlm_r

from salt_lib.data.examples import tag
from salt_lib.digests import read_checked
from salt_lib.real import counts
from salt_lib.real import run as real_run
from salt_lib.salt.methods import METHODS
from salt_lib.training.device import Accelerated

pytestmark = pytest.mark.filterwarnings("ignore:.*rows, where .* are published")


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    data = small.write_data(tmp_path_factory.mktemp("world") / "data")
    folder = data.parent / "one-bert"
    return small.setup(small.write_model(folder, "bert", small.texts(data)), data)


def test_a_dose_is_counted_in_what_salt_trains_on(bert, tmp_path):
    found = counts.dose(bert, "xnli", tmp_path)
    ready = real_run.prepared(bert, "xnli", METHODS["salt"], tmp_path, Accelerated("cpu"))
    may = (ready.choices.count > 0).tolist()
    whole = [ok for ok, is_word in zip(may, ready.train.whole.tolist(), strict=True) if is_word]
    assert found["tokens"] == len(may) and found["words"] == len(whole)
    assert found["with_options"] == pytest.approx(sum(may) / len(may), abs=1e-4)
    assert found["words_with_options"] == pytest.approx(sum(whole) / len(whole), abs=1e-4)
    assert 0 < found["switched"] < found["with_options"]
    counts.record(tmp_path / "counts.json", {"one": found}, {})
    assert read_checked(tmp_path / "counts.json")["doses"] == {"one": found}


def test_tags_on_a_bare_mark_are_those_that_would_move(bert, tmp_path, monkeypatch):
    marked = replace(bert, model=str(xlm_r.write(tmp_path / "xlm-r")))
    rows = [(["goat", "gxat", "lamp", "river"], ["A"] * 4)]  # a word that is cut begins with a mark
    parts = {"train": tag(rows, ("A",)), "test-en": tag(rows, ("A",))}
    monkeypatch.setattr(counts, "read", lambda setup, task: parts)
    assert counts.moved(marked, "udpos") == {"en": 0.25}

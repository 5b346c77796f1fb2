"""Predictions come back from their file as they were, and a damaged file is never read as one."""

import errno

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small import tokenizer_of

from salt_lib.data.examples import Pairs
from salt_lib.errors import SaltError
from salt_lib.models.encoding import encode
from salt_lib.salt import predictions as salt_predictions

TABLE = pd.DataFrame(
    {
        "example": np.array([0, 0, 1], np.int32),
        "position": np.array([1, 2, 7], np.int16),
        "language": ["de", "en", "sw"],
        "token": np.array([11, 12, 13], np.int32),
        "source": np.array([21, 22, 23], np.int32),
        "probability": np.array([0.25, 0.875, 1.0], np.float32),
    }
)


def batches_of(table):
    return iter(
        pa.Table.from_pandas(table, salt_predictions.SCHEMA, preserve_index=False).to_batches()
    )


def test_a_table_comes_back_from_parquet(tmp_path):
    path = tmp_path / "folder" / "substitutions.parquet"
    salt_predictions.save(path, batches_of(TABLE), {"world": 0, "kind": "masked"})
    pd.testing.assert_frame_equal(salt_predictions.read_all(path), TABLE, check_dtype=False)
    assert [str(t) for t in salt_predictions.read_all(path).dtypes.drop("language")] == [
        "int32",
        "int16",
        "int32",
        "int32",
        "float32",
    ]
    about = pq.read_schema(path).metadata
    assert about[b"world"] == b"0" and about[b"kind"] == b"masked"
    salt_predictions.save(path, iter([]), {})
    assert (
        salt_predictions.read_all(path).empty
        and [*salt_predictions.read_all(path)] == salt_predictions.SCHEMA.names
    )
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_no_row_vanishes_by_a_damaged_count(tmp_path):
    """The footer has no checksum: a bit in a row group's number of rows would drop some."""
    path = tmp_path / "a.parquet"
    salt_predictions.save(path, batches_of(pd.concat([TABLE] * 20, ignore_index=True)), {})
    whole, data = salt_predictions.read_all(path), path.read_bytes()
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    sixty = [i for i in range(footer, len(data)) if data[i] == 2 * len(whole)]  # as thrift has it
    refused = 0
    for i in sixty:
        for bit in range(3, 7):
            path.write_bytes(data[:i] + bytes([data[i] ^ 1 << bit]) + data[i + 1 :])
            try:
                pd.testing.assert_frame_equal(salt_predictions.read_all(path), whole)
            except SaltError:
                refused += 1
    assert refused


def test_no_damaged_byte_goes_unnoticed(tmp_path):
    path = tmp_path / "a.parquet"
    salt_predictions.save(path, batches_of(pd.concat([TABLE] * 20, ignore_index=True)), {})
    whole, data = salt_predictions.read_all(path), path.read_bytes()
    for i in [*range(0, len(data), 61), len(data) - 6]:
        path.write_bytes(data[:i] + bytes([data[i] ^ 16]) + data[i + 1 :])
        try:
            found = salt_predictions.read_all(path)
        except SaltError as error:
            assert str(path) in str(error)
        else:
            pd.testing.assert_frame_equal(found, whole)  # some bytes mean nothing


@pytest.mark.parametrize("keep", [0, 3, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_an_error(tmp_path, keep):
    path = tmp_path / "a.parquet"
    salt_predictions.save(path, batches_of(TABLE), {})
    data = path.read_bytes()
    path.write_bytes(data[: keep if isinstance(keep, int) else int(keep * len(data))])
    with pytest.raises(SaltError, match="a.parquet: not a readable Parquet .*`salt distill`"):
        salt_predictions.read_all(path)


def test_what_is_no_table_of_ours_is_an_error(tmp_path):
    path = tmp_path / "a.parquet"
    for what in (path, tmp_path):
        with pytest.raises(SaltError, match="not a readable Parquet file"):
            salt_predictions.read_all(what)
    path.write_text("example,position\n")
    with pytest.raises(SaltError, match="not a readable Parquet file"):
        salt_predictions.read_all(path)
    for foreign in (
        TABLE.rename(columns={"token": "word"}),
        TABLE.astype({"token": str}),
        TABLE.assign(more=1),
    ):
        foreign.to_parquet(path, index=False)
        with pytest.raises(SaltError, match="has the columns example .*written by `salt distill`"):
            salt_predictions.read_all(path)


def test_a_full_disk_loses_nothing(tmp_path, monkeypatch):
    path = tmp_path / "a.parquet"
    salt_predictions.save(path, batches_of(TABLE), {})
    before = path.read_bytes()

    def full(self, *_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(SaltError, match="a.parquet: can't be written .No space left"):
        salt_predictions.save(path, batches_of(TABLE), {})
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["a.parquet"]


def test_a_failing_prediction_leaves_no_file(tmp_path):
    def failing():
        yield from batches_of(TABLE)
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        salt_predictions.save(tmp_path / "a.parquet", failing(), {})
    assert not list(tmp_path.iterdir())


def test_thresholds_keep_what_reaches_them():
    def kept(threshold, synonym_threshold):
        found = salt_predictions.select(TABLE, threshold, synonym_threshold)
        assert found.index.tolist() == list(range(len(found)))
        return found["language"].tolist()

    assert kept(0.0, 0.0) == ["de", "en", "sw"]
    assert kept(0.25, 0.95) == ["de", "sw"]
    assert kept(0.26, 0.875) == ["en", "sw"]
    assert kept(1.0, 1.0) == ["sw"]
    assert salt_predictions.select(TABLE, 0.5, 0.5, source="de")["language"].tolist() == [
        "en",
        "sw",
    ]


@pytest.mark.parametrize("wrong", [-0.1, 1.1, 50, float("nan")])
def test_a_threshold_is_a_probability(wrong):
    with pytest.raises(SaltError, match="^threshold .* is no probability"):
        salt_predictions.select(TABLE, wrong, 0.5)
    with pytest.raises(SaltError, match="^synonym_threshold .* is no probability"):
        salt_predictions.select(TABLE, 0.5, wrong)


def test_a_file_is_read_some_rows_at_a_time(tmp_path):
    path, many = tmp_path / "a.parquet", pd.concat([TABLE] * 20, ignore_index=True)
    salt_predictions.save(path, batches_of(many), {})
    parts = list(salt_predictions.read(path, rows=7))
    assert max(map(len, parts)) <= 7 and sum(map(len, parts)) == 60
    kept = salt_predictions.read_kept(path, 0.5, 0.9)
    pd.testing.assert_frame_equal(kept, salt_predictions.select(many, 0.5, 0.9), check_dtype=False)
    assert salt_predictions.read_kept(path, 1.0, 1.0)["language"].unique().tolist() == ["sw"]
    salt_predictions.save(path, iter([]), {})
    assert salt_predictions.read_kept(path, 0.0, 0.0).empty


def test_what_a_file_has_and_what_is_kept_is_counted(tmp_path):
    path = tmp_path / "a.parquet"
    salt_predictions.save(path, batches_of(pd.concat([TABLE, TABLE])), {})
    assert salt_predictions.count(path, 0.5, 0.9) == {
        "de": {"predicted": 2, "kept": 0},
        "en": {"predicted": 2, "kept": 0},
        "sw": {"predicted": 2, "kept": 2},
    }
    assert salt_predictions.count(path, 0.25, 0.875)["en"]["kept"] == 2


def parts(calls, last=99):
    def part(number):
        calls.append(number)
        if number == last:
            raise KeyboardInterrupt
        return batches_of(TABLE.assign(example=TABLE["example"] + 2 * number))

    return [lambda number=number: part(number) for number in range(3)]


def test_an_interrupted_file_goes_on_with_its_parts(tmp_path):
    path, calls = tmp_path / "a.parquet", []
    with pytest.raises(KeyboardInterrupt):
        salt_predictions.save_in_parts(path, parts(calls, last=2), {"data": "one"})
    assert calls == [0, 1, 2] and not path.exists()
    calls.clear()
    salt_predictions.save_in_parts(path, parts(calls), {"data": "one"})
    assert calls == [2] and [p.name for p in tmp_path.iterdir()] == ["a.parquet"]
    found = salt_predictions.read_all(path)
    assert found["example"].tolist() == [0, 0, 1, 2, 2, 3, 4, 4, 5]
    assert pq.read_schema(path).metadata[b"data"] == b"one"


def test_a_folder_of_somebody_elses_is_not_removed(tmp_path):
    path = tmp_path / "a.parquet"
    folder = tmp_path / "a.parquet.parts"
    folder.mkdir()
    (folder / "thesis.tex").write_text("mine")
    with pytest.raises(SaltError, match="a.parquet.parts: holds thesis.tex, which was not made"):
        salt_predictions.save_in_parts(path, parts([]), {"data": "one"})
    assert (folder / "thesis.tex").read_text() == "mine" and not path.exists()


def test_a_torn_note_of_the_parts_begins_again(tmp_path):
    path, calls = tmp_path / "a.parquet", []
    with pytest.raises(KeyboardInterrupt):
        salt_predictions.save_in_parts(path, parts(calls, last=2), {"data": "one"})
    (tmp_path / "a.parquet.parts" / "about.json").write_text('{"data"')
    calls.clear()
    salt_predictions.save_in_parts(path, parts(calls), {"data": "one"})
    assert calls == [0, 1, 2] and [p.name for p in tmp_path.iterdir()] == ["a.parquet"]


def test_parts_of_something_else_are_made_again(tmp_path):
    path, calls = tmp_path / "a.parquet", []
    with pytest.raises(KeyboardInterrupt):
        salt_predictions.save_in_parts(path, parts(calls, last=2), {"data": "one"})
    calls.clear()
    salt_predictions.save_in_parts(path, parts(calls), {"data": "another"})
    assert calls == [0, 1, 2] and len(salt_predictions.read_all(path)) == 9


def test_pairs_of_words_are_counted_and_the_commonest_is_first():
    tokenizer = tokenizer_of("dog", "cat", "Hund", "Katze", "▁chat")
    data = encode(tokenizer, Pairs(["dog cat", "dog"], ["dog", "cat"], [0, 0]))
    ids = tokenizer.get_vocab()
    # [CLS] dog cat [SEP] dog [SEP] and [CLS] dog [SEP] cat [SEP]
    rows = [
        *((0, 1, "de", "Hund", 0.5), (0, 4, "de", "Hund", 0.75), (1, 1, "de", "Hund", 1.0)),
        *((0, 2, "fr", "▁chat", 0.25), (1, 3, "de", "Katze", 0.5), (0, 2, "de", "Hund", 0.5)),
    ]
    columns = [name for name in salt_predictions.SCHEMA.names if name != "source"]
    kept = pd.DataFrame([(e, p, c, ids[w], q) for e, p, c, w, q in rows], columns=columns)
    found = salt_predictions.word_pairs(kept, data, ids)
    assert found.values.tolist() == [
        ["dog", "de", "Hund", 0.75, 3],
        ["cat", "de", "Hund", 0.5, 1],
        ["cat", "de", "Katze", 0.5, 1],
        ["cat", "fr", "chat", 0.25, 1],
    ]
    assert list(found.columns) == ["word", "language", "substitute", "probability", "count"]
    assert salt_predictions.word_pairs(kept[:0], data, ids).empty

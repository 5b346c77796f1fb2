"""Tables of one's own: distilled in pieces, switched with all else left alone."""

import shutil

import pandas as pd
import pyarrow.parquet as pq
import pytest
from safetensors.torch import load_file, save_file

from salt_lib.data import examples, tables
from salt_lib.errors import SaltError
from salt_lib.laboratory import tasks
from salt_lib.models import cards, encoding, loading
from salt_lib.salt import distill, predictions, substitutions, user_tables
from salt_lib.salt import vocabulary as salt_vocabulary
from salt_lib.salt.whole_words import whole_words

COLUMNS = ("premise", "hypothesis")


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    """Several pieces already in a table of some rows."""
    for module in (user_tables, encoding, tables, substitutions):
        monkeypatch.setattr(module, "PIECE", 64)


@pytest.fixture(scope="module")
def checkpoint(laboratory):
    return laboratory / "world-0"


@pytest.fixture(scope="module")
def words(checkpoint):
    counted = salt_vocabulary.words_by_language(checkpoint)
    return {code: counted[code] for code in ("en", "de", "ur")}


@pytest.fixture(scope="module")
def pairs(laboratory):
    return tasks.load("mini-xnli", "train", "en", 0)


@pytest.fixture(scope="module")
def table(pairs):
    """The small laboratory's pairs with a label and a column that says nothing to us."""
    return pd.DataFrame(
        {
            "id": [f"row, {i}" for i in range(len(pairs))],
            "premise": pairs.first,
            "hypothesis": pairs.second,
            "label": pairs.labels,
        }
    )


def write(table, path):
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    elif path.suffix == ".jsonl":
        table.to_json(path, orient="records", lines=True, force_ascii=False)
    else:
        table.to_parquet(path)
    return path


def read(path):
    return [row for piece in tables.read_rows(path) for row in piece]


def test_what_can_not_be_distilled_is_said(tmp_path, checkpoint, words):
    with pytest.raises(SaltError, match="give one or two"):
        user_tables.distill_table(checkpoint, tmp_path / "a.csv", (), words, tmp_path / "b.parquet")
    (tmp_path / "a.csv").write_text("premise,hypothesis\n")
    with pytest.raises(SaltError, match="no rows to distil"):
        user_tables.distill_table(
            checkpoint, tmp_path / "a.csv", COLUMNS, words, tmp_path / "b.parquet"
        )


def test_pieces_are_distilled_as_the_whole(checkpoint, words, pairs, table, tmp_path):
    path = write(table, tmp_path / "a.csv")
    substitutions.write_predictions(checkpoint, pairs, words, tmp_path / "whole.parquet")
    count = user_tables.distill_table(checkpoint, path, COLUMNS, words, tmp_path / "own.parquet")
    whole, own = (
        predictions.read_all(tmp_path / name) for name in ("whole.parquet", "own.parquet")
    )
    assert count == len(own) > 1000
    pd.testing.assert_frame_equal(own, whole)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "own.parquet", "whole.parquet"]


def test_an_interrupted_distillation_goes_on(checkpoint, words, table, tmp_path, monkeypatch):
    path = write(table, tmp_path / "a.jsonl")
    arguments = (checkpoint, path, COLUMNS, words, tmp_path / "own.parquet")
    plain, calls = distill.predict_pieces, []

    def interrupted(*given, first, **options):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(first)
        return plain(*given, first=first, **options)

    monkeypatch.setattr(distill, "predict_pieces", interrupted)
    with pytest.raises(KeyboardInterrupt):
        user_tables.distill_table(*arguments)
    assert calls == [0, 64] and not (tmp_path / "own.parquet").exists()
    calls.clear()

    def counted(*given, first, **options):
        calls.append(first)
        return plain(*given, first=first, **options)

    monkeypatch.setattr(distill, "predict_pieces", counted)
    user_tables.distill_table(*arguments)
    assert calls[0] == 128 and len(calls) == -(-len(table) // 64) - 2
    found = predictions.read_all(tmp_path / "own.parquet")
    assert (found["example"] // 64).is_monotonic_increasing
    # Another table of the same name: what lies there is not taken for its pieces.
    shutil.copytree(tmp_path, tmp_path / "kept", ignore=shutil.ignore_patterns("kept"))
    (tmp_path / "own.parquet.parts").mkdir()
    (tmp_path / "own.parquet.parts" / "about.json").write_text("{}")
    (tmp_path / "own.parquet.parts" / "000000.parquet").write_text("of another")
    user_tables.distill_table(*arguments)
    pd.testing.assert_frame_equal(predictions.read_all(tmp_path / "own.parquet"), found)


@pytest.fixture(scope="module")
def distilled(checkpoint, words, table, tmp_path_factory):
    folder = tmp_path_factory.mktemp("distilled")
    path = write(table, folder / "a.csv")
    user_tables.distill_table(checkpoint, path, COLUMNS, words, folder / "own.parquet")
    return path, folder / "own.parquet"


def switch(checkpoint, distilled, output, **options):
    rates = {"threshold": 0.0, "synonym_threshold": 0.0, "instance_rate": 1.0, "token_rate": 1.0}
    return user_tables.augment_table(
        checkpoint, distilled[0], COLUMNS, distilled[1], output, **{**rates, **options}
    )


def test_words_are_replaced_where_they_were_predicted(checkpoint, distilled, words, tmp_path):
    changed, total = switch(checkpoint, distilled, tmp_path / "b.csv")
    before, after = read(distilled[0]), read(tmp_path / "b.csv")
    assert changed == total == len(before) == len(after)
    found = predictions.read_all(distilled[1])
    tokenizer = loading.tokenizer(checkpoint)
    entry = {i: piece for piece, i in tokenizer.get_vocab().items()}
    for number in (0, 1, 63, 64, total - 1):
        old, new = before[number], after[number]
        assert (old["id"], old["label"]) == (new["id"], new["label"])
        data = encoding.encode(
            tokenizer, examples.Pairs([old["premise"]], [old["hypothesis"]], [0])
        )
        mine = found[found["example"] == number]
        said = [*old["premise"].split(), *old["hypothesis"].split()]
        now = [*new["premise"].split(), *new["hypothesis"].split()]
        assert len(said) == len(now)
        allowed = {}
        for row in mine.itertuples():
            allowed.setdefault(entry[int(data.ids[row.position])], set()).add(entry[row.token])
        for word, other in zip(said, now, strict=True):
            assert other in allowed.get(word, {word})
        assert said != now


def test_rates_thresholds_and_seeds(checkpoint, distilled, tmp_path):
    path = tmp_path / "b.csv"
    assert switch(checkpoint, distilled, path, instance_rate=0.0)[0] == 0
    assert path.read_bytes() == distilled[0].read_bytes()
    assert switch(checkpoint, distilled, path, threshold=1.0, synonym_threshold=1.0)[0] == 0
    changed, total = switch(checkpoint, distilled, path, instance_rate=0.5)
    assert 0.3 < changed / total < 0.7
    first = path.read_bytes()
    switch(checkpoint, distilled, path, instance_rate=0.5)
    assert path.read_bytes() == first
    switch(checkpoint, distilled, path, instance_rate=0.5, seed=1)
    assert path.read_bytes() != first
    switch(checkpoint, distilled, tmp_path / "b.parquet")
    assert pq.read_table(tmp_path / "b.parquet").num_rows == total


def test_substitutions_of_another_table_are_an_error(checkpoint, distilled, table, tmp_path):
    other = write(table.head(70), tmp_path / "other.csv")
    with pytest.raises(SaltError, match="made for another input"):
        switch(checkpoint, (other, distilled[1]), tmp_path / "b.csv")
    with pytest.raises(SaltError, match="another columns"):
        user_tables.augment_table(
            checkpoint,
            distilled[0],
            ["premise"],
            distilled[1],
            tmp_path / "b.csv",
            threshold=0.5,
            synonym_threshold=0.5,
        )
    with pytest.raises(SaltError, match="not a readable Parquet"):
        switch(checkpoint, (distilled[0], distilled[0]), tmp_path / "b.csv")
    assert not (tmp_path / "b.csv").exists()


def test_words_are_counted_in_text(checkpoint, pairs, tmp_path):
    german = tasks.load("mini-xnli", "test", "de", 0)
    (tmp_path / "en.txt").write_text("\n".join(pairs.first), encoding="utf-8")
    (tmp_path / "de.txt").write_text("\n".join(german.first * 5), encoding="utf-8")
    words = whole_words(checkpoint, tables.read_texts(tmp_path), minimum=5)
    said = " ".join(german.first).split()
    assert words["de"] and all(words["de"][word] == 5 * said.count(word) for word in words["de"])
    user_tables.write_vocabulary(tmp_path / "words.json", words)
    assert user_tables.read_vocabulary(tmp_path / "words.json") == words
    (tmp_path / "words.json").write_text("{}")
    with pytest.raises(SaltError, match="has words for en"):
        user_tables.read_vocabulary(tmp_path / "words.json")


def test_another_model_under_the_same_path_is_another_model(
    checkpoint, words, table, tmp_path, monkeypatch
):
    """Interrupted, then gone on with other weights: no row of the first may stay."""
    path, model = write(table, tmp_path / "a.csv"), tmp_path / "model"
    shutil.copytree(checkpoint, model)
    arguments = (model, path, COLUMNS, words, tmp_path / "own.parquet")
    plain = distill.predict_pieces

    def interrupted(*given, first, **options):
        if first:
            raise KeyboardInterrupt
        return plain(*given, first=first, **options)

    with monkeypatch.context() as patch:
        patch.setattr(distill, "predict_pieces", interrupted)
        with pytest.raises(KeyboardInterrupt):
            user_tables.distill_table(*arguments)
    weights = load_file(model / "model.safetensors")
    name = "bert.embeddings.word_embeddings.weight"
    weights[name] = weights[name].flip(0).contiguous()
    save_file(weights, model / "model.safetensors")
    (model / cards.CARD).unlink()  # which holds the digest of the first
    loading.resolve.cache_clear()
    user_tables.distill_table(*arguments)
    user_tables.distill_table(model, path, COLUMNS, words, tmp_path / "afresh.parquet")
    own, afresh = (predictions.read_all(tmp_path / f"{name}.parquet") for name in ("own", "afresh"))
    pd.testing.assert_frame_equal(own, afresh)


def test_the_same_model_by_another_path_is_the_same(checkpoint, distilled, tmp_path):
    (tmp_path / "link").symlink_to(checkpoint)
    changed, _ = switch(tmp_path / "link", distilled, tmp_path / "b.csv")
    assert changed


def test_an_nfd_text_is_distilled_and_stays_where_nothing_is_replaced(
    checkpoint, words, pairs, tmp_path
):
    accent = "e\u0301"
    rows = pd.DataFrame({"text": [f"{accent} {pairs.first[0]}", f"{accent} {accent}"]})
    path = write(rows, tmp_path / "a.csv")
    with pytest.warns(UserWarning, match="accents apart"):
        user_tables.distill_table(checkpoint, path, ["text"], words, tmp_path / "own.parquet")
        rates = {"instance_rate": 1.0, "token_rate": 1.0}
        changed, _ = user_tables.augment_table(
            checkpoint,
            path,
            ["text"],
            tmp_path / "own.parquet",
            tmp_path / "b.csv",
            threshold=0.0,
            synonym_threshold=0.0,
            **rates,
        )
    first, second = (row["text"] for row in read(tmp_path / "b.csv"))
    assert changed == 1 and first.startswith("é ") and second == f"{accent} {accent}"

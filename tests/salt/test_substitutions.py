"""Predictions belong to their data, kind and method; both families of models have them."""

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
import xlm_r
from xlm_r import WORDS, sentences

from salt_lib.data.examples import Pairs, tag
from salt_lib.errors import SaltError
from salt_lib.models import encoding, loading
from salt_lib.salt import distill, predictions, substitutions
from salt_lib.salt.methods import METHODS, method
from salt_lib.salt.prepared import prepare
from salt_lib.salt.substitutions import kept_predictions, write_predictions
from salt_lib.salt.whole_words import whole_words
from salt_lib.training.config import Config
from salt_lib.training.run import train_and_score

CONFIG = Config(epochs=2, threshold=0.0, synonym_threshold=0.0, learning_rate=2e-3)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return xlm_r.write(tmp_path_factory.mktemp("xlm-r"))


@pytest.fixture(scope="module")
def pairs():
    first, second = sentences("en", 60, "first"), sentences("en", 60, "second")
    return Pairs(first, second, [i % 3 for i in range(60)])


@pytest.fixture(scope="module")
def words(checkpoint):
    return whole_words(checkpoint, {code: sentences(code, 200, "own") for code in WORDS})


@pytest.fixture(scope="module")
def path(checkpoint, pairs, words, tmp_path_factory):
    """The pairs' predictions."""
    path = tmp_path_factory.mktemp("kept") / "predictions.parquet"
    write_predictions(checkpoint, pairs, words, path)
    return path


def test_predictions_are_the_whole_model_s_among_a_language_s_words(checkpoint, pairs, words, path):
    tokenizer = loading.tokenizer(checkpoint)
    found = predictions.read_all(path)
    assert set(found["language"]) == set(WORDS)
    for code, group in found.groupby("language"):
        said = tokenizer.convert_ids_to_tokens(np.unique(group["token"]).tolist())
        assert set(said) <= set(words[code])
    data = encoding.encode(tokenizer, pairs)
    row = found[(found["language"] == "th")].iloc[0]
    with torch.inference_mode():
        logits = loading.masked_lm(checkpoint)(data.row(int(row["example"]))[None]).logits
    own = [tokenizer.convert_tokens_to_ids(word) for word in words["th"]]
    among = logits[0, int(row["position"]), own].softmax(dim=0)
    assert row["probability"] == pytest.approx(among.max().item(), rel=1e-4)


def test_from_predictions_to_scores(checkpoint, pairs, words, path):
    salt = method("salt")
    kept = kept_predictions(path, pairs, salt, 0.0, 0.0)
    ready = prepare(checkpoint, 3, pairs, pairs, {"en": pairs}, words).substituting(
        "distilled", kept
    )
    found = train_and_score(ready, salt, CONFIG, 0)
    assert set(found["scores"]) == {"en"} and len(found["dev"]) == 2


def test_masked_predictions_are_others(checkpoint, pairs, words, path, tmp_path):
    write_predictions(checkpoint, pairs, words, tmp_path / "masked.parquet", masked=True)
    masked = predictions.read_all(tmp_path / "masked.parquet")
    one = predictions.read_all(path)
    assert set(masked["language"]) == set(one["language"])
    assert not masked["probability"].equals(one["probability"])
    kept = kept_predictions(tmp_path / "masked.parquet", pairs, method("salt-masked"), 0.0, 0.0)
    assert len(kept) == len(masked)


def test_predictions_belong_to_their_data_and_their_kind(pairs, path):
    salt = method("salt")
    assert len(kept_predictions(path, pairs, salt, 0.0, 0.0)) == len(predictions.read_all(path))
    other = replace(pairs, labels=[0] * len(pairs))
    with pytest.raises(SaltError, match="not the distilled predictions of this data; make them wi"):
        kept_predictions(path, other, salt, 0.0, 0.0)
    with pytest.raises(SaltError, match="not the masked predictions"):
        kept_predictions(path, pairs, method("salt-masked"), 0.0, 0.0)
    path_ = path.with_name("broken.parquet")
    path_.write_bytes(path.read_bytes()[:100])
    with pytest.raises(SaltError, match="broken.parquet: not a readable Parquet file"):
        kept_predictions(path_, pairs, salt, 0.0, 0.0)
    with pytest.raises(SaltError, match="threshold 2 is no probability"):
        kept_predictions(path, pairs, salt, 2, 0.0)


def test_a_method_without_synonyms_uses_no_english_ones(pairs, path):
    kept = kept_predictions(path, pairs, method("salt-no-synonyms"), 0.0, 0.0)
    assert set(kept["language"]) == {"de", "th"} and kept.index.tolist() == [*range(len(kept))]
    every = kept_predictions(path, pairs, method("salt"), 0.0, 0.0)
    assert set(every["language"]) == {"en", "de", "th"}


def test_what_the_file_is_about_stands_in_it(checkpoint, pairs, words, path, tmp_path):
    about = pq.read_schema(path).metadata
    assert about[b"kind"] == b"distilled" and about[b"longest"] == b"None"
    assert about[b"model"].decode() == loading.identity(checkpoint)
    write_predictions(checkpoint, pairs[:6], words, tmp_path / "a.parquet", longest=9)
    other = pq.read_schema(tmp_path / "a.parquet").metadata
    assert other[b"longest"] == b"9" and other[b"data"] != about[b"data"]
    assert predictions.read_all(tmp_path / "a.parquet")["position"].max() < 9


def test_interrupted_it_goes_on_after_the_pieces_that_are_made(
    checkpoint, pairs, words, path, tmp_path, monkeypatch
):
    """Of pairs, and of tagged sentences, in which one sentence may take several rows."""
    said = [(sentence.split() * 9, ["O"] * 27) for sentence in pairs.first]
    tagged = tag(said, ("O",))
    whole = tmp_path / "whole.parquet"
    write_predictions(checkpoint, tagged, words, whole)
    monkeypatch.setattr(substitutions, "PIECE", 16)
    monkeypatch.setattr(encoding, "PIECE", 16)
    plain, firsts = distill.predict_pieces, []

    def interrupted(*arguments, first, **options):
        firsts.append(first)
        if len(firsts) == 3:
            raise KeyboardInterrupt
        return plain(*arguments, first=first, **options)

    for data, at_once in ((pairs, path), (tagged, whole)):
        firsts.clear()
        own = tmp_path / "own.parquet"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(distill, "predict_pieces", interrupted)
            with pytest.raises(KeyboardInterrupt):
                write_predictions(checkpoint, data, words, own)
            assert firsts == [0, 16, 32] and not own.exists()
            write_predictions(checkpoint, data, words, own)
            assert firsts[3] == 32
        order = ["example", "position", "language"]
        one, two = (predictions.read_all(p).sort_values(order) for p in (own, at_once))
        for column in (*order, "token"):
            assert one[column].tolist() == two[column].tolist()
        own.unlink()


def test_whose_predictions_a_method_uses():
    kinds = {name: substitutions.kind_of(row) for name, row in METHODS.items()}
    assert {name for name, kind in kinds.items() if kind == "masked"} == {"salt-masked"}
    assert set(kinds.values()) == {"masked", "distilled"}


def test_methods_that_need_the_laboratory():
    refused = []
    for name, row in METHODS.items():
        try:
            substitutions.check_method(row)
        except SaltError as error:
            assert f"{name!r} needs what only the laboratory has" in str(error)
            refused.append(name)
    assert refused == ["dictionary", "translate-train"]

"""The whole path on a folder of files: invented ones, and the real ones where they are there."""

import json
import os
import random
from dataclasses import replace

import pytest

from salt_lib.data import xtreme
from salt_lib.data.examples import Pairs
from salt_lib.errors import SaltError
from salt_lib.models import loading
from salt_lib.pretraining import loop as pretraining_loop
from salt_lib.real import own_files
from salt_lib.real.own_files import Settings
from salt_lib.salt import predictions
from salt_lib.salt import vocabulary as salt_vocabulary

NOUNS = {
    "en": "goat baker river lamp hill queen drum orchard".split(),
    "de": "Ziege Bäcker Fluss Lampe Hügel Königin Trommel Obstgarten".split(),
    "sw": "mbuzi mwokaji mto taa kilima malkia ngoma bustani".split(),
}
VERBS = {"en": "sees finds paints".split(), "de": "sieht findet malt".split()}
VERBS["sw"] = "anaona anapata anapaka".split()
RECIPE = replace(
    own_files.RECIPE,
    vocabulary=500,
    hidden=32,
    layers=1,
    intermediate=64,
    steps=20,
    batch=16,
    evaluate_every=10,
)
# So young a model is sure of nothing: every prediction is kept.
CONFIG = replace(own_files.CONFIG, epochs=2, threshold=0.0, synonym_threshold=0.0)
LANGUAGES = ("en", "de", "sw")


def sentence(language: str, draw: random.Random) -> str:
    subject, thing = draw.sample(NOUNS[language], 2)
    return f"{subject} {draw.choice(VERBS[language])} {thing}."


def write_data(root):
    """Invented pairs in XNLI's layout: threes that share a premise, bare quotation marks."""
    (root / "xnli").mkdir(parents=True)
    for language in LANGUAGES:
        for split, threes in (("dev", 60), ("test", 20)):
            draw = random.Random(f"{language} {split}")
            rows = []
            for _ in range(threes):
                premise = sentence(language, draw)
                labels = draw.sample(xtreme.PAIR_LABELS["xnli"], 3)
                rows += [f'{premise}\t"{sentence(language, draw)}\t{label}' for label in labels]
            path = root / "xnli" / f"{split}-{language}.tsv"
            path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("world") / "data")


def run(data, out, **options):
    given = {"languages": ("de", "sw", "en"), "recipe": RECIPE, "config": CONFIG} | options
    return own_files.run_own(data, out, Settings(**given), progress=False)


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def result(data, out):
    return run(data, out)


@pytest.fixture(scope="module")
def checkpoint(result, out):
    return next(out.glob("checkpoint-*"))


def test_the_whole_path_gives_scores(result, out):
    assert json.loads((out / "result.json").read_text()) == result
    assert "Near chance was expected" in result["note"] and result["chance"] == pytest.approx(1 / 3)
    assert set(result["methods"]) == {"baseline", "salt"}
    for row in result["methods"].values():
        assert set(row["scores"]) == {"de", "sw", "en"} and len(row["dev"]) == 2
        assert all(0 <= score <= 1 for score in row["scores"].values())
    assert result["rows"] == {
        "text": {"en": 60, "de": 60, "sw": 60},
        "train": 144,
        "dev": 36,
        "test": {"de": 60, "sw": 60, "en": 60},
    }
    assert result["standard_error"]["de"] == pytest.approx((2 / 9 / 60) ** 0.5)
    assert {"commit", "date", "hardware", "seconds", "versions"} <= set(result)


def test_a_substitution_is_a_whole_word_of_its_language(result, out, checkpoint):
    found = predictions.read_all(out / "distilled.parquet")
    entries = loading.tokenizer(checkpoint).convert_ids_to_tokens(list(range(500)))
    words = salt_vocabulary.words_by_language(checkpoint)
    assert result["whole_words"] == {code: len(own_words) for code, own_words in words.items()}
    for code in LANGUAGES:
        assert set(words[code]) <= {*NOUNS[code], *VERBS[code]}
        assert {entries[i] for i in found["token"][found["language"] == code]} <= set(words[code])
        counts = result["substitutions"]["salt"][code]
        assert counts["kept"] == counts["predicted"] > 0
    assert found["example"].max() < result["rows"]["train"]


def test_a_finished_checkpoint_is_used_again(result, data, out, monkeypatch):
    monkeypatch.setattr(own_files, "pretrain_on", lambda *_, **__: pytest.fail("pretrained again"))
    again = run(data, out)
    assert again["checkpoint_reused"] and not result["checkpoint_reused"]
    assert again["methods"] == result["methods"]


def test_an_interrupted_pretraining_goes_on(data, tmp_path, checkpoint, monkeypatch):
    """And ends in the same weights; the change of anything that matters begins another one."""
    losses, calls = pretraining_loop.losses, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 15:
            raise KeyboardInterrupt
        return losses(*arguments)

    monkeypatch.setattr(pretraining_loop, "losses", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(data, tmp_path)
    assert not (tmp_path / "result.json").exists()
    run(data, tmp_path, methods=("baseline",))
    assert len(calls) == 15 + 10
    made = tmp_path / checkpoint.name
    for name in ("model.safetensors", "vocabulary.json", "tokenizer.json"):
        assert (made / name).read_bytes() == (checkpoint / name).read_bytes()
    run(data, tmp_path, rows=50, test_rows=9, methods=("baseline",))
    assert len(list(tmp_path.glob("checkpoint-*"))) == 2


def test_rows_of_text_are_never_parallel():
    said = {
        code: Pairs([f"{code}{i}" for i in range(20)], ["."] * 20, [0] * 20) for code in LANGUAGES
    }
    texts = own_files.monolingual(said)
    rows = {code: {int(document[0][2:]) for document in texts[code]} for code in texts}
    assert sorted(row for own_rows in rows.values() for row in own_rows) == list(range(20))
    assert rows["en"] == {0, 1, 2, 9, 10, 11, 18, 19}  # a premise's three pairs stay together
    assert [len(documents) for documents in own_files.monolingual(said, 4).values()] == [4, 4, 4]


def test_the_held_out_tail_shares_no_premise():
    first = [f"premise {i // 3}" for i in range(30)]
    data, dev = own_files._tail(Pairs(first, first, [0] * 30), 0.25)
    assert (len(data), len(dev)) == (24, 6) and not set(data.first) & set(dev.first)
    for share in (0.0, 1.0):
        with pytest.raises(SaltError, match="30 pairs can't be split with a share"):
            own_files._tail(Pairs(first, first, [0] * 30), share)


def test_a_sample_is_the_same_rows_in_every_language():
    pairs = Pairs([str(i) for i in range(99)], ["."] * 99, [i % 3 for i in range(99)])
    drawn = own_files._sample(pairs, 30, 0)
    assert drawn == own_files._sample(pairs, 30, 0) != own_files._sample(pairs, 30, 1)
    assert drawn.first == sorted(drawn.first, key=int) and set(drawn.labels) == {0, 1, 2}
    assert [int(row) % 3 for row in drawn.first] == drawn.labels
    assert own_files._sample(pairs, None, 0) == pairs


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"languages": ("de", "fr")}, "unknown dev language in .*xnli 'fr'; known: de, en, sw"),
        ({"languages": ()}, "name at least one language"),
        ({"methods": ()}, "name at least one language and one method"),
        ({"methods": ("slat",)}, "unknown method 'slat'"),
        ({"methods": ("dictionary",)}, "'dictionary' needs what only the laboratory has"),
        ({"methods": ("translate-train",)}, "'translate-train' needs what only the laboratory"),
        ({"task": "pan-x"}, "unknown task of sentence pairs 'pan-x'; known: xnli, paws-x"),
        ({"task": "paws-x"}, "unknown dev language in .*pawsx 'en'; known: none"),
        ({"rows": 1}, "no word that occurs 10 times"),
    ],
)
def test_what_is_unknown_or_too_small_is_said(data, tmp_path, options, message):
    with pytest.raises(SaltError, match=message):
        run(data, tmp_path, **options)
    assert not (tmp_path / "result.json").exists()


def test_a_method_without_synonyms_and_one_that_hides_words(result, data, out):
    names = ("salt", "salt-no-synonyms", "salt-masked")
    found = run(data, out, methods=names, languages=("de",))
    counts = found["substitutions"]
    assert counts["salt-no-synonyms"]["en"]["kept"] == 0 < counts["salt"]["en"]["kept"]
    assert counts["salt-no-synonyms"]["de"] == counts["salt"]["de"]
    assert (out / "masked.parquet").exists() and counts["salt-masked"]["de"]["kept"] > 0
    assert {"pretrain", "distilled", "masked", "total", *names} == set(found["seconds"])


def _absent() -> bool:
    """A folder that is named but wrong fails the test; only where none is there does it skip."""
    try:
        return not xtreme.folder()
    except SaltError:
        return xtreme.FOLDER_VARIABLE not in os.environ


@pytest.mark.skipif(_absent(), reason="no XTREME files: set SALT_XTREME_DIR")
def test_the_real_files_take_the_whole_path(tmp_path):
    found = run(
        xtreme.folder(),
        tmp_path,
        languages=("de", "sw", "ur"),
        recipe=replace(RECIPE, vocabulary=2000),
        rows=300,
        test_rows=300,
        held_out=0.5,
    )
    assert found["rows"]["train"] + found["rows"]["dev"] == 2490
    for row in found["methods"].values():
        # Seven standard errors: so young a model can't read, and the labels are balanced.
        assert all(abs(score - 1 / 3) < 0.19 for score in row["scores"].values())
    assert all(row["kept"] > 0 for row in found["substitutions"]["salt"].values())

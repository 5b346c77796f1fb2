"""The whole path on a folder of files: invented ones, and the real ones where they are there."""

import json
import os
import random
from dataclasses import replace

import pytest
import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForPreTraining,
    DistilBertConfig,
    DistilBertForMaskedLM,
    RobertaConfig,
    RobertaForMaskedLM,
)
from typer.testing import CliRunner

from salt_lib.cli import main as cli
from salt_lib.data import xtreme
from salt_lib.data.examples import Pairs
from salt_lib.errors import SaltError
from salt_lib.models import encoding, loading
from salt_lib.pretraining import loop as pretraining_loop
from salt_lib.real import own_files
from salt_lib.salt import distill, predictions
from salt_lib.salt import vocabulary as salt_vocabulary
from salt_lib.salt.methods import method
from salt_lib.salt.whole_words import whole_words
from salt_lib.training import finetune

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


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Invented pairs in XNLI's layout: threes that share a premise, bare quotation marks."""
    root = tmp_path_factory.mktemp("data")
    (root / "xnli").mkdir()
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


def run(data, out, languages=("de", "sw", "en"), **options):
    options = {"recipe": RECIPE, "config": CONFIG, "progress": False} | options
    return own_files.run_own(data, out, languages, **options)


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def result(data, out):
    return run(data, out)


@pytest.fixture(scope="module")
def checkpoint(result, out):
    return next(out.glob("checkpoint-*"))


@pytest.fixture(scope="module")
def train(data):
    said = xtreme.read_pairs(data / "xnli" / "dev-en.tsv", xtreme.PAIR_LABELS["xnli"])
    return own_files._tail(said, 0.2)[0]


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
    found = predictions.load(out / "distilled.parquet")
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
    run(data, tmp_path, methods=["baseline"])
    assert len(calls) == 15 + 10
    made = tmp_path / checkpoint.name
    for name in ("model.safetensors", "vocabulary.json", "tokenizer.json"):
        assert (made / name).read_bytes() == (checkpoint / name).read_bytes()
    run(data, tmp_path, rows=50, test_rows=9, methods=["baseline"])
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
        with pytest.raises(SaltError, match="30 pairs can't be parted with a share"):
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
        ({"methods": []}, "name at least one language and one method"),
        ({"methods": ["slat"]}, "unknown method 'slat'"),
        ({"methods": ["dictionary"]}, "'dictionary' needs what only the laboratory has"),
        ({"methods": ["translate-train"]}, "'translate-train' needs what only the laboratory"),
        ({"task": "pan-x"}, "unknown task of sentence pairs 'pan-x'; known: xnli, paws-x"),
        ({"task": "paws-x"}, "unknown dev language in .*pawsx 'en'; known: none"),
        ({"rows": 1}, "no word that occurs 10 times"),
    ],
)
def test_what_is_unknown_or_too_small_is_said(data, tmp_path, options, message):
    with pytest.raises(SaltError, match=message):
        run(data, tmp_path, **options)
    assert not (tmp_path / "result.json").exists()


def test_predictions_belong_to_their_data(result, out, checkpoint, train):
    salt, path = method("salt"), out / "distilled.parquet"
    other = replace(train, labels=[0] * len(train))
    arguments = {"dev": train, "tests": {}, "labels": 3, "config": CONFIG}
    with pytest.raises(SaltError, match="not the distilled predictions of this data"):
        finetune.finetune(checkpoint, salt, other, predictions=path, **arguments)
    with pytest.raises(SaltError, match="not the masked predictions"):
        finetune.finetune(checkpoint, method("salt-masked"), train, predictions=path, **arguments)
    with pytest.raises(SaltError, match="pass predictions"):
        finetune.finetune(checkpoint, salt, train, **arguments)
    with pytest.raises(SaltError, match="dev: no pairs, or a label outside 0 to 1"):
        finetune.finetune(
            checkpoint, salt, replace(train, labels=[0] * len(train)), train, {}, labels=2
        )
    kept = finetune.kept_predictions(path, train, method("salt-no-synonyms"), CONFIG)
    assert set(kept["language"]) == {"de", "sw"}


@pytest.fixture(scope="module")
def hub_like(checkpoint, tmp_path_factory):
    """A folder as a hub would give it: a masked-language model, a tokenizer, no vocabulary.json."""
    folder = tmp_path_factory.mktemp("hub") / "bert"
    tokenizer = loading.tokenizer(checkpoint)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    sizes |= {"vocab_size": len(tokenizer), "hidden_size": 16}
    BertForMaskedLM(BertConfig(**sizes)).save_pretrained(folder)
    return folder


def test_any_checkpoint_takes_the_steps(hub_like, data, train, tmp_path):
    labels = xtreme.PAIR_LABELS["xnli"]
    said = {c: xtreme.read_pairs(data / "xnli" / f"dev-{c}.tsv", labels) for c in LANGUAGES}
    texts = {c: [*p.first, *p.second] for c, p in said.items()}
    words = whole_words(hub_like, texts)
    path = tmp_path / "masked.parquet"
    finetune.write_predictions(hub_like, train, words, path, masked=True)
    found = finetune.finetune(
        hub_like, method("salt-masked"), train, train, said, 3, 1, CONFIG, path
    )
    assert set(found["scores"]) == set(LANGUAGES) and found["config"]["threshold"] == 0.0


def test_marks_special_tokens_and_rare_words_are_no_words(hub_like):
    entries = loading.tokenizer(hub_like).get_vocab()
    assert '"' in entries and "." in entries
    texts = {"en": ['"goat.', "goat ☃ [SEP] drum"] * 6 + ["lamp lamp"]}
    assert whole_words(hub_like, texts) == {"en": {"goat": 12, "drum": 6}}
    assert whole_words(hub_like, texts, minimum=2)["en"]["lamp"] == 2
    with pytest.raises(SaltError, match="'en': no whole word occurs 50 times in its text"):
        whole_words(hub_like, texts, minimum=50)


@pytest.mark.parametrize("kind", ["bert", "bert-with-next-sentence", "roberta"])
def test_distillation_finds_the_head_of_a_bert_like_model(kind, hub_like, train):
    tokenizer = loading.tokenizer(hub_like)
    sizes = {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    sizes |= {"vocab_size": len(tokenizer), "hidden_size": 16}
    model = {
        "bert": lambda: BertForMaskedLM(BertConfig(**sizes)),
        "bert-with-next-sentence": lambda: BertForPreTraining(BertConfig(**sizes)),
        "roberta": lambda: RobertaForMaskedLM(RobertaConfig(type_vocab_size=2, **sizes)),
    }[kind]().eval()
    data = encoding.encode(tokenizer, train)
    vocabulary = {"en": torch.arange(10, len(tokenizer)).numpy()}
    first = next(distill.predict(model, data, vocabulary, batch_size=1))
    row = data.row(0)[None]
    with torch.inference_mode():
        output = model(row, token_type_ids=data.segments[: len(row[0])][None])
    logits = getattr(output, "logits", None)
    logits = output.prediction_logits if logits is None else logits
    at = torch.tensor(first["position"].to_pylist())
    best, probability = distill.restricted_best(
        logits[0, at, 10:], torch.arange(10, len(tokenizer)), row[0, at]
    )
    assert first["token"].to_pylist() == best.tolist()
    assert first["probability"].to_pylist() == pytest.approx(probability.tolist(), rel=1e-5)


def test_distillation_refuses_another_kind_of_model(hub_like, train):
    sizes = {"n_layers": 1, "n_heads": 2, "dim": 16, "hidden_dim": 16}
    model = DistilBertForMaskedLM(DistilBertConfig(vocab_size=500, **sizes))
    data = encoding.encode(loading.tokenizer(hub_like), train)
    with pytest.raises(SaltError, match="DistilBertForMaskedLM is no BERT-like masked-language"):
        next(distill.predict(model, data, {"en": torch.arange(10, 20).numpy()}))


def test_the_command_shows_scores_and_what_to_expect(result, data, out, monkeypatch):
    monkeypatch.setattr(own_files, "RECIPE", RECIPE)
    monkeypatch.setattr(own_files, "CONFIG", CONFIG)
    arguments = ["own", "--data", str(data), "--out", str(out), "--languages", "de,sw,en,de"]
    shown = CliRunner().invoke(cli.app, [*arguments, "--methods", "baseline"])
    assert shown.exit_code == 0 and "Near chance was expected" in shown.stdout
    score = result["methods"]["baseline"]["scores"]["sw"]
    assert f"sw             60   6.09{100 * score:>18.2f}\n" in shown.stdout
    assert "substitutions kept" not in shown.stdout
    shown = CliRunner().invoke(cli.app, [*arguments, "--threshold", "0.9", "--json"])
    told = json.loads(shown.stdout)
    assert told["methods"]["baseline"] == result["methods"]["baseline"]
    assert told["config"]["synonym_threshold"] == told["config"]["threshold"] == 0.9
    monkeypatch.setenv(xtreme.FOLDER_VARIABLE, str(data))
    shown = CliRunner().invoke(cli.app, ["own", "--out", str(out), "--languages", "xx"])
    assert shown.exit_code == 2 and "'xx'; known: de, en, sw" in shown.stderr
    assert "Examples:\n    salt own" in CliRunner().invoke(cli.app, ["own", "--help"]).stdout


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
        ("de", "sw", "ur"),
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

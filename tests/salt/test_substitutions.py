"""The whole path with XLM-R's kind of tokenizer, whose words begin with a mark instead of going on
with one, and with its kind of model, which knows no segments."""

import random

import numpy as np
import pytest
import torch
from paper_world import like_xlm_r
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
)
from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

from salt_lib.data.examples import Pairs
from salt_lib.models import encoding, loading
from salt_lib.salt import predictions
from salt_lib.salt.methods import method
from salt_lib.salt.whole_words import whole_words
from salt_lib.training import finetune
from salt_lib.training.config import Config

WORDS = {
    "en": "goat baker river lamp hill queen drum orchard sees finds".split(),
    "de": "Ziege Bäcker Fluss Lampe Hügel Königin Trommel Obstgarten sieht findet".split(),
    "th": "แพะ แม่น้ำ โคมไฟ เนินเขา ราชินี กลอง สวน เห็น พบ".split(),
}
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def sentences(code: str, count: int, seed: str) -> list[str]:
    draw = random.Random(f"{code} {seed}")
    return [" ".join(draw.sample(WORDS[code], 3)) for _ in range(count)]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A folder as XLM-R's on the hub: a Unigram tokenizer, random weights."""
    words = [word for own in WORDS.values() for word in own]
    letters = sorted({letter for word in words for letter in word} | {"▁"})
    scored = [*((name, 0.0) for name in SPECIAL), *((f"▁{word}", -3.0) for word in words)]
    made = Tokenizer(models.Unigram([*scored, *((x, -9.0) for x in letters)], unk_id=3))
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    tokenizer = like_xlm_r(made, limit=40)
    folder = tmp_path_factory.mktemp("xlm-r")
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=44,
        type_vocab_size=1,
        pad_token_id=1,
    )
    XLMRobertaForMaskedLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def pairs():
    first, second = sentences("en", 60, "first"), sentences("en", 60, "second")
    return Pairs(first, second, [i % 3 for i in range(60)])


def test_a_word_is_whole_where_no_piece_goes_on_with_it(checkpoint):
    tokenizer = loading.tokenizer(checkpoint)
    found = encoding.encode(tokenizer, Pairs(["goat rivergoat lamp"], ["queen"], [0]))
    said = tokenizer.convert_ids_to_tokens(found.ids.tolist())
    whole = [piece for piece, ok in zip(said, found.whole.tolist(), strict=True) if ok]
    assert whole == ["▁goat", "▁lamp", "▁queen"]
    split = said[said.index("▁goat") + 1 : said.index("▁lamp")]
    assert len(split) > 1 and "".join(split) == "▁rivergoat"
    assert not found.segments.any()


def test_own_words_carry_the_mark(checkpoint):
    texts = {code: sentences(code, 200, "own") for code in WORDS}
    words = whole_words(checkpoint, texts)
    for code, own in words.items():
        assert own and {word.lstrip("▁") for word in own} <= set(WORDS[code])
        assert all(word.startswith("▁") for word in own)


def test_the_whole_path(checkpoint, pairs, tmp_path):
    texts = {code: sentences(code, 200, "own") for code in WORDS}
    words = whole_words(checkpoint, texts)
    path = tmp_path / "predictions.parquet"
    finetune.write_predictions(checkpoint, pairs, words, path)
    tokenizer = loading.tokenizer(checkpoint)
    found = predictions.load(path)
    for code, group in found.groupby("language"):
        said = tokenizer.convert_ids_to_tokens(np.unique(group["token"]).tolist())
        assert set(said) <= set(words[code])
    # The restricted head's probabilities are those of the whole model, among these words.
    data = encoding.encode(tokenizer, pairs)
    row = found[(found["language"] == "th")].iloc[0]
    with torch.inference_mode():
        logits = loading.masked_lm(checkpoint)(data.row(int(row["example"]))[None]).logits
    own = [tokenizer.convert_tokens_to_ids(word) for word in words["th"]]
    among = logits[0, int(row["position"]), own].softmax(dim=0)
    assert row["probability"] == pytest.approx(among.max().item(), rel=1e-4)
    scores = finetune.finetune(
        checkpoint,
        method("salt"),
        pairs,
        pairs,
        {"en": pairs},
        labels=3,
        config=Config(epochs=2, threshold=0.0, synonym_threshold=0.0, learning_rate=2e-3),
        predictions=path,
    )
    assert set(scores["scores"]) == {"en"} and len(scores["dev"]) == 2

"""A small model of XLM-R's kind: its words begin with a mark, and it knows no segments."""

import random
from pathlib import Path

import torch
from paper_world import like_xlm_r
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

WORDS = {
    "en": "goat baker river lamp hill queen drum orchard sees finds".split(),
    "de": "Ziege Bäcker Fluss Lampe Hügel Königin Trommel Obstgarten sieht findet".split(),
    "th": "แพะ แม่น้ำ โคมไฟ เนินเขา ราชินี กลอง สวน เห็น พบ".split(),
}
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def sentences(code: str, count: int, seed: str) -> list[str]:
    draw = random.Random(f"{code} {seed}")
    return [" ".join(draw.sample(WORDS[code], 3)) for _ in range(count)]


def write(folder: Path) -> Path:
    """A folder as XLM-R's on the hub: a Unigram tokenizer, random weights."""
    words = [word for own in WORDS.values() for word in own]
    letters = sorted({letter for word in words for letter in word} | {"▁"})
    scored = [*((name, 0.0) for name in SPECIAL), *((f"▁{word}", -3.0) for word in words)]
    made = Tokenizer(models.Unigram([*scored, *((x, -9.0) for x in letters)], unk_id=3))
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    tokenizer = like_xlm_r(made, limit=40)
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

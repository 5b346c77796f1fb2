"""Small models of both tokenizer families on task files in XTREME's layout: invented, or real ones.

A module and not fixtures alone, so that a process of its own can make the same.
"""

import random
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import torch
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    BertConfig,
    BertForMaskedLM,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
)

from salt_lib.data import xtreme
from salt_lib.real.setup import RECIPE, Setup
from salt_lib.salt import whole_words

# Invented languages have a dozen words: enough here, and in the processes that tests start.
whole_words.FEW = 5

WORDS = {
    "en": "goat baker river lamp hill queen drum orchard sees finds paints every old green small",
    "de": "Ziege Bäcker Fluss Lampe Hügel Königin Trommel Garten sieht findet malt jede alte grüne",
    "sw": "mbuzi mwokaji mto taa kilima malkia ngoma bustani anaona anapata anapaka kila mzee",
    "th": "แพะ แม่น้ำ โคมไฟ เนินเขา ราชินี กลอง สวน เห็น พบ วาด ทุก เก่า เขียว เล็ก",
}
LANGUAGES = tuple(WORDS)
ROWS = {"train": 96, "dev": 48, "test": 36}
FAMILIES = ("bert", "xlm-roberta")
TOKENIZERS = (*FAMILIES, "roberta")
MBERT_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
# So young a model is sure of nothing: every prediction is kept.
TRAINING = replace(RECIPE, epochs=2, learning_rate=1e-3, threshold=0.0, synonym_threshold=0.0)
PIECES = 400


def sentence(code: str, dice: random.Random) -> str:
    return " ".join(dice.choices(WORDS[code].split(), k=dice.randint(3, 7))) + "."


def tokenizer_of_family(family: str, lines: list[str]) -> PreTrainedTokenizerFast:
    """A tokenizer of one of `TOKENIZERS`, with most words of the lines in one piece."""
    if family == "bert":
        return wordpiece(lines, PIECES)
    if family == "xlm-roberta":
        return sentencepiece(lines, PIECES)
    return byte_level(lines, 900, prefix_space=True)


def write_data(root: Path, rows=ROWS) -> Path:
    """Files of invented pairs: train in English, dev and test in all `LANGUAGES`."""
    for folder, labels in (("xnli", xtreme.PAIR_LABELS["xnli"]), ("pawsx", ("0", "1"))):
        (root / folder).mkdir(parents=True)
        for code in LANGUAGES if folder == "xnli" else ("en", "de"):
            for split, count in rows.items():
                if split == "train" and code != "en":
                    continue
                dice = random.Random(f"{folder} {code} {split}")
                lines = [
                    f"{sentence(code, dice)}\t{sentence(code, dice)}\t{labels[i % len(labels)]}\n"
                    for i in range(count)
                ]
                path = root / folder / f"{split}-{code}.tsv"
                path.write_text("".join(lines), encoding="utf-8")
    return root


def texts(root: Path) -> list[str]:
    """The sentences of XNLI's dev files under ``root``."""
    found = []
    for path in sorted((root / "xnli").glob("dev-*.tsv")):
        pairs = xtreme.read_pairs(path, xtreme.PAIR_LABELS["xnli"])
        found += pairs.first + pairs.second
    return found


def wordpiece(lines: list[str], pieces: int) -> PreTrainedTokenizerFast:
    """A tokenizer as mBERT's: WordPiece, cased, Han characters apart."""
    made = like_mbert()
    trainer = trainers.WordPieceTrainer(
        vocab_size=pieces, special_tokens=list(MBERT_SPECIAL), show_progress=False
    )
    made.train_from_iterator(lines, trainer)
    return with_mbert_special(made)


def like_mbert(entries: Iterable[str] = MBERT_SPECIAL) -> Tokenizer:
    """WordPiece as mBERT's, with these entries."""
    numbered = {entry: i for i, entry in enumerate(dict.fromkeys(entries))}
    made = Tokenizer(models.WordPiece(numbered, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    return made


def with_mbert_special(made: Tokenizer) -> PreTrainedTokenizerFast:
    """The tokenizer with mBERT's special tokens and its way to join a pair."""
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = {f"{name.strip('[]').lower()}_token": name for name in MBERT_SPECIAL}
    return PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=64, **names)


def sentencepiece(lines: list[str], pieces: int) -> PreTrainedTokenizerFast:
    """A tokenizer as XLM-R's: Unigram, words begin with ▁."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=pieces, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    made.train_from_iterator(lines, trainer)
    return like_xlm_r(made)


def byte_level(
    lines: list[str], pieces: int, prefix_space: bool = False
) -> PreTrainedTokenizerFast:
    """A tokenizer as RoBERTa's: BPE of bytes, a space is part of the word that follows it."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix_space)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=pieces,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(lines, trainer)
    return like_xlm_r(made)


def like_xlm_r(made: Tokenizer, limit: int = 64) -> PreTrainedTokenizerFast:
    """The tokenizer with XLM-R's special tokens and its way to join a pair."""
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    names = {"bos": "<s>", "cls": "<s>", "sep": "</s>", "eos": "</s>"}
    names |= {"pad": "<pad>", "unk": "<unk>", "mask": "<mask>"}
    names = {f"{key}_token": value for key, value in names.items()}
    return PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=limit, **names)


def write_model(folder: Path, family: str, lines: list[str], pieces: int = PIECES) -> Path:
    """A folder as a model's on the hub: a tokenizer of these lines, small random weights."""
    torch.manual_seed(0)
    shape = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    if family == "bert":
        tokenizer = wordpiece(lines, pieces)
        config = BertConfig(vocab_size=len(tokenizer), max_position_embeddings=64, **shape)
        model = BertForMaskedLM(config)
    else:
        make = byte_level if family == "roberta" else sentencepiece
        tokenizer = make(lines, pieces)
        config = XLMRobertaConfig(
            vocab_size=len(tokenizer),
            max_position_embeddings=68,
            type_vocab_size=1,
            pad_token_id=1,
            bos_token_id=0,
            eos_token_id=2,
            **shape,
        )
        model = XLMRobertaForMaskedLM(config)
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    return folder


def setup(model: Path, data: Path, **changes) -> Setup:
    """The setup of a study that is over in seconds."""
    small = {"languages": ("de", "th"), "minimum": 2, "share": 0.2, "max_length": 48}
    small |= {"precision": "fp32", "device": "cpu", "training": TRAINING}
    return replace(Setup(str(model), str(data)), **(small | changes))

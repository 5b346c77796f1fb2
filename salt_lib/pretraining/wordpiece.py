"""The tokenizer: a cased WordPiece learned from the languages' own text.

Chapter: The laboratory.
"""

from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PAD, UNK, CLS, SEP, MASK = range(5)
MAX_LENGTH = 64
SMOOTHING = 0.3  # a language's words count by this power of its size


def train_tokenizer(
    lines: dict[str, list[str]], size: int, punctuation: bool = False
) -> PreTrainedTokenizerFast:
    """A cased WordPiece that keeps accents and splits at spaces only, from text by language.

    As in mBERT every language's words count by the power `SMOOTHING` of its size, or a small
    corpus would be split to pieces. ``size`` merges are learned; the stepping stones among them
    that no text uses any more (on the way to "hospital": "hosp") are then dropped, so the
    vocabulary ends smaller. The same text gives the same tokenizer, in every process. punctuation:
    whether marks are words of their own, as real text needs.
    """
    largest = max(map(len, lines.values()))
    sample = (s for code in lines for s in lines[code] * _repeats(len(lines[code]), largest))
    trained = _wordpiece(None, punctuation)
    distinct = sorted({word for code in lines for s in lines[code] for word in s.split()})
    split = trained.pre_tokenizer.pre_tokenize_str
    inner = sorted({letter for word in distinct for part, _ in split(word) for letter in part[1:]})
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        # Named beforehand, they have the same numbers in every process. The trainer numbers others
        # as its hash table brings them, and by their numbers it breaks ties between merges.
        special_tokens=[*SPECIAL, *(f"##{letter}" for letter in inner)],
        continuing_subword_prefix="##",
        show_progress=False,
    )
    trained.train_from_iterator(sample, trainer)
    encoded = trained.encode_batch(distinct)
    used = {piece for e in encoded for piece in e.tokens} - set(SPECIAL)
    vocabulary = {piece: i for i, piece in enumerate([*SPECIAL, *sorted(used)])}
    tokenizer = _wordpiece(vocabulary, punctuation)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", SEP), ("[CLS]", CLS))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=MAX_LENGTH,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def _repeats(size: int, largest: int) -> int:
    return max(1, round((largest / size) ** (1 - SMOOTHING)))


def _wordpiece(vocabulary: dict[str, int] | None, punctuation: bool) -> Tokenizer:
    model = models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=60)
    tokenizer = Tokenizer(model)
    # BERT's own pre-tokenizer would also split at the joint of Vietnamese words ("đọc_sách").
    split = pre_tokenizers.BertPreTokenizer() if punctuation else pre_tokenizers.WhitespaceSplit()
    tokenizer.pre_tokenizer = split
    return tokenizer

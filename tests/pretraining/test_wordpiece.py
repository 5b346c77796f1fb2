"""The tokenizer keeps whole words of every script, and is the same in every process."""

import json
import random
import subprocess
import sys

import pytest
from places import environment

from salt_lib.laboratory.minibabel.lexicon import lexicon
from salt_lib.languages import LANGUAGES
from salt_lib.models import loading
from salt_lib.pretraining import wordpiece
from salt_lib.pretraining.wordpiece import CLS, MASK, MAX_LENGTH, PAD, SEP, SPECIAL, train_tokenizer
from salt_lib.salt.vocabulary import words_by_language


def test_pieces_keep_accents_vowel_signs_and_whole_words():
    words = ["บ้าน", "हिन्दी", "मूँछ", "động_vật", "été", "ß", "bibliothèque", "Hund", "hund", "кóт"]
    words += ["图书馆", "自行车", "ジャガイモ", "आँख", "น้ำ", "İstanbul", "çay", "كتاب", "گھر"]
    tokenizer = train_tokenizer({"xx": [" ".join(words)] * 20}, 2000)
    for word in words:
        assert tokenizer.tokenize(word) == [word]
    found = tokenizer(" ".join(words), add_special_tokens=False)
    assert tokenizer.convert_ids_to_tokens(found["input_ids"]) == words
    assert tokenizer.model_max_length == MAX_LENGTH
    ids = [tokenizer.get_vocab()[name] for name in SPECIAL]
    assert ids == [0, 1, 2, 3, 4] == [PAD, 1, CLS, SEP, MASK]
    assert (tokenizer.cls_token_id, tokenizer.sep_token_id) == (CLS, SEP)
    assert (tokenizer.pad_token_id, tokenizer.mask_token_id) == (PAD, MASK)


def test_rare_words_split_and_come_back():
    lines = {"xx": ["hospital hospitality"] * 30 + ["inhospitable hospitals"]}
    tokenizer = train_tokenizer(lines, 40)
    assert tokenizer.tokenize("hospital") == ["hospital"]
    pieces = tokenizer.tokenize("inhospitable")
    assert len(pieces) > 1 and pieces[1].startswith("##")
    assert "".join(piece.removeprefix("##") for piece in pieces) == "inhospitable"
    assert tokenizer.tokenize("Ω") == ["[UNK]"]


def test_every_entry_is_used():
    lines = {"xx": ["hospital house"] * 30, "yy": ["Haus"] * 3}
    tokenizer = train_tokenizer(lines, 200)
    used = {p for w in ("hospital", "house", "Haus") for p in tokenizer.tokenize(w)}
    assert set(tokenizer.get_vocab()) == used | set(SPECIAL)


TIES = """
import json, random
from salt_lib.pretraining.wordpiece import train_tokenizer
dice = random.Random(0)
words = ["".join(dice.choices("abcdefghijklmnopqrst", k=6)) for _ in range(400)]
print(json.dumps([train_tokenizer({"xx": words * 3}, size).get_vocab() for size in (150, 300)]))
"""


def test_the_same_text_gives_the_same_tokenizer_in_every_process():
    """Though nearly all merges are equally frequent, and hash tables are ordered by chance."""
    command = [sys.executable, "-c", TIES]
    made = [
        subprocess.run(command, env=environment(), capture_output=True, check=True).stdout
        for _ in range(2)
    ]
    found = [json.loads(vocabularies) for vocabularies in made]
    assert found[0] == found[1]
    dice = random.Random(0)
    words = ["".join(dice.choices("abcdefghijklmnopqrst", k=6)) for _ in range(400)]
    for pieces, size in zip(found[0], (150, 300), strict=True):
        for _ in range(3):
            assert train_tokenizer({"xx": words * 3}, size).get_vocab() == pieces


def test_a_small_corpus_gets_more_than_its_share():
    large = [f"word{i:03d}" for i in range(300)]
    small = [f"слово{i:02d}" for i in range(40)]
    lines = {"en": [" ".join(large[i::10]) for i in range(10)] * 3, "bg": [" ".join(small)] * 3}

    def whole(smoothing):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(wordpiece, "SMOOTHING", smoothing)
            tokenizer = train_tokenizer(lines, 250)
        return sum(tokenizer.tokenize(word) == [word] for word in small)

    assert whole(wordpiece.SMOOTHING) > whole(1.0)


def test_marks_are_words_of_their_own_where_wanted():
    lines = {"en": ["The dog, the cat. động_vật"] * 20}
    assert train_tokenizer(lines, 300).tokenize("động_vật dog,") == ["động_vật", "dog,"]
    assert "," in train_tokenizer(lines, 300, punctuation=True).tokenize("dog,")


def test_the_tiny_tokenizer_knows_words_of_every_script(tiny):
    folder = tiny / "world-0"
    tokenizer, own = loading.tokenizer(folder), words_by_language(folder)
    for code in LANGUAGES:
        forms = {f for item in lexicon().values() for f in item.forms[code]}
        whole = [word for word in own[code] if tokenizer.tokenize(word) == [word]]
        assert len(set(whole) & forms) > 10, code
        for form in forms:
            assert "[UNK]" not in tokenizer.tokenize(form) or form not in own[code]

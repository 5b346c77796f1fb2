"""What a complete word is, alike for the three kinds of tokenizers, and what text an entry is."""

import unicodedata

import pytest
from paper_world import (
    MBERT_SPECIAL,
    TOKENIZERS,
    byte_level,
    like_mbert,
    like_xlm_r,
    with_mbert_special,
)
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from salt_lib.data.examples import Pairs, tag
from salt_lib.models.encoding import encode
from salt_lib.models.words import (
    begins_word,
    is_word,
    place,
    surface,
    takes_han_apart,
    word_mark,
    words,
)

WORDS = (
    "goat lamp dog dogs didn DIDN t T s ll it do re n ca well known Häuser café cafe l homme "
    "Ankara da Ziege the ماعز نهر बकरी नदी है แพะ เห็น แม่น้ำ 山羊 河川 太鼓 山 羊 河"
).split()
MARKS = "0123456789,.;:!?()[]“”‘’'`´＇-，。、؟،।"
ARABIC, HINDI = "ماعز، نهر؟", "बकरी। नदी है।"
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def of_wordpiece():
    letters = sorted({letter for word in WORDS for letter in unicodedata.normalize("NFD", word)})
    inside = [f"##{letter}" for letter in (*letters, *"0123456789")]
    return with_mbert_special(like_mbert([*MBERT_SPECIAL, *WORDS, *letters, *inside, *MARKS]))


def of_unigram():
    words = [unicodedata.normalize("NFKC", word) for word in WORDS]
    letters = sorted({letter for word in words for letter in word} - set(words))
    entries = [f"{mark}{word}" for word in words for mark in ("▁", "")]
    scored = [(piece, 0.0) for piece in SPECIAL] + [
        (entry, -3.0) for entry in dict.fromkeys(entries)
    ]
    rest = [*letters, "▁", *MARKS]
    scored += [(piece, -9.0) for piece in rest if piece not in entries]
    made = Tokenizer(models.Unigram(scored, unk_id=3))
    made.normalizer, made.pre_tokenizer = normalizers.NFKC(), pre_tokenizers.Metaspace()
    return like_xlm_r(made)


@pytest.fixture(scope="module")
def tokenizers():
    """One of each kind with the same words, where there are marks, with them and without."""
    lines = [f"{mark}{word}" for word in WORDS for mark in ("", "(")] * 3
    made = {
        "bert": of_wordpiece(),
        "xlm-roberta": of_unigram(),
        "roberta": byte_level(lines, 2000, prefix_space=True),
    }
    assert set(made) == set(TOKENIZERS)
    return made


@pytest.fixture(params=TOKENIZERS)
def tokenizer(request, tokenizers):
    return tokenizers[request.param]


def whole(tokenizer, text):
    """The texts of the complete words."""
    found = encode(tokenizer, Pairs([text], [""], [0]), True)
    text_of = surface(tokenizer.get_vocab())
    pieces = tokenizer.convert_ids_to_tokens(found.ids[found.whole].tolist())
    return [unicodedata.normalize("NFC", text_of(piece)) for piece in pieces]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("goat lamp", ["goat", "lamp"]),
        ("goat, lamp. goat", ["goat", "lamp", "goat"]),  # a word before punctuation
        ("goat; lamp: goat! lamp?", ["goat", "lamp", "goat", "lamp"]),
        ("(goat) [lamp] “lamp” goat)", ["goat", "lamp", "lamp", "goat"]),
        ("‘goat’ 'lamp' goat", ["goat", "lamp", "goat"]),  # quoted is no contraction
        ("well-known goat", ["well", "known", "goat"]),
        ("it didn't; lamp", ["it", "lamp"]),  # a contraction and none of its pieces
        ("it didn’t lamp", ["it", "lamp"]),
        ("it didn`t didn´t didn＇t lamp", ["it", "lamp"]),
        ("it'll do goat's lamp", ["do", "lamp"]),
        ("DIDN'T lamp", ["lamp"]),
        ("the dogs' lamp", ["the", "dogs", "lamp"]),  # a plural's apostrophe joins nothing
        ("do n't 's goat", ["do", "goat"]),  # as treebanks cut them
        ("ca n't goat", ["goat"]),
        ("l'homme l’homme lamp", ["lamp"]),
        ("Ankara'da Ankara", ["Ankara"]),
        ("Ziege，Ziege。lamp", ["Ziege", "Ziege", "lamp"]),  # full-width marks
        (ARABIC, ["ماعز", "نهر"]),  # an Arabic comma and question mark
        ("", []),
        (".,!", []),
    ],
)
def test_a_word_is_complete_whatever_the_punctuation_at_it(tokenizer, text, expected):
    assert whole(tokenizer, text) == expected


def test_a_danda_ends_a_word_and_is_none(tokenizers):
    assert whole(tokenizers["bert"], HINDI) == ["बकरी", "नदी", "है"]
    assert whole(tokenizers["xlm-roberta"], HINDI) == ["बकरी", "नदी", "है"]
    # Byte-level BPE cuts at vowel signs: a word with one is never a single entry, nor is a part.
    assert whole(tokenizers["roberta"], HINDI) == []


def test_vowel_signs_and_accents_belong_to_their_letter(tokenizers):
    assert whole(tokenizers["roberta"], "แพะ เห็น แม่น้ำ") == ["แพะ"]
    for name, made in tokenizers.items():
        assert whole(made, "café Häuser") == ["café", "Häuser"], name
        decomposed = unicodedata.normalize("NFD", "café")
        assert "cafe" not in whole(made, f"{decomposed} goat"), name
    # NFKC puts an accent together with its letter, whose place it then leaves.
    assert whole(tokenizers["xlm-roberta"], unicodedata.normalize("NFD", "café, Häuser")) == [
        "café",
        "Häuser",
    ]


def test_a_tokenizer_that_drops_accents_has_whole_words():
    made = of_wordpiece()
    made.backend_tokenizer.normalizer = normalizers.BertNormalizer(
        lowercase=True, strip_accents=True
    )
    for form in ("NFC", "NFD"):
        assert whole(made, unicodedata.normalize(form, "Café, goat")) == ["cafe", "goat"]


def test_letters_and_digits_are_one_word(tokenizer):
    for text in ("goat12 lamp", "12goat lamp"):
        assert "goat" not in whole(tokenizer, text)


def test_joiners_are_inside_a_word():
    for text in ("می\u200cها", "क्\u200dष", "xe_đạp", "ng\u02bcombe", "नदी"):
        assert is_word(text) and words(text, False) == {(0, len(text))}
    for text in ("है।", "goat,", "(goat", "goat's", "l'", "", "-", "\u0301", "ิน", "well-known", "▁"):
        assert not is_word(text), text
    text = "_goat_ lamp"  # emphasis is no joiner
    assert {text[a:b] for a, b in words(text, False)} == {"goat", "lamp"}


def test_apostrophes_between_chinese_words_join_nothing():
    text = "他说‘山羊’好"
    assert {text[a:b] for a, b in words(text, False)} == {"他说", "山羊", "好"}
    assert len(words(text, True)) == 5


def test_han_characters_are_words_to_mbert_alone(tokenizers):
    assert takes_han_apart(tokenizers["bert"])
    assert not takes_han_apart(tokenizers["xlm-roberta"])
    assert not takes_han_apart(tokenizers["roberta"])
    assert whole(tokenizers["bert"], "山羊，河") == ["山", "羊", "河"]
    # A stretch between marks is whole where it is one entry.
    for name in ("xlm-roberta", "roberta"):
        assert whole(tokenizers[name], "山羊，太鼓山羊。河川") == ["山羊", "河川"], name


def test_a_given_word_is_whole_as_all_of_it(tokenizer):
    rows = [["goat,", "lamp", "well-known", "didn't", "do", "n't", "'s", "(goat)"]]
    found = encode(tokenizer, tag([(rows[0], ["O"] * 8)], ("O",)))
    text_of = surface(tokenizer.get_vocab())
    pieces = tokenizer.convert_ids_to_tokens(found.ids[found.whole].tolist())
    assert [text_of(piece) for piece in pieces] == ["goat", "lamp", "do", "goat"]


def test_a_word_that_is_cut_off_is_not_whole(tokenizer):
    text = "goat " * 80 + "Häuser"
    assert set(whole(tokenizer, text)) == {"goat"}
    for end in range(1, 12):
        found = whole(tokenizer, "goat " * (50 + end) + "Ankara'da dogs(lamp)" * 9)
        assert set(found) <= {"goat", "dogs", "lamp"}


def test_an_entry_is_shown_as_the_text_that_it_stands_for(tokenizers):
    made = byte_level(["der Tisch, die Häuser, мышь"] * 9, 600)
    entries = made.tokenize(" die Häuser мышь")
    assert any("Ã" in entry for entry in entries)
    text_of = surface(made.get_vocab())
    assert [text_of(entry) for entry in entries] == ["die", "Häuser", "мышь"]
    assert surface({"▁Haus": 0, "Ġ": 1})("▁Haus") == "Haus"
    assert surface({"▁Haus": 0, "Ġ": 1})("Ġ") == "Ġ"  # a letter as any other
    assert surface({"Haus": 0})("Haus") == "Haus"
    assert [word_mark(made) for made in tokenizers.values()] == ["▁", "▁", "Ġ"]


def test_what_begins_a_word_is_marked_or_not(tokenizers):
    forms = {"bert": ("goat", "##goat"), "xlm-roberta": ("▁goat", "goat")}
    for name, (yes, no) in (forms | {"roberta": ("Ġgoat", "goat")}).items():
        begins = begins_word(tokenizers[name])
        assert begins(yes) and not begins(no), name


def test_a_bare_mark_covers_no_text():
    """A mark that stands alone has the place of the letter after it."""
    entries = [*((name, 0.0) for name in ("<s>", "<pad>", "</s>", "<unk>", "<mask>"))]
    entries += [("▁", -3.0), ("水果", -4.0), ("Haus", -4.0), ("Ġ", -5.0), ("gant", -5.0)]
    made = Tokenizer(models.Unigram(entries, unk_id=3))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    unigram = like_xlm_r(made)
    assert whole(unigram, "水果 Haus 水果Haus") == ["水果", "Haus"]
    found = encode(unigram, tag([(["Ġgant"], ["O"])], ("O",)), placement="lettered")
    at = int((found.labels >= 0).nonzero()[0, 0])
    assert unigram.convert_ids_to_tokens(int(found.ids[at])) == "Ġ"  # a letter of Maltese


def test_the_place_of_a_word_is_its_text():
    text = "a cafe\u0301, b"
    assert place(text, (1, 6), 7) == (2, 7)
    assert place(text, (2, 6), 6) == (2, 6)  # the accent is the next token's
    assert place("\u200bgoat", (0, 5), 5) == (1, 5)

"""Whole words of real tokenizers: counts, shares, scripts, both families of tokenizers."""

import random
import unicodedata
from collections import Counter

import pytest
import regex
import xlm_r
from paper_world import (
    FAMILIES,
    TOKENIZERS,
    WORDS,
    like_xlm_r,
    sentence,
    tokenizer_of_family,
    wordpiece,
)
from tokenizers import Tokenizer, models, pre_tokenizers

from salt_lib.errors import SaltError
from salt_lib.languages import LANGUAGES
from salt_lib.models import loading
from salt_lib.models.words import surface
from salt_lib.salt import counted, segmenting
from salt_lib.salt import whole_words as salt_whole_words
from salt_lib.salt.counted import count_text
from salt_lib.salt.vocabulary import language_words
from salt_lib.salt.whole_words import SCRIPTS, whole_words
from salt_lib.salt.word_rules import NO_RULES, Rules


def lines(code, count=200):
    dice = random.Random(code)
    return [sentence(code, dice) for _ in range(count)]


TEXTS = {code: lines(code) for code in WORDS}
ALL = [line for own in TEXTS.values() for line in own]


def folder_of(tokenizer, folder):
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {
        family: folder_of(tokenizer_of_family(family, ALL), tmp_path_factory.mktemp(family))
        for family in TOKENIZERS
    }


@pytest.fixture(params=TOKENIZERS)
def model(request, folders):
    return folders[request.param]


@pytest.fixture(params=FAMILIES)
def thai_model(request, folders):
    """Byte-level BPE cuts at Thai vowel signs, so that most of its words are no entry."""
    return folders[request.param]


def bare(words):
    """Words by their text, whatever tokenizer's entries they are."""
    byte_level = any(word.startswith("Ġ") for word in words)
    text_of = surface("ĠĊ" if byte_level else "▁")
    return {text_of(word): count for word, count in words.items()}


def words_of(code):
    """XLM-R's kind normalises (NFKC), which takes a Thai vowel apart; both forms."""
    return {form for w in WORDS[code].split() for form in (w, unicodedata.normalize("NFKC", w))}


def test_counts_are_those_of_the_text(model):
    byte_level = model.name.startswith("roberta")
    found = whole_words(model, TEXTS)
    for code in WORDS:
        text = unicodedata.normalize("NFKC", " ".join(TEXTS[code])).replace(".", " .").split()
        own = {unicodedata.normalize("NFKC", w): n for w, n in bare(found[code]).items()}
        # A word before a full stop counts; without a space before a text, its first has no mark.
        assert own == {w: n for w, n in Counter(text).items() if w in own}
        assert len(own) >= (5 if byte_level and code == "th" else 9)  # in Thai, without signs
        assert set(own) <= words_of(code)


def test_a_quoted_word_is_not_of_the_language_that_quotes(model):
    quoted = TEXTS["de"] + ["goat Ziege"] * 6
    found = whole_words(model, {"en": TEXTS["en"], "de": quoted})
    assert "goat" in bare(found["en"]) and "goat" not in bare(found["de"])
    without = whole_words(model, {"en": TEXTS["en"], "de": quoted}, share=0.0, rules=NO_RULES)
    assert bare(without["de"])["goat"] == 6


def test_another_script_is_another_language_whatever_its_share(model):
    quoted = TEXTS["th"] + ["goat แพะ"] * 100
    found = whole_words(model, {"th": quoted}, share=0.0)
    assert "แพะ" in bare(found["th"]) and "goat" not in bare(found["th"])


def test_a_language_without_text_has_its_script(thai_model):
    texts = {code: TEXTS[code] for code in ("en", "de")}
    with pytest.warns(
        UserWarning, match="fewer than 5 whole words counted in text of th:.*salt vocab"
    ):
        found = whole_words(thai_model, texts, languages=["en", "th"])
    assert list(found) == ["en", "th"] and set(found["th"].values()) == {1}
    assert len(words_of("th") & set(bare(found["th"]))) == len(WORDS["th"].split())
    entries = loading.tokenizer(thai_model).get_vocab()
    assert all(word in entries and not word.startswith("##") for word in found["th"])


def test_latin_stands_for_no_language(model):
    with pytest.raises(SaltError, match="'sw': no whole word.*Latin is written by en, de too"):
        whole_words(model, {c: TEXTS[c] for c in ("en", "de")}, languages=["en", "de", "sw"])
    with pytest.raises(SaltError, match="'en': no whole word.*Latin is written by many too"):
        whole_words(model, {"en": []})
    with pytest.raises(SaltError, match="'xx'.*its script is not known.*a sentence a line"):
        whole_words(model, {"en": TEXTS["en"]}, languages=["en", "xx"])


def test_han_with_kana_is_japanese(tmp_path):
    text = ["山羊 河川 かわ ヤギ 太鼓 見る 食べる"] * 20
    english = ["a b"] * 9
    made = wordpiece(text + english, 200)
    model = folder_of(made, tmp_path)
    with pytest.warns(UserWarning):
        alone = whole_words(model, {"en": english, "zh": []}, languages=["zh"])
    assert {"山", "羊", "河", "川"} <= set(alone["zh"]) and "かわ" not in alone["zh"]
    with pytest.warns(UserWarning):
        found = whole_words(model, {"en": english, "zh": text}, 5, 0.0, ["zh", "ja"])
    assert {"かわ", "ヤギ"} <= set(found["ja"]) and "山" not in found["ja"]
    assert "山" in found["zh"] and "かわ" not in found["zh"]
    # Han alone is Chinese, what has kana Japanese, whoever has text.
    with pytest.warns(UserWarning):
        found = whole_words(model, {}, languages=["ja", "zh"])
    assert "山" in found["zh"] and "かわ" not in found["zh"]
    assert "かわ" in found["ja"] and "山" not in found["ja"]


def test_few_counted_words_are_joined_by_those_of_the_script(thai_model, monkeypatch):
    monkeypatch.setattr(salt_whole_words, "FEW", 50)
    with pytest.warns(UserWarning) as told:
        found = whole_words(thai_model, {"en": TEXTS["en"], "th": ["แพะ กลอง สวน"] * 20})
    thai = bare(found["th"])
    assert thai["แพะ"] == thai["กลอง"] == 20 and thai["ทุก"] == 1
    said = " ".join(str(w.message) for w in told)
    assert "text of th:" in said and f"few whole words counted: en {len(found['en'])}" in said


def test_single_letters_of_an_alphabet_are_no_words(model):
    with pytest.warns(UserWarning):
        found = bare(whole_words(model, {"en": TEXTS["en"]}, languages=["th"])["th"])
    assert "ก" not in found and min(map(len, found)) > 1


def test_a_share_is_reached_in_spite_of_rounding():
    counts = {code: {"la": 3, code: 7} for code in ("fr", "es", "it", "pt", "ro")}
    counts |= {code: {code: 9} for code in ("a", "b", "c", "d", "e", "f")}
    assert all("la" in language_words(counts, 1, 0.2)[c] for c in ("fr", "es", "it", "pt", "ro"))


def test_a_language_that_is_not_in_the_table_has_the_script_of_its_text(thai_model):
    found = whole_words(thai_model, {"lo": TEXTS["th"] + ["goat goat"] * 30, "en": TEXTS["en"]})
    assert set(bare(found["lo"])) <= words_of("th")


def test_every_language_of_the_study_has_a_script():
    assert set(LANGUAGES) <= set(SCRIPTS) and SCRIPTS["ja"] == ("Han", "Hiragana", "Katakana")


def test_own_words_carry_the_mark(tmp_path):
    texts = {code: xlm_r.sentences(code, 200, "own") for code in xlm_r.WORDS}
    words = whole_words(xlm_r.write(tmp_path), texts)
    for code, own in words.items():
        assert own and {word.lstrip("▁") for word in own} <= set(xlm_r.WORDS[code])
        assert all(word.startswith("▁") for word in own)


def test_marks_special_tokens_and_rare_words_are_no_words(tmp_path):
    quoted = [f'"{line}' for line in ALL]
    folder = folder_of(wordpiece(ALL + quoted, 400), tmp_path)
    entries = loading.tokenizer(folder).get_vocab()
    assert '"' in entries and "." in entries
    texts = {"en": ['"goat.', "goat ☃ [SEP] drum"] * 6 + ["lamp lamp"]}
    with pytest.warns(UserWarning, match="few whole words counted: en 2"):
        assert whole_words(folder, texts) == {"en": {"goat": 12, "drum": 6}}
    with pytest.warns(UserWarning, match="few whole words counted: en 3"):
        assert whole_words(folder, texts, minimum=2)["en"]["lamp"] == 2
    with pytest.raises(SaltError, match="'en': no whole word occurs 50 times in its text"):
        whole_words(folder, texts, minimum=50)


def test_a_word_is_more_at_home_in_its_language_than_in_english(model):
    quoted = TEXTS["de"] + ["goat Ziege"] * 6
    without = NO_RULES.adding("home")
    found = whole_words(model, {"en": TEXTS["en"], "de": quoted}, share=0.0, rules=without)
    assert "goat" not in bare(found["de"]) and "Ziege" in bare(found["de"])
    # Without English text there is nothing to compare with.
    assert "goat" in bare(whole_words(model, {"de": quoted}, share=0.0, rules=without)["de"])


def test_names_are_no_words(model):
    texts = {"en": [*TEXTS["en"], *["the goat sees Ziege"] * 9]}
    assert "Ziege" in bare(whole_words(model, texts, rules=NO_RULES)["en"])
    found = bare(whole_words(model, texts, rules=NO_RULES.adding("names"))["en"])
    assert "Ziege" not in found and "goat" in found
    small = {"en": [*texts["en"], *["ziege", "a ziege"] * 10]}
    assert "Ziege" in bare(whole_words(model, small, rules=NO_RULES.adding("names"))["en"])


@pytest.fixture
def unspaced(tmp_path):
    """XLM-R's kind for Thai and Chinese without spaces, and the texts."""
    texts = {
        "en": ["a goat sees a lamp"] * 20,
        "zh": ["山羊河川山羊太鼓", "河川太鼓山羊山"] * 20,
        "th": ["แพะกลองสวน", "สวนแพะกลองก"] * 20,
    }
    words = "goat sees lamp 山羊 河川 太鼓 山 แพะ กลอง สวน ก".split()
    scored = [(f"{mark}{word}", -3.0) for word in words for mark in ("", "▁")]
    special = [(name, 0.0) for name in xlm_r.SPECIAL]
    made = Tokenizer(models.Unigram([*special, *scored, ("▁", -9.0), ("a", -9.0)], unk_id=3))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    return folder_of(like_xlm_r(made), tmp_path), texts


def test_pieces_inside_a_stretch_are_words_by_frequency(unspaced, monkeypatch):
    monkeypatch.setattr(salt_whole_words, "FEW", 1)
    model, texts = unspaced
    rules = NO_RULES.adding("pieces")
    found = whole_words(model, texts, rules=rules)
    chinese, thai = bare(found["zh"]), bare(found["th"])
    assert {"山羊", "河川", "太鼓", "山"} <= set(chinese) and {"แพะ", "กลอง", "สวน"} <= set(thai)
    assert all(len(word) > 1 for word in thai)  # a letter of an alphabet is no word
    with pytest.warns(UserWarning, match="fewer than 1 whole words counted in text of zh, th"):
        plain = whole_words(model, texts, rules=NO_RULES)
    assert set(plain["zh"].values()) == {1}


def test_a_segmenter_tells_which_pieces_are_words(unspaced, monkeypatch):
    monkeypatch.setattr(salt_whole_words, "FEW", 1)
    model, texts = unspaced
    cut = {"zh": regex.compile("山羊|河川|."), "th": regex.compile("แพะ|กลอง|.")}
    monkeypatch.setattr(
        counted,
        "chosen",
        lambda code, when: cut[code].findall if cut.get(code) and when != "never" else None,
    )
    found = whole_words(model, texts, rules=NO_RULES.adding("pieces", "segment"))
    assert {"山羊", "河川"} <= set(bare(found["zh"])) and "太鼓" not in bare(found["zh"])
    assert {"แพะ", "กลอง"} <= set(bare(found["th"])) and "สวน" not in bare(found["th"])
    assert "太鼓" in bare(whole_words(model, texts, rules=NO_RULES.adding("pieces"))["zh"])


def test_a_segmenter_that_is_asked_for_and_not_installed_is_said(unspaced, monkeypatch):
    monkeypatch.setattr(segmenting, "segmenter", lambda code: None)
    model, texts = unspaced
    with pytest.raises(SaltError, match="no segmenter for 'zh' is installed: pip install"):
        whole_words(model, texts, rules=Rules(segment="always"))


def test_words_that_another_language_uses_far_more_are_foreign(model, monkeypatch):
    monkeypatch.setattr(salt_whole_words, "FEW", 1)
    texts = {"de": TEXTS["de"] * 3, "sw": ["goat lamp"] * 300 + ["Ziege"] * 5}
    plain = whole_words(model, texts, share=0.0, rules=NO_RULES)
    assert "Ziege" in bare(plain["sw"])
    found = whole_words(model, texts, share=0.0, rules=NO_RULES.adding("foreign"))
    assert "Ziege" not in bare(found["sw"]) and "Ziege" in bare(found["de"])


def test_texts_may_be_counted_before(model):
    done = {code: count_text(model, text, code) for code, text in TEXTS.items()}
    assert whole_words(model, done) == whole_words(model, TEXTS)

"""Every concept has its words in every language, in that language's own script, and no other's."""

import unicodedata
from collections import defaultdict
from importlib.resources import files

import pytest

from salt_lib.errors import SaltError
from salt_lib.laboratory import minibabel
from salt_lib.laboratory.minibabel import lexicon as module
from salt_lib.laboratory.minibabel.lexicon import lexicon, parse
from salt_lib.languages import LANGUAGES, SOURCE

JOINT = "_"  # between the syllables or parts of one word
NAMES = {  # what the Unicode names of a script's characters begin with
    "Arabic": ("ARABIC LETTER",),
    "Cyrillic": ("CYRILLIC",),
    "Devanagari": ("DEVANAGARI",),
    "Greek": ("GREEK",),
    "Han": ("CJK UNIFIED IDEOGRAPH",),
    "Hangul": ("HANGUL SYLLABLE",),
    "Japanese": ("CJK UNIFIED IDEOGRAPH", "HIRAGANA", "KATAKANA"),
    "Latin": ("LATIN",),
    "Thai": ("THAI CHARACTER",),
}
VOWELS = "aăâeêioôơuưy"
TONES = ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
# Where several languages write one script, each has its own alphabet.
ALPHABETS = {
    "ar": "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىي",
    "bg": "абвгдежзийклмнопрстуфхцчшщъьюя",
    "de": "abcdefghijklmnopqrstuvwxyzäöüß",
    "en": "abcdefghijklmnopqrstuvwxyz",
    "es": "abcdefghijklmnopqrstuvwxyzáéíóúüñ",
    "fr": "abcdefghijklmnopqrstuvwxyzàâæçéèêëîïôœùûüÿ",
    "ru": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "sw": "abcdefghijklmnoprstuvwyz",
    "tr": "abcçdefgğhıijklmnoöprsştuüvyzâîû",
    "ur": "آابپتٹثجچحخدڈذرڑزژسشصضطظعغفقکگلمنںوہھءئیےؤ",
    "vi": "abcdđeghiklmnopqrstuvxy"
    + "".join(unicodedata.normalize("NFC", v + tone) for v in VOWELS for tone in TONES),
}


def foreign(form: str, code: str) -> list[str]:
    """The characters of a form that don't belong to the language."""
    own = NAMES[LANGUAGES[code].script]
    alphabet = ALPHABETS.get(code)
    return [
        letter
        for letter in form.replace(JOINT, "")
        if not unicodedata.name(letter, "").startswith(own)
        or (alphabet and letter.lower() not in alphabet)
    ]


def in_languages(concepts) -> dict[str, set[str]]:
    """Form, whatever its case → the languages that use it."""
    users = defaultdict(set)
    for item in concepts.values():
        for code, forms in item.forms.items():
            for form in forms:
                users[form.casefold()].add(code)
    return users


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_is_complete(code):
    for item in lexicon().values():
        forms = item.forms[code]
        if item.kind == "function":
            assert len(forms) in (0, 1), item.name
        else:
            assert len(forms) == len(item.forms[SOURCE]) >= 1, item.name
        for form in forms:
            assert form == unicodedata.normalize("NFC", form) == form.strip(JOINT), item.name


def test_the_size_and_the_kinds():
    counts = {kind: len(module.of_kind(kind)) for kind in ("noun", "place", "adjective", "verb")}
    assert min(counts.values()) >= 20
    assert 150 <= sum(counts.values()) <= 250
    assert {item.kind for item in lexicon().values()} == {*counts, "function"}
    function = {item.name: item for item in lexicon().values() if item.kind == "function"}
    assert set(function) == {"the", "is", "not", "in", "near", "with"}
    articles = {code for code in LANGUAGES if function["the"].forms[code]}
    assert articles == {"de", "el", "en", "es", "fr"}
    without_copula = {code for code in LANGUAGES if not function["is"].forms[code]}
    # Chinese says 在, "to be in", which is its preposition already.
    assert without_copula == {"ar", "ru", "tr", "zh"}


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_word_is_in_its_own_script(code):
    wrong = {f: foreign(f, code) for i in lexicon().values() for f in i.forms[code]}
    assert {form: letters for form, letters in wrong.items() if letters} == {}


@pytest.mark.parametrize(
    ("form", "code", "letters"),
    [
        ("кoт", "ru", ["o"]),  # a Latin o
        ("это", "bg", ["э"]),
        ("perro", "el", list("perro")),
        ("chó", "de", ["ó"]),
        ("müşteri", "vi", ["ü", "ş"]),
        ("كتاب", "ur", ["ك"]),  # the Arabic kaf
        ("گھر", "ar", ["گ", "ھ"]),
        ("いぬ", "zh", ["い", "ぬ"]),
        ("개", "ja", ["개"]),
        ("สวย!", "th", ["!"]),
        ("कुत्ता1", "hi", ["1"]),
        ("động_vật", "vi", []),
        ("ゲーム", "ja", []),
    ],
)
def test_the_check_of_scripts_sees_what_it_should(form, code, letters):
    assert foreign(form, code) == letters


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_form_means_two_things_in_one_language(code):
    seen = defaultdict(list)
    for item in lexicon().values():
        for form in item.forms[code]:
            seen[form.casefold()].append(item.name)
    assert {form: names for form, names in seen.items() if len(names) > 1} == {}
    assert all(len(names) == 1 for names in module.concepts_of_form(code).values())


def test_only_listed_words_look_the_same_in_two_languages():
    table = files(minibabel).joinpath("homographs.tsv").read_text(encoding="utf-8").splitlines()
    assert table[0] == "form\tlanguages"
    listed = {form: set(codes.split()) for form, codes in (row.split("\t") for row in table[1:])}
    assert len(listed) == len(table) - 1 and list(listed) == sorted(listed)
    found = {f: codes for f, codes in in_languages(lexicon()).items() if len(codes) > 1}
    assert found == listed


def test_the_check_of_homographs_sees_an_english_copy():
    copy = {"dog": module.Concept("dog", "noun", "", "", {"en": ("dog",), "de": ("Dog",)})}
    assert in_languages(copy) == {"dog": {"en", "de"}}


def test_relations_hold_both_ways():
    for item in lexicon().values():
        assert item.name == item.forms[SOURCE][0]  # a concept is named by its commonest word
        if item.antonym:
            other = lexicon()[item.antonym]
            assert other.antonym == item.name != other.name and other.kind == item.kind
        if item.hypernym:
            above = lexicon()[item.hypernym]
            # One level only: `facts.family_hash` takes the hypernym for the whole family.
            assert above.kind == item.kind and not above.hypernym
            assert not item.antonym and not above.antonym
            assert item.name in module.hyponyms(above.name)


def test_words_and_concepts_are_looked_up_both_ways():
    assert module.synonyms("large") == ("big",) and module.synonyms("cat") == ()
    assert module.forms("de")["large"] == "riesig" and module.forms("de")["big"] == "groß"
    assert module.forms("ru")["the"] == ""
    assert module.concepts_of_form("bg")["гора"] == {"forest"}
    assert module.concepts_of_form("ru")["гора"] == {"mountain"}
    assert "cat" in module.co_hyponyms("dog") and "dog" not in module.co_hyponyms("dog")
    assert "person" in module.co_hyponyms("animal") and "dog" not in module.co_hyponyms("animal")
    assert module.co_hyponyms("big") == module.co_hyponyms("buy") == ()
    assert module.concept_of()["kid"] == "child"
    with pytest.raises(SaltError, match="unknown language 'xx'; known: ar, bg"):
        module.forms("xx")


HEADER = ["concept", "kind", "hypernym", "antonym", *LANGUAGES]


def rows(*changes):
    """A table of three concepts with some cells changed: (line, column, new cell)."""
    cells = [
        ["animal", "noun", "", "", *("tier" for _ in LANGUAGES)],
        ["dog", "noun", "animal", "", *("a|b" for _ in LANGUAGES)],
        ["the", "function", "", "", *("" if code != "en" else "the" for code in LANGUAGES)],
    ]
    for line, column, cell in changes:
        cells[line - 2][HEADER.index(column)] = cell
    return "\n".join("\t".join(row) for row in (HEADER, *cells)) + "\n"


def test_a_table_is_read():
    found = parse(rows())
    assert list(found) == ["animal", "dog", "the"]
    assert found["dog"].forms["sw"] == ("a", "b") and found["the"].forms["sw"] == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (rows((3, "sw", "a")), r"x.tsv, line 3, column sw: dog needs 2 forms .*'a'"),
        (rows((2, "zh", "")), r"x.tsv, line 2, column zh: animal needs 1 forms"),
        (rows((2, "vi", "động vật")), r"x.tsv, line 2, column vi: a form has a space"),
        (rows((3, "hypernym", "anmal")), r"x.tsv, line 3, column hypernym: no concept 'anmal'"),
        (rows((2, "antonym", "plant")), r"x.tsv, line 2, column antonym: no concept 'plant'"),
        (rows((3, "concept", "animal")), r"x.tsv, line 3: animal stands in line 2 already"),
        (rows((4, "sw", "le|la")), r"x.tsv, line 4, column sw: the needs 1 forms"),
        (rows((2, "en", "")), r"x.tsv, line 2, column en: animal has no form"),
        (rows().replace("\tsw\t", "\txx\t"), r"x.tsv, line 1: no column sw"),
        (rows() + "cat\tnoun\tanimal\n", r"x.tsv, line 5: cat has more or fewer .* 21 cells"),
        (rows()[:-1] + "\tone more\n", r"x.tsv, line 4: the has more or fewer .* 21 cells"),
        ("", r"x.tsv, line 1: no column antonym"),
    ],
)
def test_errors_name_file_line_and_column(text, message):
    with pytest.raises(SaltError, match=message):
        parse(text, "x.tsv")

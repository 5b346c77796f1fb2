"""Sentences written by hand, each language in its own order of words."""

import pytest

from salt_lib.errors import SaltError
from salt_lib.laboratory.minibabel.facts import Fact
from salt_lib.laboratory.minibabel.grammar import sentence, words
from salt_lib.languages import LANGUAGES

SEES = Fact("dog", "see", "cat", "big", None, None, "3", "in", "house", "Paris", "Anna")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ar", "رأى كلب كبير 3 قطة في بيت Paris مع Anna"),
        ("bg", "голям куче виждам 3 котка в къща Paris с Anna"),
        ("de", "der groß Hund sehen 3 Katze in der Haus Paris mit Anna"),
        ("el", "ο μεγάλος σκύλος βλέπω 3 γάτα σε ο σπίτι Paris με Anna"),
        ("en", "the big dog see 3 cat in the house Paris with Anna"),
        ("es", "el perro grande ver 3 gato en el casa Paris con Anna"),
        ("fr", "le chien grand voir 3 chat dans le maison Paris avec Anna"),
        ("hi", "बड़ा कुत्ता घर Paris में Anna साथ 3 बिल्ली देखना"),
        ("ja", "大きい 犬 家 Paris で Anna と 3 猫 見る"),
        ("ko", "크다 개 집 Paris 에서 Anna 함께 3 고양이 보다"),
        ("ru", "большой собака видеть 3 кошка в дом Paris с Anna"),
        ("sw", "mbwa kubwa kuona paka 3 katika nyumba Paris na Anna"),
        ("th", "หมา ใหญ่ เห็น แมว 3 ใน บ้าน Paris กับ Anna"),
        ("tr", "büyük köpek ev Paris içinde Anna ile 3 kedi görmek"),
        ("ur", "بڑا کتا گھر Paris میں Anna ساتھ 3 بلی دیکھنا"),
        ("vi", "chó lớn nhìn_thấy 3 mèo trong nhà Paris với Anna"),
        ("zh", "大 狗 在 房子 Paris 跟 Anna 看见 3 猫"),
    ],
)
def test_a_sentence_in_every_language(code, expected):
    assert sentence(SEES, code) == expected
    assert words(SEES, code) == expected.split(" ")


IS = Fact("dog", None, None, "big", agent_number="3", name="Anna")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ar", "3 كلب كبير مع Anna"),
        ("de", "3 Hund ist groß mit Anna"),
        ("en", "3 dog is big with Anna"),
        ("fr", "3 chien est grand avec Anna"),
        ("hi", "3 कुत्ता Anna साथ बड़ा है"),
        ("ja", "3 犬 Anna と 大きい"),
        ("ru", "3 собака большой с Anna"),
        ("sw", "mbwa 3 ni kubwa na Anna"),
        ("th", "หมา 3 ใหญ่ กับ Anna"),
        ("tr", "3 köpek Anna ile büyük"),
        ("zh", "3 狗 跟 Anna 大"),
    ],
)
def test_without_a_verb_the_adjective_is_said_of_the_agent(code, expected):
    assert sentence(IS, code) == expected


NOT = Fact("king", "buy", "horse", negated=True)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ar", "لا اشترى ملك حصان"),
        ("de", "der König kaufen nicht der Pferd"),
        ("en", "the king not buy the horse"),
        ("es", "el rey no comprar el caballo"),
        ("fr", "le roi acheter pas le cheval"),
        ("hi", "राजा घोड़ा नहीं खरीदना"),
        ("ja", "国王 馬 買う ない"),
        ("ko", "왕 말 안 사다"),
        ("ru", "король не покупать лошадь"),
        ("sw", "mfalme si kununua farasi"),
        ("tr", "kral at satın_almak değil"),
        ("zh", "国王 不 买 马"),
    ],
)
def test_negation_stands_before_or_after_the_verb(code, expected):
    assert sentence(NOT, code) == expected


DESCRIBED = Fact("dog", "eat", "fish", "old", "small", "2", "10")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ar", "أكل 2 كلب قديم 10 سمكة صغير"),
        ("de", "2 alt Hund essen 10 klein Fisch"),
        ("es", "2 perro viejo comer 10 pez pequeño"),
        ("hi", "2 पुराना कुत्ता 10 छोटा मछली खाना"),
        ("sw", "mbwa kuukuu 2 kula samaki ndogo 10"),
        ("th", "หมา เก่า 2 กิน ปลา เล็ก 10"),
        ("vi", "2 chó cũ ăn 10 cá nhỏ"),
    ],
)
def test_adjectives_and_numbers_on_both_nouns(code, expected):
    assert sentence(DESCRIBED, code) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("en", "in the house Paris the big dog see 3 cat with Anna"),
        ("de", "in der Haus Paris der groß Hund sehen 3 Katze mit Anna"),
        ("ar", "في بيت Paris رأى كلب كبير 3 قطة مع Anna"),
        ("ja", "家 Paris で 大きい 犬 Anna と 3 猫 見る"),
        ("tr", "ev Paris içinde büyük köpek Anna ile 3 kedi görmek"),
        ("zh", "在 房子 Paris 大 狗 跟 Anna 看见 3 猫"),
    ],
)
def test_the_place_may_come_first(code, expected):
    assert sentence(SEES, code, fronted=True) == expected


def test_without_a_place_the_company_comes_first_and_without_both_nothing_does():
    alone = SEES._replace(preposition=None, place=None, city=None)
    assert sentence(alone, "en", fronted=True) == "with Anna the big dog see 3 cat"
    assert sentence(alone, "ko", fronted=True) == "Anna 함께 크다 개 3 고양이 보다"
    for code in LANGUAGES:
        assert sentence(NOT, code, fronted=True) == sentence(NOT, code)


LOCATED = Fact("teacher", None, None, preposition="near", place="school")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ar", "معلم قرب مدرسة"),
        ("de", "der Lehrer ist nahe der Schule"),
        ("en", "the teacher is near the school"),
        ("ja", "先生 学校 近く いる"),
        ("ru", "учитель возле школа"),
        ("sw", "mwalimu ni karibu shule"),
        ("zh", "老师 靠近 学校"),
    ],
)
def test_being_somewhere_in_every_language(code, expected):
    assert sentence(LOCATED, code) == expected


def test_each_synonym_has_its_own_counterpart():
    large = SEES._replace(agent_adjective="large")
    assert sentence(large, "de").split()[1] == "riesig"
    assert sentence(large, "fr").split()[2] == "gros"


def test_an_unknown_language_is_an_error():
    with pytest.raises(SaltError, match="unknown language 'xx'; known: ar, bg, de"):
        sentence(SEES, "xx")


def test_a_word_that_the_lexicon_lacks_is_an_error_that_names_its_neighbours():
    with pytest.raises(SaltError, match="no word 'sees'.* dictionary form; near to it: see"):
        sentence(SEES._replace(verb="sees"), "de")
    with pytest.raises(SaltError, match="no word 'qqq'.*; near to it: "):
        sentence(SEES._replace(agent="qqq"), "de")

"""Fact → sentence: the words of a fact in the order of one language.

Words stand in their dictionary form and are separated by spaces in every language, as a segmenter
would separate them for Chinese, Japanese and Thai.

Chapter: The laboratory.
"""

from ..languages import Language, language
from .facts import Fact
from .lexicon import forms


def _noun_phrase(lang: Language, noun: str, adjective: str | None, number: str | None) -> list[str]:
    """Article or number, adjective and noun, each on the language's side of the noun."""
    word = forms(lang.code)
    determiner = [number] if number else [word["the"]]
    before = determiner if lang.numeral == "before" or not number else []
    after = determiner if not before else []
    described = [word[noun]]
    if adjective:
        described.insert(0 if lang.adjective == "before" else 1, word[adjective])
    return [*before, *described, *after]


def _adposition(lang: Language, adposition: str, phrase: list[str]) -> list[str]:
    word = forms(lang.code)[adposition]
    return [word, *phrase] if lang.adposition == "before" else [*phrase, word]


def words(fact: Fact, code: str, fronted: bool = False) -> list[str]:
    """The fact's words in a language. Without a verb the agent's adjective is what is said of it.

    fronted: the adverbial of place (without one, of company) opens the sentence, which every
    language here allows and which changes nothing in the meaning.
    """
    lang = language(code)
    word = forms(code)
    described = fact.verb is None and fact.agent_adjective is not None
    attribute = None if described else fact.agent_adjective
    subject = _noun_phrase(lang, fact.agent, attribute, fact.agent_number)
    verb = word[fact.verb] if fact.verb else word["is"] if lang.copula or not described else ""
    negator = word["not"] if fact.negated else ""
    group = [negator, verb] if lang.negation == "before" else [verb, negator]
    object_ = [word[fact.agent_adjective]] if described else []
    if fact.patient:
        object_ = _noun_phrase(lang, fact.patient, fact.patient_adjective, fact.patient_number)
    adverbials = []
    if fact.place:
        place = _noun_phrase(lang, fact.place, None, None)
        if fact.city:
            place.append(fact.city)
        adverbials.append(_adposition(lang, fact.preposition, place))
    if fact.name:
        adverbials.append(_adposition(lang, "with", [fact.name]))
    front = adverbials.pop(0) if fronted and adverbials else []
    rest = [w for adverbial in adverbials for w in adverbial]
    middle, end = (rest, []) if lang.place == "subject" else ([], rest)
    clause = {
        "SVO": [*subject, *middle, *group, *object_],
        "SOV": [*subject, *middle, *object_, *group],
        "VSO": [*group, *subject, *middle, *object_],
    }[lang.order]
    return [w for w in (*front, *clause, *end) if w]


def sentence(fact: Fact, code: str, fronted: bool = False) -> str:
    """The fact as one sentence; `words` joined by spaces."""
    return " ".join(words(fact, code, fronted))

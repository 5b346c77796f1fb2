"""Fact → sentence: the words of a fact in the order of one language, each with its tags.

Words stand in their dictionary form and are separated by spaces in every language, as a segmenter
would separate them for Chinese, Japanese and Thai.

Chapters: The laboratory; Feature aggregation (tags).
"""

from typing import NamedTuple

from ...languages import Language, language
from .facts import Fact
from .lexicon import forms


class Token(NamedTuple):
    """A word with its universal part of speech and the kind of name that it is part of, "" for
    none."""

    word: str
    pos: str
    entity: str = ""


def _noun_phrase(
    lang: Language, noun: str, adjective: str | None, number: str | None, entity: str = ""
) -> list[Token]:
    """Article or number, adjective and noun, each on the language's side of the noun."""
    word = forms(lang.code)
    determiner = [Token(number, "NUM") if number else Token(word["the"], "DET")]
    before = determiner if lang.numeral == "before" or not number else []
    after = determiner if not before else []
    described = [Token(word[noun], "NOUN", entity)]
    if adjective:
        described.insert(0 if lang.adjective == "before" else 1, Token(word[adjective], "ADJ"))
    return [*before, *described, *after]


def _adposition(lang: Language, adposition: str, phrase: list[Token]) -> list[Token]:
    word = Token(forms(lang.code)[adposition], "ADP")
    return [word, *phrase] if lang.adposition == "before" else [*phrase, word]


def tagged(fact: Fact, code: str, fronted: bool = False) -> list[Token]:
    """The fact's words in a language. Without a verb the agent's adjective is what is said of it.

    fronted: the adverbial of place (without one, of company) opens the sentence, which every
    language here allows and which changes nothing in the meaning. A place that is called after a
    city ("the market Lagos") is a name of both words, "LOC"; whoever is there a "PER".
    """
    lang = language(code)
    word = forms(code)
    quality = fact.agent_adjective if fact.verb is None else None  # what is said of the agent
    attribute = fact.agent_adjective if quality is None else None
    subject = _noun_phrase(lang, fact.agent, attribute, fact.agent_number)
    verb = Token(word[fact.verb], "VERB") if fact.verb else Token("", "AUX")
    if not fact.verb and (lang.copula or quality is None):
        verb = Token(word["is"], "AUX")
    negator = Token(word["not"] if fact.negated else "", "PART")
    group = [negator, verb] if lang.negation == "before" else [verb, negator]
    object_ = [] if quality is None else [Token(word[quality], "ADJ")]
    if fact.patient:
        object_ = _noun_phrase(lang, fact.patient, fact.patient_adjective, fact.patient_number)
    adverbials = []
    if fact.place and fact.preposition:  # neither is said without the other
        place = _noun_phrase(lang, fact.place, None, None, "LOC" if fact.city else "")
        if fact.city:
            place.append(Token(fact.city, "PROPN", "LOC"))
        adverbials.append(_adposition(lang, fact.preposition, place))
    if fact.name:
        adverbials.append(_adposition(lang, "with", [Token(fact.name, "PROPN", "PER")]))
    front = adverbials.pop(0) if fronted and adverbials else []
    rest = [token for adverbial in adverbials for token in adverbial]
    middle, end = (rest, []) if lang.place == "subject" else ([], rest)
    clause = {
        "SVO": [*subject, *middle, *group, *object_],
        "SOV": [*subject, *middle, *object_, *group],
        "VSO": [*group, *subject, *middle, *object_],
    }[lang.order]
    return [token for token in (*front, *clause, *end) if token.word]


def words(fact: Fact, code: str, fronted: bool = False) -> list[str]:
    """The words alone of `tagged`."""
    return [token.word for token in tagged(fact, code, fronted)]


def sentence(fact: Fact, code: str, fronted: bool = False) -> str:
    """The fact as one sentence; `words` joined by spaces."""
    return " ".join(words(fact, code, fronted))

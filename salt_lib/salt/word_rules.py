"""Rules for the words of real text: which entries of a vocabulary are words of a language.

What text of a language holds is not all of that language: it quotes English and names people. None
of the rules needs a dictionary; each is an option of its own, and ``recorded/real_words.json`` has
what each does to precision and coverage. Those for pairs are in `salt_lib.salt.pair_rules`.

Chapter: At paper scale.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace

import regex

from ..errors import SaltError, unknown
from ..languages import SOURCE
from .function_words import FUNCTION_WORDS
from .segmenting import WHEN

Counts = Mapping[str, int]
TextOf = Callable[[str], str]  # a vocabulary's entry → what it stands for, `words.surface`


@dataclass(frozen=True)
class Rules:
    """What is kept out of the candidates of a language, and of the predicted pairs.

    Candidates (`whole_words.whole_words`). home: a word's share of its language's text is more than
    so many times its share of the English text; 0 for any. foreign: no language of the same script
    has a share more than so many times its own; 0 for any. names: no words that are capitalised
    wherever they stand. pieces: in scripts without spaces pieces inside a stretch are words too.
    segment: "auto" or "always" (of these pieces those that a segmenter finds), or "never".

    Pairs (`pair_rules.kept_pairs`). case: no case variant of the source. frequency: no substitute
    that is more than so many times as frequent in its language as the source in English; 0 for any.
    fragments: no beginning of the source. inflections, opposites: of the English synonyms no other
    form of the source, and no word that text coordinates with it ("man and woman"). majority: of a
    source word's substitutes in a language only that with the highest sum of probabilities.

    The defaults were chosen on sentences that the recorded measurement does not use.
    """

    home: float = 20.0
    foreign: float = 0.0
    names: bool = True
    pieces: bool = True
    segment: str = "auto"
    case: bool = True
    frequency: float = 10.0
    fragments: bool = True
    inflections: bool = True
    opposites: bool = True
    majority: bool = False

    def __post_init__(self) -> None:
        for name in ("home", "foreign", "frequency"):
            if getattr(self, name) < 0:
                raise SaltError(f"rule {name} {getattr(self, name)}: a ratio, 0 or more")
        if self.segment not in WHEN:
            raise unknown("choice of segment", self.segment, WHEN)

    def without(self, *names: str) -> "Rules":
        """These rules but those of ``names``. SaltError for a name that is no rule."""
        return self._changed(names, False)

    def adding(self, *names: str) -> "Rules":
        """These rules and those of ``names``, ratios as in `Rules` by default."""
        return self._changed(names, True)

    def _changed(self, names: Iterable[str], on: bool) -> "Rules":
        known = {item.name: item.default for item in fields(self)}
        values: dict = {}
        for name in names:
            if name not in known:
                raise unknown("rule", name, known)
            if name == "segment":
                values[name] = "auto" if on else "never"
            elif isinstance(known[name], bool):
                values[name] = on
            else:
                values[name] = (known[name] or FOREIGN) if on else 0.0
        return replace(self, **values)


FOREIGN = 4.0  # of the rule of that name, where it is asked for
RULES = Rules()
NO_RULES = RULES.without(*(item.name for item in fields(Rules)))
NOUNS = frozenset({"de", "lb"})  # languages whose nouns have a capital: it tells no names
# A word after a letter, a digit or a comma: not the first of a sentence or of a quotation.
_INSIDE = regex.compile(r"(?<=[\p{L}\p{N},;] )\p{L}[\p{L}\p{M}]*")


def shares(counts: Counts, text_of: TextOf) -> dict[str, float]:
    """Word, case-folded → its share of all that is counted, entry → count."""
    total = sum(counts.values())
    found: Counter[str] = Counter()
    for entry, n in counts.items():
        found[text_of(entry).casefold()] += n
    return {word: n / total for word, n in found.items()}


def at_home(
    words: Counts, own: Counts, source: Counts, ratio: float, text_of: TextOf
) -> dict[str, int]:
    """Of ``words`` those whose share of ``own`` text is > ``ratio`` times that of the ``source``'s.

    words: entry → count. own, source: all that was counted in the two texts. Forms with and without
    a capital are one word, so that a rare variant is not at home where the common one isn't.
    """
    here, there = shares(own, text_of), shares(source, text_of)
    forms = {entry: text_of(entry).casefold() for entry in words}
    return {e: n for e, n in words.items() if here[forms[e]] > ratio * there.get(forms[e], 0.0)}


def native(
    words: Counts, own: Counts, others: Iterable[Counts], ratio: float, text_of: TextOf
) -> dict[str, int]:
    """Of ``words`` those that no other language uses more than ``ratio`` times as much.

    own, others: all that was counted in the text of the language, and of others in its script.
    """
    here, there = shares(own, text_of), [shares(counts, text_of) for counts in others]
    forms = {entry: text_of(entry).casefold() for entry in words}
    return {
        e: n
        for e, n in words.items()
        if not any(text.get(forms[e], 0.0) > ratio * here[forms[e]] for text in there)
    }


def inside_sentences(lines: Iterable[str]) -> Counter[str]:
    """How often each word stands where no sentence or quotation begins, as it is written."""
    return Counter(word for line in lines for word in _INSIDE.findall(line))


def is_name(word: str, inside: Counts) -> bool:
    """Whether a word with a capital has it in most places inside a sentence, or is never there.

    inside: of `inside_sentences`. A capital letter alone is an initial.
    """
    if not word[:1].isupper():
        return False
    capital, small = inside.get(word, 0), inside.get(word.lower(), 0)
    return len(word) == 1 or capital >= small


def without_names(
    words: Counts, language: str, inside: Mapping[str, Counts], text_of: TextOf
) -> dict[str, int]:
    """``words`` but the names, entry → count.

    inside: language → `inside_sentences`. Where nouns have a capital, a name is what is one in
    English as well and occurs there.
    """
    texts = {entry: text_of(entry) for entry in words}
    if language in NOUNS:
        there = inside.get(SOURCE, {})
        known = {e for e, text in texts.items() if there.get(text)}
        return {e: n for e, n in words.items() if e not in known or not is_name(texts[e], there)}
    own = inside[language]
    english = FUNCTION_WORDS if language == SOURCE else frozenset()  # I
    return {
        e: n
        for e, n in words.items()
        if texts[e].casefold() in english or not is_name(texts[e], own)
    }

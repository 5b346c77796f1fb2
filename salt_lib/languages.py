"""The 17 languages: the 15 of XNLI and, from PAWS-X, Japanese and Korean.

Word order, the side of adjectives, numerals and adpositions, and the place of the negator follow
each language's basic declarative clause (WALS, features 81A, 85A, 87A, 89A, 143A). ``share`` is the
size of the language's laboratory corpus relative to German: the low-resource languages get less,
as on Wikipedia.

Chapter: The laboratory.
"""

from dataclasses import dataclass

from .errors import unknown


@dataclass(frozen=True)
class Language:
    """One language as the laboratory's grammar needs it.

    order: of subject, verb, object. adjective, numeral: "before" or "after" the noun. adposition:
    "before" (preposition) or "after" its noun phrase. place: where an adverbial of place stands by
    default, "end" of the clause, before the "verb" group, or after the "subject". negation:
    "before" or "after" the verb. copula: whether a verb links an adjective to what it is said of.
    right_to_left: how the script runs.
    """

    code: str
    name: str
    family: str
    script: str
    order: str
    adjective: str
    numeral: str
    adposition: str
    place: str
    negation: str
    copula: bool
    share: float
    right_to_left: bool = False


_TABLE = """
ar Arabic     Semitic      Arabic      VSO after  before before end     before no  0.75
bg Bulgarian  Slavic       Cyrillic    SVO before before before end     before yes 0.50
de German     Germanic     Latin       SVO before before before end     after  yes 1.00
el Greek      Hellenic     Greek       SVO before before before end     before yes 0.50
en English    Germanic     Latin       SVO before before before end     before yes 1.00
es Spanish    Romance      Latin       SVO after  before before end     before yes 1.00
fr French     Romance      Latin       SVO after  before before end     after  yes 1.00
hi Hindi      Indo-Aryan   Devanagari  SOV before before after  subject before yes 0.50
ja Japanese   Japonic      Japanese    SOV before before after  subject after  no  0.75
ko Korean     Koreanic     Hangul      SOV before before after  subject before no  0.75
ru Russian    Slavic       Cyrillic    SVO before before before end     before no  1.00
sw Swahili    Bantu        Latin       SVO after  after  before end     before yes 0.25
th Thai       Kra-Dai      Thai        SVO after  after  before end     before no  0.25
tr Turkish    Turkic       Latin       SOV before before after  subject after  no  0.50
ur Urdu       Indo-Aryan   Arabic      SOV before before after  subject before yes 0.25
vi Vietnamese Austroasiatic Latin      SVO after  before before end     before no  0.75
zh Chinese    Sinitic      Han         SVO before before before subject before no  0.75
"""


def _parse(row: str) -> Language:
    code, name, family, script, order, *habits = row.split()
    adjective, numeral, adposition, place, negation, copula, share = habits
    return Language(
        code,
        name,
        family,
        script,
        order,
        adjective,
        numeral,
        adposition,
        place,
        negation,
        copula=copula == "yes",
        share=float(share),
        right_to_left=script == "Arabic",
    )


LANGUAGES = {item.code: item for item in map(_parse, _TABLE.strip().splitlines())}
SOURCE = "en"
PAWSX_LANGUAGES = ("de", "en", "es", "fr", "ja", "ko", "zh")
XNLI_LANGUAGES = tuple(code for code in LANGUAGES if code not in ("ja", "ko"))


def language(code: str) -> Language:
    """The language with this ISO 639-1 code; SaltError lists the known ones otherwise."""
    if code not in LANGUAGES:
        raise unknown("language", code, LANGUAGES)
    return LANGUAGES[code]

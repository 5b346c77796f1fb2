"""Questions: a fact of which one part is asked for, another view of what sentences tell.

What is asked for stands where the grammar puts what it stands for: "how many" and "more" in the
place of a number, "which" in that of an article or number, "where" in that of an adverbial. A
question of which nothing is asked but whether it is so is the sentence with a question mark. The
question words (``questions.tsv``) are no part of the lexicon: they name no concept.

Chapter: Programs.
"""

import csv
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np

from ...errors import SaltError, unknown
from ...languages import LANGUAGES, language
from .facts import FIELDS, Fact, animate, inventory
from .grammar import words
from .lexicon import forms, lexicon, of_kind

MARK = "?"
WORDS = ("how_many", "which", "where", "more", "than")
_HERE = "\0"  # stands for a name where "where" will stand
KINDS = (
    "total agent", "total patient", "which agent", "which patient", "where", "whether", "more",
)  # fmt: skip
# What a question may say; numbers, cities and "not" it never does.
PARTS = (
    "agent", "agent_adjective", "verb", "patient", "patient_adjective", "preposition", "place",
    "name",
)  # fmt: skip


class Question(NamedTuple):
    """What is asked: ``kind`` (of `KINDS`) about what ``row`` (12,) says, −1 for what it doesn't.

    other: of "more", the noun that the agent is compared with, else −1. "which" has the kind of
    thing that is asked for in the place of the thing, "where" has no place.
    """

    kind: str
    row: tuple[int, ...]
    other: int = -1


def parse(text: str, where: str = "questions.tsv") -> dict[str, dict[str, str]]:
    """Word (of `WORDS`) → language → form, from tab-separated text.

    Raises SaltError for a word or language that is missing, and a form that is empty or has spaces.
    """
    rows = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    missing = {"word", *LANGUAGES} - set(rows.fieldnames or ())
    if missing:
        raise SaltError(f"{where}, line 1: no column {', '.join(sorted(missing))}")
    table: dict[str, dict[str, str]] = {}
    for row in rows:
        for code in LANGUAGES:
            if (row[code] or "").split() != [row[code]]:
                raise SaltError(
                    f"{where}, line {rows.line_num}, column {code}: {row['word']} needs one form "
                    f"without spaces, has {row[code]!r}"
                )
        table[row["word"]] = {code: row[code] for code in LANGUAGES}
    if lacking := [word for word in WORDS if word not in table]:
        raise SaltError(f"{where}: no line for {', '.join(lacking)}")
    return table


@cache
def question_words() -> dict[str, dict[str, str]]:
    """The shipped question words: word → language → form."""
    return parse((files(__package__) / "questions.tsv").read_text(encoding="utf-8"))


class Asked(NamedTuple):
    """What is asked of many facts: rows (n, 12) and other (n,) as in `Question`, and fits (n,),
    whether the fact has what is asked for."""

    rows: np.ndarray
    other: np.ndarray
    fits: np.ndarray

    @property
    def both(self) -> np.ndarray:
        """(n, 12) the rows, with the noun that the agent is compared with where there is one."""
        rows = self.rows.copy()
        compared = self.other >= 0
        rows[compared, FIELDS["agent"]] = self.other[compared]
        return rows


def ask(facts: np.ndarray, kind: str, rng: np.random.Generator) -> Asked:
    """Questions of a kind about facts (n, 12).

    Numbers, city and "not" go unsaid. Raises SaltError for an unknown kind.
    """
    if kind not in KINDS:
        raise unknown("kind of question", kind, KINDS)
    rows, at = facts.copy(), FIELDS
    fits, other = np.ones(len(rows), dtype=bool), np.full(len(rows), -1)
    for column in ("agent_number", "patient_number", "city"):
        rows[:, at[column]] = -1
    rows[:, at["negated"]] = 0
    if kind.endswith("patient"):
        fits &= rows[:, at["patient"]] >= 0
    if kind.startswith("which"):
        role = at[kind.removeprefix("which ")]
        rows[fits, role] = _above()[rows[fits, role]]
    if kind == "where":
        fits &= rows[:, at["place"]] >= 0
        fits &= rows[:, [at["verb"], at["agent_adjective"]]].max(axis=1) >= 0
        rows[:, [at["place"], at["preposition"], at["name"]]] = -1
    if kind == "more":
        table, counts = _rivals()
        agent = rows[:, at["agent"]]
        other = table[agent, (rng.random(len(rows)) * counts[agent]).astype(int)]
    return Asked(rows, other, fits)


@cache
def _above() -> np.ndarray:
    """Noun id → id of its hypernym, its own without one."""
    nouns = of_kind("noun")
    return np.array([nouns.index(lexicon()[noun].hypernym or noun) for noun in nouns])


@cache
def _rivals() -> tuple[np.ndarray, np.ndarray]:
    """(nouns, most) the nouns that a noun is compared with, and (nouns,) how many those are.

    They act, and neither is of the other's kind.
    """
    above = _above()
    lists = [
        [j for j in np.flatnonzero(animate()) if j != i and above[j] != i and above[i] != j]
        for i in range(len(above))
    ]
    table = np.zeros((len(lists), max(map(len, lists))), dtype=int)
    for i, one in enumerate(lists):
        table[i, : len(one)] = one
    return table, np.array([len(one) for one in lists])


def phrase(question: Question, told: Fact, code: str) -> list[str]:
    """The words of a question in a language, the question mark among them.

    told: the question's row in words (`facts.readable`, or `corpora.wording` with synonyms).
    """
    lang, kind = language(code), question.kind
    asked = {word: of[code] for word, of in question_words().items()}
    told = told._replace(agent_number=None, patient_number=None, city=None, negated=False)
    if kind == "where":
        said = words(told._replace(name=_HERE), code)
        at = said.index(_HERE)
        low = at - 1 if lang.adposition == "before" else at
        return [*said[:low], asked["where"], *said[low + 2 :], MARK]
    if kind.startswith(("total", "which")):
        first, role = kind.split()
        word = asked["how_many" if first == "total" else "which"]
        if role == "agent":
            return [*words(told._replace(agent_number=word), code), MARK]
        return [*words(told._replace(patient_number=word), code), MARK]
    if kind == "more":
        said = words(told._replace(agent_number=asked["more"]), code)
        size = 2 + (told.agent_adjective is not None and told.verb is not None)
        at = said.index(asked["more"])
        low = at if lang.numeral == "before" else at + 1 - size
        rival = forms(code)[_noun(question.other)]
        # Where adpositions follow, so does "than"; Chinese says what it compares with first too.
        if lang.adposition == "after":
            return [*said[:low], rival, asked["than"], *said[low:], MARK]
        if code == "zh":
            return [*said[:low], asked["than"], rival, *said[low:], MARK]
        return [*said[: low + size], asked["than"], rival, *said[low + size :], MARK]
    return [*words(told, code), MARK]


def _noun(number: int) -> str:
    """The commonest English word of a noun."""
    return lexicon()[inventory()["agent"][number]].forms["en"][0]

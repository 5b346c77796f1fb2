"""What the languages' corpora have in common: no fact, but some words.

Nothing foreign is planted in any corpus. What two languages share are names and numbers, and words
that the real languages share too, by inheritance or borrowing: Russian and Bulgarian "дом", English
and French "table". Such words tie the languages together, so a reader should know how many they
are.

Chapter: The laboratory.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from ...languages import LANGUAGES
from .facts import CITIES, FIELDS, NAMES, NUMBERS, family_hash, inventory
from .lexicon import concepts_of_form

INTERNATIONAL = frozenset(NAMES + CITIES + NUMBERS)
SHARED_KINDS = ("international", "same", "other", "own", "foreign")


def told_in_two(corpora: Mapping[str, np.ndarray]) -> int:
    """How many facts, wording apart, are told in the corpora of more than one language.

    corpora: language → facts (…, 12), as from `corpora.documents`. Two facts count as one if they
    are of one *family* (`facts.family_hash`): the same but for number, antonym, hypernym or roles.
    """
    families = [
        np.unique(family_hash(facts.reshape(-1, facts.shape[-1]))) for facts in corpora.values()
    ]
    _, owners = np.unique(np.concatenate(families), return_counts=True)
    return int((owners > 1).sum())


def sharers(form: str) -> tuple[str, ...]:
    """The languages whose lexicon has this form."""
    return tuple(code for code in LANGUAGES if form in concepts_of_form(code))


def shared_words(texts: Mapping[str, Iterable[str]]) -> pd.DataFrame:
    """Of the words in each language's text, the shares that other languages know too.

    texts: language → sentences. Columns, all as shares of the running words: international (names,
    cities, numbers), same (another language has the form too, for the same concept), other (for
    another concept only), own (no other language has it), foreign (the language itself doesn't).
    """
    rows = {}
    for code, sentences in texts.items():
        forms = concepts_of_form(code)
        kinds = {form: _kind(form, code) for form in forms}
        kinds |= dict.fromkeys(INTERNATIONAL, "international")
        counts = Counter(kinds.get(word, "foreign") for s in sentences for word in s.split())
        rows[code] = {kind: counts[kind] / counts.total() for kind in SHARED_KINDS}
    return pd.DataFrame.from_dict(rows, orient="index")


def _kind(form: str, code: str) -> str:
    elsewhere = [concepts_of_form(other)[form] for other in sharers(form) if other != code]
    if not elsewhere:
        return "own"
    return "same" if any(concepts_of_form(code)[form] & names for names in elsewhere) else "other"


def adjectives_of_nouns(facts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How often each adjective goes with each noun in facts (…, 12).

    Returns the share of each adjective among a noun's, (nouns, adjectives), nan for a noun that
    never has one, and how many described mentions each noun has, (nouns,).
    """
    flat = facts.reshape(-1, facts.shape[-1])
    ids = inventory()
    counts = np.zeros((len(ids["agent"]), len(ids["agent_adjective"])))
    for role in ("agent", "patient"):
        noun, adjective = flat[:, FIELDS[role]], flat[:, FIELDS[f"{role}_adjective"]]
        described = (noun >= 0) & (adjective >= 0)
        np.add.at(counts, (noun[described], adjective[described]), 1)
    mentions = counts.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return counts / mentions[:, None], mentions.astype(int)

"""Which vocabulary entries are whole words of which language, from monolingual counts alone.

A substitute must be one complete word in one piece, and a prediction is restricted to one language;
neither needs a dictionary: counting the words of each language's own text is enough.

Chapter: Distillation.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from .errors import SaltError

MINIMUM_COUNT = 10
SHARED_BY = 0.5  # a word in more than this share of the languages is nobody's: a name, a number


def count_words(sentences: Iterable[str]) -> Counter[str]:
    """How often each whitespace-separated word occurs."""
    counts: Counter[str] = Counter()
    for sentence in sentences:
        counts.update(sentence.split())
    return counts


def language_words(
    counts: Mapping[str, Mapping[str, int]], minimum: int = MINIMUM_COUNT
) -> dict[str, dict[str, int]]:
    """Language → its words with their counts, rare words and international ones left out.

    counts: language → word → count. A word seen fewer than ``minimum`` times in a language is not
    counted as its own (it may be a quotation), and one that more than half of the languages use (of
    at least three) belongs to none of them. Raises SaltError for a language without any word.
    """
    own = {code: {w: n for w, n in words.items() if n >= minimum} for code, words in counts.items()}
    for code, words in own.items():
        if not words:
            raise SaltError(
                f"the corpus of {code!r} has no word that occurs {minimum} times: it is empty or "
                "too small to make a vocabulary from"
            )
    users = Counter(word for words in own.values() for word in words)
    limit = max(SHARED_BY * len(own), 2)
    return {
        code: {w: n for w, n in words.items() if users[w] <= limit} for code, words in own.items()
    }


def piece_ids(words: Mapping[str, int], pieces: Mapping[str, int]) -> np.ndarray:
    """Vocabulary ids (n,), sorted, of the words that are one piece in the tokenizer's vocabulary.

    pieces: the tokenizer's entry → id. Words that it splits can't be predicted in one step.
    """
    return np.array(sorted(pieces[word] for word in words if word in pieces), dtype=np.int64)

"""Which vocabulary entries are whole words of which language, from monolingual counts alone.

A substitute must be one complete word in one piece, and a prediction is restricted to one language;
neither needs a dictionary: counting the words of each language's own text is enough.

Chapter: Distillation.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from ..errors import SaltError

MINIMUM_COUNT = 10
SHARED_BY = 0.5  # a word in more than this share of the languages is nobody's: a name, a number


def count_words(sentences: Iterable[str]) -> Counter[str]:
    """How often each whitespace-separated word occurs."""
    counts: Counter[str] = Counter()
    for sentence in sentences:
        counts.update(sentence.split())
    return counts


def word_shares(counts: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, float]]:
    """Language → word → how much of the word's use is this language's, in (0, 1].

    counts: language → word → count. A word's frequency in a language is its count over that of all
    words there, so that it doesn't matter which language has more text; its share is this frequency
    over the sum of its frequencies in all languages.
    """
    sizes = {code: sum(words.values()) for code, words in counts.items()}
    everywhere: defaultdict[str, float] = defaultdict(float)
    for code, words in counts.items():
        for word, n in words.items():
            everywhere[word] += n / sizes[code]
    return {
        code: {word: n / sizes[code] / everywhere[word] for word, n in words.items()}
        for code, words in counts.items()
    }


def language_words(
    counts: Mapping[str, Mapping[str, int]], minimum: int = MINIMUM_COUNT, share: float = 0.0
) -> dict[str, dict[str, int]]:
    """Language → its words with their counts, rare words and international ones left out.

    counts: language → word → count. A word seen fewer than ``minimum`` times in a language is not
    counted as its own (it may be a quotation), nor one whose share (`word_shares`) there is below
    ``share``. One that more than half of the languages use (of at least three) belongs to none of
    them. Raises SaltError for a language without any word.
    """
    shares = word_shares(counts) if share else {}
    kept = {
        code: {
            w: n
            for w, n in words.items()
            if n >= minimum and (not share or shares[code][w] >= share - 1e-9)
        }
        for code, words in counts.items()
    }
    for code, words in kept.items():
        if not words:
            raise SaltError(
                f"the corpus of {code!r} has no word that occurs {minimum} times: it is empty or "
                "too small to make a vocabulary from"
            )
    users = Counter(word for words in kept.values() for word in words)
    limit = max(SHARED_BY * len(kept), 2)
    return {
        code: {w: n for w, n in words.items() if users[w] <= limit} for code, words in kept.items()
    }


def piece_ids(words: Mapping[str, int], pieces: Mapping[str, int]) -> np.ndarray:
    """Vocabulary ids (n,), sorted, of the words that are one piece in the tokenizer's vocabulary.

    pieces: the tokenizer's entry → id. Words that it splits can't be predicted in one step.
    """
    return np.array(sorted(pieces[word] for word in words if word in pieces), dtype=np.int64)


def words_by_language(source: str | Path) -> dict[str, dict[str, int]]:
    """Language → word → monolingual count, as saved beside a checkpoint (vocabulary.json)."""
    path = Path(source) / "vocabulary.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SaltError(
            f"{path}: can't be read ({error}); it holds the words of each language by count, see "
            "salt_lib.salt.vocabulary"
        ) from error

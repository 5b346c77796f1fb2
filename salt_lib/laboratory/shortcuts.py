"""Does anything but word knowledge give a label away? Classifiers that may not look at the words
of both sentences, and their accuracy on held-out pairs.

A task is fit for its purpose if each stays within 5 points of chance (Gururangan et al. 2018 showed
how far hypothesis-only models come on SNLI).

Chapter: The laboratory.
"""

from collections import Counter, defaultdict

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from ..data.examples import Pairs

BOUND = 0.05


def cell(first: str, second: str) -> tuple[int, int, int]:
    """(length difference, new words, lost words) of a pair."""
    one, two = Counter(first.split()), Counter(second.split())
    return (
        sum(two.values()) - sum(one.values()),
        sum((two - one).values()),
        sum((one - two).values()),
    )


def table_accuracy(train: Pairs, test: Pairs) -> float:
    """Accuracy of the commonest training label of each `cell`."""
    seen: dict[tuple, Counter] = defaultdict(Counter)
    for first, second, label in zip(train.first, train.second, train.labels, strict=True):
        seen[cell(first, second)][label] += 1
    overall = Counter(train.labels).most_common(1)[0][0]
    guesses = [
        seen[c].most_common(1)[0][0] if (c := cell(f, s)) in seen else overall
        for f, s in zip(test.first, test.second, strict=True)
    ]
    return float(np.mean(np.array(guesses) == np.array(test.labels)))


def bag_accuracy(train: Pairs, test: Pairs, side: str = "second") -> float:
    """Accuracy of logistic regression on the word uni- and bigrams of one sentence alone."""
    bag = CountVectorizer(token_pattern=r"\S+", ngram_range=(1, 2), lowercase=False, min_df=2)
    model = make_pipeline(bag, LogisticRegression(C=0.1, max_iter=500))
    model.fit(getattr(train, side), train.labels)
    return float(model.score(getattr(test, side), test.labels))


def one_sided(pairs: Pairs) -> Pairs:
    """The pairs with the first sentence blanked, for a hypothesis-only encoder."""
    return Pairs([""] * len(pairs), pairs.second, pairs.labels)

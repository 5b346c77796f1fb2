"""What a pretraining is made of.

Chapter: The laboratory.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """What a pretraining is made of; every number was chosen in the tuning world."""

    vocabulary: int = 10_000
    hidden: int = 80
    layers: int = 2
    heads: int = 2
    intermediate: int = 320
    activation: str = "relu"
    dropout: float = 0.0
    init: float = 0.1  # standard deviation of the first weights
    mimetic: bool = True  # whether the first layer begins as a comparison
    documents: int = 16_000
    steps: int = 34_000
    batch: int = 64
    learning_rate: float = 2e-3
    word_learning_rate: float = 6e-3  # of the word embeddings, each seldom in a batch
    warmup: float = 0.05
    weight_decay: float = 0.01
    clip: float = 1.0
    mask_rate: float = 0.4
    keep: float = 0.1  # of the chosen tokens: left as they are
    random: float = 0.1  # of the chosen tokens: replaced by another of the language
    next_sentence: float = 1.0  # weight of its loss
    neighbours: float = 0.5  # of sentences that don't follow: from the neighbouring document
    softmax: str = "language"  # masked words compete with their "language"'s words, or with "all"
    evaluate_every: int = 1000

"""One run: one task, one method, one seed, from the checkpoint to per-language scores.

Everything random depends on the seed alone, and a run uses one thread, so the same run gives the
same scores to the last bit. The order of the data, the classifier's first weights and the dropout
are the same for every method of a seed: runs pair up.

Chapter: Training.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Everything a run depends on besides world, task, method and seed.

    Chosen in the tuning world (`salt_lib.laboratory.tuning`); what was tried stands in recorded/tuning.json.
    """

    epochs: int = 5
    batch: int = 32
    learning_rate: float = 1e-3
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip: float = 1.0
    dropout: float = 0.0
    threshold: float = 0.95
    synonym_threshold: float = 0.98
    instance_rate: float = 0.5
    token_rate: float = 0.3

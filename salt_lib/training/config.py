"""The settings of a training: optimiser, epochs, thresholds and rates.

Chapter: Training over 15 seeds.
"""

from dataclasses import dataclass

from ..errors import SaltError, unknown

SELECT = ("dev", "last")


@dataclass(frozen=True)
class Config:
    """Everything a run depends on besides checkpoint, data, method and seed.

    The defaults were chosen in the laboratory's tuning world; ``recorded/tuning.json`` has what was
    tried. learning_rate: the peak; it rises over the share ``warmup`` of the steps and falls
    linearly. threshold, synonym_threshold: least probability of a kept substitution, and of an
    English one. instance_rate, token_rate: see `augment.code_switch`. redraw: whether copies are
    switched anew in each epoch, not once before the first. until: the share of the epochs, rounded
    up, in which the data are augmented at all. mix_rate: the share of an epoch's instances whose
    embeddings are mixed. noise: standard deviation of what a smoothed method adds to each word
    embedding, in units of the embedding table's own. select: which epoch's weights a run ends with,
    "dev" for the best in English dev, "last" for the last, where English dev is at its ceiling and
    can't choose.
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
    redraw: bool = False
    until: float = 1.0
    mix_rate: float = 1.0
    noise: float = 0.0
    select: str = "dev"

    def __post_init__(self) -> None:
        for name in ("instance_rate", "token_rate", "mix_rate", "until"):
            if not 0 <= getattr(self, name) <= 1:
                raise SaltError(f"{name} {getattr(self, name)}: a share lies between 0 and 1")
        if self.noise < 0:
            raise SaltError(f"noise {self.noise}: a standard deviation is not negative")
        if self.select not in SELECT:
            raise unknown("select", self.select, SELECT)

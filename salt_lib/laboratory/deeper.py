"""The deeper tiny mBERT: made in the same way on the same text, with more layers.

Two layers leave little to choose between where a lower one is to be fused with the last. So the
study of feature aggregation (`salt_lib.laboratory.aggregation`) stands on this one, and compares
its runs with its own baseline only.

Chapter: Feature aggregation.
"""

from ..training.config import Config

LAYERS = 6
# Gate and learning rates were chosen in the tuning world on English dev, see
# recorded/aggregation-tuning.json; of pairs two epochs, fewer than the laboratory's, to save time.
GATE = "literal"
CONFIGS = {
    "mini-xnli": Config(epochs=2),
    "mini-paws-x": Config(epochs=2),
    "mini-ner": Config(epochs=10, batch=16),
    "mini-pos": Config(epochs=10, batch=16, learning_rate=2e-3),
}

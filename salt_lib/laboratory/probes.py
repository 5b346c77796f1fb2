"""What each layer of an encoder knows, and how much of a lower one a fused classifier uses.

Three probes on the pretrained encoder, nothing fine-tuned, layer 0 being the embeddings:
*language identity*, a linear (ridge) classifier of a sentence's mean state; *part of speech*, one
of the state of a word's first piece, fitted on English or on the language itself; and *translation
retrieval*, the nearest neighbour by cosine among the parallel sentences of another language, each
language's mean taken off first (as in Libovický et al. 2019, which leaves out what is the same in
all its sentences). The sentences are those of mini-pos, which are parallel.

Chapter: Feature aggregation.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ..languages import SOURCE, language
from ..models.encoding import IGNORE, Encoded, positions
from ..models.fusion import Fused

BATCH = 128


@torch.inference_mode()
def states(model, encoded: Encoded) -> list[np.ndarray]:
    """For each layer, from the embeddings on, the state of every token: (tokens, E) each."""
    model.eval()
    width = model.config.hidden_size
    layers = model.config.num_hidden_layers + 1
    by_layer = [np.empty((len(encoded.ids), width), np.float32) for _ in range(layers)]
    for rows in torch.arange(len(encoded)).split(BATCH):
        at, inside = positions(encoded, rows)
        output = model.base_model(
            encoded.ids[at].where(inside, 0),
            attention_mask=inside,
            token_type_ids=encoded.segments[at].where(inside, 0),
            output_hidden_states=True,
        )
        for layer, hidden in zip(by_layer, output.hidden_states, strict=True):
            layer[at[inside].numpy()] = hidden[inside].numpy()
    return by_layer


def sentence_means(hidden: np.ndarray, encoded: Encoded) -> np.ndarray:
    """The mean state of each row's words, special tokens left out: (rows, E)."""
    rows = torch.repeat_interleave(torch.arange(len(encoded)), encoded.lengths).numpy()
    inner = np.ones(len(rows), dtype=bool)
    inner[encoded.start[:-1].numpy()] = False  # [CLS]
    inner[encoded.start[1:].numpy() - 1] = False  # [SEP]
    sums = np.zeros((len(encoded), hidden.shape[1]), np.float64)
    np.add.at(sums, rows[inner], hidden[inner])
    return sums / np.bincount(rows[inner], minlength=len(encoded))[:, None]


def _linear():
    return make_pipeline(StandardScaler(), RidgeClassifier())


def language_identity(means: Mapping[str, np.ndarray]) -> float:
    """Accuracy in [0, 1] of telling the language from a sentence's mean state.

    means: language → (sentences, E). Fitted on the first half of the sentences, tested on the rest.
    """
    half = len(next(iter(means.values()))) // 2
    parts = [
        (np.concatenate([m[cut] for m in means.values()]), np.repeat(list(means), size))
        for cut, size in (
            (slice(0, half), half),
            (slice(half, None), len(next(iter(means.values()))) - half),
        )
    ]
    return float(_linear().fit(*parts[0]).score(*parts[1]))


def words(hidden: np.ndarray, encoded: Encoded) -> tuple[np.ndarray, np.ndarray]:
    """States and label ids of the tokens that carry a tag: (words, E), (words,)."""
    first = (encoded.labels != IGNORE).numpy()
    return hidden[first], encoded.labels.numpy()[first]


def part_of_speech(
    train: tuple[np.ndarray, np.ndarray], tests: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> dict[str, float]:
    """Language → accuracy in [0, 1] of a probe fitted on ``train``; both of `words`."""
    fitted = _linear().fit(*train)
    return {code: float(fitted.score(*test)) for code, test in tests.items()}


def retrieval(one: np.ndarray, other: np.ndarray) -> float:
    """How often a sentence's translation is the nearest, both ways, in [0, 1].

    one, other: mean states (sentences, E) of parallel sentences.
    """
    one, other = (x - x.mean(axis=0) for x in (one, other))
    one, other = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (one, other))
    cosine = one @ other.T
    there, back = (cosine.argmax(axis=axis) == np.arange(len(one)) for axis in (1, 0))
    return float(np.mean([there.mean(), back.mean()]))


def pairs(means: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """`retrieval` of every two languages: one, other, family (whether shared), order (likewise).

    order: whether the two put words in the same order, as the laboratory's grammar has it.
    """

    def order(code: str) -> tuple:
        row = language(code)
        return row.order, row.adjective, row.numeral, row.adposition, row.place, row.negation

    rows = [
        (
            one,
            other,
            language(one).family == language(other).family,
            order(one) == order(other),
            retrieval(means[one], means[other]),
        )
        for one, other in combinations(means, 2)
    ]
    return pd.DataFrame(rows, columns=["one", "other", "family", "order", "retrieval"])


def family_test(table: pd.DataFrame, shuffles: int = 9999, seed: int = 0) -> tuple[float, float]:
    """How much better retrieval is within families, and the p of a permutation test, one-sided.

    table: of `pairs`. The families are dealt out anew to the languages, sizes kept.
    """
    codes = sorted({*table["one"], *table["other"]})
    index = {code: i for i, code in enumerate(codes)}
    one, other = (table[side].map(index).to_numpy() for side in ("one", "other"))
    families = np.array([language(code).family for code in codes])
    value = table["retrieval"].to_numpy()

    def advantage(dealt: np.ndarray) -> float:
        shared = dealt[one] == dealt[other]
        return float(value[shared].mean() - value[~shared].mean())

    rng = np.random.default_rng(seed)
    observed = advantage(families)
    others = [advantage(rng.permutation(families)) for _ in range(shuffles)]
    return observed, (1 + sum(o >= observed for o in others)) / (1 + shuffles)


def survey(model, parts: Mapping[str, Mapping[str, Encoded]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All probes at every layer.

    parts: "train" and "test" → language → tagged parallel sentences. Returns one row a layer and
    language (layer, language, pos: the probe fitted on English, pos_own: on the language itself,
    retrieval: with English, nan for English), with the layer's ``identity`` in each of its rows;
    and the rows of `pairs` with their layer.
    """
    hidden = {
        split: {code: states(model, encoded) for code, encoded in part.items()}
        for split, part in parts.items()
    }
    rows, couples = [], []
    for layer in range(model.config.num_hidden_layers + 1):
        means = {
            code: sentence_means(hidden["test"][code][layer], encoded)
            for code, encoded in parts["test"].items()
        }
        train, test = (
            {code: words(hidden[split][code][layer], part) for code, part in parts[split].items()}
            for split in ("train", "test")
        )
        english = part_of_speech(train[SOURCE], test)
        identity = language_identity(means)
        for code in means:
            pos_own = part_of_speech(train[code], {code: test[code]})[code]
            retrieved = np.nan if code == SOURCE else retrieval(means[SOURCE], means[code])
            rows.append((layer, code, english[code], pos_own, retrieved, identity))
        couples.append(pairs(means).assign(layer=layer))
    columns = ["layer", "language", "pos", "pos_own", "retrieval", "identity"]
    return pd.DataFrame(rows, columns=columns), pd.concat(couples, ignore_index=True)


@torch.inference_mode()
def lower_share(model: Fused, encoded: Encoded) -> torch.Tensor:
    """How much of each fused vector comes from the lower layer, (tokens,) in [0, 1].

    ‖L₁ ⊙ A‖ / (‖L₁ ⊙ A‖ + ‖L₂ ⊙ (1 − A)‖): lengths, for with the literal gate the weights A have
    no bounds.
    """
    model.eval()
    share = torch.empty(len(encoded.ids))
    for rows in torch.arange(len(encoded)).split(BATCH):
        at, inside = positions(encoded, rows)
        segments = encoded.segments[at].where(inside, 0)
        ids = encoded.ids[at].where(inside, 0)
        lower, last = model.layers(ids, inside, token_type_ids=segments)
        weights = model.fusion.weights(lower, last, inside)
        below = (lower * weights).norm(dim=-1)
        above = (last * (1 - weights)).norm(dim=-1)
        share[at[inside]] = (below / (below + above))[inside]
    return share


def shares(model: Fused, parts: Mapping[str, Encoded], names: Sequence[str]) -> pd.DataFrame:
    """`lower_share` by language and kind of token: language, kind, share (the mean), tokens.

    parts: language → tagged sentences whose label ids are those of ``names`` (parts of speech).
    Kinds are these, "[CLS]" and "[SEP]".
    """
    rows = []
    for code, encoded in parts.items():
        share = lower_share(model, encoded).numpy()
        kind = np.array([*names, ""])[
            np.where(encoded.labels == IGNORE, len(names), encoded.labels)
        ].astype(object)
        kind[encoded.start[:-1].numpy()] = "[CLS]"
        kind[encoded.start[1:].numpy() - 1] = "[SEP]"
        for name in ("[CLS]", "[SEP]", *names):
            here = kind == name
            if here.any():
                rows.append((code, name, float(share[here].mean()), int(here.sum())))
    return pd.DataFrame(rows, columns=["language", "kind", "share", "tokens"])

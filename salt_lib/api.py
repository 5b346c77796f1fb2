"""The public functions: distil, augment, train, compare, on your own model and data.

They are `salt_lib.distill` and so on; everything heavy is imported when it is used.

Chapter: Reproduce, change, extend.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from .data import benchmarks, tables
from .data.examples import Pairs, Tagged, tag
from .digests import digest
from .errors import SaltError, unknown
from .files import folder
from .languages import SOURCE
from .models import loading
from .models.architectures import DISTILLATION, SENTENCES, TOKENS
from .models.encoding import encode
from .models.words import words as words_in
from .real.setup import in_range
from .salt import substitutions
from .salt.distill import predict
from .salt.methods import Method
from .salt.methods import method as method_by_name
from .salt.pair_rules import coordinated, kept_pairs, sentences_of
from .salt.predictions import SCHEMA, check_thresholds, no_predictions, select, word_pairs
from .salt.prepared import prepare
from .salt.vocabulary import piece_ids, words_by_language
from .salt.whole_words import MINIMUM, whole_words
from .salt.word_rules import RULES, Rules
from .study import stats
from .training.config import Config
from .training.device import Accelerated
from .training.run import train_and_score

Sentences = Sequence[str] | Sequence[tuple[str, str]]
Texts = str | Path | Mapping[str, Iterable[str]]
Words = Mapping[str, Mapping[str, int]]
# The learning rate that encoders like BERT are usually fine-tuned with (Devlin et al. 2019) and the
# thresholds of the study on real text; `Config`'s own defaults are for the laboratory's model.
RECIPE = Config(epochs=3, learning_rate=2e-5, dropout=0.1, threshold=0.7, synonym_threshold=0.9)


def distill(
    model: str | Path,
    sentences: Sentences,
    languages: Iterable[str] | None = None,
    texts: Texts | None = None,
    *,
    words: Words | None = None,
    threshold: float = RECIPE.threshold,
    synonym_threshold: float = RECIPE.synonym_threshold,
    masked: bool = False,
    device: str = "auto",
    rules: Rules = RULES,
) -> pd.DataFrame:
    """Word translations of English sentences, out of a model's own masked-language head.

    model: a folder or a name on the hub, with its masked-language head. sentences: single ones, or
    pairs. languages: those wanted, by default all of ``texts``; English gives synonyms. texts: a
    folder of ``<language>.txt`` or language → sentences, monolingual, from which the whole words of
    each language are counted; English may be missing. They may hold more languages than are wanted,
    and better do: a word that many share is none's. words: instead, language → word → count (see
    `whole_words.whole_words`); by default what stands beside a checkpoint of ours. threshold,
    synonym_threshold: the least probability among the language's words. masked: hide each word
    while it is predicted. device: "auto", "cpu" or "cuda". rules: which words and pairs of real
    text are left out (`word_rules.Rules`); a checkpoint of ours keeps its words and pairs.

    Returns a table, commonest first: word, language, substitute, probability (the mean over the
    places where it was predicted, in (0, 1]) and count (of these places). Raises SaltError for a
    model without such a head, a language without words, and no sentences.

    Source: SALT, §offline (Wang et al. 2023).

    >>> from salt_lib.laboratory.checkpoints import checkpoint
    >>> pairs = distill(checkpoint(0), ["the dog sleeps near the river"], ["de", "sw"])
    >>> list(pairs.columns)
    ['word', 'language', 'substitute', 'probability', 'count']
    """
    check_thresholds(threshold, synonym_threshold)
    loading.check(model, DISTILLATION)
    data = pairs_of(sentences)
    known = words_of(
        model, [*data.first, *filter(None, data.second)], languages, texts, words, rules
    )
    tokenizer = loading.tokenizer(model)
    pieces = tokenizer.get_vocab()
    on = Accelerated(device).device
    encoded = encode(tokenizer, data, True)
    batches = predict(
        loading.to_device(loading.masked_lm(model), on),
        encoded,
        {code: piece_ids(counts, pieces) for code, counts in known.items()},
        mask_token=loading.mask_token(model) if masked else None,
    )
    parts = [select(b.to_pandas(), threshold, synonym_threshold) for b in batches]
    kept = pd.concat([no_predictions(), *parts], ignore_index=True)
    if words is not None or texts is not None:
        opposites = coordinated(sentences_of(data))
        kept = kept_pairs(kept, encoded, pieces, known, rules, opposites)
    return word_pairs(kept, encoded, pieces)


def augment(
    table: pd.DataFrame,
    pairs: pd.DataFrame,
    text_columns: Sequence[str] = ("premise", "hypothesis"),
    *,
    instance_rate: float = Config.instance_rate,
    token_rate: float = Config.token_rate,
    seed: int = 0,
) -> pd.DataFrame:
    """A copy of a table of English text in which some rows are code-switched; the rest stays.

    pairs: of `distill`: words are replaced wherever they stand, each time by one of their
    substitutions: a language is drawn, then one of its words by ``count``. instance_rate: how many
    of the rows are chosen; token_rate: how many of the known words of a chosen row are replaced.
    The same seed gives the same table. Raises SaltError for a column that is not there, and rates
    outside [0, 1].

    Source: SALT, §offline (Wang et al. 2023). `salt augment` replaces words in context instead.

    >>> pairs = pd.DataFrame({"word": ["dog"], "language": ["de"], "substitute": ["Hund"],
    ...                       "probability": [0.98], "count": [3]})
    >>> augment(pd.DataFrame({"text": ["a dog!"]}), pairs, ["text"], instance_rate=1,
    ...         token_rate=1)["text"].tolist()
    ['a Hund!']
    """
    for name in _listed("text_columns", text_columns) or ():
        if name not in table.columns:
            raise unknown("text column", name, table.columns)
    for name in ("word", "language", "substitute"):
        if name not in pairs.columns:
            raise SaltError(
                f"pairs: no column {name!r}; give a table of salt_lib.distill (salt augment takes "
                "every prediction in its place as well, with --model)"
            )
    for name, rate in (("instance_rate", instance_rate), ("token_rate", token_rate)):
        if not 0 <= rate <= 1:
            raise SaltError(f"{name} {rate}: it must lie between 0 and 1")
    choices = _choices(pairs)
    dice = np.random.default_rng(seed)
    chosen = dice.random(len(table)) < instance_rate

    def switched(word: str) -> str:
        options = choices.get(word)
        if not options or dice.random() >= token_rate:
            return word
        substitutes, weights = options[dice.integers(len(options))]
        return substitutes[dice.choice(len(substitutes), p=weights)]

    copy = table.copy()
    for name in text_columns:
        copy[name] = [
            _switched(text, switched) if pick else text
            for text, pick in zip(_column(table, name, "table"), chosen, strict=True)
        ]
    return copy


def load(task: str, data: str | Path, languages: Iterable[str] | None = None) -> dict[str, Any]:
    """The data of a benchmark, as `train` takes them.

    task: "xnli", "paws-x", "pan-x" or "udpos". data: "hub", a folder in XTREME's layout, or a clone
    of a hub repository. languages: scored ones, by default all that have a test set. Returns
    "train" and "dev" in English, "test" (language → test set) and "labels" (their names). Raises
    SaltError naming what is missing.
    """
    row = benchmarks.task(task)
    codes = benchmarks.languages(task, "test", data) if languages is None else languages

    def read(split: str, code: str) -> Pairs | Tagged:
        rows = benchmarks.load(task, split, code, data)
        return rows if isinstance(rows, Pairs) else tag(rows, row.labels)

    return {
        "train": read("train", SOURCE),
        "dev": read("dev", SOURCE),
        "test": {code: read("test", code) for code in codes},
        "labels": row.labels,
    }


def train(
    model: str | Path,
    data: Mapping[str, Any],
    method: str | Method = "salt",
    seed: int = 0,
    *,
    text_columns: Sequence[str] | None = None,
    label_column: str = "label",
    languages: Iterable[str] | None = None,
    texts: Texts | None = None,
    words: Words | None = None,
    rules: Rules = RULES,
    config: Config = RECIPE,
    max_length: int | None = None,
    device: str = "auto",
    keep: Callable[[torch.nn.Module], None] | None = None,
) -> dict[str, Any]:
    """Fine-tune an encoder on English data with a method, and score it in every language.

    model: a folder or a name on the hub. data: "train" and "dev", English, and "test", language →
    test set; each a table with ``text_columns`` (one or two, by default all but the labels) and
    ``label_column``, or `Pairs` or `Tagged` (`load` gives them). "labels": their names, by default
    those of the training data in order. method: a name such as baseline, code-switch, mixup, salt
    or salt-random, or a `Method` of your own. languages, texts, words, rules: of the substitutions,
    as for `distill`; by default the languages of the test sets. config: optimiser, thresholds and
    rates; change some with ``dataclasses.replace(RECIPE, epochs=1)``. max_length: pieces of a row.
    keep: called with the trained model.

    Returns method, seed, scores (language → accuracy or F1 in [0, 1]), dev (per epoch), epoch,
    seconds, config, and substitutions: language → how many are kept. Predictions are made once per
    data and model, under ``$SALT_CACHE_DIR`` or ``cache``. Raises SaltError for a method that needs
    true translations, for one that finds nothing to substitute, for data that are incomplete or
    have a single label, and as `distill`.
    """
    row = method if isinstance(method, Method) else method_by_name(method)
    substitutions.check_method(row)
    if not isinstance(config, Config):
        raise SaltError(
            f"config: {type(config).__name__}, expected a Config, such as "
            "dataclasses.replace(salt_lib.RECIPE, epochs=1)"
        )
    in_range(config, "config")
    _complete(data)
    if row.substitutions:
        loading.check(model, DISTILLATION)
    tests = dict(data["test"])
    first = data["train"]
    loading.check(model, TOKENS if isinstance(first, Tagged) else SENTENCES)
    names = list(data.get("labels") or _label_names(first, label_column))
    if len(names) < 2:
        raise SaltError(f"train: the only label is {names[0]!r}, so there is nothing to learn")
    split = {"train": first, "dev": data["dev"], **tests}
    ready = {
        name: _rows(name, part, names, text_columns, label_column) for name, part in split.items()
    }
    compute = Accelerated(device)
    known: Words = {}
    found: dict[str, int] = {}
    if row.substitutions:
        wanted = [c for c in _listed("languages", languages) or tests if c != SOURCE]
        known = words_of(model, _sentences(ready["train"]), wanted, texts, words, rules)
    prepared = prepare(
        model,
        names,
        ready["train"],
        ready["dev"],
        {code: ready[code] for code in tests},
        known,
        longest=max_length,
    )
    if row.substitutions:
        kind = substitutions.kind_of(row)
        made_of = (
            ready["train"],
            loading.identity(model),
            sorted(known.items()),
            max_length,
            SCHEMA.names,
        )
        path = folder("SALT_CACHE_DIR", "cache") / f"{kind}-{digest(*made_of)[:16]}.parquet"
        if not path.exists():
            substitutions.write_predictions(
                model,
                ready["train"],
                known,
                path,
                kind == "masked",
                longest=max_length,
                device=compute.device,
            )
        thresholds = (config.threshold, config.synonym_threshold)
        kept = substitutions.kept_predictions(path, ready["train"], row, *thresholds)
        if words is not None or texts is not None:
            pieces = loading.tokenizer(model).get_vocab()
            opposites = coordinated(sentences_of(ready["train"]))
            kept = kept_pairs(kept, prepared.train, pieces, known, rules, opposites)
        prepared = prepared.substituting(row.substitutions, kept, words=row.words)
        found = kept["language"].value_counts().to_dict()
        if not len(prepared.choices.tokens):
            raise SaltError(
                f"{row.name}: nothing to substitute, so it would be the baseline; no prediction "
                f"has the least probability of {config.threshold} ({config.synonym_threshold} in "
                "English) and passes the rules: lower config.threshold, or give more sentences"
            )
    result = train_and_score(prepared, row, config, seed, compute=compute, threads=None, keep=keep)
    return {"method": row.name, "seed": seed, **result, "substitutions": found}


def compare(
    results: Iterable[Mapping[str, Any]],
    method: str,
    baseline: str = "baseline",
    *,
    languages: Iterable[str] | None = None,
) -> stats.Comparison:
    """Whether a method is better than another, over the seeds that both were trained with.

    results: of `train`. languages: whose mean score is compared, by default all but English (all,
    where there is only English). Returns a `Comparison`: the means, their difference with a 95 %
    bootstrap interval, the paired t-test, Welch's test, the effect size d_z and the smallest effect
    that so many seeds detect. Raises SaltError for a method without results, two results of one
    seed, and fewer than two seeds in common.

    >>> results = [{"method": m, "seed": s, "scores": {"en": 0.9, "de": 0.6 + 0.01 * s + gain}}
    ...            for m, gain in (("salt", 0.02), ("baseline", 0.0)) for s in range(3)]
    >>> round(compare(results, "salt").difference, 3)
    0.02
    """
    chosen = None if languages is None else list(languages)
    scores: dict[str, dict[int, float]] = {method: {}, baseline: {}}
    for result in results:
        if (by_seed := scores.get(result["method"])) is None:
            continue
        if result["seed"] in by_seed:
            raise SaltError(f"two results of {result['method']!r} with seed {result['seed']}")
        codes = chosen or [c for c in result["scores"] if c != SOURCE] or list(result["scores"])
        if lacking := [code for code in codes if code not in result["scores"]]:
            raise unknown("language", lacking[0], result["scores"])
        by_seed[result["seed"]] = float(np.mean([result["scores"][code] for code in codes]))
    for name, by_seed in scores.items():
        if not by_seed:
            raise SaltError(f"no results of method {name!r}")
    seeds = sorted(scores[method].keys() & scores[baseline].keys())
    ours, theirs = ([scores[name][seed] for seed in seeds] for name in (method, baseline))
    return stats.compare(ours, theirs)


def pairs_of(sentences: Sentences) -> Pairs:
    """Sentences as the library takes them; one alone is the first of a pair with nothing."""
    if isinstance(sentences, str):
        raise SaltError("a single sentence: give a list, [sentence]")
    if isinstance(sentences, pd.DataFrame):
        raise SaltError("a table: give its sentences as a list, such as table['text'].tolist()")
    rows = [(s, "") if isinstance(s, str) else tuple(s) for s in sentences]
    if not rows:
        raise SaltError("no sentences")
    if odd := [row for row in rows if len(row) != 2]:
        raise SaltError(f"sentences come alone or in pairs, not {len(odd[0])} at a time")
    for number, row in enumerate(rows):
        if odd_ones := [text for text in row if not isinstance(text, str)]:
            raise SaltError(f"sentence {number}: {odd_ones[0]!r} is not text")
    first, second = (tables.composed(row[side] for row in rows) for side in (0, 1))
    return Pairs(first, second, [0] * len(rows))


def words_of(
    model: str | Path,
    sentences: Iterable[str],
    languages: Iterable[str] | None,
    texts: Texts | None,
    words: Words | None,
    rules: Rules = RULES,
) -> dict[str, Mapping[str, int]]:
    """Language → whole words with counts, English first, for `distill`'s arguments."""
    languages = _listed("languages", languages)
    if words is not None and texts is not None:
        raise SaltError("texts and words: give one of them")
    if words is None and texts is None:
        beside = loading.resolve(model)
        if not (beside / "vocabulary.json").is_file():
            raise SaltError(
                "no words for the languages: give texts, a folder of <language>.txt with text of "
                "each language, a sentence a line (or words, as whole_words gives them)"
            )
        words = words_by_language(beside)
    if words is None:
        corpora = dict(tables.read_texts(texts) if isinstance(texts, str | Path) else texts or {})
        wanted = list(dict.fromkeys([SOURCE, *(corpora if languages is None else languages)]))
        for code in wanted:
            if code not in corpora and code != SOURCE:
                raise unknown("language of the texts", code, corpora)
        # Without English text the sentences' own words are it, however seldom each occurs.
        corpora.setdefault(SOURCE, chain.from_iterable(repeat(list(sentences), MINIMUM)))
        return dict(whole_words(model, corpora, languages=wanted, rules=rules))
    wanted = list(dict.fromkeys([SOURCE, *(words if languages is None else languages)]))
    for code in wanted:
        if code not in words:
            raise unknown("language", code, words)
    return {code: words[code] for code in wanted}


def _listed(name: str, given: Iterable[str] | None) -> list[str] | None:
    """A list that an argument gives, or None. SaltError: it is a string."""
    if isinstance(given, str):
        raise SaltError(f"{name}: {given!r} is a string; give a list, [{given!r}]")
    return None if given is None else list(given)


def _complete(data: Mapping[str, Any]) -> None:
    """Raise SaltError unless the data have all parts, and test sets by language."""
    if not isinstance(data, Mapping):
        raise SaltError(f"data: {type(data).__name__}; give 'train', 'dev' and 'test' in a dict")
    for name in ("train", "dev", "test"):
        if name not in data:
            raise SaltError(f"data: no {name!r}; there are {', '.join(data) or 'none'}")
    if not isinstance(data["test"], Mapping):
        raise SaltError("data: 'test' is a table; give language → test set, such as {'de': table}")


def _choices(pairs: pd.DataFrame) -> dict[str, list[tuple[list[str], np.ndarray]]]:
    """Word → for each language its substitutes and how likely each is drawn."""
    counts = pairs["count"] if "count" in pairs.columns else pd.Series(1, index=pairs.index)
    choices: dict[str, list[tuple[list[str], np.ndarray]]] = {}
    for (word, _), group in pairs.assign(count=counts).groupby(["word", "language"], sort=True):
        weights = group["count"].to_numpy(float)
        options = (group["substitute"].tolist(), weights / weights.sum())
        choices.setdefault(str(word), []).append(options)
    return choices


def _label_names(table: Any, label_column: str) -> list[str]:
    """The names of the labels, of the training data."""
    if isinstance(table, Tagged):
        return list(table.names)
    if isinstance(table, Pairs):
        return [str(i) for i in range(max(table.labels) + 1)]
    if label_column not in table.columns:
        raise unknown("label column", label_column, table.columns)
    if isinstance(table[label_column].iloc[0], list | tuple | np.ndarray):
        raise SaltError(
            f"train: column {label_column!r} holds lists; words with tags are given as Tagged, see "
            "salt_lib.data.examples.tag"
        )
    return [str(name) for name in sorted(table[label_column].unique())]


def _switched(text: str, switch: Callable[[str], str]) -> str:
    """The text with its words replaced; as it was, accents apart and all, where none is."""
    before = unicodedata.normalize("NFC", text)
    parts, end = [], 0
    for low, high in sorted(words_in(before, False)):
        parts += [before[end:low], switch(before[low:high])]
        end = high
    after = "".join([*parts, before[end:]])
    return text if after == before else after


def _column(table: pd.DataFrame, column: str, name: str) -> list[str]:
    """A column's texts. SaltError: a cell holds none (None, nan, a number), by its row from 0."""
    values: list[str] = table[column].tolist()
    for number, value in enumerate(values):
        if not isinstance(value, str):
            raise SaltError(
                f"{name}, row {number}: column {column!r} holds {value!r}, expected text; mend "
                "or leave out the row, such as with DataFrame.dropna"
            )
    return values


def _rows(
    name: str, table: Any, labels: list[str], text_columns: Sequence[str] | None, label_column: str
) -> Pairs | Tagged:
    """A table as pairs with label ids."""
    if isinstance(table, Pairs | Tagged):
        return table
    columns = list(text_columns or (c for c in table.columns if c != label_column))
    if len(columns) not in (1, 2):
        raise SaltError(f"{name}: text columns {', '.join(columns)}; give one or two")
    for column in (*columns, label_column):
        if column not in table.columns:
            raise SaltError(f"{name}: no column {column!r}; there are {', '.join(table.columns)}")
    used = table[label_column].astype(str).tolist()
    if odd := sorted(set(used) - set(labels)):
        raise SaltError(f"{name}: {unknown('label', odd[0], labels)}")
    texts = [tables.composed(_column(table, column, name)) for column in columns]
    second = texts[1] if len(texts) == 2 else [""] * len(used)
    return Pairs(texts[0], second, [labels.index(label) for label in used])


def _sentences(data: Pairs | Tagged) -> list[str]:
    if isinstance(data, Tagged):
        return [" ".join(words) for words in data.words]
    return [text for text in (*data.first, *data.second) if text]

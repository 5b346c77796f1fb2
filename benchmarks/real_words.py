"""What each rule for real words does: ``python -m benchmarks.real_words --model FOLDER``.

Distils English NLI sentences (``$SALT_XTREME_DIR/xnli/train-en.tsv``, a sample) with a multilingual
encoder into the languages of ``$SALT_REAL_DIR/text``, with all rules, without each one, and with
those that are off by default, and judges all by ``$SALT_REAL_DIR/dictionaries``. The defaults were
chosen on another sample of the same file (``--sample tuning``). ``--wrong`` writes a random sample
of the pairs that the dictionaries call wrong, and once somebody has read it ``--reading`` (without
``--model``; columns language, word, substitute, right: yes, no) adds what they say. Result:
``recorded/real_words.json``. Needs simplemma and the segmenters (extras lemmas and segment).
"""

import argparse
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from salt_lib import files
from salt_lib.data import tables, xtreme
from salt_lib.data.dictionaries import read_dictionaries
from salt_lib.data.examples import Pairs
from salt_lib.digests import read_checked, write_checked
from salt_lib.languages import SOURCE
from salt_lib.models import loading
from salt_lib.models.encoding import Encoded, encode
from salt_lib.salt import distill, pair_rules, quality
from salt_lib.salt.counted import Counted, count_text
from salt_lib.salt.vocabulary import piece_ids
from salt_lib.salt.whole_words import whole_words
from salt_lib.salt.word_rules import NO_RULES, RULES, Rules
from salt_lib.study import provenance

RECORDED = files.RECORDED / "real_words.json"
TUNING, RECORD = 1_500, 1_000  # pairs of the sample that chose the defaults, and of the other
ON = ("home", "names", "pieces", "segment", "case", "frequency", "fragments")
SYNONYMS = ("inflections", "opposites")
VARIANTS = {
    "all rules": RULES,
    **{f"without {name}": RULES.without(name) for name in (*ON, *SYNONYMS)},
    **{f"and {name}": RULES.adding(name) for name in ("foreign", "majority")},
    "home 2": Rules(home=2.0),
    "no rule": NO_RULES,
}
Words = Mapping[str, Mapping[str, int]]


def folder() -> Path:
    """Where the texts and dictionaries lie."""
    return files.folder("SALT_REAL_DIR", "../shared/real")


def sentences(sample: str) -> Pairs:
    """The pairs of a sample, "tuning" or "record"; they have none in common."""
    path = xtreme.folder() / "xnli" / "train-en.tsv"
    rows = [line.split("\t")[:2] for line in tables.read_lines(path)]
    random.Random(0).shuffle(rows)
    chosen = rows[:TUNING] if sample == "tuning" else rows[TUNING : TUNING + RECORD]
    return Pairs([row[0] for row in chosen], [row[1] for row in chosen], [0] * len(chosen))


def predicted(model, data: Encoded, pieces, words: Mapping[str, Words]) -> dict[str, pd.DataFrame]:
    """Variant → its predictions, each language's distinct vocabularies predicted once."""
    ids = {
        (name, code): tuple(piece_ids(own, pieces).tolist())
        for name, languages in words.items()
        for code, own in languages.items()
    }
    widest = max((of for (_, code), of in ids.items() if code == SOURCE), key=len)
    found: dict[tuple, pd.DataFrame] = {}
    for source in {of for (_, code), of in ids.items() if code == SOURCE}:
        vocabularies = {SOURCE: np.array(source)}
        if source == widest:  # others find the same in fewer places
            others = {(code, of) for (_, code), of in ids.items() if code != SOURCE}
            keys = {f"{code} {i}": (code, of) for i, (code, of) in enumerate(sorted(others))}
            vocabularies |= {key: np.array(of) for key, (_, of) in keys.items()}
        parts = distill.predict(model, data, vocabularies, batch_size=16, progress=True)
        table = pd.concat([part.to_pandas() for part in parts], ignore_index=True)
        for key, group in table.groupby("language"):
            code, of = (SOURCE, source) if key == SOURCE else keys[key]
            found[code, of] = group.assign(language=code)
    result = {}
    for name, languages in words.items():
        table = pd.concat([found[code, ids[name, code]] for code in languages], ignore_index=True)
        at = data.start.numpy()[table["example"]] + table["position"].to_numpy()
        known = np.isin(data.ids.numpy()[at], ids[name, SOURCE])
        result[name] = table[known].reset_index(drop=True)
    return result


def row(judged: pd.DataFrame) -> list[dict]:
    """Precision and coverage over the targets at each threshold: means, and by language."""
    targets = judged[judged["language"] != SOURCE]
    rows = []
    for threshold in quality.THRESHOLDS:
        tables_by = {by: quality.precision_coverage(targets, threshold, by) for by in quality.BY}
        content = tables_by["content"]
        kept = targets[targets["content"] & (targets["probability"] >= threshold)]
        rows.append(
            {
                "threshold": threshold,
                "precision": {k: round(float(t.precision.mean()), 4) for k, t in tables_by.items()},
                "coverage": {k: round(float(t.coverage.mean()), 4) for k, t in tables_by.items()},
                "pooled_precision": round(float((kept["verdict"] == "right").mean()), 4),
                "kept": int(content.kept.sum()),
                "by_language": {
                    code: [_number(one.precision), _number(one.coverage), int(one.kept)]
                    for code, one in content.iterrows()
                },
            }
        )
    return rows


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def synonyms(judged: pd.DataFrame) -> list[dict]:
    """What the English substitutes are, content words, at each threshold: shares of each kind."""
    english = judged[(judged["language"] == SOURCE) & judged["content"]]
    rows = []
    for threshold in quality.THRESHOLDS:
        kept = english[english["probability"] >= threshold]
        shares = kept["verdict"].value_counts(normalize=True).round(4).to_dict()
        coverage = round(len(kept) / len(english), 4)
        rows.append({"threshold": threshold, "kept": len(kept), "coverage": coverage, **shares})
    return rows


def read(path: Path) -> dict:
    """What somebody who has read wrong pairs says of them."""
    columns = ["language", "word", "substitute", "right"]
    rows = [line for part in tables.read_rows(path, columns) for line in part]
    right = [line for line in rows if line["right"] == "yes"]
    by_language: dict[str, list[int]] = {}
    for line in rows:
        counts = by_language.setdefault(line["language"], [0, 0])
        counts[0] += line["right"] == "yes"
        counts[1] += 1
    pairs = [[line[name] for name in columns] for line in rows]
    return {"read": len(rows), "right": len(right), "by_language": by_language, "pairs": pairs}


def measure(model_folder: Path, data: Pairs, counted: Mapping[str, Counted]) -> tuple[dict, dict]:
    """What is recorded, and variant → its judged predictions."""
    tokenizer, model = loading.tokenizer(model_folder), loading.masked_lm(model_folder)
    pieces, encoded = tokenizer.get_vocab(), encode(tokenizer, data, True)
    words = {name: whole_words(model_folder, counted, rules=r) for name, r in VARIANTS.items()}
    languages = [code for code in counted if code != SOURCE]
    widest = max((own[SOURCE] for own in words.values()), key=len)
    eligible = distill.eligible(encoded, torch.as_tensor(piece_ids(widest, pieces)))
    opposites = pair_rules.coordinated(pair_rules.sentences_of(data))
    dictionaries = read_dictionaries(folder() / "dictionaries", languages)
    truths = {
        "forms": quality.ByDictionary(dictionaries),
        "lemmas": quality.ByDictionary(dictionaries, quality.lemmatizer()),
    }
    result: dict = {"variants": {}, "synonyms": {}, "words": {}, "eligible": int(eligible.sum())}
    every = {}
    for name, table in predicted(model, encoded, pieces, words).items():
        rules = VARIANTS[name]
        kept = pair_rules.kept_pairs(table, encoded, pieces, words[name], rules, opposites)
        result["variants"][name] = {}
        for kind, truth in truths.items():
            judged = quality.judge(kept, encoded, pieces, truth, eligible, [SOURCE, *languages])
            result["variants"][name][kind] = row(judged)
            every[name, kind] = judged
        result["synonyms"][name] = synonyms(judged)
        result["words"][name] = {code: len(own) for code, own in words[name].items()}
        show(name, result["variants"][name])
    return result, every


def show(name: str, kinds: Mapping[str, list[dict]]) -> None:
    """Print a variant's rows."""
    for kind, rows in kinds.items():
        for one in rows:
            codes = " ".join(
                f"{code} {'–' if p is None else format(100 * p, '.0f')}/{100 * c:.1f}"
                for code, (p, c, _) in one["by_language"].items()
            )
            mean = f"{one['precision']['content']:.3f} {one['coverage']['content']:.4f}"
            print(f"{name:<20}{kind:<8}{one['threshold']:<5}{mean}  {codes}", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, help="folder of the encoder")
    parser.add_argument("--sample", choices=("tuning", "record"), default="record")
    parser.add_argument("--reading", type=Path, help="table of wrong pairs that were read")
    parser.add_argument("--wrong", type=Path, help="write a sample of 100 wrong pairs here")
    parser.add_argument("--output", type=Path, default=RECORDED)
    given = parser.parse_args(arguments)
    if given.reading:
        recorded = read_checked(given.output)
        write_checked(given.output, {**recorded, "reading": read(given.reading)})
        return
    if given.model is None:
        parser.error("give --model, the folder of the encoder, or --reading")
    torch.set_num_threads(1)
    texts = tables.read_texts(folder() / "text")
    counted = {code: count_text(given.model, lines, code) for code, lines in texts.items()}
    result, judged = measure(given.model, sentences(given.sample), counted)
    best = judged["all rules", "forms"]
    targets = best[best["language"] != SOURCE]
    result["wrong"] = {
        code: [
            [w, s, int(n)] for w, s, n in zip(g["word"], g["substitute"], g["count"], strict=True)
        ]
        for code, g in quality.wrong_pairs(targets, 0.9, 8).groupby("language")
    }
    if given.wrong:
        pairs = quality.wrong_pairs(targets, 0.9, 10**6)
        chosen = pairs.sample(min(100, len(pairs)), random_state=0).sort_values("language")
        tables.write_rows(given.wrong, [chosen.to_dict("records")])
    command = "python -m benchmarks.real_words --model FOLDER"
    about = {
        "model": loading.identity(given.model),
        "pairs": RECORD if given.sample == "record" else TUNING,
        "segmented": [code for code, one in counted.items() if one.segmented is not None],
    }
    write_checked(given.output, {**provenance.origin(command), **about, **result})
    print(json.dumps(result["synonyms"]["all rules"]))


if __name__ == "__main__":
    main()

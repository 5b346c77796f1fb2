"""What a real encoder substitutes in sentences of our own: ``python -m benchmarks.real_sentences``.

The words of the languages are counted in ``$SALT_REAL_DIR/text``; its dictionaries mark what is
right. Result: ``recorded/real_sentences.json``, which the chapter on real text shows.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch

from salt_lib import files
from salt_lib.data import tables
from salt_lib.data.dictionaries import read_dictionaries
from salt_lib.data.examples import Tagged
from salt_lib.digests import write_checked
from salt_lib.languages import SOURCE
from salt_lib.models import loading
from salt_lib.models.encoding import Encoded, encode
from salt_lib.models.words import surface
from salt_lib.salt import distill, pair_rules, quality
from salt_lib.salt.counted import count_text
from salt_lib.salt.function_words import is_content
from salt_lib.salt.vocabulary import piece_ids
from salt_lib.salt.whole_words import whole_words
from salt_lib.salt.word_rules import RULES
from salt_lib.study import provenance

from .real_words import folder

SENTENCES = (
    "the old woman bought fresh bread at the market in the morning",
    "two children played near the river while their dog slept",
    "he wrote a long letter to his brother last winter",
    "the government closed three schools in the north of the country",
)
RECORDED = files.RECORDED / "real_sentences.json"


def measure(model_folder: Path) -> list[dict]:
    """Sentence → its words, each with language → [substitute, probability, verdict]."""
    root = folder()
    texts = tables.read_texts(root / "text")
    counted = {code: count_text(model_folder, lines, code) for code, lines in texts.items()}
    words = whole_words(model_folder, counted, rules=RULES)
    tokenizer, model = loading.tokenizer(model_folder), loading.masked_lm(model_folder)
    pieces = tokenizer.get_vocab()
    text_of = surface(pieces)
    entry = {number: text_of(piece) for piece, number in pieces.items()}
    split = [sentence.split() for sentence in SENTENCES]
    data = Tagged(split, [[0] * len(row) for row in split], ("O",))
    encoded = encode(tokenizer, data, True)
    ids = {code: piece_ids(own, pieces) for code, own in words.items()}
    table = pd.concat(
        [part.to_pandas() for part in distill.predict(model, encoded, ids)], ignore_index=True
    )
    opposites = pair_rules.coordinated(pair_rules.sentences_of(data))
    kept = pair_rules.kept_pairs(table, encoded, pieces, words, RULES, opposites)
    truth = quality.ByDictionary(
        read_dictionaries(root / "dictionaries", [c for c in words if c != SOURCE])
    )
    rows: list[dict] = [
        {"words": [{"word": w, "content": is_content(w)} for w in s]} for s in split
    ]
    places = _places(encoded)
    for item in kept.to_dict("records"):
        word = places.get((item["example"], item["position"]))
        if word is None:
            continue
        cell = rows[item["example"]]["words"][word]
        code, substitute = item["language"], entry[item["token"]]
        judged = truth.judges(cell["word"], code)
        verdict = truth.verdict(cell["word"], substitute, code) if judged else "unknown"
        found = cell.setdefault("substitutes", {})
        found[code] = [substitute, round(float(item["probability"]), 3), verdict]
    return rows


def _places(encoded: Encoded) -> dict[tuple[int, int], int]:
    """(sentence, position) of a whole word → its number in the sentence."""
    places = {}
    for sentence in range(len(encoded)):
        low, high = encoded.start[sentence : sentence + 2].tolist()
        begins = encoded.labels[low:high] >= 0
        for position in torch.nonzero(begins & encoded.whole[low:high])[:, 0].tolist():
            places[sentence, position] = int(begins[:position].sum())
    return places


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="folder of the encoder")
    parser.add_argument("--output", type=Path, default=RECORDED)
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    about = provenance.origin("python -m benchmarks.real_sentences --model FOLDER")
    rows = measure(given.model)
    languages = sorted(
        {code for s in rows for w in s["words"] for code in w.get("substitutes", {})}
    )
    about |= {"model": loading.identity(given.model), "languages": languages, "source": SOURCE}
    write_checked(given.output, {**about, "sentences": rows})


if __name__ == "__main__":
    main()

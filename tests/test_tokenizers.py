"""From text to a switched table and a judgement, alike with every kind of tokenizer."""

import json
import random
import re

import pandas as pd
import paper_world
import pytest
from cli.test_main import salt

LANGUAGES = ("en", "de")
WORDS = {code: set(paper_world.WORDS[code].split()) for code in LANGUAGES}
NOT = ("didn't", "didn’t")


def sentence(code: str, dice: random.Random) -> str:
    return " ".join([dice.choice([*NOT, "it"]), paper_world.sentence(code, dice)])


@pytest.fixture(scope="module", params=paper_world.TOKENIZERS)
def place(request, tmp_path_factory):
    """A folder with a model, texts, a table with contractions and punctuation, and a dictionary."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "texts").mkdir()
    dice, every = random.Random(0), []
    for code in LANGUAGES:
        lines = [sentence(code, dice) for _ in range(200)]
        (folder / "texts" / f"{code}.txt").write_text("\n".join(lines), encoding="utf-8")
        every += lines
    # Whole words, and whole pieces of contractions: what must not be replaced could be.
    pieces = 900 if request.param == "roberta" else 400
    paper_world.write_model(folder / "model", request.param, every, pieces)
    rows = [(sentence("en", dice), sentence("en", dice).replace(" ", ", ")) for _ in range(60)]
    table = pd.DataFrame(rows, columns=["premise", "hypothesis"]).assign(label="a")
    table.to_csv(folder / "my.csv", index=False)
    (folder / "dictionaries").mkdir()
    pairs = [f"{word}\t{other}" for word in WORDS["en"] for other in sorted(WORDS["de"])]
    text = "\n".join(["en\ttranslation", *pairs, ""])
    (folder / "dictionaries" / "en-de.tsv").write_text(text, encoding="utf-8")
    return folder


def run(*arguments):
    done = salt(*arguments)
    assert done.exit_code == 0, done.output
    return done


@pytest.mark.filterwarnings("ignore:few whole words counted")
def test_words_are_text_from_the_vocabulary_to_the_judgement(place):
    model = ("--model", place / "model")
    given = (*model, "--texts", place / "texts", "--output", place / "words.json", "--force")
    told = json.loads(run("vocabulary", *given, "--json").stdout)["most_frequent"]
    assert {"Bäcker", "Königin", "grüne"} <= set(told["de"]) <= WORDS["de"]
    assert set(told["en"]) <= WORDS["en"] | {"it"} and {"goat", "queen"} <= set(told["en"])
    shown = run("vocabulary", *given).stdout
    assert "Bäcker" in shown and not re.search("[▁ĠÃ]", shown)

    low = ("--threshold", 0, "--synonym-threshold", 0, "--without", "frequency,fragments")
    given = (*model, "--vocabulary", place / "words.json", "--input", place / "my.csv", "--force")
    run("distill", *given, *low, "--output", place / "pairs.csv")
    run("distill", *given, *low[:4], "--predictions", place / "own.parquet")
    pairs = pd.read_csv(place / "pairs.csv")
    assert set(pairs["word"]) <= WORDS["en"] | {"it"} and len(pairs) > 20
    german = pairs[pairs["language"] == "de"]["substitute"]
    assert len(german) and set(german) <= WORDS["de"]

    table = pd.read_csv(place / "my.csv")
    rates = ("--instance-rate", 1, "--token-rate", 1, "--force")
    for number, how in enumerate((["pairs.csv"], ["own.parquet", *model, *low[:4]])):
        output = place / f"switched-{number}.csv"
        given = ("--input", place / "my.csv", "--substitutions", place / how[0], *how[1:])
        run("augment", *given, "--output", output, *rates)
        for old, new in zip(table.itertuples(), pd.read_csv(output).itertuples(), strict=True):
            assert new.label == "a" and new.premise != old.premise
            for before, after in ((old.premise, new.premise), (old.hypothesis, new.hypothesis)):
                known = set(re.findall(r"[^\W\d_]+(?:['’]t)?", after))
                assert known <= WORDS["en"] | WORDS["de"] | {"it", *NOT}, after
                # Punctuation stays, and so does what negates.
                assert [after.count(x) for x in (*NOT, ",", ".", " ")] == [
                    before.count(x) for x in (*NOT, ",", ".", " ")
                ]

    given = ("--dictionary", place / "dictionaries", *model, "--input", place / "my.csv")
    given += ("--vocabulary", place / "words.json", "--threshold", 0, "--without", "frequency")
    told = json.loads(run("quality", *given, "--json").stdout)
    # To this dictionary every German word is right.
    assert told["content"]["de"]["kept"] > 0 and told["content"]["de"]["precision"] == 1.0
    assert {w["language"] for w in told["wrong"]} <= {"en"}

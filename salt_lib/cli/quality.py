"""The command that judges substitutions: by the laboratory's truth, or by dictionaries.

Chapter: Reproduce, change, extend.
"""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import SaltError
from .console import AsJson, World, names, percent, print_json
from .words import (
    Languages,
    Masked,
    OwnDevice,
    OwnModel,
    Segment,
    TaskName,
    TextColumns,
    TextFolder,
    Vocabulary,
    WithoutRules,
    WithRules,
    known_words,
    rules_of,
    sentences_of,
)


def quality(
    world: World = 0,
    task: TaskName = "mini-xnli",
    dictionary: Annotated[
        Path | None,
        typer.Option(help="Judge your own model by this folder: en-de.tsv with en, translation."),
    ] = None,
    model: OwnModel = None,
    input: Annotated[
        Path | None,
        typer.Option(help="English sentences: .txt, .csv, .tsv, .jsonl or .parquet."),
    ] = None,
    text_columns: TextColumns = "premise,hypothesis",
    texts: TextFolder = None,
    vocabulary: Vocabulary = None,
    languages: Languages = None,
    masked: Masked = False,
    lemmas: Annotated[
        bool,
        typer.Option("--lemmas", help="Forms of a translation count as right too (simplemma)."),
    ] = False,
    threshold: Annotated[
        float, typer.Option(help="Minimum probability of a substitution.", min=0, max=1)
    ] = 0.9,
    top: Annotated[int, typer.Option(help="How many wrong pairs to show per language.", min=0)] = 5,
    without: WithoutRules = None,
    with_: WithRules = None,
    segment: Segment = None,
    device: OwnDevice = "auto",
    as_json: AsJson = False,
):
    """Judge the substitutions of a model: how many are right, and how many words have one.

    Shows precision by types, tokens and content words, coverage, both across thresholds, and the
    most common wrong pairs. The laboratory's true translations are the judge; with --dictionary,
    --model and --input, dictionaries judge any model on any sentences.

    \b
    Examples:
      salt quality --task mini-paws-x
      salt quality --dictionary dictionaries --model mbert --input sentences.txt --texts text
      salt quality --dictionary dictionaries --model mbert --input my.csv \\
        --vocabulary words.json --without majority,names --lemmas
    """
    chosen = names(languages) if languages else None
    if dictionary is None:
        if given := [
            name
            for name, value in (("model", model), ("input", input), ("texts", texts))
            if value is not None
        ]:
            raise SaltError(f"--{given[0]} needs --dictionary; see 'salt quality --help'")
        judged = _laboratory(world, task, masked)
        about: dict = {"world": world, "task": task}
    else:
        if model is None or input is None:
            raise SaltError("--dictionary needs --model and --input; see 'salt quality --help'")
        rules = rules_of(without, with_, segment)
        judged = _by_dictionary(
            model, sentences_of(input, names(text_columns)), dictionary, lemmas, masked, device,
            lambda text: known_words(model, text, vocabulary, texts, chosen, rules), rules,
        )  # fmt: skip
        about = {"model": model, "input": str(input), "dictionary": str(dictionary)}
    if chosen:
        judged = judged[judged["language"].isin(chosen)]
    _show(judged, threshold, top, about, as_json)


def _laboratory(world: int, task: str, masked: bool):
    from ..laboratory import quality
    from ..laboratory.checkpoints import checkpoint
    from ..laboratory.predictions import encoded, predictions_path
    from ..languages import SOURCE
    from ..models import loading
    from ..salt.predictions import read_all

    path = predictions_path(world, task, masked, progress=True)
    pieces = loading.tokenizer(checkpoint(world)).get_vocab()
    return quality.judge(read_all(path), encoded(world, task, "train", SOURCE), pieces)


def _by_dictionary(model, sentences, dictionary, lemmas, masked, device, words_for, rules):
    from .. import api
    from ..data.dictionaries import read_dictionaries
    from ..languages import SOURCE
    from ..salt import quality
    from ..salt.judging import judge_checkpoint
    from ..training.device import Accelerated

    lemma = quality.lemmatizer() if lemmas else None
    data = api.pairs_of(sentences)
    words = words_for([*data.first, *filter(None, data.second)])
    dictionaries = read_dictionaries(dictionary, [code for code in words if code != SOURCE])
    return judge_checkpoint(
        model,
        data,
        words,
        quality.ByDictionary(dictionaries, lemma),
        rules,
        masked=masked,
        device=Accelerated(device).device,
        progress=True,
    )


def _show(judged, threshold: float, top: int, about: dict, as_json: bool) -> None:
    import pandas as pd

    from ..languages import SOURCE
    from ..salt import quality

    tables = {by: quality.precision_coverage(judged, threshold, by) for by in quality.BY}
    thresholds = sorted({*quality.THRESHOLDS, threshold})
    curve = quality.curve(judged, thresholds)
    foreign = curve[curve["language"] != SOURCE]
    means = (
        (curve if foreign.empty else foreign).groupby("threshold")[["precision", "coverage"]].mean()
    )
    wrong = quality.wrong_pairs(judged, threshold, top)
    if as_json:
        plain = {
            by: table.astype(object).where(table.notna(), None).to_dict("index")
            for by, table in tables.items()
        }
        points = curve.astype(object).where(curve.notna(), None).to_dict("records")
        pairs = wrong.to_dict("records")
        print_json({**about, "threshold": threshold, **plain, "curve": points, "wrong": pairs})
        return

    def share(value: float) -> str:
        return percent(None if pd.isna(value) else value)

    typer.echo(f"probability ≥ {threshold}; shares in %, precision by types, tokens, content words")
    head = ("language", "types", "tokens", "content", "coverage", "kept")
    typer.echo("{:<10}{:>8}{:>8}{:>9}{:>10}{:>8}".format(*head))
    for code, row in tables["content"].iterrows():
        cells = [share(tables[by].loc[code, "precision"]) for by in ("types", "tokens", "content")]
        typer.echo(
            "{:<10}{:>8}{:>8}{:>9}".format(code, *cells)
            + f"{share(row['coverage']):>10}{int(row['kept']):>8}"
        )
    typer.echo("\ncontent words, means over the languages except English")
    for at, row in means.iterrows():
        typer.echo(
            f"≥ {at:<8}precision {share(row['precision']):>6}  coverage {share(row['coverage']):>6}"
        )
    if len(wrong):
        typer.echo("\nmost common wrong pairs, with their counts")
    for code, rows in wrong.groupby("language"):
        triples = zip(rows["word"], rows["substitute"], rows["count"], strict=True)
        typer.echo(f"{code}: " + ", ".join(f"{one} → {two} {n}" for one, two, n in triples))

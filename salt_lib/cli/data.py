"""The commands for tables of your own: words, substitutions, code-switched copies, scores.

Chapter: Reproduce, change, extend.
"""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import SaltError
from .console import AsJson, World, names, print_json

Model = Annotated[
    str, typer.Option(help="A masked language model: a folder, or a name on the hub.")
]
Columns = Annotated[str, typer.Option(help="The one or two columns of English text.")]


def distill(
    world: World = 0,
    task: Annotated[str, typer.Option(help="The task whose training data it is.")] = "mini-xnli",
    masked: Annotated[
        bool, typer.Option("--masked", help="Hide each token while it is predicted.")
    ] = False,
    threshold: Annotated[
        float | None, typer.Option(help="Least probability.  [default: the study's]")
    ] = None,
    synonym_threshold: Annotated[
        float | None, typer.Option(help="The same for English.  [default: the study's]")
    ] = None,
    input: Annotated[
        Path | None, typer.Option(help="A table of yours instead: .csv, .jsonl or .parquet.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Its masked language model: a folder or a hub name.")
    ] = None,
    text_columns: Annotated[
        str, typer.Option(help="Its one or two columns of English text.")
    ] = "premise,hypothesis",
    vocabulary: Annotated[
        Path | None, typer.Option(help="The languages' words, from 'salt vocabulary'.")
    ] = None,
    languages: Annotated[
        str | None, typer.Option(help="Such as de,fr.  [default: all of the vocabulary]")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Where the table's substitutions go, a .parquet.")
    ] = None,
    device: Annotated[
        str, typer.Option(help="Of a table's model: auto (a GPU where there is one), cpu or cuda.")
    ] = "auto",
    as_json: AsJson = False,
):
    """Distil word translations from a masked language model.

    Predicts, for every English word of a task's training data, a word of each language; keeps the
    predictions as a Parquet file, and shows how many of them reach the threshold. With --input, for
    a table of your own and any model; interrupted, the same command goes on.

    \b
    Examples:
      salt distill
      salt distill --task mini-paws-x --threshold 0.98 --json
      salt distill --masked --world 1
      salt distill --model mbert --input my.csv --text-columns premise,hypothesis \\
        --vocabulary words.json --languages de,fr --output substitutions.parquet
    """
    from ..laboratory.run import CONFIGS
    from ..laboratory.tasks import task as known
    from ..salt import predictions as distilling

    config = CONFIGS[known(task).name]
    least = config.threshold if threshold is None else threshold
    synonym = config.synonym_threshold if synonym_threshold is None else synonym_threshold
    if input is None:
        from ..laboratory.substitutions import predictions_path

        path, about = predictions_path(world, task, masked, progress=True), {"task": task}
        about["world"] = world
    else:
        chosen = (input, model, text_columns, vocabulary, languages, output, masked, device)
        path = _distill_table(*chosen)
        about = {"input": str(input), "model": model}
    counts = distilling.count(path, least, synonym)
    if as_json:
        used = {"threshold": least, "synonym_threshold": synonym}
        print_json({**about, "file": str(path), **used, "languages": counts})
        return
    typer.echo(f"{'language':<10}{'predicted':>10}{'kept':>10}{'share':>9}")
    for code, row in counts.items():
        share = row["kept"] / row["predicted"]
        typer.echo(f"{code:<10}{row['predicted']:>10}{row['kept']:>10}{share:>9.1%}")
    typer.echo(f"probability ≥ {least} (synonyms ≥ {synonym}); all predictions: {path}")


def _distill_table(source, model, columns, vocabulary, languages, output, masked, device) -> Path:
    needed = {"--model": model, "--vocabulary": vocabulary, "--output": output}
    if absent := [name for name, value in needed.items() if value is None]:
        raise SaltError(f"--input needs {', '.join(absent)} as well; see 'salt distill --help'")
    from ..errors import unknown
    from ..languages import SOURCE
    from ..salt import user_tables
    from ..training.device import Accelerated

    words = user_tables.read_vocabulary(vocabulary)
    chosen = dict.fromkeys([SOURCE, *(names(languages) if languages else words)])
    for code in chosen:
        if code not in words:
            raise unknown("language", code, words)
    words = {code: words[code] for code in chosen}
    options = {"masked": masked, "progress": True, "device": Accelerated(device).device}
    user_tables.distill_table(model, source, names(columns), words, output, **options)
    return output


def vocabulary(
    model: Annotated[
        str | None, typer.Option(help="A masked language model: a folder, or a name on the hub.")
    ] = None,
    texts: Annotated[
        Path | None,
        typer.Option(help="Folder of monolingual text: en.txt, de.txt, a sentence a line."),
    ] = None,
    setup: Annotated[
        Path | None, typer.Option(help="Instead: the setup of a study at the paper's scale.")
    ] = None,
    task: Annotated[str, typer.Option(help="The task of that study.")] = "xnli",
    languages: Annotated[
        str | None, typer.Option(help="Such as de,th.  [default: those with a text]")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Keep the words in this file, for 'salt distill'.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Show this one.  [default: all, briefly]")
    ] = None,
    top: Annotated[int, typer.Option(help="How many words of a language to show.", min=1)] = 20,
    minimum: Annotated[int, typer.Option(help="Least count of a word.", min=1)] = 5,
    share: Annotated[
        float, typer.Option(help="Least share of a word's use in the language.", min=0, max=1)
    ] = 0.2,
    as_json: AsJson = False,
):
    """Show which whole words of a model's vocabulary are words of which language.

    They are counted in text of each language; a language without text gets the entries of its
    script where no other writes it. That a word which is frequent in a language's text is a word of
    it, or one of its script, is an assumption: judge it by what is shown.

    \b
    Examples:
      salt vocabulary --model mbert --texts text --output words.json
      salt vocabulary --model mbert --texts text --language th --top 50
      salt vocabulary --setup paper.toml --task xnli --language th
    """
    from ..data import tables
    from ..errors import unknown
    from ..salt import user_tables
    from ..salt.whole_words import whole_words

    if setup is not None:
        from ..real import setup as real_setup

        chosen = real_setup.read_setup(setup, model=model)
        model, words = chosen.model, real_setup.words(chosen, task)
    elif model is None or texts is None:
        raise SaltError("give --model and --texts, or --setup; see 'salt vocabulary --help'")
    else:
        found = tables.read_texts(texts)
        wanted = dict.fromkeys(names(languages) if languages else found)
        if language:  # one without text may be known by its script
            wanted[language] = None
        words = whole_words(model, found, minimum, share, wanted)
    if language is not None and language not in words:
        raise unknown("language", language, words)
    if output:
        user_tables.write_vocabulary(output, words)
    shown = {
        code: dict(sorted(own.items(), key=lambda item: (-item[1], item[0]))[:top])
        for code, own in words.items()
        if language in (None, code)
    }
    if as_json:
        sizes = {code: len(own) for code, own in words.items()}
        print_json({"model": model, "words": sizes, "most_frequent": shown})
        return
    for code, own in shown.items():
        said = ", ".join(f"{word.lstrip('▁')} {count}" for word, count in own.items())
        typer.echo(f"{code}: {len(words[code])} words; {said}")


def augment(
    model: Model,
    input: Annotated[Path, typer.Option(help="The table: .csv, .jsonl or .parquet.")],
    substitutions: Annotated[Path, typer.Option(help="What 'salt distill --input' made of it.")],
    output: Annotated[Path, typer.Option(help="The code-switched copy, in the same formats.")],
    text_columns: Columns = "premise,hypothesis",
    threshold: Annotated[float, typer.Option(help="Least probability of a substitution.")] = 0.95,
    synonym_threshold: Annotated[float, typer.Option(help="The same for English.")] = 0.98,
    instance_rate: Annotated[
        float, typer.Option(help="How many of the rows are chosen.", min=0, max=1)
    ] = 0.5,
    token_rate: Annotated[
        float, typer.Option(help="How many of a chosen row's words.", min=0, max=1)
    ] = 0.3,
    seed: Annotated[int, typer.Option(help="Of everything random.", min=0)] = 0,
    as_json: AsJson = False,
):
    """Write a code-switched copy of a table of yours; labels and all other columns stay.

    \b
    Examples:
      salt augment --model mbert --input my.csv --substitutions substitutions.parquet \\
        --output switched.csv
    """
    from ..salt import user_tables

    changed, total = user_tables.augment_table(
        model,
        input,
        names(text_columns),
        substitutions,
        output,
        threshold=threshold,
        synonym_threshold=synonym_threshold,
        instance_rate=instance_rate,
        token_rate=token_rate,
        seed=seed,
    )
    if as_json:
        print_json({"file": str(output), "rows": total, "changed": changed})
    else:
        typer.echo(f"{output}: {changed} of {total} rows have words of other languages now")


def score(
    task: Annotated[str, typer.Option(help="xnli, pawsx, panx or udpos.")],
    gold: Annotated[Path, typer.Option(help="Folder of test-<language>.tsv with the truth.")],
    predictions: Annotated[Path, typer.Option(help="Folder of test-<language>.tsv to score.")],
    as_json: AsJson = False,
):
    """Score files of predictions as XTREME's own evaluator does.

    Both folders may be those of one task, or hold a folder for each (xnli, pawsx, panx, udpos).

    \b
    Examples:
      salt score --task panx --gold xtreme --predictions predictions
      salt score --task xnli --gold labels/xnli --predictions predictions/xnli --json
    """
    from ..real import scoring

    found = scoring.score(task, gold, predictions)
    averages = {metric: scoring.average(rows) for metric, rows in found.items()}
    lacking = scoring.missing(task, next(iter(found.values())))
    if as_json:
        print_json({"task": task, "scores": found, "average": averages, "without_gold": lacking})
        return
    typer.echo(f"{'language':<10}" + "".join(f"{metric:>11}" for metric in found))
    for code in next(iter(found.values())):
        typer.echo(f"{code:<10}" + "".join(f"{rows[code]:>11.2f}" for rows in found.values()))
    typer.echo(f"{'average':<10}" + "".join(f"{value:>11.2f}" for value in averages.values()))
    if lacking:
        typer.echo(f"not XTREME's average, which has these as well: {', '.join(lacking)}")

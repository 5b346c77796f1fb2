"""The commands for words and texts of yours: distil, augment, and the words of a vocabulary.

Chapter: Reproduce, change, extend.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import SaltError, unknown
from .console import MAX_SEED, AsJson, Force, World, names, print_json, writable

Languages = Annotated[
    str | None, typer.Option(help="Such as de,fr.  [default: all that have words]")
]
TaskName = Annotated[str, typer.Option(help="The task whose training data to use.")]
Masked = Annotated[bool, typer.Option("--masked", help="Hide each word while predicting it.")]
OwnModel = Annotated[
    str | None, typer.Option(help="Your masked language model: a folder or a hub name.")
]
TextColumns = Annotated[str, typer.Option(help="The table's one or two columns of English text.")]
TextFolder = Annotated[
    Path | None, typer.Option(help="Folder of monolingual text: de.txt, one sentence per line.")
]
Vocabulary = Annotated[
    Path | None, typer.Option(help="Instead of --texts: words from 'salt vocabulary'.")
]
OwnDevice = Annotated[
    str, typer.Option(help="Device for your model: auto (a GPU if there is one), cpu or cuda.")
]
WithoutRules = Annotated[
    str | None,
    typer.Option("--without", help="Rules to switch off, such as home,names, or all."),
]
WithRules = Annotated[
    str | None,
    typer.Option("--with", help="Rules to switch on that are off by default: foreign,majority."),
]
Segment = Annotated[
    str | None,
    typer.Option(help="Segmenters for zh, ja, th: always, never, or auto (if installed)."),
]


def rules_of(without: str | None, added: str | None, segment: str | None = None):
    """The `word_rules.Rules` that these options stand for."""
    from dataclasses import replace

    from ..salt.word_rules import NO_RULES, RULES

    leave = names(without or "")
    rules = NO_RULES if "all" in leave else RULES.without(*leave)
    rules = rules.adding(*names(added or ""))
    return replace(rules, segment=segment) if segment else rules


def distill(
    world: World = 0,
    task: TaskName = "mini-xnli",
    masked: Masked = False,
    threshold: Annotated[
        float | None, typer.Option(help="Minimum probability.  [default: the study's]")
    ] = None,
    synonym_threshold: Annotated[
        float | None, typer.Option(help="The same for English.  [default: the study's]")
    ] = None,
    input: Annotated[
        Path | None,
        typer.Option(help="Your own sentences: .txt, .csv, .tsv, .jsonl or .parquet."),
    ] = None,
    model: OwnModel = None,
    text_columns: TextColumns = "premise,hypothesis",
    texts: TextFolder = None,
    vocabulary: Vocabulary = None,
    languages: Languages = None,
    without: WithoutRules = None,
    with_: WithRules = None,
    segment: Segment = None,
    output: Annotated[
        Path | None, typer.Option(help="Write the pairs of words here: .tsv, .csv or .parquet.")
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(help="Instead, every prediction in its place, a .parquet; can be resumed."),
    ] = None,
    top: Annotated[int, typer.Option(help="How many words to show per language.", min=1)] = 10,
    device: OwnDevice = "auto",
    force: Force = False,
    as_json: AsJson = False,
):
    """Distil word translations from a masked language model.

    For every English word, predicts a word of each language, and prints those that reach the
    threshold: word, substitute, mean probability, count. Takes the laboratory's tasks or, with
    --input and --model, your own sentences. There, rules (--without, --with) leave out more: home,
    foreign, names, pieces and segment among the languages' words; case, frequency, fragments,
    inflections, opposites and majority among the pairs.

    \b
    Examples:
      salt distill
      salt distill --task mini-paws-x --threshold 0.98 --output pairs.tsv
      salt distill --model mbert --input sentences.txt --texts text --languages de,sw
      salt distill --model mbert --input my.csv --text-columns premise,hypothesis \\
        --vocabulary words.json --languages de,fr --predictions substitutions.parquet
    """
    from ..salt.predictions import check_thresholds
    from ..training.config import Config

    for path in (output, predictions):
        writable(path, force, input, vocabulary)
    limits = {
        "threshold": Config.threshold if threshold is None else threshold,
        "synonym_threshold": (
            Config.synonym_threshold if synonym_threshold is None else synonym_threshold
        ),
    }
    check_thresholds(*limits.values())
    if input is None:
        for option, given in (("--model", model), ("--texts", texts), ("--vocabulary", vocabulary)):
            if given is not None:
                raise SaltError(f"{option} needs --input as well; see 'salt distill --help'")
        path, pairs, counts = _laboratory_pairs(world, task, masked, limits, languages)
        about = {"task": task, "world": world, "file": str(path)}
    else:
        if model is None:
            raise SaltError("--input needs --model as well; see 'salt distill --help'")
        about = {"input": str(input), "model": model}
        chosen = names(languages) if languages else None
        words = _known_words(vocabulary, chosen)
        if predictions:
            if words is None:
                raise SaltError("--predictions needs --vocabulary; 'salt vocabulary' makes it")
            pairs, counts = (
                None,
                _distil_table(
                    model, input, names(text_columns), words, predictions, masked, device, limits
                ),
            )
        else:
            from .. import api

            sentences = sentences_of(input, names(text_columns))
            options = {"masked": masked, "device": device, "words": words, **limits}
            options["rules"] = rules_of(without, with_, segment)
            pairs, counts = api.distill(model, sentences, chosen, texts, **options), None
    if output and pairs is not None:
        if pairs.empty:
            raise SaltError(
                f"no prediction reaches the threshold, so there is nothing to write to {output}; "
                "lower --threshold"
            )
        from ..data.tables import write_rows

        write_rows(output, [pairs.to_dict("records")])
    if as_json:
        rows = {} if pairs is None else {"pairs": pairs.to_dict("records")}
        print_json({**about, **limits, **rows, **({"languages": counts} if counts else {})})
        return
    if pairs is not None:
        _show_pairs(pairs, top)
    if counts:
        _show_counts(counts)
    least = f"probability ≥ {limits['threshold']} (synonyms ≥ {limits['synonym_threshold']})"
    where = output or predictions or about.get("file")
    typer.echo(least + (f"; {where}" if where else ""))


def _laboratory_pairs(world, task, masked, limits, languages):
    """A laboratory task's predictions: their file, the pairs, how many each language has."""
    from ..laboratory.checkpoints import checkpoint
    from ..laboratory.predictions import encoded, predictions_path
    from ..languages import SOURCE
    from ..models import loading
    from ..salt import predictions

    path = predictions_path(world, task, masked, progress=True)
    kept = predictions.read_kept(path, *limits.values())
    counts = predictions.count(path, *limits.values())
    if languages:
        chosen = names(languages)
        for code in chosen:
            if code not in counts:
                raise unknown("language", code, counts)
        kept = kept[kept["language"].isin(chosen)].reset_index(drop=True)
        counts = {code: counts[code] for code in chosen}
    pieces = loading.tokenizer(checkpoint(world)).get_vocab()
    data = encoded(world, task, "train", SOURCE)
    return path, predictions.word_pairs(kept, data, pieces), counts


def _known_words(vocabulary: Path | None, languages: list[str] | None):
    """The words of 'salt vocabulary' in these languages, English first; None without a file."""
    if vocabulary is None:
        return None
    from ..languages import SOURCE
    from ..salt import user_tables

    words = user_tables.read_vocabulary(vocabulary)
    chosen = dict.fromkeys([SOURCE, *(languages or words)])
    for code in chosen:
        if code not in words:
            raise unknown("language", code, words)
    return {code: words[code] for code in chosen}


def _distil_table(model, source, columns, words, output, masked, device, limits) -> dict:
    """Write every prediction for a table; returns how many each language has."""
    from ..salt import predictions, user_tables
    from ..training.device import Accelerated

    options = {"masked": masked, "progress": True, "device": Accelerated(device).device}
    user_tables.distill_table(model, source, columns, words, output, **options)
    return predictions.count(output, *limits.values())


def known_words(model, sentences, vocabulary, texts, languages, rules):
    """Language → words, English first: of a file of 'salt vocabulary', or counted in texts."""
    from .. import api

    words = _known_words(vocabulary, languages)
    return api.words_of(model, sentences, languages, texts, words, rules)


def sentences_of(path: Path, columns: list[str]) -> list:
    """The sentences of a text file, one a line, or the texts of a table's rows."""
    from ..data import tables

    if path.suffix == ".txt":
        return [line for line in tables.read_lines(path) if line]
    rows = rows_of(path, columns)
    if len(columns) == 1:
        return [row[columns[0]] for row in rows]
    return [tuple(row[name] for name in columns) for row in rows]


def _show_pairs(pairs, top: int) -> None:
    """The commonest pairs of each language: dog → Hund 0.98."""
    if pairs.empty:
        typer.echo("no prediction reaches the threshold")
    for code, rows in pairs.groupby("language"):
        typer.echo(f"{code}: {len(rows)} pairs")
        for row in rows.head(top).to_dict("records"):
            pair = f"{row['word']} → {row['substitute']}"
            typer.echo(f"  {pair:<32}{row['probability']:>6.2f}{row['count']:>8}")


def _show_counts(counts: dict) -> None:
    typer.echo(f"{'language':<10}{'predicted':>10}{'kept':>10}{'share':>9}")
    for code, row in counts.items():
        share = row["kept"] / row["predicted"]
        typer.echo(f"{code:<10}{row['predicted']:>10}{row['kept']:>10}{share:>9.1%}")


def vocabulary(
    model: Annotated[
        str | None, typer.Option(help="A masked language model: a folder, or a name on the hub.")
    ] = None,
    texts: Annotated[
        Path | None,
        typer.Option(help="Folder of monolingual text: en.txt, de.txt, one sentence per line."),
    ] = None,
    setup: Annotated[
        Path | None, typer.Option(help="Instead of both: the setup of a study at paper scale.")
    ] = None,
    task: Annotated[str, typer.Option(help="With --setup: the task.")] = "xnli",
    languages: Annotated[
        str | None, typer.Option(help="Such as de,th.  [default: those with a text]")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Write the words to this file, for 'salt distill'.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Show only this one.  [default: all, briefly]")
    ] = None,
    top: Annotated[int, typer.Option(help="How many words to show per language.", min=1)] = 20,
    minimum: Annotated[
        int | None, typer.Option(help="Minimum count of a word.  [default: 5]", min=1)
    ] = None,
    share: Annotated[
        float | None,
        typer.Option(
            help="Minimum share of a word's use in the language.  [default: 0.2]", min=0, max=1
        ),
    ] = None,
    without: WithoutRules = None,
    with_: WithRules = None,
    segment: Segment = None,
    force: Force = False,
    as_json: AsJson = False,
):
    """Show which whole words of a model's vocabulary belong to which language.

    Words are counted in text of each language; a language without text gets the entries in its
    script if no other language uses that script. It is an assumption that words frequent in a
    language's text, or written in its script, belong to it: judge by what you see. Rules keep out
    words more at home in English, names, and, where there are no spaces, pieces that aren't words.

    \b
    Examples:
      salt vocabulary --model mbert --texts text --output words.json
      salt vocabulary --model mbert --texts text --language th --top 50
      salt vocabulary --setup paper.toml --task xnli --language th
    """
    writable(output, force, setup)
    from ..data import tables
    from ..models import loading
    from ..models.words import surface
    from ..salt import user_tables
    from ..salt.whole_words import MINIMUM, SHARE, whole_words

    given = {
        "--texts": texts,
        "--languages": languages,
        "--minimum": minimum,
        "--share": share,
        "--without": without,
        "--with": with_,
        "--segment": segment,
    }
    if setup is not None:
        if ignored := [name for name, value in given.items() if value is not None]:
            raise SaltError(
                f"{', '.join(ignored)}: with --setup these come from the setup; change them in "
                f"{setup}, or give --model and --texts instead"
            )
        from ..real.setup import read_setup
        from ..real.setup import words as words_of

        chosen = read_setup(setup, model=model)
        model, words, least = chosen.model, words_of(chosen, task), chosen.minimum
    elif model is None or texts is None:
        raise SaltError("give --model and --texts, or --setup; see 'salt vocabulary --help'")
    else:
        by_language = tables.read_texts(texts)
        wanted = dict.fromkeys(names(languages) if languages else by_language)
        if language:  # one without text may be known by its script
            wanted[language] = None
        rules, least = rules_of(without, with_, segment), MINIMUM if minimum is None else minimum
        share = SHARE if share is None else share
        words = whole_words(model, by_language, least, share, wanted, rules)
    if language is not None and language not in words:
        raise unknown("language", language, words)
    if output:
        user_tables.write_vocabulary(output, words)
    text_of = surface(loading.tokenizer(model).get_vocab())
    shown: dict[str, dict[str, int]] = {}
    for code in words if language is None else [language]:
        counts: Counter[str] = Counter()  # of scripts without spaces a word has two entries
        for entry, count in words[code].items():
            counts[text_of(entry)] += count
        shown[code] = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:top])
    # Fewer than are needed: nobody counted them, they are of the language's script.
    guessed = {code: sum(n < least for n in counts.values()) for code, counts in words.items()}
    if as_json:
        sizes = {code: len(counts) for code, counts in words.items()}
        about = {"words": sizes, "by_script_alone": guessed}
        print_json({"model": model, **about, "most_frequent": shown})
        return
    for code, top_words in shown.items():
        counted = ((word, count if count >= least else "?") for word, count in top_words.items())
        listed = ", ".join(f"{word} {count}" for word, count in counted)
        note = f"; ? ({guessed[code]} words): of its script, not counted" * bool(guessed[code])
        typer.echo(f"{code}: {len(words[code])} words; {listed}{note}")


def augment(
    input: Annotated[Path, typer.Option(help="The table: .csv, .jsonl or .parquet.")],
    substitutions: Annotated[
        Path, typer.Option(help="Pairs of words, or the predictions made for this table.")
    ],
    output: Annotated[Path, typer.Option(help="The code-switched copy, in the same formats.")],
    text_columns: Annotated[
        str, typer.Option(help="The one or two columns of English text.")
    ] = "premise,hypothesis",
    model: Annotated[
        str | None,
        typer.Option(help="The model that made the predictions: a folder or a hub name."),
    ] = None,
    threshold: Annotated[float, typer.Option(help="Minimum probability of a substitution.")] = 0.95,
    synonym_threshold: Annotated[float, typer.Option(help="The same for English.")] = 0.98,
    instance_rate: Annotated[
        float, typer.Option(help="Share of the rows that are chosen.", min=0, max=1)
    ] = 0.5,
    token_rate: Annotated[
        float, typer.Option(help="Share of a chosen row's words that are replaced.", min=0, max=1)
    ] = 0.3,
    seed: Annotated[int, typer.Option(help="Seed of everything random.", min=0, max=MAX_SEED)] = 0,
    force: Force = False,
    as_json: AsJson = False,
):
    """Write a code-switched copy of your own table; labels and all other columns stay.

    With pairs of words ('salt distill --output'), a word is replaced wherever it occurs; with
    predictions ('salt distill --predictions') and their --model, each word where it was predicted.

    \b
    Examples:
      salt augment --input my.csv --substitutions pairs.tsv --output switched.csv
      salt augment --model mbert --input my.csv --substitutions substitutions.parquet \\
        --output switched.csv
    """
    from ..salt.predictions import check_thresholds

    writable(output, force, input, substitutions)
    check_thresholds(threshold, synonym_threshold)
    rates: dict[str, Any] = {"instance_rate": instance_rate, "token_rate": token_rate, "seed": seed}
    if model is None:
        changed, total = _by_pairs(input, names(text_columns), substitutions, output, rates)
    else:
        from ..salt import user_tables

        changed, total = user_tables.augment_table(
            model,
            input,
            names(text_columns),
            substitutions,
            output,
            threshold=threshold,
            synonym_threshold=synonym_threshold,
            **rates,
        )
    if as_json:
        print_json({"file": str(output), "rows": total, "changed": changed})
    else:
        typer.echo(f"{output}: {changed} of {total} rows now have words of other languages")


def _by_pairs(source, columns, pairs, output, rates) -> tuple[int, int]:
    """Write a table's copy with words replaced by pairs; how many rows changed, of how many."""
    import pandas as pd

    from .. import api
    from ..data.tables import write_rows

    known = pd.DataFrame(rows_of(pairs))
    if "count" in known.columns:
        known["count"] = known["count"].astype(int)
    table = pd.DataFrame(rows_of(source, columns))
    switched = api.augment(table, known, columns, **rates)
    write_rows(output, [switched.to_dict("records")], like=source)
    return int((switched != table).any(axis=1).sum()), len(table)


def rows_of(path: Path, columns: Sequence[str] = ()) -> list[dict]:
    """All rows of a table, see `tables.read_rows`."""
    from ..data.tables import read_rows

    return [row for piece in read_rows(path, columns) for row in piece]

"""The commands that make things: a world's sentences, its tiny mBERT, the path on your own files.

Chapter: Reproduce, change, extend.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from .console import AsJson, World, names, percent, print_json


def pretrain(
    world: World = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder.  [default: world-N in $SALT_CHECKPOINTS_DIR or checkpoints]"),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Optimiser steps.  [default: the study's recipe]", min=1)
    ] = None,
    layers: Annotated[
        int | None,
        typer.Option(help="Of a sibling that differs in their number.  [default: 2]", min=1),
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="cpu or cuda.  [default: cuda where there is one]")
    ] = None,
    resume: Annotated[
        bool, typer.Option(help="Go on from where an interrupted pretraining was.")
    ] = True,
):
    """Make the tiny mBERT of a world.

    From the world's monolingual text come its tokenizer and the model. It can be stopped: the same
    command goes on from the last evaluation.

    \b
    Examples:
      salt pretrain --world 1
      salt pretrain --layers 6
      salt pretrain --world 1 --steps 200 --device cpu --out /tmp/tiny
    """
    from dataclasses import replace

    from ..laboratory.checkpoints import checkpoint_name, pretrain
    from ..pretraining.recipe import Recipe

    changes = {"steps": steps, "layers": layers}
    recipe = replace(Recipe(), **{name: value for name, value in changes.items() if value})
    made = Path(os.environ.get("SALT_CHECKPOINTS_DIR", "checkpoints"))
    folder = out or made / checkpoint_name(world, layers)
    last = pretrain(world, folder, recipe=recipe, resume=resume, device=device)
    alignment = sum(last["alignment"].values()) / len(last["alignment"])
    typer.echo(f"{folder}: {last['step']} steps, alignment {alignment:.1%} over languages")


def own(
    out: Annotated[Path, typer.Option(help="Folder for the checkpoint and the results.")],
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of xnli and pawsx.  [default: $SALT_XTREME_DIR]"),
    ] = None,
    languages: Annotated[
        str, typer.Option(help="Scored languages, commas between; en too if you like.")
    ] = "de,sw,ur",
    task: Annotated[str, typer.Option(help="xnli or paws-x.")] = "xnli",
    methods: Annotated[str, typer.Option(help="Names with commas between them.")] = "baseline,salt",
    steps: Annotated[
        int | None,
        typer.Option(help="Steps of pretraining.  [default: 1500, two or three minutes]", min=1),
    ] = None,
    rows: Annotated[
        int | None,
        typer.Option(help="Pairs of text per language.  [default: all that are its own]", min=1),
    ] = None,
    test_rows: Annotated[
        int | None, typer.Option(help="Scored pairs per language.  [default: all]", min=1)
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Least probability of a substitution.  [default: 0.5]")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything random.", min=0)] = 0,
    as_json: AsJson = False,
):
    """Take the whole path on your own files.

    From a folder in XTREME's layout ({dev,test}-{language}.tsv): a tokenizer and a small BERT from
    the dev files' text, distillation, each method fine-tuned on English dev pairs and scored on
    test pairs. Expect scores near chance: it shows that the path works on your files, not which
    method is better. Stop it whenever you like: the same command goes on with the pretraining.

    \b
    Examples:
      salt own --out own
      salt own --data xtreme --out own --languages en,de,sw,ur --json
      salt own --out own --languages th --steps 100 --rows 300 --test-rows 500
    """
    from dataclasses import replace

    from ..data import xtreme
    from ..real.own_files import CONFIG, RECIPE, run_own

    both = {} if threshold is None else {"threshold": threshold, "synonym_threshold": threshold}
    found = run_own(
        data or xtreme.folder(),
        out,
        list(dict.fromkeys(names(languages))),
        task,
        names(methods),
        rows=rows,
        test_rows=test_rows,
        seed=seed,
        recipe=replace(RECIPE, steps=steps) if steps else RECIPE,
        config=replace(CONFIG, **both),
    )
    if as_json:
        print_json(found)
        return
    columns = list(found["methods"])
    typer.echo(
        f"{task}: accuracy in %; guessing gives {percent(found['chance'])} ± the standard error"
    )
    typer.echo(f"{'language':<10}{'pairs':>7}{'error':>7}" + "".join(f"{c:>18}" for c in columns))
    for code, count in found["rows"]["test"].items():
        scores = "".join(f"{percent(found['methods'][c]['scores'][code]):>18}" for c in columns)
        error = percent(found["standard_error"][code])
        typer.echo(f"{code:<10}{count:>7}{error:>7}{scores}")
    for name, counts in found["substitutions"].items():
        kept = ", ".join(f"{code} {row['kept']}" for code, row in counts.items())
        typer.echo(f"substitutions kept for {name}: {kept}")
    typer.echo(f"{found['note']}\nall of it: {out / 'result.json'}")


def show_world(
    language: Annotated[str, typer.Option(help="ISO code, such as sw.")] = "sw",
    facts: Annotated[int, typer.Option(help="How many facts.", min=1)] = 5,
    world: World = 0,
    as_json: AsJson = False,
):
    """Print sentences of a language beside their English.

    \b
    Examples:
      salt world --language sw --facts 5
      salt world --language ja --facts 100 --json
    """
    import numpy as np

    from ..laboratory.minibabel import corpora
    from ..laboratory.minibabel.facts import World as Universe
    from ..laboratory.minibabel.grammar import sentence
    from ..languages import SOURCE
    from ..languages import language as known

    count = max(2, -(-facts // corpora.SENTENCES))
    told = corpora.documents(Universe(world), known(language).code, count)
    told = told.reshape(-1, told.shape[-1])[:facts]
    worded = list(corpora.wording(told, np.random.default_rng(world)))
    codes = list(dict.fromkeys([language, SOURCE]))
    rows = [{code: sentence(fact, code) for code in codes} for fact in worded]
    if as_json:
        print_json({"world": world, "language": language, "sentences": rows})
    else:
        typer.echo("\n\n".join("\n".join(f"{c}  {row[c]}" for c in codes) for row in rows))

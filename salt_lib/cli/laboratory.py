"""The commands of the laboratory: a world's sentences, its tiny mBERT.

Chapter: Reproduce, change, extend.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from .console import AsJson, World, print_json


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
        typer.Option(help="Of a deeper model, the same but for their number.  [default: 2]", min=1),
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

    from ..laboratory.checkpoints import checkpoint_name, made
    from ..laboratory.pretraining import pretrain
    from ..pretraining.recipe import Recipe

    changes: dict[str, Any] = {"steps": steps, "layers": layers}
    recipe = replace(Recipe(), **{name: value for name, value in changes.items() if value})
    folder = out or made() / checkpoint_name(world, layers)
    last = pretrain(world, folder, recipe=recipe, resume=resume, device=device)
    alignment = sum(last["alignment"].values()) / len(last["alignment"])
    typer.echo(f"{folder}: {last['step']} steps, alignment {alignment:.1%} over languages")


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
    drawn = corpora.documents(Universe(world), known(language).code, count)
    drawn = drawn.reshape(-1, drawn.shape[-1])[:facts]
    worded = list(corpora.wording(drawn, np.random.default_rng(world)))
    codes = list(dict.fromkeys([language, SOURCE]))
    rows = [{code: sentence(fact, code) for code in codes} for fact in worded]
    if as_json:
        print_json({"world": world, "language": language, "sentences": rows})
    else:
        typer.echo("\n\n".join("\n".join(f"{c}  {row[c]}" for c in codes) for row in rows))

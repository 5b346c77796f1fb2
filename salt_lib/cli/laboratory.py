"""The commands of the laboratory: a world's sentences, its tiny mBERT.

Chapter: Reproduce, change, extend.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import SaltError
from .console import AsJson, World, print_json


def pretrain(
    world: World = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder to make it in.  [default: world-N in $SALT_CHECKPOINTS_DIR or checkpoints]"
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Optimiser steps.  [default: the study's recipe]", min=1)
    ] = None,
    layers: Annotated[
        int | None,
        typer.Option(help="How many layers; the rest stays the same.  [default: 2]", min=1),
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="cpu or cuda.  [default: cuda if there is one]")
    ] = None,
    resume: Annotated[
        bool, typer.Option(help="Continue an interrupted pretraining where it stopped.")
    ] = True,
    source: Annotated[
        str | None,
        typer.Option("--from", help="Go on training this model, a folder or hub name, on --texts."),
    ] = None,
    texts: Annotated[
        Path | None,
        typer.Option(help="With --from: a folder of <language>.txt, one sentence per line."),
    ] = None,
    frozen: Annotated[
        int,
        typer.Option(
            help="With --from: lower layers to freeze, and with them the embeddings.", min=0
        ),
    ] = 0,
    head_steps: Annotated[
        int, typer.Option(help="With --from: first steps, which train the head alone.", min=0)
    ] = 200,
    sample: Annotated[
        int | None,
        typer.Option(
            help="With --from: entries that compete in the softmax.  [default: all]", min=2
        ),
    ] = None,
):
    """Make the tiny mBERT of a world, or train the head of any model further.

    The tokenizer and the model are made from the world's monolingual text. With --from, an encoder
    without a masked-language head gets one, and its head and upper layers are trained on your text.
    Stop it whenever you like: the same command continues from the last evaluation.

    \b
    Examples:
      salt pretrain --world 1
      salt pretrain --layers 6
      salt pretrain --world 1 --steps 200 --device cpu --out /tmp/tiny
      salt pretrain --from intfloat/multilingual-e5-small --texts text --frozen 8 --sample 4000
    """
    if source or texts:
        _go_on(source, texts, out, steps, (frozen, head_steps, sample), device, resume)
        return
    from ..laboratory.checkpoints import checkpoint_name, made
    from ..laboratory.pretraining import pretrain
    from ..pretraining.recipe import Recipe

    changes: dict[str, Any] = {"steps": steps, "layers": layers}
    recipe = replace(Recipe(), **{name: value for name, value in changes.items() if value})
    folder = out or made() / checkpoint_name(world, layers)
    last = pretrain(world, folder, recipe=recipe, resume=resume, device=device)
    alignment = sum(last["alignment"].values()) / len(last["alignment"])
    typer.echo(f"{folder}: {last['step']} steps, mean alignment {alignment:.1%}")


def _go_on(source, texts, out, steps, options: tuple, device, resume: bool) -> None:
    """Go on with a model's masked-language training."""
    from ..data.tables import read_texts
    from ..pretraining.continued import Continuation, go_on

    if not source or not texts:
        raise SaltError("--from MODEL and --texts FOLDER go together: give both")
    frozen, head_steps, sample = options
    recipe = Continuation(frozen=frozen, head_steps=head_steps, sample=sample)
    recipe = replace(recipe, steps=steps or recipe.steps)
    folder = out or Path(f"{Path(source).name}-continued")
    lines = {code: list(sentences) for code, sentences in read_texts(texts).items()}
    last = go_on(source, lines, folder, recipe, device=device, resume=resume)
    right = [row["accuracy"] for row in last["held_out"].values()]
    typer.echo(
        f"{folder}: {last['step']} steps; {sum(right) / len(right):.1%} of the masked pieces in "
        "held-out text are right, on average over languages"
    )


def show_world(
    language: Annotated[str, typer.Option(help="ISO code, such as sw.")] = "sw",
    facts: Annotated[int, typer.Option(help="How many facts.", min=1)] = 5,
    world: World = 0,
    as_json: AsJson = False,
):
    """Print sentences in a language beside their English.

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

    count = -(-facts // corpora.SENTENCES)
    rows: list[dict[str, str]] = []
    codes = list(dict.fromkeys([known(language).code, SOURCE]))
    while len(rows) < facts:  # a document repeats itself, and may do so word for word
        count *= 2
        drawn = corpora.documents(Universe(world), language, count)
        drawn = drawn.reshape(-1, drawn.shape[-1])
        worded = corpora.wording(drawn, np.random.default_rng(world))
        distinct = {sentence(fact, language): fact for fact in worded}
        rows = [{code: sentence(fact, code) for code in codes} for fact in distinct.values()]
    rows = rows[:facts]
    if as_json:
        print_json({"world": world, "language": language, "sentences": rows})
    else:
        typer.echo("\n\n".join("\n".join(f"{c}  {row[c]}" for c in codes) for row in rows))

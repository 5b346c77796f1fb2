"""The `salt` command: the study from the command line.

Everything heavy is imported where it is used, so that `salt --help` answers at once.

Chapter: Reproduce, change, extend.
"""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import SaltError, unknown
from . import aggregation as aggregation_commands
from . import data as data_commands
from . import make as make_commands
from . import real as real_commands
from .console import (
    AsJson,
    Group,
    RunsDir,
    World,
    known_methods,
    known_seeds,
    names,
    percent,
    print_json,
)

SCALES = ("laboratory", "aggregation", "paper")
Scale = Annotated[
    str,
    typer.Option(
        help="laboratory; aggregation: fused layers, a deeper tiny mBERT; paper: a real model and "
        "real data, see --setup."
    ),
]


app = typer.Typer(
    cls=Group,
    help="SALT in a small world: run the study, read its results, make its parts.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for command in (
    data_commands.distill,
    data_commands.vocabulary,
    data_commands.augment,
    data_commands.score,
    make_commands.pretrain,
    make_commands.own,
    real_commands.plan,
    real_commands.train,
    real_commands.predict,
):
    app.command()(command)
app.command(name="world")(make_commands.show_world)


@app.command()
def study(
    world: World = 0,
    seeds: Annotated[str, typer.Option(help="Such as 0-14 or 0,3,5.")] = "0-14",
    tasks: Annotated[
        str | None, typer.Option(help="Names with commas between them.  [default: both]")
    ] = None,
    methods: Annotated[
        str, typer.Option(help="Names with commas between them; main and all are groups.")
    ] = "main",
    jobs: Annotated[
        int | None,
        typer.Option(help="Runs at a time, one thread each.  [default: all cores]", min=1),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Run finished runs again.")] = False,
    backend: Annotated[
        str, typer.Option(help="processes (this machine) or ray (a cluster, $RAY_ADDRESS).")
    ] = "processes",
    scale: Scale = "laboratory",
    setup: real_commands.SetupFile = None,
    model: real_commands.Model = None,
    data: real_commands.Data = None,
    device: real_commands.Device = None,
    gpus_per_run: Annotated[
        float | None, typer.Option(help="Of a Ray cluster: 0.5 puts two runs on a card.", min=0)
    ] = None,
    runs_dir: RunsDir = None,
):
    """Run what is missing of the study.

    Each task, method and seed is one run and one file. Finished runs are skipped, and run again
    when the sources, the checkpoint or the libraries that made them have changed. Stop it whenever
    you like: the same command goes on.

    \b
    Examples:
      salt study
      salt study --methods all --jobs 8
      salt study --tasks mini-xnli --methods baseline,salt --seeds 0-2 --world 1
      salt study --backend ray --runs-dir /a/folder/all/nodes/share
      salt study --scale aggregation
      salt study --scale paper --setup paper.toml --backend ray --gpus-per-run 0.5
    """
    if _checked(scale) == "aggregation":
        named = names(tasks) if tasks else None
        aggregation_commands.study(world, named, methods, seeds, jobs, force, backend, runs_dir)
        return
    chosen = (names(tasks) if tasks else None, known_methods(methods), known_seeds(seeds))
    if scale == "paper":
        from ..real.setup import read_setup

        found = read_setup(setup, model=model, data=data, device=device)
        real_commands.study(found, *chosen, jobs, force, backend, runs_dir, gpus_per_run)
        return
    from ..study import grid as studies
    from ..study import store

    specs = studies.grid(world, chosen[0] or store.STUDY_TASKS, *chosen[1:])
    root = runs_dir or store.RUNS_DIR
    made = studies.execute(specs, root, jobs=jobs, backend=backend, force=force)
    there = len(specs) - len(made)
    typer.echo(f"{len(specs)} runs under {root}: {len(made)} made now, {there} were there")


@app.command()
def results(
    world: World = 0,
    scale: Scale = "laboratory",
    runs_dir: RunsDir = None,
    as_json: AsJson = False,
    record: Annotated[
        Path | None,
        typer.Option(help="Freeze this machine's runs into this file instead of showing them."),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Save the headline figure as this PNG file as well.")
    ] = None,
):
    """Show the results and their tests.

    Means over seeds, the gain over the baseline, and how sure that is. Without runs of this machine
    it shows the frozen table that ships with the book, and says so.

    \b
    Examples:
      salt results
      salt results --world 1 --json
      salt results --record recorded/laboratory.json
      salt results --figure book/_static/headline.png
      salt results --scale aggregation
      salt results --scale paper --runs-dir runs-paper
    """
    if _checked(scale) == "aggregation":
        aggregation_commands.results(world, runs_dir, as_json, record)
        return
    if scale == "paper":
        real_commands.results(runs_dir, as_json)
        return
    from ..study import stats, store

    if record:
        from ..study.frozen import freeze

        methods = freeze(record, runs_dir or store.RUNS_DIR, world)
        typer.echo(f"{record}: {', '.join(methods)}; both tasks, 15 seeds each")
        return
    source, frame = store.HERE, store.load(runs_dir or store.RUNS_DIR, world)
    if frame.empty:
        source, frame = store.FROZEN, store.recorded()
        frame, left = store.whole_methods(frame[frame["world"] == world])
        if left:
            typer.echo(
                f"left out, for the table has fewer seeds of them: {', '.join(left)}", err=True
            )
    if frame.empty:
        raise SaltError(f"no results of world {world}; run 'salt study --world {world}'")
    if figure:
        from ..plots.results import save_headline

        save_headline(frame, figure)
    summary = stats.summarise(frame)
    if as_json:
        primary = summary.pop("primary")
        head = {"world": world, "source": source, "origin": frame.attrs, "primary": primary}
        print_json({**head, "tasks": summary})
    else:
        typer.echo(_table(summary))
        typer.echo(store.origin_note(frame, source))


def _checked(scale: str) -> str:
    if scale not in SCALES:
        raise unknown("scale", scale, SCALES)
    return scale


def _table(summary: dict) -> str:
    """`stats.summarise`'s main numbers as text: accuracies in %, differences in points."""
    lines = []
    for task, rows in summary.items():
        if task == "primary":
            continue
        lines += [
            f"{task}: {_unit(task)} in %, zero-shot average ± sd over seeds, against the baseline",
            f"{'method':<18}{'seeds':>5}{'English':>9}{'zero-shot':>15}"
            f"{'difference':>12}{'95 % interval':>18}{'p':>9}{'Holm p':>9}",
        ]
        for method, row in rows.items():
            average, test = row["average_zero_shot"], row["average_zero_shot"]["comparison"] or {}
            interval = "–"
            if test.get("ci_low") is not None:
                interval = f"{100 * test['ci_low']:+.2f} to {100 * test['ci_high']:+.2f}"
            spread = f"{percent(average['mean'])} ± {percent(average['sd'])}"
            lines.append(
                f"{method:<18}{len(row['seeds']):>5}{percent(row['english']['mean']):>9}"
                f"{spread:>15}{percent(test.get('difference'), '+'):>12}{interval:>18}"
                f"{_p(test.get('p')):>9}{_p(test.get('p_holm')):>9}"
            )
        notes = {row["note"] for row in rows.values() if row.get("note")}
        lines += [f"note: {note}" for note in sorted(notes)] + [""]
    return "\n".join(lines)


def _unit(task: str) -> str:
    from ..laboratory.tasks import TAGGING

    return "F1" if task in TAGGING else "accuracy"


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "<0.0001" if value < 1e-4 else f"{value:.4f}"


if __name__ == "__main__":
    app()

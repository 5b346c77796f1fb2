"""The commands of the studies: make the runs that are missing, show what came out.

Chapter: Training over 15 seeds.
"""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import SaltError, unknown
from . import aggregation, bitext, intermediate, pictures, programs, worlds
from .console import (
    AsJson,
    Data,
    Device,
    Model,
    RunsDir,
    SetupFile,
    Texts,
    World,
    known_methods,
    known_seeds,
    names,
    percent,
    print_json,
)

FEW_SEEDS = 6  # a bootstrap of fewer values misses much of their spread
SCALES = (
    "laboratory",
    "worlds",
    "pictures",
    "intermediate",
    "programs",
    "bitext",
    "aggregation",
    "paper",
)
# Each one fixed study over worlds, see its protocol.
FIXED = {
    "worlds": worlds,
    "pictures": pictures,
    "intermediate": intermediate,
    "programs": programs,
    "bitext": bitext,
}
PRETRAINED = {"programs": programs, "bitext": bitext}  # their runs pretrain: on a GPU, if asked
Scale = Annotated[
    str,
    typer.Option(
        help="laboratory; worlds: the fixed study over worlds; pictures: captions and pictures; "
        "intermediate: tasks before fine-tuning; programs: questions and programs, text against "
        "size; bitext: alignment tasks in pretraining; aggregation: fused layers, a deeper tiny "
        "mBERT; paper: a real model and real data, see --setup."
    ),
]


def study(
    world: World = 0,
    seeds: Annotated[str, typer.Option(help="Seeds, such as 0-14 or 0,3,5.")] = "0-14",
    tasks: Annotated[
        str | None, typer.Option(help="Comma-separated names.  [default: both]")
    ] = None,
    methods: Annotated[
        str, typer.Option(help="Comma-separated names; main and all are groups.")
    ] = "main",
    jobs: Annotated[
        int | None,
        typer.Option(help="How many runs at a time, one thread each.  [default: all cores]", min=1),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Make finished runs again.")] = False,
    backend: Annotated[
        str, typer.Option(help="processes (this machine) or ray (a cluster, $RAY_ADDRESS).")
    ] = "processes",
    scale: Scale = "laboratory",
    setup: SetupFile = None,
    model: Model = None,
    data: Data = None,
    texts: Texts = None,
    device: Device = None,
    gpus_per_run: Annotated[
        float | None, typer.Option(help="On a Ray cluster: 0.5 puts two runs on a card.", min=0)
    ] = None,
    runs_dir: RunsDir = None,
    stacked: Annotated[
        int, typer.Option(help="With --scale paper: how many seeds to train at once.", min=1)
    ] = 1,
    layers: Annotated[
        int | None, typer.Option(help="With --scale worlds: 6 for the deeper models.", min=1)
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(
            help="With --scale paper: a table to add finished runs to; those that it has are not "
            "made again."
        ),
    ] = None,
):
    """Make the missing runs of the study.

    Each task, method and seed is one run and one file. Finished runs are skipped, but made again if
    the sources, the checkpoint or the libraries behind them have changed. Stop it whenever you
    like: the same command continues.

    \b
    Examples:
      salt study
      salt study --methods all --jobs 8
      salt study --tasks mini-xnli --methods baseline,salt --seeds 0-2 --world 1
      salt study --backend ray --runs-dir /a/folder/all/nodes/share
      salt study --scale aggregation
      salt study --scale worlds --world 2
      salt study --scale pictures --world 2
      salt study --scale intermediate --world 2
      salt study --scale programs --world 2
      salt study --scale bitext --world 2
      salt study --scale paper --setup paper.toml --backend ray --gpus-per-run 0.5
      salt study --scale paper --setup paper.toml --stacked 15
      salt study --scale paper --setup paper.toml --record paper.json
    """
    from ..study.grid import Workers

    named = names(tasks) if tasks else None
    workers = Workers(backend, jobs, gpus_per_run or 0.0, stacked)
    if layers and _checked(scale) != "worlds":
        raise SaltError("--layers goes with --scale worlds")
    if stacked > 1 and _checked(scale) != "paper":
        raise SaltError("--stacked goes with --scale paper")
    if record and scale != "paper":
        raise SaltError(
            "study --record goes with --scale paper; otherwise use salt results --record FILE"
        )
    if _checked(scale) == "aggregation":
        if (methods, seeds, backend) != ("main", "0-14", "processes"):
            raise SaltError(
                "--scale aggregation is one fixed study (a sweep over layers, then the chosen "
                "layer): it takes --tasks, --world, --jobs and --force, and no --methods, --seeds "
                "or --backend"
            )
        aggregation.study(world, named, workers, force, runs_dir)
        return
    if scale in FIXED:
        if (methods, seeds, tasks) != ("main", "0-14", None):
            own = {"worlds": ", --layers", **dict.fromkeys(PRETRAINED, ", --device")}
            more = own.get(scale, "")
            raise SaltError(
                f"--scale {scale} is one fixed study, see its protocol: it takes --world{more}, "
                "--jobs, --backend and --force, and no --tasks, --methods or --seeds"
            )
        if scale == "worlds":
            worlds.study(world, layers, workers, force, runs_dir)
        elif scale in PRETRAINED:
            PRETRAINED[scale].study(world, workers, force, runs_dir, device)
        else:
            FIXED[scale].study(world, workers, force, runs_dir)
        return
    if scale == "paper":
        from ..real.setup import read_setup

        chosen = read_setup(setup, model=model, data=data, texts=texts, device=device)
        _paper(chosen, named, methods, seeds, workers, force, runs_dir, record)
        return
    from ..laboratory.study import laboratory_study

    study = laboratory_study(world, runs_dir)
    specs = study.specs(named, known_methods(methods), known_seeds(seeds))
    made = study.execute(specs, workers, force=force)
    _told(specs, made, study.root)


def _paper(setup, tasks, methods, seeds, workers, force, runs_dir, record) -> None:
    """Run what is missing of the study at the paper's scale, in its table too where it has one."""
    from dataclasses import replace

    from ..real.study import possible_methods, real_study

    alone = workers.backend == "processes"
    if alone and workers.jobs is None:
        workers = replace(workers, jobs=1)  # a run takes the whole machine
    if not alone and not workers.gpus_per_run:
        workers = replace(workers, gpus_per_run=setup.gpus_per_run)
    study = real_study(replace(setup, progress=alone and workers.jobs == 1), runs_dir, record)
    chosen = known_methods(methods, lambda: possible_methods(setup, study.tasks[0]))
    specs = study.specs(tasks, chosen, known_seeds(seeds))
    for task in dict.fromkeys(spec.task for spec in specs):
        setup.identity(task)  # a model or data that can't be read is one error, not one a run
    try:
        made = study.execute(specs if force else study.missing(specs), workers, force=force)
    finally:
        held = study.extend(specs) if record else 0
    _told(specs, made, study.root)
    if record:
        typer.echo(f"{record} has {held} of them")


def _told(specs: list, made: list, root: Path) -> None:
    there = len(specs) - len(made)
    typer.echo(f"{len(specs)} runs under {root}: {len(made)} made now, {there} were there")


def results(
    world: World = 0,
    tasks: Annotated[
        str | None, typer.Option(help="Comma-separated names.  [default: both]")
    ] = None,
    scale: Scale = "laboratory",
    runs_dir: RunsDir = None,
    as_json: AsJson = False,
    record: Annotated[
        Path | None,
        typer.Option(help="Freeze this machine's runs into this file instead of showing them."),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Also save the headline figure as this PNG file.")
    ] = None,
):
    """Show the results and their tests.

    Shows means over seeds, the gain over the baseline, and how sure that is. While a study is still
    running, it takes the seeds that all methods have. If this machine has no runs, it shows the
    frozen table that ships with the book, and says so; if it has, it adds the table's difference.

    \b
    Examples:
      salt results
      salt results --world 1 --json
      salt results --record laboratory.json
      salt results --figure book/_static/headline.png
      salt results --scale aggregation
      salt results --scale worlds
      salt results --scale pictures
      salt results --scale intermediate
      salt results --scale programs
      salt results --scale bitext
      salt results --scale paper --runs-dir runs-paper
    """
    if _checked(scale) == "aggregation":
        aggregation.results(world, runs_dir, as_json, record)
        return
    if scale in FIXED:
        FIXED[scale].results(as_json)
        return
    if scale == "paper":
        from .real import results as paper_results

        paper_results(runs_dir, as_json)
        return
    from ..laboratory.study import TASKS, freeze, laboratory_study
    from ..study import stats
    from ..study.results import paired, whole_methods

    study = laboratory_study(world, runs_dir)
    if record:
        methods = freeze(study, record)
        typer.echo(f"{record}: {', '.join(methods)}; both tasks, 15 seeds each")
        return
    wanted = names(tasks) if tasks else TASKS
    for name in wanted:
        if name not in TASKS:
            raise unknown("task", name, TASKS)
    runs = study.fresh()
    frame, waiting = paired(_of(runs.frame, wanted))
    notes = _mixed(runs.runs)
    if waiting:
        notes.append(f"{waiting} runs wait for the same seed of other methods")
    if frame.empty:
        runs, notes = study.recorded(), notes[1:] if waiting else notes
        if waiting:
            notes.append(f"{waiting} runs of this machine can't be compared yet")
        frame, left = whole_methods(_of(runs.frame, wanted))
        if left:
            typer.echo(
                f"left out, because the table has fewer seeds of them: {', '.join(left)}", err=True
            )
    elif world == 0:
        notes += _frozen(study, wanted, runs)
    if figure:
        from ..plots.results import save_headline

        save_headline(frame, figure)
    summary = stats.summarise(frame)
    if as_json:
        primary = summary.pop("primary")
        head = {"world": world, "source": runs.source, "origin": frame.attrs, "primary": primary}
        print_json({**head, "tasks": summary})
    else:
        typer.echo(_table(summary))
        typer.echo("\n".join([*notes, runs.note]))


def _of(frame, tasks):
    """The rows of these tasks."""
    kept = frame[frame["task"].isin(list(tasks))].reset_index(drop=True)
    kept.attrs.update(frame.attrs)
    return kept


def _mixed(runs) -> list[str]:
    """What to say of runs of more than one processor: their scores differ by that alone."""
    made = {f"{run['hardware']} ({run.get('capability', 'unknown')})" for run in runs}
    if len(made) < 2:
        return []
    return [
        f"made on more than one processor, which also changes scores: {'; '.join(sorted(made))}"
    ]


def _frozen(study, tasks, runs) -> list[str]:
    """What the frozen table has for SALT, to be read beside what was found here."""
    from ..study.provenance import same_processor
    from ..study.results import paired
    from ..study.stats import SALT, summarise

    table = study.recorded()
    frame = _of(table.frame, tasks)
    summary = summarise(paired(frame[frame["method"].isin(["baseline", SALT])])[0])
    lines = []
    for task in tasks:
        test = (
            (summary.get(task, {}).get(SALT) or {}).get("average_zero_shot", {}).get("comparison")
        )
        if test:
            lines.append(
                f"the frozen table has {percent(test['difference'], '+')} for {SALT} on {task} "
                f"({100 * test['ci_low']:.2f} to {100 * test['ci_high']:.2f}, {test['n']} seeds)"
            )
    if lines and not any(same_processor(table.origin, run) for run in runs.runs):
        lines.append(
            f"it was made on another processor ({table.origin.get('hardware')}), which alone "
            "changes single runs by points and differences by tenths of a point"
        )
    return lines


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
        most = max((len(row["seeds"]) for row in rows.values()), default=0)
        if most < FEW_SEEDS:
            notes.add(f"with {most} seeds an interval is too narrow: go by p, or add seeds")
        lines += [f"note: {note}" for note in sorted(notes)] + [""]
    return "\n".join(lines)


def _unit(task: str) -> str:
    from ..laboratory.tasks import TAG_TASKS

    return "F1" if task in TAG_TASKS else "accuracy"


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "<0.0001" if value < 1e-4 else f"{value:.4f}"

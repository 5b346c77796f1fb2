"""The commands of the paper's scale: what a study will cost, one run of it, what came out.

Chapter: At paper scale.
"""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import SaltError
from .console import AsJson, RunsDir, known_methods, known_seeds, names, percent, print_json

RUNS_DIR = "runs-paper"
SetupFile = Annotated[
    Path | None, typer.Option("--setup", help="TOML file of the paper's scale.  [default: mBERT]")
]
Model = Annotated[str | None, typer.Option(help="Its model: a folder or a hub name.")]
Data = Annotated[str | None, typer.Option(help="Its data: a folder, or hub.")]
Device = Annotated[str | None, typer.Option(help="Its device: auto, cpu or cuda.")]


def study(setup, tasks, methods, seeds, jobs, force, backend, runs_dir, gpus_per_run) -> None:
    """Run what is missing of the study at the paper's scale, see `main.study`."""
    from dataclasses import replace

    from ..data import benchmarks
    from ..real import setup as real_setup
    from ..study import grid as studies

    root = Path(runs_dir or RUNS_DIR)
    specs = studies.grid(0, tasks or real_setup.TASKS, methods, seeds, known=benchmarks.task)
    for task in dict.fromkeys(spec.task for spec in specs):
        setup.identity(task)  # a model or data that can't be read is one error, not one a run
    if backend == "processes" and jobs is None:
        jobs = 1  # a run takes the whole machine
    setup = replace(setup, progress=jobs == 1 and backend == "processes")
    made = studies.execute(
        specs,
        root,
        jobs=jobs,
        backend=backend,
        force=force,
        runner="salt_lib.real.setup:run",
        setup=setup,
        gpus_per_run=setup.gpus_per_run if gpus_per_run is None else gpus_per_run,
    )
    there = len(specs) - len(made)
    typer.echo(f"{len(specs)} runs under {root}: {len(made)} made now, {there} were there")


def plan(
    setup: SetupFile = None,
    model: Model = None,
    data: Data = None,
    device: Device = None,
    tasks: Annotated[str | None, typer.Option(help="xnli, paws-x.  [default: both]")] = None,
    methods: Annotated[str, typer.Option(help="Names, main or all.")] = "main",
    seeds: Annotated[str, typer.Option(help="Such as 0-14 or 0,3,5.")] = "0-14",
    steps: Annotated[int, typer.Option(help="Timed steps of each kind.", min=2)] = 30,
    scale: Annotated[str, typer.Option(help="paper.")] = "paper",
    as_json: AsJson = False,
):
    """Say what a study at the paper's scale will cost, before anything starts.

    Lists the runs, times some steps of plain fine-tuning and of SALT on the device at hand, with
    some distilling and scoring, and prints device-hours and the time on 1, 4 and 16 devices.

    \b
    Examples:
      salt plan --scale paper
      salt plan --scale paper --setup paper.toml --tasks xnli --seeds 0-4
      salt plan --scale paper --model mbert --data xtreme --steps 100 --json
    """
    from dataclasses import asdict

    from ..data import benchmarks
    from ..real import plan as planning
    from ..real import setup as real_setup
    from ..study import grid as studies

    if scale != "paper":
        raise SaltError(
            f"--scale {scale}: only the paper's scale is planned; 'salt study' shows "
            "how long the laboratory takes while it runs"
        )
    chosen = real_setup.read_setup(setup, model=model, data=data, device=device)
    specs = studies.grid(
        0,
        names(tasks) if tasks else real_setup.TASKS,
        known_methods(methods),
        known_seeds(seeds),
        known=benchmarks.task,
    )
    costs = {t: planning.measure(chosen, t, steps) for t in dict.fromkeys(s.task for s in specs)}
    found = planning.hours(chosen, specs, costs)
    if as_json:
        print_json(
            {
                "model": chosen.model,
                "measured": {task: asdict(cost) for task, cost in costs.items()},
                "runs": [{"task": t, "method": m, **row} for (t, m), row in found["runs"].items()],
                "distil": [
                    {"task": t, "kind": k, "hours": h} for (t, k), h in found["distil"].items()
                ],
                "device_hours": found["total"],
                "wall_clock_hours": {str(n): h for n, h in found["wall"].items()},
            }
        )
        return
    typer.echo(f"{len(specs)} runs of {chosen.model}")
    typer.echo(f"{'task':<10}{'method':<18}{'runs':>5}{'steps':>9}{'hours each':>12}")
    for (task, method), row in found["runs"].items():
        typer.echo(f"{task:<10}{method:<18}{row['runs']:>5}{row['steps']:>9,}{row['hours']:>12.2f}")
    for (task, kind), value in found["distil"].items():
        typer.echo(f"{task:<10}{kind + ' predictions, once':<32}{value:>12.2f}")
    for task, cost in costs.items():
        memory = "" if cost.memory is None else f", peak {cost.memory / 2**30:.1f} GiB"
        typer.echo(
            f"measured on {cost.device} in {chosen.precision}, {task}: {1e3 * cost.plain_step:.0f} "
            f"ms a step, {1e3 * cost.mixup_step:.0f} ms with mixup, pairs of {cost.length:.0f} "
            f"tokens{memory}"
        )
    wall = ", ".join(f"{n}: {h:,.1f} h" for n, h in found["wall"].items())
    typer.echo(f"{found['total']:,.1f} device-hours; until all is done on so many devices: {wall}")


def train(
    task: Annotated[str, typer.Option(help="xnli, paws-x, pan-x or udpos.")],
    method: Annotated[str, typer.Option(help="A method's name, such as salt or dlfa-8.")],
    seed: Annotated[int, typer.Option(help="Of everything random.", min=0)] = 0,
    setup: SetupFile = None,
    model: Model = None,
    data: Data = None,
    device: Device = None,
    tensorboard: Annotated[
        str | None, typer.Option(help="Folder for TensorBoard's event files.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="New folder for the trained model, for 'salt predict'.")
    ] = None,
    runs_dir: RunsDir = None,
):
    """Make one run of the paper's scale, on one device or on several.

    It writes the file that 'salt study --scale paper' would write, beside it a log of JSON lines,
    and shows its progress. Killed, the same command goes on where it was.

    \b
    Examples:
      salt train --task xnli --method salt --seed 3
      salt train --task pan-x --method salt+dlfa-8 --save names
      accelerate launch --num_processes 4 -m salt_lib.cli.main train --task xnli --method salt
    """
    from dataclasses import astuple, replace

    from ..data import benchmarks
    from ..real import run as real_run
    from ..real import setup as real_setup
    from ..study import grid as studies
    from ..study import store

    chosen = real_setup.read_setup(
        setup, model=model, data=data, device=device, tensorboard=tensorboard
    )
    (spec,) = studies.grid(0, [task], [method], [seed], known=benchmarks.task)
    root, compute = Path(runs_dir or RUNS_DIR), real_run.compute_of(chosen)
    key = astuple(spec)
    if store.is_fresh(root, *key, chosen) and save is None:
        typer.echo(f"{store.run_path(root, *key)}: is there already")
        return
    shown = replace(chosen, progress=True)
    found = real_run.run(*key, setup=shown, root=root, compute=compute, save=save)
    if compute.first:
        path = studies.store(root, spec, found, chosen)
        best = found["dev"][found["epoch"]]
        typer.echo(f"{path}: {percent(best)} on English dev, {found['seconds']:,.0f} s")


def predict(
    task: Annotated[str, typer.Option(help="xnli, paws-x, pan-x or udpos.")],
    model: Annotated[Path, typer.Option(help="Folder of 'salt train --save'.")],
    out: Annotated[Path, typer.Option(help="Folder for the predictions.")],
    data: Annotated[str, typer.Option(help="A folder, or hub.")] = "hub",
    languages: Annotated[
        str | None, typer.Option(help="With commas between them.  [default: all there are]")
    ] = None,
    max_length: Annotated[
        int | None, typer.Option(help="Pieces of a pair.  [default: what the model reads]", min=8)
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
):
    """Write a trained model's predictions of the test sets, in XTREME's layout.

    The test files may lack their labels, as XTREME's do. 'salt score' scores the folder.

    \b
    Examples:
      salt predict --task pan-x --model names --data xtreme --out predictions
      salt predict --task xnli --model pairs --languages de,sw --out predictions
    """
    from ..real.predict import predict as write
    from ..training.device import Accelerated

    codes = names(languages) if languages else ()
    compute = Accelerated(device)
    for path in write(task, model, data, out, codes, longest=max_length, compute=compute):
        typer.echo(path)


def results(runs_dir, as_json: bool) -> None:
    """Show what the runs of the paper's scale have found, beside what was published."""
    from ..data import benchmarks
    from ..real import published
    from ..study import stats, store

    root = Path(runs_dir or RUNS_DIR)
    frame, left = store.paired(store.collected(root))
    summary = stats.summarise(frame) if len(frame) else {}
    slots = published.slots(summary)
    if as_json:
        print_json({"origin": frame.attrs, "unpaired": left, "tasks": summary, "slots": slots})
        return
    for task in (*slots, *(name for name in summary if name not in slots and name != "primary")):
        metric = "F1" if benchmarks.task(task).kind == "tags" else "accuracy"
        typer.echo(f"{task}: {metric} in %, differences in points")
        if task in slots:
            typer.echo(
                f"{'language':<18}{'mBERT, published':>17}{'baseline':>16}{'SALT':>16}"
                f"{'difference':>12}{'Holm p':>9}{'published':>11}"
            )
        for row in slots.get(task, []):
            typer.echo(row_text(row))
        for method, row in summary.get(task, {}).items():
            typer.echo(method_text(method, row))
        typer.echo("")
    if len(frame):
        typer.echo(store.origin_note(frame, store.HERE))
        if left:
            typer.echo(f"{left} runs wait for the same seed of other methods")
    else:
        typer.echo(
            f"no runs at the paper's scale under {root}: 'salt plan' says what they cost, 'salt "
            "study --scale paper' makes them"
        )


def method_text(method: str, row: dict) -> str:
    """One line of `results` for a method of any kind: its averages, against the baseline."""
    average = row["average_zero_shot"]
    test = average["comparison"] or {}
    text = (
        f"{method}: {len(row['seeds'])} seeds, English {percent(row['english']['mean'])}, "
        f"zero-shot average {percent(average['mean'])}"
    )
    if test.get("difference") is not None:
        text += f", {percent(test['difference'], '+')} against the baseline"
    if test.get("p_holm") is not None:
        text += f" (Holm p {test['p_holm']:.4f})"
    return text


def row_text(row: dict) -> str:
    """One line of `results`; what nobody has run is an empty slot."""

    def sides(name: str) -> str:
        mean, sd = row[name] or (None, None)
        return "…" if mean is None else f"{percent(mean)} ± {percent(sd)}"

    gain = "" if row["published_gain"] is None else f"{row['published_gain']:+.1f}"
    given = "–" if row["published"] is None else f"{row['published']:.1f}"
    difference = "…" if row["difference"] is None else percent(row["difference"], "+")
    p = "…" if row["p_holm"] is None else f"{row['p_holm']:.4f}"
    return (
        f"{row['language']:<18}{given:>17}{sides('baseline'):>16}{sides('salt'):>16}"
        f"{difference:>12}{p:>9}{gain:>11}"
    )

"""The commands for real models and data: costs, one run, predictions and their scores.

Chapter: At paper scale.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import SaltError
from .console import (
    MAX_SEED,
    AsJson,
    Data,
    Device,
    Model,
    RunsDir,
    SetupFile,
    known_methods,
    known_seeds,
    names,
    percent,
    print_json,
)


def plan(
    setup: SetupFile = None,
    model: Model = None,
    data: Data = None,
    device: Device = None,
    tasks: Annotated[str | None, typer.Option(help="xnli, paws-x.  [default: both]")] = None,
    methods: Annotated[str, typer.Option(help="Names, main or all.")] = "main",
    seeds: Annotated[str, typer.Option(help="Seeds, such as 0-14 or 0,3,5.")] = "0-14",
    steps: Annotated[
        int,
        typer.Option(help="How many steps of each kind to time; fewer if they are slow.", min=2),
    ] = 30,
    available: Annotated[
        bool, typer.Option("--available", help="Use only the languages that the data has.")
    ] = False,
    scale: Annotated[str, typer.Option(help="There is only paper.")] = "paper",
    as_json: AsJson = False,
):
    """Estimate what a study at paper scale will cost, before anything starts.

    Lists the runs, times some steps of plain fine-tuning and of SALT on your device, with some
    distilling and scoring, and prints device-hours and the time on 1, 4 and 16 devices.

    \b
    Examples:
      salt plan --scale paper
      salt plan --scale paper --setup paper.toml --tasks xnli --seeds 0-4
      salt plan --scale paper --model mbert --data xtreme --steps 100 --json
    """
    from dataclasses import asdict

    from ..real import plan as planning
    from ..real.setup import read_setup, with_data
    from ..real.study import possible_methods, real_study

    if scale != "paper":
        raise SaltError(
            f"--scale {scale}: only the paper's scale can be planned; 'salt study' shows "
            "how long the laboratory takes while it runs"
        )
    chosen = read_setup(setup, model=model, data=data, device=device)
    wanted = names(tasks) if tasks else real_study(chosen).tasks
    chosen = with_data(chosen, wanted, available)
    study = real_study(chosen)
    possible = known_methods(methods, lambda: possible_methods(chosen, study.tasks[0]))
    specs = study.specs(wanted, possible, known_seeds(seeds))
    costs = {
        t: planning.measure(chosen, t, steps, progress=True)
        for t in dict.fromkeys(s.task for s in specs)
    }
    hours = planning.hours(chosen, specs, costs)
    if as_json:
        print_json(
            {
                "model": chosen.model,
                "measured": {task: asdict(cost) for task, cost in costs.items()},
                "runs": [{"task": t, "method": m, **row} for (t, m), row in hours["runs"].items()],
                "distil": [
                    {"task": t, "kind": k, "hours": h} for (t, k), h in hours["distil"].items()
                ],
                "device_hours": hours["total"],
                "wall_clock_hours": {str(n): h for n, h in hours["wall"].items()},
            }
        )
        return
    typer.echo(f"{len(specs)} runs of {chosen.model}")
    typer.echo(f"{'task':<10}{'method':<18}{'runs':>5}{'steps':>9}{'hours each':>12}")
    for (task, method), row in hours["runs"].items():
        typer.echo(f"{task:<10}{method:<18}{row['runs']:>5}{row['steps']:>9,}{row['hours']:>12.2f}")
    for (task, kind), value in hours["distil"].items():
        typer.echo(f"{task:<10}{kind + ' predictions, once':<32}{value:>12.2f}")
    for task, cost in costs.items():
        memory = "" if cost.memory is None else f", peak {cost.memory / 2**30:.1f} GiB"
        typer.echo(
            f"measured on {cost.device} in {chosen.precision}, {task}: {1e3 * cost.plain_step:.0f} "
            f"ms per step, {1e3 * cost.mixup_step:.0f} ms with mixup, pairs of {cost.length:.0f} "
            f"tokens{memory}"
        )
    wall = ", ".join(f"{n}: {h:,.1f} h" for n, h in hours["wall"].items())
    typer.echo(
        f"{hours['total']:,.1f} device-hours; time until all is done, by number of devices: {wall}"
    )


def train(
    task: Annotated[str, typer.Option(help="xnli, paws-x, pan-x or udpos.")],
    method: Annotated[str, typer.Option(help="A method's name, such as salt or dlfa-8.")],
    seed: Annotated[int, typer.Option(help="Seed of everything random.", min=0, max=MAX_SEED)] = 0,
    setup: SetupFile = None,
    model: Model = None,
    data: Data = None,
    device: Device = None,
    tensorboard: Annotated[
        str | None, typer.Option(help="Folder for TensorBoard's event files.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="New folder to keep the model in, for 'salt predict'.")
    ] = None,
    runs_dir: RunsDir = None,
):
    """Make one run at paper scale, on one device or several.

    Writes the file that 'salt study --scale paper' would write, with a log of JSON lines beside it,
    and shows its progress. If it is killed, the same command continues where it stopped.

    \b
    Examples:
      salt train --task xnli --method salt --seed 3
      salt train --task pan-x --method salt+dlfa-8 --save names
      accelerate launch --num_processes 4 -m salt_lib train --task xnli --method salt
    """
    from dataclasses import astuple

    from ..real.run import compute_of, run
    from ..real.setup import read_setup
    from ..real.study import real_study
    from ..study.grid import Job, store
    from ..study.store import is_fresh

    chosen = read_setup(
        setup, model=model, data=data, device=device, tensorboard=tensorboard, progress=True
    )
    study = real_study(chosen, runs_dir)
    (spec,) = study.specs([task], [method], [seed])
    compute, job = compute_of(chosen), Job(spec, study.root, chosen)
    if is_fresh(chosen, study.root, *astuple(spec)) and save is None:
        typer.echo(f"{job.path} is there already")
        return
    result = run(job, compute, save)
    if compute.first:
        path = store(job, result)
        best = result["dev"][result["epoch"]]
        typer.echo(f"{path}: {percent(best)} on English dev, {result['seconds']:,.0f} s")


def predict(
    task: Annotated[str, typer.Option(help="xnli, paws-x, pan-x or udpos.")],
    model: Annotated[Path, typer.Option(help="Folder that 'salt train --save' made.")],
    out: Annotated[Path, typer.Option(help="Folder for the predictions.")],
    data: Annotated[str, typer.Option(help="A folder, or hub.")] = "hub",
    languages: Annotated[
        str | None, typer.Option(help="Comma-separated.  [default: all there are]")
    ] = None,
    max_length: Annotated[
        int | None,
        typer.Option(help="Most pieces of a pair.  [default: what the model reads]", min=8),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
):
    """Write a trained model's predictions for the test sets, in XTREME's layout.

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


def score(
    task: Annotated[str, typer.Option(help="xnli, pawsx, panx or udpos.")],
    gold: Annotated[Path, typer.Option(help="Folder of test-<language>.tsv with the true labels.")],
    predictions: Annotated[Path, typer.Option(help="Folder of test-<language>.tsv to score.")],
    languages: Annotated[
        str | None, typer.Option(help="Comma-separated.  [default: all with a gold file]")
    ] = None,
    seqeval_legacy: Annotated[
        bool,
        typer.Option(
            "--seqeval-legacy", help="Read tags as seqeval did up to 0.0.13: kinds whole."
        ),
    ] = False,
    as_json: AsJson = False,
):
    """Score files of predictions as XTREME's own evaluator does.

    Both folders may be those of one task, or hold a folder for each (xnli, pawsx, panx, udpos).
    For parts of speech, versions of seqeval form different chunks; XTREME's own test expects what
    --seqeval-legacy gives, and the default is what the installed version gives.

    \b
    Examples:
      salt score --task panx --gold xtreme --predictions predictions
      salt score --task xnli --gold labels/xnli --predictions predictions/xnli --json
      salt score --task udpos --gold labels --predictions predictions --seqeval-legacy
    """
    from ..real import scoring

    codes = names(languages) if languages else ()
    scores = scoring.score(task, gold, predictions, codes, seqeval_legacy)
    averages = {metric: scoring.average(rows) for metric, rows in scores.items()}
    lacking = scoring.missing(task, next(iter(scores.values())))
    if as_json:
        print_json(
            {
                "task": task,
                "scores": scores,
                "average": averages,
                "without_gold": lacking,
                "seqeval_legacy": seqeval_legacy,
            }
        )
        return
    typer.echo(f"{'language':<10}" + "".join(f"{metric:>11}" for metric in scores))
    for code in next(iter(scores.values())):
        typer.echo(f"{code:<10}" + "".join(f"{rows[code]:>11.2f}" for rows in scores.values()))
    typer.echo(f"{'average':<10}" + "".join(f"{value:>11.2f}" for value in averages.values()))
    if lacking:
        typer.echo(f"not XTREME's average, which also includes these: {', '.join(lacking)}")


def own(
    out: Annotated[Path, typer.Option(help="Folder for the checkpoint and the results.")],
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of xnli and pawsx.  [default: $SALT_XTREME_DIR]"),
    ] = None,
    languages: Annotated[
        str, typer.Option(help="Languages to score, comma-separated; en too if you like.")
    ] = "de,sw,ur",
    task: Annotated[str, typer.Option(help="xnli or paws-x.")] = "xnli",
    methods: Annotated[str, typer.Option(help="Comma-separated names.")] = "baseline,salt",
    steps: Annotated[
        int | None,
        typer.Option(help="Pretraining steps.  [default: 1500, two or three minutes]", min=1),
    ] = None,
    rows: Annotated[
        int | None,
        typer.Option(help="Pairs of text per language.  [default: all of its own]", min=1),
    ] = None,
    test_rows: Annotated[
        int | None, typer.Option(help="Pairs to score per language.  [default: all]", min=1)
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Minimum probability of a substitution.  [default: 0.5]")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.", min=0, max=MAX_SEED)] = 0,
    as_json: AsJson = False,
):
    """Take the whole path on your own files.

    From a folder in XTREME's layout ({dev,test}-{language}.tsv): makes a tokenizer and a small BERT
    from the dev files' text, distils, fine-tunes each method on English dev pairs and scores it on
    test pairs. Expect scores near chance: this shows that the path works on your files, not which
    method is better. Stop it whenever you like: the same command continues the pretraining.

    \b
    Examples:
      salt own --out own
      salt own --data xtreme --out own --languages en,de,sw,ur --json
      salt own --out own --languages th --steps 100 --rows 300 --test-rows 500
    """
    from dataclasses import replace

    from ..data import xtreme
    from ..real.own_files import CONFIG, RECIPE, Settings, run_own

    both: dict[str, Any] = {}
    if threshold is not None:
        both = {"threshold": threshold, "synonym_threshold": threshold}
    result = run_own(
        data or xtreme.folder(),
        out,
        Settings(
            task,
            tuple(dict.fromkeys(names(languages))),
            tuple(names(methods)),
            rows=rows,
            test_rows=test_rows,
            seed=seed,
            recipe=replace(RECIPE, steps=steps) if steps else RECIPE,
            config=replace(CONFIG, **both),
        ),
    )
    if as_json:
        print_json(result)
        return
    columns = list(result["methods"])
    typer.echo(
        f"{task}: accuracy in %; guessing gives {percent(result['chance'])} ± the standard error"
    )
    typer.echo(f"{'language':<10}{'pairs':>7}{'error':>7}" + "".join(f"{c:>18}" for c in columns))
    for code, count in result["rows"]["test"].items():
        scores = "".join(f"{percent(result['methods'][c]['scores'][code]):>18}" for c in columns)
        error = percent(result["standard_error"][code])
        typer.echo(f"{code:<10}{count:>7}{error:>7}{scores}")
    for name, counts in result["substitutions"].items():
        kept = ", ".join(f"{code} {row['kept']}" for code, row in counts.items())
        typer.echo(f"substitutions kept for {name}: {kept}")
    typer.echo(f"{result['note']}\nall of it: {out / 'result.json'}")


def results(runs_dir, as_json: bool) -> None:
    """Show what the runs of the paper's scale have found, beside what was published."""
    from ..data import benchmarks
    from ..real import published
    from ..real.study import ROOT
    from ..study import stats
    from ..study.results import collected, paired

    root = Path(runs_dir or ROOT)
    runs = collected(root)
    frame, left = paired(runs.frame)
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
        typer.echo(runs.note)
        if left:
            typer.echo(f"{left} runs wait for the same seed of other methods")
    else:
        typer.echo(
            f"no runs at paper scale under {root}: 'salt plan' says what they cost, 'salt "
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

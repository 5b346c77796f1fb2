"""The commands of the study of feature aggregation.

Chapter: Feature aggregation.
"""

import typer

from .console import percent, print_json


def study(world, tasks, workers, force, runs_dir) -> None:
    """Run what is missing of the sweep and the main comparison, see `study.study`."""
    from ..laboratory import aggregation

    study = aggregation.aggregation_study(world, runs_dir, tasks or aggregation.TASKS)
    made, there = aggregation.execute(study, workers, force=force)
    typer.echo(f"{made + there} runs under {study.root}: {made} made now, {there} were there")


def results(world, runs_dir, as_json: bool, record) -> None:
    """Show the sweep and the main comparison, or freeze them."""
    from ..laboratory import aggregation

    study = aggregation.aggregation_study(world, runs_dir)
    if record:
        typer.echo(f"{record}: {aggregation.freeze(study, record)} runs")
        return
    results = aggregation.results(study)
    runs, origin, source = results.runs, results.origin, results.source
    layers, dev = aggregation.chosen(runs), aggregation.dev_scores(runs)
    swept = aggregation.sweep(runs)
    tests = aggregation.comparisons(aggregation.main(runs, layers))
    if as_json:
        print_json(
            {
                "source": source,
                "origin": {k: v for k, v in origin.items() if isinstance(v, str)},
                "chosen": layers,
                "english_dev": dev,
                "sweep": swept.to_dict("records"),
                "tests": tests.to_dict("records"),
            }
        )
        return
    means = swept.groupby(["task", "layer"])[["english", "zero_shot"]].mean()
    typer.echo("sweep: scores in %, means over five seeds; layer 0 are the embeddings")
    typer.echo(f"{'task':<13}{'layer':<10}{'English dev':>12}{'English':>9}{'zero-shot':>11}")
    for (task, layer), row in means.iterrows():
        label = "baseline" if layer < 0 else f"{layer}{' chosen' * (layer == layers[task])}"
        on_dev = "" if layer < 0 else percent(dev[task][layer])
        typer.echo(
            f"{task:<13}{label:<10}{on_dev:>12}{percent(row['english']):>9}"
            f"{percent(row['zero_shot']):>11}"
        )
    typer.echo("\nzero-shot averages at the chosen layers, all seeds; differences in points")
    for row in tests.to_dict("records"):
        typer.echo(
            f"{row['task']:<13}{row['method']:<11}{percent(row['mean']):>6} against "
            f"{row['against']:<9}{percent(row['baseline_mean']):>6}: "
            f"{percent(row['difference'], '+')}, p {row['p']:.4f}, Holm p {row['p_holm']:.4f}"
        )
    typer.echo(f"from {source}: {origin['date'][:10]}, {origin['commit']}, {origin['hardware']}")

"""A frozen table that grows: runs that several machines or days make, of one plan.

Chapter: Training over 15 seeds.
"""

from collections.abc import Callable, Iterable, Sequence

from .frozen import read_table, write_table
from .grid import Spec
from .provenance import fingerprint
from .results import key_of, origin_of
from .study import Study


def missing(study: Study, planned: Iterable[Spec]) -> list[Spec]:
    """The planned runs that the frozen table doesn't have from today's sources and checkpoint.

    What is stored under the study's root is no matter here: `Study.execute` passes it over.
    """
    have = {key_of(run) for run in still_true(study)}
    return [s for s in planned if (s.task, s.method, s.seed) not in have]


def grow(
    study: Study, planned: Sequence[Spec], about_it: Callable[[list[str]], dict]
) -> tuple[int, int]:
    """Add this machine's finished runs to the study's frozen table; returns how many of the planned
    runs it then has, and how many are planned.

    Runs in the table stay if today's sources and checkpoint would make them again. about_it: the
    tasks that there are runs of → what the table says besides.
    """
    wanted = {(s.task, s.method, s.seed): s for s in planned}
    here = {key_of(run): run for run in study.fresh().runs if key_of(run) in wanted}
    old = {key_of(run): run for run in still_true(study)}
    runs = {**old, **here}
    about = origin_of(here.values(), study.command)
    configurations = {"{task}, {method}".format(**run): run["config"] for run in here.values()}
    if old and study.table:
        before = read_table(study.table, study.command).origin
        configurations = {**before["configurations"], **configurations}
        for key, between in (("commit", ", "), ("hardware", "; ")):
            both = {*before[key].split(between), *about[key].split(between)} - {""}
            about[key] = between.join(sorted(both))
        about["date"] = max(before["date"], about["date"])
    ordered = [runs[key] for key in wanted if key in runs]
    if ordered and study.table:
        tasks = list(dict.fromkeys(run["task"] for run in ordered))
        more = {"planned": len(wanted), "configurations": configurations, **about_it(tasks)}
        write_table(study.table, {**about, **more}, ordered)
    return len(ordered), len(wanted)


def still_true(study: Study) -> list[dict]:
    """The frozen runs whose fingerprint is what a run would have now."""
    if study.table is None or not study.table.exists():
        return []
    current: dict[tuple[str, str], str] = {}
    kept = []
    for run in read_table(study.table, study.command).runs:
        key = run["task"], run["method"]
        if key not in current:
            current[key] = fingerprint(study.setup, study.world, *key)
        if run.get("fingerprint") == current[key]:
            kept.append(run)
    return kept

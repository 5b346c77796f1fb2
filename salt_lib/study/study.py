"""A study: which runs there are, what makes them, where they lie, and the frozen table of them.

The laboratory's study, that of feature aggregation and those on real data are each one `Study`.

Chapter: Training over 15 seeds.
"""

from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass
from pathlib import Path

from ..errors import SaltError
from .frozen import read_table, write_table
from .grid import DEFAULT_WORKERS, Spec, Workers, execute, grid
from .provenance import StudySetup, fingerprint
from .results import Results, key_of, origin_of
from .store import fresh


@dataclass(frozen=True)
class Study:
    """The runs of ``tasks`` × ``methods`` × ``seeds`` in a world, under ``root``.

    setup: what all its runs share, see `StudySetup`. command: what makes them. table: the
    frozen runs that ship with the package, where there are some.
    """

    setup: StudySetup
    root: Path
    command: str
    tasks: tuple[str, ...]
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    world: int = 0
    table: Path | None = None

    def specs(
        self,
        tasks: Iterable[str] | None = None,
        methods: Iterable[str] | None = None,
        seeds: Iterable[int] | None = None,
    ) -> list[Spec]:
        """Its runs, or others of this setup; see `grid.grid` for errors."""
        return grid(
            self.world,
            self.tasks if tasks is None else tasks,
            self.methods if methods is None else methods,
            self.seeds if seeds is None else seeds,
            self.setup.check,
        )

    def execute(
        self,
        specs: Iterable[Spec] | None = None,
        workers: Workers = DEFAULT_WORKERS,
        *,
        force: bool = False,
        progress: bool = True,
    ) -> list[Spec]:
        """Make what is missing, of these runs or of all; see `grid.execute`."""
        chosen = self.specs() if specs is None else specs
        return execute(chosen, self.root, self.setup, workers, force=force, progress=progress)

    def fresh(self) -> Results:
        """This machine's runs that are up to date, of whichever task, method and seed."""
        runs = fresh(self.setup, self.root, self.world, self.command)
        return Results(runs, origin_of(runs, self.command))

    def recorded(self) -> Results:
        """The frozen table's runs of this world. SaltError: there is no readable table, or it has
        no run of this world."""
        if self.table is None:
            raise SaltError(f"no frozen table of this study; run '{self.command}'")
        table = read_table(self.table, self.command)
        runs = [run for run in table.runs if run["world"] == self.world]
        if not runs:
            raise SaltError(
                f"no results of world {self.world}: they are not complete under {self.root}, and "
                f"{self.table} lacks them too; run '{self.command} --world {self.world}'"
            )
        return Results(runs, table.origin, table.source)

    def results(self, methods: Iterable[str] | None = None) -> Results:
        """This machine's runs where they are complete, else the frozen ones: **a page says which**.

        methods: by default the study's. Complete is: all of its tasks and seeds with all of
        ``methods``, up to date. The frozen table may hold fewer seeds of some methods; of it, only
        the seeds that all of ``methods`` have are returned, so that runs pair up. SaltError:
        neither has these methods in this world.
        """
        chosen = list(self.methods if methods is None else methods)
        wanted = {astuple(spec)[1:] for spec in self.specs(methods=chosen)}
        results = self.fresh()
        if wanted <= {key_of(run) for run in results.runs}:
            return results.only(wanted)
        results = self.recorded().only(wanted)
        if lacking := set(chosen) - {run["method"] for run in results.runs}:
            raise SaltError(
                f"no results of {', '.join(sorted(lacking))} in world {self.world}: they are not "
                f"complete under {self.root}, and {self.table} lacks them too; run "
                f"'{self.command} --world {self.world} --methods {','.join(chosen)}'"
            )
        have = {key_of(run) for run in results.runs}
        shared = {
            (task, seed)
            for task in self.tasks
            for seed in self.seeds
            if all((task, method, seed) in have for method in chosen)
        }
        return results.only(key for key in have if (key[0], key[2]) in shared)

    def missing(self, specs: Iterable[Spec]) -> list[Spec]:
        """Those of these runs that the frozen table doesn't have from today's sources and setup.

        What is stored under the root is no matter here: `execute` passes it over.
        """
        have = {key_of(run) for run in self._still_true()}
        return [spec for spec in specs if astuple(spec)[1:] not in have]

    def extend(
        self, specs: Iterable[Spec], head: Callable[[list[dict]], dict] | None = None
    ) -> int:
        """Add what is finished of these runs to the frozen table; returns how many it then has.

        A long study is frozen bit by bit, on one machine or on several. Runs in the table stay if
        today's sources and setup would make them again. head: what else the table says of its runs.
        """
        wanted = dict.fromkeys(astuple(spec)[1:] for spec in specs)
        here = {key_of(run): run for run in self.fresh().runs if key_of(run) in wanted}
        old = {key_of(run): run for run in self._still_true() if key_of(run) in wanted}
        runs = {**old, **here}
        ordered = [runs[key] for key in wanted if key in runs]
        if not ordered or self.table is None:
            return len(ordered)
        about = origin_of(here.values(), self.command)
        configurations = {"{task}, {method}".format(**run): run["config"] for run in here.values()}
        if old:
            before = read_table(self.table, self.command).origin
            configurations = {**before["configurations"], **configurations}
            for key, between in (("commit", ", "), ("hardware", "; "), ("capability", "; ")):
                both = {*before.get(key, "").split(between), *about[key].split(between)} - {""}
                about[key] = between.join(sorted(both))
            about["date"] = max(before["date"], about["date"])
        about |= {"planned": len(wanted), "configurations": configurations}
        write_table(self.table, {**about, **(head(ordered) if head else {})}, ordered)
        return len(ordered)

    def _still_true(self) -> list[dict]:
        """The frozen runs whose fingerprint is what a run would have now."""
        if self.table is None or not self.table.exists():
            return []
        current: dict[tuple[str, str], str] = {}
        kept = []
        for run in read_table(self.table, self.command).runs:
            key = run["task"], run["method"]
            if key not in current:
                current[key] = fingerprint(self.setup, self.world, *key)
            if run.get("fingerprint") == current[key]:
                kept.append(run)
        return kept

    def freeze(self, path: str | Path, specs: Iterable[Spec], **head: object) -> int:
        """Write these runs to a frozen table, with what is said of all of them; returns their
        number.

        The table has command, commit, date and hardware, and the configuration of each task.
        SaltError: a run is missing or stale, runs of a task have different configurations, or
        ``path`` holds another world.
        """
        by_key = {key_of(run): run for run in self.fresh().runs}
        keys = [astuple(spec)[1:] for spec in specs]
        if lacking := [key for key in keys if key not in by_key]:
            names = ", ".join(dict.fromkeys(f"{task} {method}" for task, method, _ in lacking))
            raise SaltError(
                f"{len(lacking)} runs in world {self.world} are missing or stale under {self.root} "
                f"({names}); run '{self.command}'"
            )
        if Path(path).exists():
            held = {run["world"] for run in read_table(path, self.command).runs} - {self.world}
            if held:
                raise SaltError(
                    f"{path} holds world {held.pop()}, not {self.world}: choose another file"
                )
        runs = [by_key[key] for key in keys]
        tasks = dict.fromkeys(run["task"] for run in runs)
        about = {**origin_of(runs, self.command), **head}
        about["configurations"] = {task: _config(runs, task) for task in tasks}
        write_table(path, about, runs)
        return len(runs)


def _config(runs: list[dict], task: str) -> dict:
    configurations = [run["config"] for run in runs if run["task"] == task]
    if any(configuration != configurations[0] for configuration in configurations):
        raise SaltError(
            f"{task}: its runs have different configurations; make them again with --force"
        )
    return configurations[0]

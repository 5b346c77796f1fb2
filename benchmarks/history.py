"""What every freeze of the laboratory's table showed, from git: ``python -m benchmarks.history``.

``recorded/history.json`` has the editions of the world, the checkpoints of world 0 and each frozen
table that was ever committed, with what it says of every method against the baseline.
``recorded/tuning-history.json`` has the trials that an earlier ``tuning.json`` held and the present
one does not. Both need the whole history: a shallow clone is refused.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import numpy as np

from salt_lib.digests import write_checked
from salt_lib.errors import SaltError
from salt_lib.files import RECORDED
from salt_lib.languages import SOURCE
from salt_lib.study import stats
from salt_lib.study.results import frame_of, key_of

ROOT = Path(__file__).parents[1]
COMMAND = "python -m benchmarks.history"
# Where each file has been, the newest place last.
TABLES = ("recorded/laboratory.json", "salt_lib/recorded/laboratory.json")
TUNINGS = ("recorded/tuning.json", "salt_lib/recorded/tuning.json")
WORLDS = ("salt_lib/minibabel/facts.py", "salt_lib/laboratory/minibabel/facts.py")
WEIGHTS = (
    "salt_lib/checkpoints/world-0/model.safetensors",
    "salt_lib/laboratory/shipped/world-0/model.safetensors",
)
DEEPER = (
    "salt_lib/checkpoints/world-0-layers-6/model.safetensors",
    "salt_lib/laboratory/shipped/world-0-layers-6/model.safetensors",
)
COMPARED = ("n", "mean", "baseline_mean", "difference", "sd", "p", "ci_low", "ci_high")
DIGITS = 7  # that count, in scores and p-values


def git(*arguments: str, root: Path = ROOT) -> str:
    """What git prints. SaltError: it fails."""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise SaltError(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def versions(paths: Sequence[str], root: Path = ROOT) -> Iterator[tuple[dict, str]]:
    """Each content that a file has had, oldest first: its first commit, and its blob.

    paths: all places of the file. A commit that only moves it is none of them.
    """
    before = ""
    log = git("log", "--reverse", "--format=%H\t%cI\t%s", "--", *paths, root=root)
    for line in log.splitlines():
        commit, date, subject = line.split("\t", 2)
        date = datetime.fromisoformat(date).isoformat()  # newer gits write Z for +00:00
        for path in paths:
            entry = git("ls-tree", commit, path, root=root).split()  # mode, kind, blob, path
            if entry and entry[2] != before:
                before = entry[2]
                yield {"commit": commit, "date": date, "subject": subject, "path": path}, before


def contents(paths: Sequence[str], root: Path = ROOT) -> Iterator[tuple[dict, str, dict]]:
    """Each version of a JSON file, as `versions` has it, and what it says.

    One that says what the one before said, and gets a checksum of it, is none.
    """
    before: dict = {}
    for about, blob in versions(paths, root):
        told = json.loads(git("cat-file", "blob", blob, root=root))
        told.pop("checksum", None)
        if told != before:
            before = told
            yield about, blob, dict(told)


def editions(root: Path = ROOT) -> list[dict]:
    """The commits in which the world's edition changed; before the first it has no number.

    why: what the commit's message says below its subject.
    """
    found: list[dict] = []
    for about, blob in versions(WORLDS, root):
        number = edition(git("cat-file", "blob", blob, root=root))
        if not found or number != found[-1]["edition"]:
            why = git("log", "-1", "--format=%b", about["commit"], root=root).strip()
            found.append({"edition": number, "why": why, **about})
    return found


def edition(source: str) -> int | None:
    """The number in the sources of the facts, None where there is none."""
    number = re.search(r"^EDITION = (\d+)", source, re.MULTILINE)
    return int(number[1]) if number else None


def edition_at(commit: str, root: Path = ROOT) -> int | None:
    """The edition of the world in a commit's sources."""
    for path in WORLDS:
        if git("ls-tree", commit, path, root=root):
            return edition(git("show", f"{commit}:{path}", root=root))
    return None


def checkpoints(paths: Sequence[str], root: Path = ROOT) -> list[dict]:
    """Each checkpoint that was committed: its recipe's size, its loss and alignment at the end."""
    found = []
    for about, _ in versions(paths, root):
        curve = f"{about['commit']}:{Path(about['path']).parent}/curve.json"
        told = json.loads(git("show", curve, root=root))
        recipe, last = told["recipe"], told["curve"][-1]
        found.append(
            {
                **about,
                **{key: recipe[key] for key in ("layers", "hidden", "documents", "steps")},
                "masked_word_loss": last["masked_word_loss"],
                "next_sentence_loss": last["next_sentence_loss"],
                "alignment": round(float(np.mean(list(last["alignment"].values()))), DIGITS),
            }
        )
    return found


def last_commit(commit: str, paths: Sequence[str], root: Path = ROOT) -> str:
    """Which commit's weights lie at ``commit``: the first that has them, moved since or not."""
    at = {about["commit"] for about, _ in versions(paths, root)}
    older = git("log", "--format=%H", commit, "--", *paths, root=root).split()
    return next((one for one in older if one in at), "")


def shown(rows: Sequence[dict]) -> dict:
    """task → method → its test against the baseline over the seeds that both have.

    zero_shot: on the zero-shot average; english: in English alone, of SALT. A method that shares
    fewer than two seeds with the baseline is left out.
    """
    frame = frame_of(rows)
    tasks: dict[str, dict] = {}
    for task in dict.fromkeys(row["task"] for row in rows):
        codes = sorted(frame[frame["task"] == task]["language"].unique())
        methods = dict.fromkeys(row["method"] for row in rows if row["task"] == task)
        every = {m: stats.scores_array(frame, task, m, codes) for m in methods}
        tasks[task] = {}
        for method in methods:
            common = sorted({*every[method][0]} & {*every["baseline"][0]})
            if method == "baseline" or len(common) < 2:
                continue
            ours, theirs = (
                scores[[seeds.index(seed) for seed in common]]
                for seeds, scores in (every[method], every["baseline"])
            )
            averages = [stats.zero_shot_average(side, codes) for side in (ours, theirs)]
            tasks[task][method] = {"zero_shot": compared(*averages)}
            if method == stats.SALT:
                column = codes.index(SOURCE)
                tasks[task][method]["english"] = compared(ours[:, column], theirs[:, column])
    return tasks


def compared(ours: np.ndarray, theirs: np.ndarray) -> dict:
    """`stats.compare`, what of it is kept; None for what can't be told."""
    test = asdict(stats.compare(ours, theirs))
    return {key: significant(test[key]) if test[key] == test[key] else None for key in COMPARED}


def significant(value: float) -> float:
    """As many digits as are worth a line of a file, so that small p-values keep theirs."""
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def freezes(root: Path = ROOT) -> list[dict]:
    """Every frozen table of the laboratory's study that was committed, oldest first."""
    found: list[dict] = []
    scores: dict[tuple, dict] = {}
    for about, blob, head in contents(TABLES, root):
        rows = head.pop("rows")
        known, scores = scores, {key_of(row): row["scores"] for row in rows}
        found.append(
            {
                **about,
                "blob": blob,
                "command": head["command"],
                "made": head["date"],
                "made_at": head["commit"].split(", "),
                "hardware": head["hardware"],
                "world": rows[0]["world"],
                "edition": edition_at(about["commit"], root),
                "checkpoint": last_commit(about["commit"], WEIGHTS, root),
                "configurations": head["configurations"],
                "runs": len(rows),
                "new_runs": sum(known.get(key) != value for key, value in scores.items()),
                "tasks": shown(rows),
            }
        )
    return found


def lost_trials(root: Path = ROOT) -> dict:
    """Trials of earlier tuning records that the present one has not, with their first commit."""
    records: list[dict] = []
    kept: dict[str, tuple[str, dict]] = {}
    every = [(about, record) for about, _, record in contents(TUNINGS, root)]
    present = trials(every[-1][1])
    for about, record in every[:-1]:
        records.append({**about, "state": record.get("state")})
        for key, (kind, trial) in trials(record).items():
            if key not in present:
                kept.setdefault(key, (kind, {**trial, "commit": about["commit"]}))
    lost: dict[str, list] = {"pretraining": [], "distillation": [], "finetuning": []}
    for kind, trial in kept.values():
        lost[kind].append(trial)
    return {
        "world": every[-1][1]["world"],
        "records": records,
        "replaced_by": every[-1][0],
        **lost,
    }


def trials(record: dict) -> dict[str, tuple[str, dict]]:
    """The trials of a tuning record by their own text: each with its kind."""
    found: dict[str, tuple[str, dict]] = {}
    for kind in ("pretraining", "distillation", "finetuning"):
        entries = record[kind]
        if isinstance(entries, dict):  # one model's, or one list for each task
            one = "rows" in entries
            entries = [entries] if one else [{"task": t, "rows": r} for t, r in entries.items()]
        found |= {json.dumps([kind, e], sort_keys=True): (kind, e) for e in entries}
    return found


def main() -> None:
    """Read git and write both files."""
    if git("rev-parse", "--is-shallow-repository").strip() == "true":
        raise SaltError("a shallow clone has no history: git fetch --unshallow")
    head = {"command": COMMAND, "commit": git("rev-parse", "HEAD").strip()}
    world = {
        "editions": editions(),
        "checkpoints": checkpoints(WEIGHTS),
        "deeper": checkpoints(DEEPER),
        "freezes": freezes(),
    }
    write_checked(RECORDED / "history.json", {**head, **world})
    write_checked(RECORDED / "tuning-history.json", {**head, **lost_trials()})


if __name__ == "__main__":
    try:
        main()
    except SaltError as error:
        sys.exit(f"history: {error}")

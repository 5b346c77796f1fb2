"""The study of pictures: which worlds, conditions and seeds, as its chapter's protocol says.

Chapter: Pictures.
"""

from pathlib import Path

from ...files import RECORDED, folder
from ...languages import SOURCE
from ...models import loading
from ...salt import predictions
from ...study.grid import Spec
from ...study.parts import check_world
from ...study.study import Study
from .. import quality
from ..checkpoints import checkpoint
from .conditions import CONDITIONS, CONFIG, Pictures
from .run import predictions_path
from .towers import encoded, probe, views

WORLDS = (2, 3, 4)
SEEDS = tuple(range(10))


def table_path(world: int) -> Path:
    """The frozen table of a world."""
    return RECORDED / "pictures" / f"world-{world}.json"


def pictures_study(world: int, root: str | Path | None = None) -> Study:
    """The study's part in one world; root: by default ``$SALT_RUNS_DIR`` or ``runs``, in it
    ``pictures``. SaltError: a world that the protocol doesn't have."""
    check_world(world, WORLDS, "the study of pictures")
    rows = CONDITIONS.values()
    return Study(
        setup=Pictures(world),
        root=Path(root or folder("SALT_RUNS_DIR", "runs")) / "pictures",
        command=f"salt study --scale pictures --world {world}",
        tasks=tuple(dict.fromkeys(row.task for row in rows)),
        methods=tuple(dict.fromkeys(row.method for row in rows)),
        seeds=SEEDS,
        world=world,
        table=table_path(world),
    )


def planned(world: int) -> list[Spec]:
    """The runs of the protocol in a world, seed by seed."""
    return [
        Spec(world, row.task, row.method, seed) for seed in SEEDS for row in CONDITIONS.values()
    ]


def missing(study: Study) -> list[Spec]:
    """The planned runs that the frozen table lacks, see `Study.missing`."""
    return study.missing(planned(study.world))


def freeze(study: Study) -> tuple[int, int]:
    """Add this machine's finished runs to the world's frozen table, see `Study.extend`.

    The table says besides what a probe reads off the pictures (`towers.probe`) and how good the
    substitutions are (`words`).
    """

    def head(_: list[dict]) -> dict:
        world = study.world
        return {"probe": probe(views(world), world), "words": words(world)}

    wanted = planned(study.world)
    return study.extend(wanted, head), len(wanted)


def words(world: int) -> dict[str, float | None]:
    """What SALT substitutes in a world's captions, in other languages: precision and coverage of
    content words, by the world's true translations; no precision where nothing is kept."""
    found = predictions.read_all(predictions_path(world))
    pieces = loading.tokenizer(checkpoint(world)).get_vocab()
    data = encoded(world, "train", SOURCE)
    judged = quality.judge(found[found["language"] != SOURCE], data, pieces)
    content = judged[judged["content"]]
    kept = content[content["probability"] >= CONFIG.threshold]
    return {
        "threshold": CONFIG.threshold,
        "precision": round(float((kept["verdict"] == "right").mean()), 4) if len(kept) else None,
        "coverage": round(len(kept) / max(1, len(content)), 4),
    }

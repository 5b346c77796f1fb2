"""What a laboratory study's runs share: a world with its checkpoint, and how tasks are trained.

Chapter: Training over 15 seeds.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ..digests import digest
from ..salt.methods import Method
from ..training.config import Config
from . import deeper
from .checkpoints import checkpoint, files_of
from .tasks import CONFIGS, METHOD_CONFIGS, WORLD_TASKS, task


@dataclass(frozen=True)
class Laboratory:
    """A world, and the tiny mBERT that was made in it; see `study.provenance.StudySetup`.

    layers: of the deeper model of the same world (`salt_lib.laboratory.deeper`), None for the tiny
    mBERT itself.
    """

    world: int = 0
    layers: int | None = None
    runner = "salt_lib.laboratory.run:run"

    @property
    def checkpoint(self) -> Path:
        """The folder of its checkpoint; see `checkpoints.checkpoint` for errors."""
        return checkpoint(self.world, self.layers)

    def check(self, name: str, method: Method) -> None:
        """Raise SaltError for a task that the laboratory doesn't have; it has every method."""
        task(name)

    def config(self, name: str, method: str = "") -> Config:
        """How a task is trained, with what was chosen for a method."""
        if name in WORLD_TASKS:
            return replace(CONFIGS[name], **METHOD_CONFIGS.get(method, {}))
        return (CONFIGS if self.layers is None else deeper.CONFIGS)[task(name).name]

    def identity(self, name: str) -> dict:
        """All that decides the scores of a task's runs besides method and seed, as JSON."""
        return {
            "task": asdict(task(name)),
            "layers": self.layers,
            "weights": digest(*files_of(self.checkpoint)),
            "training": asdict(self.config(name)),
            "by_method": METHOD_CONFIGS if name in WORLD_TASKS else {},
        }

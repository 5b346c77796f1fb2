"""Where a world's checkpoint lies: shipped with the package, or made by `salt pretrain`.

Chapter: The laboratory.
"""

from pathlib import Path

from ..errors import SaltError
from ..files import folder

SHIPPED = Path(__file__).parent / "shipped"
TOLD = ("README.md", "curve.json")  # beside a checkpoint, and of no influence


def made() -> Path:
    """The folder of checkpoints that were made here: $SALT_CHECKPOINTS_DIR or ``checkpoints``."""
    return folder("SALT_CHECKPOINTS_DIR", "checkpoints")


def checkpoint_name(world: int, layers: int | None = None) -> str:
    """What the folder of a world's checkpoint is called; layers: of the deeper one."""
    return f"world-{world}" if layers is None else f"world-{world}-layers-{layers}"


def checkpoint(world: int, layers: int | None = None) -> Path:
    """The folder of a world's checkpoint: shipped, or made by `salt pretrain`.

    layers: of a deeper model that differs in their number alone; it has the same tokenizer. Looks
    in ``$SALT_CHECKPOINTS_DIR`` (default ``checkpoints/``), then in the package. Raises SaltError
    naming the command that makes a missing one.
    """
    roots = (made(), SHIPPED)
    for root in roots:
        folder = root / checkpoint_name(world, layers)
        if (folder / "model.safetensors").exists():
            return folder
    worlds = sorted(p.name.removeprefix("world-") for r in roots for p in r.glob("world-*"))
    more, option = ("", "") if layers is None else (f" of {layers} layers", f" --layers {layers}")
    raise SaltError(
        f"no checkpoint{more} for world {world!r} (there: {', '.join(worlds) or 'none'}); make it "
        f"with `salt pretrain --world {world}{option}`"
    )


def files_of(folder: Path) -> list[Path]:
    """The files of a checkpoint that a run depends on."""
    return [p for p in sorted(folder.glob("*")) if p.is_file() and p.name not in TOLD]

"""Writing files so that a reader never sees half of one, and where folders are.

Chapter: How the code is laid out.
"""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from .errors import SaltError

RECORDED = Path(__file__).parent / "recorded"  # results that ship with the package


def folder(variable: str, default: str) -> Path:
    """The folder that an environment variable names, read when it is used, or ``default``."""
    return Path(os.environ.get(variable) or default)


def write_through(path: str | Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then rename it into place.

    Raises SaltError where the file can't be written (a full disk, no permission): the temporary
    file is removed and what stood at ``path`` before stays as it was.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        os.close(handle)
        temporary = Path(name)
        write(temporary)
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        # mkstemp makes files private; a result is as readable as any other file of its user.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        os.replace(temporary, path)
    except OSError as error:
        raise SaltError(
            f"{path}: can't be written ({error.strerror or error}); free some space or choose "
            "another folder, then run the same command again: nothing was lost"
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write ``data`` to ``path`` atomically; see `write_through` for errors."""
    write_through(path, lambda temporary: temporary.write_bytes(data))


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` as UTF-8 to ``path`` atomically."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: str | Path, value: object) -> None:
    """Write ``value`` as indented JSON (finite numbers only) to ``path`` atomically."""
    text = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False, sort_keys=True)
    write_text(path, text + "\n")

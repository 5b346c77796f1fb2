"""Writing files so that a reader never sees half of one, and where folders are.

Chapter: How the code is laid out.
"""

import glob
import json
import os
import platform
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from .errors import SaltError

ABANDONED = 3600  # seconds since anything was written into a temporary file
RECORDED = Path(__file__).parent / "recorded"  # results that ship with the package


def folder(variable: str, default: str) -> Path:
    """The folder that an environment variable names, read when it is used, or ``default``."""
    return Path(os.environ.get(variable) or default)


def _sweep(path: Path) -> None:
    """Remove what a killed process left when it wrote ``path``: of a large model, gigabytes."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(OSError):  # gone meanwhile, or somebody else's
            if time.time() - left.stat().st_mtime > ABANDONED:
                left.unlink()


def readable(path: str | Path) -> Path:
    """The path of a file to read. SaltError: it is a pipe or a device, which may have no end."""
    path = Path(path)
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise SaltError(f"{path}: a pipe or a device; give a file")
    return path


def write_through(path: str | Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then rename it into place.

    Raises SaltError where the file can't be written (a full disk, no permission): the temporary
    file is removed and what stood at ``path`` before stays as it was.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
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


@contextmanager
def alone(path: str | Path, what: str, wait: bool = True) -> Iterator[bool]:
    """Make ``path`` as the only process that does; gives whether another one was waited for.

    what: it is called in messages. The system takes the lock from a process that dies. Raises
    SaltError where another process has it and ``wait`` is false; waiting, a warning says for whom.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock, holder = (path.with_name(f".{path.name}.{end}") for end in ("lock", "holder"))
    held, waited = FileLock(lock), False
    try:
        held.acquire(timeout=0)
    except Timeout:
        try:
            who = holder.read_text(encoding="utf-8")
        except OSError:
            who = "another process"
        if not wait:
            raise SaltError(
                f"{what}: {who} is working on it (its lock is {lock}); wait for it, or stop it"
            ) from None
        warnings.warn(f"waiting for {who}, which is making {what}", stacklevel=3)
        held.acquire()
        waited = True
    except NotImplementedError:  # a file system without locks
        yield False
        return
    try:
        holder.write_text(f"process {os.getpid()} on {platform.node()}", encoding="utf-8")
        yield waited
    finally:
        # Who waits for a removed file notices (filelock's own check), and locks the next one.
        with suppress(OSError):
            holder.unlink()
            lock.unlink()
        held.release()


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

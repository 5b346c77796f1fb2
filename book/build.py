"""Build the book from nothing, or, where nothing has changed since it was built, not at all.

A notebook's cache is keyed on its cells and knows nothing of ``salt_lib`` or of the runs, and a
strict build over a failed one would pass because the pages that warned are not read again. So no
part of an earlier build is ever used: ``_build`` goes, and a stamp with a fingerprint of all that
the pages are made from is written last, when everything has succeeded.

Usage: ``python book/build.py``, from any folder. ``make book`` runs the study first.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = (
    "salt_lib/**/*",
    "notebooks/*.md",
    "book/**/*",
    "studies/*",
    "_config.yml",
    "_toc.yml",
    "requirements.lock",
)


def runs(root: Path) -> Path:
    """Where the pages read the study's runs, whatever folder a notebook is executed in."""
    return Path(os.environ.get("SALT_RUNS_DIR") or root / "runs").resolve()


def sources(root: Path) -> Iterator[Path]:
    """The files that the pages are made from, runs included, in a fixed order."""
    paths = [path for pattern in SOURCES for path in root.glob(pattern)]
    paths += runs(root).glob("**/*.json")
    for path in sorted(paths):
        hidden = any(part == "__pycache__" or part[0] == "." for part in path.parts[-3:])
        if path.is_file() and not hidden and path.suffix != ".ipynb":
            yield path


def fingerprint(root: Path) -> str:
    """A hash of names and contents of the sources, and of the Python that runs them."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sources(root):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{os.path.relpath(path, root)}\0{content}\0".encode())
    return digest.hexdigest()


def environment(root: Path) -> dict[str, str]:
    """The variables that the notebooks see: these runs, and no IPython start-up files of the user.

    The kernel's remarks on how it listens, and tqdm's on a widget that no page has, are silenced:
    beside them a real warning is overlooked.
    """
    profile = root / "_build" / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_kernel_config.py").write_text('c.IPKernelApp.log_level = "ERROR"\n')
    own = {"SALT_RUNS_DIR": str(runs(root)), "IPYTHONDIR": str(profile.parent)}
    own["JUPYTER_PATH"] = str(kernels(root))
    own["MATPLOTLIBRC"] = str(looks(root))
    # A notebook runs in its own folder, where it would find neither what the study has distilled
    # nor a checkpoint that was made here.
    for name, folder in (("SALT_CACHE_DIR", "cache"), ("SALT_CHECKPOINTS_DIR", "checkpoints")):
        own[name] = str(Path(os.environ.get(name) or root / folder).resolve())
    return os.environ | own | {"PYTHONWARNINGS": "ignore:IProgress not found"}


def looks(root: Path) -> Path:
    """A matplotlibrc of the book's own, for what a page itself adds to a figure."""
    from salt_lib.plots.style import SETTINGS  # matplotlib takes its time, and is needed here alone

    path = root / "_build" / "matplotlibrc"
    plain = {k: str(v).lstrip("#") for k, v in SETTINGS.items() if k != "axes.prop_cycle"}
    path.write_text("".join(f"{k}: {v}\n" for k, v in plain.items()), encoding="utf-8")
    return path


def kernels(root: Path) -> Path:
    """A Jupyter folder whose kernel python3 is the Python that builds, whatever the user's is."""
    folder = root / "_build" / "jupyter"
    spec = folder / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    about = {"argv": argv, "display_name": "Python 3", "language": "python"}
    spec.write_text(json.dumps(about), encoding="utf-8")
    return folder


def library(root: Path, variables: dict[str, str]) -> Path:
    """The folder of the ``salt_lib`` that the pages' cells would import."""
    code = "import salt_lib; print(salt_lib.__path__[0])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root / "notebooks",
        env=variables,
        capture_output=True,
        text=True,
    )
    return Path(done.stdout.strip() or "none").resolve()


def build(root: Path, command: list[str]) -> int:
    """Run ``command`` in ``root`` on an empty ``_build`` unless the last build is current.

    Returns the exit status: 0 where the book stands, else the command's, the same each time.
    """
    output = root / "_build"
    stamp = output / "finished"
    page = output / "html" / "index.html"
    current = fingerprint(root)
    if page.is_file() and stamp.is_file() and stamp.read_text() == current:
        print(f"The book is current, nothing has changed since it was built: {page}")
        return 0
    shutil.rmtree(output, ignore_errors=True)
    try:
        output.mkdir()
    except OSError as error:
        print(
            f"{output} can't be made anew ({error.strerror}): is it another user's, or open "
            "elsewhere? Remove it, then build again",
            file=sys.stderr,
        )
        return 2
    start, variables = time.monotonic(), environment(root)
    if (imported := library(root, variables)) != (root / "salt_lib").resolve():
        print(
            f"The pages would be made by {imported}, not by this checkout's salt_lib: unset "
            "PYTHONPATH, or build with the Python of this checkout (make book)",
            file=sys.stderr,
        )
        return 2
    status = subprocess.run(command, cwd=root, env=variables).returncode
    if status == 0 and not page.is_file():
        print(f"The build ended well but left no {page}", file=sys.stderr)
        status = 1
    if status:
        print("The book was not built: see the warnings and errors above.", file=sys.stderr)
        return status
    stamp.write_text(current)
    print(f"The book, built in {time.monotonic() - start:.0f} s: {page}")
    return 0


def main() -> int:
    """Build this checkout's book strictly: any warning, broken reference or failing cell fails."""
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    options = ["build", ".", "--all", "-n", "-W", "--keep-going"]
    return build(ROOT, [str(jupyter_book), *options])


if __name__ == "__main__":
    sys.exit(main())

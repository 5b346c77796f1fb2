"""Build the book from nothing, or, where nothing has changed since it was built, not at all.

A notebook's cache is keyed on its cells and knows nothing of ``salt_lib`` or of the runs, and a
strict build over a failed one would pass because the pages that warned are not read again. So no
part of an earlier build is ever used: ``_build`` goes, and a stamp with a fingerprint of all that
the pages are made from is written last, when everything has succeeded.

The notebooks are executed first, several at a time, into a cache that begins empty and that Jupyter
Book, which would take them one by one, then reads.

Usage: ``python book/build.py [--jobs N]``, from any folder. ``make book`` runs the study first.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import yaml
from joblib import Parallel, cpu_count, delayed
from jupyter_cache import get_cache
from jupyter_cache.executors import load_executor
from sphinx_external_toc.parsing import parse_toc_yaml
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
MOST = 4  # notebooks at a time, by default: each has torch in memory
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


def pages(root: Path) -> list[Path]:
    """The pages that have cells to be executed, the largest first: they tend to take longest."""
    files = parse_toc_yaml(root / "_toc.yml")
    texts = {root / name: (root / name).read_text(encoding="utf-8") for name in files}
    found = [path for path, text in texts.items() if "```{code-cell}" in text]
    return sorted(found, key=lambda path: len(texts[path]), reverse=True)


def execute(
    folder: Path, paths: Sequence[Path], jobs: int, timeout: int, variables: dict[str, str]
) -> None:
    """Execute notebooks, ``jobs`` at a time, into the cache in ``folder``.

    timeout: seconds for a cell. variables: what the kernels see. A notebook that fails is not
    cached: Jupyter Book tries it again, and says where it failed.
    """
    cache = get_cache(folder)
    reader = {"name": "myst_nb_md", "type": "plugin"}
    keys = [cache.add_nb_to_project(str(path), read_data=reader).pk for path in paths]

    def run(key: int) -> None:
        executor = load_executor("local-serial", get_cache(folder))
        executor.run_and_cache(filter_pks=[key], timeout=timeout)

    threads = {"OMP_NUM_THREADS": "1"} if jobs > 1 else {}
    before = dict(os.environ)
    os.environ.update(variables | threads)
    try:
        done = Parallel(jobs, prefer="threads", return_as="generator_unordered")(
            delayed(run)(key) for key in keys
        )
        for _ in tqdm(done, "notebooks", len(keys), unit="page"):
            pass
    finally:
        os.environ.clear()
        os.environ.update(before)


def build(
    root: Path, command: list[str], before: Callable[[dict[str, str]], None] | None = None
) -> int:
    """Run ``command`` in ``root`` on an empty ``_build`` unless the last build is current.

    before: what is done ahead of it, with the variables that it sees.

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
    if before is not None:
        before(variables)
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
    parser = argparse.ArgumentParser(description="Build the book, unless it is current.")
    most = min(cpu_count(), MOST)
    parser.add_argument(
        "--jobs", type=int, default=most, help=f"notebooks at a time (default: {most})"
    )
    jobs = max(1, parser.parse_args().jobs)
    # Only here is the cache sure to begin empty: who calls Jupyter Book directly gets none.
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    cache = ROOT / "_build" / ".jupyter_cache"
    config["execute"] |= {"execute_notebooks": "cache", "cache": str(cache)}
    extensions = config["sphinx"]["local_extensions"]  # looked for beside the configuration
    extensions |= {name: str(ROOT / path) for name, path in extensions.items()}
    own = ROOT / "_build" / "_config.yml"

    def before(variables: dict[str, str]) -> None:
        own.write_text(yaml.safe_dump(config), encoding="utf-8")
        execute(cache, pages(ROOT), jobs, config["execute"]["timeout"], variables)

    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    options = ["build", ".", "--all", "-n", "-W", "--keep-going", "--config", str(own)]
    return build(ROOT, [str(jupyter_book), *options], before)


if __name__ == "__main__":
    sys.exit(main())

"""The notebooks in JupyterLab, as `make lab` opens them: run from top to bottom, edit, save."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest

from salt_lib.laboratory import outcomes
from salt_lib.laboratory.bitext import outcomes as bitext
from salt_lib.study.parts import finished

from .conftest import ROOT

NOTEBOOKS = sorted(path.name for path in (ROOT / "notebooks").glob("*.md"))
COPIED = ("notebooks", "salt_lib", "book", "_config.yml", "jupytext.toml", "pyproject.toml")
# Of tables alone: the audit, and the studies over worlds and of bitext while runs are missing.
PICTURELESS = {
    "08_claims.md",
    *(["10_worlds.md"] if not outcomes.finished() else []),
    *(["14_bitext.md"] if not finished(bitext.parts()) else []),
}
# Shuts dialogs out and waits until every code cell has run. A cell's error ends the run there.
RUN = """
async (path) => {
  const app = window.jupyterapp;
  await app.restored;
  const widget = await app.commands.execute("docmanager:open", {path, factory: "Notebook"});
  await widget.context.ready;
  await widget.context.sessionContext.ready;
  app.shell.activateById(widget.id);
  await app.commands.execute("notebook:run-all-cells");
  await widget.context.save();
  const cells = widget.content.model.toJSON().cells.filter((c) => c.cell_type === "code");
  const outputs = cells.flatMap((c) => c.outputs);
  const errors = outputs.filter((o) => o.output_type === "error");
  const found = {
    cells: cells.length,
    run: cells.filter((c) => c.execution_count > 0).length,
    raw: JSON.stringify(outputs).match(/\\{(glue|cite|mod|func|numref)[a-z:]*\\}`/g) || [],
    warnings: outputs.map((o) => [o.text].flat().join("")).filter((t) => /warning/i.test(t)),
    pictures: outputs.filter((o) => o.data && "image/png" in o.data).length,
    errors: errors.map((o) => `${o.ename}: ${o.evalue}`),
  };
  await widget.context.sessionContext.shutdown();
  widget.dispose();
  return found;
}
"""
EDIT = """
async ([path, text]) => {
  const app = window.jupyterapp;
  await app.restored;
  const widget = await app.commands.execute("docmanager:open", {path, factory: "Notebook"});
  await widget.context.ready;
  const cell = [...widget.content.model.cells].find((c) => c.type === "markdown");
  cell.sharedModel.setSource(cell.sharedModel.getSource() + text);
  await widget.context.save();
  widget.dispose();
}
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the repository, without runs: its pages show the frozen table."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in COPIED:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "*.ipynb")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def lab(chromium, checkout):
    """A page with JupyterLab on the copy."""
    jupyter = Path(sys.executable).with_name("jupyter")
    if not jupyter.exists():
        pytest.skip("JupyterLab is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    home = checkout / ".jupyter"
    variables = {
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        # Kernels are talked to over sockets in it, whose paths may have a hundred letters.
        "JUPYTER_RUNTIME_DIR": tempfile.mkdtemp(prefix="lab-"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
        "PYTHONWARNINGS": "ignore:IProgress not found",
        "PYTHONPATH": str(checkout),  # the copy's library, not the checkout's
        "SALT_RUNS_DIR": str(checkout / "runs"),
        "SALT_CACHE_DIR": str(checkout / "cache"),
        "SALT_CHECKPOINTS_DIR": str(checkout / "checkpoints"),
    }
    options = [
        f"--ServerApp.root_dir={checkout}",
        f"--ServerApp.port={port}",
        f"--IdentityProvider.token={token}",
        "--KernelManager.transport=ipc",
        "--ServerApp.open_browser=False",
        "--ServerApp.allow_root=True",
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.news_url=",
    ]
    log = checkout / "lab.log"
    with open(log, "w") as file:
        server = subprocess.Popen(
            [str(jupyter), "lab", *options],
            cwd=checkout,
            env={**os.environ, **variables},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}/lab?token={token}"
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(address, timeout=5).close()
                break
            except OSError:
                assert server.poll() is None, log.read_text()
                time.sleep(0.5)
        page = context.new_page()
        page.set_default_timeout(180_000)
        page.goto(address)
        page.wait_for_function("window.jupyterapp !== undefined")
        yield page
    finally:
        context.close()
        server.terminate()
        server.wait(30)
        shutil.rmtree(variables["JUPYTER_RUNTIME_DIR"], ignore_errors=True)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_from_top_to_bottom(lab, name):
    start = time.monotonic()
    found = lab.evaluate(RUN, f"notebooks/{name}")
    assert found["errors"] == found["raw"] == found["warnings"] == []
    assert found["run"] == found["cells"] > 3
    assert bool(found["pictures"]) == (name not in PICTURELESS)
    assert time.monotonic() - start < 240


@pytest.mark.parametrize("folder", ["notebooks", "cache/notebooks"])
def test_what_is_edited_and_saved_is_in_the_text(lab, checkout, folder):
    """Whichever of the pair is open; and the text's outputs stay out of it."""
    text = checkout / "notebooks" / "01_transfer.md"
    name = "01_transfer" + (".ipynb" if folder.startswith("cache") else ".md")
    said = f"Edited in {folder}."
    lab.evaluate(EDIT, [f"{folder}/{name}", f"\n\n{said}"])
    assert said in text.read_text()
    assert said in (checkout / "cache" / "notebooks" / "01_transfer.ipynb").read_text()
    before = (ROOT / "notebooks" / "01_transfer.md").read_text()
    changed = set(text.read_text().splitlines()) ^ set(before.splitlines())
    assert all(line.startswith("Edited in") for line in changed), changed

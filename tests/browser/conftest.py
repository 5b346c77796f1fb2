"""The built book behind a local server, and Debian's Chromium to look at it."""

import functools
import http.server
import shutil
import threading
from pathlib import Path

import pytest
from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).parents[2]
HTML = ROOT / "_build" / "html"
FILES = list(parse_toc_yaml(ROOT / "_toc.yml"))
PAGES = [file.removesuffix(".md") + ".html" for file in FILES]
# A browser that asks nobody for anything: no updates, no first-run pages, no experiments.
OPTIONS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage"
).split()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def site():
    """The address of the built book, ending in a slash."""
    if not (HTML.parent / "finished").exists():
        pytest.skip("the book is not built: make book")
    handler = functools.partial(_Quiet, directory=str(HTML))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def chromium():
    """A running Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if not program:
        pytest.skip("no chromium on this machine; on Debian: apt install chromium")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=program, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, site):
    """Opens a page: ``visit(page, width=1280, scheme="light")``.

    What lies outside the site is not asked for: a test needs no network. ``page.complaints``
    are console errors and failed requests, but for those to the outside.
    """
    contexts = []

    def open_(name: str, width: int = 1280, scheme: str = "light"):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, accept_downloads=True
        )
        contexts.append(context)
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.rstrip("/"))
        context.route(lambda url: not url.startswith(site), lambda route: route.abort())
        page = context.new_page()
        page.complaints = complaints = []
        inside = lambda url: not url or url.startswith(site)  # noqa: E731
        page.on(
            "console",
            lambda m: (
                complaints.append(f"console: {m.text} ({m.location.get('url')})")
                if m.type == "error" and inside(m.location.get("url"))
                else None
            ),
        )
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on(
            "response",
            lambda r: complaints.append(f"{r.status}: {r.url}") if r.status >= 400 else None,
        )
        page.on(
            "requestfailed",
            lambda r: complaints.append(f"failed: {r.url}") if inside(r.url) else None,
        )
        page.goto(site + name, wait_until="load")
        page.wait_for_timeout(150)  # the theme moves things after loading
        return page

    yield open_
    for context in contexts:
        context.close()

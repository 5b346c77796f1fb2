"""Every page of the built book, on a desktop and a phone, light and dark."""

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest
from bs4 import BeautifulSoup

from .conftest import HTML, PAGES, ROOT

VIEWS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]

# What a reader would stumble over, as text: one line each.
LOOK = r"""
() => {
  const found = [];
  const wide = document.documentElement.clientWidth;
  for (const image of document.querySelectorAll("img")) {
    const name = image.getAttribute("src");
    if (!(image.getAttribute("alt") || "").trim()) found.push("no alternative text: " + name);
    if (!image.complete || !image.naturalWidth) found.push("broken image: " + name);
    const shown = image.getBoundingClientRect().width;
    if (image.closest("figure, .cell_output") && shown && shown < 300 && image.naturalWidth > 400)
      found.push(`figure only ${shown} pixels wide: ${name}`);
  }
  if (document.documentElement.scrollWidth > wide)
    found.push(`the page is ${document.documentElement.scrollWidth} pixels wide, not ${wide}`);
  for (const table of document.querySelectorAll("article table")) {
    const box = table.getBoundingClientRect();
    if (!box.width || box.right <= wide) continue;
    let around = table.parentElement;
    while (around && !/auto|scroll/.test(getComputedStyle(around).overflowX))
      around = around.parentElement;
    if (!around || around === document.documentElement ||
        around.getBoundingClientRect().right > wide + 1)
      found.push("a table that does not scroll: " + table.textContent.trim().slice(0, 40));
  }
  const article = document.querySelector("article").innerText;
  for (const object of article.match(/<[\w.]+ object( at 0x\w+)?>/g) || [])
    found.push("an object instead of what it shows: " + object);
  const channels = (text) => text.match(/[\d.]+/g).map(Number);
  const light = (rgb) => {
    const [r, g, b] = rgb.map((c) => c / 255)
      .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = channels(getComputedStyle(e).backgroundColor);
      if (colour.length < 4 || colour[3] > 0.5) return colour.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(
    document.querySelector("article"), NodeFilter.SHOW_TEXT);
  const faint = new Set();
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !element.checkVisibility()) continue;
    if (element.closest(".highlight, script, style, .headerlink, math, svg")) continue;
    const style = getComputedStyle(element);
    if (Number(style.opacity) < 0.5) continue;
    const [a, b] = [light(channels(style.color).slice(0, 3)), light(ground(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5 && !faint.has(style.color)) {
      faint.add(style.color);
      found.push(`contrast ${contrast.toFixed(1)}: ${element.textContent.trim().slice(0, 40)}`);
    }
  }
  return found;
}
"""


@pytest.mark.parametrize("width,scheme", VIEWS, ids=lambda value: str(value))
@pytest.mark.parametrize("name", PAGES)
def test_a_page_reads_well(visit, name, width, scheme):
    page = visit(name, width, scheme)
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    assert not page.complaints, page.complaints
    assert page.evaluate(LOOK) == []


@pytest.mark.parametrize(
    "name", ["notebooks/03_distillation.html", "notebooks/04_augmentation.html"]
)
def test_a_slider_shows_another_panel(visit, name):
    page = visit(name, 390, "light")
    shown = ".slider > div:not([hidden])"
    before = page.inner_text(shown)
    page.evaluate("""
    () => {
      const slider = document.querySelector(".slider input");
      slider.value = slider.min;
      slider.dispatchEvent(new Event("input", {bubbles: true}));
    }
    """)
    assert page.locator(shown).count() == 1
    assert page.inner_text(shown) != before


BOOK = "http://book/"


def test_no_link_inside_the_book_is_broken(site):
    pages = {
        path: BeautifulSoup(path.read_text(), "html.parser")
        for path in HTML.rglob("*.html")
        if "_static" not in path.parts
    }
    anchors = {
        path.relative_to(HTML).as_posix(): {tag["id"] for tag in soup.find_all(id=True)}
        for path, soup in pages.items()
    }
    broken, checked = [], 0
    for path, soup in pages.items():
        here = path.relative_to(HTML).as_posix()
        targets = [tag.get("href") or tag.get("src") for tag in soup.find_all(["a", "link", "img"])]
        for target in filter(None, targets):
            address, anchor = urldefrag(urljoin(f"{BOOK}{here}", target))
            if not address.startswith(BOOK) or target == "#":
                continue
            checked += 1
            file = unquote(urlsplit(address).path).lstrip("/")
            known = anchors.get(file)
            if not (HTML / file).is_file() or (
                anchor and known is not None and anchor not in known
            ):
                broken.append(f"{here}: {target}")
    assert checked > 300 and not broken


def test_names_of_the_library_link_to_the_reference(site):
    page = (HTML / "notebooks" / "01_transfer.html").read_text()
    code = BeautifulSoup(page, "html.parser").find("code", string="salt_lib.real.published")
    assert code.parent.name == "a"
    assert code.parent["href"] == "../book/api/real.html#module-salt_lib.real.published"


def test_every_script_has_its_glyphs(visit):
    """Each letter of a word in a marked language looks different from a missing one."""
    page = visit("notebooks/02_laboratory.html")
    missing = page.evaluate(r"""
    () => {
      const canvas = Object.assign(document.createElement("canvas"), {width: 48, height: 48});
      const pen = canvas.getContext("2d", {willReadFrequently: true});
      const drawn = (text, font) => {
        pen.clearRect(0, 0, 48, 48);
        pen.font = font;
        pen.fillText(text, 8, 34);
        return pen.getImageData(0, 0, 48, 48).data.join();
      };
      const found = {};
      for (const element of document.querySelectorAll("article [lang]")) {
        const font = "24px " + getComputedStyle(element).fontFamily;
        const box = drawn("\u{10FFFE}", font);
        for (const letter of element.textContent.replace(/[\s\p{M}]/gu, ""))
          if (drawn(letter, font) === box) (found[element.lang] ??= new Set()).add(letter);
      }
      return Object.entries(found).map(([code, letters]) => code + " " + [...letters].join(""));
    }
    """)
    if missing and not fonts_for_all_scripts():
        pytest.skip("fonts are missing; on Debian: apt install fonts-noto-core fonts-noto-cjk")
    assert not missing


def fonts_for_all_scripts() -> bool:
    """Whether fontconfig knows a font for each script of the book."""
    codes = ("ar", "hi", "th", "ja", "ko", "zh-cn", "ur")
    try:
        lists = [
            subprocess.run(["fc-list", f":lang={c}"], capture_output=True, text=True) for c in codes
        ]
    except OSError:
        return False
    return all(found.stdout.strip() for found in lists)


def test_a_hidden_cell_opens_and_closes(visit):
    page = visit("book/intro.html")
    cell = page.locator("details.hide").first
    assert not cell.evaluate("e => e.open")
    cell.locator("summary").click()
    assert cell.evaluate("e => e.open") and cell.locator("pre").first.is_visible()
    cell.locator("summary").click()
    assert not cell.evaluate("e => e.open")


@pytest.mark.parametrize("width", [1280, 390])
def test_the_copy_button_copies_the_code(visit, width):
    page = visit("notebooks/04_augmentation.html", width)
    block = page.locator("div.cell_input:visible div.highlight:has(button.copybtn)").first
    block.hover()
    block.locator("button.copybtn").click()
    page.wait_for_function("navigator.clipboard.readText().then(text => text.length > 0)")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.strip() == block.locator("pre").inner_text().strip()


@pytest.mark.parametrize("name", [page for page in PAGES if page.startswith("notebooks/")])
def test_a_chapter_is_downloaded_as_a_notebook(visit, name):
    nbformat = pytest.importorskip("nbformat")
    page = visit(name)
    page.locator("button[aria-label='Download this page']").click()
    link = page.locator("a.btn-download-notebook-button")
    link.evaluate("a => a.removeAttribute('target')")  # a tab of its own would hide the download
    with page.expect_download() as download:
        link.click()
    path = Path(download.value.path())
    assert download.value.suggested_filename == Path(name).with_suffix(".ipynb").name
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert sum(cell.cell_type == "code" for cell in notebook.cells) > 3


def test_search_finds_mixup_and_leads_to_its_chapter(visit):
    page = visit("book/intro.html")
    page.keyboard.press("Control+k")
    page.keyboard.type("mixup")
    page.keyboard.press("Enter")
    page.wait_for_selector("ul.search li a")
    results = page.locator("ul.search li > a")
    results.filter(has_text="Augmentation").first.click()
    page.wait_for_url("**/notebooks/04_augmentation.html*")
    assert page.locator("article h1").inner_text().startswith("Augmentation")


def test_the_welcome_page_says_what_salt_results_says(visit):
    done = subprocess.run(
        [sys.executable, "-m", "salt_lib", "results", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    text = re.sub(r"\s+", " ", visit("book/intro.html").locator("article").inner_text())
    said = 0
    for test in found["primary"].values():
        for number in (
            f"{100 * test['mean']:.1f}%",
            f"{100 * test['baseline_mean']:.1f}%",
            f"{abs(100 * test['difference']):.2f} points",
            f"{100 * test['ci_low']:+.2f} to {100 * test['ci_high']:+.2f}".replace("-", "−"),
        ):
            assert number in text, number
            said += 1
    for task in found["tasks"].values():
        for kind in ("english", "average_zero_shot"):
            method = "salt" if kind == "english" else "salt-random"
            test = task[method][kind]["comparison"]
            number = f"{100 * test['ci_low']:+.2f} to {100 * test['ci_high']:+.2f}"
            assert number.replace("-", "−") in text, number
            said += 1
    assert said == 12

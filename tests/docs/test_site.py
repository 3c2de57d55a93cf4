"""The documentation as a site: built without a warning, and read without a network."""

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from snippets import DOCS, PAGES, ROOT

from siamfc.cli.verbs import VERBS
from siamfc.network import available_weights

pytest.importorskip("mkdocs")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site by the one command; a warning fails it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr[-3000:]
    return folder


class Page(HTMLParser):
    """Find what a page loads by itself, its links' targets, and its anchors."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        self.anchors.update(values[name] for name in ("id", "name") if name in values)
        if "src" in values:
            self.loads.append(values["src"])
        if "href" in values:
            (self.links if tag == "a" else self.loads).append(values["href"])


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in sorted(site.rglob("*.html"))}


def test_every_page_has_a_page(site: Path, pages: dict[Path, Page]) -> None:
    written = {path.relative_to(site).with_suffix("").as_posix() for path in pages}
    assert {page.stem for page in PAGES if page.parent == DOCS} <= written
    assert {"command_line", "weights", "notebook", "reference/tracking"} <= written


def test_nothing_is_loaded_from_another_host(site: Path, pages: dict[Path, Page]) -> None:
    loads = [(path.name, one) for path, page in pages.items() for one in page.loads]
    assert len(loads) > 100
    assert [one for one in loads if urlsplit(one[1]).scheme not in ("", "data")] == []
    for style in site.rglob("*.css"):
        addresses = re.findall(r"(?:url\(|@import)\s*['\"]?([^'\")\s]+)", style.read_text("utf-8"))
        assert [one for one in addresses if urlsplit(one).scheme not in ("", "data")] == []


def test_links_lead_somewhere(pages: dict[Path, Page]) -> None:
    broken = [
        f"{path.name}: {link}"
        for path, page in pages.items()
        for link in page.links
        if path.name != "404.html" and not _leads_somewhere(path, link, pages)
    ]
    assert broken == []


def _leads_somewhere(path: Path, link: str, pages: dict[Path, Page]) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return parts.scheme in ("https", "http")
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    target = target / "index.html" if target.is_dir() else target
    if not parts.fragment or target not in pages:
        return target.exists()
    return unquote(parts.fragment) in pages[target].anchors | {"__toc", "__search", "__drawer"}


def test_generated_pages_say_what_the_package_says(site: Path) -> None:
    commands = (site / "command_line.html").read_text(encoding="utf-8")
    assert [verb.name for verb in VERBS if f"siamfc {verb.name}" not in commands] == []
    cards = (site / "weights.html").read_text(encoding="utf-8")
    assert [one.name for one in available_weights() if one.metadata.digest not in cards] == []


def test_docstrings_render_as_text_and_code(site: Path) -> None:
    for page in sorted((site / "reference").glob("*.html")):
        text = page.read_text(encoding="utf-8")
        assert "<blockquote>" not in text, f"{page.name}: a doctest became a quotation"
        assert "::: siamfc" not in text


def test_lists_render_as_lists(site: Path) -> None:
    dash = re.compile(r"<p>(?:(?!</p>).)*?(?<![^>\n])- ", re.DOTALL)
    pages = sorted(site.rglob("*.html"))
    broken = [path.name for path in pages if dash.search(path.read_text(encoding="utf-8"))]
    assert broken == [], "leave a blank line before the list"


def test_an_option_is_not_broken_at_its_hyphens(site: Path) -> None:
    text = (site / "tracking.html").read_text(encoding="utf-8")
    assert '<code><span class="option">--no-search-again</span></code>' in text
    assert ".option {\n  white-space: nowrap;" in (site / "assets/extra.css").read_text("utf-8")


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    pytest.importorskip("playwright.sync_api")
    from web.browsing import CHROMIUM, launched

    if CHROMIUM is None:
        pytest.skip("needs chromium")
    with launched() as opened:
        yield opened


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_browser_reads_it_from_disk(site: Path, browser, width: int, scheme: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    for name in ("how_it_works", "networks", "deploy", "reference/tracking", "weights", "index"):
        page.goto((site / f"{name}.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert said == []
    if width > 1000:
        # Letters that come before the theme has read its index make it report an error.
        page.click("input[name=query]")
        page.keyboard.type("sigmoid")
        page.wait_for_selector(".md-search-result__link")
    assert [one for one in asked if not one.startswith(("file:", "data:"))] == []
    page.close()

"""The page that tracks in the browser, as a static host serves it."""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import siamfc
from js.conftest import ROOT
from js.static_pages import LONG, browser_tab, serving
from siamfc.boxes import iou
from siamfc.synthetic.clip import ProceduralClip

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
pytestmark = pytest.mark.slow

_SPEC = importlib.util.spec_from_file_location(
    "browser_page", ROOT / "docs" / "tools" / "browser_page.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
browser_page = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(browser_page)

CLIP = ProceduralClip(browser_page.SAMPLE)


@pytest.fixture(scope="module")
def folder(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the host serves."""
    folder = tmp_path_factory.mktemp("page")
    assert browser_page.assemble(folder, package / "node_modules")
    return folder


@pytest.fixture(params=[False, True], ids=["one thread", "isolated"])
def origin(folder: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    with serving(folder, isolated=request.param) as origin:
        yield origin


@pytest.fixture
def plain_origin(folder: Path) -> Iterator[str]:
    with serving(folder, isolated=False) as origin:
        yield origin


def see(tab: Any, place: str, text: str) -> None:
    playwright.expect(tab.locator(place)).to_have_text(re.compile(text), timeout=LONG)


def draw(tab: Any, box: Any, width: float) -> None:
    """Drag over the stage from a box's upper left to its lower right corner."""
    stage = tab.locator("#stage").bounding_box()
    scale = stage["width"] / width
    x, y, w, h = (float(value) * scale for value in box)
    tab.mouse.move(stage["x"] + x, stage["y"] + y)
    tab.mouse.down()
    tab.mouse.move(stage["x"] + x + w / 2, stage["y"] + y + h / 2)
    tab.mouse.move(stage["x"] + x + w, stage["y"] + y + h)
    tab.mouse.up()


def read_boxes(tab: Any) -> np.ndarray:
    """The rows of the file that the page saves."""
    with tab.expect_download() as saving:
        tab.click("#save")
    path = saving.value.path()
    text = Path(path).read_text(encoding="utf-8")
    assert text.splitlines()[0] == "time,x,y,w,h,score,lost"
    return np.loadtxt(text.splitlines()[1:], delimiter=",")


def test_a_video_is_tracked_to_its_end_as_by_python(origin: str, folder: Path) -> None:
    box = CLIP.boxes[0]
    track = siamfc.track(folder / "sample.mp4", box=box, device="cpu")
    expected = np.array([result.boxes[0] for result in track])
    with browser_tab(origin) as tab:
        tab.goto(f"{origin}/index.html")
        tab.click("#open-sample")
        tab.locator("#work").wait_for()
        draw(tab, box, browser_page.SAMPLE.width)
        tab.click("#run")
        see(tab, "#state", "End of the video")
        rows = read_boxes(tab)
        draw(tab, box, browser_page.SAMPLE.width)
        tab.click("#run")
        see(tab, "#state", "Tracking|Lost")
        again = read_boxes(tab)
    assert (np.diff(again[:, 0]) > 0).all(), "a frame that is tracked again has one row"
    assert len(again) >= len(rows)
    frames = np.rint(rows[:, 0] * 25).astype(int)
    assert frames[0] == 0
    assert frames[-1] >= len(expected) - 10
    assert (np.diff(frames) > 0).all()
    assert len(frames) > len(expected) / 2  # of a video that plays, some frames may be missed
    # The browser's decoder makes other colours of the same video, and a missed frame other boxes.
    assert np.mean(iou(rows[:, 1:5], expected[frames])) > 0.8


def test_a_box_may_be_drawn_anew_and_tracking_goes_on(plain_origin: str) -> None:
    with browser_tab(plain_origin) as tab:
        tab.goto(f"{plain_origin}/index.html")
        tab.click("#open-sample")
        tab.locator("#work").wait_for()
        playwright.expect(tab.locator("#run")).to_be_disabled()
        tab.keyboard.press("b")
        tab.keyboard.press("ArrowLeft")
        tab.keyboard.press("Shift+ArrowDown")
        tab.keyboard.press("t")
        see(tab, "#rate", "frames/s")
        tab.keyboard.press("t")
        see(tab, "#run", "Continue")
        draw(tab, (100, 100, 60, 60), browser_page.SAMPLE.width)
        see(tab, "#run", "Track")
        tab.click("#run")
        see(tab, "#state", "Tracking|Lost|End")
        tab.click("#restart")
        see(tab, "#run", "Track")
        playwright.expect(tab.locator("#save")).to_be_disabled()
        tab.click("#show-opening")
        tab.locator("#opening").wait_for()


def test_a_network_that_cannot_be_loaded_is_named_and_nothing_seems_to_run(
    plain_origin: str,
) -> None:
    with browser_tab(plain_origin) as tab:
        tab.route("**/track.onnx", lambda route: route.fulfill(status=404))
        tab.goto(f"{plain_origin}/index.html")
        tab.click("#open-sample")
        tab.locator("#work").wait_for()
        tab.keyboard.press("b")
        tab.click("#run")
        see(tab, "#message", "track.onnx: expected a graph, got status 404")
        see(tab, "#run", "^Track$")


def test_the_camera_is_tracked(plain_origin: str) -> None:
    with browser_tab(plain_origin) as tab:
        tab.goto(f"{plain_origin}/index.html")
        tab.click("#open-camera")
        tab.locator("#work").wait_for()
        draw(tab, (100, 100, 200, 200), tab.evaluate("document.getElementById('picture').width"))
        tab.click("#run")
        see(tab, "#rate", "frames/s")
        tab.click("#run")
        assert len(read_boxes(tab)) > 1


def test_what_is_no_video_is_refused_in_a_line(plain_origin: str, tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("no video")
    with browser_tab(plain_origin) as tab:
        tab.goto(f"{plain_origin}/index.html")
        tab.set_input_files("#video-file", tmp_path / "notes.mp4")
        see(tab, "#message", "^Cannot open it: this browser cannot play the video$")
        playwright.expect(tab.locator("#opening")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_and_nothing_lies_outside(
    plain_origin: str, width: int, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe")
    options = {
        "viewport": {"width": width, "height": 800},
        "color_scheme": scheme,
        "reduced_motion": "reduce",
    }
    with browser_tab(plain_origin, bypass_csp=True, **options) as tab:

        def check() -> None:
            violations = axe.Axe().run(tab).response["violations"]
            assert [one["help"] for one in violations] == []
            assert tab.evaluate("document.documentElement.scrollWidth") <= width

        tab.goto(f"{plain_origin}/index.html")
        playwright.expect(tab.locator("#from-disk")).to_have_count(0)
        check()
        tab.click("#open-sample")
        tab.locator("#work").wait_for()
        see(tab, "#state", "Ready")
        draw(tab, CLIP.boxes[0], browser_page.SAMPLE.width)
        check()

"""The page end to end, in a browser that shows no window."""

import re
import shutil
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from fakes import IdealMatcher
from siamfc.boxes import iou
from siamfc.synthetic import SquareVideo
from web.serving import Server, SlowMatcher, running

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright, of siamfc[dev]")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium")

ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
LONG = 15_000
"""Milliseconds that a loaded machine may take for a step."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def slow() -> SlowMatcher:
    """Takes 30 ms a frame at least; whatever a test must see of a job at work, it sees held."""
    return SlowMatcher(0.03)


@pytest.fixture
def slow_server(tmp_path: Path, film: Path, slow: SlowMatcher) -> Iterator[Server]:
    """Serves a folder with the film in it."""
    root, folder = tmp_path / "root", tmp_path / "private"
    folder.mkdir()
    (root / "trip").mkdir(parents=True)
    shutil.copy(film, root / "trip" / "square.mp4")
    with running(folder, root=root, matcher=slow) as server:
        yield server


class Page:
    """A tab, and whatever went wrong in it."""

    def __init__(self, browser: Any, server: Server, **options: Any) -> None:
        self.server = server
        self.faults: list[str] = []
        self.context = browser.new_context(
            viewport={"width": 1000, "height": 800}, accept_downloads=True, **options
        )
        self.context.set_default_timeout(LONG)
        self.tab = self.context.new_page()
        self.tab.on("console", lambda m: self._note(m.type in ("error", "warning"), m.text))
        self.tab.on("pageerror", lambda error: self._note(True, str(error)))
        ours = (server.origin, f"blob:{server.origin}", f"ws://127.0.0.1:{server.port}/")
        self.tab.on("request", lambda r: self._note(not r.url.startswith(ours), r.url))
        self.tab.goto(server.address)

    def _note(self, is_fault: bool, text: str) -> None:
        if is_fault:
            self.faults.append(text)

    def see(self, place: str, text: str | re.Pattern[str]) -> None:
        playwright.expect(self.tab.locator(place)).to_have_text(text, timeout=LONG)

    def drag(self, start: Any, end: Any) -> None:
        """Drag over the frame, in its pixels."""
        frame = self.tab.locator("#stage").bounding_box()
        scale = frame["width"] / 256
        points = [
            (frame["x"] + float(x) * scale, frame["y"] + float(y) * scale) for x, y in (start, end)
        ]
        (x0, y0), (x1, y1) = points
        self.tab.mouse.move(x0, y0)
        self.tab.mouse.down()
        self.tab.mouse.move((x0 + x1) / 2, (y0 + y1) / 2)
        self.tab.mouse.move(x1, y1)
        self.tab.mouse.up()

    def draw(self, box: Any) -> None:
        """Drag from a box's upper left to its lower right corner."""
        x, y, w, h = (float(value) for value in box)
        self.drag((x, y), (x + w, y + h))

    def upload(self, film: Path) -> None:
        self.tab.set_input_files("#video-file", film)
        self.see("#place", "frame 0 of 39")

    @property
    def job(self) -> str:
        return str(self.tab.url.rpartition("#")[2])

    def __enter__(self) -> "Page":
        return self

    def __exit__(self, *error: object) -> None:
        self.context.close()
        if error[0] is None:
            assert self.faults == []


def test_upload_draw_track_correct_save_and_reload(
    browser: Any, slow_server: Server, slow: SlowMatcher, film: Path, truth: SquareVideo
) -> None:
    with Page(browser, slow_server) as page:
        page.upload(film)
        assert "token" not in page.tab.url
        page.draw([5, 5, 60, 60])  # not where the square is
        page.see("#targets", "Target 1")
        with slow.held(after=20):
            page.tab.click("#run")
            page.see("#place", re.compile(r"frame \d+ of 39 · [\d.]+ frames/s · \d+ s left"))
        page.see("#run", "Done")
        page.tab.locator("#frame").fill("20")
        page.see("#place", "frame 20 of 39")
        rows = slow_server.rows(page.job)
        x, y, w, h = rows[20, 0, :4]
        middle = truth.boxes[20][:2] + truth.boxes[20][2:] / 2
        page.drag((x + w / 2, y + h / 2), middle)  # take the box to the square
        page.see("#run", "Go on")
        page.tab.click("#run")
        page.see("#run", "Done")
        corrected = slow_server.rows(page.job)
        assert np.array_equal(corrected[:20], rows[:20])
        center = corrected[-1, 0, :2] + corrected[-1, 0, 2:4] / 2
        assert np.abs(center - (truth.boxes[-1][:2] + truth.boxes[-1][2:] / 2)).max() < 10
        page.tab.click("summary")
        for kind, ending in (("csv", ".csv"), ("still", ".png"), ("film", ".mp4")):
            with page.tab.expect_download(timeout=LONG) as download:
                page.tab.click(f"#save-{kind}")
            assert download.value.suggested_filename.endswith(ending)
            assert Path(download.value.path()).stat().st_size > 500
        job = page.job
        page.tab.reload()
        page.see("#run", "Done")
        page.see("#place", "frame 39 of 39")
        assert page.job == job


def test_two_jobs_take_turns_and_outlive_the_tab(
    browser: Any, slow_server: Server, slow: SlowMatcher, truth: SquareVideo
) -> None:
    with Page(browser, slow_server) as page, slow.held(after=5):
        jobs = []
        for _ in range(2):
            page.tab.keyboard.press("o")
            page.tab.click("#entries button")  # of the folder
            page.see("#place", "frame 0 of 39")
            page.draw(truth.boxes[0])
            page.see("#targets", "Target 1")
            page.tab.click("#run")
            page.see("#run", "Pause")
            jobs.append(page.job)
        page.see("#hint", re.compile("Waits its turn"))
    for job in jobs:
        assert slow_server.wait(job, "done")["end"] == 40
    with Page(browser, slow_server) as page:
        page.see("#jobs li:nth-child(1) small", "done")
        page.see("#jobs li:nth-child(2) small", "done")
        page.tab.click("#jobs li:nth-child(1) button[aria-label]")
        playwright.expect(page.tab.locator("#jobs li")).to_have_count(1)


def test_the_keyboard_suffices(browser: Any, slow_server: Server, truth: SquareVideo) -> None:
    with Page(browser, slow_server) as page:
        press = page.tab.keyboard.press
        page.tab.locator("#entries button").wait_for()
        for _ in range(20):
            press("Tab")
            if page.tab.locator("#entries button").evaluate("e => e === document.activeElement"):
                break
        press("Enter")
        page.see("#place", "frame 0 of 39")
        press("b")
        page.see("#targets", "Target 1")
        x, y = truth.boxes[0][:2] - (102.4, 102.4)  # from where a new box appears
        for way, (less, more) in ((x, ("Left", "Right")), (y, ("Up", "Down"))):
            for _ in range(abs(round(way / 10))):
                press(f"Control+Arrow{more if way > 0 else less}")
        for _ in range(11):
            press("Shift+ArrowLeft")
            press("Shift+ArrowUp")
        press("Space")
        page.see("#run", "Done")
        (drawn,) = slow_server.job(page.job)["keyframes"]
        assert drawn[:2] == [0, 0]
        assert np.abs(np.array(drawn[2:]) - truth.boxes[0]).max() < 6
        assert iou(slow_server.rows(page.job)[-1, 0, :4], truth.boxes[-1]) > 0.5
        press("Home")
        page.see("#place", "frame 0 of 39")
        press(".")
        page.see("#place", "frame 1 of 39")
        press("n")
        playwright.expect(page.tab.locator("#network")).to_be_visible()
        page.see("#response-text", re.compile(r"highest 0\.\d\d"))
        press("?")
        playwright.expect(page.tab.locator("#help")).to_be_visible()
        press("Escape")
        with page.tab.expect_download(timeout=LONG):
            press("s")
        press("1")
        press("Delete")
        page.see("#targets", "")


def touch(page: Page, *points: tuple[float, float]) -> None:
    """Put a finger down on the frame, move it and lift it."""
    frame = page.tab.locator("#stage").bounding_box()
    scale = frame["width"] / 256
    session = page.context.new_cdp_session(page.tab)
    for index, (x, y) in enumerate(points):
        place = {"x": frame["x"] + x * scale, "y": frame["y"] + y * scale}
        kind = "touchMove" if index else "touchStart"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [place]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_a_finger_draws_and_resizes(browser: Any, slow_server: Server, film: Path) -> None:
    with Page(browser, slow_server, has_touch=True, is_mobile=True) as page:
        page.upload(film)
        touch(page, (40, 50), (70, 80), (120, 130))
        page.see("#targets", "Target 1")
        touch(page, (120, 130), (140, 150), (160, 170))  # its lower right handle
        page.tab.click("#run")
        page.see("#run", "Done")
        ((_, _, *box),) = slow_server.job(page.job)["keyframes"]
        assert np.abs(np.array(box) - [40, 50, 120, 120]).max() < 3


def test_a_folder_of_images_is_uploaded_in_natural_order(
    browser: Any, slow_server: Server, truth: SquareVideo, tmp_path: Path
) -> None:
    folder = tmp_path / "holiday"
    folder.mkdir()
    for index, image in enumerate(islice(truth, 12)):
        PillowImage.fromarray(image).save(folder / f"{index}.png")
    (folder / "notes.txt").write_text("not an image")
    with Page(browser, slow_server) as page:
        page.tab.set_input_files("#image-files", folder)
        page.see("#place", "frame 0 of 11")
        page.see("#jobs span", "holiday")
        page.draw(truth.boxes[0])
        page.tab.click("#run")
        page.see("#run", "Done")
        assert iou(slow_server.rows(page.job)[-1, 0, :4], truth.boxes[11]) > 0.6


def test_step_by_step_and_touch(
    browser: Any, slow_server: Server, slow: SlowMatcher, film: Path, truth: SquareVideo
) -> None:
    with Page(browser, slow_server, has_touch=True) as page:
        page.upload(film)
        page.draw(truth.boxes[0])
        page.see("#targets", "Target 1")
        page.tab.tap("#stage", position={"x": 5, "y": 5})  # a tap draws nothing
        with slow.held(after=5):
            page.tab.click("#run")
            page.see("#place", re.compile(r"frame [1-9]"))
            page.tab.click("#run")
            page.see("#run", "Go on")
        slow_server.wait(page.job, "paused")
        page.tab.keyboard.press("End")
        end = slow_server.job(page.job)["end"]
        page.see("#place", f"frame {end - 1} of 39")
        page.tab.click("#forward")
        page.see("#place", f"frame {end} of 39")
        assert slow_server.wait(page.job, "paused")["end"] == end + 1
        page.tab.click("#back")
        page.see("#place", f"frame {end - 1} of 39")


def test_the_camera_is_tracked_while_it_records(browser: Any, tmp_path: Path) -> None:
    with running(tmp_path, matcher=IdealMatcher()) as server, Page(browser, server) as page:
        page.tab.click("#open-camera")
        page.see("#place", re.compile(r"frame \d\d of"))
        page.drag((60, 60), (120, 110))
        page.see("#targets", "Target 1")
        page.tab.click("#run")
        page.see("#run", "Pause")
        page.see("#place", re.compile(r"frame \d+ of \d+ · [\d.]+ frames/s"))
        page.tab.click("#finish")
        state = server.wait(page.job, "done")
        start = state["keyframes"][0][0]
        assert state["start"] == start
        assert state["end"] == state["frameCount"] > start + 1
        assert not state["live"]


def test_what_cannot_be_opened_is_said(browser: Any, server: Server, tmp_path: Path) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("this is no video")
    page = Page(browser, server)
    page.tab.set_input_files("#video-file", text)
    page.see("#message", re.compile(r"notes\.mp4 is no video"))
    assert server.files() <= {server.session.folder / ".lock"}
    assert all("400" in fault for fault in page.faults)  # the browser's own note of the status
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_lies_outside_a_phones_width(
    browser: Any, slow_server: Server, film: Path, scheme: str
) -> None:
    with Page(browser, slow_server, color_scheme=scheme) as page:
        page.tab.set_viewport_size({"width": 360, "height": 740})
        width = "e => [e.scrollWidth, e.clientWidth]"
        inner, outer = page.tab.locator("html").evaluate(width)
        assert inner <= outer
        page.upload(film)
        page.draw([50, 50, 60, 60])
        page.see("#targets", "Target 1")
        inner, outer = page.tab.locator("html").evaluate(width)
        assert inner <= outer


def test_every_control_has_a_name(browser: Any, slow_server: Server, film: Path) -> None:
    with Page(browser, slow_server) as page:
        page.tab.locator("#entries button").wait_for()
        snapshots = [page.tab.locator("body").aria_snapshot()]
        page.upload(film)
        page.draw([50, 50, 60, 60])
        page.see("#targets", "Target 1")
        page.tab.click("summary")
        snapshots.append(page.tab.locator("body").aria_snapshot())
    controls = re.findall(
        r"- '?(?:button|link|slider|textbox|application|img)\b.*", "\n".join(snapshots)
    )
    assert len(controls) > 20
    assert [control for control in controls if '"' not in control] == []


def test_the_plot_reads_each_row_once_and_keeps_the_lowest_scores(
    browser: Any, server: Server
) -> None:
    """Two hours at thirty frames a second, added in three parts to a plot 900 pixels wide."""
    script = """async () => {
      const { Lowest } = await import("/static/lowest.js");
      let reads = 0;
      const track = { epoch: 0, start: 5, end: 5, targets: 1, score: (frame) => {
        reads += 1;
        return frame === 70000 ? 0.1 : frame < 1000 ? NaN : 0.9;
      } };
      const [lowest, count] = [new Lowest(), 216000];
      for (const end of [300, 80000, count]) {
        track.end = end;
        lowest.update(track, count, 900);
        lowest.update(track, count, 900);
      }
      const points = [...lowest.points(0)];
      const readOnce = reads;
      track.epoch = 1;
      track.end = 50000;
      lowest.update(track, count, 900);
      const left = [...lowest.points(0)].length;
      const anew = reads - readOnce;
      return { readOnce, points: points.map(([at, x]) => [at, x || null]), anew, left };
    }"""
    with Page(browser, server) as page:
        told = page.tab.evaluate(script)
    frames, scores = zip(*told["points"], strict=True)
    step = 256  # the power of two that leaves no more than 900 groups
    assert told["readOnce"] == 216_000 - 5
    assert frames == tuple(range(5, 216_000, step))
    assert scores[:3] == (None,) * 3
    assert [frame for frame, score in told["points"] if score == 0.1] == [
        5 + (70_000 - 5) // step * step
    ]
    assert (told["anew"], told["left"]) == (50_000 - 5, -(-(50_000 - 5) // step))


def test_the_view_of_the_network_keeps_pace_with_the_pictures(
    browser: Any, slow_server: Server, film: Path, truth: SquareVideo
) -> None:
    """Each picture gets its heat map; the next one waits for it, but no more than a second."""
    script = """async () => {
      const { page, stage } = await import("/static/page.js");
      const [{ show, showHeat }, pictures, heats] = [stage, [], []];
      stage.show = function (...values) {
        if (page.following) pictures.push([this.frame, performance.now()]);
        show.apply(this, values);
      };
      stage.showHeat = function (...values) {
        if (values[0]) heats.push(this.frame);
        showHeat.apply(this, values);
      };
      window.seen = { pictures, heats };
    }"""
    with Page(browser, slow_server) as page:
        page.upload(film)
        page.draw(truth.boxes[0])
        page.see("#targets", "Target 1")
        page.tab.keyboard.press("n")
        page.tab.evaluate(script)
        page.tab.click("#run")
        page.see("#run", "Done")
        page.see("#response-text", re.compile(r"Scores: how well each place fits; highest [\d.]+"))
        seen = page.tab.evaluate("window.seen")
    pictures = [picture for picture in seen["pictures"] if picture[0] > 0]  # 0 was drawn in
    assert len(pictures) >= 3
    heats = set(seen["heats"])
    assert heats
    for (frame, shown), (_, next_shown) in pairwise(pictures):
        assert frame in heats or next_shown - shown > 990

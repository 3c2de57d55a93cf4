"""The page end to end, in a browser that shows no window."""

import re
import shutil
import threading
import time
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from fakes import IdealMatcher
from siamfc.boxes import iou
from siamfc.frames import Frame, open_writer
from siamfc.frames.decoder import VideoDecoder
from siamfc.synthetic import SquareVideo
from siamfc.tracking import as_key_frames
from siamfc.web.clips import FileClip
from web.serving import Server, SlowMatcher, running

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright, of siamfc[dev]")
from web.browsing import CHROMIUM, LONG, Page, at, at_rest, launched, touch  # noqa: E402  # needs it too

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium"),
    pytest.mark.timeout(900),  # some calls of a browser know no limit of their own
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as browser:
        yield browser


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


def test_upload_draw_track_correct_save_and_reload(
    browser: Any, slow_server: Server, slow: SlowMatcher, film: Path, truth: SquareVideo
) -> None:
    with Page(browser, slow_server) as page:
        page.expect("#work").to_be_hidden()
        page.see("#opening-title", "What do you want to track?")
        page.upload(film)
        page.expect("#prompt").to_be_visible()
        page.see("#why", "Draw a box first")
        assert "token" not in page.tab.url
        page.draw([5, 5, 60, 60])  # not where the square is
        page.see("#targets li:first-child span:nth-child(2)", "Target 1")
        page.expect("#prompt").to_be_hidden()
        with slow.held(after=20):
            page.tab.click("#run")
            page.see("#rate", re.compile(r"[\d.]+ frames/s · \d+ s left"))
        page.see("#run", "Done")
        page.seek(20)
        rows = slow_server.rows(page.job)
        x, y, w, h = rows[20, 0, :4]
        middle = truth.boxes[20][:2] + truth.boxes[20][2:] / 2
        page.drag((x + w / 2, y + h / 2), middle)  # take the box to the square
        page.see("#run", "Continue")
        page.tab.click("#run")
        page.see("#run", "Done")
        corrected = slow_server.rows(page.job)
        center = corrected[-1, 0, :2] + corrected[-1, 0, 2:4] / 2
        assert np.abs(center - (truth.boxes[-1][:2] + truth.boxes[-1][2:] / 2)).max() < 10
        assert page.keyframes == [[0, 20]]
        page.tab.click("#show-share")
        for place, ending in (
            ("[data-boxes=csv]", ".csv"), ("[data-boxes=cvat]", ".xml"),
            ("[data-boxes=yolo]", ".zip"), ("#share-still", ".png"), ("[data-video=boxes]", ".mp4"),
        ):  # fmt: skip
            with page.tab.expect_download(timeout=LONG) as download:
                page.tab.click(place)
            assert download.value.suggested_filename.endswith(ending)
            assert Path(download.value.path()).stat().st_size > 500
        job = page.job
        page.tab.reload()
        page.see("#run", "Done")
        page.see("#place", at(39))
        assert page.job == job


def test_a_page_that_is_opened_to_watch_tracks_and_follows(
    browser: Any, server: Server, film: Path, truth: SquareVideo
) -> None:
    """`siamfc track --box … --show` opens it; opened again, it starts nothing."""
    job = server.session.add_source(str(film))
    job.draw(as_key_frames({"square": {0: truth.boxes[0], 30: truth.boxes[30]}}, 0))
    assert job.state == "open"
    for _ in range(2):
        with Page(browser, server) as page:
            page.tab.evaluate(f"location.hash = '{job.id}/track'")
            page.tab.reload()
            page.see("#run", "Done")
            page.see("#place", at(39))
            page.see("#targets li:first-child span:nth-child(2)", "square")
            assert page.job == job.id
            assert page.keyframes == [[0, 30]]
    assert iou(server.rows(job.id)[:, 0, :4], np.array(truth.boxes)).min() > 0.5


def test_the_result_plays_at_the_videos_pace(browser: Any, slow_server: Server, film: Path) -> None:
    """No faster than it should, at half speed and at double; Space stops it where it is."""
    seconds, asked = {}, []
    with Page(browser, slow_server) as page:
        page.tab.on("request", lambda request: asked.append(request.url))
        page.upload(film)
        for speed in ("50", "200"):
            page.tab.select_option("#speed", speed)
            page.seek(0)
            begun = time.monotonic()
            page.tab.click("#play")
            page.see("#play", "Pause")
            page.see("#place", at(39))
            page.see("#play", "Play")
            seconds[speed] = time.monotonic() - begun
        assert seconds["50"] > 39 / 25 / 0.5 - 0.1
        assert seconds["200"] > 39 / 25 / 2 - 0.1
        assert [url.rpartition("percent=")[2] for url in asked if "/play?" in url] == ["50", "200"]
        page.tab.select_option("#speed", "50")
        page.tab.focus("#stage")
        page.tab.keyboard.press("Space")  # from the last frame it begins again
        page.see("#place", re.compile(r"frame [1-9] of"))
        page.tab.keyboard.press("Space")
        page.see("#play", "Play")
        place = page.tab.inner_text("#place")
        time.sleep(0.3)
        assert page.tab.inner_text("#place") == place


def test_where_a_target_is_lost_can_be_seen(
    browser: Any, slow_server: Server, gap_film: Path, truth: SquareVideo
) -> None:
    with Page(browser, slow_server) as page:
        page.upload(gap_film)
        page.draw(truth.boxes[0])
        page.tab.click("#run")
        page.see("#run", "Done")
        page.seek(0)
        page.tab.click("#next-check")
        page.see("#place", re.compile(r"frame (1[5-9]|2\d) of"))
        page.see("#notice", re.compile(r"Target 1: lost.*, frames 1\d to 2\d"))
        page.expect("#boxes g.lost .edge").to_have_count(1)
        page.see("#boxes g.lost text", "Target 1 · lost")
        style = "e => getComputedStyle(e).strokeDasharray"
        assert page.tab.locator("#boxes g.lost .edge").evaluate(style) != "none"
        page.tab.keyboard.press("}")
        page.see("#notice", "Nothing to check after this frame")
        page.tab.keyboard.press("End")
        page.tab.keyboard.press("{")
        page.see("#place", re.compile(r"frame (1[5-9]|2\d) of"))
        page.expect("#boxes g.lost").to_have_count(1)
        page.draw(truth.boxes[20])  # a box drawn where it is lost corrects it
        page.see_keyframes(
            [0, int(re.search(r"frame (\d+)", page.tab.inner_text("#place"))[1]) - 1]
        )


def test_corrections_are_key_frames_that_move_and_go(
    browser: Any, slow_server: Server, film: Path, truth: SquareVideo
) -> None:
    with Page(browser, slow_server) as page:
        page.upload(film)
        page.draw(truth.boxes[0])
        page.tab.click("#run")
        page.see("#run", "Done")
        for frame in (10, 30):
            page.seek(frame)
            page.draw(truth.boxes[frame] + [70, 70, 0, 0])  # beside the box, selected: no new one
            page.see_keyframes(*([[0, 10]] if frame == 10 else [[0, 10, 30]]))
        page.tab.keyboard.press("[")
        page.see("#place", at(10))
        page.tab.keyboard.press("]")
        page.see("#place", at(30))
        page.tab.click("#delete-key")
        page.see_keyframes([0, 10])
        plot = page.tab.locator("#plot").bounding_box()

        def x(frame: int) -> float:
            return float(plot["x"]) + 22 + frame / 39 * (float(plot["width"]) - 30)

        page.tab.mouse.move(x(10), plot["y"] + 6)
        page.tab.mouse.down()
        page.tab.mouse.move(x(14), plot["y"] + 6)
        page.tab.mouse.move(x(20), plot["y"] + 6)
        page.tab.mouse.up()
        page.see_keyframes([0, 20])
        page.seek(32)
        page.tab.click("#end-target")
        page.see_keyframes([0, 20, 32])
        page.expect("#boxes g").to_have_count(0)
        for expected in ([0, 20], [0, 10], [0, 10, 30]):
            page.tab.keyboard.press("Control+z")
            page.see_keyframes(expected)
        page.tab.click("#redo")
        page.see_keyframes([0, 10])


def test_key_frames_move_by_keys_and_tracks_reach_back_and_become_smooth(
    browser: Any, slow_server: Server, film: Path, truth: SquareVideo
) -> None:
    with Page(browser, slow_server) as page:
        press = page.tab.keyboard.press
        page.upload(film)
        page.seek(20)
        page.draw(truth.boxes[20])
        page.see_keyframes([20])
        for key, frame in (("Control+,", 19), ("Control+,", 18), ("Control+.", 19)):
            page.expect("#delete-key").to_be_enabled()
            press(key)
            page.see_keyframes([frame])
            page.see("#place", at(frame))
        page.expect("#delete-key").to_be_enabled()
        press("Control+.")
        page.see_keyframes([20])
        page.see("#place", at(20))
        page.tab.click("#run")
        page.see("#run", "Done")
        page.tab.focus("#stage")
        press("r")
        page.see("#run", "Continue")
        page.expect("#toggle-backwards").to_have_attribute("aria-pressed", "true")
        press("t")
        page.see("#run", "Done")
        rows = slow_server.rows(page.job)
        assert all(iou(rows[k, 0, :4], truth.boxes[k]) > 0.8 for k in range(20))
        press("x")
        page.tab.check("#smooth")
        page.expect("#smooth").to_be_checked()
        page.see("#smooth-progress", "")
        assert slow_server.job(page.job)["smooth"]
        assert not np.array_equal(slow_server.rows(page.job), rows)
        page.tab.uncheck("#smooth")
        page.see("#smooth-progress", "")
        assert np.array_equal(slow_server.rows(page.job), rows)


def test_a_new_target_is_asked_for(
    browser: Any, slow_server: Server, film: Path, truth: SquareVideo
) -> None:
    with Page(browser, slow_server) as page:
        page.upload(film)
        page.draw(truth.boxes[0])
        page.see_keyframes([0])
        page.draw([10, 10, 40, 40])  # changes the one there is
        page.see_keyframes([0])
        page.tab.click("#add-target")
        page.draw([180, 180, 40, 40])
        page.see_keyframes([0], [0])
        page.tab.fill("#target-name", "Swan")
        page.tab.keyboard.press("Enter")
        page.see("#targets li:nth-child(2) span:nth-child(2)", "Swan")
        page.tab.keyboard.press("Escape")
        page.draw([100, 10, 40, 40])
        page.see("#notice", "Select the target to correct first, or press New target")
        page.tab.keyboard.press("2")
        page.tab.keyboard.press("h")
        page.expect("#boxes g").to_have_count(1)
        page.tab.keyboard.press("h")
        page.tab.keyboard.press("l")
        page.draw([100, 10, 40, 40])
        page.see("#notice", re.compile("locked"))
        page.tab.keyboard.press("l")
        page.tab.keyboard.press("Escape")
        page.tab.click("#add-target")
        page.drag((20, 20), (22, 23))
        page.see("#notice", re.compile("too small"))
        assert page.keyframes == [[0], [0]]


def test_zooming_shows_pixels_and_edges_snap_to_them(
    browser: Any, slow_server: Server, film: Path
) -> None:
    with Page(browser, slow_server) as page:
        page.upload(film)
        frame = page.tab.locator("#stage").bounding_box()
        page.tab.mouse.move(frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2)
        page.tab.mouse.wheel(0, -900)
        page.see("#zoom-fit", re.compile(r"^[4-9]\d\d|\d{4} %$"))
        part = page.tab.locator("#boxes").get_attribute("viewBox")
        left, _, width, _ = map(float, part.split())
        assert left < 128 < left + width
        page.tab.mouse.down()
        page.tab.mouse.move(frame["x"] + frame["width"] * 0.7, frame["y"] + frame["height"] * 0.8)
        page.tab.mouse.up()
        page.see_keyframes([0])
        ((_, box),) = slow_server.job(page.job)["targets"][0]["keyframes"]
        assert box == [round(value) for value in box]
        page.tab.keyboard.press("d")
        moved = page.tab.locator("#boxes").get_attribute("viewBox")
        assert float(moved.split()[0]) > left
        page.tab.keyboard.press("0")
        page.see("#zoom-fit", "100 %")
        assert page.tab.locator("#boxes").get_attribute("viewBox") == "0 0 256 256"


def test_a_box_belongs_to_the_frame_that_is_on_the_screen(
    browser: Any,
    slow_server: Server,
    film: Path,
    truth: SquareVideo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Frames are slow to come, as of a 4K video: the one that comes during a drag isn't shown."""
    read, may_come = FileClip.__getitem__, threading.Event()

    def read_slowly(clip: FileClip, index: int) -> Frame:
        if index == 20:
            assert may_come.wait(600)
        return read(clip, index)

    monkeypatch.setattr(FileClip, "__getitem__", read_slowly)
    with Page(browser, slow_server) as page:
        page.upload(film)
        page.tab.locator("#frame").fill("20")
        page.expect("#seeking").to_be_visible()
        page.see("#seeking", "Loading frame 21…")
        page.see("#place", at(0))
        x, y, w, h = (float(value) for value in truth.boxes[0])
        shown = page.tab.locator("#stage").bounding_box()
        scale = shown["width"] / 256
        page.tab.mouse.move(shown["x"] + x * scale, shown["y"] + y * scale)
        page.tab.mouse.down()
        page.tab.mouse.move(shown["x"] + (x + w / 2) * scale, shown["y"] + (y + h / 2) * scale)
        may_come.set()
        page.expect("#seeking").to_be_hidden()
        page.see("#place", at(0))
        page.tab.mouse.move(shown["x"] + (x + w) * scale, shown["y"] + (y + h) * scale)
        page.tab.mouse.up()
        page.see_keyframes([0])
        page.seek(20)


FRAME_IN_VIEW = """() => {
  const picture = document.getElementById("picture");
  const row = new OffscreenCanvas(12, 1).getContext("2d");
  row.drawImage(picture, 0, picture.height / 8, picture.width, 1, 0, 0, 12, 1);
  const { data } = row.getImageData(0, 0, 12, 1);
  return [...Array(12).keys()].findIndex((k) => data[4 * k] < 128);
}"""


def widths(server: Server, job: str) -> dict[int, float]:
    """Width of the first target's boxes, by key frame."""
    targets = server.job(job)["targets"]
    return {frame: box[2] for frame, box in targets[0]["keyframes"]} if targets else {}


@pytest.mark.slow
def test_boxes_drawn_while_a_4k_video_is_sought_belong_to_the_picture_beneath_them(
    browser: Any, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The decoder takes its time over each picture; which one is shown is read from its pixels."""
    video, decode = tmp_path / "4k.mp4", VideoDecoder.pictures_from
    with open_writer(video, frame_rate=25) as writer:
        for index in range(12):
            image = np.full((2160, 3840, 3), 255, np.uint8)
            image[160:380, 320 * index : 320 * (index + 1)] = 0
            writer.write(image, index / 25)

    def decode_slowly(decoder: VideoDecoder, time_stamp: int) -> Iterator[Any]:
        for picture in decode(decoder, time_stamp):
            time.sleep(0.05)
            yield picture

    monkeypatch.setattr(VideoDecoder, "pictures_from", decode_slowly)
    drawn: dict[int, float] = {}
    with Page(browser, server) as page:
        page.tab.set_input_files("#video-file", video)
        page.see("#place", at(0, 12))
        shown = page.tab.locator("#stage").bounding_box()
        left, top = shown["x"] + 40, shown["y"] + shown["height"] / 2
        for turn, frame in enumerate((9, 3, 11, 6, 1, 8)):
            page.tab.locator("#frame").fill(str(frame))
            page.tab.wait_for_timeout(150 * turn)  # before the picture comes, as it does, after it
            page.tab.mouse.move(left, top)
            page.tab.keyboard.down("Shift")
            page.tab.mouse.down()
            beneath = page.tab.evaluate(FRAME_IN_VIEW)
            width = 60 + 20 * turn
            page.tab.mouse.move(left + width / 2, top + 30)
            page.tab.wait_for_timeout(300)
            page.tab.mouse.move(left + width, top + 60)
            assert page.tab.evaluate(FRAME_IN_VIEW) == beneath
            page.tab.mouse.up()
            page.tab.keyboard.up("Shift")
            drawn[beneath] = width / shown["width"] * 3840
            deadline = time.monotonic() + LONG / 1000
            while widths(server, page.job) != pytest.approx(drawn, abs=8):
                assert time.monotonic() < deadline, (widths(server, page.job), drawn)
                time.sleep(0.02)
    assert len(drawn) > 2


def test_boxes_are_imported_onto_an_open_video(
    browser: Any, slow_server: Server, film: Path, truth: SquareVideo, tmp_path: Path
) -> None:
    boxes = tmp_path / "boxes.txt"  # OTB: 1-based
    lines = [f"{x + 1:.2f},{y + 1:.2f},{w:.2f},{h:.2f}" for x, y, w, h in truth.boxes[:40]]
    boxes.write_text("\n".join(lines) + "\n")
    with Page(browser, slow_server) as page:
        page.upload(film)
        page.tab.keyboard.press("x")
        page.tab.set_input_files("#import-file", boxes)
        page.see("#run", "Done")
        page.see_keyframes([0])
        assert np.allclose(slow_server.rows(page.job)[:, 0, :4], truth.boxes[:40], atol=0.01)
        page.tab.keyboard.press("Control+z")
        page.see_keyframes()


def test_the_sample_video_is_made_and_the_same_video_is_opened_once(
    browser: Any, slow_server: Server, film: Path
) -> None:
    with Page(browser, slow_server) as page:
        page.tab.click("#open-sample")
        page.see("#jobs span", "Sample video")
        for _ in range(2):
            page.tab.keyboard.press("o")
            page.see("#entries small", "00:01.6 · 256 × 256")
            page.tab.click("#entries button")
            page.see("#place", at(0))
            page.expect("#jobs li").to_have_count(2)
        for _ in range(2):
            page.tab.keyboard.press("o")
            page.tab.set_input_files("#video-file", film)
            page.see("#place", at(0))
            page.expect("#jobs li").to_have_count(3)


def test_two_jobs_take_turns_and_outlive_the_tab(
    browser: Any, slow_server: Server, slow: SlowMatcher, film: Path, truth: SquareVideo
) -> None:
    with Page(browser, slow_server) as page, slow.held(after=5):
        jobs = []
        for path in ("folder", film):
            page.tab.keyboard.press("o")
            if path == "folder":
                page.tab.click("#entries button")
            else:
                page.tab.set_input_files("#video-file", path)
            page.see("#place", at(0))
            page.draw(truth.boxes[0])
            page.see_keyframes([0])
            page.tab.click("#run")
            page.see("#run", "Pause tracking")
            jobs.append(page.job)
        page.see("#hint", re.compile("Waiting: .* is being tracked"))
    for job in jobs:
        assert slow_server.wait(job, "done")["end"] == 40
    with Page(browser, slow_server) as page:
        page.see("#jobs li:nth-child(1) small", "done")
        page.see("#jobs li:nth-child(2) small", "done")
        page.tab.click("#jobs li:nth-child(1) button[aria-label]")
        page.expect("#jobs li").to_have_count(1)


@pytest.mark.slow
def test_a_page_in_which_nothing_happens_hardly_asks_or_paints(
    browser: Any, slow_server: Server, slow: SlowMatcher, film: Path, truth: SquareVideo
) -> None:
    """Also while tracking stands still, and where the server refuses everything: none is a loop."""
    few: dict[str, tuple[int, int]] = {}
    with Page(browser, slow_server) as page:
        few["first visit"] = at_rest(page)
        page.upload(film)
        page.draw(truth.boxes[0])
        page.see_keyframes([0])
        with slow.held(after=5):
            page.tab.click("#run")
            page.see("#run", "Pause tracking")
            few["held"] = at_rest(page)
        page.see("#run", "Done")
        page.tab.keyboard.press("n")
        few["network's view"] = at_rest(page)
        page.tab.keyboard.press("+")
        few["zoomed"] = at_rest(page)
        for kind in ("frames", "news"):
            page.tab.route(f"**/{kind}**", lambda route: route.fulfill(status=500, body="{}"))
            page.tab.route(f"**/{kind}/**", lambda route: route.fulfill(status=500, body="{}"))
        page.tab.keyboard.press("f")  # asks for news at once
        page.expect("#message").to_be_visible()
        page.tab.keyboard.press("Home")
        page.tab.keyboard.press("+")
        few["refused"] = at_rest(page, 2000)
        page.faults.clear()  # the browser's own notes of the status
    assert {state: counts for state, counts in few.items() if max(counts) > 4} == {}


def test_the_keyboard_suffices(browser: Any, slow_server: Server, truth: SquareVideo) -> None:
    with Page(browser, slow_server) as page:
        press = page.tab.keyboard.press
        page.tab.locator("#entries button").wait_for()
        for _ in range(20):
            press("Tab")
            if page.tab.locator("#entries button").evaluate("e => e === document.activeElement"):
                break
        press("Enter")
        page.see("#place", at(0))
        page.expect("#stage").to_be_focused()
        press("b")
        page.see_keyframes([0])
        x, y = truth.boxes[0][:2] - (102.4, 102.4)  # from where a new box appears
        for way, (less, more) in ((x, ("Left", "Right")), (y, ("Up", "Down"))):
            for _ in range(abs(round(way / 10))):
                press(f"Control+Arrow{more if way > 0 else less}")
        for _ in range(11):
            press("Shift+ArrowLeft")
            press("Shift+ArrowUp")
        press("t")
        page.see("#run", "Done")
        ((_, drawn),) = slow_server.job(page.job)["targets"][0]["keyframes"]
        assert np.abs(np.array(drawn) - truth.boxes[0]).max() < 6
        assert iou(slow_server.rows(page.job)[-1, 0, :4], truth.boxes[-1]) > 0.5
        press("Home")
        page.see("#place", at(0))
        press(".")
        page.see("#place", at(1))
        press("e")  # it left the picture here
        page.see_keyframes([0, 1])
        press("Control+z")
        page.see_keyframes([0])
        press("Meta+Shift+z")  # as on a Mac
        page.see_keyframes([0, 1])
        press("Meta+z")
        page.see_keyframes([0])
        press("n")
        page.expect("#network").to_be_in_viewport()
        page.see("#response-text", re.compile(r"highest 0\.\d\d"))
        press("?")
        page.expect("#help").to_be_visible()
        press("Escape")
        press("x")
        page.expect("#share").to_be_visible()
        for _ in range(20):
            press("Tab")
            if page.tab.locator("#share-still").evaluate("e => e === document.activeElement"):
                break
        with page.tab.expect_download(timeout=LONG):
            press("Enter")
        press("Escape")
        press("1")
        press("Home")
        page.see("#place", at(0))
        press("Delete")
        page.see_keyframes()


def test_a_finger_draws_and_resizes_and_two_zoom(
    browser: Any, slow_server: Server, film: Path
) -> None:
    with Page(browser, slow_server, has_touch=True, is_mobile=True) as page:
        page.upload(film)
        touch(page, (40, 50), (70, 80), (120, 130))
        page.see_keyframes([0])
        touch(page, (120, 130), (140, 150), (160, 170))  # its lower right handle
        page.tab.click("#run")
        page.see("#run", "Done")
        ((_, box),) = slow_server.job(page.job)["targets"][0]["keyframes"]
        assert np.abs(np.array(box) - [40, 50, 120, 120]).max() < 3
        session = page.context.new_cdp_session(page.tab)
        frame = page.tab.locator("#stage").bounding_box()
        x, y = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
        for kind, apart in (("touchStart", 20), ("touchMove", 40), ("touchMove", 80)):
            points = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.see("#zoom-fit", re.compile(r"^(2|3|4)\d\d %$"))
        assert page.keyframes == [[0]]


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
        page.see("#place", "frame 1 of 12")  # images have no clock
        page.see("#jobs span", "holiday")
        page.draw(truth.boxes[0])
        page.tab.click("#run")
        page.see("#run", "Done")
        assert iou(slow_server.rows(page.job)[-1, 0, :4], truth.boxes[11]) > 0.6


def test_the_page_says_that_only_one_of_several_dropped_videos_is_opened(
    browser: Any, server: Server, film: Path, tmp_path: Path
) -> None:
    paths = [str(shutil.copy(film, tmp_path / name)) for name in ("one.mp4", "two.mp4")]
    with Page(browser, server) as page:
        session = page.context.new_cdp_session(page.tab)
        dropped = {"items": [], "files": paths, "dragOperationsMask": 1}
        page.expect("#drop").to_be_visible()
        for kind in ("dragEnter", "dragOver", "drop"):
            event = {"type": kind, "x": 500, "y": 300, "data": dropped}
            session.send("Input.dispatchDragEvent", event)
        page.see("#place", at(0))
        page.see("#jobs span", "one.mp4")
        page.see("#message", "Only one.mp4 was opened: open one video at a time")


def test_the_timeline_shows_nothing_of_frames_that_a_recording_has_deleted(
    browser: Any, server: Server
) -> None:
    script = """async () => {
      const { Timeline } = await import("/static/timeline.js");
      document.getElementById("work").hidden = false;
      const timeline = new Timeline({});
      const track = {
        end: 100, endOf: () => 100, takeChanged: () => 0, score: () => 0.5, status: () => 2,
      };
      const keyframes = [[48, [1, 2, 3, 4]], [75, [1, 2, 3, 4]]];
      const targets = [{ id: 1, name: "Target 1", color: "#e69f00", keyframes }];
      timeline.update({ first: 50, last: 100, shown: 80, track, targets, threshold: 0.5 });
      while (timeline.planned) await new Promise(requestAnimationFrame);
      const { canvas } = timeline;
      const { data, width } = canvas.getContext("2d").getImageData(0, 0, canvas.width, 12);
      const count = (start, end) => data.filter((value, at) => {
        const x = Math.floor(at / 4) % width;
        return value && x >= start && x < end;
      }).length;
      return [count(0, 20), count(30, 100)];
    }"""
    with Page(browser, server) as page:
        left, right = page.tab.evaluate(script)
    assert left == 0
    assert right > 0


def test_the_camera_is_tracked_while_it_records(browser: Any, tmp_path: Path) -> None:
    with running(tmp_path, matcher=IdealMatcher()) as server, Page(browser, server) as page:
        page.tab.click("#open-camera")
        page.see("#place", re.compile(r"frame \d\d of"))
        page.drag((60, 60), (120, 110))
        page.see("#targets li:first-child span:nth-child(2)", "Target 1")
        page.tab.click("#run")
        page.see("#run", "Pause tracking")
        page.see("#rate", re.compile(r"[\d.]+ frames/s"))
        page.tab.click("#finish")
        state = server.wait(page.job, "done")
        (start, _) = state["targets"][0]["keyframes"][0]
        assert state["start"] == start
        assert state["end"] == state["frameCount"] > start + 1
        assert not state["live"]


def test_what_cannot_be_opened_is_said(browser: Any, server: Server, tmp_path: Path) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("this is not a video")
    page = Page(browser, server)
    page.tab.set_input_files("#video-file", text)
    page.see("#message", re.compile(r"notes\.mp4 is not a video"))
    assert server.files() <= {server.session.folder / ".lock"}
    assert all("400" in fault for fault in page.faults)  # the browser's own note of the status
    page.context.close()


def test_the_page_works_by_its_own_host_name(browser: Any, server: Server, film: Path) -> None:
    """The cookie is this name's alone; a server on 127.0.0.1 does not get it."""
    with Page(browser, server, name=server.name) as page:
        page.upload(film)
        (cookie,) = page.context.cookies()
        assert cookie["domain"] == server.name
        assert page.context.cookies("http://127.0.0.1:1/") == []


SIZES = {"phone": (390, 844), "tablet": (820, 1180), "small phone": (360, 740)}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_nothing_lies_outside_a_narrow_screen(
    browser: Any, slow_server: Server, film: Path, size: str, scheme: str
) -> None:
    width, height = SIZES[size]
    options = {"color_scheme": scheme, "has_touch": True, "is_mobile": True}
    with Page(browser, slow_server, **options) as page:
        page.tab.set_viewport_size({"width": width, "height": height})
        measure = "e => [e.scrollWidth, e.clientWidth]"
        inner, outer = page.tab.locator("html").evaluate(measure)
        assert inner <= outer
        page.upload(film)
        touch(page, (50, 50), (80, 80), (110, 110))
        page.see_keyframes([0])
        inner, outer = page.tab.locator("html").evaluate(measure)
        assert inner <= outer
        width = "() => document.querySelector('.knob').getBoundingClientRect().width"
        assert page.tab.evaluate(width) > 14
        page.tab.click("#show-help")
        page.expect("#keys").to_be_hidden()  # there is no keyboard


def test_axe_finds_nothing_serious(browser: Any, slow_server: Server, film: Path) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe")

    def check(page: Page, place: str) -> None:
        found = axe.Axe().run(page.tab).response["violations"]
        serious = [one for one in found if one["impact"] in ("serious", "critical")]
        assert serious == [], (place, [one["help"] for one in serious])

    for scheme in ("light", "dark"):
        with Page(browser, slow_server, bypass_csp=True, color_scheme=scheme) as page:
            page.tab.locator("section:not([hidden])").first.wait_for()
            page.tab.keyboard.press("o")
            page.tab.locator("#entries button").wait_for()
            check(page, "first visit")
            page.tab.set_input_files("#video-file", film)
            page.see("#place", re.compile("frame"))
            check(page, "open")
            page.draw([50, 50, 60, 60])
            page.tab.click("#run")
            page.see("#run", "Done")
            page.tab.keyboard.press("n")
            check(page, "done")
            page.tab.keyboard.press("x")
            check(page, "share")
            page.tab.keyboard.press("Escape")
            page.tab.keyboard.press("?")
            check(page, "help")


def test_every_control_has_a_name(browser: Any, slow_server: Server, film: Path) -> None:
    with Page(browser, slow_server) as page:
        page.tab.locator("#entries button").wait_for()
        snapshots = [page.tab.locator("body").aria_snapshot()]
        page.upload(film)
        page.draw([50, 50, 60, 60])
        page.see_keyframes([0])
        snapshots.append(page.tab.locator("body").aria_snapshot())
        page.tab.keyboard.press("x")
        snapshots.append(page.tab.locator("body").aria_snapshot())
    controls = re.findall(
        r"- '?(?:button|link|slider|textbox|combobox|application|img)\b.*", "\n".join(snapshots)
    )
    assert len(controls) > 40
    assert [control for control in controls if '"' not in control] == []


def test_the_plot_reads_each_row_once_and_keeps_the_lowest_scores(
    browser: Any, server: Server
) -> None:
    """Two hours at thirty frames a second, added in three parts to a plot 900 pixels wide."""
    script = """async () => {
      const { Lowest } = await import("/static/lowest.js");
      let [reads, end, changed] = [0, 5, Infinity];
      const track = {
        endOf: () => end,
        takeChanged: () => changed,
        status: () => 1,
        score: (frame) => {
          reads += 1;
          return frame === 70000 ? 0.1 : frame < 1000 ? NaN : 0.9;
        },
      };
      const [lowest, count] = [new Lowest(7), 216000];
      for (end of [300, 80000, count]) {
        lowest.update(track, count, 900);
        lowest.update(track, count, 900);
      }
      const points = [...lowest.points()];
      const readOnce = reads;
      changed = 200000;
      lowest.update(track, count, 900);
      const told = points.map(([at, x]) => [at, x || null]);
      return { readOnce, points: told, again: reads - readOnce };
    }"""
    with Page(browser, server) as page:
        told = page.tab.evaluate(script)
    step = 256  # the power of two that leaves no more than 900 groups
    frames, scores = zip(*told["points"], strict=True)
    assert 216_000 <= told["readOnce"] <= 216_000 + 4 * step  # the last group grows
    assert frames == tuple(range(0, 216_000, step))
    assert scores[:3] == (None,) * 3
    assert [frame for frame, score in told["points"] if score == 0.1] == [70_000 // step * step]
    assert told["again"] == 216_000 - 200_000 // step * step


def test_the_view_of_the_network_keeps_pace_with_the_pictures(
    browser: Any, slow_server: Server, slow: SlowMatcher, film: Path, truth: SquareVideo
) -> None:
    """Each picture gets its heat map; the next one waits for it, but no more than a second."""
    slow._seconds = 0.12  # so that a busy browser still shows several pictures
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
        page.see_keyframes([0])
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

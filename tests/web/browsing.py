"""A browser that shows no window, and a tab of the page in it."""

import contextlib
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright import sync_api as playwright

from web.serving import Server

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-software-rasterizer",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
"""For a machine without a GPU, and a container with little shared memory."""
LONG = 60_000
"""Milliseconds that a loaded machine may take for a step."""
playwright.expect.set_options(timeout=LONG)


@contextlib.contextmanager
def launched() -> Iterator[Any]:
    """A browser until the block ends, however it ends."""
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS, timeout=LONG)
        try:
            yield browser
        finally:
            browser.close()


def at(frame: int, count: int = 40) -> str:
    """Return the place that the page states in a video of 25 frames/s."""
    return f"00:{frame * 10 // 25 / 10:04.1f} · frame {frame + 1} of {count}"


class Page:
    """A tab, and whatever went wrong in it."""

    def __init__(
        self, browser: Any, server: Server, *, name: str = "127.0.0.1", **options: Any
    ) -> None:
        self.server = server
        self.faults: list[str] = []
        self.context = browser.new_context(
            viewport={"width": 1000, "height": 800}, accept_downloads=True, **options
        )
        try:
            self._visit(server, name)
        except BaseException:
            self.context.close()
            raise

    def _visit(self, server: Server, name: str) -> None:
        self.context.set_default_timeout(LONG)
        self.tab = self.context.new_page()
        self.tab.on("console", lambda m: self._note(m.type in ("error", "warning"), m.text))
        self.tab.on("pageerror", lambda error: self._note(True, str(error)))
        origin = server.origin.replace("127.0.0.1", name)
        ours = (origin, f"blob:{origin}", f"ws://{name}:{server.port}/")
        self.tab.on("request", lambda r: self._note(not r.url.startswith(ours), r.url))
        self.tab.goto(f"{origin}/?token={server.token}")

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
        self.see("#place", at(0))

    def expect(self, place: str) -> Any:
        return playwright.expect(self.tab.locator(place))

    def seek(self, frame: int) -> None:
        self.tab.locator("#frame").fill(str(frame))
        self.see("#place", at(frame))

    @property
    def keyframes(self) -> list[list[int]]:
        """Frames of each target's key frames."""
        targets = self.server.job(self.job)["targets"]
        return [[frame for frame, _ in target["keyframes"]] for target in targets]

    def see_keyframes(self, *frames: list[int]) -> None:
        """Wait until the server has these."""
        deadline = time.monotonic() + LONG / 1000
        while self.keyframes != list(frames):
            assert time.monotonic() < deadline, self.keyframes
            time.sleep(0.02)

    @property
    def job(self) -> str:
        return str(self.tab.url.rpartition("#")[2])

    def __enter__(self) -> "Page":
        return self

    def __exit__(self, *error: object) -> None:
        self.context.close()
        if error[0] is None:
            assert self.faults == []


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


_COUNTED = """() => {
  window.counts = { questions: 0, pictures: 0 };
  for (const [name, kind] of [["fetch", "questions"], ["requestAnimationFrame", "pictures"]]) {
    const real = window[name].bind(window);
    window[name] = (...values) => { counts[kind] += 1; return real(...values); };
  }
}"""
_DURING = """async (milliseconds) => {
  const { questions, pictures } = counts;
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  return [counts.questions - questions, counts.pictures - pictures];
}"""


def at_rest(page: Page, milliseconds: int = 1000) -> tuple[int, int]:
    """Count the page's questions to the server, and its paints, while nothing happens."""
    if page.tab.evaluate("!window.counts"):
        page.tab.evaluate(_COUNTED)
    page.tab.wait_for_timeout(300)  # what the last step brought about is over
    questions, pictures = page.tab.evaluate(_DURING, milliseconds)
    return questions, pictures

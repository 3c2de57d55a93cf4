"""Time an annotation session on the page, from the drop of a video to a CVAT file.

A procedural video of 471 frames is dropped, its target drawn and tracked, three boxes are corrected
where *Check* leads, or where the target is next in view, and the boxes are saved for CVAT. Clicks,
drags and keys are counted. The hands of the user are a program: it times what the page takes.

Needs playwright, of siamfc[dev], and chromium.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import expect, sync_playwright

from siamfc.boxes import iou
from siamfc.frames import open_writer
from siamfc.synthetic.clip import ClipSettings, ProceduralClip
from siamfc.tracking import read_results

RATE = 30.0
PATIENCE = 120_000  # milliseconds


class Session:
    """A tab of the page, the actions in it, and the time that each step took."""

    def __init__(self, tab: Any, clip: ProceduralClip) -> None:
        self.tab = tab
        self.clip = clip
        self.actions: Counter[str] = Counter()
        self.steps: list[tuple[str, float]] = []
        self._since = time.perf_counter()

    def step(self, name: str) -> None:
        """Say that a step is done."""
        now = time.perf_counter()
        self.steps.append((name, now - self._since))
        self._since = now

    def see(self, place: str, text: str | re.Pattern[str]) -> None:
        """Wait for a text."""
        expect(self.tab.locator(place)).to_have_text(text, timeout=PATIENCE)

    def press(self, key: str) -> None:
        """Press a key."""
        self.actions["keys"] += 1
        self.tab.keyboard.press(key)

    def click(self, place: str) -> None:
        """Click."""
        self.actions["clicks"] += 1
        self.tab.click(place)

    def check(self) -> bool:
        """Go to the next frame to check; False if there is none."""
        before = self.frame
        self.press("}")
        deadline = time.monotonic() + PATIENCE / 1000
        while time.monotonic() < deadline:
            if "Nothing" in self.tab.inner_text("#notice"):
                return False
            if self.frame != before:
                return True
            time.sleep(0.05)
        raise RuntimeError("the page does not answer")

    @property
    def frame(self) -> int:
        """The frame shown."""
        return int(re.findall(r"frame (\d+)", self.tab.inner_text("#place"))[0]) - 1

    def draw(self, frame: int) -> None:
        """Drag the true box."""
        shown = self.tab.locator("#stage").bounding_box()
        scale = shown["width"] / self.clip.settings.width
        x, y, w, h = self.clip.boxes[frame].tolist()
        for place, (a, b) in enumerate([(x, y), (x + w / 2, y + h / 2), (x + w, y + h)]):
            self.tab.mouse.move(shown["x"] + a * scale, shown["y"] + b * scale)
            if place == 0:
                self.tab.mouse.down()
        self.tab.mouse.up()
        self.actions["drags"] += 1


def run(tab: Any, video: Path, clip: ProceduralClip, folder: Path) -> Session:
    """Do the session; the CVAT and CSV files lie in `folder` afterwards."""
    session = Session(tab, clip)
    session.actions["drops"] += 1
    tab.set_input_files("#video-file", video)
    session.see("#place", re.compile("frame 1 of"))
    session.step("the video is dropped and its first frame shown")
    session.draw(0)
    session.press("t")
    session.see("#run", "Done")
    session.step("a box is drawn, and the video tracked to its end")
    corrected: set[int] = set()
    for part in (1, 2, 3):
        session.press("Home")
        session.see("#place", re.compile("frame 1 of"))
        while session.check() and session.frame in corrected:
            pass
        if "Nothing" in tab.inner_text("#notice"):
            tab.locator("#frame").fill(str(part * len(clip) // 4))
            session.actions["clicks"] += 1
            session.see("#place", re.compile(f"frame {part * len(clip) // 4 + 1} of"))
        corrected.add(session.frame)
        while clip.visibility[session.frame] < 0.9:  # nobody draws what cannot be seen
            ahead = min(session.frame + 10, len(clip) - 1)
            session.press(">")
            session.see("#place", re.compile(f"frame {ahead + 1} of"))
        tab.keyboard.down("Shift")
        session.draw(session.frame)
        tab.keyboard.up("Shift")
        session.see("#run", "Continue")
        session.press("t")
        session.see("#run", "Done")
        session.step(f"correction {part} is drawn, and tracked both ways")
    session.press("x")
    with tab.expect_download() as download:
        session.click("[data-boxes=cvat]")
    download.value.save_as(folder / "boxes.xml")
    session.step("the CVAT file is saved")
    with tab.expect_download() as download:
        tab.click("[data-boxes=csv]")
    download.value.save_as(folder / "boxes.csv")
    return session


def main() -> None:
    """Print the steps and the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=471)
    parser.add_argument("--seed", type=int, default=2)
    options = parser.parse_args()
    clip = ProceduralClip(ClipSettings(frames=options.frames, seed=options.seed))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        video = folder / "video.mp4"
        with open_writer(video, frame_rate=RATE) as writer:
            for index, image in enumerate(clip):
                writer.write(image, index / RATE)
        command = [sys.executable, "-m", "siamfc", "serve", str(folder), "--no-browser"]
        server = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            assert server.stdout is not None
            address = server.stdout.readline().split()[1]
            with sync_playwright() as driver:
                browser = driver.chromium.launch(
                    executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
                )
                tab = browser.new_page(viewport={"width": 1280, "height": 900})
                tab.goto(address)
                tab.locator("#entries button").wait_for()
                session = run(tab, video, clip, folder)
                browser.close()
        finally:
            server.terminate()
            server.wait()
        boxes = np.concatenate([result.boxes for result in read_results(folder / "boxes.csv")])
        overlap = float(np.mean(iou(boxes, clip.boxes)))
    for step, seconds in session.steps:
        print(f"{step:60}{seconds:8.1f} s")
    print(", ".join(f"{count} {kind}" for kind, count in session.actions.items()))
    print(f"mean IoU with the truth: {overlap:.3f}")


if __name__ == "__main__":
    main()

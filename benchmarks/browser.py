"""Speed of the tracker in Chromium and in Python, which take turns in one run.

    npm ci --prefix js --ignore-scripts
    python benchmarks/browser.py [SEQUENCE…]

All follow the same frames, ten at a time in turn, so that whatever else the machine does slows all
of them: Python and WebAssembly on one thread each, and WebAssembly on two. SEQUENCE is a folder of
images with `groundtruth_rect.txt`, in OTB's layout; without any a synthetic clip is tracked. What
counts is the whole of an update: crop, network and post-processing. The first film is tracked once
before, uncounted: a browser compiles a program anew while it runs. Printed are updates per second,
how far the boxes are from Python's, and the bytes that a page loads. `--chromium` names the
browser.

How near can they be? Where the network is unsure, rounding decides. `moved` is Python's tracker
once more, its first box 0.0001 pixels to the right.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright

from siamfc.datasets.readers import find_format
from siamfc.datasets.sequences import read_sequences
from siamfc.synthetic.clip import ClipSettings, ProceduralClip
from siamfc.system import commit, machine
from siamfc.tracking import Tracker

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs" / "tools"))

from browser_page import assemble  # noqa: E402 - a tool of the documentation, not installed

TURN = 10
"""Frames that a tracker follows before the next one's turn."""
NAMES = {"wasm, 1 thread": 1, "wasm, 2 threads": 2}
PAGE = """<!doctype html><script type="module">
import * as runtime from "./runtime/ort.wasm.bundle.min.mjs";
import { Tracker } from "./siamfc-web/src/tracker.js";
let tracker, bytes, size;
const frame = (i) => {
  const [width, height] = size, step = width * height * 3;
  return { data: bytes.subarray(i * step, (i + 1) * step), width, height };
};
globalThis.begin = async (film, shape, box, threads) => {
  tracker ??= await Tracker.load({ runtime, threads });
  bytes = new Uint8Array(await (await fetch(film)).arrayBuffer());
  size = shape;
  await tracker.init(frame(0), box);
};
globalThis.turn = async (first, end) => {
  const start = performance.now(), boxes = [];
  for (let i = first; i < end; i++) boxes.push((await tracker.update(frame(i))).box);
  return [(performance.now() - start) / 1000, boxes];
};
</script>"""


class Isolated(SimpleHTTPRequestHandler):
    """Sends the headers without which a page has one thread."""

    def guess_type(self, path: Any) -> str:
        """Serve `.mjs` as JavaScript, which some systems do not know."""
        return "text/javascript" if str(path).endswith("js") else super().guess_type(path)

    def end_headers(self) -> None:
        """Send headers that permit memory shared between threads, too."""
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class InPython:
    """The tracker of Python on one thread."""

    def __init__(self, shift: float = 0.0) -> None:
        self._tracker = Tracker.from_pretrained(device="cpu", threads=1)
        self._shift = np.array([shift, 0, 0, 0])

    def begin(self, frames: list[np.ndarray], box: np.ndarray) -> None:
        """Take the target from the first frame."""
        self._frames = frames
        self._tracker.init(frames[0], box + self._shift)

    def turn(self, first: int, end: int) -> tuple[float, list[Any]]:
        """Follow it through some frames; returns the seconds and the boxes."""
        start = time.perf_counter()
        boxes = [self._tracker.update(frame) for frame in self._frames[first:end]]
        return time.perf_counter() - start, boxes


class InBrowser:
    """The tracker of the page, in a tab."""

    def __init__(self, tab: Page, folder: Path, threads: int) -> None:
        self._tab, self._folder, self._threads = tab, folder, threads

    def begin(self, frames: list[np.ndarray], box: np.ndarray) -> None:
        """Write the frames where the page reads them, and give it the first box."""
        (self._folder / "film.rgb").write_bytes(b"".join(frame.tobytes() for frame in frames))
        height, width = frames[0].shape[:2]
        words = ["film.rgb", [width, height], box.tolist(), self._threads]
        self._tab.evaluate("(words) => begin(...words)", words)

    def turn(self, first: int, end: int) -> tuple[float, list[Any]]:
        """Track frames from `first` up to `end`; return the seconds and the boxes."""
        seconds, boxes = self._tab.evaluate("(words) => turn(...words)", [first, end])
        return seconds, boxes


def read_film(folder: Path | None, count: int) -> tuple[str, list[np.ndarray], np.ndarray]:
    """A sequence's name, frames and first box, or the clip's."""
    if folder is None:
        clip = ProceduralClip(ClipSettings(frames=count, width=480, height=360))
        return "clip", list(clip), np.asarray(clip.boxes[0])
    sequences = read_sequences(find_format("otb").open(folder.parent))
    (sequence,) = [one for one in sequences if one.name == folder.name]
    return sequence.name, list(islice(sequence.images(), count)), np.asarray(sequence.boxes[0])


def measure(folder: Path, driver: Any, options: argparse.Namespace, origin: str) -> None:
    """Track all films with all trackers, and print what came of it."""
    browser = driver.chromium.launch(
        executable_path=options.chromium, args=["--headless=new", "--no-sandbox", "--disable-gpu"]
    )
    trackers: dict[str, Any] = {"Python, 1 thread": InPython(), "moved": InPython(1e-4)}
    loaded: defaultdict[str, int] = defaultdict(int)
    for name, threads in NAMES.items():
        tab = browser.new_page()
        tab.set_default_timeout(600_000)
        tab.goto(f"{origin}/benchmark.html")
        tab.wait_for_function("() => Boolean(globalThis.turn)")
        trackers[name] = InBrowser(tab, folder, threads)
    seconds: defaultdict[str, float] = defaultdict(float)
    updates = 0
    _, frames, box = read_film(*options.sequences[:1] or [None], options.frames)
    for tracker in trackers.values():
        tracker.begin(frames, box)
        tracker.turn(1, len(frames))
    for sequence in options.sequences or [None]:
        title, frames, box = read_film(sequence, options.frames)
        boxes = defaultdict(list)
        for tracker in trackers.values():
            tracker.begin(frames, box)
        for first in range(1, len(frames), TURN):
            end = min(first + TURN, len(frames))
            for name, tracker in trackers.items():
                took, found = tracker.turn(first, end)
                seconds[name] += took
                boxes[name] += found
        updates += len(frames) - 1
        for name in ("moved", *NAMES):
            apart = np.abs(np.array(boxes[name]) - boxes["Python, 1 thread"]).max(axis=1)
            print(
                f"{title}, {name}: median {np.median(apart):.3f}, largest {apart.max():.3f} px; "
                f"within 0.1 px {np.mean(apart <= 0.1):.0%} of {len(apart)} frames"
            )
    browser.close()
    for name in ("Python, 1 thread", *NAMES):
        ratio = seconds["Python, 1 thread"] / seconds[name]
        print(f"{name}: {updates / seconds[name]:.1f} updates/s, {ratio:.2f} of Python's")
    names = ("index.html", "*.css", "*.js", "siamfc-web/src/*.js", "siamfc-web/weights/*.onnx",
             "runtime/ort.wasm*", "runtime/ort-wasm-simd-threaded.wasm")  # fmt: skip
    for pattern in names:
        loaded[pattern] = sum(path.stat().st_size for path in folder.glob(pattern))
    print(json.dumps({"bytes": {**loaded, "in all": sum(loaded.values())}}))


def main() -> None:
    """Assemble the page, serve it and measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sequences", nargs="*", type=Path)
    parser.add_argument("--frames", type=int, default=101)
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    options = parser.parse_args()
    print(f"{machine()}, commit {commit()}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not assemble(folder):
            sys.exit("expected onnxruntime-web: npm ci --prefix js --ignore-scripts")
        (folder / "benchmark.html").write_text(PAGE, encoding="utf-8")
        handler = partial(Isolated, directory=name)
        with (
            ThreadingHTTPServer(("127.0.0.1", 0), handler) as server,
            sync_playwright() as driver,
        ):
            thread = Thread(target=server.serve_forever)
            thread.start()
            try:
                measure(folder, driver, options, f"http://127.0.0.1:{server.server_port}")
            finally:
                server.shutdown()
                thread.join()


if __name__ == "__main__":
    main()

"""Memory of a long job on the page: `python benchmarks/page_memory.py` prints MB by frames tracked.

One target stands still in a generated video of 100,000 frames; a network that always says so stands
for the real one, so that what grows is the page's own: rows, runs and what is sent to the browser.
Then the target is drawn again in the middle, what lies between is tracked backwards too, the boxes
are smoothed and saved. Nothing is decoded or encoded. Needs Linux, for the process's memory.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np

from siamfc.frames import Frame
from siamfc.network import EmbeddingSpec
from siamfc.system import commit, machine
from siamfc.tracking import SiamFCSettings, Stepper
from siamfc.web.box_files import boxes_file
from siamfc.web.job import Job

BOX = (20.0, 22.0, 24.0, 20.0)


class StillNetwork:
    """Finds every target where it was."""

    def __init__(self) -> None:
        self.spec = EmbeddingSpec()
        side = np.arange(self.spec.response_size) - (self.spec.response_size - 1) / 2
        self._response = (4 - np.add.outer(side**2, side**2)).astype(np.float32)

    def embed_exemplar(self, crops: Any) -> Any:
        """(N, 1) zeros."""
        return np.zeros((len(crops), 1), dtype=np.float32)

    def respond(self, _exemplars: Any, searches: Any) -> Any:
        """A peak in the middle of each search image."""
        return np.broadcast_to(self._response, (*searches.shape[:2], *self._response.shape))


class GeneratedClip:
    """The same picture again and again."""

    name, kind, message, source = "generated", "video", "", None
    size, frame_rate, first_frame, is_live = (64, 64), 25.0, 0, False

    def __init__(self, frames: int) -> None:
        self.frame_count = frames
        self._image = np.full((64, 64, 3), 255, dtype=np.uint8)

    def __getitem__(self, index: int) -> Frame:
        return Frame(self._image, index, index / 25)

    def frames(self, start: int) -> Generator[Frame | None]:
        """Frames from an index on."""
        yield from (self[index] for index in range(start, self.frame_count))

    def frames_backward(self, start: int) -> Generator[Frame]:
        """Frames from an index back to the first."""
        yield from (self[index] for index in range(start, -1, -1))

    def close(self) -> None:
        """Nothing is open."""


def memory() -> float:
    """Resident memory of this process, MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Watched(GeneratedClip):
    """Writes down the memory every so many frames, and takes the rows as a page does."""

    def __init__(self, frames: int, every: int) -> None:
        super().__init__(frames)
        self.every = every
        self.job: Job | None = None
        self.version = -1
        self.read = 0
        self.seen: list[tuple[int, float]] = []

    def __getitem__(self, index: int) -> Frame:
        self.read += 1
        if self.job is not None and self.read % 100 == 0:
            self.version, _ = self.job.track.patches(self.version, 20_000)
        if self.read % self.every == 0:
            self.seen.append((self.read, memory()))
        return super().__getitem__(index)


def main() -> None:
    """Print a table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    clip = Watched(options.frames, options.frames // 5)
    job = Job(
        clip,
        Stepper(StillNetwork(), SiamFCSettings(scales=1)),
        folder=Path(tempfile.mkdtemp()),
        max_targets=32,
        submit=lambda _job: None,
        is_tracking=lambda: False,
    )
    clip.job = job
    rows: list[tuple[str, float, float]] = []

    def step(name: str, work: Callable[[], Any]) -> None:
        begun = time.process_time()
        work()
        rows.append((name, memory(), time.process_time() - begun))

    def track() -> None:
        job.start()
        job.run()
        if job.state != "done":
            raise RuntimeError(f"the job is {job.state}: {job.message}")

    middle = options.frames // 2
    step("drawn", lambda: job.change(lambda track: track.draw(0, 0, BOX)))
    step("tracked", track)
    step("drawn again in the middle", lambda: job.change(lambda t: t.draw(middle, 0, BOX)))
    step("tracked both ways", track)
    step("smoothed", lambda: job.smooth(True))
    step("frames to check found", job.track.review)
    step("saved as CSV", lambda: boxes_file(job, "csv"))
    job.close()
    if options.json:
        figures = {"frames": clip.seen, "steps": rows, "machine": machine(), "commit": commit()}
        print(json.dumps(figures))
        return
    for count, megabytes in clip.seen:
        print(f"{f'{count} frames read':30}{megabytes:8.0f} MB")
    for name, megabytes, seconds in rows:
        print(f"{name:30}{megabytes:8.0f} MB{seconds:8.1f} s of the processor")


if __name__ == "__main__":
    main()

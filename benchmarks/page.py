"""What the page adds to tracking: `python benchmarks/page.py` prints ratios to `siamfc track`.

Renders a 1280×720 mp4 and tracks its target in turn by the loop of `siamfc track`, boxes written,
and by `siamfc serve` through its HTTP interface, with a client that asks for news and pictures as
often as the page's script does. Both are processes of their own, warm, and are measured from the
first frame to the last: seconds, and seconds of processor time. A busy machine disturbs the former
far more than the latter. What the browser itself takes to show the pictures isn't in it.

Also printed: the seconds from the drop of the video to its first tracked frame at the client, with
the box drawn at once.
"""

import argparse
import contextlib
import http.client
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

from loop import RATE, render  # first: it sets the count of BLAS threads

from siamfc.frames import open_source
from siamfc.network import load_matcher
from siamfc.system import commit, machine
from siamfc.tracking import follow, open_results, settings_for

ASK_SECONDS = 0.04  # as the page's script

Box = list[float]


@dataclass(frozen=True)
class Cost:
    """Seconds from the first frame to the last, by the clock and of the processor."""

    wall: float
    processor: float


# --- The command line's loop ----------------------------------------------------------------------

_matchers: dict[int, Any] = {}


def track(video: Path, box: Box, threads: int) -> Cost:
    """Track as `siamfc track --results` does; run by a process of its own, which stays warm."""
    if threads not in _matchers:
        _matchers[threads] = load_matcher("default", device="cpu", threads=threads)
    matcher = _matchers[threads]
    start, begun = time.perf_counter(), time.process_time()
    with (
        open_source(video) as source,
        open_results(video.with_name("boxes.csv"), targets=1, overwrite=True) as add,
    ):
        for _, result in follow(source, [box], matcher, settings_for(3)):
            add(result)
    return Cost(time.perf_counter() - start, time.process_time() - begun)


# --- The page's server and a client ---------------------------------------------------------------


class Server:
    """`siamfc serve` as a process, and requests as the page sends them."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "siamfc", "serve", str(folder), "--no-browser"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)/\?token=([\w-]+)", line):
                break
        else:
            raise RuntimeError("the server gave no address")
        self._port, self._token = int(found[1]), found[2]
        self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)

    def close(self) -> None:
        """End it."""
        self._connection.close()
        self._process.terminate()
        self._process.wait()

    def ask(self, method: str, path: str, body: Any = None) -> bytes:
        """Send a request; return the answer's body."""
        headers = {
            "Origin": f"http://127.0.0.1:{self._port}",
            "Sec-Fetch-Site": "same-origin",
            "Cookie": f"siamfc-{self._port}={self._token}",
        }
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        self._connection.request(method, f"/api/{path}", content, headers)
        answer = self._connection.getresponse()
        data = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {data.decode()}")
        return data

    def open(self, video: Path) -> str:
        """Upload a video, as a drop on the page does; its job."""
        self._connection.close()  # the server doesn't keep one that was idle for long
        announced = {"name": video.name, "images": False, "count": 1}
        upload = json.loads(self.ask("POST", "uploads", announced))["id"]
        self.ask("PUT", f"uploads/{upload}/0", video.read_bytes())
        return str(json.loads(self.ask("POST", f"uploads/{upload}"))["id"])

    def watch(self, job: str) -> Iterator[dict[str, Any]]:
        """Ask for news as the page does; yield the job, with the picture shown, each time."""
        seen, have, epoch, picture = "", 0, -1, -1
        while True:
            start = time.perf_counter()
            query = f"seen={seen}&job={job}&epoch={epoch}&have={have}&picture={picture}"
            answer = self.ask("GET", f"news?{query}")
            (length,) = struct.unpack_from("<I", answer)
            head = json.loads(answer[4 : 4 + length])
            rows = head["rows"]
            seen, epoch, have = head["seen"], rows["epoch"], rows["start"] + rows["shape"][0]
            picture = head.get("picture", picture)
            now = next(each for each in head["jobs"] if each["id"] == job)
            yield {**now, "shown": picture}
            time.sleep(max(0.0, ASK_SECONDS - (time.perf_counter() - start)))

    def processor_seconds(self) -> float:
        """Processor time that it has taken so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def follow_on_page(server: Server, video: Path, box: Box) -> tuple[Cost, float]:
    """Track by the page; what it costs, and the seconds from drop to first tracked frame."""
    dropped = time.perf_counter()
    job = server.open(video)
    server.ask("GET", f"jobs/{job}/frames/0")
    server.ask("PUT", f"jobs/{job}/boxes/0/0", {"box": box})
    start, begun = time.perf_counter(), server.processor_seconds()
    server.ask("POST", f"jobs/{job}/start")
    first = None
    for now in server.watch(job):
        if first is None and now["shown"] >= 1:
            first = time.perf_counter() - dropped
        if now["state"] not in ("open", "waiting", "running"):
            break
    cost = Cost(time.perf_counter() - start, server.processor_seconds() - begun)
    if now["state"] != "done" or first is None:
        raise RuntimeError(f"the job is {now['state']}: {now['message']}")
    server.ask("DELETE", f"jobs/{job}")
    return cost, first


# --- In turn --------------------------------------------------------------------------------------


def measure(video: Path, box: Box, rounds: int, threads: int) -> dict[str, Any]:
    """Medians over rounds of both in turn, after one that warms both up."""
    lines: list[Cost] = []
    pages: list[Cost] = []
    firsts: list[float] = []
    with (
        contextlib.closing(Server(video.parent)) as server,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process,
    ):
        for _ in range(rounds + 1):
            lines.append(process.submit(track, video, box, threads).result())
            page, first = follow_on_page(server, video, box)
            pages.append(page)
            firsts.append(first)
    pairs = list(zip(pages[1:], lines[1:], strict=True))
    return {
        "track, seconds": median(line.wall for _, line in pairs),
        "page, seconds": median(page.wall for page, _ in pairs),
        "page over track": median(page.wall / line.wall for page, line in pairs),
        "page over track, processor time": median(
            page.processor / line.processor for page, line in pairs
        ),
        "drop to first tracked frame, seconds": median(firsts[1:]),
    }


def main() -> None:
    """Print the figures, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):  # for all processes that are started here
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "video.mp4"
        box = render(video, options.frames).tolist()
        figures = measure(video, box, options.rounds, options.threads)
    if options.json:
        print(json.dumps({**figures, "machine": machine(), "commit": commit()}))
        return
    print(f"{options.frames} frames of 1280×720 at {RATE:g} frames/s, {options.threads} CPUs")
    for name, value in figures.items():
        print(f"  {name:40}{value:8.2f}")


if __name__ == "__main__":
    main()

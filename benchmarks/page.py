"""Cost of the page over tracking: `python benchmarks/page.py` prints ratios to `siamfc track`.

Renders a 1280×720 mp4 and tracks its target in turn by the loop of `siamfc track`, boxes written,
and by `siamfc serve` through its HTTP interface, with a client that asks for news and pictures as
often as the page's script does. Both are processes of their own, warm, and are measured from the
first frame to the last: seconds, and seconds of processor time. A busy machine disturbs the former
far more than the latter. What the browser itself takes to show the pictures isn't in it.

Also printed: how many pictures came in a second, and the seconds from the drop of the video to its
first tracked frame at the client, with the box drawn at once.
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
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

from loop import RATE, render  # first: it sets the count of BLAS threads

from siamfc.frames import open_source
from siamfc.network import load_matcher
from siamfc.system import commit, machine
from siamfc.tracking import follow, open_results, settings_for_weights

ASK_SECONDS = 0.04  # as the page's script

Box = list[float]


@dataclass(frozen=True)
class Cost:
    """Seconds from the first frame to the last, by the clock and of the processor."""

    wall: float
    processor: float


@dataclass(frozen=True)
class Watched:
    """A run of the page."""

    cost: Cost
    first: float
    """Seconds from the drop of the video to the first tracked frame at the client."""
    pictures: int
    """Pictures that came to the client meanwhile."""


# --- The command line's loop ----------------------------------------------------------------------

_load = cache(load_matcher)


def track(video: Path, box: Box, weights: str) -> Cost:
    """Track as `siamfc track --results` does; run by a process of its own, which stays warm."""
    matcher, settings = _load(weights, device="cpu"), settings_for_weights(weights)
    start, begun = time.perf_counter(), time.process_time()
    with (
        open_source(video) as source,
        open_results(video.with_name("boxes.csv"), overwrite=True) as add,
    ):
        for _, result in follow(source, [box], matcher, settings):
            add(result)
    return Cost(time.perf_counter() - start, time.process_time() - begun)


# --- The page's server and a client ---------------------------------------------------------------


class Server:
    """`siamfc serve` as a process, and requests as the page sends them."""

    def __init__(self, folder: Path, weights: str) -> None:
        command = [sys.executable, "-m", "siamfc", "serve", str(folder), "--no-browser"]
        command += ["--weights", weights, "--device", "cpu"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if found := re.search(r"http://[\w.-]+:(\d+)/\?token=([\w-]+)", line):
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
        seen, version, picture = "", -1, -1
        while True:
            start = time.perf_counter()
            query = f"seen={seen}&job={job}&version={version}&picture={picture}"
            answer = self.ask("GET", f"news?{query}")
            (length,) = struct.unpack_from("<I", answer)
            head = json.loads(answer[4 : 4 + length])
            seen, version = head["seen"], head["rows"]["version"]
            picture = head.get("picture", picture)
            now = next(each for each in head["jobs"] if each["id"] == job)
            yield {**now, "shown": picture}
            time.sleep(max(0.0, ASK_SECONDS - (time.perf_counter() - start)))

    def processor_seconds(self) -> float:
        """Processor time that it has taken so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def follow_on_page(server: Server, video: Path, box: Box) -> Watched:
    """Track by the page, and watch it."""
    dropped = time.perf_counter()
    job = server.open(video)
    server.ask("GET", f"jobs/{job}/frames/0")
    server.ask("PUT", f"jobs/{job}/boxes/0/0", {"box": box})
    start, begun = time.perf_counter(), server.processor_seconds()
    server.ask("POST", f"jobs/{job}/start")
    first, shown = None, set()
    for now in server.watch(job):
        if first is None and now["shown"] >= 1:
            first = time.perf_counter() - dropped
        shown.add(now["shown"])
        if now["state"] not in ("open", "waiting", "running"):
            break
    cost = Cost(time.perf_counter() - start, server.processor_seconds() - begun)
    if now["state"] != "done" or first is None:
        raise RuntimeError(f"the job is {now['state']}: {now['message']}")
    server.ask("DELETE", f"jobs/{job}")
    return Watched(cost, first, len(shown - {-1}))


# --- In turn --------------------------------------------------------------------------------------


def measure(video: Path, box: Box, weights: str, rounds: int) -> dict[str, Any]:
    """Medians over rounds of both in turn, after one that warms both up."""
    runs: list[tuple[Cost, Watched]] = []
    with (
        contextlib.closing(Server(video.parent, weights)) as server,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process,
    ):
        for _ in range(rounds + 1):
            line = process.submit(track, video, box, weights).result()
            runs.append((line, follow_on_page(server, video, box)))
    runs = runs[1:]
    ratios = [page.cost.wall / line.wall for line, page in runs]
    processor_ratios = [page.cost.processor / line.processor for line, page in runs]
    return {
        "track, seconds": median(line.wall for line, _ in runs),
        "page, seconds": median(page.cost.wall for _, page in runs),
        "page over track": median(ratios),
        "page over track, processor time": median(processor_ratios),
        "pictures a second": median(page.pictures / page.cost.wall for _, page in runs),
        "drop to first tracked frame, seconds": median(page.first for _, page in runs),
    }


def main() -> None:
    """Print the figures, or one JSON object for all weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--weights", nargs="+", default=["light", "siamfc"])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):  # for all processes that are started here
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "video.mp4"
        box = render(video, 720, options.frames).tolist()
        figures = {
            weights: measure(video, box, weights, options.rounds) for weights in options.weights
        }
    if options.json:
        run = {"frames": options.frames, "threads": options.threads}
        print(json.dumps({**run, **figures, "machine": machine(), "commit": commit()}))
        return
    print(f"{options.frames} frames of 1280×720 at {RATE:g} frames/s, {options.threads} CPUs")
    for weights, row in figures.items():
        print(weights)
        for name, value in row.items():
            print(f"  {name:40}{value:8.2f}")


if __name__ == "__main__":
    main()

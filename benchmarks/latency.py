"""Age of a live picture when its boxes are known: median, 99th percentile and maximum.

    python benchmarks/latency.py [--targets 1 4 16 64] [--rate 30] [--seconds 10]

A web camera, a process of its own on this machine, sends JPEG pictures of 1280×720 pixels over
HTTP at a steady rate and notes when each begins to leave. Counted is the time from there to the
boxes, so it includes the way through the socket, decoding, waiting and tracking. With many targets
the tracker is slower than the camera: pictures must then be dropped, or they would grow older and
older. The first second, in which the connection is made, does not count.
"""

import argparse
import io
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from multiprocessing.queues import Queue
from typing import Any

from siamfc.system import commit, limit_blas_threads, machine

limit_blas_threads()

import numpy as np  # noqa: E402 - after its threads are limited
from PIL import Image  # noqa: E402

from siamfc import load_matcher, open_source  # noqa: E402
from siamfc.synthetic.clip import ClipSettings, ProceduralClip  # noqa: E402
from siamfc.tracking import follow  # noqa: E402

CLIP = ClipSettings(frames=60, width=1280, height=720, target=130)
PICTURES = 100_000
"""More than a measurement takes."""


def camera(port: "Queue[int]", sent: Any, rate: float) -> None:
    """Serve the clip, again and again; write the moment at which each picture leaves to `sent`."""
    pictures = [_jpeg(image) for image in ProceduralClip(CLIP)]

    class Camera(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
            self.end_headers()
            start = time.monotonic()
            for index in range(PICTURES):
                time.sleep(max(0.0, start + index / rate - time.monotonic()))
                jpeg = pictures[index % len(pictures)]
                head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                sent[index] = time.monotonic()
                try:
                    self.wfile.write(head.encode() + jpeg + b"\r\n")
                except OSError:  # the reader has gone
                    return

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Camera) as server:
        port.put(server.server_port)
        server.serve_forever()


def _jpeg(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=90)
    return file.getvalue()


@contextmanager
def running_camera(rate: float) -> Iterator[tuple[str, Any]]:
    """Yield the address of a camera's process, and the moments at which its pictures left."""
    context = multiprocessing.get_context("spawn")
    port, sent = context.Queue(), context.Array("d", PICTURES, lock=False)
    process = context.Process(target=camera, args=(port, sent, rate), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{port.get()}", sent
    finally:
        process.kill()


def measure(url: str, sent: Any, targets: int, weights: str, seconds: float) -> dict[str, float]:
    """Milliseconds from a picture's leaving to its boxes, and the fraction that was tracked."""
    box = ProceduralClip(CLIP).boxes[0]
    boxes = [box + np.array([offset, 0, 0, 0]) for offset in range(targets)]
    matcher = load_matcher(weights)
    ages, indices = [], []
    with open_source(url, timeout=60) as source:
        begun = time.monotonic()
        for frame, _ in follow(source, boxes, matcher):
            now = time.monotonic()
            if now - begun > 1:
                ages.append(1000 * (now - sent[frame.index]))
                indices.append(frame.index)
            if now - begun > 1 + seconds:
                break
    return {
        "median": float(np.median(ages)),
        "99th": float(np.percentile(ages, 99)),
        "maximum": max(ages),
        "tracked": len(indices) / (indices[-1] - indices[0] + 1),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--targets", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--rate", type=float, default=30.0, help="pictures a second")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--weights", default="light")
    options = parser.parse_args()
    with running_camera(options.rate) as (url, sent):
        print("targets  median ms  99th ms  maximum ms  tracked")
        for targets in options.targets:
            found = measure(url, sent, targets, options.weights, options.seconds)
            print(
                f"{targets:7}{found['median']:11.1f}{found['99th']:9.1f}{found['maximum']:12.1f}"
                f"{found['tracked']:9.0%}",
                flush=True,
            )
    print(f"{machine()['processor']}, commit {commit()}")


if __name__ == "__main__":
    main()

"""Cost of many targets: updates a second and memory for 1 to 1,000 targets in one frame.

    python benchmarks/targets.py [--weights light] [--device cpu] [--threads 1]

A process of its own for each number, so that its memory is its own: the GPU's with `--device cuda`.
Counted is the time of the processor on the CPU, of the clock on a GPU. A frame of noise with boxes
strewn over it is tracked, for "elsewhere" a frame of other noise, in which all of them are lost and
searched for in further windows. "Network" is the fraction of an update that the network takes by
itself, with the search images where it wants them.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable

from siamfc.system import commit, limit_blas_threads, machine

limit_blas_threads()

import numpy as np  # noqa: E402 - after its threads are limited

from siamfc.network import load_matcher  # noqa: E402
from siamfc.tracking.state import TrackerState  # noqa: E402
from siamfc.tracking.step import Stepper  # noqa: E402
from siamfc.tracking.targets import cropper  # noqa: E402

COUNTS = (1, 4, 16, 64, 256, 1000)
WIDTH, HEIGHT = 1280, 720


def measure(count: int, weights: str, device: str, threads: int) -> dict[str, float]:
    """Milliseconds for each target in an update, and the largest memory."""
    random = np.random.default_rng(0)
    image, other = random.integers(0, 256, (2, HEIGHT, WIDTH, 3), np.uint8)
    corner = random.uniform(0, (WIDTH - 80, HEIGHT - 80), (count, 2))
    boxes = np.concatenate([corner, random.uniform(20, 80, (count, 2))], axis=1)
    matcher = load_matcher(weights, device=device, threads=threads)
    stepper = Stepper(matcher)
    begun = stepper.begin(image, boxes)
    spec = matcher.spec
    windows = begun.targets.present_windows(spec)
    crops = cropper(matcher)(image, *windows, spec.search_size, begun.fill)
    clock = time.process_time if device == "cpu" and threads == 1 else time.perf_counter
    rounds = max(64 // count, 1 if device == "cpu" else 20)

    def milliseconds(update: Callable[[TrackerState], object], state: TrackerState) -> float:
        start = clock()
        for _ in range(rounds):
            found = update(state)
            state = found if isinstance(found, TrackerState) else state
        return 1000 * (clock() - start) / rounds / count

    def follow(state: TrackerState) -> TrackerState:
        return stepper.step(state, image)

    def look_elsewhere(state: TrackerState) -> TrackerState:
        return stepper.step(state, other)

    def locate(state: TrackerState) -> object:
        return matcher.locate(state.exemplars, crops)

    lost = look_elsewhere(look_elsewhere(begun))
    each = milliseconds(follow, follow(begun))
    return {
        "milliseconds": each,
        "network": milliseconds(locate, begun) / each,
        "elsewhere": milliseconds(look_elsewhere, lost),
        "lost": float(lost.targets.lost.mean()),
        "megabytes": memory(device),
    }


def memory(device: str) -> float:
    """Return the largest memory so far, of the process or on the GPU."""
    if device == "cpu":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    import torch

    return torch.cuda.max_memory_reserved() / 2**20


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", default="light")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--count", type=int, help="measure this number alone; print JSON")
    options = parser.parse_args()
    if options.count is not None:
        print(json.dumps(measure(options.count, options.weights, options.device, options.threads)))
        return
    print("targets  updates/s  ms each  network  elsewhere/s  lost  memory")
    for count in COUNTS:
        answer = subprocess.run(
            [sys.executable, __file__, *sys.argv[1:], "--count", str(count)],
            capture_output=True,
            text=True,
            check=True,
        )
        found = json.loads(answer.stdout)
        each, elsewhere = found["milliseconds"], found["elsewhere"]
        print(
            f"{count:7} {1000 / each:10.1f} {each:8.3f} {found['network']:8.0%}"
            f" {1000 / elsewhere:12.1f} {found['lost']:5.0%} {found['megabytes']:5.0f} MB",
            flush=True,
        )
    print(f"{machine()['processor']}, commit {commit()}")


if __name__ == "__main__":
    main()

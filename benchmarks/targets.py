"""Cost of many targets: updates a second and memory for 1 to 1,000 targets in one frame.

    python benchmarks/targets.py [--weights light] [--device cpu] [--threads 1] [--elsewhere]

A process of its own for each number, so that its memory is its own: the GPU's with `--device cuda`.
Counted is the time of the processor on the CPU, of the clock on a GPU. A frame of noise with boxes
strewn over it is tracked; those that are lost are not searched for elsewhere. With `--elsewhere` a
frame of other noise is tracked, in which all are lost and searched for in further windows.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import replace

from siamfc.system import commit, limit_blas_threads, machine

limit_blas_threads()

import numpy as np  # noqa: E402 - after its threads are limited

from siamfc.network import load_matcher  # noqa: E402
from siamfc.tracking.step import Stepper  # noqa: E402

COUNTS = (1, 4, 16, 64, 256, 1000)
WIDTH, HEIGHT = 1280, 720
WARM_UP = 40
"""Frames after which a GPU has recorded a graph of every size, exemplars' included."""


def measure(
    count: int, weights: str, device: str, threads: int, elsewhere: bool
) -> dict[str, float]:
    """Milliseconds for each target in an update, and the largest memory."""
    random = np.random.default_rng(0)
    first, other = random.integers(0, 256, (2, HEIGHT, WIDTH, 3), np.uint8)
    corner = random.uniform(0, (WIDTH - 80, HEIGHT - 80), (count, 2))
    boxes = np.concatenate([corner, random.uniform(20, 80, (count, 2))], axis=1)
    matcher = load_matcher(weights, device=device, threads=threads)
    stepper = Stepper(matcher)
    if not elsewhere:
        lost = replace(stepper.settings.lost, windows=0)
        stepper = Stepper(matcher, replace(stepper.settings, lost=lost))
    image = other if elsewhere else first
    state = stepper.begin(first, boxes)
    for _ in range(2 if device == "cpu" else WARM_UP):
        state = stepper.step(state, image)
    assert (state.targets.lost.mean() > 0.9) == elsewhere
    clock = time.process_time if device == "cpu" and threads == 1 else time.perf_counter
    rounds = max(64 // count, 1 if device == "cpu" else 20)
    start = clock()
    for _ in range(rounds):
        state = stepper.step(state, image)
    seconds = (clock() - start) / rounds
    return {"milliseconds": 1000 * seconds / count, "megabytes": largest_memory(device)}


def largest_memory(device: str) -> float:
    """Megabytes of this process, or what it took of a GPU's."""
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
    parser.add_argument("--elsewhere", action="store_true")
    parser.add_argument("--count", type=int, help="measure this number alone; print JSON")
    options = parser.parse_args()
    if options.count is not None:
        how = options.weights, options.device, options.threads, options.elsewhere
        print(json.dumps(measure(options.count, *how)))
        return
    print("targets  updates/s  ms each  memory")
    for count in COUNTS:
        answer = subprocess.run(
            [sys.executable, __file__, *sys.argv[1:], "--count", str(count)],
            capture_output=True,
            text=True,
            check=True,
        )
        found = json.loads(answer.stdout)
        each = found["milliseconds"]
        print(f"{count:7} {1000 / each:10.1f} {each:8.2f} {found['megabytes']:5.0f} MB", flush=True)
    print(f"{machine()['processor']}, commit {commit()}")


if __name__ == "__main__":
    main()

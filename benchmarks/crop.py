"""Cost of a crop: `python benchmarks/crop.py` prints milliseconds on one thread.

Each row is one 255-pixel crop, or the three scales of one step, out of a 1280×720 frame of noise,
beside the plain way: pad the whole frame with the fill, cut the square out, resize it.
"""

import argparse
import math
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from siamfc.geometry import crop, crop_scales, exemplar_side, search_side

WIDTH, HEIGHT, SIZE = 1280, 720, 255
MIDDLE, CORNER = (640.3, 360.7), (30.3, 20.7)
FILL = np.array([110, 120, 130], dtype=np.uint8)

Frame = NDArray[np.uint8]


def plain_padded_crop(frame: Frame, center: tuple[float, float], side: float) -> Frame:
    """Pad by as much as the square can reach, whether it does or not, then cut and resize."""
    border = math.ceil(side / 2 + max(side / SIZE, 1)) + 1
    padded = np.empty((HEIGHT + 2 * border, WIDTH + 2 * border, 3), dtype=np.uint8)
    padded[:] = FILL
    padded[border : border + HEIGHT, border : border + WIDTH] = frame
    left, top = (value + border - side / 2 for value in center)
    box = (left, top, left + side, top + side)
    resized = Image.fromarray(padded).resize((SIZE, SIZE), Image.Resampling.BILINEAR, box)
    return np.asarray(resized)


def milliseconds(call: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Fastest and median run."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - start))
    return min(times[1:]), float(np.median(times[1:]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=50)
    repeats = parser.parse_args().repeats
    frame = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    squares: list[tuple[str, float]] = [
        (f"{side} px square", side) for side in (64, 127, 255, 400, 510, 610, 640, 760, 1000)
    ]
    for w, h in ((200, 200), (400, 300), (640, 720), (1280, 720)):
        side = float(search_side(exemplar_side([w, h]), exemplar_size=127, search_size=SIZE))
        squares.append((f"target of {w}×{h}", side))
    print(f"{'':24}{'side':>6}  {'one crop':^15}{'three scales':^17}{'plain padded':^16}")
    print(f"{'milliseconds':24}{'':>6}  " + "     min median" * 3)
    for place, center in (("middle", MIDDLE), ("corner", CORNER)):
        for name, side in squares:
            sides = [side / 1.0375, side, side * 1.0375]
            rows = [
                milliseconds(partial(crop, frame, center, side, SIZE, FILL), repeats),
                milliseconds(partial(crop_scales, frame, center, sides, SIZE, FILL), repeats),
                milliseconds(partial(plain_padded_crop, frame, center, side), 3 + repeats // 10),
            ]
            cells = "".join(f"{fastest:8.2f}{median:7.2f}" for fastest, median in rows)
            print(f"{name + ', ' + place:24}{side:6.0f}  {cells}")


if __name__ == "__main__":
    main()

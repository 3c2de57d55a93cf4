"""Make README's moving picture of a film: `python docs/make_demo_picture.py siamfc-demo.mp4`."""

import sys
from pathlib import Path

from PIL import Image

from siamfc.frames import open_source

SIZE = (320, 180)
STEP = 3
"""Every third frame of the film, each shown as long as three."""


def main(film: str) -> None:
    """Write demo.webp beside this file."""
    with open_source(film) as source:
        pictures = [Image.fromarray(frame.image) for frame in source if frame.index % STEP == 0]
        rate = source.frame_rate or 30.0
    small = [picture.resize(SIZE, Image.Resampling.LANCZOS) for picture in pictures]
    small[0].save(
        Path(__file__).with_name("demo.webp"),
        save_all=True,
        append_images=small[1:],
        duration=round(1000 * STEP / rate),
        loop=0,
        quality=40,
        method=6,
    )


if __name__ == "__main__":
    main(sys.argv[1])

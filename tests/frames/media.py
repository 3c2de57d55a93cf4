"""Small clips whose pictures encode their own number, made with PyAV's encoders."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from numpy.typing import NDArray
from PIL import Image

from siamfc.frames.thread_priority import ordinary_threads

SIZE = (96, 64)
_BITS = 6
_BLOCK = 16


def numbered(index: int, size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """Return a picture with `index` as black and white blocks on grey, most significant first.

    The lower half is red on the left and blue on the right, so that turning and mirroring show.
    """
    width, height = size
    image = np.full((height, width, 3), 128, np.uint8)
    image[height // 2 :, : width // 2] = (200, 40, 40)
    image[height // 2 :, width // 2 :] = (40, 40, 200)
    for bit in range(_BITS):
        white = index >> (_BITS - 1 - bit) & 1
        image[:_BLOCK, bit * _BLOCK : (bit + 1) * _BLOCK] = 255 * white
    return image


def number_of(image: NDArray[np.uint8]) -> int:
    """Return the number that `numbered` wrote."""
    index = 0
    for bit in range(_BITS):
        block = image[4 : _BLOCK - 4, bit * _BLOCK + 4 : (bit + 1) * _BLOCK - 4]
        index = 2 * index + int(block.mean() > 127)
    return index


def require_encoder(name: str) -> None:
    try:
        av.Codec(name, "w")
    except ValueError:
        pytest.skip(f"this build of FFmpeg has no encoder {name}")


_OPTIONS = {
    "libx264": {"preset": "medium", "crf": "15", "bf": "3"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:crf=15"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "15", "b": "0"},
    "libsvtav1": {"preset": "10", "crf": "15"},
    "mpeg4": {"qscale": "2"},
}


def make_clip(
    path: Path,
    encoder: str = "libx264",
    *,
    times: Sequence[float] | None = None,
    count: int = 20,
    rate: int = 25,
    picture: Callable[[int], NDArray[np.uint8]] = numbered,
    prepare: Callable[[av.VideoStream], None] | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Encode pictures at their times in seconds, or at a constant rate; B-frames for H.264."""
    require_encoder(encoder)
    times = times or [index / rate for index in range(count)]
    file = av.open(str(path), "w", container_options=container_options or {})
    with ordinary_threads(), file as container:
        stream = container.add_stream(
            encoder, rate=rate, options={**_OPTIONS.get(encoder, {}), **(options or {})}
        )
        stream.height, stream.width, _ = picture(0).shape
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        ticks = 1000 if times != [i / rate for i in range(len(times))] else rate
        stream.codec_context.time_base = Fraction(1, ticks)
        if prepare is not None:
            prepare(stream)
        for index, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(index), format="rgb24")
            frame.pts = round(time * ticks)
            frame.time_base = Fraction(1, ticks)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def widen(stream: av.VideoStream) -> None:
    """Make a clip's pixels twice as wide as high, to `prepare` it."""
    stream.codec_context.sample_aspect_ratio = Fraction(2, 1)


def make_sound(path: Path, *, cover: bool = False) -> Path:
    """Write a quarter of a second of silence, optionally with a cover picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        if cover:
            picture = container.add_stream("mjpeg", rate=1)
            picture.width, picture.height, picture.pix_fmt = 32, 32, "yuvj420p"
            picture.disposition = Disposition.attached_pic.value
            black = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            container.mux(picture.encode(black.reformat(format="yuvj420p")))
            container.mux(picture.encode(None))
        for index in range(10):
            silence = np.zeros((1, 1024), np.float32)
            frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
            frame.rate = 44100
            frame.pts = index * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def save_images(folder: Path, names: Sequence[str]) -> list[Path]:
    """Save a numbered picture under each name, in this order."""
    folder.mkdir(exist_ok=True)
    paths = [folder / name for name in names]
    for index, path in enumerate(paths):
        Image.fromarray(numbered(index)).save(path, quality=95)
    return paths

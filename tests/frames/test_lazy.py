"""Frames whose pixels are converted where and when they are used."""

import sys
from pathlib import Path

import av
import numpy as np
import pytest

from siamfc.frames import Frame, VideoFile, open_source
from siamfc.frames.conversion import RgbConverter
from siamfc.frames.lazy import LazyFrame, decoded_frame

BT601, BT709 = 6, 1
LIMITED, FULL = 1, 2


def noise(
    pixel_format: str, size: tuple[int, int], matrix: int = BT709, values: int = LIMITED
) -> av.VideoFrame:
    """A picture whose neighbouring pixels differ as far as they can, in colour too."""
    picture = av.VideoFrame(*size, pixel_format)
    random = np.random.default_rng(1)
    for plane in picture.planes:
        plane.update(random.integers(0, 256, plane.buffer_size, np.uint8).tobytes())
    picture.colorspace, picture.color_range = matrix, values
    return picture


@pytest.mark.parametrize(
    ("pixel_format", "size", "matrix", "values"),
    [
        ("yuv420p", (320, 180), BT709, LIMITED),
        ("yuv420p", (130, 98), BT601, FULL),  # rows that FFmpeg pads
        ("yuvj420p", (320, 180), BT601, FULL),  # JPEG
        ("yuv420p", (1284, 40), 2, 0),  # no tags: BT.709 by the whole picture's width
    ],
)
def test_a_part_has_the_pixels_of_the_whole(
    pixel_format: str, size: tuple[int, int], matrix: int, values: int
) -> None:
    picture = noise(pixel_format, size, matrix, values)
    converter = RgbConverter(picture, name="noise")
    whole = converter(picture)
    assert converter.can_convert_parts(picture)
    pixels = decoded_frame(picture, converter, 0, 0.0, lazy=True).pixels
    assert (pixels.shape, pixels.dtype) == (whole.shape, whole.dtype)
    random = np.random.default_rng(2)
    width, height = size
    for _ in range(40):
        left, top = random.integers(0, (width - 1, height - 1))
        right, bottom = random.integers((left + 1, top + 1), (width + 60, height + 60))
        place = slice(top, bottom), slice(left, right)  # may end beyond the picture
        assert np.array_equal(pixels[place], whole[place])


@pytest.mark.parametrize(
    ("pixel_format", "size"),
    [
        ("yuv444p", (64, 48)),  # planes of another size
        ("yuv420p10le", (64, 48)),  # two bytes a value
        ("yuv420p", (63, 48)),  # the last column has a colour of its own
        ("rgb24", (64, 48)),
    ],
)
def test_other_pictures_are_converted_whole_and_at_once(
    pixel_format: str, size: tuple[int, int]
) -> None:
    picture = noise(pixel_format, size)
    converter = RgbConverter(picture, name="noise")
    frame = decoded_frame(picture, converter, 3, 0.5, lazy=True)
    assert not isinstance(frame, LazyFrame)
    assert frame.pixels is frame.image
    assert np.array_equal(frame.image, converter(picture))


def test_the_whole_is_converted_once_and_then_serves_parts_too() -> None:
    picture = noise("yuv420p", (64, 48))
    frame = decoded_frame(picture, RgbConverter(picture, name="noise"), 3, 0.5, lazy=True)
    assert isinstance(frame, LazyFrame)
    assert isinstance(frame, Frame)
    assert (frame.index, frame.time) == (3, 0.5)
    assert frame.image is frame.image
    assert frame.pixels is frame.image


def test_a_converted_picture_is_freed_without_the_garbage_collector() -> None:
    converter = RgbConverter(noise("yuv420p", (64, 48)), name="noise")
    picture = noise("yuv420p", (64, 48))
    held = sys.getrefcount(picture)
    frame = decoded_frame(picture, converter, 0, 0.0, lazy=True)
    assert frame.pixels[:9, :9].shape == (9, 9, 3)
    assert frame.image.shape == (48, 64, 3)
    del frame
    assert sys.getrefcount(picture) == held, "nothing refers to it, least of all itself"


def test_a_video_read_lazily_has_the_same_frames(clip: Path) -> None:
    with VideoFile(clip) as video, open_source(clip, lazy=True) as lazy:
        for eager, frame in zip(video, lazy, strict=True):
            assert isinstance(frame, LazyFrame)
            assert (frame.index, frame.time) == (eager.index, eager.time)
            assert np.array_equal(frame.pixels[10:33, 7:52], eager.image[10:33, 7:52])
            assert np.array_equal(frame.image, eager.image)

"""Frames whose pixels are converted where and when they are used."""

import copy
import pickle
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from siamfc.frames import Frame, VideoFile, open_source
from siamfc.frames.conversion import RgbConverter
from siamfc.frames.lazy import LazyFrame, decoded_frame
from siamfc.geometry import crop, mean_color

BT601, BT709, YCGCO, BT2020 = 6, 1, 8, 9
LIMITED, FULL = 1, 2
FILL = np.array([200, 30, 90], np.uint8)


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


def waves(pixel_format: str, size: tuple[int, int], matrix: int, values: int) -> av.VideoFrame:
    """A picture of strong colours that change slowly."""
    y, x = np.mgrid[: size[1], : size[0]]
    bands = np.stack([np.sin(x / 29), np.cos(y / 17), np.sin((x + y) / 31)], axis=-1)
    image = av.VideoFrame.from_ndarray(np.rint(128 + 90 * bands).astype(np.uint8), format="rgb24")
    picture = image.reformat(
        format=pixel_format, dst_colorspace=matrix, dst_color_range=values or None
    )
    picture.colorspace, picture.color_range = matrix, values
    return picture


@pytest.mark.parametrize(
    ("pixel_format", "size", "matrix", "values"),
    [
        ("yuv420p", (640, 360), BT709, LIMITED),
        ("yuv420p", (640, 360), BT2020, LIMITED),
        ("yuv420p", (330, 186), BT601, FULL),  # its last cells are incomplete
        ("yuvj420p", (330, 186), BT601, FULL),
        ("yuvj420p", (330, 186), BT601, 0),  # JPEG says its range by the format alone
        ("yuv420p", (1284, 90), 2, 0),  # no tags
    ],
)
def test_a_crop_of_averaged_planes_is_that_of_averaged_pixels(
    pixel_format: str, size: tuple[int, int], matrix: int, values: int
) -> None:
    picture = waves(pixel_format, size, matrix, values)
    converter = RgbConverter(picture, name="waves")
    pixels = decoded_frame(picture, converter, 0, 0.0, lazy=True).pixels
    whole = converter(picture)
    random = np.random.default_rng(3)
    for side in (130, 150, 300.5, 700, 9000):  # cells of 2 to 128 pixels
        for center in [np.array(size) / 2, *random.uniform((-50, -50), size, (4, 2))]:
            expected = crop(whole, center, side, 63, FILL).astype(int)
            differences = crop(pixels, center, side, 63, FILL) - expected
            # Two levels are due to rounding the means of planes before their conversion, which
            # multiplies blue by 2.1; two to FFmpeg, which rounds each pixel down on the average.
            assert np.abs(differences).max() <= 4
            assert np.abs(differences).mean() <= 1.5


def test_a_crop_that_averages_nothing_has_the_converted_pixels() -> None:
    picture = noise("yuv420p", (320, 180))
    converter = RgbConverter(picture, name="noise")
    pixels = decoded_frame(picture, converter, 0, 0.0, lazy=True).pixels
    expected = crop(converter(picture), (150.3, 90.2), 125.0, 63, FILL)
    assert np.array_equal(crop(pixels, (150.3, 90.2), 125.0, 63, FILL), expected)
    assert np.array_equal(mean_color(pixels), mean_color(converter(picture)))


def test_planes_of_an_unknown_matrix_are_converted_before_they_are_averaged() -> None:
    picture = noise("yuv420p", (320, 180), matrix=YCGCO)
    converter = RgbConverter(picture, name="noise")
    pixels = decoded_frame(picture, converter, 0, 0.0, lazy=True).pixels
    found = crop(pixels, (150.3, 90.2), 170.0, 63, FILL)
    assert np.array_equal(found, crop(converter(picture), (150.3, 90.2), 170.0, 63, FILL))


def test_the_whole_is_converted_once_and_then_serves_parts_too() -> None:
    picture = noise("yuv420p", (64, 48))
    frame = decoded_frame(picture, RgbConverter(picture, name="noise"), 3, 0.5, lazy=True)
    assert isinstance(frame, LazyFrame)
    assert isinstance(frame, Frame)
    assert (frame.index, frame.time) == (3, 0.5)
    assert frame.image is frame.image
    assert np.shares_memory(frame.pixels[3:9, 2:5], frame.image)


def test_crops_are_the_same_of_a_frame_that_was_converted_at_once() -> None:
    picture = noise("yuv420p", (320, 180))
    converter = RgbConverter(picture, name="noise")
    lazy, eager = (decoded_frame(picture, converter, 0, 0.0, lazy=one) for one in (True, False))
    for side in (60.5, 170.0):
        first, second = (crop(one.pixels, (150, 90), side, 63, FILL) for one in (lazy, eager))
        assert np.array_equal(first, second)


@pytest.mark.parametrize("lazy", [True, False])
def test_a_frame_can_be_copied_and_pickled(lazy: bool) -> None:
    picture = noise("yuv420p", (64, 48))
    frame = decoded_frame(picture, RgbConverter(picture, name="noise"), 3, 0.5, lazy=lazy)
    for again in (copy.copy(frame), pickle.loads(pickle.dumps(frame))):
        assert (again.index, again.time) == (3, 0.5)
        assert np.array_equal(again.image, frame.image)


def test_a_converted_picture_is_freed_without_the_garbage_collector() -> None:
    converter = RgbConverter(noise("yuv420p", (64, 48)), name="noise")
    picture = noise("yuv420p", (64, 48))
    held = sys.getrefcount(picture)
    frame = decoded_frame(picture, converter, 0, 0.0, lazy=True)
    assert frame.pixels[:9, :9].shape == (9, 9, 3)
    assert crop(frame.pixels, (30, 20), 30, 9, FILL).shape == (9, 9, 3)
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

"""Pictures beyond 8-bit RGB of one size: high dynamic range, deep grey."""

import logging
from pathlib import Path

import av
import numpy as np
import pytest

from siamfc.frames import VideoFile
from siamfc.frames.conversion import RgbConverter
from siamfc.frames.grey import GreyRange, find_range, to_bytes
from siamfc.frames.hdr import HLG, PQ

_SIZE = (96, 64)


def _coded(path: Path, levels: list[float], transfer: int) -> Path:
    """Write grey pictures of values 0–1 in limited range and 10 bits, tagged as BT.2020."""
    width, height = _SIZE
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p10le"
        tags = {"color_primaries": 9, "color_trc": transfer, "colorspace": 9, "color_range": 1}
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        for index, level in enumerate(levels):
            picture = av.VideoFrame(width, height, "yuv420p10le")
            for plane, value in zip(
                picture.planes, (64 + round(876 * level), 512, 512), strict=True
            ):
                plane.update(np.full(plane.buffer_size // 2, value, np.uint16).tobytes())
            for name, value in tags.items():
                setattr(picture, name, value)
            picture.pts = index
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    return path


# Values by BT.2100: PQ of 0, 10, 100, 203 and 1000 cd/m²; HLG of black, 18 % grey and the rest of
# BT.2408's table, where 75 % is reference white and 100 % its peak.
@pytest.mark.parametrize(
    ("transfer", "levels"),
    [(PQ, [0, 0.3001, 0.5081, 0.5807, 0.7518, 1]), (HLG, [0, 0.38, 0.65, 0.75, 1])],
)
def test_high_dynamic_range_is_shown_as_a_standard_display_would(
    transfer: int, levels: list[float], tmp_path: Path
) -> None:
    path = _coded(tmp_path / "a.mkv", levels, transfer)
    shown = [frame.image[32, 48].astype(int) for frame in VideoFile(path)]
    assert all(np.ptp(color) <= 2 for color in shown), "grey stays grey"
    values = [int(color.mean()) for color in shown]
    assert values == sorted(values)
    assert values[0] <= 1
    white = values[levels.index(0.5807 if transfer == PQ else 0.75)]
    assert 215 <= white <= 235, "reference white is near white, with room for what is brighter"
    assert values[-1] >= 253


@pytest.mark.parametrize("tag", ["colorspace", "color_primaries", "color_trc"])
def test_unknown_colour_tags_are_ignored(tag: str) -> None:
    picture = av.VideoFrame.from_ndarray(np.full((64, 96, 3), 90, np.uint8), format="rgb24")
    picture = picture.reformat(format="yuv420p")
    expected = RgbConverter(picture, name="a.mpg")(picture)
    setattr(picture, tag, 3)  # reserved
    assert np.abs(RgbConverter(picture, name="a.mpg")(picture).astype(int) - expected).max() <= 3


def test_standard_video_is_left_as_it_is(tmp_path: Path) -> None:
    path = _coded(tmp_path / "a.mkv", [0.5807], 1)
    assert abs(int(next(iter(VideoFile(path))).image[32, 48, 0]) - round(0.5807 * 255)) <= 2


@pytest.mark.parametrize("chroma", [420, 422, 444])
@pytest.mark.parametrize("bits", [8, 10, 12])
@pytest.mark.parametrize("color_range", [1, 2])
def test_white_and_grey_are_exact_at_any_depth(chroma: int, bits: int, color_range: int) -> None:
    step = 1 << bits - 8
    neutral = 128 * step
    for expected, limited in ((0, 16), (128, 126), (255, 235)):
        level = limited * step if color_range == 1 else round(expected / 255 * (256 * step - 1))
        picture = av.VideoFrame(96, 64, f"yuv{chroma}p{'' if bits == 8 else f'{bits}le'}")
        for plane, value in zip(picture.planes, (level, neutral, neutral), strict=True):
            kind = np.uint8 if bits == 8 else np.uint16
            plane.update(np.full(plane.buffer_size // kind().itemsize, value, kind).tobytes())
        picture.colorspace, picture.color_range = 1, color_range
        image = RgbConverter(picture, name="a.mkv")(picture)
        assert np.abs(image.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("pixels", ["gray16le", "gray12le"])
def test_deep_grey_video_that_uses_little_of_its_range_is_stretched_with_a_warning(
    pixels: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ramp = np.tile(np.linspace(1000, 1300, _SIZE[0]).astype(np.uint16), (_SIZE[1], 1))
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = *_SIZE, pixels
        for index in range(3):
            picture = av.VideoFrame(*_SIZE, pixels)
            plane = picture.planes[0]
            padded = np.zeros((plane.height, plane.line_size // 2), np.uint16)
            padded[:, : _SIZE[0]] = ramp + 10 * index
            plane.update(padded.tobytes())
            picture.pts = index
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    with caplog.at_level(logging.WARNING):
        images = [frame.image for frame in VideoFile(path)]
    assert [int(np.ptp(image)) for image in images] == [170, 170, 170]
    assert images[0].mean() < images[1].mean() < images[2].mean(), "one scale for all frames"
    assert "925 to 1375 are shown" in caplog.text
    assert "uses little of its range" in caplog.text


@pytest.mark.parametrize(
    ("values", "largest", "expected", "reason"),
    [
        ([0, 65535], 65535, None, "all of it"),
        ([0, 33000], 65535, None, "more than half"),
        ([7400, 7600], 65535, (7350, 7650), "a quarter of the span is left on either side"),
        ([10, 210], 65535, (0, 260), "but not below 0"),
        ([900, 1000], 1023, (858, 1023), "nor above the largest"),
        ([500, 540], 65535, None, "nothing but noise"),
        ([500, 600], 65535, (458, 642), "a step is at most about a level"),
    ],
)
def test_the_range_of_grey_is_that_of_the_pictures(values, largest, expected, reason) -> None:
    assert find_range([np.array(values)], largest) == expected, reason


def test_values_outside_the_range_are_clipped() -> None:
    shown = to_bytes(np.array([0, 100, 150, 200, 900], np.uint16), GreyRange(100, 200))
    assert shown.tolist() == [0, 0, 128, 255, 255]

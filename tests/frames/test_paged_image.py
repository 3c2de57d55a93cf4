"""Image files with several pictures are read completely, whatever their names."""

import logging
from pathlib import Path

import media
import numpy as np
import pytest
from PIL import Image, features

from siamfc.errors import InputError, SourceError
from siamfc.frames import (
    ArraySource,
    ImageFiles,
    IndexedSource,
    PagedImage,
    VideoFile,
    open_source,
    read_image,
)


def _save(path: Path, count: int = 12, file_format: str | None = None, **options: object) -> Path:
    first, *others = [Image.fromarray(media.numbered(index)) for index in range(count)]
    first.save(path, file_format, save_all=True, append_images=others, **options)
    return path


_MOVING = [
    ("a.webp", None, {"lossless": True, "duration": 40}),
    ("a.png", None, {"duration": 40}),
    ("a.gif", None, {"duration": 40}),
    ("a.avif", "AVIF", {"quality": 90, "duration": 40}),
    ("b.png", "WEBP", {"lossless": True, "duration": 40}),
    ("b.jpg", "GIF", {"duration": 40}),
    ("moving", "WEBP", {"lossless": True, "duration": 40}),
]


@pytest.mark.parametrize(("name", "file_format", "options"), _MOVING)
def test_moving_images_are_read_frame_by_frame(name, file_format, options, tmp_path: Path) -> None:
    if file_format == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow writes no AVIF")
    path = _save(tmp_path / name, file_format=file_format, **options)
    with open_source(path) as source:
        assert isinstance(source, PagedImage)
        assert isinstance(source, IndexedSource)
        frames = list(source)
        assert (source.frame_count, source.size, source.frame_rate) == (12, media.SIZE, 25)
        assert [media.number_of(frame.image) for frame in frames] == list(range(12))
        assert [frame.time for frame in frames] == pytest.approx(np.arange(12) / 25)
        assert media.number_of(source[7].image) == 7
        assert [media.number_of(frame.image) for frame in source.frames(9)] == [9, 10, 11]
        assert [media.number_of(frame.image) for frame in source.reversed(3, 6)] == [5, 4, 3]


def test_the_rate_is_the_mean_though_the_first_picture_stays_longer(tmp_path: Path) -> None:
    path = _save(tmp_path / "a.gif", duration=[2000, *[40] * 11])
    with open_source(path) as source:
        assert source.frame_rate == pytest.approx(12 / 2.44)


@pytest.mark.parametrize("rate", [0, -5, float("inf")])
def test_a_rate_that_is_none_is_refused(rate: float, tmp_path: Path) -> None:
    path = _save(tmp_path / "a.tif")
    for make in (
        lambda: PagedImage(path, frame_rate=rate),
        lambda: ImageFiles([path], name="a", frame_rate=rate),
        lambda: ArraySource([media.numbered(0)], frame_rate=rate),
    ):
        with pytest.raises(InputError, match="frame_rate must be a positive number"):
            make()


def test_pages_of_a_tiff_file_have_the_given_rate(tmp_path: Path) -> None:
    path = _save(tmp_path / "a.tif")
    with open_source(path, frame_rate=10) as source:
        frames = list(source)
        assert source[4].time == pytest.approx(0.4)
    assert [media.number_of(frame.image) for frame in frames] == list(range(12))
    assert [frame.time for frame in frames] == pytest.approx(np.arange(12) / 10)
    assert all(np.isnan(frame.time) for frame in open_source(path))


def test_deep_pages_share_one_scale(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pages = [np.full((8, 8), 7400, np.uint16) for _ in range(5)]
    for index, page in enumerate(pages):
        page[:4] += 50 * index
    first, *others = map(Image.fromarray, pages)
    first.save(tmp_path / "a.tif", save_all=True, append_images=others)
    with caplog.at_level(logging.WARNING):
        images = [frame.image for frame in open_source(tmp_path / "a.tif")]
    assert {int(image[7, 7, 0]) for image in images} == {43}
    tops = [int(image[0, 0, 0]) for image in images]
    assert tops == sorted(tops)
    assert "uses little of its range" in caplog.text


def test_smaller_copies_in_a_tiff_file_are_not_frames(tmp_path: Path) -> None:
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    reduced = ImageFileDirectory_v2()
    reduced[254] = 1
    with Image.fromarray(media.numbered(3)) as image:
        small = image.resize((48, 32))
        small.encoderinfo = {"tiffinfo": reduced}
        image.save(tmp_path / "a.tif", save_all=True, append_images=[small])
    with open_source(tmp_path / "a.tif") as source:
        assert isinstance(source, ImageFiles)
    assert media.number_of(read_image(tmp_path / "a.tif")) == 3


def test_jpeg_pictures_one_after_the_other_are_a_video(tmp_path: Path) -> None:
    parts = media.save_images(tmp_path / "parts", [f"{index}.jpg" for index in range(9)])
    path = tmp_path / "a.jpg"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    with open_source(path) as source:
        assert isinstance(source, VideoFile)
        assert [media.number_of(frame.image) for frame in source] == list(range(9))


def test_a_video_named_like_an_image_is_a_video(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(clip.read_bytes())
    with open_source(path) as source:
        assert source.frame_count == 20


def test_one_of_several_files_must_hold_one_picture(tmp_path: Path) -> None:
    media.save_images(tmp_path, ["1.webp"])
    _save(tmp_path / "2.webp")
    with open_source(tmp_path) as source, pytest.raises(SourceError, match=r"2\.webp holds 12 pic"):
        list(source)


def test_a_truncated_moving_image_gives_its_frames_and_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = _save(tmp_path / "a.png", duration=40)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with caplog.at_level(logging.WARNING), open_source(path) as source:
        numbers = [media.number_of(frame.image) for frame in source]
        assert source.count_frames() == len(numbers)
    assert numbers == list(range(len(numbers)))
    assert 2 < len(numbers) < 12
    assert "cut off after" in caplog.text

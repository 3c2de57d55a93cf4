from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike
from PIL import Image

from siamfc.errors import InputError, SourceError
from siamfc.frames import check_image, read_image

_RGB = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[0, 0, 0], [90, 90, 90], [255] * 3]])
_RGB = _RGB.astype(np.uint8)
_GREY16 = np.array([[0, 128, 129], [257, 32896, 65535]], np.uint16)


def test_colours_come_as_they_are(tmp_path: Path) -> None:
    Image.fromarray(_RGB).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image.dtype == np.uint8
    assert image.flags.writeable
    np.testing.assert_array_equal(image, _RGB)


def test_grey_is_repeated(tmp_path: Path) -> None:
    grey = _RGB[..., 0]
    Image.fromarray(grey).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), np.dstack([grey] * 3))


def test_black_and_white_bits_become_0_and_255(tmp_path: Path) -> None:
    bits = Image.fromarray(_RGB[..., 0]).convert("1", dither=Image.Dither.NONE)
    bits.save(tmp_path / "a.png")
    assert set(np.unique(read_image(tmp_path / "a.png"))) == {0, 255}


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_grey_is_scaled_not_clipped(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(_GREY16).save(path)
    expected = [[0, 0, 1], [1, 128, 255]]  # v / 257 to the nearest
    np.testing.assert_array_equal(read_image(path), np.dstack([expected] * 3))


def test_16_bit_colour_is_scaled(tmp_path: Path) -> None:
    av = pytest.importorskip("av")  # Pillow reads 16-bit colour but does not write it
    colour = _RGB.astype(np.uint16) * 257
    with av.open(str(tmp_path / "a.png"), "w", format="image2", options={"update": "1"}) as out:
        stream = out.add_stream("png")
        stream.width, stream.height, stream.pix_fmt = 3, 2, "rgb48be"
        frame = av.VideoFrame.from_ndarray(colour, format="rgb48le").reformat(format="rgb48be")
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    assert (tmp_path / "a.png").read_bytes()[24] == 16, "bits per sample in the PNG's header"
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), _RGB)


def test_palette_is_looked_up(tmp_path: Path) -> None:
    Image.fromarray(_RGB).quantize(8).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "P"
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), _RGB)


def test_transparent_pixels_lie_over_black(tmp_path: Path) -> None:
    alpha = np.array([[255, 0, 128], [255, 255, 0]], np.uint8)
    Image.fromarray(np.dstack([_RGB, alpha])).save(tmp_path / "a.png")
    expected = [[[255, 0, 0], [0, 0, 0], [0, 0, 128]], [[0, 0, 0], [90, 90, 90], [0, 0, 0]]]
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), expected)


def test_a_palette_with_a_transparent_colour_lies_over_black(tmp_path: Path) -> None:
    palette = Image.fromarray(_RGB).quantize(8)
    white = palette.getpixel((2, 1))
    palette.save(tmp_path / "a.png", transparency=white)
    expected = _RGB.copy()
    expected[1, 2] = 0
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), expected)


def test_cmyk_is_converted(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - [255, 0, 0]).max() <= 8


# EXIF orientation: where the stored picture's first row and first column are when it is upright.
@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda image: image),
        (2, lambda image: image[:, ::-1]),
        (3, lambda image: image[::-1, ::-1]),
        (4, lambda image: image[::-1]),
        (5, lambda image: image.transpose(1, 0, 2)),
        (6, lambda image: np.rot90(image, -1)),
        (7, lambda image: np.rot90(image.transpose(1, 0, 2), 2)),
        (8, lambda image: np.rot90(image)),
    ],
)
def test_exif_orientation_is_applied(orientation, upright, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(_RGB).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), upright(_RGB))


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_text("no picture"), "not an image of a known format"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda _: None, "no such file"),
        (
            lambda path: Image.fromarray(np.zeros((2, 2), np.float32)).save(path, format="tiff"),
            "floating-point",
        ),
        (
            lambda path: Image.fromarray(np.full((2, 2), 1 << 20, np.int32)).save(
                path, format="tiff"
            ),
            "32-bit",
        ),
    ],
)
def test_what_is_no_image_is_refused_with_its_name(write, says: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write(path)
    with pytest.raises(SourceError, match=says) as raised:
        read_image(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp", "tif"])
def test_a_truncated_image_is_refused(suffix: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(SourceError, match="cannot be read as an image"):
        read_image(path)


def test_grey_arrays_become_rgb_and_rgb_is_not_copied() -> None:
    assert check_image(_RGB) is _RGB
    np.testing.assert_array_equal(check_image(_RGB[..., 0])[..., 2], _RGB[..., 0])


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (np.zeros((4, 4, 3)), r"uint8 .*float64: scale to 0–255"),
        (np.zeros((4, 4, 4), np.uint8), "leave out the alpha"),
        (np.zeros((4, 4, 1), np.uint8), "leave out the last axis"),
        (np.zeros((3, 4, 5), np.uint8), "put the channels last"),
        (np.zeros((0, 4, 3), np.uint8), "at least one pixel"),
        (np.zeros(4, np.uint8), r"shape \(4,\)"),
        (np.zeros((2, 4, 4, 3), np.uint8), r"shape \(2, 4, 4, 3\)"),
        ([[1, 2], [3]], "must be"),
        (None, "of object"),
        ("text", "must be"),
    ],
)
def test_what_is_no_picture_is_refused_with_a_hint(value: ArrayLike, says: str) -> None:
    with pytest.raises(InputError, match=says):
        check_image(value)

import io
import subprocess
import sys
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


def test_colours_are_unchanged(tmp_path: Path) -> None:
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


@pytest.mark.parametrize("mode", ["P", "YCbCr", "HSV", "CMYK", "RGBA", "LA", "1", "I;16", "L"])
def test_pillows_images_are_converted_whatever_their_mode(mode: str) -> None:
    grey = Image.new("L", (8, 8), 255)
    red = Image.new("RGB", (8, 8), (255, 0, 0))
    if mode == "I;16":
        image, expected = Image.fromarray(np.full((8, 8), 65535, np.uint16)), [255] * 3
    elif mode in ("1", "L", "LA"):
        image, expected = grey.convert(mode), [255] * 3
    else:
        image, expected = red.convert(mode), [255, 0, 0]
    assert image.mode == mode
    checked = check_image(image)
    assert checked.shape == (8, 8, 3)
    assert np.abs(checked.astype(int) - expected).max() <= 2


def test_floating_point_pixels_are_refused() -> None:
    with pytest.raises(InputError, match="a frame: it holds floating-point"):
        check_image(Image.new("F", (8, 8)))


def test_postscript_is_not_opened_whatever_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pillow would start the program gs."""
    from PIL import EpsImagePlugin

    started = []
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_: started.append(1))
    Image.new("RGB", (8, 8)).save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "a.png")
    with pytest.raises(SourceError, match="not an image of a known format"):
        read_image(tmp_path / "a.png")
    assert not started


_DAMAGE = ["JPEG", "PNG", "BMP", "GIF", "PPM", "TIFF", "WEBP", "JPEG2000", "TGA", "AVIF", "DDS"]


@pytest.mark.filterwarnings("ignore")  # Pillow's, of odd metadata
@pytest.mark.parametrize("file_format", _DAMAGE)
def test_a_damaged_image_is_read_or_refused_and_nothing_else(
    file_format: str, tmp_path: Path
) -> None:
    file = io.BytesIO()
    try:
        Image.effect_noise((48, 32), 90).convert("RGB").save(file, file_format)
    except (KeyError, OSError):
        pytest.skip(f"this Pillow writes no {file_format}")
    random = np.random.default_rng(1)
    path = tmp_path / f"a{'.tga' if file_format == 'TGA' else '.png'}"
    refused = 0
    for _ in range(100):
        content = bytearray(file.getvalue())
        for place in random.integers(0, min(len(content), 400), 3):
            content[place] = random.integers(256)
        path.write_bytes(content)
        try:
            read_image(path)
        except SourceError:
            refused += 1
    assert refused or file_format in ("BMP", "PPM", "TGA"), "some damage is fatal"


def test_too_many_pixels_are_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000_000)
    Image.new("L", (2000, 1500)).save(tmp_path / "a.png")
    with pytest.raises(SourceError, match="more than 2 million pixels; reduce its size"):
        read_image(tmp_path / "a.png")


def test_a_large_image_is_read_without_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000_000)
    Image.new("L", (1500, 1000)).save(tmp_path / "a.png")
    program = (
        "import sys; from PIL import Image; import siamfc; Image.MAX_IMAGE_PIXELS = 1_000_000; "
        "print(siamfc.read_image(sys.argv[1]).shape)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "a.png"], capture_output=True, text=True
    )
    assert (ran.stdout.strip(), ran.stderr) == ("(1000, 1500, 3)", "")


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
def test_an_invalid_image_is_refused_with_its_name(write, says: str, tmp_path: Path) -> None:
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
        (np.zeros((4, 4, 1), np.uint8), r"numpy\.dstack"),
        (np.zeros((3, 4, 5), np.uint8), "put the channels last"),
        (np.zeros((0, 4, 3), np.uint8), "at least one pixel"),
        (np.zeros(4, np.uint8), r"shape \(4,\)"),
        (np.zeros((2, 4, 4, 3), np.uint8), r"shape \(2, 4, 4, 3\)"),
        ([[1, 2], [3]], "must be"),
        (None, "of object"),
        ("text.png", "got the name 'text.png': give a list of names"),
    ],
)
def test_an_invalid_picture_is_refused_with_a_hint(value: ArrayLike, says: str) -> None:
    with pytest.raises(InputError, match=says):
        check_image(value)

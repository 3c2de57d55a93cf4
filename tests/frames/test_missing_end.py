"""A truncated file gives a warning, a whole file never does."""

import logging
from pathlib import Path

import av
import media
import numpy as np
import pytest
from PIL import Image

from siamfc.errors import SourceError
from siamfc.frames import open_source

_FORMATS = {
    "a.mp4": "libx264",
    "a.mov": "libx264",
    "a.mkv": "libx264",
    "a.webm": "libvpx-vp9",
    "a.ts": "libx264",
    "a.avi": "mpeg4",
    "a.flv": "libx264",
    "a.mpg": "mpeg2video",
    "a.y4m": "wrapped_avframe",
    "a.gif": "",
    "a.webp": "",
}


def _make(path: Path) -> Path:
    noise = np.random.default_rng(0).integers(0, 256, (40, 64, 96, 3), dtype=np.uint8)
    if path.suffix in (".gif", ".webp"):
        first, *others = map(Image.fromarray, noise)
        first.save(path, save_all=True, append_images=others, duration=40)
        return path
    front = {"movflags": "+faststart"} if path.suffix in (".mp4", ".mov") else {}
    encoder = _FORMATS[path.name]
    return media.make_clip(
        path, encoder, count=40, picture=lambda index: noise[index],
        options={"g": "10"}, container_options=front,
    )  # fmt: skip


def _warnings(path: Path, caplog: pytest.LogCaptureFixture) -> tuple[int, str]:
    caplog.clear()
    with caplog.at_level(logging.WARNING), open_source(path) as source:
        count = sum(1 for _ in source)
    assert len(caplog.records) <= 1, "said once"
    return count, caplog.text


@pytest.mark.parametrize("name", _FORMATS)
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
def test_a_truncated_file_gives_a_warning(
    name: str, kept: float, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = _make(tmp_path / name)
    if name == "a.mpg" and kept == 0.9:
        pytest.skip("a program stream that ends between two packets says nothing of more")
    length = int(kept * path.stat().st_size) // 188 * 188 + 100  # within a transport packet
    path.write_bytes(path.read_bytes()[:length])
    if name == "a.webp":
        with pytest.raises(SourceError, match="cannot be read as an image"):
            open_source(path)
        return
    count, text = _warnings(path, caplog)
    assert 0 < count < 40
    assert name in text
    assert any(word in text for word in ("cut off", "broke off", "damaged"))


def test_a_transport_stream_cut_between_two_packets_of_a_frame_gives_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = _make(tmp_path / "a.ts")
    content = path.read_bytes()
    starts = [place for place in range(0, len(content), 188) if content[place + 1] & 0x40]
    path.write_bytes(content[: starts[len(starts) // 2] + 2 * 188])
    assert "ends within a frame" in _warnings(path, caplog)[1]


@pytest.mark.parametrize("name", _FORMATS)
def test_a_whole_file_gives_no_warning(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert _warnings(_make(tmp_path / name), caplog) == (40, "")


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p", "yuv444p", "gray", "yuv420p10le"])
@pytest.mark.parametrize("size", [(96, 64), (97, 65)])
def test_whole_y4m_files_of_every_kind_give_no_warning(
    pixels: str, size: tuple[int, int], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def prepare(stream: av.VideoStream) -> None:
        stream.pix_fmt = pixels

    path = tmp_path / "a.y4m"
    options = {"strict": "-1"}
    with av.open(str(path), "w", container_options=options) as out:
        stream = out.add_stream("wrapped_avframe", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(media.numbered(0, size), format="rgb24")
            out.mux(stream.encode(frame.reformat(format=pixels)))
    assert _warnings(path, caplog) == (3, "")
    path.write_bytes(path.read_bytes()[:-9])
    assert "ends within a frame" in _warnings(path, caplog)[1]

"""A video from a named pipe or standard input is read once, with a time limit."""

import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import av
import media
import numpy as np
import pytest

from siamfc.errors import SourceError
from siamfc.frames import open_source, open_writer, pipe, read_image

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without named pipes")


@pytest.fixture
def feed(tmp_path: Path) -> Iterator:
    threads = []

    def start(name: str, content: bytes) -> Path:
        path = tmp_path / name
        os.mkfifo(path)

        def write() -> None:
            with suppress(BrokenPipeError):  # the reader has gone
                path.write_bytes(content)

        threads.append(threading.Thread(target=write, daemon=True))
        threads[-1].start()
        return path

    yield start
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


@pytest.mark.parametrize("name", ["p.mkv", "p.png", "p"])
def test_a_named_pipe_loses_no_frame_with_a_slow_reader(name: str, feed, tmp_path: Path) -> None:
    clip = media.make_clip(tmp_path / "a.mkv", count=60)
    with open_source(feed(name, clip.read_bytes()), read_ahead=1) as source:
        assert source.size == media.SIZE
        assert [media.number_of(frame.image) for frame in source] == list(range(60))
        with pytest.raises(SourceError, match="a pipe gives its frames once"):
            iter(source)


def test_standard_input_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = media.make_clip(tmp_path / "a.ts")
    with clip.open("rb") as file:
        monkeypatch.setattr(sys, "stdin", file)
        with open_source("-") as source:
            assert source.name == "standard input"
            assert [media.number_of(frame.image) for frame in source] == list(range(20))


def test_missing_sound_of_a_pipe_is_reported(
    feed, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        video = out.add_stream("mjpeg", rate=25)
        video.width, video.height, video.pix_fmt = 48, 32, "yuvj420p"
        sound = out.add_stream("pcm_s16le", rate=8000, layout="mono")
        for index in range(5):
            image = av.VideoFrame.from_ndarray(np.zeros((32, 48, 3), np.uint8), format="rgb24")
            out.mux(video.encode(image.reformat(format="yuvj420p")))
            part = av.AudioFrame.from_ndarray(np.zeros((1, 320), np.int16), "s16", "mono")
            part.sample_rate, part.pts = 8000, 320 * index
            out.mux(sound.encode(part))
        out.mux(video.encode(None))
    source = open_source(feed("p.mkv", (tmp_path / "a.mkv").read_bytes()))
    with (
        source,
        caplog.at_level(logging.WARNING),
        open_writer(tmp_path / "b.mp4", like=source) as w,
    ):
        for frame in source:
            w.write(frame.image, frame.time)
    assert "b.mp4 has no sound" in caplog.text


def test_a_pipe_without_a_writer_is_abandoned(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p.mp4")
    with pytest.raises(SourceError, match=r"no data arrived through this pipe for 0\.2 seconds"):
        open_source(tmp_path / "p.mp4", timeout=0.2)


def test_a_pipe_that_stalls_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipe, "_STALL_SECONDS", 0.2)
    clip = media.make_clip(tmp_path / "a.ts", count=60)
    os.mkfifo(tmp_path / "p.ts")
    holder = os.open(tmp_path / "p.ts", os.O_RDWR)
    os.write(holder, clip.read_bytes()[:20_000])
    with open_source(tmp_path / "p.ts") as source:
        count = sum(1 for _ in source)
    os.close(holder)
    assert 0 < count <= 60


def test_a_pipe_without_a_video_is_refused(feed) -> None:
    with pytest.raises(SourceError, match="not a video of a known format"):
        open_source(feed("p.mp4", b"no video at all\n" * 3000))


def test_a_video_that_no_pipe_can_carry_is_refused_with_what_to_do(feed, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    clip = media.make_clip(tmp_path / "a.mp4", count=60, picture=lambda k: np.roll(noise, k))
    with pytest.raises(SourceError, match="whose index is at its end can only be read by its name"):
        open_source(feed("p.mp4", clip.read_bytes()))


@pytest.mark.parametrize("name", ["p.png", "p.jpg"])
def test_an_image_is_not_read_from_a_pipe(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(SourceError, match="is a pipe, socket or device"):
        read_image(tmp_path / name)


def test_a_device_is_no_video() -> None:
    with pytest.raises(SourceError, match="is a pipe, socket or device"):
        open_source("/dev/zero")

"""Valid sources, and the errors for invalid ones."""

import io
import os
from pathlib import Path

import av
import media
import numpy as np
import pytest
from av.stream import Disposition

from siamfc.errors import InputError, SiamFCError, SourceError
from siamfc.frames import ArraySource, FrameSource, ImageFiles, VideoFile, open_source


def test_each_kind_of_source_is_recognised(clip: Path, tmp_path: Path) -> None:
    (image,) = media.save_images(tmp_path, ["1.png"])
    for named, kind in [
        (clip, VideoFile),
        (str(clip), VideoFile),
        (str(clip.parent / "cl*.mp4"), VideoFile),
        (tmp_path, ImageFiles),
        (image, ImageFiles),
        (str(tmp_path / "*.png"), ImageFiles),
        ([np.zeros((2, 2), np.uint8)], ArraySource),
    ]:
        with open_source(named) as source:
            assert isinstance(source, kind), named
            assert isinstance(source, FrameSource), named
            assert next(iter(source)).index == 0


def test_an_open_source_is_passed_through(clip: Path) -> None:
    with VideoFile(clip) as source:
        assert open_source(source) is source


def test_a_list_of_paths_is_images_in_its_order(tmp_path: Path) -> None:
    paths = media.save_images(tmp_path, ["b.png", "c.png", "a.png"])
    for named in (paths, [str(path) for path in paths], tuple(paths)):
        with open_source(named, frame_rate=5) as source:
            assert [media.number_of(frame.image) for frame in source] == [0, 1, 2]
            assert source.frame_rate == 5


@pytest.mark.parametrize("host", ["", "localhost"])
def test_a_file_url_is_the_path_in_it(host: str, clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "a clip & more.mp4"
    path.write_bytes(clip.read_bytes())
    with open_source(path.as_uri().replace("file://", f"file://{host}")) as source:
        assert source.frame_count == 20


def test_frames_and_masks_in_one_folder_are_refused(tmp_path: Path) -> None:
    media.save_images(tmp_path, ["0001.jpg", "0001.PNG", "0002.jpg"])
    says = r"expected one image for each frame, got 0001.* and 0001.*"
    with pytest.raises(SourceError, match=says):
        open_source(tmp_path)
    with pytest.raises(SourceError, match=says):
        open_source(f"{tmp_path}/*")
    assert open_source(f"{tmp_path}/*.jpg").frame_count == 2


_STREAMS = {  # size, count, disposition of the videos in a file
    "a thumbnail first": ([((48, 32), 1, 0), ((96, 64), 20, 0)], 1),
    "a large cover": ([((192, 128), 1, 0), ((96, 64), 20, 0)], 1),
    "a small one first": ([((48, 32), 20, 0), ((96, 64), 20, 0)], 1),
    "a small one that is the default": (
        [((48, 32), 20, Disposition.default), ((96, 64), 20, 0)],
        1,
    ),
    "two alike": ([((96, 64), 20, 0), ((96, 64), 20, 0)], 0),
    "two alike, of which the second is the default": (
        [((96, 64), 20, 0), ((96, 64), 20, Disposition.default)],
        1,
    ),
}


def _make_streams(path: Path, videos) -> Path:
    with av.open(str(path), "w") as out:
        streams = []
        for size, count, disposition in videos:
            stream = out.add_stream("mjpeg", rate=25)
            stream.width, stream.height, stream.pix_fmt = *size, "yuvj420p"
            stream.disposition = Disposition(disposition)
            streams.append((stream, size, count))
        for stream, size, count in streams:
            for index in range(count):
                image = np.full((*size[::-1], 3), 10 * stream.index + index, np.uint8)
                picture = av.VideoFrame.from_ndarray(image, format="rgb24")
                out.mux(stream.encode(picture.reformat(format="yuvj420p")))
            out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("videos", "expected"), _STREAMS.values(), ids=_STREAMS)
@pytest.mark.parametrize("suffix", [".mkv", ".mov"])
def test_the_largest_of_several_videos_is_read(
    videos, expected: int, suffix: str, tmp_path: Path
) -> None:
    path = _make_streams(tmp_path / f"a{suffix}", videos)
    with open_source(path) as source:
        size, count, _ = videos[expected]
        assert (source.size, source.count_frames()) == (size, count)
        assert abs(int(source[0].image[0, 0, 0]) - 10 * expected) < 3
    with open_source(path, stream=0) as source:
        assert source.count_frames() == videos[0][1]


def test_a_stream_that_is_no_video_is_refused_with_those_that_are(tmp_path: Path) -> None:
    path = _make_streams(tmp_path / "a.mkv", [((48, 32), 2, 0), ((96, 64), 2, 0)])
    with pytest.raises(InputError, match=r"stream 2 of .* its videos: 0 \(48×32\), 1 \(96×64\)"):
        open_source(path, stream=2)


def test_a_file_named_like_a_camera_or_a_url_is_a_file(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("0", "http:clip.mp4", "100%.mp4", "-i.mp4", "[a].mp4"):
        Path(name).write_bytes(clip.read_bytes())
        assert open_source(name).frame_count == 20, name


def _write(content: bytes):
    return lambda path: path.write_bytes(content)


def _truncate_before_index(path: Path) -> None:
    media.make_clip(path)
    path.write_bytes(path.read_bytes()[:2000])


def _unknown_codec(path: Path) -> None:
    media.make_clip(path)
    path.write_bytes(path.read_bytes().replace(b"avc1", b"none"))


@pytest.mark.parametrize(
    ("name", "make", "says"),
    [
        ("a.mp4", _write(b""), "is empty"),
        ("a.mp4", _write(b"no video at all\n" * 100), "not a video of a known format, or damaged"),
        ("a.mp4", _truncate_before_index, "it is cut off"),
        ("a.txt", _write(b"a text, which FFmpeg would show\n" * 100), "is a text, not a video"),
        ("a.m4a", media.make_sound, "no video, only audio"),
        ("a.mp4", lambda path: media.make_sound(path, cover=True), "no video, only audio"),
        ("a.mp4", _unknown_codec, "a codec that this build of FFmpeg cannot decode"),
        ("a.srt", _write(b"1\n00:00:00,000 --> 00:00:01,000\nhello\n"), "no video, only subtitle"),
    ],
)
def test_an_invalid_video_is_refused_in_one_line(name, make, says, tmp_path: Path) -> None:
    path = tmp_path / name
    make(path)
    with pytest.raises(SourceError, match=says) as raised:
        open_source(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("clip.mp3", r"no such file or folder: clip\.mp3; did you mean clip\.mp4\?"),
        ("nowhere/clip.mp4", r"no such file.*nor is there a folder nowhere"),
        ("clip.mp4/x", "no such file"),
        ("*.mpg", r"no file matches \*\.mpg"),
        ("*.mp4", "matches 2 files, none of them images: name one"),
        ("x" * 5000, "no such file"),
        ("nul\0byte", "no such file"),
        ("file://host/clip.mp4", "is on another machine, host"),
        ("file:///none/clip.mp4", "no such file"),
        ("", "got no name"),
        (["clip.mp4", "none.png"], "cannot be read as an image"),
        (["none.png"], r"no such file or folder: none\.png"),
        ("gopher://host/clip.mp4", "gopher:// is not a kind of stream"),
        ("http://[::", r"http://\[:: is not the URL of a stream"),
        ("http://[host]/clip.mp4", "is not the URL of a stream"),
        ("4711", r"camera 4711"),
        (4711, r"camera 4711"),
        ("/dev/video4711", r"camera 4711"),
    ],
)
def test_a_missing_source_is_refused_in_one_line(
    source, says: str, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("clip.mp4", "other.mp4"):
        Path(name).write_bytes(clip.read_bytes())
    with pytest.raises(SourceError, match=says) as raised:
        open_source(source)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"source": None}, "got None"),
        ({"source": True}, "got True"),
        ({"source": 3.5}, r"got 3\.5"),
        ({"source": -1}, "0 or more; got -1"),
        ({"source": [np.zeros((2, 2), np.uint8)], "stream": 0}, "stream is for videos"),
        ({"source": b"clip.mp4"}, "bytes: name the file as text"),
        ({"source": bytearray(9)}, "9 bytes: name the file as text"),
        ({"source": io.BytesIO(b"")}, "an open file: give its name"),
        ({"source": [], "frame_rate": 0.0}, "frame_rate must be"),
        ({"source": [], "frame_rate": float("nan")}, "frame_rate must be"),
        ({"source": [], "threads": 0}, "threads: expected"),
        ({"source": [], "read_ahead": 0}, "read_ahead: expected"),
        ({"source": [], "timeout": 0}, "timeout must be"),
    ],
)
def test_invalid_arguments_are_refused(arguments, says: str) -> None:
    with pytest.raises(InputError, match=says):
        open_source(**arguments)


def test_a_stream_of_images_is_refused(tmp_path: Path) -> None:
    media.save_images(tmp_path, ["1.png"])
    with pytest.raises(InputError, match=r"stream is for videos; .* is of images"):
        open_source(tmp_path, stream=1)


def test_a_rate_for_a_source_with_a_clock_is_refused(clip: Path) -> None:
    with pytest.raises(InputError, match="has its own"):
        open_source(clip, frame_rate=30)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_file_without_permission_is_refused(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(clip.read_bytes())
    path.chmod(0)
    with pytest.raises(SourceError, match="no permission"):
        open_source(path)


def test_every_error_is_one_of_siamfcs(tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    for suffix in ("mp4", "mkv", "avi", "ts", "png", "jpg", "h264", "gif", "webp"):
        path = tmp_path / f"a.{suffix}"
        path.write_bytes(noise.bytes(20_000))
        with pytest.raises(SiamFCError):
            list(open_source(path))

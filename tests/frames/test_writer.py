import logging
import math
import os
import struct
import sys
import threading
from fractions import Fraction
from pathlib import Path

import av
import media
import numpy as np
import pytest

from siamfc.errors import InputError, OutputError, SiamFCError
from siamfc.frames import VideoFile, open_source, open_writer

_VIDEOS = [
    ("a.mp4", None, "libx264", "h264"),
    ("a.mov", None, "libx264", "h264"),
    ("a.mkv", "h264", "libx264", "h264"),
    ("a.webm", None, "libvpx-vp9", "vp9"),
    ("a.mp4", "vp9", "libvpx-vp9", "vp9"),
    ("a.mp4", "av1", "libsvtav1", "av1"),
    ("a.webm", "av1", "libsvtav1", "av1"),
]


def _write(path, count: int = 12, *, size: tuple[int, int] = media.SIZE, times=None, **options):
    with open_writer(path, **options) as writer:
        for index in range(count):
            time = math.nan if times is None else times[index]
            writer.write(media.numbered(index, size), time)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("codec", ["h264", "vp9", "av1"])
def test_a_higher_crf_makes_a_smaller_file(codec: str, tmp_path: Path) -> None:
    media.require_encoder({"h264": "libx264", "vp9": "libvpx-vp9", "av1": "libsvtav1"}[codec])
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    for crf in (10, 50):
        with open_writer(tmp_path / f"{crf}.mp4", codec=codec, crf=crf) as writer:
            writer.write(noise)
    assert (tmp_path / "50.mp4").stat().st_size < 0.7 * (tmp_path / "10.mp4").stat().st_size


@pytest.mark.parametrize(("name", "codec", "encoder", "stored"), _VIDEOS)
def test_a_written_video_reads_back(name, codec, encoder, stored, tmp_path: Path) -> None:
    media.require_encoder(encoder)
    _write(tmp_path / name, codec=codec, frame_rate=20)
    with VideoFile(tmp_path / name) as source:
        frames = list(source)
    assert [media.number_of(frame.image) for frame in frames] == list(range(12))
    assert [frame.time for frame in frames] == pytest.approx(np.arange(12) / 20, abs=0.0006)
    assert source.frame_rate == pytest.approx(20, rel=0.01)
    assert np.abs(frames[5].image.astype(int) - media.numbered(5)).mean() < 8
    with av.open(str(tmp_path / name)) as container:
        context = container.streams.video[0].codec_context
        # libdav1d is the decoder of AV1
        assert stored in {context.name, context.codec.canonical_name}
        assert context.pix_fmt == "yuv420p"
    assert _names(tmp_path) == [name]


def test_a_video_plays_in_a_browser(tmp_path: Path) -> None:
    _write(tmp_path / "a.mp4")
    with av.open(str(tmp_path / "a.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert "Baseline" in context.profile or context.profile in {"Main", "High"}
        # BT.709 by H.273's numbers, limited range
        tags = (context.colorspace, context.color_primaries, context.color_trc)
        assert (*tags, context.color_range) == (1, 1, 1, 1)
    assert _boxes(tmp_path / "a.mp4").index("moov") < _boxes(tmp_path / "a.mp4").index("mdat")


def _boxes(path: Path) -> list[str]:
    """Return the types of an mp4 file's top-level boxes, in order."""
    content, types, place = path.read_bytes(), [], 0
    while place < len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        types.append(kind.decode())
        place += length
    return types


@pytest.mark.parametrize("name", ["a.mp4", "a.webm"])
@pytest.mark.parametrize("size", [(97, 65), (96, 65), (97, 64), (1, 1), (3, 500)])
def test_odd_sizes_are_made_even_by_repeating_the_edge(name, size, tmp_path: Path) -> None:
    media.require_encoder("libvpx-vp9" if name.endswith("webm") else "libx264")
    width, height = size
    image = np.full((height, width, 3), 60, np.uint8)
    image[-1] = image[:, -1] = 200
    with open_writer(tmp_path / name) as writer:
        writer.write(image)
    decoded = next(iter(VideoFile(tmp_path / name))).image
    assert decoded.shape == (height + height % 2, width + width % 2, 3)
    added = decoded[-1] if height % 2 else decoded[:, -1]
    assert np.abs(added.astype(int) - 200).mean() < 12


@pytest.mark.parametrize(
    "color", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (213, 94, 0)]
)
def test_colours_survive(color: tuple[int, int, int], tmp_path: Path) -> None:
    image = np.empty((64, 64, 3), np.uint8)
    image[:] = color
    with open_writer(tmp_path / "a.mp4") as writer:
        writer.write(image)
    decoded = next(iter(VideoFile(tmp_path / "a.mp4"))).image
    assert np.abs(decoded.astype(int) - color).max() <= 4


@pytest.mark.parametrize(("name", "tolerance"), [("a.mp4", 1e-5), ("a.mkv", 0.00051)])
def test_times_of_the_source_are_kept(name: str, tolerance: float, tmp_path: Path) -> None:
    times = [7, 7.04, 7.05, 7.5, 7.5 + 1001 / 30000, 9, 9.001]
    _write(tmp_path / name, 7, times=times)
    decoded = [frame.time for frame in VideoFile(tmp_path / name)]
    assert decoded == pytest.approx([time - 7 for time in times], abs=tolerance)


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.webm"])
def test_a_video_like_another_has_its_rate_and_the_shape_of_its_pixels(
    name: str, tmp_path: Path
) -> None:
    def widen(stream: av.VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(16, 11)

    media.make_clip(tmp_path / "wide.mp4", rate=20, prepare=widen)
    with VideoFile(tmp_path / "wide.mp4") as source:
        _write(tmp_path / name, like=source)
    with VideoFile(tmp_path / name) as written:
        width, height = written.size
        assert width / height * written.pixel_aspect == pytest.approx(1.5 * 16 / 11, rel=0.02)
        assert written.frame_rate == pytest.approx(20, rel=0.01)


@pytest.mark.parametrize(
    ("source", "written"),
    [
        ((12, 1, 1), (12, 1, 1)),  # Display P3, as of telephones
        ((9, 14, 9), (9, 14, 1)),  # BT.2020 of standard range; the matrix is always BT.709's
        ((5, 6, 5), (5, 6, 1)),  # PAL
        ((1, 13, 1), (1, 13, 1)),  # sRGB, as of a screen
        ((9, 16, 9), (1, 1, 1)),  # PQ becomes BT.709
        ((2, 2, 2), (1, 1, 1)),  # unspecified
    ],
)
@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.webm"])
def test_a_video_like_another_has_its_primaries_and_transfer_function(
    source: tuple[int, int, int], written: tuple[int, int, int], name: str, tmp_path: Path
) -> None:
    def tag(stream: av.VideoStream) -> None:
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace = source

    media.make_clip(tmp_path / "tagged.mp4", count=2, prepare=tag)
    with VideoFile(tmp_path / "tagged.mp4") as video:
        _write(tmp_path / name, like=video)
    with av.open(str(tmp_path / name)) as container:
        picture = next(container.decode(video=0))
    assert (picture.color_primaries, picture.color_trc, picture.colorspace) == written


def test_the_pixel_aspect_of_a_turned_video_is_turned_too(tmp_path: Path) -> None:
    if not hasattr(av.VideoStream, "set_display_rotation"):
        pytest.skip("this PyAV cannot write a display matrix")

    def prepare(stream: av.VideoStream) -> None:
        media.widen(stream)
        stream.set_display_rotation(90)

    media.make_clip(tmp_path / "a.mp4", prepare=prepare)
    assert VideoFile(tmp_path / "a.mp4").pixel_aspect == Fraction(1, 2)


@pytest.mark.parametrize("name", ["a.mp4", "a.mov"])
def test_a_high_speed_cameras_times_are_kept(name: str, tmp_path: Path) -> None:
    times = [index / 10_000 for index in range(12)]
    _write(tmp_path / name, times=times, frame_rate=10_000)
    decoded = [frame.time for frame in VideoFile(tmp_path / name)]
    assert decoded == pytest.approx(times, abs=1e-6)


def test_a_rate_that_matroska_cannot_keep_gives_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        _write(tmp_path / "a.mkv", frame_rate=10_000)
    assert "no more than 1000 frames/s" in caplog.text


def test_common_rates_are_exact(tmp_path: Path) -> None:
    times = [index * 1001 / 24000 for index in range(30)]
    _write(tmp_path / "a.mp4", 30, times=times, frame_rate=24000 / 1001)
    with VideoFile(tmp_path / "a.mp4") as source:
        assert source.frame_rate == pytest.approx(24000 / 1001, rel=1e-9)


def test_times_that_do_not_rise_are_corrected(tmp_path: Path) -> None:
    _write(tmp_path / "a.mkv", 6, times=[0, 1, 1, 0.9, 2, math.nan], frame_rate=10)
    frames = list(VideoFile(tmp_path / "a.mkv"))
    assert [media.number_of(frame.image) for frame in frames] == list(range(6))
    expected = [0, 1, 1.001, 1.002, 2, 2.1]
    assert [frame.time for frame in frames] == pytest.approx(expected, abs=0.0006)


def test_a_frame_of_another_size_is_fitted_in(tmp_path: Path) -> None:
    with open_writer(tmp_path / "a.mp4") as writer:
        writer.write(np.full((64, 96, 3), 200, np.uint8))
        writer.write(np.full((128, 96, 3), 200, np.uint8))
    image = list(VideoFile(tmp_path / "a.mp4"))[1].image
    assert image.shape == (64, 96, 3)
    columns = image.mean(axis=(0, 2))
    assert columns[:16].max() < 30, "black bars at the sides"
    assert columns[32:64].min() > 180, "the picture between them"


@pytest.mark.parametrize("name", ["frames", "frames/", "frames.of.mine/"])
def test_a_folder_of_png_holds_the_pictures_exactly(name: str, tmp_path: Path) -> None:
    _write(f"{tmp_path}/{name}")
    folder = tmp_path / name
    assert _names(folder) == [f"{index:06d}.png" for index in range(12)]
    for frame in open_source(folder):
        np.testing.assert_array_equal(frame.image, media.numbered(frame.index))
    assert _names(tmp_path) == [folder.name]


def test_a_picture_may_be_modified_after_writing(tmp_path: Path) -> None:
    canvas = np.empty((64, 96, 3), np.uint8)
    with open_writer(tmp_path / "a.mp4") as writer:
        for index in range(12):
            canvas[:] = media.numbered(index)
            writer.write(canvas)
    numbers = [media.number_of(frame.image) for frame in VideoFile(tmp_path / "a.mp4")]
    assert numbers == list(range(12))


def test_grey_pictures_are_written(tmp_path: Path) -> None:
    with open_writer(tmp_path / "a.mp4") as writer:
        writer.write(np.full((64, 64), 77, np.uint8))
    image = next(iter(VideoFile(tmp_path / "a.mp4"))).image
    assert np.abs(image.astype(int) - 77).max() <= 3


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "frames"])
def test_existing_files_are_kept_unless_overwrite_is_set(name: str, tmp_path: Path) -> None:
    _write(tmp_path / name, 3)
    with pytest.raises(OutputError, match=rf"{name} (exists|is not empty).*overwrite"):
        open_writer(tmp_path / name)
    assert open_source(tmp_path / name).frame_count == 3
    _write(tmp_path / name, 5, overwrite=True)
    assert open_source(tmp_path / name).frame_count == 5
    assert _names(tmp_path) == [name]


@pytest.mark.parametrize("name", ["a.mp4", "frames"])
def test_an_exception_leaves_existing_files_unchanged(name: str, tmp_path: Path) -> None:
    def fail_midway() -> None:
        with open_writer(tmp_path / name, overwrite=True) as writer:
            writer.write(media.numbered(0))
            raise ZeroDivisionError

    _write(tmp_path / name, 3)
    with pytest.raises(ZeroDivisionError):
        fail_midway()
    assert open_source(tmp_path / name).frame_count == 3
    assert _names(tmp_path) == [name]


@pytest.mark.parametrize("name", ["a.mp4", "frames"])
def test_an_interrupt_while_the_video_is_finished_leaves_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupts, join = iter([KeyboardInterrupt]), threading.Thread.join

    def interrupted_once(thread: threading.Thread, timeout: float | None = None) -> None:
        for error in interrupts:
            raise error
        join(thread, timeout)

    writer = open_writer(tmp_path / name)
    for index in range(3):
        writer.write(media.numbered(index))
    monkeypatch.setattr(threading.Thread, "join", interrupted_once)
    with pytest.raises(KeyboardInterrupt):
        writer.close()
    assert list(tmp_path.iterdir()) == []


def test_no_file_appears_before_the_end(tmp_path: Path) -> None:
    with open_writer(tmp_path / "a.mp4") as writer:
        writer.write(media.numbered(0))
        assert not (tmp_path / "a.mp4").exists()
    assert (tmp_path / "a.mp4").exists()


@pytest.mark.parametrize("name", ["a.mp4", "frames"])
def test_no_frames_make_no_video(name: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="it has no frames"):
        open_writer(tmp_path / name).close()
    assert _names(tmp_path) == []


def test_a_folder_of_other_things_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "000000.png").write_text("mine")
    (tmp_path / "photos" / "wedding.png").write_text("mine")
    with pytest.raises(OutputError, match=r"more than numbered PNG files, such as wedding\.png"):
        open_writer(tmp_path / "photos", overwrite=True)
    assert len(_names(tmp_path / "photos")) == 2


@pytest.mark.parametrize("source", ["film.mp4", "file://{}/film.mp4", "clip", "clip/*.png", "list"])
def test_the_source_is_never_replaced_however_it_is_named(source: str, tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    _write(tmp_path / "film.mp4", 2)
    _write(tmp_path / "clip", 2)
    target = tmp_path / ("film.mp4" if "film" in source else "clip")
    named = source.format(tmp_path) if "//" in source else str(tmp_path / source)
    pictures = sorted((tmp_path / "clip").iterdir())
    with open_source(pictures if source == "list" else named) as opened:
        for place in {target, *([target.parent] if "clip" in source else [])}:
            with pytest.raises(OutputError, match=r"is the source itself|holds the source"):
                open_writer(place, like=opened, overwrite=True)
    assert _names(tmp_path) == ["clip", "film.mp4"]
    assert sorted((tmp_path / "clip").iterdir()) == pictures


def test_a_folder_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "clip")
    writer.write(media.numbered(0))
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="clip is not empty"):
        writer.close()
    assert _names(tmp_path) == ["clip"]
    assert _names(tmp_path / "clip") == ["notes.txt"]


def test_an_infinite_time_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match="time: expected seconds, or NaN if unknown, got inf"),
        open_writer(tmp_path / "a.mp4") as writer,
    ):
        writer.write(media.numbered(0), math.inf)
    assert _names(tmp_path) == []


def test_a_new_file_has_the_usual_permissions(tmp_path: Path) -> None:
    _write(tmp_path / "a.mp4", 2)
    (tmp_path / "plain").touch()
    assert (tmp_path / "a.mp4").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "frames"])
def test_a_full_disk_is_one_line_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")  # a limit on files' length stands for the disk's
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)

    def fill() -> None:
        with open_writer(tmp_path / name) as writer:
            for _ in range(40):
                writer.write(noise)

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(OutputError, match=f"{name} cannot be written: file too large") as said:
            fill()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "\n" not in str(said.value)
    assert _names(tmp_path) == []


@pytest.mark.parametrize(
    ("path", "options", "error", "says"),
    [
        ("none/a.mp4", {}, OutputError, "there is no folder .*none"),
        ("none/frames", {}, OutputError, "there is no folder .*none"),
        ("file/frames", {}, OutputError, "cannot be written"),
        ("file/", {}, OutputError, "is a file: name a folder"),
        ("folder.mp4", {"overwrite": True}, OutputError, "is a folder: name a file"),
        (
            "a.gif",
            {},
            InputError,
            r"cannot write \.gif; use \.mkv, \.mov",
        ),
        ("a.mp4", {"codec": "h265"}, InputError, "codec must be one of h264, vp9, av1; got 'h265'"),
        ("a.webm", {"codec": "h264"}, InputError, r"\.webm files hold vp9 or av1, not h264"),
        ("a.mov", {"codec": "av1"}, InputError, r"\.mov files hold h264, not av1"),
        ("frames", {"codec": "h264"}, InputError, "folder of PNG files"),
        ("frames", {"crf": 20}, InputError, "folder of PNG files, without a crf"),
        ("a.mp4", {"crf": 52}, InputError, "crf of h264: expected 0 to 51, got 52"),
        ("a.webm", {"crf": -1}, InputError, "crf of vp9: expected 0 to 63, got -1"),
        ("a.mp4", {"frame_rate": 0}, InputError, "frame_rate must be"),
        ("a.mp4", {"threads": 0}, InputError, "threads: expected"),
    ],
)
def test_unsupported_outputs_are_refused_at_once(
    path: str, options: dict, error: type[SiamFCError], says: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(error, match=says):
        open_writer(f"{tmp_path}/{path}", **options)
    assert _names(tmp_path) == ["file", "folder.mp4"]


def test_an_invalid_frame_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match="a frame to write must be"),
        open_writer(tmp_path / "a.mp4") as writer,
    ):
        writer.write(np.zeros((4, 4)))
    assert _names(tmp_path) == []


def test_a_size_that_the_encoder_refuses_is_reported(tmp_path: Path) -> None:
    media.require_encoder("libsvtav1")
    with pytest.raises(OutputError, match="av1 cannot encode 1×1 pixels"):
        _write(tmp_path / "a.mp4", codec="av1", size=(1, 1))
    assert _names(tmp_path) == []


def test_closing_twice_is_harmless_and_writing_later_is_not(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "a.mp4")
    writer.write(media.numbered(0))
    writer.close()
    writer.close()
    writer.discard()
    with pytest.raises(OutputError, match="is closed"):
        writer.write(media.numbered(1))
    assert VideoFile(tmp_path / "a.mp4").frame_count == 1


@pytest.mark.skipif(sys.platform != "linux", reason="reads the threads' policies from /proc")
def test_encoders_of_av1_do_not_become_real_time_threads(tmp_path: Path) -> None:
    """Run as root, SVT-AV1 requests the highest priority, which can stop the whole machine."""
    media.require_encoder("libsvtav1")
    with open_writer(tmp_path / "a.mp4", frame_rate=25, codec="av1") as writer:
        for _ in range(20):
            writer.write(np.zeros((64, 64, 3), np.uint8))
        tasks = [int(path.name) for path in Path("/proc/self/task").iterdir()]
        policies = set(map(os.sched_getscheduler, tasks))
    assert policies == {os.SCHED_OTHER}

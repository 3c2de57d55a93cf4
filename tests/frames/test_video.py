import logging
from collections.abc import Callable
from pathlib import Path

import av
import media
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from siamfc.errors import InputError, SourceError
from siamfc.frames import VideoFile, decoder, open_source, open_writer, video


@pytest.mark.parametrize(
    ("name", "encoder"),
    [
        ("a.mp4", "libx264"),
        ("a.mov", "libx264"),
        ("a.mkv", "libx264"),
        ("a.avi", "mpeg4"),
        ("a.mp4", "mpeg4"),
        ("a.mp4", "libx265"),
        ("a.mkv", "libx265"),
        ("a.webm", "libvpx-vp9"),
        ("a.mp4", "libsvtav1"),
        ("a.webm", "libsvtav1"),
    ],
)
@pytest.mark.parametrize("threads", [1, 3])
def test_every_frame_comes_once_in_order_with_its_time(
    name: str, encoder: str, threads: int, tmp_path: Path
) -> None:
    media.make_clip(tmp_path / name, encoder)
    with VideoFile(tmp_path / name, threads=threads) as source:
        frames = list(source)
    assert [media.number_of(frame.image) for frame in frames] == list(range(20))
    assert [frame.index for frame in frames] == list(range(20))
    np.testing.assert_allclose([f.time for f in frames], np.arange(20) / 25, atol=0.00051)
    assert (source.frame_count, source.frame_rate, source.size) == (20, 25, media.SIZE)
    assert source.name == name
    assert all(frame.image.flags.c_contiguous for frame in frames)


@pytest.mark.parametrize(
    ("size", "cores", "expected"),
    [((96, 64), 8, 1), ((1920, 1080), 8, 1), ((3840, 2160), 8, 4), ((3840, 2160), 2, 2)],
)
def test_large_pictures_are_decoded_by_several_threads(
    size: tuple[int, int], cores: int, expected: int, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(decoder, "core_count", lambda: cores)
    path = media.make_clip(
        tmp_path / "a.mp4", "mpeg4", count=1, picture=lambda _: np.zeros((*size[::-1], 3), np.uint8)
    )
    address = decoder.VideoAddress(url=str(path), name="a.mp4")
    with decoder.VideoDecoder(address, threads=None) as opened:
        assert opened.threads == expected


def test_a_video_can_be_read_again_from_the_start(clip: Path) -> None:
    with VideoFile(clip) as source:
        first = next(iter(source))
        assert [media.number_of(frame.image) for frame in source] == list(range(20))
    assert first.index == 0


@pytest.fixture
def decoders(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happens to decoders, in order: opened, closed."""
    happened: list[str] = []

    class Watched(decoder.VideoDecoder):
        def __init__(self, address: decoder.VideoAddress, *, threads: int | None) -> None:
            super().__init__(address, threads=threads)
            happened.append("opened")

        def close(self) -> None:
            super().close()
            happened.append("closed")

    monkeypatch.setattr(video, "VideoDecoder", Watched)
    return happened


def test_the_first_reading_goes_on_with_the_decoder_of_the_first_picture(
    clip: Path, decoders: list[str]
) -> None:
    source = VideoFile(clip)
    assert [media.number_of(frame.image) for frame in source] == list(range(20))
    assert decoders == ["opened", "closed"]
    assert [media.number_of(frame.image) for frame in source] == list(range(20))
    assert decoders == ["opened", "closed"] * 2


@pytest.mark.parametrize("use", [VideoFile.close, lambda source: source[7]])
def test_a_decoder_that_no_reading_goes_on_with_is_closed(
    use: Callable[[VideoFile], object], clip: Path, decoders: list[str]
) -> None:
    with VideoFile(clip) as known:
        known.count_frames()  # then frame 7 is found by seeking
    source = VideoFile(clip)
    use(source)
    assert decoders.count("opened") == decoders.count("closed")


def test_a_video_whose_first_picture_cannot_be_converted_is_closed(
    clip: Path, decoders: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise SourceError("no")

    monkeypatch.setattr(video, "RgbConverter", refuse)
    with pytest.raises(SourceError, match="no"):
        VideoFile(clip)
    assert decoders == ["opened", "closed"]


def test_frames_stay_valid_after_the_source_is_closed(clip: Path) -> None:
    with VideoFile(clip) as source:
        frames = list(source)
    assert media.number_of(frames[7].image) == 7


@pytest.mark.parametrize(("name", "tolerance"), [("a.mp4", 1e-9), ("a.mkv", 0.0006)])
def test_a_variable_frame_rate_is_kept(name: str, tolerance: float, tmp_path: Path) -> None:
    times = [0, 0.04, 0.05, 0.5, 0.52, 2.0, 2.017]
    media.make_clip(tmp_path / name, times=times)
    with VideoFile(tmp_path / name) as source:
        assert [frame.time for frame in source] == pytest.approx(times, abs=tolerance)


def test_times_count_from_the_first_frame(tmp_path: Path) -> None:
    media.make_clip(tmp_path / "a.ts", times=[5 + index / 25 for index in range(10)])
    times = [frame.time for frame in VideoFile(tmp_path / "a.ts")]
    assert times == pytest.approx([index / 25 for index in range(10)])


# Rotated counter-clockwise, then mirrored, as in libavutil/display.h.
@pytest.mark.parametrize(
    ("degrees", "hflip", "vflip", "upright"),
    [
        (0, False, False, lambda image: image),
        (90, False, False, np.rot90),
        (180, False, False, lambda image: np.rot90(image, 2)),
        (270, False, False, lambda image: np.rot90(image, 3)),
        (0, True, False, lambda image: image[:, ::-1]),
        (0, False, True, lambda image: image[::-1]),
        (90, True, False, lambda image: np.rot90(image)[:, ::-1]),
        (90, False, True, lambda image: np.rot90(image)[::-1]),
    ],
)
def test_the_display_matrix_is_applied(degrees, hflip, vflip, upright, tmp_path: Path) -> None:
    if not hasattr(av.VideoStream, "set_display_rotation"):
        pytest.skip("this PyAV cannot write a display matrix")
    media.make_clip(
        tmp_path / "a.mp4",
        count=3,
        prepare=lambda stream: stream.set_display_rotation(degrees, hflip, vflip),
    )
    expected = upright(media.numbered(2))
    with VideoFile(tmp_path / "a.mp4") as source:
        assert source.size == (expected.shape[1], expected.shape[0])
        image = list(source)[2].image
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).mean() < 6
    assert image.flags.c_contiguous


@pytest.mark.parametrize("size", [(97, 65), (98, 64), (96, 67), (130, 50)])
def test_odd_and_unaligned_sizes_have_no_padding(size: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"  # VP9 stores odd sizes as they are
    media.make_clip(path, "libvpx-vp9", count=3, picture=lambda i: media.numbered(i, size))
    image = list(VideoFile(path))[1].image
    assert image.shape == (size[1], size[0], 3)
    assert image.flags.c_contiguous
    assert np.abs(image.astype(int) - media.numbered(1, size)).mean() < 6


def _patches(colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(np.repeat(colors.reshape(2, -1, 3), 32, axis=0), 32, axis=1)


_COLORS = np.array(
    [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [128, 128, 128]], np.uint8
)


# FFmpeg's AVCOL_SPC: 1 is BT.709, 5 is BT.470BG (like BT.601), 2 is unspecified.
@pytest.mark.parametrize("matrix", [1, 5, 2])
@pytest.mark.parametrize("full_range", [False, True])
def test_colours_survive_whatever_their_coding(
    matrix: int, full_range: bool, tmp_path: Path
) -> None:
    from av.video.reformatter import ColorRange, Colorspace

    color_range = ColorRange.JPEG if full_range else ColorRange.MPEG

    def prepare(stream: av.VideoStream) -> None:
        stream.codec_context.colorspace = matrix
        stream.codec_context.color_range = color_range

    image = _patches(_COLORS)
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.height, stream.width, _ = image.shape
        prepare(stream)
        frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709 if matrix == 1 else Colorspace.ITU601,
            dst_color_range=color_range,
        )
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    decoded = next(iter(VideoFile(path))).image.astype(int)
    centres = decoded[16::32, 16::32].reshape(-1, 3)
    assert np.abs(centres - _COLORS).max() <= 5


def test_a_silent_file_of_high_definition_is_taken_for_bt709(tmp_path: Path) -> None:
    from av.video.reformatter import ColorRange, Colorspace

    image = np.zeros((720, 64, 3), np.uint8)
    image[:] = (0, 255, 0)
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.height, stream.width, _ = image.shape
        frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
        )
        frame.colorspace, frame.color_range = 2, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    green = next(iter(VideoFile(path))).image[360, 32]
    assert np.abs(green.astype(int) - (0, 255, 0)).max() <= 5


def test_a_size_that_changes_midway_is_scaled_to_the_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    parts = []
    for size in (media.SIZE, (192, 128)):
        part = tmp_path / f"{size[0]}.ts"
        media.make_clip(part, count=5, picture=lambda i, size=size: _enlarged(i, size))
        parts.append(part.read_bytes())
    (tmp_path / "a.ts").write_bytes(b"".join(parts))
    with caplog.at_level(logging.WARNING):
        images = [frame.image for frame in VideoFile(tmp_path / "a.ts")]
    assert [image.shape for image in images] == [(64, 96, 3)] * 10
    assert [media.number_of(image) for image in images] == [*range(5), *range(5)]
    assert "from frame 5 on pictures are of 192×128 pixels" in caplog.text


def _enlarged(index: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(media.numbered(index)).resize(size, Image.Resampling.NEAREST))


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.avi", "a.ts"])
def test_the_decodable_part_of_a_truncated_video_is_read_with_a_warning(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / name
    encoder = "mpeg4" if name == "a.avi" else "libx264"
    noise = np.random.default_rng(0).integers(0, 256, (60, 64, 96, 3), dtype=np.uint8)
    noise[:, :16] = [media.numbered(i)[:16] for i in range(60)]
    front = {"movflags": "+faststart"} if name == "a.mp4" else {}
    media.make_clip(
        path, encoder, count=60, picture=lambda i: noise[i], container_options=front,
        options={"g": "10"},
    )  # fmt: skip
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with caplog.at_level(logging.WARNING):
        frames = list(VideoFile(path))
    numbers = [media.number_of(frame.image) for frame in frames]
    assert 15 < len(numbers) < 45
    assert numbers[:15] == list(range(15))
    if name != "a.ts":  # a transport stream states no length
        assert len(caplog.records) == 1
        assert name in caplog.text


def test_a_whole_video_gives_no_warning(clip: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        list(VideoFile(clip))
    assert caplog.records == []


@pytest.mark.parametrize(
    ("name", "encoder"),
    [
        ("a.mkv", "libx264"),
        ("a.avi", "mpeg4"),  # gaps are empty chunks, which the container counts as frames
        ("a.avi", "libx264"),
    ],
)
def test_a_variable_rate_is_not_taken_for_truncation(
    name: str, encoder: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    times = [0, 0.04, 2, 2.04, 4, 4.04]
    media.make_clip(tmp_path / name, encoder, times=times, options={"bf": "0"})
    with caplog.at_level(logging.WARNING):
        frames = list(VideoFile(tmp_path / name))
    assert [frame.time for frame in frames] == pytest.approx(times, abs=0.001)
    assert caplog.records == []


@pytest.mark.parametrize("name", ["a.mkv", "a.webm", "a.mp4"])
def test_the_last_frame_of_a_slow_video_is_not_taken_for_truncation(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_writer(tmp_path / name, frame_rate=0.5) as writer:
        for index in range(5):
            writer.write(media.numbered(index), 2.0 * index)
    with caplog.at_level(logging.WARNING):
        assert len(list(VideoFile(tmp_path / name))) == 5
    assert caplog.records == []


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.ts"])
def test_a_clock_that_starts_late_is_not_taken_for_truncation(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    media.make_clip(tmp_path / name, times=[100 + i / 25 for i in range(25)])
    with caplog.at_level(logging.WARNING):
        video = VideoFile(tmp_path / name)
        assert video.frame_count in (None, 25)
        assert len(list(video)) == 25
    assert caplog.records == []


def test_damaged_parts_are_skipped(tmp_path: Path) -> None:
    path = media.make_clip(tmp_path / "a.mp4", "mpeg4", count=40, options={"g": "5"})
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 200] = b"\xff" * 200
    path.write_bytes(content)
    numbers = [media.number_of(frame.image) for frame in VideoFile(path)]
    assert numbers[:10] == list(range(10))
    assert numbers[-5:] == list(range(35, 40))


@pytest.mark.parametrize(
    ("name", "encoder", "options"),
    [
        ("a.mp4", "libx264", {"g": "6"}),
        ("a.mkv", "libx264", {"g": "6", "x264-params": "open-gop=1"}),
        ("a.ts", "libx264", {"g": "6"}),  # no index
        ("a.mp4", "libx265", {"x265-params": "log-level=none:keyint=6:bframes=3"}),  # open groups
        ("a.webm", "libvpx-vp9", {"g": "6"}),
        ("a.mp4", "libsvtav1", {"g": "6"}),
        ("a.avi", "mpeg4", {"g": "6", "bf": "2"}),  # an index by the order of decoding
        ("a.avi", "libx264", {"g": "6"}),  # time stamps in the order of decoding
        ("a.mpg", "mpeg2video", {"g": "6", "bf": "2"}),
        ("a.mkv", "libx264", {"g": "1000"}),  # no key frame but the first
    ],
)
def test_any_frame_is_found_exactly(name: str, encoder: str, options, tmp_path: Path) -> None:
    media.make_clip(tmp_path / name, encoder, options=options)
    with VideoFile(tmp_path / name) as source:
        frames = list(source)
        for index in (0, 1, 5, 7, 12, 19):
            frame = source[index]
            assert frame.index == index
            assert frame.time == pytest.approx(frames[index].time)
            np.testing.assert_array_equal(frame.image, frames[index].image)
        rest = list(source.frames(12))
    assert [media.number_of(frame.image) for frame in rest] == list(range(12, 20))
    assert [frame.index for frame in rest] == list(range(12, 20))


def test_any_frame_of_a_variable_rate_is_found(tmp_path: Path) -> None:
    times = [0, 0.04, 0.05, 0.5, 0.52, 2.0]
    media.make_clip(tmp_path / "a.mkv", times=times)
    with VideoFile(tmp_path / "a.mkv") as source:
        for index, time in enumerate(times):
            assert media.number_of(source[index].image) == index
            assert source[index].time == pytest.approx(time, abs=0.0006)


@pytest.mark.parametrize("index", [-1, 20])
def test_a_missing_frame_is_refused(index: int, clip: Path) -> None:
    with pytest.raises(InputError, match=rf"frames 0 to 19; got {index}"):
        VideoFile(clip)[index]


def test_a_stream_without_time_stamps_gets_times_from_its_rate(tmp_path: Path) -> None:
    path = media.make_clip(tmp_path / "a.h264", options={"bf": "0"})
    with VideoFile(path) as source:
        times = [frame.time for frame in source]
    assert times == pytest.approx([index / 25 for index in range(20)])


def test_leaving_a_loop_early_leaves_no_thread(
    clip: Path, threads_left: Callable[[], list[str]]
) -> None:
    for _ in range(20):
        for frame in open_source(clip, read_ahead=2):
            if frame.index == 2:
                break
    assert threads_left() == []


def test_non_square_pixels_are_kept_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    media.make_clip(tmp_path / "a.mp4", count=2, prepare=media.widen)
    with caplog.at_level(logging.WARNING), VideoFile(tmp_path / "a.mp4") as source:
        assert source.size == media.SIZE
    assert "not square" in caplog.text


def test_pictures_decoded_out_of_order_keep_their_times_in_an_avi_file(tmp_path: Path) -> None:
    path = media.make_clip(tmp_path / "a.avi", "libx264")
    with VideoFile(path) as source:
        frames = list(source)
        assert source.position_at(0.4) == 10
    assert [media.number_of(frame.image) for frame in frames] == list(range(20))
    assert [frame.time for frame in frames] == pytest.approx([index / 25 for index in range(20)])

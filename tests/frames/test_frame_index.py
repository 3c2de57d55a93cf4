"""Frame i is the same by index, from the middle, backwards and in order, in any file."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import media
import numpy as np
import pytest

from siamfc.errors import InputError
from siamfc.frames import ArraySource, ImageFiles, IndexedSource, VideoFile, video
from siamfc.frames.frame_index import FrameIndex

_GROUPS = {"g": "10", "bf": "2", "sc_threshold": "0"}


def _clip(path: Path, encoder: str = "libx264", count: int = 40, **options: str) -> Path:
    noise = np.random.default_rng(1).integers(0, 256, (64, 96, 3), dtype=np.uint8)

    def picture(index: int):
        image = media.numbered(index)
        image[20:] = np.roll(noise, 3 * index, axis=1)[20:]
        return image

    return media.make_clip(
        path, encoder, count=count, picture=picture, options={**_GROUPS, **options}
    )


def _cut_start(path: Path) -> None:
    whole = _clip(path.with_name("whole.ts"))
    with av.open(str(whole)) as container:
        place = [packet.pos for packet in container.demux(video=0) if packet.dts is not None][13]
    path.write_bytes(whole.read_bytes()[place:])


def _joined(path: Path) -> None:
    first, second = _clip(path.with_name("1.ts"), count=23), _clip(path.with_name("2.ts"), count=20)
    path.write_bytes(first.read_bytes() + second.read_bytes())


def _overwritten(encoder: str, fraction: float, length: int) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        content = bytearray(_clip(path, encoder).read_bytes())
        place = int(fraction * len(content))
        content[place : place + length] = np.random.default_rng(0).bytes(length)
        path.write_bytes(content)

    return make


def _restamped(change: Callable[[int], int | None]) -> Callable[[Path], None]:
    """Mux packets again with other time stamps, in a stream without B-frames."""

    def make(path: Path) -> None:
        whole = _clip(path.with_name(f"whole{path.suffix}"), bf="0")
        with av.open(str(whole)) as old, av.open(str(path), "w") as new:
            stream = new.add_stream_from_template(old.streams.video[0])
            for index, packet in enumerate(old.demux(video=0)):
                if packet.dts is None:
                    continue
                packet.stream = stream
                packet.time_base = Fraction(1, 1000)
                packet.pts = packet.dts = change(40 * index)
                new.mux(packet)

    return make


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("a.mp4", _clip),
        ("a.ts", _cut_start),
        ("b.ts", _joined),
        ("b.mp4", _overwritten("libx264", 0.4, 60)),
        ("c.mp4", _overwritten("libx264", 0.6, 3000)),
        ("c.mkv", _overwritten("libx264", 0.5, 500)),
        ("c.ts", _overwritten("libx264", 0.5, 1000)),
        ("c.webm", _overwritten("libvpx-vp9", 0.5, 200)),
        ("d.webm", _overwritten("libsvtav1", 0.5, 200)),
        ("c.avi", _overwritten("mpeg4", 0.5, 200)),
        ("d.mkv", _restamped(lambda time: time - time % 120)),  # each stamp three times
        ("a.h264", lambda path: _clip(path, bf="0")),  # no stamps at all
        ("a.mpg", lambda path: _clip(path, "mpeg2video")),
        ("e.mkv", lambda path: _clip(path, g="1000")),  # no key frame but the first
    ],
)
def test_a_frame_is_the_same_in_order_by_index_from_the_middle_and_backwards(
    name: str, make: Callable[[Path], object], tmp_path: Path
) -> None:
    path = tmp_path / name
    make(path)
    is_damaged = make.__qualname__.startswith(_overwritten.__name__)
    with VideoFile(path) as source:  # jumps before anything else is known
        jumps = {index: source[index] for index in (17, 3, 0, 12)}
        middle = list(source.frames(11))
        count = source.count_frames()
        back = list(source.reversed())
        some = [frame.index for frame in source.reversed(4, 9)]
    video.shared_index.cache_clear()
    with VideoFile(path) as source:
        frames = list(source)
        assert source.frame_count == len(frames)
    assert count == len(frames) >= 18
    assert some == [8, 7, 6, 5, 4]
    times = [frame.time for frame in frames]
    assert times == sorted(times)
    for found, expected in [
        *((frame, frames[index]) for index, frame in jumps.items()),
        *zip(middle, frames[11:], strict=True),
        *zip(reversed(back), frames, strict=True),
    ]:
        assert (found.index, found.time) == (expected.index, pytest.approx(expected.time))
        # What a decoder puts in place of damaged parts can depend on what its memory held before;
        # pictures of two frames differ nearly everywhere.
        different = np.mean(found.image != expected.image)
        assert different <= (0.5 if is_damaged else 0), found.index


def test_backwards_in_small_blocks_is_exact_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video, "_HELD_BYTES", 0)
    with VideoFile(_clip(tmp_path / "a.mkv", g="1000")) as source:
        numbers = [media.number_of(frame.image) for frame in source.reversed()]
    assert numbers == list(range(40))[::-1]


@pytest.mark.parametrize(("name", "count"), [("a.mp4", 40), ("a.ts", 20)])
def test_the_container_is_trusted_for_a_long_regular_video(
    name: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transport stream begins between key frames: its packets are not its frames."""
    monkeypatch.setattr(video, "_PIXELS_COUNTED", 0)
    decoded = []
    agrees = FrameIndex.agrees
    monkeypatch.setattr(
        FrameIndex,
        "agrees",
        lambda self, at, picture: decoded.append(at) or agrees(self, at, picture),
    )
    path = tmp_path / name
    _cut_start(path) if name == "a.ts" else _clip(path)
    with VideoFile(path) as source:
        assert source.count_frames() == count
        images = {index: source[index].image for index in (15, 5)}
        if name == "a.mp4":
            assert len(decoded) < 20, "only from the key frames before"
        frames = list(source)
    assert len(frames) == count
    for index, image in images.items():
        np.testing.assert_array_equal(image, frames[index].image)


def test_a_container_that_proves_wrong_is_no_longer_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video, "_PIXELS_COUNTED", 0)
    path = tmp_path / "a.webm"
    _overwritten("libvpx-vp9", 0.5, 400)(path)
    with VideoFile(path) as source:
        stated = source.count_frames()
        frames = list(source)
        assert source.count_frames() == len(frames) < stated


@pytest.mark.parametrize(("time", "index"), [(0, 0), (0.04, 1), (0.05, 2), (0.41, 11), (1.56, 39)])
def test_a_time_maps_to_the_first_frame_that_is_not_before_it(
    time: float, index: int, tmp_path: Path
) -> None:
    with VideoFile(_clip(tmp_path / "a.mp4")) as source:
        assert source.position_at(time) == index


def test_a_time_after_the_end_is_refused(clip: Path) -> None:
    with pytest.raises(InputError, match=r"clip\.mp4 ends at 0\.760 s; got 9 s"):
        VideoFile(clip).position_at(9)


def test_images_and_arrays_are_read_from_any_position_too(tmp_path: Path) -> None:
    files = media.save_images(tmp_path, [f"{index}.png" for index in range(7)])
    arrays = [media.numbered(index) for index in range(7)]
    for source in (ImageFiles(files, name="files"), ArraySource(arrays, frame_rate=25)):
        assert isinstance(source, IndexedSource)
        assert source.count_frames() == 7
        assert [media.number_of(frame.image) for frame in source.frames(4)] == [4, 5, 6]
        assert [media.number_of(frame.image) for frame in source.reversed(2, 6)] == [5, 4, 3, 2]
        assert media.number_of(source[3].image) == 3
        with pytest.raises(InputError, match="frames 0 to 6; got 7"):
            source.reversed(0, 8)
        source.close()

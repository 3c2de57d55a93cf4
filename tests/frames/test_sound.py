"""A video written like another has its sound, synchronous with the pictures."""

import logging
import math
from fractions import Fraction
from pathlib import Path

import av
import media
import numpy as np
import pytest
from av.stream import Disposition

from siamfc.frames import VideoFile, open_writer

_RATE = 16000


def _clip(
    path: Path, codec: str = "aac", *, seconds: float = 2.0, late: float = 0.0, frames: int = 0
) -> Path:
    """Write pictures at 25 frames/s and a tone with a pause from 1.0 to 1.2 s, both `late`.

    With `frames`, there are only as many pictures.
    """
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=25, options={"g": "10"})
        video.width, video.height = media.SIZE
        video.pix_fmt = "yuv420p"
        sound = out.add_stream(codec, rate=48000 if codec == "libopus" else _RATE)
        sound.codec_context.layout = "mono"
        for index in range(frames or round(25 * seconds)):
            picture = av.VideoFrame.from_ndarray(media.numbered(index % 64), format="rgb24")
            picture.pts = index + round(25 * late)
            picture.time_base = Fraction(1, 25)
            out.mux(video.encode(picture))
        out.mux(video.encode(None))
        rate = sound.codec_context.sample_rate
        times = np.arange(round(rate * seconds)) / rate
        wave = (0.5 * np.sin(2 * math.pi * 440 * times) * ((times < 1.0) | (times > 1.2))).astype(
            np.float32
        )
        resampler = av.AudioResampler(format=sound.codec_context.format, layout="mono", rate=rate)
        for start in range(0, len(wave) - 1023, 1024):
            part = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], "fltp", "mono")
            part.sample_rate, part.pts = rate, start + round(rate * late)
            part.time_base = Fraction(1, rate)
            for resampled in resampler.resample(part):
                out.mux(sound.encode(resampled))
        out.mux(sound.encode(None))
    return path


def _write(source: VideoFile, out: Path, start: int = 0, stop: int | None = None, **options):
    with open_writer(out, like=source, **options) as writer:
        for frame in source.frames(start):
            if frame.index == stop:
                break
            writer.write(frame.image, frame.time)


def _pause(path: Path) -> tuple[float, float]:
    """Return start and end of the sound's silence, relative to the first picture."""
    with av.open(str(path)) as container:
        zero = float(next(container.decode(video=0)).time)
    silent = []
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        for frame in container.decode(stream):
            values = frame.to_ndarray().astype(float)
            peak = np.abs(values / (np.iinfo(np.int16).max if values.max() > 4 else 1)).max()
            if peak < 0.1:
                silent.append((float(frame.time) - zero, frame.samples / frame.sample_rate))
    inner = [pair for pair in silent if pair[0] > 0.2]
    return inner[0][0], inner[-1][0] + inner[-1][1]


@pytest.mark.parametrize(
    ("name", "codec", "out"),
    [
        ("a.mp4", "aac", "b.mp4"),
        ("a.mp4", "aac", "b.mov"),
        ("a.mp4", "aac", "b.mkv"),
        ("a.ts", "aac", "b.mp4"),
        ("a.mkv", "libopus", "b.webm"),
        ("a.mkv", "libopus", "b.mp4"),
        ("a.mkv", "libmp3lame", "b.mp4"),
        ("a.mov", "pcm_s16le", "b.mkv"),
    ],
)
@pytest.mark.parametrize("late", [0.0, 5.0])
def test_the_sound_is_in_time(name: str, codec: str, out: str, late: float, tmp_path: Path) -> None:
    media.require_encoder(codec)
    with VideoFile(_clip(tmp_path / name, codec, late=late)) as source:
        _write(source, tmp_path / out)
    assert _pause(tmp_path / out) == pytest.approx((1.0, 1.2), abs=0.07)


def test_a_part_of_a_video_has_its_part_of_the_sound(tmp_path: Path) -> None:
    with VideoFile(_clip(tmp_path / "a.mp4", seconds=4)) as source:
        _write(source, tmp_path / "b.mp4", start=15, stop=50)
    assert _pause(tmp_path / "b.mp4") == pytest.approx((0.4, 0.6), abs=0.07)
    with av.open(str(tmp_path / "b.mp4")) as container:
        audio = container.streams.audio[0]
        assert float(audio.duration * audio.time_base) == pytest.approx(1.4, abs=0.1)


@pytest.mark.parametrize(
    ("stop", "seconds"),
    [(None, 4.0), (49, 1.96)],  # the whole video keeps all its sound, a part what belongs to it
)
@pytest.mark.parametrize("name", ["b.mp4", "b.mkv"])
def test_sound_that_outlasts_the_pictures_is_kept(
    name: str, stop: int | None, seconds: float, tmp_path: Path
) -> None:
    with VideoFile(_clip(tmp_path / "a.mp4", seconds=4, frames=50)) as source:
        _write(source, tmp_path / name, stop=stop)
    with av.open(str(tmp_path / name)) as container:
        ends = [packet.pts + packet.duration for packet in container.demux(audio=0) if packet.size]
        assert float(max(ends) * container.streams.audio[0].time_base) == pytest.approx(
            seconds, abs=0.15
        )


def test_joined_recordings_have_the_sound_of_both(tmp_path: Path) -> None:
    part = _clip(tmp_path / "a.ts").read_bytes()
    (tmp_path / "b.ts").write_bytes(part + part)
    with VideoFile(tmp_path / "b.ts") as source:
        _write(source, tmp_path / "c.mp4")
    with av.open(str(tmp_path / "c.mp4")) as container:
        audio = container.streams.audio[0]
        assert float(audio.duration * audio.time_base) == pytest.approx(4, abs=0.3)


def test_sound_that_the_container_cannot_hold_is_omitted_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    media.require_encoder("libvpx-vp9")
    with VideoFile(_clip(tmp_path / "a.mp4")) as source, caplog.at_level(logging.WARNING):
        _write(source, tmp_path / "b.webm")
    assert "b.webm has no sound: a webm file holds no aac" in caplog.text
    with av.open(str(tmp_path / "b.webm")) as container:
        assert not container.streams.audio


def test_sound_that_outlasts_the_pictures_is_not_taken_for_truncation(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        VideoFile(_clip(tmp_path / "a.mkv", frames=20)) as source,
        caplog.at_level(logging.WARNING),
    ):
        assert source.frame_count in (20, 21)
        assert len(list(source)) == 20
    assert caplog.records == []


@pytest.mark.parametrize("sound", [True, False])
def test_sound_can_be_omitted(sound: bool, tmp_path: Path) -> None:
    with VideoFile(_clip(tmp_path / "a.mp4")) as source:
        _write(source, tmp_path / "b.mp4", sound=sound)
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert bool(container.streams.audio) == sound


def _two_tracks(path: Path, codecs: tuple[str, str]) -> Path:
    """Write pictures with the German and the English sound of a video, the latter by default."""
    parts = [_clip(path.with_name(f"{number}.mkv"), one) for number, one in enumerate(codecs)]
    with av.open(str(path), "w") as out, av.open(str(parts[0])) as first:
        video = out.add_stream_from_template(first.streams.video[0])
        sounds = []
        for part, language in zip(parts, ("ger", "eng"), strict=True):
            with av.open(str(part)) as container:
                copy = out.add_stream_from_template(container.streams.audio[0])
            copy.metadata["language"] = language
            copy.disposition = int(language == "eng")
            sounds.append(copy)
        for packet in first.demux(video=0):
            if packet.size:
                packet.stream = video
                out.mux(packet)
        for part, copy in zip(parts, sounds, strict=True):
            with av.open(str(part)) as container:
                for packet in container.demux(audio=0):
                    if packet.size:
                        packet.stream = copy
                        out.mux(packet)
    return path


@pytest.mark.parametrize("name", ["b.mkv", "b.mp4"])
def test_every_sound_track_is_kept_with_its_language(name: str, tmp_path: Path) -> None:
    media.require_encoder("libmp3lame")
    with VideoFile(_two_tracks(tmp_path / "a.mkv", ("aac", "libmp3lame"))) as source:
        _write(source, tmp_path / name)
    with av.open(str(tmp_path / name)) as written, av.open(str(tmp_path / "a.mkv")) as container:
        for number, language in enumerate(("ger", "eng")):
            stream = written.streams.audio[number]
            assert stream.metadata["language"] == language
            assert bool(stream.disposition & Disposition.default) == (language == "eng")
            packets = {bytes(one) for one in container.demux(audio=number) if one.size}
            container.seek(0)
            kept = [bytes(one) for one in written.demux(stream) if one.size]
            written.seek(0)
            assert set(kept) <= packets
            assert len(kept) > 0.9 * len(packets)


def test_a_sound_track_that_the_container_cannot_hold_is_omitted_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    media.require_encoder("libopus")
    media.require_encoder("libvpx-vp9")
    with VideoFile(_two_tracks(tmp_path / "a.mkv", ("libopus", "aac"))) as source:
        _write(source, tmp_path / "b.webm")
    assert "b.webm has no sound of stream 2: a webm file holds no aac" in caplog.text
    with av.open(str(tmp_path / "b.webm")) as container:
        assert [one.codec_context.codec.canonical_name for one in container.streams.audio] == [
            "opus"
        ]


def test_a_sound_track_of_an_unknown_codec_is_omitted_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = bytearray(_two_tracks(tmp_path / "a.mp4", ("aac", "aac")).read_bytes())
    second = content.rindex(b"mp4a")
    content[second : second + 4] = b"apac"  # spatial sound of telephones
    description = content.index(b"esds", second)
    content[description : description + 4] = b"dapa"
    (tmp_path / "a.mp4").write_bytes(content)
    with VideoFile(tmp_path / "a.mp4") as source:
        _write(source, tmp_path / "b.mp4")
    assert "b.mp4 has no sound of stream 2: its codec is unknown" in caplog.text
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert len(container.streams.audio) == 1


def test_a_source_without_sound_gives_none(clip: Path, tmp_path: Path) -> None:
    with VideoFile(clip) as source:
        assert source.sound is None
        _write(source, tmp_path / "b.mp4")
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert not container.streams.audio

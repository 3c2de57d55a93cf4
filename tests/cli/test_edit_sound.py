"""Edits keep the sound and the pace of their source."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from siamfc.cli.app import run

RATE = 8000
TIMES = (0.0, 0.04, 0.2, 0.24, 0.5)
"""Times of the frames, at a varying rate."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Five frames with times of their own, and half a second of sound."""
    path = tmp_path / "source.mkv"
    generator = np.random.default_rng(0)
    with av.open(str(path), "w") as out:
        pictures = out.add_stream("libx264", rate=25, time_base=Fraction(1, 1000))
        pictures.width, pictures.height, pictures.pix_fmt = 96, 64, "yuv420p"
        sound = out.add_stream("pcm_s16le", rate=RATE, layout="mono")
        for time in TIMES:
            image = generator.integers(0, 256, (64, 96, 3), np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = round(1000 * time), pictures.codec_context.time_base
            out.mux(pictures.encode(frame))
        out.mux(pictures.encode())
        wave = generator.integers(-9999, 9999, (1, RATE // 2), np.int16)
        part = av.AudioFrame.from_ndarray(wave, format="s16", layout="mono")
        part.sample_rate, part.pts = RATE, 0
        out.mux(sound.encode(part))
        out.mux(sound.encode())
    (tmp_path / "boxes.csv").write_text(
        "frame,time,target,x,y,w,h,score\n"
        + "".join(f"{k},{time},1,{20 + k},20,24,24,0.9\n" for k, time in enumerate(TIMES))
    )
    return path


@pytest.mark.parametrize("verb", ["redact", "reframe", "stabilise", "crop"])
@pytest.mark.parametrize("wanted", [True, False])
def test_sound_and_times_are_those_of_the_source(
    verb: str, wanted: bool, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.mkv"
    arguments = [verb, str(source), "--results", str(tmp_path / "boxes.csv"), "-o", str(out)]
    assert run([*arguments, *([] if wanted else ["--no-sound"])]) == 0
    with av.open(str(out)) as found:
        assert len(found.streams.audio) == wanted
        times = [frame.time for frame in found.decode(video=0)]
    assert times == pytest.approx(TIMES, abs=1e-3)
    if wanted:
        with av.open(str(out)) as found, av.open(str(source)) as given:
            assert _samples(found) == _samples(given) == RATE // 2


def _samples(container: av.container.InputContainer) -> int:
    return sum(frame.samples for frame in container.decode(audio=0))

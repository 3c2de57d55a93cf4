import math

import pytest

from siamfc.frames.encoder import TIME_BASE, VideoClock


@pytest.mark.parametrize(
    ("times", "expected", "reason"),
    [
        ([5, 5.04, 5.08], [0, 0.04, 0.08], "the video starts at 0"),
        ([math.nan] * 3, [0, 0.1, 0.2], "without times: the constant rate"),
        ([2, math.nan, 2.5], [0, 0.1, 0.5], "a gap in the times is filled"),
        ([math.nan, 7, 7.03], [0, 0.1, 0.13], "times that begin later go on from there"),
        ([0, 1, 1, 1.5], [0, 1, 1.001, 1.5], "the same time twice"),
        ([0, 1, 0.5, 1.5], [0, 1, 1.001, 1.5], "two frames out of order"),
        ([0, 50, 0, 0.04], [0, 50, 50.1, 50.14], "a clock that was reset"),
        ([0, 0.0001, 0.0002], [0, 0.001, 0.002], "closer than the rate asks for"),
    ],
)
def test_time_stamps_rise_and_keep_the_sources_times(times, expected, reason) -> None:
    clock = VideoClock(10)
    stamps = [clock.stamp(time) for time in times]
    assert [float(stamp * TIME_BASE) for stamp in stamps] == pytest.approx(expected, abs=1e-5), (
        reason
    )


@pytest.mark.parametrize("rate", [24, 25, 30, 50, 60, 120])
def test_a_frame_takes_a_whole_number_of_ticks(rate: int) -> None:
    assert (1 / TIME_BASE / rate).denominator == 1
    assert (1 / TIME_BASE / rate * 1001 / 1000).denominator == 1 or rate in {25, 50}


@pytest.mark.parametrize(
    ("finest", "expected"), [(0.0, [0, 0.0001, 0.0002, 0.0003]), (0.001, [0, 0.001, 0.002, 0.003])]
)
def test_high_rates_are_kept_as_far_as_the_container_can(finest, expected) -> None:
    clock = VideoClock(10_000, finest=finest)
    stamps = [clock.stamp(time) for time in (0, 0.0001, 0.0002, math.nan)]
    assert [float(stamp * TIME_BASE) for stamp in stamps] == pytest.approx(expected)

"""Review: doubtful stretches, with their reasons, in the right order."""

import math
from dataclasses import replace

import numpy as np
import pytest

from siamfc.tracking import FrameResult, Status, review, time_code

SIDE = math.sqrt(40 * 30)
"""The target's size, pixels."""


def results(count=60, **changes):
    """Return results of a still, confident target; keywords set values: name={frame: value}."""
    found = []
    for k in range(count):
        box, score, agreement = [50.0, 50, 40, 30], 0.99, math.nan
        box = changes.get("box", {}).get(k, box)
        score = changes.get("score", {}).get(k, score)
        agreement = changes.get("agreement", {}).get(k, agreement)
        status = changes.get("status", {}).get(k, Status.TRACKED)
        found.append(
            FrameResult(
                k, k / 10, np.array([box]), np.array([score]),
                np.array([status is Status.LOST]), (status,), np.array([agreement]), ("cat",),
            )
        )  # fmt: skip
    return found


def test_a_confident_track_needs_no_review():
    assert review(results()) == []
    assert review([]) == []


@pytest.mark.parametrize(
    ("changes", "frames", "reason"),
    [
        ({"score": dict.fromkeys(range(10, 14), 0.3)}, (10, 13), "low score"),
        ({"status": dict.fromkeys(range(10, 14), Status.LOST)}, (10, 13), "lost"),
        ({"agreement": {20: 0.1, 21: 0.2}}, (20, 21), "directions disagree"),
        ({"box": {30: [90.0, 50, 40, 30]}}, (29, 31), "jump"),
        ({"box": {k: [30.0, 35, 80, 60] for k in range(40, 60)}}, (40, 40), "sudden growth"),
    ],
)
def test_each_reason_is_found_in_its_frames(changes, frames, reason):
    (doubt,) = review(results(**changes))
    assert (doubt.start, doubt.end) == frames
    assert reason in doubt.reasons
    assert doubt.start <= doubt.worst <= doubt.end
    assert (doubt.target, doubt.name) == (1, "cat")
    assert doubt.start_time == pytest.approx(frames[0] / 10)


@pytest.mark.parametrize(
    ("changes", "sure", "why"),
    [
        ({"score": {30: 0.6}}, 0.6 * 0.95, "an unknown agreement counts as a half"),
        ({"score": {30: 0.6}, "agreement": {30: 0.25}}, 0.6 * 0.925, "a tenth of what lacks to 1"),
        ({"box": {30: [50 + 0.3 * SIDE, 50, 40, 30]}}, 0.99 * 0.95 * 0.94, "0.6 sizes a frame"),
        ({"box": {30: [50 + 0.7 * SIDE, 50, 40, 30]}}, 0.99 * 0.95 * 0.9, "a tenth at most"),
    ],
)
def test_the_score_counts_most_and_jumps_and_agreement_a_little(changes, sure, why):
    (doubt,) = review(results(**changes))
    assert doubt.worst == 30
    assert doubt.doubt == pytest.approx(1 - sure), why


def test_a_steady_zoom_or_motion_is_no_reason():
    grown = {k: [50.0 + 9 * k, 50, 40 * 1.1**k, 30 * 1.1**k] for k in range(60)}
    assert review(results(box=grown)) == []


def test_unequal_steps_between_frames_are_no_jump():
    indices = [0, 10, 13, 20, 30, 40, 45, 50]  # every tenth, and two key frames
    moving = [replace(results(51)[k], boxes=np.array([[8.0 * k, 50, 40, 30]])) for k in indices]
    assert review(moving) == []
    moving[4] = replace(moving[4], boxes=np.array([[270.0, 50, 40, 30]]))
    assert 30 in range(review(moving)[0].start, review(moving)[0].end + 1)


def test_the_worst_comes_first_and_a_mere_disagreement_last():
    scores = {**dict.fromkeys(range(5, 9), 0.5), **dict.fromkeys(range(40, 44), 0.1)}
    found = review(results(score=scores, agreement=dict.fromkeys(range(20, 25), 0.0)))
    assert [doubt.start for doubt in found] == [40, 5, 20]
    assert [doubt.doubt for doubt in found] == sorted((d.doubt for d in found), reverse=True)
    assert found[0].worst in range(40, 44)


def test_frames_close_together_are_one_stretch():
    (near,) = review(results(score={10: 0.2, 13: 0.2}))
    assert (near.start, near.end) == (10, 13)
    assert len(review(results(score={10: 0.2, 14: 0.2}))) == 2


def test_given_boxes_are_never_doubted():
    jump = {k: [90.0, 50, 40, 30] for k in range(20, 60)}
    given = dict.fromkeys((19, 20, 21), Status.KEYFRAME)
    assert review(results(box=jump, status=given, score={20: 0.0})) == []


def test_results_with_nothing_but_boxes_are_reviewed_too():
    boxes = [np.array([[50.0 + 60 * (k == 9), 50, 40, 30]]) for k in range(20)]
    jumped = [FrameResult(k, math.nan, box, np.array([math.nan])) for k, box in enumerate(boxes)]
    (doubt,) = review(jumped)
    assert doubt.reasons == ("jump",)
    assert math.isnan(doubt.start_time)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00.0"), (59.96, "1:00.0"), (75.25, "1:15.2"), (3599.97, "1:00:00.0"), (math.nan, "")],
)
def test_time_codes_are_minutes_and_seconds(seconds, text):
    assert time_code(seconds) == text

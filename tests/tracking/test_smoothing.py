"""The smoother: less jitter, no lag, given boxes exact, lost stretches bridged."""

import math
from dataclasses import replace

import numpy as np
import pytest

from siamfc.boxes import center
from siamfc.tracking import FrameResult, Status, smooth_results

SIZE = np.array([40.0, 30.0])


def path(places, *, scores=None, statuses=None, frames=None):
    """Return results of one target with centres (F, 2) or boxes (F, 4)."""
    boxes = np.asarray(places, float)
    if boxes.shape[1] == 2:
        boxes = np.concatenate([boxes - SIZE / 2, np.broadcast_to(SIZE, boxes.shape)], axis=1)
    count = len(boxes)
    frames = range(count) if frames is None else frames
    statuses = statuses or [Status.KEYFRAME] + [Status.TRACKED] * (count - 1)
    scores = np.full(count, 0.95) if scores is None else scores
    return [
        FrameResult(
            frame,
            frame / 25,
            boxes[k : k + 1],
            np.array([scores[k]]),
            np.array([statuses[k] is Status.LOST]),
            (statuses[k],),
        )
        for k, frame in enumerate(frames)
    ]


def boxes_of(results):
    return np.array([result.box for result in results])


def noise(count, deviation, seed=0):
    return np.random.default_rng(seed).normal(0, deviation, (count, 2))


def test_no_results_smooth_to_none():
    assert smooth_results([]) == []


def test_a_still_target_has_less_jitter():
    still = np.full((200, 2), 100.0)
    noisy = still + noise(200, 0.8)
    before, after = center(boxes_of(path(noisy))), center(boxes_of(smooth_results(path(noisy))))
    errors = [np.sqrt(((one[5:] - 100) ** 2).mean()) for one in (before, after)]
    assert errors[1] < errors[0] / 3


@pytest.mark.parametrize(
    ("shape", "why"),
    [
        (lambda t: (3 * t, 50 - t), "constant velocity"),
        (lambda t: (100 + 60 * np.sin(t / 12), 80 + 40 * np.cos(t / 9)), "turning"),
        (lambda t: (np.where(t < 50, 0, 6 * (t - 50)), 0 * t), "a sudden start"),
        (lambda t: (np.where(t < 50, 0.0, 80.0), 0 * t), "a cut of the camera"),
    ],
)
def test_a_path_without_noise_is_unchanged(shape, why):
    places = np.stack(shape(np.arange(100.0)), axis=1)
    after = center(boxes_of(smooth_results(path(places))))
    assert np.abs(after - places).max() < 0.1 * math.sqrt(SIZE.prod()), why


def test_a_moving_target_has_less_error_than_before():
    t = np.arange(150.0)
    truth = np.stack([2.5 * t, 80 + 30 * np.sin(t / 15)], axis=1)
    noisy = truth + noise(150, 1.0)
    after = center(boxes_of(smooth_results(path(noisy))))
    errors = [np.sqrt(((one - truth) ** 2).mean()) for one in (noisy, after)]
    assert errors[1] < errors[0] * 0.7


def test_the_size_is_smoothed_in_proportion():
    growth = np.exp(0.01 * np.arange(80.0) + noise(80, 0.04)[:, 0])
    boxes = np.stack([100 - 20 * growth, 100 - 10 * growth, 40 * growth, 20 * growth], axis=1)
    after = boxes_of(smooth_results(path(boxes)))
    np.testing.assert_allclose(after[1:, 2] / after[1:, 3], 2, rtol=1e-6)
    assert np.diff(np.log(after[5:, 2])).std() < np.diff(np.log(boxes[5:, 2])).std() / 2


def most_probable(values, deviations, prior):
    """Posterior mean of Gaussian processes (F, D), all frames at once, under the best motion."""
    known, start = np.isfinite(deviations), values[0]
    choices = []
    for motion in np.geomspace(1e-5, 1, 11):
        covariance = prior(motion**2)
        measured = covariance[np.ix_(known, known)] + np.diag(deviations[known] ** 2)
        weights = np.linalg.solve(measured, values[known] - start)
        evidence = -((values[known] - start) * weights).sum()
        evidence -= values.shape[1] * np.linalg.slogdet(measured)[1]
        choices.append((evidence, covariance[:, known] @ weights + start))
    return max(choices, key=lambda choice: choice[0])[1]


def test_the_smoothed_path_is_the_most_probable_one():
    """Agreement with the formula of Gaussian processes, without a Kalman filter."""
    generator = np.random.default_rng(5)
    frames = np.array([0, 1, 2, 4, 5, 8, 9, 10, 13, 14])
    sizes = SIZE * np.exp(generator.normal(0, 0.1, (10, 2)))
    places = np.stack([3.0 * frames, 0.1 * frames**2], axis=1) + generator.normal(0, 1, (10, 2))
    scores = generator.uniform(0.3, 1, 10)
    statuses = [Status.LOST if k == 6 else Status.TRACKED for k in range(10)]
    given = path(
        np.concatenate([places - sizes / 2, sizes], axis=1),
        scores=scores, statuses=statuses, frames=frames.tolist(),
    )  # fmt: skip
    after = boxes_of(smooth_results(given))

    noise = np.where(np.arange(10) == 6, np.inf, 1 / scores)
    unit = np.sqrt(np.exp(np.log(np.delete(sizes, 6, axis=0)).mean(axis=0)).prod())
    early, late = np.minimum.outer(frames, frames), np.maximum.outer(frames, frames)
    times = np.outer(frames, frames)
    centers = most_probable(
        places / unit,
        0.02 * noise,
        lambda motion: 1e4 * (1 + times) + motion * early**2 * (3 * late - early) / 6,
    )
    logs = most_probable(np.log(sizes), 0.05 * noise, lambda motion: 1e4 + motion * early)
    np.testing.assert_allclose(center(after), centers * unit, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(after[:, 2:], np.exp(logs), rtol=1e-5)


def test_fewer_than_three_boxes_stay_as_they_are():
    places = 50 + noise(3, 5)
    tracked = [Status.TRACKED] * 3
    for count in (2, 3):
        given = path(places[:count], statuses=tracked[:count])
        unchanged = boxes_of(smooth_results(given)) == boxes_of(given)
        assert unchanged[:, :2].all() == (count == 2)


def test_a_box_without_width_is_bridged():
    boxes = np.tile([80.0, 85, 40, 30], (9, 1))
    boxes[4, 2] = 0
    after = boxes_of(smooth_results(path(boxes)))
    np.testing.assert_allclose(after, np.tile([80.0, 85, 40, 30], (9, 1)), rtol=1e-6)


def test_an_unknown_score_counts_as_one():
    places = 50 + noise(20, 2) * np.linspace(1, 3, 20)[:, None]
    scores = np.where(np.arange(20) % 3 == 0, math.nan, 1.0)
    one, unknown = (
        boxes_of(smooth_results(path(places, scores=some))) for some in (np.ones(20), scores)
    )
    np.testing.assert_array_equal(one, unknown)


def test_given_boxes_are_exact():
    places = np.full((40, 2), 50.0) + noise(40, 1)
    places[20] += 6
    statuses = [Status.KEYFRAME if k in (0, 20, 39) else Status.TRACKED for k in range(40)]
    before = boxes_of(path(places, statuses=statuses))
    after = boxes_of(smooth_results(path(places, statuses=statuses)))
    np.testing.assert_array_equal(after[[0, 20, 39]], before[[0, 20, 39]])


def test_a_box_with_a_low_score_counts_little():
    places = np.stack([np.arange(60.0), np.zeros(60)], axis=1)
    places[30, 1] = 15
    kept, dropped = (
        center(
            boxes_of(smooth_results(path(places, scores=np.where(np.arange(60) == 30, s, 0.95))))
        )
        for s in (0.95, 0.1)
    )
    assert abs(dropped[30, 1]) < abs(kept[30, 1])


def test_a_size_with_a_low_score_counts_little():
    boxes = np.tile([80.0, 85, 40, 30], (60, 1))
    boxes[30] = [60, 70, 80, 60]
    kept, dropped = (
        boxes_of(smooth_results(path(boxes, scores=np.where(np.arange(60) == 30, s, 0.95))))
        for s in (0.95, 0.1)
    )
    assert 40 < dropped[30, 2] < kept[30, 2]


class TestLost:
    places = np.stack([4.0 * np.arange(40), np.full(40, 70.0)], axis=1)

    def results(self, lost):
        places = self.places.copy()
        places[list(lost)] = (999, 999)
        statuses = [Status.LOST if k in lost else Status.TRACKED for k in range(40)]
        return path(places, statuses=statuses)

    def test_a_stretch_between_is_bridged(self):
        after = smooth_results(self.results(range(15, 25)))
        np.testing.assert_allclose(center(boxes_of(after)), self.places, atol=0.5)
        assert [k for k, one in enumerate(after) if one.status is Status.INTERPOLATED] == list(
            range(15, 25)
        )
        assert all(one.lost == (15 <= k < 25) for k, one in enumerate(after))

    @pytest.mark.parametrize("lost", [range(30, 40), range(5), range(40)])
    def test_a_stretch_at_an_end_stays_lost(self, lost):
        before, after = self.results(lost), smooth_results(self.results(lost))
        for k in lost:
            assert after[k].status is Status.LOST
            np.testing.assert_array_equal(after[k].box, before[k].box)

    def test_skipped_frames_count_as_time(self):
        frames = [*range(0, 20, 2), *range(30, 50)]
        places = np.stack([3.0 * np.array(frames), np.full(len(frames), 9.0)], axis=1)
        after = center(boxes_of(smooth_results(path(places, frames=frames))))
        np.testing.assert_allclose(after, places, atol=0.1)


def test_targets_are_smoothed_separately_and_absent_ones_stay_absent():
    moving = [result.boxes[0] for result in path(noise(30, 1) + np.arange(30)[:, None])]
    nan = np.full(4, np.nan)
    results = [
        FrameResult(k, 0.0, np.stack([box, nan]), np.array([0.9, np.nan]), None, ())
        for k, box in enumerate(moving)
    ]
    after = smooth_results(results)
    assert all(np.isnan(one.boxes[1]).all() and one.statuses == () for one in after)
    alone = path(moving, scores=np.full(30, 0.9), statuses=[Status.TRACKED] * 30)
    expected = boxes_of(smooth_results(alone))
    np.testing.assert_allclose([one.boxes[0] for one in after], expected, atol=1e-9)


def test_a_frame_without_a_box_stays_without_one():
    results = path([(3.0 * k, 50) for k in range(12)])
    results[5] = replace(results[5], boxes=np.full((1, 4), math.nan))
    smooth = smooth_results(results)
    assert np.isnan(smooth[5].box).all()
    assert not np.isnan(boxes_of(smooth[:5] + smooth[6:])).any()


def test_lost_flags_alone_tell_which_stretch_to_bridge():
    astray = [(3.0 * k + 200 * (4 <= k < 7), 50) for k in range(12)]
    results = [
        replace(one, statuses=(), lost_flags=np.array([4 <= one.index < 7])) for one in path(astray)
    ]
    smooth = smooth_results(results)
    assert center(boxes_of(smooth))[:, 0] == pytest.approx(3 * np.arange(12), abs=0.1)
    assert [one.index for one in smooth if one.status is Status.INTERPOLATED] == [4, 5, 6]

"""The tracker with a network that predicts boxes, and with ideal matchers."""

from dataclasses import replace

import numpy as np
import pytest

from fakes import IdealBoxMatcher, IdealMatcher, cells_of
from siamfc import boxes
from siamfc.errors import InputError
from siamfc.network.calibration import Calibration
from siamfc.network.matcher import EmbeddingSpec
from siamfc.synthetic.video import SquareVideo, SquareVideoSettings
from siamfc.tracking import LightSettings, SiamFCSettings, Stepper, Tracker, follow, track
from siamfc.tracking.exemplar_update import UpdateSettings
from siamfc.tracking.redetection import LostSettings
from siamfc.tracking.targets import window_crops

WIDTH, HEIGHT = 42, 42
AT_ONCE = LightSettings(size_damping=1.0, change_penalty=0.0)
"""Settings that use the network's box unchanged."""


def test_a_network_that_makes_the_crops_itself_gives_the_same_boxes():
    """As on a GPU, where crops are tensors; one of the two targets gets lost."""
    torch = pytest.importorskip("torch")
    from siamfc.network import load_checkpoint
    from siamfc.network.light.torch_matcher import TorchLightMatcher

    made = []

    def crop(*arguments):
        made.append(arguments[3])
        return torch.from_numpy(window_crops(*arguments))

    random = np.random.default_rng(0)
    frames = random.integers(0, 256, (5, 90, 160, 3), np.uint8)
    frames[:3] = frames[0]
    frames[3:, :, :80] = frames[0, :, :80]
    given = [[20, 30, 24, 20], [120, 40, 20, 24]]
    settings = LightSettings(update=UpdateSettings(rate=0.5))
    boxes = []
    for crop_windows in (None, crop):
        matcher = TorchLightMatcher(load_checkpoint())
        matcher.crop_windows = crop_windows
        stepper = Stepper(matcher, settings)
        state = stepper.begin(frames[0], given)
        for frame in frames[1:]:
            state = stepper.step(state, frame)
        boxes.append(state.targets.boxes)
        assert state.targets.lost.tolist() == [False, True]
    np.testing.assert_array_equal(*boxes)
    assert made.count(255) == 4 + 2, "each frame, and further windows in the last two"
    assert made.count(127) > 1, "the first exemplars and later ones"


def chart(index):
    """Return a frame in which each pixel encodes its position and, in blue, the frame number.

    Red and green rise so steeply that it matters little what a crop rounds off.
    """
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    return np.stack([6 * x, 6 * y, np.full_like(x, 10 + 20 * index)], -1).astype(np.uint8)


class ChartMatcher:
    """Reads frame and square from charts, and knows the ground truth (F, N, 4)."""

    def __init__(self, truth):
        self.spec = EmbeddingSpec(response_size=16, stride=16)
        self.calibration = Calibration()
        self.exemplars = 1
        self.truth = np.asarray(truth, dtype=np.float64)
        self.sizes = None

    def embed_exemplar(self, crops, sizes):
        """Return each crop's target: the one at its centre."""
        self.sizes = sizes
        frames, shown, _ = zip(*map(self.read, crops), strict=True)
        away = np.stack(shown)[:, None] - boxes.center(self.truth[list(frames)])
        return np.hypot(*np.moveaxis(away, -1, 0)).argmin(axis=1)[:, None].astype(float)

    def locate(self, exemplars, searches):
        corners = []
        for target, search in zip(exemplars[:, 0].astype(int), searches, strict=True):
            frame, center, side = self.read(search)
            truth = self.truth[frame, target]
            edges = np.concatenate([truth[:2], truth[:2] + truth[2:]])
            corners.append((edges - np.tile(center, 2)) * (255 / side) + 127.5)
        return cells_of(np.stack(corners), self.spec)

    @staticmethod
    def read(crop):
        """Return frame, centre and side of a crop's square, read from its colours."""
        values = crop.astype(np.float64)
        blue = values[..., 2].max()
        inside = values[..., 2] == blue
        # At the frame's border, the fill is mixed in.
        columns, rows = (np.flatnonzero(inside.any(axis=axis))[9:-9] for axis in (0, 1))
        red, green, _ = np.moveaxis(values[np.ix_(rows, columns)], -1, 0)
        x, width = _line(columns, red.mean(axis=0) / 6, len(crop))
        y, height = _line(rows, green.mean(axis=1) / 6, len(crop))
        return round((blue - 10) / 20), np.array([x, y]), (width + height) / 2


def _line(places, pixels, size):
    """Return centre and length, frame pixels, of a crop's area along one axis."""
    slope, middle = np.polyfit(places + 0.5 - size / 2, pixels + 0.5, 1)
    return middle, slope * size


def paths(frames=12):
    """Two targets (F, 2, 4): one moves and grows, one shrinks and changes its shape."""
    k = np.arange(frames)[:, None]
    first = np.hstack([9 + 1.1 * k, 20 - 0.4 * k, 7 * 1.03**k, 5.5 * 1.03**k])
    second = np.hstack([28 - 0.6 * k, 12 + 0.5 * k, 8 * 0.98**k, 6 * 1.02**k])
    return np.stack([first, second], axis=1)


def followed(truth, settings=None):
    """Return boxes (F, N, 4) and the matcher that knew the ground truth."""
    matcher = ChartMatcher(truth)
    state = Stepper(matcher).begin(chart(0), truth[0])
    found = [state.targets.boxes]
    for index in range(1, len(truth)):
        state = Stepper(matcher, settings or LightSettings()).step(state, chart(index))
        found.append(state.targets.boxes)
    return np.stack(found), matcher


def test_boxes_are_exact_and_without_bias():
    truth = paths()
    found, _ = followed(truth, AT_ONCE)
    assert np.abs(found - truth).max() < 0.01
    offsets = boxes.center(found) - boxes.center(truth)
    assert np.abs(offsets.mean(axis=0)).max() < 0.005


def test_centres_are_exact_while_sizes_lag_behind():
    truth = paths()
    found, _ = followed(truth)
    assert np.abs(boxes.center(found) - boxes.center(truth)).max() < 0.01
    grown = found[1:, 0, 2] / found[:-1, 0, 2]
    assert (grown > 1.01).all()
    assert (found[1:, 0, 2] < truth[1:, 0, 2]).all()


def test_the_network_gets_the_boxes_sizes_in_the_exemplar_images():
    truth = paths(2)
    _, matcher = followed(truth)
    sides = np.sqrt([(7 + 6.25) * (5.5 + 6.25), (8 + 7) * (6 + 7)])
    np.testing.assert_allclose(matcher.sizes, truth[0][:, 2:] * 127 / sides[:, None])


def test_several_targets_get_the_same_boxes_as_each_alone():
    truth = paths()
    together, _ = followed(truth)
    for n in range(2):
        alone, _ = followed(truth[:, n : n + 1])
        assert together[:, n].tolist() == alone[:, 0].tolist()


def test_a_mirrored_path_gives_mirrored_boxes():
    truth = paths()
    mirrored = truth.copy()
    mirrored[..., 0] = WIDTH - truth[..., 0] - truth[..., 2]
    found, _ = followed(truth, AT_ONCE)
    back, _ = followed(mirrored, AT_ONCE)
    back[..., 0] = WIDTH - back[..., 0] - back[..., 2]
    np.testing.assert_allclose(back, found, atol=0.01)


def test_mirroring_and_transposing_the_video_mirrors_and_transposes_the_track():
    video = SquareVideo(SquareVideoSettings(frames=30, max_displacement=16, seed=2))
    x, y, w, h = video.boxes[0]

    def tracked(images, box):
        tracker = Tracker(IdealBoxMatcher())
        tracker.init(images[0], box)
        return np.array([tracker.update(image) for image in images[1:]])

    track = tracked(list(video), video.boxes[0])
    assert boxes.iou(track, video.boxes[1:]).min() > 0.95
    offsets = boxes.center(track) - boxes.center(video.boxes[1:])
    assert np.abs(offsets.mean(axis=0)).max() < 0.02
    mirrored = tracked([image[:, ::-1] for image in video], [255 - x - w, y, w, h])
    turned = tracked([image.transpose(1, 0, 2) for image in video], [y, x, h, w])
    mirrored[:, 0] = 255 - mirrored[:, 0] - mirrored[:, 2]
    for other in (mirrored, turned[:, [1, 0, 3, 2]]):
        np.testing.assert_allclose(other, track, atol=0.01)


def test_a_target_that_leaves_the_frame_keeps_its_box_while_its_centre_is_inside():
    k = np.arange(12)[:, None]
    truth = np.hstack([9 - 0.9 * k, 3 - 0.5 * k, 9 + 0 * k, 8 + 0 * k])[:, None]
    found, _ = followed(truth, AT_ONCE)
    np.testing.assert_allclose(truth[-1, 0, :2], [-0.9, -2.5])
    np.testing.assert_allclose(found, truth, atol=0.02)


def test_a_centre_beyond_the_border_is_kept_at_it():
    k = np.arange(8)[:, None]
    truth = np.hstack([4 - 2.0 * k, 20 + 0 * k, 8 + 0 * k, 8 + 0 * k])[:, None]
    found, _ = followed(truth, AT_ONCE)
    assert boxes.center(truth)[-1, 0, 0] == -6
    np.testing.assert_allclose(boxes.center(found)[-1, 0], [0, 24], atol=0.02)


def test_sizes_stay_within_their_limits():
    k = np.arange(10)[:, None]
    truth = np.hstack([20 - k, 16 + 0.6 * k, 8 + 2 * k, 8 - 0.75 * k])[:, None]
    found, _ = followed(truth, replace(AT_ONCE, largest_scale=2.0, smallest_scale=0.5))
    np.testing.assert_allclose(found[-1, 0, 2:], [16, 4])
    np.testing.assert_allclose(found[4, 0, 2:], [16, 5], atol=0.02)


def absent_from(truth, first, last=None):
    """The same, with the targets absent from frame `first` to before `last`."""
    hidden = truth.copy()
    hidden[first:last] = np.nan
    return hidden


def test_an_absent_target_is_lost_and_keeps_its_size():
    truth = absent_from(paths(), 6, 9)
    matcher = ChartMatcher(truth)
    settings = replace(AT_ONCE, lost=replace(AT_ONCE.lost, holds_size=True))
    states = [Stepper(matcher).begin(chart(0), truth[0])]
    for index in range(1, len(truth)):
        states.append(Stepper(matcher, settings).step(states[-1], chart(index)))
    assert [bool(state.targets.lost.all()) for state in states] == [5 < k < 9 for k in range(12)]
    assert [state.targets.frames_lost[0] for state in states[5:10]] == [0, 1, 2, 3, 0]
    for state in states[6:9]:
        assert (state.targets.score < 0.01).all()
        np.testing.assert_allclose(state.targets.boxes[:, 2:], states[5].targets.boxes[:, 2:])
    np.testing.assert_allclose(states[-1].targets.boxes, truth[-1], atol=0.02)


def test_a_lost_target_is_found_anywhere_in_the_frame_unless_disabled():
    """It is hidden for two frames and reappears far outside its search window."""
    k = np.arange(8)[:, None]
    truth = np.hstack([5 + 0 * k, 6 + 0 * k, 4 + 0 * k, 4 + 0 * k]).astype(float)[:, None]
    truth[1:3] = np.nan
    truth[3:, :, :2] = [34, 32]
    stays, _ = followed(truth, LightSettings(lost=searching(windows=0)))
    found, _ = followed(truth)
    assert found[-1, 0, 0] > 30
    found, _ = followed(truth, LightSettings(lost=searching(windows=24)))
    assert stays[-1, 0, 0] < 20
    np.testing.assert_allclose(found[-1], truth[-1], atol=0.1)


def searching(windows):
    """Default thresholds, and further windows from the first lost frame on."""
    return replace(LightSettings().lost, windows=windows, patience=0)


def test_track_and_follow_and_the_tracker_agree():
    video = SquareVideo(SquareVideoSettings(frames=6, max_displacement=4, seed=3))
    tracker = Tracker(IdealBoxMatcher())
    tracker.init(video[0], video.boxes[0])
    expected = [tracker.update(video[index]).tolist() for index in range(1, 6)]
    results = list(track(list(video), box=video.boxes[0], matcher=IdealBoxMatcher()))
    assert [result.boxes[0].tolist() for result in results[1:]] == expected
    assert tracker.score == results[-1].scores[0] > 0.99
    assert not tracker.lost


def test_a_view_states_the_part_of_the_frame_that_the_cells_cover():
    """Cell (0, 0) is centred at half a pixel of the search image, not half a stride."""
    state = Stepper(matcher := IdealBoxMatcher()).begin(chart(0), [16, 20, 8, 8])
    side = 16 * 255 / 127
    view = Stepper(matcher).view(state, chart(1))
    assert view.search.shape == (255, 255, 3)
    assert view.scores.shape == (16, 16)
    corner = np.array([20, 24]) + (0.5 - 8 - 127.5) * side / 255
    np.testing.assert_allclose(view.area, [*corner, *[256 * side / 255] * 2])
    scales = Stepper(IdealMatcher()).begin(chart(0), [16, 20, 8, 8])
    np.testing.assert_allclose(
        boxes.center(Stepper(IdealMatcher()).view(scales, chart(1)).area), [20, 24]
    )


class TestKinds:
    """Settings and states belong to one kind of network."""

    @pytest.mark.parametrize(
        ("matcher", "settings", "message"),
        [
            (IdealBoxMatcher(), SiamFCSettings(), "expected LightSettings .* got SiamFC"),
            (IdealMatcher(), LightSettings(), "expected SiamFCSettings .* got Light"),
        ],
    )
    def test_settings_of_the_other_kind_are_refused(self, matcher, settings, message):
        with pytest.raises(InputError, match=message):
            Tracker(matcher, settings)
        with pytest.raises(InputError, match=message):
            next(follow([], [0, 0, 9, 9], matcher, settings))

    def test_a_state_of_the_other_kind_is_refused(self):
        one, other = IdealMatcher(), IdealBoxMatcher()
        for first, second, settings in (
            (one, other, LightSettings()),
            (other, one, SiamFCSettings()),
        ):
            state = Stepper(first).begin(chart(0), [16, 20, 8, 8])
            with pytest.raises(InputError, match="state: expected one from a network that"):
                Stepper(second, settings).step(state, chart(1))

    def test_each_kind_has_its_own_defaults(self):
        assert Tracker(IdealMatcher()).settings == SiamFCSettings()
        assert Tracker(IdealBoxMatcher()).settings == LightSettings()
        assert isinstance(LightSettings().lost, LostSettings)

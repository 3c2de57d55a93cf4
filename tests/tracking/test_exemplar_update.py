"""Update of the exemplar from later frames."""

from dataclasses import replace

import numpy as np
import pytest

from fakes import IdealBoxMatcher, IdealMatcher
from siamfc import geometry
from siamfc.errors import InputError
from siamfc.network import load_matcher
from siamfc.tracking import SiamFCSettings, Stepper, Tracker, TrackerState, light
from siamfc.tracking.exemplar_update import (
    UpdateSettings,
    first_and_latest,
    first_and_recent,
    mix,
    moving_average,
    previous_frame,
    sure_average,
    update_rates,
)
from siamfc.tracking.redetection import LostSettings

BOX = [60, 50, 20, 20]


def image(k=0, *, grey=0):
    """Return a dark square on white, moved by (2, 1) per frame."""
    picture = np.full((120, 160, 3), 255, dtype=np.uint8)
    picture[50 + k : 70 + k, 60 + 2 * k : 80 + 2 * k] = grey
    return picture


class Watching(IdealMatcher):
    """Records what it embeds and the exemplars it searches with."""

    def __init__(self):
        super().__init__()
        self.embedded, self.searched = [], []

    def embed_exemplar(self, crops):
        self.embedded.append(crops)
        return super().embed_exemplar(crops)

    def respond(self, exemplars, searches):
        self.searched.append(np.array(exemplars))
        return super().respond(exemplars, searches)


def followed(pictures, update, *, lost=None):
    """Return the matcher, and the tracker's scores, after a video."""
    matcher = Watching()
    settings = SiamFCSettings(scales=1, update=update, lost=lost or LostSettings(lost_threshold=0))
    tracker = Tracker(matcher, settings)
    tracker.init(pictures[0], BOX)
    scores = []
    for picture in pictures[1:]:
        tracker.update(picture)
        scores.append(tracker.score)
    return matcher, scores


class TestSettings:
    def test_the_default_changes_nothing(self):
        assert not UpdateSettings().changes_exemplar
        assert not UpdateSettings(rate=0.5, first_weight=1).changes_exemplar
        recipes = (previous_frame, moving_average, sure_average, first_and_latest, first_and_recent)
        for recipe in recipes:
            assert recipe().changes_exemplar

    @pytest.mark.parametrize("name", ["rate", "lowest_score", "first_weight"])
    @pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), "0.5"])
    def test_a_wrong_value_is_named(self, name, value):
        with pytest.raises(InputError, match=rf"^{name}: expected a number from 0 to 1, got "):
            UpdateSettings(**{name: value})


def test_only_targets_with_a_high_score_that_are_not_lost_enter():
    settings = UpdateSettings(rate=0.2, lowest_score=0.6)
    scores, lost = np.array([0.6, 0.59, 0.9]), np.array([False, False, True])
    assert update_rates(scores, lost, *np.ones((2, 3), int), settings).tolist() == [0.2, 0, 0]


def test_targets_wait_between_frames_that_enter():
    settings = UpdateSettings(rate=0.2, every=20)
    waited = np.array([0, 19, 20, 21])
    rates = update_rates(np.ones(4), np.zeros(4, bool), waited, waited, settings)
    assert rates.tolist() == [0, 0, 0.2, 0.2]


class TestMix:
    def test_each_target_has_its_own_weight(self):
        generator = np.random.default_rng(0)
        first, second = generator.normal(size=(2, 3, 4, 6, 6)).astype(np.float32)
        mixed = mix(first, second, np.array([0, 1, 0.25]))
        assert mixed.dtype == np.float32
        np.testing.assert_array_equal(mixed[0], first[0])
        np.testing.assert_array_equal(mixed[1], second[1])
        np.testing.assert_allclose(mixed[2], 0.75 * first[2] + 0.25 * second[2], rtol=1e-6)

    @pytest.mark.parametrize("shares", [[0.3, 0.9], [0.3, 0.3]], ids=["own", "one for all"])
    def test_torch_gives_the_same(self, shares):
        torch = pytest.importorskip("torch")
        generator = np.random.default_rng(1)
        first, second = generator.normal(size=(2, 2, 4, 6, 6)).astype(np.float32)
        shares = np.array(shares)
        mixed = mix(torch.from_numpy(first), torch.from_numpy(second), shares)
        assert mixed.dtype == torch.float32
        np.testing.assert_allclose(mixed.numpy(), mix(first, second, shares), rtol=1e-6)

    def test_a_mix_of_embeddings_gives_the_mix_of_responses(self):
        """The response is linear in the exemplar, so that one correlation serves for both."""
        matcher = load_matcher("siamfc", device="cpu", threads=1)
        generator = np.random.default_rng(2)
        crops = generator.integers(0, 256, (2, 127, 127, 3), dtype=np.uint8)
        search = generator.integers(0, 256, (1, 1, 255, 255, 3), dtype=np.uint8)
        first, second = (matcher.embed_exemplar(crop[None]) for crop in crops)
        separate = [matcher.respond(one, search) for one in (first, second)]
        mixed = matcher.respond(mix(first, second, np.array([0.3])), search)
        expected = 0.7 * separate[0] + 0.3 * separate[1]
        assert np.ptp(separate[0] - separate[1]) > 0.1
        np.testing.assert_allclose(mixed, expected, atol=1e-3)


class TestFollowing:
    def test_without_update_nothing_is_embedded_after_the_first_frame(self):
        matcher, _ = followed([image(k) for k in range(4)], UpdateSettings())
        assert len(matcher.embedded) == 1
        assert len({float(exemplar[0]) for exemplar in matcher.searched}) == 1

    def test_the_previous_frame_is_the_exemplar(self):
        pictures = [image(k, grey=20 * k) for k in range(4)]
        matcher, _ = followed(pictures, previous_frame())
        embedded = [IdealMatcher().embed_exemplar(crops)[0] for crops in matcher.embedded]
        assert [exemplar[0] for exemplar in matcher.searched] == embedded[:3]
        assert embedded[0] > embedded[1] > embedded[2]

    def test_the_new_exemplar_is_cropped_at_the_new_box_as_the_first_was(self):
        matcher = Watching()
        settings = SiamFCSettings(update=previous_frame())
        state = Stepper(matcher, settings).step(Stepper(matcher).begin(image(), BOX), image(1))
        again = Stepper(Watching()).begin(image(1), state.targets.boxes)
        center, side = again.targets.exemplar_windows(matcher.spec)
        expected = geometry.crop(image(1), center[0], float(side[0]), 127, state.fill)
        difference = matcher.embedded[1][0].astype(int) - expected
        assert np.abs(difference).max() <= 1  # sides that differ in the last bit

    def test_a_moving_average_forgets_geometrically(self):
        matcher, _ = followed(
            [image(0, grey=g) for g in (0, 100, 100, 100)], UpdateSettings(rate=0.5)
        )
        dark, light = matcher.searched[0][0], IdealMatcher().embed_exemplar(matcher.embedded[1])[0]
        shares = [(exemplar[0] - light) / (dark - light) for exemplar in matcher.searched]
        np.testing.assert_allclose(shares, [1, 0.5, 0.25], atol=0.01)

    def test_the_first_frame_keeps_its_weight(self):
        update = UpdateSettings(rate=1.0, first_weight=0.25)
        matcher, _ = followed([image(0, grey=g) for g in (0, 100, 100)], update)
        dark, light = (IdealMatcher().embed_exemplar(c)[0] for c in matcher.embedded[:2])
        np.testing.assert_allclose(matcher.searched[1][0], 0.25 * dark + 0.75 * light, rtol=0.01)

    def test_a_restarted_average_excludes_the_first_frame(self):
        update = UpdateSettings(rate=0.5, restart_average=True)
        matcher, _ = followed([image(0, grey=g) for g in (0, 100, 100, 50, 50)], update)
        embedded = [IdealMatcher().embed_exemplar(crops)[0] for crops in matcher.embedded[:4]]
        dark, light, _, middle = embedded
        expected = [dark, light, light, (light + middle) / 2]
        np.testing.assert_allclose([one[0] for one in matcher.searched], expected, rtol=0.01)

    def test_a_fading_target_keeps_a_high_score(self):
        pictures = [image(k, grey=12 * k) for k in range(14)]
        _, fixed = followed(pictures, UpdateSettings())
        _, updated = followed(pictures, previous_frame())
        assert fixed[-1] < 0.5 < 0.9 < updated[-1]

    def test_frames_with_a_low_score_or_a_lost_target_do_not_enter(self):
        pictures = [image(0, grey=g) for g in (0, 0, 150, 150)]
        matcher, scores = followed(pictures, UpdateSettings(rate=1.0, lowest_score=0.9))
        assert scores[0] > 0.9 > scores[1]
        assert len(matcher.embedded) == 2
        doubtful = LostSettings(lost_threshold=0.9, found_threshold=0.9)
        matcher, _ = followed(pictures, previous_frame(), lost=doubtful)
        assert len(matcher.embedded) == 2

    def test_several_targets_are_updated_as_each_alone(self):
        def two(k):
            picture = np.full((120, 300, 3), 255, dtype=np.uint8)
            picture[50:70, 40:60] = 0 if k < 4 else 120
            picture[30:60, 220 - 2 * k : 250 - 2 * k] = 0
            return picture

        settings = SiamFCSettings(update=UpdateSettings(rate=0.5, lowest_score=0.95))
        both = [[40, 50, 20, 20], [220, 30, 30, 30]]
        matcher = IdealMatcher()
        together = Stepper(matcher).begin(two(0), both)
        alone = [Stepper(matcher).begin(two(0), box) for box in both]
        for k in range(1, 8):
            together = Stepper(matcher, settings).step(together, two(k))
            alone = [Stepper(matcher, settings).step(state, two(k)) for state in alone]
        assert together.targets.score[0] < 0.95 < together.targets.score[1]
        for n, state in enumerate(alone):
            assert together.targets.score[n] == state.targets.score[0]
            assert together.take([n]).average[0] == state.average[0]


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
def test_every_runtime_can_update_and_search_elsewhere(runtime):
    if runtime == "torch":
        pytest.importorskip("torch")
        from siamfc.network import load_checkpoint
        from siamfc.network.siamfc.torch_matcher import TorchSiamFCMatcher

        matcher = TorchSiamFCMatcher(load_checkpoint("siamfc"), device="cpu")
    else:
        matcher = load_matcher("siamfc", device="cpu", threads=1)
    settings = SiamFCSettings(
        scales=1,
        update=UpdateSettings(rate=0.5, first_weight=0.5),
        lost=LostSettings(lost_threshold=1, found_threshold=1, windows=2),
    )
    updating = SiamFCSettings(scales=1, update=settings.update)
    state = Stepper(matcher).begin(image(), [BOX, [100, 20, 20, 20]])
    lost = Stepper(matcher, settings).step(state, image(1))
    assert lost.targets.lost.all()
    np.testing.assert_array_equal(lost.waited, [1, 1])
    np.testing.assert_array_equal(np.asarray(lost.exemplars), np.asarray(state.exemplars))
    stepper = Stepper(matcher, updating)
    taken = stepper.step(stepper.step(state, image(1)), image(2))
    assert taken.waited.tolist() == [0, 2]  # the second was never sure
    assert taken.average.shape == taken.exemplars.shape == state.exemplars.shape
    assert (np.asarray(taken.exemplars) != np.asarray(state.exemplars)).any()
    assert np.isfinite(taken.targets.boxes).all()


class WatchedBoxes(IdealBoxMatcher):
    """Records the frames in which it embeds, and boxes' sizes; exemplars count the calls."""

    def __init__(self):
        super().__init__()
        self.frame, self.taken, self.searched = 0, [], []

    def embed_exemplar(self, crops, sizes):
        self.taken.append((self.frame, sizes[0].tolist()))
        return np.full((len(crops), 2), float(len(self.taken)))

    def locate(self, exemplars, searches):
        self.searched.append(exemplars[0, 0])
        return super().locate(exemplars, searches)


def test_a_network_that_predicts_boxes_uses_one_confident_frame_in_ten():
    matcher = WatchedBoxes()
    tracker = Tracker(matcher)
    tracker.init(image(), BOX)
    for matcher.frame in range(1, 30):
        hidden = 20 <= matcher.frame < 25
        picture = image(10 - abs(matcher.frame % 20 - 10))
        tracker.update(np.full_like(picture, 255) if hidden else picture)
        assert tracker.lost == hidden
    assert [frame for frame, _ in matcher.taken] == [0, 10, 25]
    np.testing.assert_allclose([size for _, size in matcher.taken], 63.5, rtol=0.02)
    average = 2, (2 + 3) / 2
    recent = [(1 + one) / 2 for one in average]
    searched = [1.0] * 10 + [recent[0]] * (15 + 5) + [recent[1]] * 4  # five times elsewhere, too
    assert matcher.searched == searched


def test_what_left_the_frame_is_searched_for_elsewhere_by_its_first_exemplar():
    """It moves to the right and out of the frame, and comes back at the left."""
    matcher = WatchedBoxes()
    stepper = Stepper(matcher)
    left_edges = [*range(60, 156, 6), 155, 200, 200, 6]
    states = []
    for matcher.frame, x in enumerate(left_edges):
        picture = np.full((120, 160, 3), 255, dtype=np.uint8)
        picture[50:70, x : x + 20] = 0
        before = len(matcher.searched)
        if not states:
            states.append(stepper.begin(picture, BOX))
            continue
        states.append(stepper.step(states[-1], picture))
        if states[-1].targets.left[0]:
            assert matcher.searched[before:] == [1.5, 1.0]
    assert [frame for frame, _ in matcher.taken] == [0, 10]
    assert any(state.targets.left[0] for state in states)
    last = states[-1]
    assert not last.targets.lost[0]
    np.testing.assert_allclose(last.targets.boxes[0], [6, 50, 20, 20], atol=10)
    assert last.exemplars.tolist() == last.average.tolist() == last.first.tolist()
    assert last.updates.tolist() == [0]


def test_the_search_view_uses_the_updated_exemplar():
    matcher = IdealMatcher()
    first = Stepper(matcher).begin(image(), BOX)
    lighter = image(1, grey=60)
    views = {}
    for name, update in (("first", UpdateSettings()), ("previous", previous_frame())):
        state = Stepper(matcher, SiamFCSettings(scales=1, update=update)).step(first, lighter)
        views[name] = Stepper(matcher).view(state, lighter).scores.max()
    assert views["first"] < 0.9 < views["previous"]


def test_a_target_that_the_border_cuts_is_not_updated_by_what_another_is():
    boxes = [[60.0, 50, 20, 20], [-10.0, 50, 20, 20]]
    first = np.zeros((2, 4), np.float32)
    fill = np.zeros(3, np.uint8)
    settings = UpdateSettings(rate=0.5, restart_average=True)
    state = TrackerState.begin(light.start(boxes, (160, 120)), first, fill)
    state = state.update(settings, lambda rows: np.ones((len(rows), 4), np.float32))
    assert state.updates.tolist() == [1, 0]
    inside = light.start([[60.0, 50, 20, 20]] * 2, (160, 120))
    state = replace(state, targets=inside)
    state = state.update(settings, lambda rows: np.full((len(rows), 4), 3, np.float32))
    assert state.updates.tolist() == [2, 1]
    np.testing.assert_array_equal(state.average[:, 0], [2, 3])  # the second starts with this frame
